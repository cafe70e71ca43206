"""`guardhouse policy replay` over a store on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from guardrails.policy import parse
from proxy.cli_replay import register
from proxy.document import document
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from tests.proxy.exchanges import SECRET, masked
from tests.proxy.test_replay import BLOCK, DONE, MAIL

POLICIES = {
    name: parse("name: " + name + "\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules))
    for name, rules in {"old": [MAIL], "new": [BLOCK, DONE]}.items()
}


def _run(folder: Path, *arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app, POLICIES.__getitem__)
    return CliRunner().invoke(app, ["replay", *arguments, "--data-dir", str(folder)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with three traces."""
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    store.write([document(masked(str(number))) for number in range(3)])
    store.close()
    return tmp_path


def test_what_would_change_is_told_by_count_rule_and_trace(folder: Path) -> None:
    """For people and for machines; no text of the traffic in either."""
    told = _run(folder, "old", "new")
    assert told.exit_code == 0
    assert "3 traces: 3 stricter, 0 weaker, 0 other, 0 same" in told.stdout
    assert told.stdout.count("input redact to block") == 3
    data = json.loads(_run(folder, "old", "new", "--json", "--limit", "2").stdout)
    assert (data["traces"], data["changes"], len(data["changed"])) == (2, {"stricter": 2}, 2)
    assert SECRET not in told.stdout + json.dumps(data)
    assert "hello" not in told.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("old", "new"), 0),
        (("old", "new", "--fail-on", "any"), 1),
        (("old", "new", "--fail-on", "weaker"), 0),
        (("new", "old", "--fail-on", "weaker"), 1),
        (("old", "old", "--fail-on", "any"), 0),
        (("old", "new", "--fail-on", "any", "--reviewed"), 0),
        (("old", "new", "--fail-on", "sometimes"), 2),
        (("old", "new", "--since", "yesterday"), 2),
        (("old", "new", "--limit", "0"), 2),
    ],
)
def test_ci_can_fail_on_a_change(folder: Path, arguments: tuple[str, ...], code: int) -> None:
    """1 for the change asked about, 2 for a mistake."""
    assert _run(folder, *arguments).exit_code == code
