"""The query parameters of a request, checked one by one: what is wrong is said by name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from foundation.refusals import Refusal


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request. Every method raises `Refusal`."""

    given: Mapping[str, str]

    def refuse_others_than(self, names: Collection[str]) -> None:
        """Refuse a misspelt name, which would silently change the question."""
        if not set(self.given) <= set(names):
            raise Refusal("invalid_parameter", f"The parameters are {', '.join(sorted(names))}.")

    def text(self, name: str) -> str | None:
        """Return a text, or None when it is absent or empty."""
        return _without_nul(name, self.given.get(name, "")) or None

    def texts(self, name: str) -> list[str]:
        """Return the texts of a parameter that may be given several times, but for empty ones."""
        several = getattr(self.given, "getlist", None)
        texts: list[str] = several(name) if several else [self.given.get(name, "")]
        return [_without_nul(name, text) for text in texts if text]

    def number(self, name: str, *, default: int, lowest: int, highest: int) -> int:
        """Return a whole number between two bounds."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and lowest <= int(text) <= highest):
            raise Refusal("invalid_parameter", f"{name} must be a whole number from {lowest} to {highest}.")
        return int(text)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`, by default the first."""
        text = self.text(name) or choices[0]
        if text not in choices:
            raise Refusal("invalid_parameter", f"{name} must be one of {', '.join(choices)}.")
        return text

    def moment(self, name: str) -> datetime | None:
        """Return a time in UTC; without an offset it is UTC."""
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Refusal(
                "invalid_parameter", f"{name} must be an RFC 3339 date and time; write + as %2B in an address."
            ) from error


def _without_nul(name: str, text: str) -> str:
    """Return a text that PostgreSQL takes as a parameter."""
    if "\0" in text:
        raise Refusal("invalid_parameter", f"{name} cannot hold the character U+0000.")
    return text
