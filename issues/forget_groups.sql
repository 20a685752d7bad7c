-- Forget the fingerprints of groups that nobody has seen for long, and all that hangs on them.
--
-- %(ids)s        the groups
-- {kept_days}    what was received since is proven, and stays
WITH
-- In the order in which drains take them. One that was seen meanwhile is seen again.
held AS MATERIALIZED (
    SELECT organisation_id, key FROM issues_fingerprint
     WHERE group_id = ANY (%(ids)s)
       AND coalesce(last_received_at, created_at) < now() - make_interval(days => {kept_days})
     ORDER BY organisation_id, key FOR UPDATE
),
-- Their hours.
hours AS (
    DELETE FROM issues_hour AS gone USING held WHERE (gone.organisation_id, gone.key) = (held.organisation_id, held.key)
),
-- Their people.
people AS (
    DELETE FROM issues_person AS gone USING held WHERE (gone.organisation_id, gone.key) = (held.organisation_id, held.key)
),
-- Fingerprints elsewhere that were made with one of the groups have another home now.
moved AS (
    UPDATE issues_fingerprint SET home_id = group_id
     WHERE home_id = ANY (%(ids)s) AND group_id <> ALL (%(ids)s)
),
-- They themselves.
fingerprints AS (
    DELETE FROM issues_fingerprint AS gone USING held
     WHERE (gone.organisation_id, gone.key) = (held.organisation_id, held.key)
    RETURNING 1
)
SELECT count(*) FROM fingerprints
