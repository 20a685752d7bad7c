"""Bytes as people write them. Pure."""

import re

UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
FACTORS: dict[str, int] = {unit.lower(): 1024**power for power, unit in enumerate(UNITS)} | {
    "": 1, "b": 1, "byte": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15,
}  # fmt: skip
WRITTEN = re.compile(r"\s*([\d,]{1,20}(?:\.\d{1,12})?)\s*([a-z]*)\s*", re.IGNORECASE | re.ASCII)


def format_bytes(size_bytes: int) -> str:
    """Return `1.5 GiB` for 1,610,612,736: at most two decimals, so for showing only."""
    size = float(size_bytes)
    for unit in UNITS:
        if abs(size) < 1024 or unit == UNITS[-1]:
            break
        size /= 1024
    return f"{size:,.2f}".rstrip("0").rstrip(".") + f" {unit}"


def exactly(size_bytes: int) -> str:
    """Return the shortest text from which `parse_bytes` makes the same number."""
    shown = format_bytes(size_bytes)
    return shown if parse_bytes(shown) == size_bytes else str(size_bytes)


def parse_bytes(text: str) -> int:
    """Return the number of bytes in `10 GiB`, `1.5 GB` or `1073741824`. Raises: `ValueError`."""
    written = WRITTEN.fullmatch(text)
    factor = FACTORS.get(written[2].lower()) if written else None
    if written is None or factor is None:
        raise ValueError("Write a size such as 10 GiB, 500 MB or 1073741824.")
    whole, _, decimals = written[1].replace(",", "").partition(".")
    fraction: int = int(decimals or 0) * factor // 10 ** len(decimals)
    return int(whole or 0) * factor + fraction
