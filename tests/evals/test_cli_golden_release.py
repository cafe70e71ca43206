"""`guardhouse golden diff | release | quarantine`, as a user runs them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from evals.cli_golden_release import register
from tests.evals.conftest import item, write_golden

app = typer.Typer()
register(app)


def call(*arguments: object) -> Any:
    """The result of a command."""
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_diff_names_what_changed_and_the_step(tmp_path: Path) -> None:
    """Between two folders, field by field."""
    old = write_golden(tmp_path / "old", [item("a"), item("b")])
    new = write_golden(tmp_path / "new", [item("a", tags=["x"]), item("c")])

    result = call("diff", old, new)

    assert result.output == 'added c\nremoved b\nretouched a\n  tags: [] → ["x"]\nstep: major\n'
    told = json.loads(call("diff", old, new, "--json").output)
    assert told["step"] == "major"
    assert told["fields"] == {"a": [{"field": "tags", "before": [], "after": ["x"]}]}


def test_a_long_text_is_shown_where_it_differs(tmp_path: Path) -> None:
    """With what drives terminals written out."""
    texts = ["x" * 500 + end + "y" * 500 for end in ("old", "new\x1b[2J")]
    old, new = (write_golden(tmp_path / text[500:503], [item("a", note=text)]) for text in texts)

    line = call("diff", old, new).output.splitlines()[1]

    assert "old" in line and "new" in line and len(line) < 300 and "\x1b" not in line


def test_a_place_without_a_set_is_one_line(tmp_path: Path) -> None:
    """A folder that is not there, a ref that nobody has."""
    write_golden(tmp_path, [item("a")])
    for place in (tmp_path / "none", "nobody:x"):
        result = call("diff", place, tmp_path)
        assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1


def test_edits_by_hand_are_released(tmp_path: Path) -> None:
    """The version follows from the edits; a second time there is nothing to do."""
    write_golden(tmp_path, [item("a")])
    assert "1.0.1 after 1.0.0 (patch: the manifest alone)" in call("release", tmp_path).output
    (tmp_path / "items.jsonl").write_text(json.dumps(item("a")) + "\n" + json.dumps(item("b")) + "\n")

    result = call("release", tmp_path, "--reviewed-by", "ada", "--note", "By hand.")

    assert result.output == f"{tmp_path}: 1.1.0 after 1.0.1 (minor: 1 added)\n"
    assert json.loads((tmp_path / "manifest.json").read_text())["reviewed_by"] == "ada"
    assert "Added b. By hand." in (tmp_path / "CHANGELOG.md").read_text()
    assert call("release", tmp_path).output == f"{tmp_path}: 1.1.0, nothing changed\n"
    assert json.loads(call("release", tmp_path, "--json").output)["written"] is False


def test_a_smaller_version_is_refused(tmp_path: Path) -> None:
    """With the version that would do, and why."""
    write_golden(tmp_path, [item("a")])
    call("release", tmp_path)
    (tmp_path / "items.jsonl").write_text(json.dumps(item("a", expected={"answer": "Other."})) + "\n")

    result = call("release", tmp_path, "--version", "1.1.0")

    assert result.exit_code == 2
    assert "1.1.0 is too small after 1.0.1: what changed asks for 2.0.0 (major: a)" in result.stderr


def test_personal_data_is_told_on_release(tmp_path: Path) -> None:
    """With its kind and item."""
    write_golden(tmp_path, [item("a", input={"question": "Is jo.bloggs@bloggs-law.co.uk your address?"})])

    assert "1 EMAIL_ADDRESS in a" in call("release", tmp_path).stderr


def test_quarantine_begins_and_is_lifted(tmp_path: Path) -> None:
    """Owner and end are needed; the version steps each time."""
    write_golden(tmp_path, [item("a"), item("b")])
    day = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()

    assert "owner" in call("quarantine", tmp_path, "a", "--until", day).stderr
    begun = call("quarantine", tmp_path, "a", "--owner", "ada", "--until", day, "--reason", "flaky")
    assert begun.output == f"{tmp_path}: 2.0.0 (major: a quarantined until {day})\n"
    assert "takes no" in call("quarantine", tmp_path, "a", "--lift", "--owner", "ada").stderr
    assert json.loads(call("quarantine", tmp_path, "a", "--lift", "--json").output)["version"] == "3.0.0"
