"""`guardhouse keys` and `guardhouse usage`: for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from proxy.auth import key_hash
from proxy.cli_keys import register
from proxy.document import document
from proxy.exchange import Principal
from proxy.store.audit import acts
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from tests.proxy.exchanges import masked

CONFIG: dict[str, Any] = {
    "model_list": [
        {"model_name": name, "litellm_params": {"model": "fake/assistant"}} for name in ("small", "large")
    ],
    "guardhouse": {"teams": {"search": {"rpm": 10, "budgets": {"day": 5}}}, "policies": {"own": "strict"}},
}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command line with a configuration of two models and a team."""
    file = tmp_path / "guardhouse.yaml"
    file.write_text(json.dumps(CONFIG))
    app = typer.Typer()
    register(app)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(file)])

    return run


def test_a_key_is_made_listed_and_revoked(run: Run) -> None:
    """Standard output holds the key alone, so that a script can take it; lists never hold it."""
    key = run("keys", "create", "web", "--tenant", "shop").stdout.strip()
    (row,) = json.loads(run("keys", "list", "--json").stdout)

    assert key.startswith("gh-") and len(key) > 40
    assert (row["name"], row["tenant"], row["admin"], row["state"]) == ("web", "shop", False, "active")
    assert run("keys", "revoke", row["key_id"]).exit_code == 0
    listed = run("keys", "list").stdout
    assert "revoked" in listed
    assert key not in listed and key_hash(key) not in listed


