-- Add what was stored to the rollups of days that the transaction holds: nobody else changes them meanwhile.
--
-- %(organisation_ids)s … %(entries)s    what was stored, counted by all that it is counted by, a column each;
--                                       negative where entries were taken back
-- {most_pairs}, {most_event_minutes}    how much is kept apart of an organisation's day
-- {others}                              the name of what is not
WITH
-- What was stored, with its day of receipt.
counted AS MATERIALIZED (
    SELECT *, (received AT TIME ZONE 'UTC')::date AS day
      FROM unnest(%(organisation_ids)s::bigint[], %(received)s::timestamptz[], %(minutes)s::timestamptz[],
                  %(levels)s::smallint[], %(projects)s::text[], %(environments)s::text[], %(entries)s::bigint[])
        AS counted(organisation_id, received, minute, level, project, environment, entries)
),
-- The days that this is about.
held AS MATERIALIZED (
    SELECT * FROM storage_rollup_day WHERE (organisation_id, day) IN (SELECT organisation_id, day FROM counted)
),
-- The pairs of project and environment that each day keeps apart already.
known AS MATERIALIZED (
    SELECT organisation_id, day, pair.project, pair.environment
      FROM held, unnest(projects, environments) AS pair(project, environment)
),
-- Those that come with this, as far as there is room for them.
newcomer AS MATERIALIZED (
    SELECT organisation_id, day, project, environment
      FROM (SELECT organisation_id, day, project, environment, cardinality(held.projects) + row_number() OVER (
                       PARTITION BY organisation_id, day ORDER BY project, environment) AS number
              FROM (SELECT organisation_id, day, project, environment FROM counted EXCEPT SELECT * FROM known) AS one
              JOIN held USING (organisation_id, day)) AS numbered
     WHERE number <= {most_pairs}
),
-- All that are kept apart now.
pair AS (
    SELECT * FROM known UNION ALL SELECT * FROM newcomer
),
-- By minute of receipt.
received AS (
    INSERT INTO storage_minute AS kept (organisation_id, minute, project, environment, level, entries)
    SELECT organisation_id, counted.received, coalesce(pair.project, '{others}'), coalesce(pair.environment, '{others}'),
           level, sum(entries)
      FROM counted LEFT JOIN pair USING (organisation_id, day, project, environment)
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (organisation_id, minute, project, environment, level) DO UPDATE
       SET entries = kept.entries + excluded.entries
),
-- By minute of the event, where the day still has all of them.
happened AS MATERIALIZED (
    SELECT organisation_id, day, minute, level, sum(entries)::bigint AS entries
      FROM counted JOIN held USING (organisation_id, day)
     WHERE event_minutes IS NOT NULL
     GROUP BY 1, 2, 3, 4
),
-- The days that have room for that. Which minutes are new is looked up only where it matters.
roomy AS MATERIALIZED (
    SELECT organisation_id, day
      FROM held JOIN (SELECT organisation_id, day, count(*) AS minutes FROM happened GROUP BY 1, 2) AS asked
           USING (organisation_id, day)
     WHERE held.event_minutes + asked.minutes <= {most_event_minutes}
        OR held.event_minutes + (
           SELECT count(*) FROM happened AS one
            WHERE one.organisation_id = held.organisation_id AND one.day = held.day
              AND NOT EXISTS (SELECT FROM storage_event_minute AS kept
                               WHERE kept.organisation_id = one.organisation_id AND kept.minute = one.minute
                                 AND kept.day = one.day AND kept.level = one.level)) <= {most_event_minutes}
),
-- Theirs.
written AS (
    INSERT INTO storage_event_minute AS kept (organisation_id, day, minute, level, entries)
    SELECT organisation_id, day, minute, level, entries
      FROM happened JOIN roomy USING (organisation_id, day) ORDER BY 1, 3, 2, 4
        ON CONFLICT (organisation_id, minute, day, level) DO UPDATE SET entries = kept.entries + excluded.entries
    RETURNING organisation_id, day, xmax = 0 AS is_new
),
-- How many minutes of each day are new.
grown AS (
    SELECT organisation_id, day, count(*) AS minutes FROM written WHERE is_new GROUP BY 1, 2
),
-- How many pairs.
widened AS (
    SELECT organisation_id, day, array_agg(project ORDER BY project, environment) AS projects,
           array_agg(environment ORDER BY project, environment) AS environments
      FROM newcomer GROUP BY 1, 2
)
-- What the days keep now, where that has changed. A day without room has no minutes of events any more.
UPDATE storage_rollup_day AS rolled
   SET projects = rolled.projects || coalesce(widened.projects, '{{}}'),
       environments = rolled.environments || coalesce(widened.environments, '{{}}'),
       event_minutes = CASE WHEN roomy.day IS NOT NULL THEN held.event_minutes + coalesce(grown.minutes, 0) END
  FROM held
  LEFT JOIN roomy USING (organisation_id, day)
  LEFT JOIN grown USING (organisation_id, day)
  LEFT JOIN widened USING (organisation_id, day)
 WHERE rolled.organisation_id = held.organisation_id AND rolled.day = held.day
   AND (widened.projects IS NOT NULL OR grown.minutes > 0 OR roomy.day IS NULL AND held.event_minutes IS NOT NULL)
