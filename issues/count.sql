-- Add to fingerprints what was stored of them; return how many people they had, and the groups of those that are resolved.
--
-- %s …                     what was counted: organisation, key, events, level, first and last times of receipt and of the
--                          events, the first entry, and the newest ones, written as PostgreSQL's array
-- {most_samples}           how many of the newest entries are kept
WITH
-- What was counted.
counted AS MATERIALIZED (
    SELECT *
      FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::timestamptz[], %s::timestamptz[],
                  %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[])
        AS counted(organisation_id, key, events, level, first_received_at, last_received_at, first_at, last_at, first_sample,
                   samples)
),
-- All of them, in one order, before anything is written: nobody waits crosswise, and their groups stay theirs.
held AS MATERIALIZED (
    SELECT organisation_id, key, group_id
      FROM issues_fingerprint
     WHERE (organisation_id, key) IN (SELECT organisation_id, key FROM counted)
     ORDER BY organisation_id, key
       FOR NO KEY UPDATE
)
UPDATE issues_fingerprint AS kept
   SET events = kept.events + counted.events,
       level = greatest(kept.level, counted.level),
       first_received_at = least(kept.first_received_at, counted.first_received_at),
       last_received_at = greatest(kept.last_received_at, counted.last_received_at),
       first_at = least(kept.first_at, counted.first_at),
       last_at = greatest(kept.last_at, counted.last_at),
       first_sample = coalesce(kept.first_sample, counted.first_sample),
       samples = (counted.samples::bigint[] || kept.samples)[1:{most_samples}]
  FROM held JOIN counted USING (organisation_id, key)
 WHERE kept.organisation_id = held.organisation_id AND kept.key = held.key
RETURNING kept.organisation_id, kept.key, kept.people,
          (SELECT id FROM issues_group WHERE id = held.group_id AND state = 'resolved')
