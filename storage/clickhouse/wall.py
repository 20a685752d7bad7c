"""The second wall in ClickHouse: the reader is a user of its own, to whom a row policy shows one organisation's rows.

Which one a setting of the query says; without it the reader sees none. See docs/clickhouse.md for the user's SQL.
"""

from storage.clickhouse.errors import writing
from storage.clickhouse.server import Server
from storage.wall import State

#: As whoever may look: whether a policy on the table holds the reader to the setting.
POLICY = """
SELECT count() FROM system.row_policies
 WHERE database = {database:String} AND table = 'entry' AND NOT is_restrictive
   AND select_filter LIKE {filter:String} AND (apply_to_all OR has(apply_to_list, {reader:String}))
"""
#: What the reader may do to the server, by itself.
GRANTS = "SHOW GRANTS FOR CURRENT_USER"
#: Whatever the setting, this asks for nobody's; a wall that stands shows none of all.
PROBE = "SELECT count() FROM (SELECT 1 FROM entry LIMIT 1)"


def state(writer: Server, reader: Server | None) -> State:
    """Tell how much of the wall stands. Raises: `Unavailable`."""
    if reader is None:
        return State.NO_ROLE
    with writing():
        database, user = reader.address.database, reader.address.user
        asked = {"database": database, "filter": f"%{reader.address.wall_setting}%", "reader": user}
        [(policies,)] = writer.rows(POLICY, asked)
        [(seen,)] = reader.rows(PROBE, settings={reader.address.wall_setting: ""})
        if not policies or seen:
            return State.NO_ROLE
        grants = [grant for (grant,) in reader.rows(GRANTS)]
    may_only_read = all(grant.startswith(f"GRANT SELECT ON {database}.entry TO ") for grant in grants)
    return State.STANDS if may_only_read else State.ROLE_MAY_TOO_MUCH
