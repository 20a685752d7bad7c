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
),
-- How many are kept of each project.
of_project AS MATERIALIZED (
    SELECT organisation_id, project, (
           SELECT count(*) FROM (SELECT FROM issues_release AS kept
                                  WHERE kept.organisation_id = one.organisation_id AND kept.project = one.project
                                  LIMIT {most_releases}) AS few) AS kept
      FROM (SELECT DISTINCT organisation_id, project FROM seen) AS one
),
-- How many are kept of each organisation.
of_organisation AS MATERIALIZED (
    SELECT organisation_id, (
           SELECT count(*) FROM (SELECT FROM issues_release AS kept
                                  WHERE kept.organisation_id = one.organisation_id LIMIT {most_in_all}) AS few) AS kept
      FROM (SELECT DISTINCT organisation_id FROM seen) AS one
),
-- The first ones for which their project has room.
fits AS MATERIALIZED (
    SELECT organisation_id, project, release, first_seen,
           row_number() OVER (PARTITION BY organisation_id ORDER BY first_seen, project, release) AS number
      FROM (SELECT *, row_number() OVER (PARTITION BY organisation_id, project ORDER BY first_seen, release) AS number
              FROM seen) AS seen
      JOIN of_project USING (organisation_id, project)
     WHERE kept + number <= {most_releases}
)
INSERT INTO issues_release (organisation_id, project, release, first_seen)
SELECT organisation_id, project, release, first_seen
  FROM fits JOIN of_organisation USING (organisation_id)
 WHERE kept + number <= {most_in_all}
 ORDER BY 1, 2, 3
    ON CONFLICT (organisation_id, project, release) DO NOTHING
