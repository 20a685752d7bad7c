"""Deadlocks as PostgreSQL counts them."""

from django.db import connection

from foundation.postgres import fetch_all


def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL has met in this database, by those that have hung up too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    [(count,)] = fetch_all("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(count)
