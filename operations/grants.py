"""Database roles that may do what their process does, and no more: the SQL of `bin/luminalog database-roles`.

The web cannot delete or even read a stored entry except behind the wall, change a receipt, or alter a table; the worker
cannot see who may log in. Run by a superuser, or by an owner of the tables who may make roles; safe to run again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from psycopg import sql

from storage.wall import ENTRY_TABLE, OLD_ENTRY_TABLE
from storage.wall import ROLE as READER
from storage.wall import VIEWS as VIEWS_OF_READER

#: Tables whose days the worker makes and drops.
PARENTS = (ENTRY_TABLE, OLD_ENTRY_TABLE)
OWNER, WORKER, WEB = "luminalog_owner", "luminalog_worker", "luminalog_web"
LOGINS = (OWNER, WORKER, WEB)

READ, APPEND, WRITE = "SELECT", "SELECT, INSERT", "SELECT, INSERT, UPDATE"
ALL = f"{WRITE}, DELETE"
#: What the web may do with a table; `WRITE` where nothing is said.
OF_WEB = {
    **dict.fromkeys(PARENTS, ""),
    "assist_recording": "",
    # What people and keys change and delete; what the worker alone writes.
    "alerts_cursor": READ,
    "alerts_incident": ALL,
    "alerts_minute": ALL,
    "alerts_round": READ,
    "alerts_rule": ALL,
    "alerts_seen": ALL,
    "alerts_silence": ALL,
    "auditlog_logentry": APPEND,
    "auth_permission": READ,
    "django_admin_log": APPEND,
    "django_content_type": READ,
    "django_migrations": READ,
    "edges_edge_organisations": ALL,
    "edges_edgebatch": ALL,
    "explore_accessrecord": APPEND,
    "ingest_deadletter": APPEND,
    "ingest_drainclaim": READ,
    "ingest_spooledbatch": APPEND,
    "issues_allowance": WRITE,
    "issues_filtered": READ,
    "issues_hour": "",
    "issues_minute": "",
    "issues_person": READ,
    "issues_release": "",
    "quotas_notice": READ,
    "quotas_outcomefold": APPEND,
    "storage_archived_day": READ,
    "storage_archived_part": "",
    "storage_archiving": READ,
    "storage_droppedpartition": READ,
    "storage_erased": READ,
    "storage_drift": READ,
    "storage_field": READ,
    "storage_field_sample": "",
    "storage_leaving": "",
    "storage_loaded_part": READ,
    "storage_move": READ,
    "storage_event_minute": "",
    "storage_minute": "",
    "storage_receipt": READ,
    "storage_retention": READ,
    "storage_rollup_day": READ,
    "storage_unrolled_day": READ,
    # What staff may delete in the admin, with what goes along, and what a session leaves behind.
    "accounts_user_groups": ALL,
    "accounts_user_user_permissions": ALL,
    "auth_group": ALL,
    "auth_group_permissions": ALL,
    "axes_accessattempt": ALL,
    "axes_accessattemptexpiration": ALL,
    "axes_accessfailurelog": ALL,
    "axes_accesslog": ALL,
    "django_session": ALL,
    "explore_dashboard": ALL,
    "explore_savedsearch": ALL,
    "quotas_noticechannel": ALL,
    "quotas_noticedelivery": ALL,
    "privacy_rule": ALL,
    "quotas_plan": ALL,
}
#: Of the audit trail: not by whom, nor from where.
WHAT_CHANGED = "id, content_type_id, object_pk, object_repr, changes"
WHAT_STAFF_DID = "id, content_type_id, object_id, object_repr, change_message"
#: What the worker may do with a table outside its rooms.
OF_WORKER = {
    "accounts_apikey": "SELECT, UPDATE",
    "accounts_mirror": READ,
    "accounts_organisation": "SELECT, UPDATE (suspended_reason)",
    "accounts_project": READ,
    "auditlog_logentry": f"INSERT, SELECT ({WHAT_CHANGED}), UPDATE (object_repr, changes)",
    "axes_accessfailurelog": "DELETE, SELECT (attempt_time)",
    "axes_accesslog": "DELETE, SELECT (attempt_time)",
    "django_admin_log": f"SELECT ({WHAT_STAFF_DID}), UPDATE (object_repr, change_message)",
    "django_content_type": READ,
    "django_migrations": READ,
    "django_session": "DELETE, SELECT (expire_date)",
    # What erasing takes a value out of, and where it writes how far it is.
    "explore_accessrecord": "SELECT, UPDATE (query, subject)",
    "explore_dashboard": "SELECT, UPDATE (title, document, edition), DELETE",
    "explore_savedsearch": "SELECT, DELETE",
    "operations_erasure": "SELECT, UPDATE",
    "privacy_policy": READ,
    "privacy_rule": READ,
}
ROOMS_OF_WORKER = ("alerts_", "assist_", "edges_", "ingest_", "issues_", "notify_", "quotas_", "storage_")

#: Tables, partitions, views and free sequences of our schema, but for what belongs to extensions.
RELATIONS = r"""
SELECT relname, relkind::text, relispartition
  FROM pg_class
 WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'storage_entry'::regclass)
   AND relkind IN ('r', 'p', 'v', 'S')
   AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND classid = 'pg_class'::regclass
                      AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i')))
 ORDER BY relkind, relname
