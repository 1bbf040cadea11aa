"""What an operator measures the hub by: /metrics, /readyz and /v1/figures, and the dashboard made for them."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana-dashboard.json"


def samples_of(text):
    """Read the metrics into values by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def busy(pair, words):
    """Give a hub that has delivered three texts and refused one."""
    ids = [pair.hub.send(text=f"Text {number}") for number in range(3)]
    for message_id in ids:
        pair.hub.ends(message_id)
    assert 400 == pair.hub.call("POST", "/v1/messages", {"to": "nobody", "text": "x"}).status
    pair.hub.admin = words.admin
    return pair.hub


def test_the_metrics_are_those_of_what_happened(busy):
    """Accepted, tried, queued and refused, in Prometheus's own format as its own parser reads it."""
    answer = busy.call("GET", "/metrics", user=None)
    found = samples_of(answer.body.decode())

    assert 200 == answer.status
    assert 3 == found["smshub_messages_accepted_total", "smsc", "transactional"]
    assert 3 == found["smshub_attempts_total", "accepted", "smsc", "transactional"]
    assert 3 == found["smshub_messages_reported_total", "DELIVERED", "smsc"]
    assert 1 == found["smshub_requests_refused_total", "BadNumber"]
    assert (1, 1) == (found["smshub_ready",], found["smshub_connector_state", "smsc", "up"])
    assert found["smshub_commit_seconds_count",] == found["smshub_commits_total",] > 0


def test_who_is_elsewhere_needs_credentials(busy):
    """An account that may only send is refused, one that may read everything is not, wrong ones are 401."""
    statuses = [busy.call("GET", "/metrics", user=user).status for user in ("shop:shop-password", busy.admin, "a:b")]

    assert [403, 200, 401] == statuses


def test_the_dashboard_asks_only_for_what_there_is(busy):
    """Every metric that a panel of the dashboard names is among those of /metrics."""
    text = busy.call("GET", "/metrics", user=None).body.decode()
    there = set(re.findall(r"^(?:# TYPE )?(smshub_[a-z_]+)", text, re.MULTILINE))
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    named = {
        name
        for panel in board["panels"]
        for target in panel.get("targets", [])
        for name in re.findall(r"\bsmshub_[a-z_]+", target["expr"])
    }

    assert len(named) > 10
    assert set() == named - there


def test_ready_is_told_to_anybody(busy):
    """In JSON with 200; with what was looked at, and the version of the database."""
    answer = busy.call("GET", "/readyz", user=None)

    assert (200, True, "", 1) == (answer.status, *(answer.json[name] for name in ("ready", "why", "connectors_up")))
    checks = answer.json["checks"]
    assert {"database": True, "disk": True, "queue": True, "loop": True} == {
        name: one["ok"] for name, one in checks.items()
    }
    assert f"SQLite {sqlite3.sqlite_version}" == checks["database"]["version"]
    assert checks["disk"]["free"] > 0
    assert 0 <= checks["loop"]["lag"] < 5


def test_the_figures_have_samples(busy, words):
    """Totals every two seconds, with the connectors and classes; the parameter has limits."""

    def sampled():
        samples = busy.call("GET", "/v1/figures?seconds=60", user=busy.admin).json["samples"]
        return samples and samples[-1]["delivered"] == 3 and samples[-1]

    last = words.wait_for(sampled)

    assert (3, 3, {"smsc": [3, 0]}, {"transactional": 3}) == tuple(
        last[name] for name in ("accepted", "sent", "connectors", "classes")
    )
    wrong = [busy.call("GET", f"/v1/figures?{query}", user=busy.admin) for query in ("seconds=-1", "seconds=x", "a=1")]
    assert [(400, "BadFilter")] * 3 == [(answer.status, answer.json["error"]) for answer in wrong]
    assert 403 == busy.call("GET", "/v1/figures").status
