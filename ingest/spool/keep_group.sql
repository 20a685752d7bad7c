-- Keep a group of batches, each whole, and charge their organisations, each once: one transaction, one flush.
--
-- %(batch_ids)s … %(deferred_ms)s  the batches, a column each
-- {hold}, {charge}                 the ledger's, waiting for rows that others hold, or not
-- {columns}, {deferred_until}      of the spool, and what its last one is of a batch
--
-- Returns one row: the organisations whose batches were kept, and those whose quota has no room for all of theirs.
-- An organisation in neither was held by somebody else, or has no row yet this month: nothing of it was kept.
WITH
-- What waits.
batch AS MATERIALIZED (
    SELECT * FROM unnest(%(batch_ids)s::bigint[], %(organisation_ids)s::bigint[], %(api_key_ids)s::bigint[],
                         %(projects)s::text[], %(environments)s::text[],
                         %(entries)s::int[], %(sizes_bytes)s::bigint[], %(payloads)s::bytea[], %(deferred_ms)s::int[])
        AS batch(batch_id, organisation_id, api_key_id, project, environment, entries, size_bytes, payload,
                 deferred_ms)
),
-- What that comes to.
asked AS (
    SELECT organisation_id, sum(entries) AS entries, sum(size_bytes) AS size_bytes FROM batch GROUP BY organisation_id
),
-- Those who can be charged now.
held AS MATERIALIZED (
    {hold}
),
-- Those who have room for it. PostgreSQL reads the newest version of a row again before it is written (READ COMMITTED).
charge AS (
    {charge}
),
-- Theirs, and nobody else's.
kept AS (
    INSERT INTO ingest_spooledbatch ({columns})
    SELECT batch.batch_id, batch.organisation_id, batch.api_key_id, batch.project, batch.environment, charge.period,
           1, batch.entries, batch.size_bytes, batch.payload, {deferred_until}
      FROM batch JOIN charge USING (organisation_id)
)
SELECT array_agg(organisation_id) FILTER (WHERE charge.organisation_id IS NOT NULL),
       array_agg(organisation_id) FILTER (WHERE charge.organisation_id IS NULL)
  FROM held LEFT JOIN charge USING (organisation_id)
