"""Sizes as people write them."""

import pytest

from foundation.sizes import exactly, format_bytes, parse_bytes


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("1073741824", 2**30),
        ("1 GiB", 2**30),
        ("1.5gib", 3 * 2**29),
        (" 500 MB ", 500_000_000),
        ("10,000 bytes", 10_000),
        ("0.1 GiB", 107374182),
    ],
)
def test_a_size_is_read(text: str, size_bytes: int) -> None:
    assert parse_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1 parsec", "1e9", "1.2.3", "٣ GiB", "." * 50])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Write a size"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (2**30, "1 GiB"), (3 * 2**29, "1.5 GiB"), (2**60, "1,024 PiB")],
)
def test_a_size_is_shown(size_bytes: int, text: str) -> None:
    assert format_bytes(size_bytes) == text


@pytest.mark.parametrize("size_bytes", [0, 1, 1000, 2**30, 2**30 + 1, 10**12, 3 * 2**29])
def test_what_is_shown_in_a_form_comes_back_the_same(size_bytes: int) -> None:
    assert parse_bytes(exactly(size_bytes)) == size_bytes
