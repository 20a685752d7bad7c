"""What operators import: every expression asks for metrics, and for labels of them, that a real scrape has."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from foundation.metric_files import PROCESSES
from foundation.refusals import CODES
from tests.acceptance.product import Product
from tests.acceptance.scrape import Scrape, scrape
from tests.processes import PROJECT
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance
DASHBOARD = PROJECT / "deploy" / "grafana" / "luminalog.json"
ALERTS = PROJECT / "deploy" / "prometheus" / "alerts.yml"
SCRAPING = PROJECT / "deploy" / "prometheus" / "prometheus.yml"
#: Prometheus adds these itself.
OF_PROMETHEUS = {"up": {"job", "instance"}}
ADDED = {"instance", "job"}
#: Told of only where entries live in ClickHouse.
STORE_OF_ITS_OWN = ("up", "parts", "detached_parts", "replication_queue", "absent_replicas", "readonly")
#: Told of only while entries move there.
OF_A_MOVE = ("move_left_days", "move_unfinished_days", "move_running", "moved_seconds")
#: Told of only where days are archived.
OF_AN_ARCHIVE = ("waiting_days", "oldest_seconds", "looked_seconds", "written_seconds")
#: Counted only when it happens: what the product's own source says of it is enough.
RARE = {
    "luminalog_rate_limited_total": {"scope", "process"},
    "luminalog_rejected_entries_total": {"code", "process"},
    "luminalog_scrubbed_entries_total": {"action", "detector", "process"},
    "luminalog_grouping_failures_total": {"process", "step"},
    "luminalog_evidence_parts_total": {"part", "process", "status"},
    "luminalog_model_questions_total": {"process", "status"},
    "luminalog_model_tokens_total": {"direction", "process"},
    "luminalog_alerts_failures_total": {"process", "step"},
    "luminalog_cut_entries_total": {"part", "process"},
    "luminalog_let_go_items_total": {"kind", "process"},
    "luminalog_proxy_refusals_total": {"status"},
    "luminalog_mcp_seen": set(),
    "luminalog_mcp_calls_total": {"tool", "outcome", "process"},
    "luminalog_mcp_refused_requests_total": {"code", "process"},
    "luminalog_syslog_messages_total": {"process", "transport"},
    "luminalog_syslog_dropped_messages_total": {"process", "reason"},
    "luminalog_syslog_refused_connections_total": {"process", "reason"},
    "luminalog_deliveries_total": {"channel", "process", "result"},
    "luminalog_dashboard_panels_total": {"by", "process"},
    "luminalog_link_failures_total": {"process", "what"},
    **{f"luminalog_archive_{name}": set() for name in OF_AN_ARCHIVE},
    **{f"luminalog_store_{name}": set() for name in STORE_OF_ITS_OWN},
    **{f"luminalog_{name}": set() for name in OF_A_MOVE},
}

SELECTOR = re.compile(r"\b(luminalog_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
VALUES = {
    "process": set(PROCESSES),
    "outcome": {"ok", "refused", "failed"},
    "method": {"GET", "POST"},
    "code": set(CODES),
}


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    charts = [target["expr"] for panel in panels() for target in panel["targets"]]
    return charts + [rule["expr"] for rule in alerts()]


@pytest.fixture(scope="module")
def known(product: Product) -> dict[str, set[str]]:
    """The labels of every metric that the running product tells of, by name."""
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "x"}
    assert product.post({"logs": [entry]}).status_code == 200
    wait_until(lambda: scrape(product).total("luminalog_stored_entries_total") > 0, what=product.output)
    return labels_by_name(scrape(product)) | RARE | OF_PROMETHEUS


def labels_by_name(found: Scrape) -> dict[str, set[str]]:
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for name, has, _ in found.samples:
        labels[name] |= has.keys()
    return dict(labels)


@pytest.mark.parametrize("expression", expressions())
def test_expression_asks_for_what_there_is(expression: str, known: dict[str, set[str]]) -> None:
    selectors = SELECTOR.findall(expression)
    assert selectors
    for name, matchers in selectors:
        assert name in known, f"no metric {name}"
        for label, _, value in MATCHER.findall(matchers):
            assert label in known[name] | ADDED
            if label in VALUES:
                assert set(value.split("|")) <= VALUES[label]
        assert MATCHER.sub("", matchers).strip(" ,") == ""
    grouped = {label.strip() for group in GROUPED.findall(expression) for label in group.split(",")}
    assert grouped <= set().union(*(known[name] for name, _ in selectors)) | ADDED
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("expression", expressions())
def test_counters_are_asked_for_their_rate_and_gauges_for_their_value(expression: str) -> None:
    for name, _ in SELECTOR.findall(expression):
        is_counter = name.endswith(("_total", "_bucket"))
        in_a_rate = re.search(rf"(rate|increase)\({name}(\{{[^}}]*\}})?\[", expression) is not None
        assert in_a_rate == is_counter


def test_every_metric_is_on_the_dashboard(known: dict[str, set[str]]) -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name, _ in SELECTOR.findall(target["expr"])}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in known if name.startswith("luminalog_")}
    left_out = {"luminalog_build_info", "luminalog_outcomes_lost_total"}
    assert families - {re.sub(r"_bucket$", "", name) for name in shown} == left_out


def test_dashboard_asks_whoever_imports_it_for_the_data_source() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    [variable] = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    assert (variable["name"], variable["query"]) == ("datasource", "prometheus")
    asked = [part["datasource"] for panel in panels() for part in (panel, *panel["targets"])]
    assert {source["uid"] for source in asked} == {"${datasource}"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert "__inputs" not in dashboard


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in json.loads(DASHBOARD.read_text())["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    path, anchor = rule["annotations"]["runbook_url"].split("#")
    assert anchor in anchors(PROJECT / path)


def test_scrape_example_reads_the_rules_and_asks_with_the_token() -> None:
    example = yaml.safe_load(SCRAPING.read_text())
    assert [SCRAPING.parent / name for name in example["rule_files"]] == [ALERTS]
    [job] = example["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("luminalog", "/metrics")
    assert job["authorization"]["type"] == "Bearer"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and others make of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