"""
#: `/metrics` counts connections and long transactions; who may not let it do so lets it count the web's own.
STATISTICS = f"""DO $$ BEGIN GRANT pg_read_all_stats TO {WEB};
EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING '/metrics will count the connections of {WEB} only'; END $$"""
PLACE = "SELECT current_database(), current_schema(), current_user"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """A table (`r`, `p`), view (`v`) or sequence (`S`)."""

    name: str
    kind: str
    is_partition: bool

    @property
    def owner(self) -> str:
        """The role that owns it: making, indexing and dropping partitions takes the owner of the parent."""
        return WORKER if self.name in PARENTS or self.is_partition else OWNER

    def of_web(self) -> str:
        """Return what the web may do with it."""
        if self.kind == "v":
            return READ
        return "" if self.is_partition else OF_WEB.get(self.name, WRITE)

    def of_worker(self) -> str:
        """Return what the worker may do with it."""
        if self.name.startswith(ROOMS_OF_WORKER):
            return READ if self.kind == "v" else ALL
        return OF_WORKER.get(self.name, "")


def statements() -> list[str]:
    """Return the SQL for the database that we are connected to."""
    with connection.cursor() as cursor:
        cursor.execute(PLACE)
        database, schema, user = cursor.fetchone()
        cursor.execute(RELATIONS)
        relations = [Relation(name=name, kind=kind, is_partition=part) for name, kind, part in cursor.fetchall()]
    return [*_roles(user), *_place(database, schema), *_ownership(relations), *_rights(relations, schema)]


def apply() -> None:
    """Run the SQL, all or nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements():
            cursor.execute(statement)


def _roles(user: str) -> Iterator[str]:
    for role in (READER, *LOGINS):
        login = "LOGIN" if role in LOGINS else "NOLOGIN"
        exists = f"EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        yield f"DO $$ BEGIN IF NOT {exists} THEN CREATE ROLE {role} {login}; END IF; END $$"
    yield f"GRANT {WORKER} TO {OWNER}"
    yield f"GRANT {READER} TO {', '.join(LOGINS)}"
    yield STATISTICS
    if user != OWNER:
        yield _sql("GRANT {owner} TO {user}", owner=OWNER, user=user)


def _place(database: str, schema: str) -> Iterator[str]:
    logins = ", ".join(LOGINS)
    yield _sql("REVOKE ALL ON DATABASE {database} FROM PUBLIC", database=database)
    yield _sql("GRANT CONNECT ON DATABASE {database} TO ", database=database) + logins
    yield _sql("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC", schema=schema)
    yield _sql("GRANT USAGE ON SCHEMA {schema} TO ", schema=schema) + f"{logins}, {READER}"
    yield _sql("GRANT CREATE ON SCHEMA {schema} TO ", schema=schema) + f"{OWNER}, {WORKER}"


def _ownership(relations: list[Relation]) -> Iterator[str]:
    kinds = {"v": "VIEW", "S": "SEQUENCE"}
    for one in relations:
        yield _sql(f"ALTER {kinds.get(one.kind, 'TABLE')} {{name}} OWNER TO {one.owner}", name=one.name)


def _rights(relations: list[Relation], schema: str) -> Iterator[str]:
    for role in (WEB, WORKER):
        yield _sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA {{schema}} FROM {role}", schema=schema)
        yield _sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {{schema}} TO {role}", schema=schema)
        # What a later migration makes, until this is run again.
        later = _sql(f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA {{schema}} GRANT ", schema=schema)
        yield f"{later} {WRITE} ON TABLES TO {role}"
        yield f"{later} USAGE ON SEQUENCES TO {role}"
    yield f"GRANT UPDATE ON SEQUENCE ingest_batch_id TO {WORKER}"  # beyond ids that were given out before
    for one in relations:
        if one.kind == "S":
            continue
        for role, rights in ((WEB, one.of_web()), (WORKER, ALL if one.owner == WORKER else one.of_worker())):
            if rights:
                yield _sql(f"GRANT {rights} ON {{name}} TO {role}", name=one.name)
        if one.name in VIEWS_OF_READER:
            yield _sql(f"GRANT SELECT ON {{name}} TO {READER}", name=one.name)


def _sql(template: str, **names: str) -> str:
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    return sql.SQL(template).format(**identifiers).as_string()
