"""Tells retention, in every process that may run it, that days wait for batches which are yet to be stored."""

from ingest.spool import table
from storage import retention

retention.wait_for(table.oldest_received)
