"""The process of `embedded.clickhouse`: the engine of the `chdb-core` wheel, made to listen as a server does.

Run as a script with the folder of `config.xml`. The engine is imported before that is entered, because to import it
opens one more, which would read what lies there.
"""

import os
import sys

import chdb._chdb as engine

#: Runs for thirty years: the engine listens as long as a query of its own runs.
LISTEN = """
SYSTEM START LISTEN HTTP;
SELECT sleepEachRow(3) FROM system.numbers LIMIT 300000000 SETTINGS max_block_size = 1 FORMAT Null
"""

if __name__ == "__main__":
    folder = sys.argv[1]
    os.chdir(folder)
    engine.query(LISTEN, "TSV", path=os.path.join(folder, "data"))  # type: ignore[attr-defined]
