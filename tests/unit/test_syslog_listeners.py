"""Where to listen for syslog, as the setting says, and whose a sender's messages are."""

import os
from pathlib import Path

import pytest

from ingest.syslog.listeners import LOOK_EVERY_SECONDS, Keys, SettingError, faults, read

A, B, C = (f"ll_{letter * 48}" for letter in "abc")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# whose\n* {A}\n10.0.0.0/8 {B} # the office\n\n10.1.0.0/16 {C}\n2001:db8::/32 {C}\n")
    return path


def test_narrowest_network_counts(keys: Path) -> None:
    found = Keys(keys)
    addresses = ["192.0.2.1", "10.2.0.1", "10.1.0.1", "2001:db8::1", "2001:db9::1", "::ffff:10.1.0.1", "nobody"]
    assert [found.of(address) for address in addresses] == [A, B, C, C, A, C, None]
    assert found.all() == [A, B, C]


def test_keys_are_read_again_when_they_have_changed_and_a_mistake_changes_nothing(keys: Path) -> None:
    clock = iter(range(0, 1_000, int(LOOK_EVERY_SECONDS) + 1)).__next__
    found = Keys(keys, clock=clock)
    keys.write_text(f"* {B}\n")
    assert found.of("192.0.2.1") == B
    keys.write_text("* nonsense\n")
    assert found.of("192.0.2.1") == B
    keys.unlink()
    assert found.of("192.0.2.1") == B
    keys.write_text(f"* {C}\n")
    os.utime(keys, (1, 1))
    assert found.of("192.0.2.1") == C


def test_setting_is_read(keys: Path) -> None:
    one, two = read(f"udp://0.0.0.0:5514?keys={keys}&zone=Europe/Berlin\n tcp://[::]:5514")
    assert (one.transport, one.host, one.port, one.zone) == ("udp", "0.0.0.0", 5514, "Europe/Berlin")
    assert one.keys
    assert one.keys.of("10.1.2.3") == C
    assert (two.name, two.zone, two.keys) == ("tcp://[::]:5514", "UTC", None)
    assert read("") == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("0.0.0.0:514", "one of udp, tcp, tls"),
        ("udp://0.0.0.0", "then ://HOST:PORT"),
        ("udp://0.0.0.0:x", "is no address"),
        ("udp://0.0.0.0:1/path", "one of udp, tcp, tls"),
        ("udp://0.0.0.0:1?key=FILE", "does not take key"),
        ("udp://0.0.0.0:1?certificate=FILE", "does not take certificate"),
        ("tls://0.0.0.0:1", "needs certificate=FILE"),
        ("tls://0.0.0.0:1?certificate=/nowhere", "cannot be used"),
        ("udp://0.0.0.0:1?keys=/nowhere", "/nowhere cannot be read"),
        ("udp://0.0.0.0:1?zone=Mars/Base", "Mars/Base is no time zone"),
        ("udp://0.0.0.0:1 udp://0.0.0.0:1", "twice"),
    ],
)
def test_mistake_is_told(setting: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        read(setting)
    assert said in (faults(setting) or "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("10.0.0.0/8", "line 1 is not"),
        (f"10.0.0.1/8 {A}", "host bits"),
        ("* ll_short", "line 1 is not"),
        ("", "no key"),
    ],
)
def test_mistake_in_a_file_of_keys_is_told_without_the_key(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "keys"
    path.write_text(line)
    with pytest.raises(SettingError, match=said) as raised:
        Keys(path)
    assert A not in str(raised.value)
