"""Live tail: new entries as server-sent events, from one reader a process to many listeners."""
