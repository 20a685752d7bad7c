"""Where a webhook may go."""

import socket
from ipaddress import ip_address

import pytest
from django.test import override_settings

from notify.channels.webhook import signature
from notify.webhooks import WebhookError, is_public, resolve, resolve_own


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:53aa:64c:0:0:0:1",
        # IPv4 in other clothes: compatible, SIIT, NAT64 for local use, Teredo and 6to4 to a public one, ISATAP
        "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b:1::a00:1", "2001::1", "2002:808:808::1",
        "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1",
        # documentation, benchmarks, protocol assignments, tests, and what nobody was given
        "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.19.255.255", "192.0.0.8", "192.0.0.170", "192.88.99.1",
        "192.31.196.1", "240.0.0.1", "239.1.1.1", "2001:db8::1", "2001:2::1", "2001:10::1", "2001:20::1", "3fff::1",
        "3fff:fff:ffff::1", "3ffe::1", "5f00::1", "100::1", "100:0:0:1::1", "4000::1", "fec0::1", "feff::1",
        "ff0e::1", "2001:1::1", "2620:4f:8000::1",
        # what clouds answer themselves
        "168.63.129.16", "192.0.0.192", "100.100.100.200", "169.254.170.2", "169.254.42.42", "161.26.0.10",
        "166.9.1.1", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe", "2606:4700::1%eth0",
    ],
)  # fmt: skip
def test_an_address_that_is_not_the_internets_is_none_of_ours(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "9.255.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.254",
        "168.63.129.17",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450:4001::1",
        "2001:200::1",
        "3fff:1000::1",
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://[::1]/", "https://0.0.0.0/", "https://169.254.169.254/latest/meta-data",
        "https://2130706433/", "https://0x7f000001/", "https://[::ffff:10.0.0.1]/", "https://localhost/",
        "http://8.8.8.8/", "https://8.8.8.8:8443/", "https://user:password@8.8.8.8/", "ftp://8.8.8.8/", "https:///x",
        "https://8.8.8.8:99999/", "8.8.8.8", "", "https://name.invalid/", "https://8.8.8.8:0/", "http://8.8.8.8:0/",
        "https://8.8.8.8:80/", "https://8.8.8.8:22/", "https://@8.8.8.8/", "https://localhost./", "https://./",
        "https://127.1/", "https://017700000001/", "https://１２７.0.0.1/", "https://127。0。0。1/", "https://127.0.0.1./",
        "https://[2606:4700:4700::1111%25lo]/", "https://[fe80::1%25lo]/", "https://[::ffff:0:127.0.0.1]/",
        "https://8.8.8.8\\@127.0.0.1/", "https://127.0.0.1#@8.8.8.8/", "https://[v1.a]/", "https://8.8.8.8:-1/",
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
        for elsewhere in ("https://10.0.0.1/", "http://127.0.0.1:0/", "http://[::ffff:127.0.0.1]:8080/"):
            with pytest.raises(WebhookError):
                resolve(elsewhere)


def test_a_name_with_a_dot_at_its_end_is_asked_for_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **__: [(0, 0, 0, "", ("8.8.8.8", port))])
    assert resolve("https://hooks.example./x").host == "hooks.example"


def test_a_signature_is_an_hmac_over_time_and_body() -> None:
    """Computed with `printf '1.{}' | openssl dgst -sha256 -hmac whsec_x`."""
    assert (
        signature("whsec_x", b"{}", at=1) == "t=1,v1=36ee2f7498f0c1777d1312b2a7361947fe5ad31223be30d0c62421f4ca753401"
    )


@pytest.mark.parametrize(
    ("url", "may_be_public", "why"),
    [
        ("http://127.0.0.1:11434/v1", False, None),
        ("http://[::1]:8000/v1", False, None),
        ("http://10.1.2.3/v1", False, None),
        ("https://8.8.8.8/v1", True, None),
        ("https://8.8.8.8:8443/v1", True, None),
        ("https://8.8.8.8/v1", False, "out of private networks"),
        ("http://8.8.8.8/v1", True, "must be https"),
        ("http://[::ffff:8.8.8.8]/v1", False, "out of private networks"),
        ("http://169.254.169.254/v1", False, "out of private networks"),
        ("ftp://10.1.2.3/", False, "not an https:// address"),
        ("http://user@10.1.2.3/", False, "not an https:// address"),
    ],
)
def test_what_operators_set_up_stays_in_their_networks(url: str, may_be_public: bool, why: str | None) -> None:
    if why is None:
        assert resolve_own(url, may_be_public=may_be_public).path == "/v1"
    else:
        with pytest.raises(WebhookError, match=why):
            resolve_own(url, may_be_public=may_be_public)
