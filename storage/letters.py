"""Small letters as a store writes them, so that what is compared in any case is the same for it and for us."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letters:
    """What becomes of each letter, and whether a sigma depends on its place (Unicode, 3.13)."""

    small: dict[int, str]
    knows_final_sigma: bool

    def lower(self, text: str) -> str:
        """Write `text` in small letters."""
        if self.knows_final_sigma and "Σ" in text:
            placed = text.replace("İ", "I").lower()  # one letter for each, so that places stay
            text = "".join(placed[at] if letter == "Σ" else letter for at, letter in enumerate(text))
        return text.translate(self.small)
