# SPDX-License-Identifier: Apache-2.0
"""Alerts, dashboard and page speak of metrics that there are, by labels that they have."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app.signals.exposition import label_names
from gateway.app.signals.metrics import METRICS, Kind
from gateway.flows.log_reading import MOST_BEHIND

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "gateway.json"
WATCHING = ROOT / "docs" / "how-to" / "watching.md"

SAMPLES = {
    name: {*label_names(one), *(("le",) if one.kind is Kind.HISTOGRAM else ()), "instance", "job"}
    for one in METRICS
    for name in (
        [f"{one.name}{end}" for end in ("_bucket", "_sum", "_count")] if one.kind is Kind.HISTOGRAM else [one.name]
    )
}
NAME = re.compile(r"\bgateway_[a-z_]+")


def expressions() -> list[str]:
    """Return every expression of the alerts and of the dashboard."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [rule["expr"] for group in groups for rule in group["rules"]] + [
        target["expr"] for panel in panels for target in panel.get("targets", [])
    ]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    """A metric that is renamed takes its alerts along."""
    named = set(NAME.findall(expression))
    assert named
    assert named <= SAMPLES.keys()
    asked = {
        label for inside in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)\s*[=!]", inside)
    }
    grouped = {
        label.strip() for inside in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for label in inside.split(",")
    }
    assert (asked | grouped) - {""} <= set().union(*(SAMPLES[name] for name in named))


def test_every_alert_says_what_it_means_and_what_mends_it() -> None:
    """For whoever is woken by it."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    rules: list[dict[str, Any]] = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "mend"}, rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    """Each has an identifier and a place of its own."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="apt install prometheus")
def test_the_alerts_are_rules_to_prometheus_itself(tmp_path: Path) -> None:
    """And what the page tells it to read is a configuration."""
    subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)
    (block,) = re.findall(r"^```yaml\n(scrape_configs:.*?)^```$", WATCHING.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shutil.copy(RULES, tmp_path / "gateway.yaml")
    (tmp_path / "prometheus.yml").write_text(block)
    subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], check=True, capture_output=True)


def test_every_lag_that_is_measured_has_an_alert() -> None:
    """Of the change feed, of checkpoints, and of the index, of which searches answer nothing when it is far behind."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    told = " ".join(rule["expr"] for group in groups for rule in group["rules"])

    lags = [one.name for one in METRICS if one.name.endswith(("_timestamp_seconds", "_behind_entries"))]
    lags.remove("gateway_rules_in_force_timestamp_seconds")  # rules may be as old as they like

    assert "gateway_log_index_behind_entries" in lags
    assert [name for name in lags if name not in told] == []
    assert f"gateway_log_index_behind_entries > {MOST_BEHIND}" in told
