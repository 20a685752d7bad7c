-- Keep entries that were stored in PostgreSQL before, by their columns. Documents are read as texts, so that they stay as
-- they are.
--
-- {{deadline:UInt32}}  the time of ClickHouse's clock after which nothing of this may be stored any more
-- {{run:UInt32}}       the run that moves them
INSERT INTO entry
      (organisation_id, timestamp, id, received_at, level, environment, project, trace_id, span_id, parent_span_id,
       privacy_mode, message, metadata, error, size_bytes, error_key, edge, moved)
SELECT organisation_id, parseDateTime64BestEffort(timestamp, 6, 'UTC'), id, fromUnixTimestamp64Micro(received, 'UTC'),
       CAST(level, 'Enum8(''debug'' = 10, ''info'' = 20, ''warn'' = 30, ''error'' = 40, ''fatal'' = 50, ''panic'' = 60)'),
       environment, project, trace_id, span_id, parent_span_id, privacy_mode, message, metadata, error, size_bytes,
       error_key, edge, {{run:UInt32}}
  FROM input('organisation_id UInt64, timestamp String, id UInt64, received Int64, level Int8, environment String,
              project String, trace_id Nullable(String), span_id Nullable(String), parent_span_id Nullable(String),
              privacy_mode Nullable(Bool), message String, metadata String, error String, size_bytes UInt32,
              error_key Nullable(Int64), edge Nullable(String)')
 WHERE throwIf(now() > fromUnixTimestamp({{deadline:UInt32}})) = 0
FORMAT JSONEachRow
