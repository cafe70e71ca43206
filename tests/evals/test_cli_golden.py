"""`guardhouse golden …`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from evals.cli_golden import register
from tests.evals.conftest import item, write_golden

app = typer.Typer()
register(app)


def call(*arguments: object, stdin: str = "") -> Any:
    """The result of a command."""
    return CliRunner().invoke(app, ["golden", *map(str, arguments)], input=stdin)


def test_a_good_set_checks(tmp_path: Path) -> None:
    """With name, version and count; as JSON too."""
    write_golden(tmp_path, [item("a"), item("b")])

    assert call("check", tmp_path).output == "toy 1.0.0: 2 active items, hash agrees\n"
    assert json.loads(call("check", tmp_path, "--json").output)["n"] == 2


def test_a_tampered_set_is_exit_code_2(tmp_path: Path) -> None:
    """One line that says what and where."""
    write_golden(tmp_path, [item("a")])
    path = tmp_path / "items.jsonl"
    path.write_text(path.read_text().replace("All about", "Nothing about"))

    result = call("check", tmp_path)

    assert result.exit_code == 2
    assert result.stderr.startswith("guardhouse: ")
    assert "content hash" in result.stderr


def test_a_set_that_is_not_canonical_is_exit_code_2(tmp_path: Path) -> None:
    """Its hash agrees, its form does not."""
    write_golden(tmp_path, [item("a")])
    path = tmp_path / "items.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text())) + "\n")

    result = call("check", tmp_path)

    assert result.exit_code == 2
    assert "items.jsonl:1: not canonical JSON" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(item("b")),
        json.dumps([item("b")]),
        json.dumps(item("b")) + "\n" + json.dumps(item("c")) + "\n",
    ],
)
def test_items_come_as_object_array_or_lines(tmp_path: Path, text: str) -> None:
    """From standard input or a file."""
    write_golden(tmp_path, [item("a")])

    result = call("add", tmp_path, "--from-json", "-", stdin=text)

    assert result.exit_code == 0, result.stderr
    assert "1.1.0 (minor:" in result.output
    assert call("check", tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(item("b")).replace('"All about b."', "1e999"), "not finite"),
        ("[" * 100_000, "-:1: not JSON"),
        ('{"id":' + "[" * 500 + "]" * 500 + "}", "nested deeper"),
        ("{}", "new item:1: id"),
        ("{", "-:1: not JSON"),
        (json.dumps(item("a")), "already in the set"),
    ],
)
def test_items_that_cannot_be_added_are_told(tmp_path: Path, text: str, says: str) -> None:
    """Exit code 2, and the set stays as it was."""
    write_golden(tmp_path, [item("a")])

    result = call("add", tmp_path, "--from-json", "-", stdin=text)

    assert result.exit_code == 2
    assert says in result.stderr
    assert call("check", tmp_path).exit_code == 0


def test_diff_names_what_changed_and_the_step(tmp_path: Path) -> None:
    """Between two folders."""
    old = write_golden(tmp_path / "old", [item("a"), item("b")])
    new = write_golden(tmp_path / "new", [item("a", tags=["x"]), item("c")])

    result = call("diff", old, new)

    assert result.output == "added c\nremoved b\nretouched a\nstep: major\n"
    assert json.loads(call("diff", old, new, "--json").output)["step"] == "major"
