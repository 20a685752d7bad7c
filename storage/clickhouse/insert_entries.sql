-- Keep entries that come as canonical lines, each with what its line does not say before its first member: `ll_owner`,
-- `ll_id`, `ll_received` (microseconds), `ll_size`, `ll_key`, and the batch's environment, project and edge. Documents are read
-- as texts, so that they stay as they came.
--
-- {{deadline:UInt32}}  the time of ClickHouse's clock after which nothing of this may be stored any more
INSERT INTO entry
      (organisation_id, timestamp, id, received_at, level, environment, project, trace_id, span_id, parent_span_id,
       privacy_mode, message, metadata, error, size_bytes, error_key, edge)
SELECT ll_owner, parseDateTime64BestEffort(timestamp, 6, 'UTC'), ll_id, fromUnixTimestamp64Micro(ll_received, 'UTC'),
       level, coalesce(environment, ll_environment), coalesce(project_id, ll_project), trace_id, span_id, parent_span_id,
       privacy_mode, message, metadata, error, ll_size, ll_key,
       ll_edge
  FROM input('ll_owner UInt64, ll_id UInt64, ll_received Int64, ll_size UInt32, ll_key Nullable(Int64),
              ll_environment String, ll_project String, ll_edge Nullable(String), timestamp String,
              level Enum8(''debug'' = 10, ''info'' = 20, ''warn'' = 30, ''error'' = 40, ''fatal'' = 50, ''panic'' = 60),
              message String, environment Nullable(String), project_id Nullable(String), trace_id Nullable(String),
              span_id Nullable(String), parent_span_id Nullable(String), privacy_mode Nullable(Bool),
              metadata String, error String')
 WHERE throwIf(now() > fromUnixTimestamp({{deadline:UInt32}})) = 0
FORMAT JSONEachRow
