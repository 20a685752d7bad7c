"""A table of entries whose documents are the canonical text that they came as.

Nothing is rewritten: days from before stay in `storage_logentry`, and are read from there until no plan keeps them any
more. Workers of the version before, which write `jsonb`, go on writing there while they run.
"""

from django.db import migrations, models

# Partitioned by UTC day of received_at; partitions are made by storage/postgres/partitions.py. Columns of a fixed width
# come first, the widest of them ahead: nothing is lost between them.
ENTRY = """
CREATE TABLE storage_entry (
    id bigint NOT NULL,
    organisation_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    timestamp timestamptz NOT NULL,
    size_bytes integer NOT NULL,
    level smallint NOT NULL,
    privacy_mode boolean,
    error_key bigint,  -- the fingerprint that an error was counted for
    environment text NOT NULL,
    project text NOT NULL,
    trace_id text,
    span_id text,
    parent_span_id text,
    edge text,  -- that took it, unless it came here
    message text NOT NULL,
    metadata text,  -- compact JSON, as are errors
    error text,
    PRIMARY KEY (id, received_at),  -- one entry by its id; the tail's reading of a batch
    CONSTRAINT documents_are_objects CHECK (starts_with(metadata, '{') AND starts_with(error, '{')),
    -- The index of metadata lets nothing in that a search could not read; errors have none.
    CONSTRAINT error_is_readable CHECK (error::jsonb IS NOT NULL OR error IS NULL)
) PARTITION BY RANGE (received_at);

-- The newest entries of an organisation, and every search bound in time. Ascending, because entries arrive in the order
-- of time: a page that fills up at its right edge is split there and stays full. Read backwards it gives the newest first.
CREATE INDEX storage_entry_newest ON storage_entry (organisation_id, timestamp);
-- `key:value` in metadata.
CREATE INDEX storage_entry_metadata ON storage_entry USING gin ((metadata::jsonb) jsonb_path_ops);
-- A trace.
CREATE INDEX storage_entry_trace ON storage_entry (organisation_id, trace_id) WHERE trace_id IS NOT NULL;

-- Large documents are compressed faster where PostgreSQL was built with lz4.
DO $$
BEGIN
    ALTER TABLE storage_entry ALTER message SET COMPRESSION lz4, ALTER metadata SET COMPRESSION lz4,
                              ALTER error SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END
$$;
"""

# Who may do what with the table of before may do it with its successor, and nobody else.
RIGHTS = """
DO $$
DECLARE
    before pg_class := (SELECT pg_class FROM pg_class WHERE oid = 'storage_logentry'::regclass);
    granted record;
BEGIN
    EXECUTE format('ALTER TABLE storage_entry OWNER TO %s', before.relowner::regrole::text);
    FOR granted IN
        SELECT DISTINCT grantee::regrole::text AS role FROM pg_class, aclexplode(relacl)
         WHERE pg_class.oid = 'storage_entry'::regclass AND grantee <> relowner AND grantee <> 0
    LOOP
        EXECUTE format('REVOKE ALL ON storage_entry FROM %s', granted.role);
    END LOOP;
    FOR granted IN
        SELECT grantee::regrole::text AS role, privilege_type AS privilege FROM aclexplode(before.relacl)
         WHERE grantee <> before.relowner AND grantee <> 0
    LOOP
        EXECUTE format('GRANT %s ON storage_entry TO %s', granted.privilege, granted.role);
    END LOOP;
END
$$;
ALTER TABLE storage_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_organisation ON storage_entry FOR SELECT
 USING (organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint);
"""

# What an entry is asked where no index decides. Functions, because PostgreSQL uses one process for a query with a
# subquery of each row's (manual, 15.4); they look at nothing but what they are given.
FUNCTIONS = """
-- Whether a text, true or false anywhere in the document is like that, in any case.
CREATE FUNCTION storage_shows(document jsonb, likeness text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 5
RETURN EXISTS (
    SELECT FROM jsonb_path_query(document, 'strict $.** ? (@.type() == "string" || @.type() == "boolean")') AS shown(value)
     WHERE value #>> '{}' ILIKE likeness);

-- Whether a text, a number, true or false at one of the paths is like that, in any case or as it is written.
CREATE FUNCTION storage_resembles(document jsonb, paths jsonpath[], likeness text, ignores_case boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 5
RETURN EXISTS (
    SELECT FROM unnest(paths) AS path, jsonb_path_query(document, path) AS found(value)
     WHERE jsonb_typeof(found.value) IN ('string', 'number', 'boolean')
       AND CASE WHEN ignores_case THEN found.value #>> '{}' ILIKE likeness ELSE found.value #>> '{}' LIKE likeness END);
"""

# What callers read: see storage/wall.py. Both tables as one: what is asked of a column is asked of either table's own
# expression, which is what its indexes are of. `metadata_value` and `error_value` are for conditions, `words` is the
# small letters of all that words are looked for in, and more (keys): it narrows, and never decides. Web processes of the
# version before read on from `storage_visible_entry`, which goes with its table.
VIEW = """
CREATE VIEW storage_shown_entry AS
SELECT * FROM (
    SELECT id, organisation_id, received_at, timestamp, level, environment, project, trace_id, span_id, parent_span_id,
           privacy_mode, message, metadata, error, size_bytes, error_key, edge,
           metadata::jsonb AS metadata_value, error::jsonb AS error_value,
           lower(message || coalesce(metadata, '') || coalesce(error, '')) AS words
      FROM storage_entry
     UNION ALL
    SELECT id, organisation_id, received_at, timestamp, level, environment, project, trace_id, span_id, parent_span_id,
           privacy_mode, message, metadata::text, error::text, size_bytes, NULL::bigint, NULL::text,
           metadata, error,
           lower(message || coalesce(metadata::text, '') || coalesce(error::text, ''))
      FROM storage_logentry
) AS entry
 WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;

DO $$
BEGIN
    GRANT SELECT ON storage_shown_entry TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("storage", "0003_receipts_by_day")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ENTRY + RIGHTS + FUNCTIONS + VIEW)],
            state_operations=[
                migrations.AlterModelTable("LogEntry", "storage_entry"),
                migrations.AddField("LogEntry", "error_key", models.BigIntegerField(null=True)),
                migrations.AddField("LogEntry", "edge", models.TextField(null=True)),
            ],
        ),
    ]
