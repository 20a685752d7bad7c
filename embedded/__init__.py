"""PostgreSQL and Valkey from wheels, and the runner behind `manage.py up`. Imports neither Django nor the rooms."""
