"""Pairs of errors that are one group, or two: those of the design, and more of every kind."""

import json
from pathlib import Path
from typing import Any

#: Each has an `id`; `a` and `b`, with `project`, `message` and `error` (or null); and `expect`: same, or different.
PAIRS: list[dict[str, Any]] = [
    pair
    for name in ("grouping_pairs.json", "grouping_pairs_more.json")
    for pair in json.loads((Path(__file__).parent / "unit" / name).read_text())
]
