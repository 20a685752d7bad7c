"""Hostile input against the real servers: directly, and behind nginx as it is shipped."""
