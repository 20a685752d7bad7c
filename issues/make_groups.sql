-- Make fingerprints, each in a group that is known or in a new one, in the order of their keys. The transaction holds
-- the allowances of their organisations: nobody else makes groups of theirs, or takes their numbers.
--
-- %(organisation_ids)s … %(overflows)s     the fingerprints, a column each; parts of a basis are joined by U+001F
-- %(owners)s, %(rooms_made)s …             what becomes of the allowances
WITH
-- What is to be made.
asked AS MATERIALIZED (
    SELECT *
      FROM unnest(%(organisation_ids)s::bigint[], %(keys)s::bigint[], %(digests)s::bytea[], %(versions)s::text[],
                  %(projects)s::text[], %(parents)s::bigint[], %(bases)s::text[], %(group_ids)s::bigint[],
                  %(numbers)s::int[], %(types)s::text[], %(titles)s::text[], %(culprits)s::text[], %(overflows)s::bool[])
        AS asked(organisation_id, key, digest, version, project, parent_key, basis, group_id, number, type, title, culprit,
                 is_overflow)
),
-- The groups that are new.
made AS (
    INSERT INTO issues_group (organisation_id, number, project, type, title, culprit, is_overflow)
    SELECT organisation_id, number, project, type, title, culprit, is_overflow
      FROM asked WHERE group_id IS NULL ORDER BY organisation_id, number
    RETURNING id, organisation_id, number
),
-- Their first turns.
begun AS (
    INSERT INTO issues_turn (group_id, organisation_id, what) SELECT id, organisation_id, 'new' FROM made ORDER BY id
),
-- The fingerprints of either.
fingerprinted AS (
    INSERT INTO issues_fingerprint
          (organisation_id, key, digest, version, project, parent_key, basis, group_id, home_id)
    SELECT organisation_id, key, digest, version, asked.project, parent_key, string_to_array(basis, chr(31)), home, home
      FROM (SELECT asked.*, coalesce(asked.group_id, made.id) AS home
              FROM asked LEFT JOIN made USING (organisation_id, number)) AS asked
     ORDER BY organisation_id, key
)
-- What is left to the organisations.
UPDATE issues_allowance AS allowance SET made = room.made, alive = room.alive, last_number = room.last_number
  FROM unnest(%(owners)s::bigint[], %(rooms_made)s::int[], %(rooms_alive)s::int[], %(rooms_last_number)s::int[])
       AS room(organisation_id, made, alive, last_number)
 WHERE allowance.organisation_id = room.organisation_id
