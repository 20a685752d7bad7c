"""Secrets and personal data: what is found in entries, what becomes of it, and what an organisation wants."""
