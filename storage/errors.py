"""What a log store may complain of: its errors, whichever store it is."""

from foundation.refusals import Refusal


class Refused(Exception):
    """These entries cannot be stored, now or later: whoever has several finds out which by taking them apart.

    `kind` names the kind of error; `reason` says more, and quotes no text of the entries.
    """

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        self.reason = f"{kind}: {detail}"
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
