"""What an entry, and what a batch may cost: so many places are looked at closer, whatever is in them. Pure."""

MOST_OF_AN_ENTRY = 10_000
MOST_IN_A_MOMENT = 50
MOST_OF_A_BATCH = 60_000


class TooMuch(Exception):
    """It takes more effort to scrub than is allowed, or there is no end to it."""


class Effort:
    """How many places may still be looked at."""

    def __init__(self, left: int = MOST_OF_AN_ENTRY) -> None:
        self.left = left

    def spend(self) -> None:
        """Look at one. Raises: `TooMuch`."""
        self.left -= 1
        if self.left < 0:
            raise TooMuch
