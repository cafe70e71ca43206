"""`guardhouse golden …`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from evals.cli_golden import register
from evals.golden import read_items
from evals.releasing import Wish, release
from tests.evals.conftest import item, write_golden

app = typer.Typer()
register(app)


def call(*arguments: object, stdin: str = "") -> Any:
    """The result of a command."""
    return CliRunner().invoke(app, ["golden", *map(str, arguments)], input=stdin)


def whole(directory: Path, *items: dict[str, Any]) -> Path:
    """A released set."""
    release(write_golden(directory, items), Wish())
    return directory


def test_a_good_set_checks(tmp_path: Path) -> None:
    """With name, version and count; as JSON too."""
    whole(tmp_path, item("a"), item("b"))

    assert call("check", tmp_path).stdout == "toy 1.0.1: 2 active items, hash agrees\n"
    assert json.loads(call("check", tmp_path, "--json").stdout)["n"] == 2


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
    whole(tmp_path, item("a"))

    result = call("add", tmp_path, "--from-json", "-", stdin=text)

    assert result.exit_code == 2
    assert says in result.stderr
    assert call("check", tmp_path).exit_code == 0


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    """One line each, errors and warnings; `--json` has them with all items."""
    whole(tmp_path, item("a"), item("b", input={"question": "What about a?"}), item("c", label={}))

    result = call("check", tmp_path)
    told = json.loads(call("check", tmp_path, "--json").stdout)["complaints"]

    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, len(lines)) == (2, "", 3)
    assert lines[0] == "guardhouse: the same input twice: b = a: keep one of each"
    assert "guardhouse: warning: labels that do not say when they were given: a, b" in result.stderr
    assert [each["level"] for each in told] == ["error", "error", "warning"] and told[1]["ids"] == ["c"]


def test_warnings_count_only_when_asked(tmp_path: Path) -> None:
    """`--strict` makes them errors."""
    whole(tmp_path, item("a"))

    assert call("check", tmp_path).exit_code == 0
    assert call("check", tmp_path, "--strict").exit_code == 2


def test_an_input_in_a_prompt_is_exit_code_2(tmp_path: Path) -> None:
    """Several prompts may be named; one that is not there is told."""
    whole(tmp_path / "set", item("a", input={"question": "What is the way to Millgate?"}))
    clean, leaky = tmp_path / "clean.txt", tmp_path / "leaky.txt"
    clean.write_text("Answer from the passages alone.")
    leaky.write_text("Example: what is the WAY\nto Millgate? Left.")

    assert call("check", tmp_path / "set", "--prompt", clean).exit_code == 0
    result = call("check", tmp_path / "set", "--prompt", clean, "--prompt", leaky)
    assert result.exit_code == 2 and f"inputs that stand in {leaky}: a" in result.stderr
    assert "cannot be read" in call("check", tmp_path / "set", "--prompt", tmp_path / "none").stderr


def test_a_set_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """And JSON where JSON was asked for."""
    result = call("check", tmp_path / "none", "--json")

    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert json.loads(result.stdout)["complaints"][0]["level"] == "error"


def test_one_source_of_items_is_needed(tmp_path: Path) -> None:
    """None, or two of them, are refused."""
    whole(tmp_path, item("a"))

    assert "two sources" in call("add", tmp_path).stderr
    assert "two sources" in call("add", tmp_path, "--from-json", "x", "--import", "y").stderr


def test_without_a_key_and_a_terminal_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to type it."""
    monkeypatch.delenv("GUARDHOUSE_API_KEY", raising=False)
    result = call(
        "add",
        write_golden(tmp_path, [item("a")]) or tmp_path,
        "--from",
        "http://127.0.0.1:1/api/golden/candidates/x",
    )

    assert result.exit_code == 2 and "GUARDHOUSE_API_KEY" in result.stderr
    assert len(result.stderr.splitlines()) == 1


CSV = (
    "question,answer,note\nUntil when?,Until six.,Said by jo.bloggs@bloggs-law.co.uk\nWhere?,At Quayside.,\n"
)


def files(directory: Path) -> dict[str, bytes]:
    """What is in a folder and below it."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("option", ["--import", "--from-json"])
def test_a_dry_run_writes_nothing_from_any_source(tmp_path: Path, option: str, is_new: bool) -> None:
    """The lines that would be added are printed, and adding them does what was told."""
    sets, source = tmp_path / "sets", tmp_path / "more.csv"
    source.write_text(CSV if option == "--import" else json.dumps([item("b"), item("c")]))
    if not is_new:
        whole(sets / "one", item("a"))
    before = files(tmp_path)

    result = call("add", sets / "one", option, source, "--dry-run")
    as_json = json.loads(call("add", sets / "one", option, source, "--dry-run", "--json").stdout)

    assert result.exit_code == 0 and "nothing was written" in result.stderr
    assert files(tmp_path) == before and sets.exists() is not is_new
    added = [json.loads(line)["id"] for line in result.stdout.splitlines()]
    assert (as_json["version"], sorted(as_json["added"]), len(added)) == ("", sorted(added), 2)
    assert call("add", sets / "one", option, source).exit_code == 0
    assert {*added} <= {each["id"] for each in read_items(sets / "one" / "items.jsonl")}


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_personal_data_in_what_is_added_is_told(tmp_path: Path, more: tuple[str, ...]) -> None:
    """As a release tells it, also where only the note has it."""
    (tmp_path / "more.csv").write_text(CSV)
    lines = json.dumps(item("b", context=["Write to jo.bloggs@bloggs-law.co.uk."]))
    whole(tmp_path / "set", item("a"))

    imported = call("add", tmp_path / "set", "--import", tmp_path / "more.csv", *more)
    given = call("add", tmp_path / "set", "--from-json", "-", *more, stdin=lines)

    for result in (imported, given):
        assert result.exit_code == 0
        assert "warning: what looks like somebody's data or secrets" in result.stderr, result.stderr


@pytest.mark.parametrize("there", ["nothing", "folder", "empty file"])
def test_an_import_starts_a_set(tmp_path: Path, there: str) -> None:
    """Named as its folder, and only a licence short of one that checks."""
    directory = tmp_path / "sets" / "hours"
    if there != "nothing":
        directory.mkdir(parents=True)
    if there == "empty file":
        (directory / "items.jsonl").write_text("\n")
    (tmp_path / "more.csv").write_text(CSV.replace("jo.bloggs@bloggs-law.co.uk", "ada"))

    result = call("add", directory, "--import", tmp_path / "more.csv")

    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{directory}: 1.0.0 (minor: 2 added, 0 changed, 0 retouched)\n"
    assert "--licence" in result.stderr
    assert [line for line in call("check", directory).stderr.splitlines() if "warning" not in line] == [
        "guardhouse: the manifest names no licence: run `guardhouse golden release` with --licence"
    ]
    assert call("release", directory, "--licence", "CC0-1.0").exit_code == 0
    assert call("check", directory).exit_code == 0


def test_no_command_sends_to_one_that_sends_back(tmp_path: Path) -> None:
    """Of a folder with an empty file, a release says to add, adding from a proxy does not say to release."""
    (tmp_path / "items.jsonl").write_text("")

    released = call("release", tmp_path)
    fetched = call("add", tmp_path, "--from", "http://127.0.0.1:1/api/golden/candidates/x", "--key", "k")

    assert (released.exit_code, fetched.exit_code) == (2, 2)
    assert "golden add --from-json" in released.stderr and "release" not in fetched.stderr
    assert call("add", tmp_path, "--from-json", "-", stdin=json.dumps(item("a"))).exit_code == 0
