-- Entries. A partition is a UTC day of receipt, so that clocks of clients never make parts in old ones. The key is unique
-- an entry: an exact copy, which the writer's tokens keep out, would be removed by a merge. Documents are the JSON that
-- came, '' where there is none. Nothing here depends on a server's own clock.
CREATE TABLE IF NOT EXISTS {database}.entry {on_cluster} (
    organisation_id UInt64 CODEC(Delta(8), ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UInt64 CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    level Enum8('debug' = 10, 'info' = 20, 'warn' = 30, 'error' = 40, 'fatal' = 50, 'panic' = 60) CODEC(ZSTD(1)),
    environment LowCardinality(String),
    project LowCardinality(String),
    trace_id Nullable(String) CODEC(ZSTD(1)),
    span_id Nullable(String) CODEC(ZSTD(1)),
    parent_span_id Nullable(String) CODEC(ZSTD(1)),
    privacy_mode Nullable(Bool),
    message String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    error String CODEC(ZSTD(1)),
    size_bytes UInt32 CODEC(ZSTD(1)),
    error_key Nullable(Int64) CODEC(ZSTD(1)),
    -- A part of a word, in any case.
    INDEX message_parts lowerUTF8(message) TYPE ngrambf_v1(3, 32768, 3, 0) GRANULARITY 1,
    INDEX metadata_parts lowerUTF8(metadata) TYPE ngrambf_v1(3, 32768, 3, 0) GRANULARITY 1,
    INDEX error_parts lowerUTF8(error) TYPE ngrambf_v1(3, 32768, 3, 0) GRANULARITY 1,
    -- A value of a document.
    INDEX metadata_tokens metadata TYPE text(tokenizer = splitByNonAlpha),
    INDEX error_tokens error TYPE text(tokenizer = splitByNonAlpha),
    -- Errors of a group, entries of a trace, one entry.
    INDEX error_key_values error_key TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_values trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX id_range id TYPE minmax GRANULARITY 1
) ENGINE = {engine}
PARTITION BY toDate(received_at)
ORDER BY (organisation_id, timestamp, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, {window}
