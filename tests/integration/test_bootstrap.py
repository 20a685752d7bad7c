"""The first rows of an empty database, made once, with the key that was stored beforehand."""

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from accounts.keys import make_key
from accounts.models import ApiKey, Organisation, User
from embedded.credentials import Credentials
from operations.bootstrap import bootstrap

pytestmark = pytest.mark.django_db(transaction=True)

CREDENTIALS = Credentials(api_key=make_key(), admin_username="admin", admin_password="a long password")


def test_first_key_and_first_log_in_open_an_empty_database(client: Client) -> None:
    assert bootstrap(CREDENTIALS)
    usage = client.get("/v1/usage", headers={"x-api-key": CREDENTIALS.api_key})
    assert (usage.status_code, usage.json()["plan"]) == (200, "scale")
    log_in = {"username": CREDENTIALS.admin_username, "password": CREDENTIALS.admin_password}
    assert client.post(reverse("admin:login"), log_in).status_code == 302
    key = ApiKey.objects.select_related("project", "organisation").get()
    assert (key.name, key.project.name, key.organisation.name) == ("first key", "First project", "First organisation")
    assert CREDENTIALS.api_key.startswith(key.prefix)
    assert CREDENTIALS.api_key.endswith(key.suffix)


def test_second_start_makes_nothing_and_knows_its_own_key() -> None:
    bootstrap(CREDENTIALS)
    assert bootstrap(CREDENTIALS)
    assert not bootstrap(replace(CREDENTIALS, api_key=make_key()))
    assert (Organisation.objects.count(), ApiKey.objects.count(), User.objects.count()) == (1, 1, 1)
