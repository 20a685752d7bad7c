"""Origins: which may be named for a public key, and whose pages they let in."""

from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError

from accounts.caller import Caller
from accounts.origins import may_be_used_by
from accounts.validators import validate_origin

CALLER = Caller(
    organisation_id=1, api_key_id=1, project_id=1, project="shop", environment="production", is_public=True,
    scopes=frozenset({"ingest"}), requests_per_minute=None, keeps_valid_entries=True, minimum_level=10, expires_at=None,
)  # fmt: skip
GOOD = [
    "https://shop.example", "http://localhost:3000", "https://*.shop.example", "capacitor://localhost",
    "http://[::1]:8080", "https://xn--bcher-kva.example", "chrome-extension://abcdef",
]  # fmt: skip
BAD = [
    "shop.example", "https://shop.example/", "https://Shop.example", "https://", "*", "https://*", "https://a.*.example",
    "null", "https://shop.example:443", "http://shop.example:80", "https://user@shop.example", "https://shop.example\n",
    "https://shop..example", "",
]  # fmt: skip


def test_origins_are_named_as_browsers_write_them() -> None:
    for origin in GOOD:
        validate_origin(origin)
    for origin in BAD:
        with pytest.raises(ValidationError):
            validate_origin(origin)


@pytest.mark.parametrize(
    ("allowed", "let_in", "kept_out"),
    [
        ([], [None, "null", "https://evil.example"], []),
        (
            ["https://shop.example"],
            ["https://shop.example"],
            [None, "", "*", "null", "http://shop.example", "https://shop.example:444", "https://a.shop.example"],
        ),
        (
            ["https://*.shop.example", "http://localhost:3000"],
            ["https://a.shop.example", "https://a.b.shop.example", "http://localhost:3000"],
            [
                "https://shop.example",
                "http://a.shop.example",
                "https://ashop.example",
                "https://shop.example.evil",
                "https://" + "a." * 300 + "shop.example",
            ],
        ),
    ],
)
def test_key_is_for_the_pages_that_it_names(
    allowed: list[str], let_in: list[str | None], kept_out: list[str | None]
) -> None:
    caller = replace(CALLER, allowed_origins=tuple(allowed))
    assert [origin for origin in let_in if not may_be_used_by(caller, origin=origin)] == []
    assert [origin for origin in kept_out if may_be_used_by(caller, origin=origin)] == []
