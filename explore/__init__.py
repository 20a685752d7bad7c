"""Look at the logs: search language, read API, live tail and explorer."""
