-- Groups of an organisation that are like one of them, those that are most like it first.
--
-- %(group_id)s, %(organisation_id)s, %(type)s, %(text)s: title and culprit of the one; %(alike)s, %(limit)s
-- {similarity}    of title and culprit with that text, from 0 to 1: a piece of the module
-- Rows: number, title, culprit, state, whether it differs in words only, whether its type is the same, similarity, when
-- it was last seen.
WITH
-- What its fingerprints have in common with their siblings.
parents AS (
    SELECT DISTINCT parent_key FROM issues_visible_fingerprint
     WHERE organisation_id = %(organisation_id)s AND group_id = %(group_id)s AND parent_key IS NOT NULL
),
-- The groups of those.
siblings AS (
    SELECT DISTINCT group_id FROM issues_visible_fingerprint
     WHERE organisation_id = %(organisation_id)s AND parent_key IN (SELECT parent_key FROM parents)
),
-- All others, 10,000 at most.
looked_at AS (
    SELECT id, number, title, culprit, state, id IN (SELECT group_id FROM siblings) AS is_sibling,
           type = %(type)s AND type <> '' AS is_of_its_type, ({similarity})::float8 AS similarity
      FROM issues_visible_group
     WHERE organisation_id = %(organisation_id)s AND merged_into_id IS NULL AND NOT is_overflow AND id <> %(group_id)s
)
SELECT number, title, culprit, state, is_sibling, is_of_its_type, similarity,
       (SELECT max(last_received_at) FROM issues_visible_fingerprint WHERE group_id = looked_at.id)
  FROM looked_at
 WHERE is_sibling OR is_of_its_type OR similarity >= %(alike)s
 ORDER BY is_sibling DESC, similarity >= %(alike)s DESC, similarity DESC, number DESC LIMIT %(limit)s
