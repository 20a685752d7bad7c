"""ClickHouse out of the `chdb-core` wheel, for development and tests: on loopback, with a writer and a reader.

The wheel holds a whole server behind a private entry point (`embedded.clickhouse_server`), so its version is pinned. It
knows no custom settings: the wall between organisations is carried by `log_comment`, and users come from a file.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from embedded.files import write_private
from embedded.processes import StartError, free_port, has_ended, start, stop

START_SECONDS = 60
DATABASE = "luminalog"
#: Names the setting that says to the row policy whose entries a query may see.
WALL_SETTING = "log_comment"
CONFIGURATION = """<clickhouse>
  <logger><level>error</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{port}</http_port>
  <users_config>{folder}/users.xml</users_config>
  <path>{folder}/data/</path>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
  <backups><allowed_path>{folder}/backups/</allowed_path></backups>
  <background_pool_size>2</background_pool_size>
  <merge_tree><number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
  <query_log><database>system</database><table>query_log</table><partition_by>toDate(event_date)</partition_by>
    <ttl>event_date + INTERVAL 1 DAY DELETE</ttl></query_log>
</clickhouse>
"""
#: No limit may be 0, which would be none. The engine itself is a user without a password, who may open and close the
#: door, and see nothing.
USERS = """<clickhouse>
  <profiles>
    <default/>
    <reader><readonly>2</readonly><max_execution_time>15</max_execution_time><max_memory_usage>2000000000</max_memory_usage>
      <max_rows_to_read>2000000000</max_rows_to_read><max_bytes_to_read>200000000000</max_bytes_to_read>
      <max_threads>4</max_threads><max_concurrent_queries_for_user>64</max_concurrent_queries_for_user>
      <constraints><max_execution_time><min>0.05</min><max>60</max></max_execution_time>
        <max_memory_usage><min>1</min><max>2000000000</max></max_memory_usage>
        <max_rows_to_read><min>1</min><max>2000000000</max></max_rows_to_read>
        <max_bytes_to_read><min>1</min><max>200000000000</max></max_bytes_to_read>
        <max_threads><min>1</min><max>4</max></max_threads>
        <max_concurrent_queries_for_user><min>1</min><max>64</max></max_concurrent_queries_for_user></constraints></reader>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default><no_password/><networks><ip>127.0.0.1</ip><ip>::1</ip></networks><profile>default</profile><quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query></grants></default>
    <writer><password>{writer}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
      <grants><query>GRANT ALL ON {database}.*</query><query>GRANT SELECT ON system.*</query>
        <query>GRANT TABLE ENGINE ON *</query><query>GRANT KILL QUERY ON *.*</query>
        <query>GRANT READ, WRITE ON FILE</query>
        <query>GRANT SYSTEM FLUSH LOGS ON *.*</query></grants></writer>
    <reader><password>{reader}</password><networks><ip>127.0.0.1</ip></networks><profile>reader</profile><quota>default</quota>
      <grants><query>GRANT SELECT ON {database}.entry</query></grants>
      <databases><{database}><entry>
        <filter>organisation_id = toUInt64OrZero(getSetting('{setting}'))</filter></entry></{database}></databases>
    </reader>
  </users>
</clickhouse>
"""
MEMORY_BYTES = 4 * 2**30


class EmbeddedClickHouse:
    """One server with its data below `folder`."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for who writes, as `STORE_URL` takes it."""
        return self._url("writer")

    @property
    def read_url(self) -> str:
        """The address for who reads, as `STORE_READ_URL` takes it."""
        return self._url("reader")

    def start(self, output: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Start it and wait until it answers. Raises: `StartError`."""
        self.launch(output)
        self.wait_until_ready()

    def launch(self, output: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        """Start it and do not wait. Raises: `StartError`."""
        if find_spec("chdb") is None:
            raise StartError(
                "STORE_URL=clickhouse+embedded: needs one more package:"
                " .venv/bin/pip install --require-hashes -r requirements-clickhouse.txt"
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        users = USERS.format(
            writer=self._password("writer"), reader=self._password("reader"), database=DATABASE, setting=WALL_SETTING
        )
        write_private(self.folder / "users.xml", users)
        configuration = CONFIGURATION.format(port=self.port, folder=self.folder, memory_bytes=MEMORY_BYTES)
        write_private(self.folder / "config.xml", configuration)
        program = Path(__file__).with_name("clickhouse_server.py")
        command = [sys.executable, str(program), str(self.folder)]
        env = {**os.environ, "LUMINALOG_PROCESS": "clickhouse"}
        self.process = start(command, env=env, output=output, last_signal=signal.SIGKILL)  # as safe as any other end
        return self.process

    def wait_until_ready(self) -> None:
        """Return when it answers. Raises: `StartError`."""
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if has_ended(self.process):
                raise StartError(f"ClickHouse ended at once, with code {self.process.returncode}: see its log.")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise StartError(f"ClickHouse did not answer on 127.0.0.1:{self.port} within {START_SECONDS} s.")

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout_seconds: float = 5) -> None:
        """Stop it; what it has answered is on disk."""
        if self.process:
            stop(self.process, how=how, timeout_seconds=timeout_seconds)

    def _url(self, user: str) -> str:
        return f"clickhouse://{user}:{self._password(user)}@127.0.0.1:{self.port}/{DATABASE}?wall={WALL_SETTING}"

    def _password(self, user: str) -> str:
        path = self.folder / f"{user}_password"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, secrets.token_hex(24))
        return path.read_text().strip()
