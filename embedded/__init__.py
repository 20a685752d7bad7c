"""PostgreSQL and Valkey from wheels, and the runner behind `bin/luminalog up`. Imports neither Django nor the rooms."""
