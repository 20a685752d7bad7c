-- Claim a fair group of new batches. Organisations take turns: the oldest batch of each, then the second of each …
-- so that nobody's backlog delays others. Under the advisory lock two drains never claim the same batch.
--
-- %(first_slot)s, %(first_claim)s  where the oldest living rows of spool and claims lie; nothing below is touched
-- %(batches)s, %(bytes)s, %(entries)s   how large a group may be; one batch is always taken, however large
-- {most_hops}, {slot_seconds}      constants
-- {most_slots}                     for how many slots a batch is deferred at most
--
-- Returns one row: the claim's id and its batches, or NULLs without any; the first slot and the first claim that are
-- alive, from which the next claim is to begin; and whether there may be more than what was claimed.
WITH RECURSIVE
-- What other drains hold, or left behind when they died.
held AS MATERIALIZED (
    SELECT id, unnest(batch_ids) AS batch_id FROM ingest_drainclaim WHERE id >= %(first_claim)s
),
-- The slot of this moment.
present AS MATERIALIZED (
    SELECT floor(extract(epoch FROM now()))::bigint / {slot_seconds} AS slot
),
-- Up to which slot batches are due. Beyond this moment's lie those that are deferred. Whatever else a sweep finds there
-- is of a clock that was set back since: then nobody's time can be told, and all are due.
due AS MATERIALIZED (
    SELECT CASE WHEN %(first_slot)s = 0 AND EXISTS (
                     SELECT FROM ingest_spooledbatch
                      WHERE attempts = 0 AND slot > (SELECT slot FROM present)
                        AND (deferred_until IS NULL OR slot > (SELECT slot + {most_slots} FROM present)))
                THEN 9223372036854775807 ELSE (SELECT slot FROM present) END AS last_slot
),
-- Each organisation of each slot, oldest slot first: a hop over the index finds the next one, so that a thousand batches
-- of one organisation cost no more than one.
hop AS (
   (SELECT slot, organisation_id FROM ingest_spooledbatch
     WHERE attempts = 0 AND slot >= %(first_slot)s AND slot <= (SELECT last_slot FROM due)
     ORDER BY slot, organisation_id LIMIT 1)
     UNION ALL
    SELECT next.slot, next.organisation_id FROM hop, LATERAL (
           SELECT slot, organisation_id FROM ingest_spooledbatch AS spooled
            WHERE attempts = 0 AND (spooled.slot, spooled.organisation_id) > (hop.slot, hop.organisation_id)
              AND spooled.slot <= (SELECT last_slot FROM due)
            ORDER BY slot, organisation_id LIMIT 1) AS next
),
-- So many of them as one claim may look at.
queue AS MATERIALIZED (
    SELECT slot, organisation_id FROM hop LIMIT {most_hops}
),
-- How many batches of an organisation in a slot are worth a look: twice its fair part, for others may have fewer.
share AS MATERIALIZED (
    SELECT least(%(batches)s, greatest(1, 2 * %(batches)s / greatest(1, count(DISTINCT organisation_id)))) AS batches
      FROM queue
),
-- Those batches, numbered for each organisation from its oldest: its first turn, its second … Compared as rows, and in
-- the order of the one index that serves this: by equality and the number alone the table's key, too, would be in order,
-- and to a planner with statistics worth a walk over everybody's batches.
turn AS (
    SELECT batch.batch_id, batch.size_bytes, batch.entries,
           row_number() OVER (PARTITION BY queue.organisation_id ORDER BY queue.slot, batch.batch_id) AS turn
      FROM queue, LATERAL (
           SELECT batch_id, size_bytes, entries FROM ingest_spooledbatch AS spooled
            WHERE attempts = 0 AND (spooled.slot, spooled.organisation_id) >= (queue.slot, queue.organisation_id)
              AND (spooled.slot, spooled.organisation_id) <= (queue.slot, queue.organisation_id)
              AND batch_id NOT IN (SELECT batch_id FROM held)
            ORDER BY spooled.slot, spooled.organisation_id, batch_id LIMIT (SELECT batches FROM share)) AS batch
),
-- All first turns, then all second ones, until there are enough; and the bytes and entries up to and with each.
fair AS MATERIALIZED (
    SELECT batch_id, size_bytes, turn, sum(size_bytes) OVER (ORDER BY turn, batch_id) AS running_bytes,
           sum(entries) OVER (ORDER BY turn, batch_id) AS running_entries
      FROM turn ORDER BY turn, batch_id LIMIT %(batches)s
),
-- The claim, unless there is nothing to claim.
claim AS (
    INSERT INTO ingest_drainclaim (batch_ids)
    SELECT array_agg(batch_id) FROM fair
     WHERE running_bytes - size_bytes < %(bytes)s AND running_entries <= %(entries)s
    HAVING count(*) > 0
    RETURNING id, batch_ids
)
-- A slot is final some seconds after its end: the next claim begins no later than at the slot before this one.
SELECT claim.id, claim.batch_ids,
       least((SELECT min(slot) FROM queue), (SELECT slot - 1 FROM present)),
       coalesce((SELECT min(id) FROM held), claim.id, %(first_claim)s),
       (SELECT count(*) >= %(batches)s OR max(running_bytes) >= %(bytes)s OR max(running_entries) >= %(entries)s
               OR max(turn) >= (SELECT batches FROM share)
          FROM fair)
       OR (SELECT count(*) >= {most_hops} FROM queue)
  FROM (VALUES (true)) AS always LEFT JOIN claim ON true
