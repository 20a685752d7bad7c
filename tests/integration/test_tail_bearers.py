"""Who may go on listening: whatever takes a right away takes the open tails with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import life, signed_in
from accounts.keys import digest
from accounts.models import ApiKey, Organisation, Project, User
from explore.tail.bearers import Bearer, KeyBearer, refusals
from explore.tail.ticket import Ticket
from tests.organisations import make_api_key, make_organisation
from tests.sessions import sign_in

pytestmark = pytest.mark.django_db

ADDRESS = "192.0.2.7"


@pytest.fixture
def organisation() -> Organisation:
    return make_organisation()


@pytest.fixture
def bearer(organisation: Organisation) -> KeyBearer:
    return KeyBearer(digest(make_api_key(organisation)[1]), ADDRESS)


@pytest.fixture
def ada(organisation: Organisation) -> User:
    user = User.objects.create_user("ada", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_logs"))
    return user


@pytest.fixture
def ticket(organisation: Organisation, ada: User) -> Ticket:
    return Ticket(user_id=ada.pk, session=signed_in.digest(sign_in(ada)), organisation_id=organisation.pk, query="")


def code_of(bearer: Bearer) -> str | None:
    refusal = refusals([bearer]).get(bearer)
    return refusal.code if refusal else None


@pytest.mark.parametrize(
    ("take_away", "code"),
    [
        (lambda key: life.revoke(key.pk, reason="leaked"), "invalid_api_key"),
        (lambda _: ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1)), "invalid_api_key"),
        (lambda key: life.suspend(key.organisation_id, reason="unpaid"), "invalid_api_key"),
        (lambda _: ApiKey.objects.update(scopes=["ingest"]), "forbidden"),
        (lambda _: ApiKey.objects.update(allowed_networks=["198.51.100.0/24"]), "forbidden"),
    ],
    ids=["revoked", "expired", "suspended", "without the scope", "from elsewhere"],
)
def test_what_a_key_loses_ends_its_tails(bearer: KeyBearer, take_away: Callable[[ApiKey], object], code: str) -> None:
    assert code_of(bearer) is None
    take_away(ApiKey.objects.get())
    assert code_of(bearer) == code


def of_another(_: User) -> None:
    Session.objects.all().delete()
    sign_in(User.objects.create_user("eve"))


def without_the_organisation(_: User) -> None:
    Project.objects.all().delete()
    Organisation.objects.all().delete()


def with_a_new_password(user: User) -> None:
    user.set_password("another")
    user.save()


@pytest.mark.parametrize(
    "take_away",
    [
        lambda _: Session.objects.all().delete(),
        lambda _: Session.objects.update(expire_date=timezone.now()),
        of_another,
        with_a_new_password,
        lambda _: User.objects.update(is_active=False),
        lambda _: User.objects.update(is_staff=False),
        lambda user: user.user_permissions.clear(),
        lambda user: user.delete(),
        without_the_organisation,
    ],
    ids=[
        "signed out", "session over", "another's session", "new password", "disabled", "no staff", "no permission",
        "deleted", "organisation deleted",
    ],
)  # fmt: skip
def test_what_a_member_of_staff_loses_ends_their_tails(
    ticket: Ticket, ada: User, take_away: Callable[[User], object]
) -> None:
    assert code_of(ticket) is None
    take_away(ada)
    assert code_of(ticket) == "forbidden"


def test_many_are_asked_for_at_once(organisation: Organisation, ticket: Ticket, django_assert_num_queries: Any) -> None:
    keys = [KeyBearer(digest(make_api_key(organisation)[1]), ADDRESS) for _ in range(30)]
    stranger = KeyBearer(b"\0" * 32, ADDRESS)
    with django_assert_num_queries(7):  # keys; users, permissions (2), sessions, their users, organisations
        found = refusals([*keys, stranger, ticket])
    assert found.keys() == {stranger}
