-- Wake ignored groups: their time is over, or there were as many events, so many in so short a time, or so many people.
WITH
-- The ignored ones, and what they have had since.
ignored AS MATERIALIZED (
    SELECT ignored.id,
           CASE WHEN ignored_until <= now() THEN 'time'
                WHEN sums.events >= ignored_events THEN 'events'
                WHEN sums.people >= ignored_people THEN 'people'
                WHEN ignored_rate IS NOT NULL AND ignored_rate <= (
                     SELECT sum(counted.events)
                       FROM issues_fingerprint AS fingerprint JOIN issues_minute AS counted USING (organisation_id, key)
                      WHERE fingerprint.group_id = ignored.id AND counted.minute > state_at
                        AND counted.minute > now() - make_interval(mins => ignored_minutes)) THEN 'rate'
            END AS reason
      FROM issues_group AS ignored
     CROSS JOIN LATERAL (SELECT sum(events) AS events, sum(people) AS people
                           FROM issues_fingerprint WHERE group_id = ignored.id) AS sums
     WHERE state = 'ignored'
),
-- Those that are to be woken, in the order in which everybody takes groups.
held AS MATERIALIZED (
    SELECT id FROM issues_group
     WHERE id IN (SELECT id FROM ignored WHERE reason IS NOT NULL) AND state = 'ignored' ORDER BY id FOR NO KEY UPDATE
),
-- Them, unresolved.
woken AS (
    UPDATE issues_group AS ignored
       SET state = 'unresolved', state_at = now(), ignored_until = NULL, ignored_events = NULL, ignored_rate = NULL,
           ignored_minutes = NULL, ignored_people = NULL
      FROM held WHERE ignored.id = held.id
    RETURNING ignored.id, organisation_id
),
-- What happened to them.
told AS (
    INSERT INTO issues_turn (group_id, organisation_id, what, details)
    SELECT id, organisation_id, 'woken', jsonb_build_object('by', reason) FROM woken JOIN ignored USING (id) ORDER BY id
)
SELECT count(*) FROM woken
