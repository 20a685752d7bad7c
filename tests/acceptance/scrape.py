"""A scrape of `/metrics` as Prometheus does it, and what it returned."""

from dataclasses import dataclass
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS

Labels = dict[str, str]


@dataclass(frozen=True)
class Scrape:
    """Every sample of a scrape: name, labels, value."""

    samples: list[tuple[str, Labels, float]]

    def find(self, name: str, **labels: str) -> list[float]:
        """Return the values of the samples of `name` that have these labels."""
        return [value for found, has, value in self.samples if found == name and labels.items() <= has.items()]

    def total(self, name: str, **labels: str) -> float:
        """Return their sum."""
        return sum(self.find(name, **labels))


def ask(product: Product, **headers: str) -> requests.Response:
    """GET /metrics."""
    return requests.get(f"{product.base_url}/metrics", headers=headers, timeout=DEADLINE_SECONDS)


def token(product: Product) -> str:
    """Return the token that the runner made."""
    return (product.data_dir / "metrics_token").read_text().strip()


def scrape(product: Product, **headers: Any) -> Scrape:
    """Return what a scrape with the token finds."""
    answer = ask(product, Authorization=f"Bearer {token(product)}", **headers)
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return Scrape([(s.name, s.labels, s.value) for family in families for s in family.samples])
