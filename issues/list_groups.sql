-- The groups of an organisation with their sums, those with most or the newest first.
--
-- %(organisation_id)s, %(project)s, %(environment)s, %(release)s, %(likeness)s, %(numbers)s, %(since)s    NULL: any
-- [in state], [sort], [after]    a condition, a column, and the place where the page before ended: pieces of the module
WITH
-- What the fingerprints of each group add up to.
summed AS (
    SELECT group_id, sum(events)::bigint AS events, least(sum(people), 2147483647)::int AS people, max(level) AS level,
           min(first_received_at) AS first_received_at, max(last_received_at) AS last_received_at,
           min(first_at) AS first_at, max(last_at) AS last_at, count(*)::int AS fingerprints
      FROM issues_visible_fingerprint
     WHERE organisation_id = %(organisation_id)s AND events > 0
       AND (%(numbers)s::int[] IS NULL OR group_id IN (
            SELECT coalesce(merged_into_id, id) FROM issues_visible_group
             WHERE organisation_id = %(organisation_id)s AND number = ANY (%(numbers)s::int[])))
     GROUP BY 1
)
SELECT id, number, project, type, title, culprit, is_overflow, created_at, assignee_id, state, state_at, is_regressed,
       resolution, resolved_in, older_events, ignored_until, ignored_events, ignored_rate, ignored_minutes,
       ignored_people, events, people, level, first_received_at, last_received_at, first_at, last_at, fingerprints
  FROM issues_visible_group AS own JOIN summed ON summed.group_id = own.id
 WHERE organisation_id = %(organisation_id)s AND ([in state]) AND [after]
   AND (%(project)s::text IS NULL OR project = %(project)s)
   AND (%(since)s::timestamptz IS NULL OR last_received_at >= %(since)s)
   AND (%(likeness)s::text IS NULL OR title ILIKE %(likeness)s OR culprit ILIKE %(likeness)s)
   AND (coalesce(%(environment)s::text, %(release)s::text) IS NULL OR EXISTS (
        SELECT FROM issues_visible_fingerprint AS fingerprint
          JOIN issues_visible_hour AS hour USING (organisation_id, key)
         WHERE fingerprint.group_id = own.id
           AND (%(environment)s::text IS NULL OR environment = %(environment)s)
           AND (%(release)s::text IS NULL OR release = %(release)s)))
 ORDER BY [sort] DESC, number DESC LIMIT %(limit)s
