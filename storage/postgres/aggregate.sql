-- How many entries that are found begin in a step, and stand alike where groups are told apart, and where there is what is
-- measured: so far several processes share the work.
WITH seen AS (
    SELECT {step} AS step, {first} AS first, {second} AS second, {measured} AS measured, count(*) AS entries
      FROM {entries}
     WHERE {where}
     GROUP BY 1, 2, 3, 4),

-- Those, read.
legible AS (
    SELECT step, {first_read} AS first, {second_read} AS second, {measured_read} AS measured, entries
      FROM seen),

-- The same by single values: an entry with a list is in the group of each of its elements.
apart AS (
    SELECT step, first, {second_apart} AS second, measured, entries
      FROM (SELECT step, {first_apart} AS first, second, measured, entries FROM legible) AS of_first),
parts AS ({parts}),

-- The figure of each group.
figured AS ({of_groups}),

-- The groups with the largest.
largest AS (
    SELECT * FROM figured ORDER BY value DESC, first::text COLLATE "C", second::text COLLATE "C" LIMIT %s),

-- Those in order.
ranked AS (
    SELECT *, row_number() OVER (ORDER BY value DESC, first::text COLLATE "C", second::text COLLATE "C") AS rank
      FROM largest),

-- What there is of those, and of all others as one, whose label is 0.
labelled AS (
    SELECT coalesce(rank, 0) AS label, parts.* FROM parts LEFT JOIN ranked USING (first, second))

SELECT 'scanned' AS what, NULL::bigint AS label, NULL::timestamptz AS step, NULL::text AS first, NULL::text AS second,
       coalesce(sum(entries), 0)::numeric AS value
  FROM seen
 UNION ALL
SELECT 'groups', NULL, NULL, NULL, NULL, count(*) FROM figured
 UNION ALL
SELECT 'row', rank, NULL, first::text, second::text, value FROM ranked
 UNION ALL
SELECT 'others', label, NULL, NULL, NULL, value FROM ({of_labels}) AS labels WHERE label = 0
{points}
