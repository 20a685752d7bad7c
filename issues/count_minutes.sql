-- Errors by minute of receipt, for many who ask: whose question, value, minute since 1970, errors.
--
-- %s …    the questions, a column each, in the order of `Ask`
WITH
-- The questions.
asked AS MATERIALIZED (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::int[], %s::int[], %s::text[],
              %s::text[], %s::text[], %s::text[])
        AS asked(number, organisation_id, since, until, days, lowest, project, environment, by, type)
)
SELECT asked.number, counted.value, counted.minute, counted.events
  FROM asked
 CROSS JOIN generate_series(0, asked.days) AS back(day)
 -- Fingerprints that were seen since, and of each its minutes, by the key of their table.
 CROSS JOIN LATERAL (
       SELECT CASE asked.by WHEN 'project' THEN own.project
                            WHEN 'environment' THEN kept.environment
                            WHEN 'group' THEN own.number::text
                            ELSE '' END AS value,
              extract(epoch FROM kept.minute)::bigint / 60 AS minute, sum(kept.events)::bigint AS events
         FROM issues_fingerprint AS fingerprint
         JOIN issues_group AS own ON own.id = fingerprint.group_id AND own.state NOT IN ('ignored', 'muted')
         JOIN issues_minute AS kept
           ON kept.organisation_id = fingerprint.organisation_id AND kept.key = fingerprint.key
          AND kept.minute >= asked.since - make_interval(days => back.day)
          AND kept.minute < asked.until - make_interval(days => back.day)
        WHERE fingerprint.organisation_id = asked.organisation_id
          AND fingerprint.last_received_at >= asked.since - make_interval(days => back.day)
          AND kept.level >= asked.lowest
          AND asked.project IN ('', own.project)
          AND asked.environment IN ('', kept.environment)
          AND CASE WHEN asked.type LIKE '%%*' THEN starts_with(own.type, left(asked.type, -1))
                   ELSE asked.type IN ('', own.type) END
        GROUP BY 1, 2) AS counted
