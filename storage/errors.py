"""What a log store may complain of: its errors, whichever store it is."""

from foundation.refusals import Refusal


class Refused(Exception):
    """These entries were not stored, and no outage is why: whoever has several finds out which by taking them apart.

    `is_proven`: what they hold is why, so that they never will be. Otherwise it may as well be the store (a table that
    does not fit our code, a corrupt page): whoever asked finds out by what else is stored. `kind` names the kind of
    error; `reason` says more, and quotes no text of the entries.
    """

    def __init__(self, kind: str, detail: str, *, is_proven: bool = True) -> None:
        self.kind = kind
        self.reason = f"{kind}: {detail}"
        self.is_proven = is_proven
        super().__init__(self.reason)


class Unavailable(Refusal):
    """The store's trouble and not of what was asked: the same may work again in a moment. To a caller it is a 503.

    `clears_batches`: no batch can have brought it about, however long it lasts.
    """

    def __init__(
        self,
        code: str = "storage_unavailable",
        *,
        retry_after_seconds: int | None = None,
        clears_batches: bool = False,
    ) -> None:
        super().__init__(code, retry_after_seconds=retry_after_seconds)
        self.clears_batches = clears_batches
