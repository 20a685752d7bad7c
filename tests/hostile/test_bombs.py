"""Bodies that grow, nest or count beyond bounds: refused by name, in little memory, and others are served."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.bombs import BOMBS, Bomb, body_of
from tests.hostile.healthy import healthy_client
from tests.hostile.site import MEBIBYTE, Site, batch

EXTRA_BYTES = 150 * 10**6
#: What bodies in flight may take together (LUMINALOG_INFLIGHT_BUDGET_BYTES).
BUDGET_BYTES = 256 * MEBIBYTE


@pytest.fixture(scope="module")
def legal_cpu_seconds(site: Site) -> float:
    """What the web process needs for a large batch that is as it should be."""
    assert site.post(batch(*["m" * 9_900] * 1_000)).status_code == 200  # what large bodies cost a process once
    body = batch(*["m" * 5_000] * 1_000)
    before = site.cpu_seconds()
    assert site.post(body).status_code == 200
    return max(site.cpu_seconds() - before, 0.05)


@pytest.mark.parametrize("bomb", BOMBS, ids=str)
def test_bomb_is_refused_by_name_in_little_memory(site: Site, bomb: Bomb, legal_cpu_seconds: float) -> None:
    body = body_of(bomb)
    site.forget_peak()
    resident, before = site.resident_bytes(), site.cpu_seconds()
    answer = site.post(body, **bomb.headers)
    seconds, extra = site.cpu_seconds() - before, site.peak_bytes() - resident
    found = answer.json()
    codes = (
        {None} if answer.status_code == 200 else {found["code"], *(error["code"] for error in found.get("errors", []))}
    )
    assert bomb.code in codes, answer.text[:500]
    assert extra < EXTRA_BYTES
    assert seconds < 200 * legal_cpu_seconds


def test_bombs_without_a_key_are_refused(site: Site, kept: Callable[[], list[bytes]]):
    """The body is read for the deprecated key in it, so strangers get as far as the parser."""
    before = len(kept())
    site.forget_peak()
    resident = site.resident_bytes()
    statuses = {str(bomb): site.post(body_of(bomb), x_api_key=None, **bomb.headers).status_code for bomb in BOMBS}
    assert {bomb: status for bomb, status in statuses.items() if status not in (400, 401, 413, 415)} == {}
    assert len(kept()) == before
    assert site.peak_bytes() - resident < EXTRA_BYTES


def test_others_are_served_while_bombs_go_off(site: Site):
    bombs = random.Random(1).sample(BOMBS * 3, 3 * len(BOMBS))
    site.forget_peak()
    resident = site.resident_bytes()
    with healthy_client(site) as healthy, ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda bomb: site.post(body_of(bomb), **bomb.headers).status_code, bombs))
        healthy.wait_until_served()
    healthy.assert_was_served()
    assert set(answers) <= {200, 400, 413, 415, 503}
    assert site.peak_bytes() - resident < BUDGET_BYTES
    assert site.resident_bytes() - resident < EXTRA_BYTES / 2


def test_refusal_of_a_large_body_is_heard(site: Site):
    """Behind nginx, an application that hung up would make it a 502."""
    large = 12 if site.nginx else 1
    body = b" " * (large * MEBIBYTE)
    answers = [site.post(body, x_api_key="ll_" + "0" * 48) for _ in range(10)]
    assert {answer.status_code for answer in answers} <= {401, 429}  # after many bad keys from this address: 429
    assert {site.post(body, Content_Type="text/plain").status_code for _ in range(10)} == {415}
