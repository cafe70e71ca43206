"""`guardhouse traces erase` and `subject`: for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import guardhouse
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from proxy.store.spool_seal import Seal
from tests.evals.conftest import item, write_golden
from tests.proxy.store.persons import Person, found, person


def _run(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(guardhouse.app, ["traces", *map(str, arguments), "--data-dir", str(folder)])


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    """Somebody in the store of a folder, beside somebody else."""
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    made = person(store, "ada")
    person(store, "bob")
    store.close()
    return made


def test_a_person_is_counted_told_and_erased_everywhere(tmp_path: Path, ada: Person) -> None:
    """In the store and in golden sets; the receipt does the same on another machine."""
    there = {"provenance": {"trace": ada.traces[0].id}}
    sets = [
        write_golden(tmp_path / name / "toy", [item("a", **there), item("b")]) for name in ("here", "there")
    ]
    output, receipt = tmp_path / "ada.jsonl", tmp_path / "receipt.json"
    who = ("--user", "ada")

    counted = _run(tmp_path, "erase", *who, "--dry-run", "--json", "--golden", sets[0])
    told = _run(tmp_path, "subject", *who, "-o", output, "--golden", sets[0])
    done = _run(
        tmp_path, "erase", *who, "--reason", "r", "--yes", "--receipt", receipt, "--golden", sets[0].parent
    )
    away = CliRunner().invoke(guardhouse.app, ["golden", "erase", str(receipt), str(sets[1])])

    assert (json.loads(counted.stdout)["traces"], told.exit_code, done.exit_code) == (3, 0, 0), done.output
    assert list(json.loads(counted.stdout)["golden_items"].values()) == [["a"]]
    kinds = [json.loads(line)["kind"] for line in output.read_text().splitlines()]
    assert (kinds[0], kinds.count("trace"), kinds.count("golden_item")) == ("subject", 3, 1)
    assert json.loads(receipt.read_text())["traces"] == sorted(one.id for one in ada.traces)
    assert away.exit_code == 0
    for each in sets:
        assert [json.loads(line)["id"] for line in (each / "items.jsonl").read_text().splitlines()] == ["b"]
        assert json.loads((each / "manifest.json").read_text())["version"] == "2.0.0"
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    assert found(store, ada.word) == [0]
    store.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("erase",), "whose traces"),
        (("erase", "--user", "ada", "--session", "s", "--reason", "r"), "whose traces"),
        (("erase", "--user", "ada"), "reason"),
        (("erase", "--user", "ada", "--reason", "r"), "--yes"),
        (("erase", "colour:red", "--reason", "r", "--yes"), "character 1"),
        (("erase", "--session", "s", "--scan", "--reason", "r"), "--scan"),
        (("subject", "--user", "ada", "-o", "/nowhere/x"), "cannot be written"),
        (("subject", "--user", "ada", "--raw"), "--reason"),
        (
            ("erase", "--user", "ada", "--reason", "r", "--yes", "--receipt", "/nowhere/x"),
            "cannot be written",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, ada: Person, arguments: tuple[str, ...], says: str
) -> None:
    """What is wrong and what to do; nothing is erased."""
    result = _run(tmp_path, *arguments)

    assert (result.exit_code, says in result.stderr, len(result.stderr.splitlines())) == (2, True, 1)
    assert json.loads(_run(tmp_path, "erase", "--user", "ada", "--dry-run", "--json").stdout)["traces"] == 3


def test_nothing_to_go_on_with_is_no_error(tmp_path: Path, ada: Person) -> None:
    """It is said."""
    for more in ((), ("--json",), ("--golden", tmp_path)):
        result = _run(tmp_path, "erase", "--resume", *more)
        assert (result.exit_code, "nothing to go on with" in result.output) == (0, True), result.output


@pytest.mark.parametrize("late", [False, True], ids=["cut off", "thought of later"])
def test_golden_sets_are_done_when_it_is_gone_on_with(
    tmp_path: Path, ada: Person, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Cut off before them, or asked for without them; the receipt is there before they are begun."""
    monkeypatch.chdir(tmp_path)
    toy = write_golden(tmp_path / "toy", [item("a", provenance={"trace": ada.traces[0].id}), item("b")])
    asked: tuple[object, ...] = ("erase", "--user", "ada", "--reason", "r", "--yes")

    if late:
        assert _run(tmp_path, *asked).exit_code == 0
    else:
        (toy / "manifest.json").rename(toy / "away")  # nothing to count, and then it is cut off
        with monkeypatch.context() as killed:
            killed.setattr("proxy.cli_subjects._golden_told", _cut_off)
            assert _run(tmp_path, *asked, "--golden", toy).exit_code == 1
        (toy / "away").rename(toy / "manifest.json")
    (receipt,) = tmp_path.glob("erasure-*.json")
    if not late:
        receipt.unlink()
    done = _run(tmp_path, "erase", "--resume", "--golden", toy)

    assert (done.exit_code, receipt.exists(), "without a" in done.output) == (0, True, True), done.output
    assert [json.loads(line)["id"] for line in (toy / "items.jsonl").read_text().splitlines()] == ["b"]
    assert "nothing to go on with" in _run(tmp_path, "erase", "--resume", "--golden", toy).output


def _cut_off(*_: object) -> None:
    raise RuntimeError("killed")


def test_who_was_erased_before_is_erased_in_golden_sets_the_next_time(tmp_path: Path, ada: Person) -> None:
    """Items that name only a trace of theirs belong to them still."""
    toy = write_golden(tmp_path / "toy", [item("a", provenance={"trace": ada.traces[0].id}), item("b")])
    asked = ("erase", "--user", "ada", "--reason", "r", "--yes", "--receipt", tmp_path / "r.json")

    _run(tmp_path, *asked)
    _run(tmp_path, *asked, "--golden", toy)

    assert [json.loads(line)["id"] for line in (toy / "items.jsonl").read_text().splitlines()] == ["b"]


def test_what_was_refused_is_below_the_data_folder(tmp_path: Path, ada: Person) -> None:
    """The command knows where."""
    file = tmp_path / "spool" / "refused" / "1.sealed"
    file.parent.mkdir(parents=True)
    told = {"kind": "feedback", "id": "f", "target": ada.traces[0].id}
    file.write_bytes(Seal(load_key(tmp_path)).close(json.dumps(told).encode()))

    _run(tmp_path, "erase", "--user", "ada", "--reason", "r", "--yes", "--receipt", tmp_path / "r.json")

    assert not file.exists()
    assert json.loads((tmp_path / "r.json").read_text())["refused"]["deleted"] == 1


def test_that_nobody_is_known_under_a_name_is_said(tmp_path: Path, ada: Person) -> None:
    """It is no error: perhaps nothing is held."""
    for more in (("--dry-run",), ("--reason", "r", "--yes", "--receipt", tmp_path / "r.json")):
        for name, says in (("Ada?", True), ("ada", False)):
            told = _run(tmp_path, "erase", "--user", name, *more)
            assert (told.exit_code, "nothing is held under this name" in told.output) == (0, says)
