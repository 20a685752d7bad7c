-- Environments and releases of a group in the order in which it was first seen in each, and the release before.
--
-- %(group_id)s, %(organisation_id)s, %(project)s; %(others)s    what is client-named beyond what is kept apart
-- Rows: kind (environment, release, before), name, when it was first seen in it, when a release was seen first at all,
-- events.
WITH
-- The keys of its events.
own AS (
    SELECT key FROM issues_visible_fingerprint
     WHERE organisation_id = %(organisation_id)s AND group_id = %(group_id)s
),
-- Where it was seen, to the hour.
hours AS (
    SELECT environment, release, min(hour) AS hour, sum(events)::bigint AS events
      FROM issues_visible_hour JOIN own USING (key)
     WHERE organisation_id = %(organisation_id)s GROUP BY 1, 2
),
-- To the minute, where minutes are still kept of that hour.
firsts AS (
    SELECT environment, release, events,
           coalesce((SELECT min(minute) FROM issues_visible_minute JOIN own USING (key)
                      WHERE organisation_id = %(organisation_id)s
                        AND minute >= hours.hour AND minute < hours.hour + interval '1 hour'
                        AND environment = hours.environment AND release = hours.release), hours.hour) AS at
      FROM hours
),
-- Of two in the same minute the newer release is named first: it is what has changed.
releases AS (
    SELECT name, at, first_seen, events
      FROM (SELECT release AS name, min(at) AS at, sum(events)::bigint AS events FROM firsts
             WHERE release NOT IN ('', %(others)s) GROUP BY 1) AS seen
      LEFT JOIN issues_visible_release AS known
        ON known.organisation_id = %(organisation_id)s AND known.project = %(project)s AND known.release = seen.name
     ORDER BY at, first_seen DESC NULLS LAST, name LIMIT 50
),
-- The same of environments, which have no age of their own.
environments AS (
    SELECT environment AS name, min(at) AS at, sum(events)::bigint AS events FROM firsts GROUP BY 1
     ORDER BY 2, 1 LIMIT 50
),
-- The newest release of the project that is older than the first one with it.
before AS (
    SELECT release AS name, first_seen
      FROM issues_visible_release
     WHERE organisation_id = %(organisation_id)s AND project = %(project)s
       AND first_seen < (SELECT first_seen FROM releases ORDER BY at, first_seen DESC NULLS LAST, name LIMIT 1)
       AND release <> %(others)s AND release NOT IN (SELECT release FROM firsts)
     ORDER BY first_seen DESC, release LIMIT 1
)
SELECT 'environment', name, at, NULL::timestamptz, events FROM environments
 UNION ALL
SELECT 'release', name, at, first_seen, events FROM releases
 UNION ALL
SELECT 'before', name, NULL, first_seen, 0 FROM before
 ORDER BY 1, 3, 4 DESC NULLS LAST, 2
