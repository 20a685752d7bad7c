"""Where a webhook may go."""

import socket
from ipaddress import ip_address

import pytest
from django.test import override_settings

from notify.channels.webhook import signature
from notify.webhooks import WebhookError, is_public, resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:53aa:64c:0:0:0:1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_the_internets_is_none_of_ours(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://[::1]/", "https://0.0.0.0/", "https://169.254.169.254/latest/meta-data",
        "https://2130706433/", "https://0x7f000001/", "https://[::ffff:10.0.0.1]/", "https://localhost/",
        "http://8.8.8.8/", "https://8.8.8.8:8443/", "https://user:password@8.8.8.8/", "ftp://8.8.8.8/", "https:///x",
        "https://8.8.8.8:99999/", "8.8.8.8", "", "https://name.invalid/",
    ],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(WebhookError):
        resolve(url)


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, port)) for address in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(WebhookError, match="not public"):
        resolve("https://two-faced.example/")


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["8.8.8.8", "127.0.0.1"])

    def rebind(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    target = resolve("https://rebinding.example/hook?x=1")
    assert (target.address, target.host, target.port, target.path) == (
        "8.8.8.8", "rebinding.example", 443, "/hook?x=1",
    )  # fmt: skip


def test_networks_that_the_operator_allows_are_reached_by_http_on_any_port() -> None:
    with override_settings(WEBHOOK_ALLOWED_NETWORKS=["127.0.0.0/8"]):
        assert resolve("http://127.0.0.1:8080/hook").port == 8080
        with pytest.raises(WebhookError):
            resolve("https://10.0.0.1/")


def test_a_signature_is_an_hmac_over_time_and_body() -> None:
    """Computed with `printf '1.{}' | openssl dgst -sha256 -hmac whsec_x`."""
    assert (
        signature("whsec_x", b"{}", at=1) == "t=1,v1=36ee2f7498f0c1777d1312b2a7361947fe5ad31223be30d0c62421f4ca753401"
    )
