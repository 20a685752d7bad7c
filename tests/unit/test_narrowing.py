"""What a text must hold for a search to find it: told from the search alone."""

import pytest

from storage.postgres.narrowing import escaped, plain_run


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
