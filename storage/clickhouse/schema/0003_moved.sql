-- Which run has brought an entry from PostgreSQL (`bin/luminalog move-store`); 0 where it was stored here at first.
ALTER TABLE {database}.entry {on_cluster} ADD COLUMN IF NOT EXISTS moved UInt32 DEFAULT 0 CODEC(ZSTD(1))
