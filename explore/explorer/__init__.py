"""The explorer: the admin's page for looking at logs, and the endpoints that feed it."""
