"""Who is calling: organisations, projects and API keys."""
