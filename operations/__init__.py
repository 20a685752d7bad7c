"""Is the installation well, and how is it kept so: health, metrics, doctor, roles, backups, upkeep, verification."""
