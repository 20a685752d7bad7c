"""How a move of entries from PostgreSQL to another log store stands: `storage.moving` moves, operators ask this."""

#: Of who moves: one at a time, by a session's advisory lock.
TURN = "hashtext('storage.move_store')"
#: Days count whose tables have a page: what was deleted and not vacuumed yet is counted as left.
STANDING = f"""
SELECT (SELECT count(*) FROM storage_move WHERE NOT is_over) AS unfinished,
       (SELECT coalesce(extract(epoch FROM now() - max(ended_at)), -1) FROM storage_move)::float8 AS moved_seconds,
       EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND (classid::bigint << 32) + objid::bigint = {TURN}::bigint) AS is_running,
       (SELECT count(DISTINCT right(child.relname, 8))
          FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent IN ('storage_entry'::regclass, 'storage_logentry'::regclass)
           AND pg_relation_size(child.oid) > 0) AS left_days
"""  # noqa: S608 - constants
