"""One running product for all clients; at the end no key is in any of its files."""

from collections.abc import Iterator

import pytest

from tests.acceptance.product import Product


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("clients") / "data")
    try:
        yield product.start()
        leaked = product.leaked_keys()
    finally:
        product.stop()
    assert leaked == {}
