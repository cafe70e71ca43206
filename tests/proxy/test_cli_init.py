"""`guardhouse init`: what it writes works."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from guardrails.policy import BUILT_IN, builtin, load
from proxy.app import create_app
from proxy.cli_init import CONFIG, register
from proxy.config import load_config
from proxy.config_schema import Guardhouse
from proxy.settings import Settings


def init(*arguments: str) -> Result:
    """The command's result."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["init", *arguments])


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_it_writes_serves_at_once(tmp_path: Path, name: str) -> None:
    """The configuration loads without a note, the policy is the chosen one, and an app is made of them."""
    folder = tmp_path / "new" / "folder"
    result = init(str(folder), "--policy", name)

    settings = Settings(config=folder / "guardhouse.yaml")
    config = load_config(folder / "guardhouse.yaml", settings)
    app = create_app(settings)
    app.context.store.close()
    assert result.exit_code == 0
    assert (config.notes, config.data_dir) == ((), folder / "data")
    assert load(folder / "policy.yaml").label == builtin(name).label == app.context.policies.label
    assert [deployment.id for deployment in app.context.router.resolve("demo")] == ["fake/assistant"]


def test_its_examples_hold_when_they_are_uncommented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commented line of YAML is one that the configuration takes, and each key of ours is shown."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////tmp/x.sqlite3")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    init(str(tmp_path))
    shutil.copytree(Path(__file__).parents[2] / "datasets/prompts", tmp_path / "prompts")
    (tmp_path / "datasets/golden").mkdir(parents=True)
    whole = re.sub(r"^( *)# (- model_name|  litellm_params|\w+: )", r"\1\2", CONFIG, flags=re.M)
    (tmp_path / "guardhouse.yaml").write_text(whole)

    config = load_config(tmp_path / "guardhouse.yaml", Settings())

    assert [each.model_name for each in config.deployments] == [
        "demo",
        "gpt-4o-mini",
        "claude",
        "llama",
        "qwen",
    ]
    assert config.database_url == "sqlite:////tmp/x.sqlite3"
    assert {key for key in Guardhouse.model_fields if f" {key}: " not in CONFIG} == {
        "cache_ttl_s",
        "forward_traceparent",
        "hedge_after_s",
        "limits_without_redis",
        "otlp",
        "policies",
        "run_idle_s",
        "scopes",
        "shadow",
        "timeouts",
        "vault_ttl_s",
    }


@pytest.mark.parametrize("there", ["guardhouse.yaml", "policy.yaml"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    """When either file is there, neither is written."""
    (tmp_path / there).write_text("mine")

    result = init(str(tmp_path))

    assert result.exit_code == 2
    assert result.stderr.startswith(f"guardhouse: {tmp_path / there} is there already")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "mine")]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """One line, exit code 2."""
    (tmp_path / "file").write_text("")

    assert "cannot write to" in init(str(tmp_path / "file" / "below")).stderr
    assert (
        "no shipped policy 'lax'. Use one of: default, strict, agents."
        in init(str(tmp_path), "--policy", "lax").stderr
    )


def test_it_says_what_to_do_next(tmp_path: Path) -> None:
    """Two commands that can be copied, whatever the folder is called."""
    folder = tmp_path / "a b"

    *_, first, second = init(str(folder)).stdout.splitlines()

    assert shlex.split(first) == ["guardhouse", "doctor", "--config", str(folder / "guardhouse.yaml")]
    assert shlex.split(second) == ["guardhouse", "serve", "--config", str(folder / "guardhouse.yaml")]
