"""The log store in PostgreSQL: daily partitions in the database of `DATABASE_URL`. Entered by `storage.store` only."""
