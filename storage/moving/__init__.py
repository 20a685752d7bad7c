"""Entries on their way from PostgreSQL to ClickHouse, while the product runs: a day at a time, and found all along."""
