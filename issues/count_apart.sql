-- Add to minutes, hours and people of fingerprints that the transaction holds: nobody else adds to theirs meanwhile.
--
-- %(minutes_0)s … %(minutes_6)s    organisation, key, minute of receipt, environment, release, level, events
-- %(people_0)s … %(people_3)s      organisation, key, person, day
-- {most_pairs}, {others}           pairs of environment and release that are kept apart of an hour; how the rest is called
-- {most_people}                    people that are told apart of a fingerprint
WITH
-- What was counted by the minute.
counted AS MATERIALIZED (
    SELECT *, date_trunc('hour', minute, 'UTC') AS hour
      FROM unnest(%(minutes_0)s::bigint[], %(minutes_1)s::bigint[], %(minutes_2)s::timestamptz[], %(minutes_3)s::text[],
                  %(minutes_4)s::text[], %(minutes_5)s::smallint[], %(minutes_6)s::bigint[])
        AS counted(organisation_id, key, minute, environment, release, level, events)
),
-- The pairs that each hour keeps apart already.
known AS MATERIALIZED (
    SELECT DISTINCT organisation_id, key, hour, environment, release
      FROM issues_hour
     WHERE (organisation_id, key, hour) IN (SELECT organisation_id, key, hour FROM counted)
),
-- Those that come with this, as far as there is room.
newcomer AS MATERIALIZED (
    SELECT organisation_id, key, hour, environment, release
      FROM (SELECT *, row_number() OVER (PARTITION BY organisation_id, key, hour ORDER BY environment, release) AS number
              FROM (SELECT organisation_id, key, hour, environment, release FROM counted EXCEPT SELECT * FROM known) AS one
           ) AS numbered
      LEFT JOIN (SELECT organisation_id, key, hour, count(*) AS pairs FROM known GROUP BY 1, 2, 3) AS of_hour
                USING (organisation_id, key, hour)
     WHERE number + coalesce(pairs, 0) <= {most_pairs}
),
-- What was counted, by the pairs that are kept apart.
bounded AS MATERIALIZED (
    SELECT counted.organisation_id, counted.key, counted.minute, counted.hour, level, events,
           CASE WHEN pair.key IS NULL THEN '{others}' ELSE counted.environment END AS environment,
           CASE WHEN pair.key IS NULL THEN '{others}' ELSE counted.release END AS release
      FROM counted
      LEFT JOIN (SELECT * FROM known UNION ALL SELECT * FROM newcomer) AS pair
             ON (pair.organisation_id, pair.key, pair.hour, pair.environment, pair.release)
              = (counted.organisation_id, counted.key, counted.hour, counted.environment, counted.release)
),
-- By minute of receipt.
in_minutes AS (
    INSERT INTO issues_minute AS kept (organisation_id, key, minute, environment, release, level, events)
    SELECT organisation_id, key, minute, environment, release, level, sum(events)
      FROM bounded GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (organisation_id, key, minute, environment, release, level) DO UPDATE
       SET events = kept.events + excluded.events
),
-- By hour of receipt.
in_hours AS (
    INSERT INTO issues_hour AS kept (organisation_id, key, hour, environment, release, level, events)
    SELECT organisation_id, key, hour, environment, release, level, sum(events)
      FROM bounded GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (organisation_id, key, hour, environment, release, level) DO UPDATE
       SET events = kept.events + excluded.events
),
-- Who met these errors, and whether that is new.
met AS MATERIALIZED (
    SELECT met.organisation_id, met.key, met.person, max(day) AS day, max(kept.last_day) AS last_day
      FROM unnest(%(people_0)s::bigint[], %(people_1)s::bigint[], %(people_2)s::bigint[], %(people_3)s::date[])
        AS met(organisation_id, key, person, day)
      LEFT JOIN issues_person AS kept USING (organisation_id, key, person)
     GROUP BY 1, 2, 3
),
-- Those that are told apart: who is known, and newcomers as far as there is room.
told AS MATERIALIZED (
    SELECT met.organisation_id, met.key, person, day, last_day
      FROM (SELECT *, row_number() OVER (PARTITION BY organisation_id, key, last_day IS NULL ORDER BY person) AS number
              FROM met) AS met
      JOIN issues_fingerprint AS kept USING (organisation_id, key)
     WHERE last_day < day OR last_day IS NULL AND kept.people + number <= {most_people}
),
-- Them.
written AS (
    INSERT INTO issues_person AS kept (organisation_id, key, person, last_day)
    SELECT organisation_id, key, person, day FROM told ORDER BY 1, 2, 3
        ON CONFLICT (organisation_id, key, person) DO UPDATE SET last_day = excluded.last_day
)
-- How many there are now.
UPDATE issues_fingerprint AS kept SET people = kept.people + newcomers
  FROM (SELECT organisation_id, key, count(*) AS newcomers FROM told WHERE last_day IS NULL GROUP BY 1, 2) AS grown
 WHERE kept.organisation_id = grown.organisation_id AND kept.key = grown.key
