"""Bytes in, batch kept: wire format, spool and drain."""
