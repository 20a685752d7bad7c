"""What a text must hold for a search to find it: told from the search alone."""

import pytest

from storage.postgres.narrowing import escaped, figures, plain_run


@pytest.mark.parametrize(
    ("pieces", "run"),
    [
        (["", "Xylophone", ""], "xylophone"),
        (["", "payment failed", ""], "payment fa"),
        (["", "RARE-7", ""], "rare-7"),
        (["", "ab", "cdef", ""], "cdef"),
        (["", "a\"bcd\\efgh\n", ""], "efgh"),
        (["", "größe", ""], None),
        (["", "Kiki", ""], None),
        (["", "", ""], None),
    ],
)  # fmt: skip
def test_longest_run_of_plain_signs_is_in_every_text(pieces: list[str], run: str | None) -> None:
    assert plain_run(pieces) == run
    for text in ("".join(pieces), escaped("".join(pieces))):
        assert run is None or run in text.lower()


@pytest.mark.parametrize(
    ("pieces", "run"),
    [
        (["", "order 4711", ""], "4711"),
        (["", "550e8400-e29b-41d4-a716-446655440000", ""], "716-446655440000"),
        (["", "10.0.0.7:8080/x", ""], "10.0.0.7:8080"),
        (["2026-11-", "12:30:00", ""], "12:30:00"),
        (["", "RARE-7", ""], None),
        (["", "12", ""], None),
        (["", "- 1 -", ""], None),
        (["", "٣٤٥", ""], None),
    ],
)  # fmt: skip
def test_longest_run_of_figures_is_in_every_text(pieces: list[str], run: str | None) -> None:
    assert figures(pieces) == run
    for text in ("".join(pieces), escaped("".join(pieces))):
        assert run is None or run in text