def test_a_database_that_was_not_there_is_told_of(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    """Once, on standard error: a key in the wrong place would open nothing."""
    monkeypatch.chdir(tmp_path)
    first = run("keys", "create", "web")
    second = run("keys", "create", "other")

    assert "guardhouse.sqlite3 was made" in first.stderr and str(tmp_path) in first.stderr
    assert first.stdout.strip().startswith("gh-")
    assert "was made" not in second.stderr


def test_a_key_is_made_with_all_its_terms(run: Run) -> None:
    """Each option says what it says; the list tells it in words."""
    made = json.loads(
        run(
            *("keys", "create", "--name", "web", "--team", "search", "--rpm", "5", "--tpm", "900", "--json"),
            *(
                "--max-parallel",
                "2",
                "--budget",
                "1.5/day",
                "--budget",
                "20/total",
                "--expires",
                "2999-12-30",
            ),
            *(
                "--model",
                "small",
                "--model",
                "large",
                "--policy",
                "own",
                "--tag",
                "env=prod",
                "--tag",
                "a=b=c",
            ),
        ).stdout
    )

    assert {name: made[name] for name in ("team", "models", "policy", "tags", "expires")} == {
        "team": "search",
        "models": ["small", "large"],
        "policy": "own",
        "tags": {"env": "prod", "a": "b=c"},
        "expires": "2999-12-31T00:00:00Z",
    }
    limits = {"rpm": 5, "tpm": 900, "max_parallel_requests": 2, "budgets": {"day": 1.5, "total": 20}}
    assert made["limits"] == limits
    line = run("keys", "list").stdout
    for word in (
        "team=search",
        "rpm=5",
        "1.5USD/day",
        "models=small,large",
        "policy=own",
        "expires=2999-12-31",
    ):
        assert word in line


def test_an_update_changes_what_it_names(run: Run, tmp_path: Path) -> None:
    """The rest stays, the key too; what is cleared is gone; the acts are kept as those of the command line."""
    made = json.loads(
        run("keys", "create", "web", "--rpm", "5", "--tpm", "6", "--tag", "a=b", "--json").stdout
    )
    id = made["key_id"]

    told = run(
        "keys", "update", id, "--tpm", "7", "--clear", "rpm", "--clear", "tags", "--team", "search", "--json"
    )

    row = {name: value for name, value in made.items() if name != "key"}
    assert json.loads(told.stdout) == {**row, "limits": {"tpm": 7}, "tags": {}, "team": "search"}
    store = open_store(url_of(tmp_path / "data", None), load_key(tmp_path / "data"))
    assert [(act["actor"], act["action"]) for act in acts(store)] == [
        ("cli", "key.update"),
        ("cli", "key.create"),
    ]
    store.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--expires yesterday", "expires takes an age such as 30d"),
        ("--expires 0d", "expires is not in the future"),
        ("--expires 2020-01-01", "expires is not in the future"),
        ("--budget 10", "--budget takes US dollars a period, such as 10/day, not '10'"),
        ("--budget x/day", "--budget takes US dollars a period"),
        ("--budget -1/day", "the budget a day takes US dollars over 0"),
        ("--budget nan/day", "the budget a day takes US dollars over 0"),
        ("--budget 1/hour", "a budget is for a day, week, month, total, not for 'hour'"),
        ("--tag x", "--tag takes name=value, such as env=prod, not 'x'"),
        ("--tag =x", "--tag takes name=value"),
        ("--model nope", "there is no model 'nope'. Known: large, small."),
        ("--policy nope", "there is no policy 'nope'. Known: agents, default, own, strict."),
        ("--team nope", "there is no team 'nope'. Known: search."),
        ("--rpm 0", "rpm takes a whole number from 1"),
        ("--team search --rpm 11", "rpm of 11 is more than the team's 10"),
        ("--team search --budget 6/day", "the budget of 6 USD a day is more than the team's 5"),
    ],
)
def test_what_cannot_be_meant_makes_and_changes_no_key(run: Run, options: str, says: str) -> None:
    """One line on standard error, and exit code 2: for a new key and for one that is there."""
    id = json.loads(run("keys", "create", "web", "--json").stdout)["key_id"]
    before = run("keys", "list", "--json").stdout

    for command in (("create", "other"), ("update", id)):
        result = run("keys", *command, *options.split())
        assert result.exit_code == 2
        assert result.stderr.startswith(f"guardhouse: {says}")
        assert len(result.stderr.splitlines()) == 1
    assert run("keys", "list", "--json").stdout == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("keys", "create"), "a key needs one name"),
        (("keys", "create", "a", "--name", "b"), "a key needs one name"),
        (("keys", "create", "a\nb"), "printable"),
        (("keys", "revoke", "nothing"), "no key with this id"),
        (("keys", "update", "nothing", "--rpm", "5"), "no key with this id"),
        (("keys", "update", "nothing"), "nothing is to be changed"),
        (("keys", "update", "nothing", "--clear", "name"), "--clear takes team, rpm"),
        (("usage", "--by", "tenant"), "by takes one of key, team, model, day"),
        (("usage", "--since", "yesterday"), "RFC 3339"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(run: Run, arguments: tuple[str, ...], says: str) -> None:
    """What is wrong and what to do, on standard error."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_teams_need_a_configuration(run: Run, tmp_path: Path) -> None:
    """A folder alone does not say which there are."""
    run("keys", "list")
    app = typer.Typer()
    register(app)
    data = ["--data-dir", str(tmp_path / "data")]

    made = CliRunner().invoke(app, ["keys", "create", "web", "--rpm", "5", *data])
    refused = CliRunner().invoke(app, ["keys", "create", "web", "--team", "search", *data])

    assert (made.exit_code, refused.exit_code) == (0, 2)
    assert "name its file" in refused.stderr


def test_usage_is_told_in_dollars(run: Run, tmp_path: Path) -> None:
    """With the requests whose cost nobody knows beside the sum; as JSON in billionths."""
    run("keys", "list")
    store = open_store(url_of(tmp_path / "data", None), load_key(tmp_path / "data"))
    who = Principal("k", team="search")
    costs = (1_500_000, None)
    store.write([document(masked(str(n), principal=who, cost_nanousd=cost)) for n, cost in enumerate(costs)])
    store.close()

    text = run("usage", "--by", "team", "--since", "1h").stdout
    (row,) = json.loads(run("usage", "--by", "team", "--json").stdout)

    assert [line.split()[0] for line in text.splitlines()] == ["team", "search"]
    assert "0.001500  and 1 of unknown cost" in text
    assert (row["team"], row["requests"], row["cost_nanousd"], row["cost_unknown"]) == (
        "search",
        2,
        1_500_000,
        1,
    )
