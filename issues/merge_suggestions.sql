-- Groups of a project that are like one of its: they differ from it in words only, or are of its type.
--
-- %(organisation_id)s, %(group_id)s, %(project)s    the group
-- %(type)s, %(is_telling)s, %(culprit)s             its type, whether that says more than that something failed, and where it was
-- %(limit)s                                         how many are wanted, the most alike first
WITH
-- What the group's fingerprints have in common with those that differ in words.
parents AS MATERIALIZED (
    SELECT DISTINCT parent_key FROM issues_visible_fingerprint
     WHERE organisation_id = %(organisation_id)s AND group_id = %(group_id)s AND parent_key IS NOT NULL
),
-- The groups of those.
siblings AS MATERIALIZED (
    SELECT DISTINCT group_id FROM issues_visible_fingerprint
     WHERE organisation_id = %(organisation_id)s AND parent_key IN (SELECT parent_key FROM parents)
)
SELECT number
  FROM issues_visible_group
 WHERE organisation_id = %(organisation_id)s AND project = %(project)s AND id <> %(group_id)s
   AND merged_into_id IS NULL AND NOT is_overflow
   AND (id IN (SELECT group_id FROM siblings)
        OR type <> '' AND type = %(type)s AND (%(is_telling)s OR culprit <> '' AND culprit = %(culprit)s))
 ORDER BY id IN (SELECT group_id FROM siblings) DESC, culprit = %(culprit)s DESC, number DESC LIMIT %(limit)s
