-- Entries by minute of receipt, for many who ask: whose question, value, minute since 1970, entries.
--
-- %s …        the questions, a column each, in the order of `Ask`
-- {others}    what is counted under no pair of its own: told as such to whoever asks for one
WITH
-- The questions.
asked AS MATERIALIZED (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::int[], %s::int[], %s::text[],
              %s::text[], %s::text[])
        AS asked(number, organisation_id, since, until, days, lowest, project, environment, by)
)
SELECT asked.number, counted.value, counted.minute, counted.entries
  FROM asked
 CROSS JOIN generate_series(0, asked.days) AS back(day)
 -- By the key of the table: an organisation's minutes lie together.
 CROSS JOIN LATERAL (
       SELECT CASE WHEN kept.project = '{others}' AND (asked.project, asked.environment, asked.by) <> ('', '', '')
                   THEN '{others}'
                   WHEN asked.by = 'project' THEN kept.project
                   WHEN asked.by = 'environment' THEN kept.environment
                   ELSE '' END AS value,
              extract(epoch FROM minute)::bigint / 60 AS minute, sum(entries)::bigint AS entries
         FROM storage_minute AS kept
        WHERE kept.organisation_id = asked.organisation_id
          AND kept.minute >= asked.since - make_interval(days => back.day)
          AND kept.minute < asked.until - make_interval(days => back.day)
          AND kept.level >= asked.lowest
          AND (asked.project IN ('', kept.project) OR kept.project = '{others}')
          AND (asked.environment IN ('', kept.environment) OR kept.environment = '{others}')
        GROUP BY 1, 2) AS counted
