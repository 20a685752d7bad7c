-- Keep a group of batches, each whole, and charge their organisations, each once: one transaction, one flush.
--
-- %(batch_ids)s … %(payloads)s   the batches, a column each
-- {locks}                        FOR UPDATE, waiting for rows that others hold, or SKIP LOCKED
-- {columns}                      of the spool
--
-- Returns one row: the organisations whose batches were kept, and those whose quota has no room for all of theirs.
-- An organisation in neither was held by somebody else, or has no row yet this month: nothing of it was kept.
WITH
batch AS MATERIALIZED (
    SELECT * FROM unnest(%(batch_ids)s::bigint[], %(organisation_ids)s::bigint[], %(api_key_ids)s::bigint[],
                         %(projects)s::text[], %(environments)s::text[],
                         %(entries)s::int[], %(sizes_bytes)s::bigint[], %(payloads)s::bytea[])
        AS batch(batch_id, organisation_id, api_key_id, project, environment, entries, size_bytes, payload)
),
asked AS (
    SELECT organisation_id, sum(entries) AS entries, sum(size_bytes) AS size_bytes FROM batch GROUP BY organisation_id
),
-- Before anything is written, and in the same order by everybody: two groups never wait for each other crosswise.
held AS MATERIALIZED (
    SELECT organisation_id, period FROM quotas_monthlyusage
     WHERE organisation_id IN (SELECT organisation_id FROM batch)
       AND period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
     ORDER BY organisation_id
       {locks}
),
-- PostgreSQL reads the newest version of a row again before it is written (READ COMMITTED).
charge AS (
    UPDATE quotas_monthlyusage AS usage
       SET used_bytes = usage.used_bytes + asked.size_bytes, entries = usage.entries + asked.entries
      FROM held JOIN asked USING (organisation_id) JOIN quotas_limits AS limits USING (organisation_id)
     WHERE usage.organisation_id = held.organisation_id AND usage.period = held.period
       AND usage.used_bytes + asked.size_bytes <= limits.monthly_bytes
 RETURNING usage.organisation_id, usage.period
),
kept AS (
    INSERT INTO ingest_spooledbatch ({columns})
    SELECT batch.batch_id, batch.organisation_id, batch.api_key_id, batch.project, batch.environment, charge.period,
           1, batch.entries, batch.size_bytes, batch.payload
      FROM batch JOIN charge USING (organisation_id)
)
SELECT array_agg(organisation_id) FILTER (WHERE charge.organisation_id IS NOT NULL),
       array_agg(organisation_id) FILTER (WHERE charge.organisation_id IS NULL)
  FROM held LEFT JOIN charge USING (organisation_id)
