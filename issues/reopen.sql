-- Bring groups back that are resolved still, and count what is still seen of the others; in the order of groups.
--
-- %s …    the group, whether it comes back, with which release, how many events there were
WITH
-- What was seen of each group.
seen AS MATERIALIZED (
    SELECT * FROM unnest(%s::bigint[], %s::bool[], %s::text[], %s::bigint[]) AS seen(id, is_back, release, events)
),
-- Those that are resolved still.
held AS MATERIALIZED (
    SELECT id FROM issues_group WHERE id IN (SELECT id FROM seen) AND state = 'resolved' ORDER BY id FOR NO KEY UPDATE
),
-- Those that are not back.
older AS (
    UPDATE issues_group AS resolved SET older_events = older_events + events
      FROM held JOIN seen USING (id) WHERE resolved.id = held.id AND NOT is_back
),
-- Those that are.
back AS (
    UPDATE issues_group AS resolved
       SET state = 'unresolved', resolution = '', is_regressed = true, state_at = now()
      FROM held JOIN seen USING (id) WHERE resolved.id = held.id AND is_back
    RETURNING resolved.id, resolved.organisation_id, seen.release
)
INSERT INTO issues_turn (group_id, organisation_id, what, details)
SELECT id, organisation_id, 'regressed', jsonb_build_object('release', release) FROM back ORDER BY id
