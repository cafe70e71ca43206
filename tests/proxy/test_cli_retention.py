"""`guardhouse traces prune` and `guardhouse traces hold`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from proxy.cli_admin import register
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from tests.proxy.store.aged import trace


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose database has an old trace, one that will be held, and a young one."""
    file = tmp_path / "guardhouse.yaml"
    file.write_text(
        "model_list:\n- {model_name: m, litellm_params: {model: fake/echo}}\n"
        "guardhouse: {data_dir: data, retention: {metadata: 20d}}\n"
    )
    folder = tmp_path / "data"
    folder.mkdir()
    store = open_store(url_of(folder, None), load_key(folder))
    store.write([trace(40, model="old"), trace(40, model="kept"), trace(1)])
    store.close()
    return file


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["traces", *arguments])


def test_a_dry_run_tells_what_a_run_does(config: Path) -> None:
    """Same numbers, and what is held is told and kept until it is released."""
    at = ("--config", str(config))
    made = json.loads(_run("hold", "add", "model:kept", "--reason", "case 7", "--json", *at).stdout)
    planned = json.loads(_run("prune", "--dry-run", "--json", *at).stdout)
    done = json.loads(_run("prune", "--json", *at).stdout)

    assert planned["would_delete"] == done["deleted"] and planned["run"] is None and done["run"]
    assert planned["held"]["span"] == done["held"]["span"] == 1
    assert planned["would_delete"]["metadata"]["span"] == 1
    assert "1 traces" in _run("hold", "list", *at).stdout
    assert "is released" in _run("hold", "release", made["id"], *at).stdout
    assert "released" in _run("hold", "list", *at).stdout
    told = _run("prune", *at)
    assert told.exit_code == 0 and "metadata" in told.stdout and "20 days" in told.stdout
    assert "Nothing is old enough" in _run("prune", *at).stdout


def test_without_a_configuration_nothing_is_deleted(tmp_path: Path, config: Path) -> None:
    """Nobody knows how long the proxy keeps things; what the defaults would take is told."""
    data = ("--data-dir", str(tmp_path / "data"))
    assert _run("prune", *data).exit_code == 2
    dry = _run("prune", "--dry-run", *data)
    assert dry.exit_code == 0 and "content" in dry.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("hold", "add", "colour:red", "--reason", "x"), "colour"),
        (("hold", "add", "model:m", "--reason", " "), "reason"),
        (("hold", "release", "none"), "no hold"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(config: Path, arguments: tuple[str, ...], says: str) -> None:
    """And never a stack trace."""
    told = _run(*arguments, "--config", str(config))

    assert told.exit_code == 2 and says in told.output
