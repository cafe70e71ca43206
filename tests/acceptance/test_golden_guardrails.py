"""The guardrail set that ships, through a real proxy: what the policy alone decides is what the proxy does."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from evals import document
from tests.command import Run, run
from tests.fixtures import _upstream, upstream
from tests.servers import ADMIN_KEY, Upstream, make_app, served

__all__ = ["_upstream", "run", "upstream"]

FOLDER = Path(__file__).parents[2] / "datasets" / "golden" / "guardrails"
HIDDEN = ("5555 5555 5555 4444", "219-09-9999", "FR1420041010050500013M02606", "wR7#qLm2!vTz9pXs")
"""Values of canaries: they stand in requests, and never reach the provider."""


def test_the_proxy_decides_as_the_policy_alone(run: Run, tmp_path: Path, upstream: Upstream) -> None:
    """Case by case; every request that was sent on is without the values."""
    policy = yaml.safe_load((FOLDER / "policy.yaml").read_text("utf-8"))
    alone, through = tmp_path / "alone", tmp_path / "through"
    golden = ("eval", "run", "--golden", str(FOLDER))
    app = make_app(tmp_path, f"http://127.0.0.1:{upstream.port}/v1", json.dumps(policy))
    with served(app) as proxy:
        asked = ("--target", "http", "--base-url", proxy.url, "--model", "gpt-test", "--api-key", ADMIN_KEY)
        assert run(*golden, *asked, "--out", str(through)).code == 0
    assert run(*golden, "--out", str(alone)).code == 0

    one, other = (document.load(each / "run.json") for each in (alone, through))
    assert {item.id: item.output.verdict for item in other.items} == {
        item.id: item.output.verdict for item in one.items
    }
    sent = json.dumps([body["messages"] for body in upstream.requests], ensure_ascii=False)
    items = (FOLDER / "items.jsonl").read_text("utf-8")
    assert len(upstream.requests) == len(one.items)
    assert all(value in items and value not in sent for value in HIDDEN)
