"""Messages of one shape, or one outline, have one template: zeros in numbers and ids change nothing that decides."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issues.template import outline, shape, template
from privacy.detectors import KINDS

PIECES = st.sampled_from(
    [
        "order", "ORD-12345", "ABC-1", "http2", "s3", "utf8", "0x1f", "1x2f", "123x45", "x123", "a1b2c3d4", "deadbeef",
        "12", "4711", "007", "1,234.5", "1e400", "30s", "95%", "v1.2.345", "2026-11-26T10:00:01.123Z", "10:00:01",
        "26 Nov 2026", "10.1.2.3:5432", "[::1]:80", "2001:db8:0:1::17", "/tmp/x123/y.csv", "C:\\a\\b1234.txt",
        "ann123@example.com", "https://a.b/c/123?d=4", "3f2a9c4e-11ab-4c3d-9e0f-0123456789ab", "'user_id'", "'a123'",
        '"q 123"', "[email:3f2a9c1b77de]", "eyJ123.a.b", "pod-7f9c6d-x2k4p", "é123", "foo.123", "foo.12", "#123", "-5",
        "١٢٣", "a١٢٣", "{", ".", ":", "-", "_", " ", "  ", "(", ")", ",", "of",
        "123456b", "abc123f", "12ab34", "1e4005", "5d6e7f80", "DEC123", "Dec", "Nov 26", "Mon", "10:00", "=", ";", ", ",
        "\n", "'", "AM", "Z", "+02", *sorted(f"[{kind}]" for kind in KINDS),
    ]
)  # fmt: skip


@example("v1.2.345eyJ123.a.b")  # a value that ends in the midst of a word
@given(st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=60))
def test_shape_of_a_message_has_its_template(message: str) -> None:
    assert template(shape(message)) == template(message)


@example("a" * 295 + " 123456b")  # of which the template sees four characters
@given(st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=60))
def test_outline_of_a_message_has_its_template(message: str) -> None:
    assert template(outline(message)) == template(message)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Payment failed for ORD-12345", "Payment failed for ORD-99887", True),
        ("order 4711 failed", "order 4712 failed", True),
        ("http2 failed", "http1 failed", False),
        ("bucket s3 is full", "bucket s4 is full", False),
        ("1x2f", "0x2f", False),
    ],
)
def test_messages_that_differ_in_numbers_only_have_one_shape(one: str, other: str, *, is_same: bool) -> None:
    assert (shape(one) == shape(other)) == is_same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("request 12ab34cd56 failed", "request 0f0e0d0c0b failed", True),
        ("id=12ab34, 3f2a9c4e-11ab-4c3d-9e0f-0123456789ab", "id=ffff00, 00000000-0000-0000-0000-00000000000a", True),
        ("order 4711 of 12ab34\nat main.py", "order 4712 of ab1234\nat test.py", True),
        ("facade of 12ab34", "decade of 12ab34", False),
        ("a/12ab34", "a/ab1234", False),
    ],
)
def test_messages_that_differ_in_ids_only_have_one_outline(one: str, other: str, *, is_same: bool) -> None:
    assert (outline(one) == outline(other)) == is_same
