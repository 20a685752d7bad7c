"""Saved searches and the access log of the explorer."""
