-- The two users of LuminaLog, and the wall between organisations. Run as an administrator before
-- `bin/luminalog migrate-store`, on each replica, with passwords of yours. docs/clickhouse.md says why.

-- Writes, and makes the table. STORE_URL.
CREATE USER IF NOT EXISTS writer IDENTIFIED BY 'change me';
GRANT CREATE DATABASE, CREATE TABLE, SELECT, INSERT, ALTER, DROP TABLE ON luminalog.* TO writer;
GRANT SELECT ON system.* TO writer;
GRANT KILL QUERY ON *.* TO writer;
GRANT SYSTEM SYNC REPLICA ON luminalog.* TO writer;
GRANT CLUSTER ON *.* TO writer;
GRANT TABLE ENGINE ON * TO writer;
-- For `bin/luminalog backup --store-to`, and to restore.
GRANT BACKUP ON luminalog.* TO writer;
GRANT READ, WRITE ON DISK TO writer;

-- Reads entries, and nothing else. STORE_READ_URL. No limit may be 0, which would be none.
CREATE SETTINGS PROFILE IF NOT EXISTS luminalog_reader SETTINGS
    readonly = 2,
    max_execution_time = 15 MIN 0.05 MAX 60,
    max_memory_usage = 2000000000 MIN 1 MAX 2000000000,
    max_rows_to_read = 2000000000 MIN 1 MAX 2000000000,
    max_bytes_to_read = 200000000000 MIN 1 MAX 200000000000,
    max_threads = 4 MIN 1 MAX 4,
    max_concurrent_queries_for_user = 64 MIN 1 MAX 64,
    SQL_luminalog_organisation = '',
    cancel_http_readonly_queries_on_client_close = 1;
CREATE USER IF NOT EXISTS reader IDENTIFIED BY 'change me, too' SETTINGS PROFILE 'luminalog_reader';
GRANT SELECT ON luminalog.entry TO reader;

-- The reader sees the entries of the organisation that a query's setting names; without one, none. Others see all.
CREATE ROW POLICY IF NOT EXISTS one_organisation ON luminalog.entry
    USING organisation_id = toUInt64OrZero(getSetting('SQL_luminalog_organisation')) TO reader;
CREATE ROW POLICY IF NOT EXISTS everybody_else ON luminalog.entry USING 1 TO ALL EXCEPT reader;
