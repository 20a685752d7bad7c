"""A log store in ClickHouse: one shard, a server or its replicas. Receipts stay in PostgreSQL."""
