-- Which notices errors call for now, given already or not: organisation, kind, day (UTC).
--
-- {spike_events}, {spike_times}    events of a group's hour, and that as a multiple of its median hour
-- {hours}, {half}                  hours of which the median is taken, and half of them
WITH
-- The groups that had so many events in this hour, or in the one before.
many AS MATERIALIZED (
    SELECT organisation_id, group_id, hour, sum(counted.events) AS events
      FROM issues_hour AS counted JOIN issues_fingerprint USING (organisation_id, key)
     WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '1 hour'
     GROUP BY 1, 2, 3 HAVING sum(counted.events) >= {spike_events}
)
-- Ten times as many as usual, in a group that nobody has muted. An hour without events counts as any other.
SELECT DISTINCT many.organisation_id, 'spike', (now() AT TIME ZONE 'UTC')::date
  FROM many JOIN issues_group AS own ON own.id = many.group_id AND own.state <> 'muted'
 WHERE events >= {spike_times} * coalesce((
       SELECT sum(counted.events)
         FROM issues_hour AS counted JOIN issues_fingerprint USING (organisation_id, key)
        WHERE group_id = many.group_id AND counted.hour < many.hour
          AND counted.hour >= many.hour - make_interval(hours => {hours})
        GROUP BY counted.hour ORDER BY 1 DESC OFFSET {half} LIMIT 1), 0)
 UNION ALL
-- There was no room for groups of their own.
SELECT DISTINCT own.organisation_id, 'no_group', (now() AT TIME ZONE 'UTC')::date
  FROM issues_group AS own JOIN issues_fingerprint ON group_id = own.id
 WHERE is_overflow AND last_received_at >= date_trunc('day', now(), 'UTC')
