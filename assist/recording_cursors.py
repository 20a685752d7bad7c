"""Where a page of recordings ended, as a text that its reader cannot forge and another organisation cannot use."""

from django.core import signing

from foundation.refusals import Refusal


def sign(recording_id: int, *, organisation_id: int) -> str:
    """Return the last recording of a page as a text."""
    return signing.dumps(recording_id, salt=_salt(organisation_id))


def read(text: str, *, organisation_id: int) -> int:
    """Return the recording that `text` holds. Raises: `Refusal` when it is none of the organisation's."""
    try:
        return int(signing.loads(text, salt=_salt(organisation_id)))
    except signing.BadSignature as error:
        raise Refusal("invalid_parameter", "cursor is not one that this API gave you.") from error


def _salt(organisation_id: int) -> str:
    return f"assist.recordings.{organisation_id}"
