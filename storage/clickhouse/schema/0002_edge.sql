-- Which edge took an entry, by its name; NULL where it came here, as all of before have.
ALTER TABLE {database}.entry {on_cluster} ADD COLUMN IF NOT EXISTS edge LowCardinality(Nullable(String))
