"""syslog as a new user tries it: `make run` with LUMINALOG_SYSLOG, `logger`, and the entry is found."""

import subprocess
from urllib.parse import urlsplit

import requests

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS, wait_until


def test_what_logger_says_is_found(product: Product) -> None:
    for address in map(urlsplit, product.environment["LUMINALOG_SYSLOG"].split()):
        by = "--tcp" if address.scheme == "tcp" else "--udp"
        server = ["--server", str(address.hostname), "--port", str(address.port), by, "--rfc5424"]
        key = ["--sd-id", "luminalog@32473", "--sd-param", f'key="{product.api_key}"']
        subprocess.run(["logger", *server, *key, f"said by syslog {by}"], check=True, timeout=DEADLINE_SECONDS)

    def found() -> list[str]:
        given = {"query": '"said by syslog"'}
        answer = requests.get(
            f"{product.base_url}/v1/logs",
            params=given,
            headers={"x-api-key": product.api_key},
            timeout=DEADLINE_SECONDS,
        )
        return sorted(one["message"] for one in answer.json()["logs"])

    wait_until(lambda: found() == ["said by syslog --tcp", "said by syslog --udp"], what=found)
