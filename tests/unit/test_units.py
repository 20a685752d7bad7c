"""What the shipped units and compose file allow the processes: nothing that they do not need."""

from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
#: systemd.exec(5), systemd.resource-control(5).
SWITCHES = {
    "LockPersonality", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectClock", "ProtectControlGroups",
    "ProtectHome", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RemoveIPC",
    "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
}  # fmt: skip
BYTES = {"M": 2**20, "G": 2**30, "m": 2**20, "g": 2**30}


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Return the settings of a unit's service; a name may come several times."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def in_bytes(text: str) -> int:
    return int(text[:-1]) * BYTES[text[-1]]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_has_no_capability_and_few_calls(unit: Path) -> None:
    found = settings_of(unit)
    assert {name for name, values in found.items() if values == ["true"]} >= SWITCHES
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == [""]
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert found["SystemCallArchitectures"] == ["native"]
    assert set(found["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert found["ProtectSystem"] == ["strict"]
    assert found["User"] == ["luminalog"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_ends_before_the_machine_s_memory_does(unit: Path) -> None:
    found = settings_of(unit)
    assert in_bytes(found["MemoryMax"][0]) <= 4 * 2**30
    assert int(found["TasksMax"][0]) >= 64


def test_every_container_has_a_bound_of_memory() -> None:
    services = yaml.safe_load((DEPLOY.parent / "compose.yaml").read_text())["services"]
    assert len(services) > 5
    for name, service in services.items():
        assert in_bytes(service["mem_limit"].replace("${POSTGRES_MEMORY:-", "").rstrip("}")) >= 2**29, name
