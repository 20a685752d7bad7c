"""Pieces of SQL by which other rooms' statements join what is kept here, without knowing its tables."""

#: `organisation_id`, `name` of every organisation.
ORGANISATIONS = "SELECT id AS organisation_id, name FROM accounts_organisation"
#: `api_key_id`, `organisation_id` of every key, ended or not.
API_KEYS = "SELECT id AS api_key_id, organisation_id FROM accounts_apikey"
#: `api_key_id` of every public key.
PUBLIC_KEYS = "SELECT id AS api_key_id FROM accounts_apikey WHERE kind = 'public'"
#: `api_key_id`, `organisation_id`, `requests_per_minute` of every key with a limit of its own.
OWN_RATES = """
SELECT id AS api_key_id, organisation_id, requests_per_minute FROM accounts_apikey WHERE requests_per_minute IS NOT NULL
"""
