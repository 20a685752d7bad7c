"""The organisations that send during a run, each with a marker that no other may ever see."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Bytes a month. The last organisation's is spent during a run: refusals at the edge are part of the trial.
AMPLE_BYTES = 10**12
REQUESTS_PER_MINUTE = 1_000_000
#: Of each organisation's public key. It is spent during a run, too.
DAILY_BYTES = 3_000_000
#: What entries of a key say that name neither.
ENVIRONMENT, PROJECT = "production", "default"

#: By the product's own commands, in one process: starting one takes longer than all they do.
MAKE = f"""
import io, json
from django.core.management import call_command
from quotas.models import Quota

def answer(*command):
    said = io.StringIO()
    call_command(*command, "--json", stdout=said)
    return json.loads(said.getvalue())

made = []
for slug, monthly_bytes in {{quotas!r}}.items():
    organisation = answer("create_org", slug, "--plan", "scale", "--project", "{PROJECT}")
    key = answer("create_key", slug, "{PROJECT}", "--name", "chaos", "--environment", "{ENVIRONMENT}")
    public = answer("create_key", slug, "{PROJECT}", "--name", "pages", "--environment", "{ENVIRONMENT}",
                    "--kind", "public", "--daily-bytes", "{DAILY_BYTES}")
    limits = dict(requests_per_minute={REQUESTS_PER_MINUTE}, monthly_bytes=monthly_bytes)
    Quota.objects.filter(organisation_id=organisation["id"]).update(overrides_from=None, overrides_until=None, **limits)
    made.append({{{{"slug": slug, "organisation_id": organisation["id"], "api_key": key["api_key"],
                   "public_key": public["api_key"], "public_key_id": public["id"],
                   "monthly_bytes": monthly_bytes}}}})
print(json.dumps(made))
"""

#: Rules of several kinds, whose incidents come and go while faults strike: `verify_ledger` says whether each was told.
MAKE_RULES = """
from accounts.models import Organisation
from alerts.changing import Actor, create
from alerts.models import Rule

kinds = [
    dict(severity=40, count_threshold=5, keep_firing_minutes=0, time_window_minutes=1),
    dict(severity=40, group_by="group", keep_firing_minutes=0, time_window_minutes=1),
    dict(kind="search", query="level:warn", count_threshold=3, keep_firing_minutes=0, time_window_minutes=1),
    dict(kind="ratio", ratio_percent=30, count_threshold=20, time_window_minutes=2),
    dict(kind="absence", time_window_minutes=1, group_by="environment"),
    dict(kind="new_group", severity=10),
    dict(kind="drift", severity=10),
]
for owner in Organisation.objects.filter(slug__in={slugs!r}):
    for number, fields in enumerate(kinds):
        create(Rule(organisation=owner, rule_name=f"Rule {{number}}", **fields), by=Actor())
"""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """One organisation: its id, its secret and its public key, and the marker in the metadata of all that it sends."""

    slug: str
    organisation_id: int
    api_key: str
    public_key: str
    public_key_id: int
    marker: str
    monthly_bytes: int


def make_tenants(manage: Callable[..., str], *, edge_bytes: int) -> list[Tenant]:
    """Make three organisations; the last may send no more than `edge_bytes` a month."""
    quotas = {"ample": AMPLE_BYTES, "broad": AMPLE_BYTES, "edge": edge_bytes}
    made = json.loads(manage("shell", "-v", "0", "-c", MAKE.format(quotas=quotas)))
    return [Tenant(marker=secrets.token_hex(12), **each) for each in made]


def make_rules(manage: Callable[..., str], tenants: Sequence[Tenant]) -> None:
    """Have each of them be told of what it sends."""
    manage("shell", "-v", "0", "-c", MAKE_RULES.format(slugs=[one.slug for one in tenants]))
