-- Note when releases were seen first, within limits: those of a project, and of an organisation.
--
-- %s …                              organisation, project, release, time of receipt
-- {most_releases}, {most_in_all}    how many are kept
WITH
-- What was seen, and is not noted yet.
seen AS MATERIALIZED (
    SELECT organisation_id, project, release, seen.first_seen
      FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[])
        AS seen(organisation_id, project, release, first_seen)
      LEFT JOIN issues_release AS kept USING (organisation_id, project, release)
     WHERE kept.release IS NULL
)
INSERT INTO issues_release (organisation_id, project, release, first_seen)
SELECT organisation_id, project, release, first_seen
  FROM seen
 WHERE (SELECT count(*) FROM (SELECT FROM issues_release AS kept
                               WHERE kept.organisation_id = seen.organisation_id AND kept.project = seen.project
                               LIMIT {most_releases}) AS few) < {most_releases}
   AND (SELECT count(*) FROM (SELECT FROM issues_release AS kept
                               WHERE kept.organisation_id = seen.organisation_id LIMIT {most_in_all}) AS few) < {most_in_all}
 ORDER BY 1, 2, 3
    ON CONFLICT (organisation_id, project, release) DO NOTHING
