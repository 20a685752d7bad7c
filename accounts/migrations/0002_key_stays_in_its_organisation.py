"""A key's project is one of the key's own organisation: a composite foreign key, which Django cannot declare."""

from django.db import migrations

SAME_ORGANISATION = """
ALTER TABLE accounts_project ADD CONSTRAINT project_and_organisation UNIQUE (id, organisation_id);
ALTER TABLE accounts_apikey ADD CONSTRAINT api_key_project_is_of_its_organisation
    FOREIGN KEY (project_id, organisation_id) REFERENCES accounts_project (id, organisation_id)
    DEFERRABLE INITIALLY IMMEDIATE;
"""
UNDO = """
ALTER TABLE accounts_apikey DROP CONSTRAINT api_key_project_is_of_its_organisation;
ALTER TABLE accounts_project DROP CONSTRAINT project_and_organisation;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(SAME_ORGANISATION, UNDO)]
