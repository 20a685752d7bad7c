"""The console's pages of errors as tests use them: who looks, what a page says, and errors of one group."""

from html import unescape
from typing import Any

from django.contrib.auth.models import Group as Role
from django.test import Client

from accounts.caller import Caller
from accounts.models import User
from issues.models import Group
from tests.errors import failure, store

LIST = "/admin/errors/"


def staff(name: str = "ada", *, role: str = "Operators") -> Client:
    user = User.objects.create_user(name, password="x", is_staff=True)
    user.groups.add(Role.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(client: Client, address: str, status: int = 200, **parameters: Any) -> str:
    response = client.get(address, parameters)
    assert response.status_code == status, response.content
    return unescape(response.content.decode())


def page_of(number: int) -> str:
    return f"{LIST}{number}/?organisation=acme"


def fail(caller: Caller, name: str, count: int = 1, **entry: Any) -> int:
    """Store errors of one group and return its number."""
    stack = [f"at {name} (/app/src/{name}.js:1:2)"]
    store(caller, *[failure(f"{name}Error", f"no {name}", stack=stack, **entry)] * count)
    return Group.objects.get(type=f"{name}Error").number
