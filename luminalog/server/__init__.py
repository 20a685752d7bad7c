"""The web process: granian's RSGI before Django."""
