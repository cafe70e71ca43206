"""`guardhouse traces`: for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from proxy.cli_admin import register
from proxy.document import document
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from tests.proxy.exchanges import SECRET, masked


def _run(folder: Path, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(folder)])


def test_traces_are_listed_shown_and_exported(tmp_path: Path) -> None:
    """What the commands print is the stored form."""
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    exchanges = [masked(str(n), model="small\x1b[31m") for n in range(3)]
    store.write([document(one) for one in exchanges])
    store.close()

    listed = _run(tmp_path, "traces", "list", "--rule", "pii", "--since", "1h")
    shown = json.loads(_run(tmp_path, "traces", "show", exchanges[0].id).stdout)
    exported = _run(tmp_path, "traces", "export").stdout.splitlines()

    assert len(listed.stdout.splitlines()) == 3
    assert "\x1b" not in listed.stdout
    assert shown == {
        **document(exchanges[0]),
        "reviews": [],
        "outside": [],
        "feedback": [],
        "content": "kept",
    }
    assert {json.loads(line)["id"] for line in exported} == {one.id for one in exchanges}
    assert SECRET not in listed.stdout + "".join(exported)
    file = tmp_path / "out.jsonl"
    assert _run(tmp_path, "traces", "export", "-o", str(file)).exit_code == 0
    assert file.read_text(encoding="utf-8").splitlines() == exported


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("traces", "show", "nothing"), "no trace with this id"),
        (("traces", "list", "--since", "yesterday"), "RFC 3339"),
        (("traces", "export", "-o", "/nowhere/x"), "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    """What is wrong and what to do, on standard error."""
    result = _run(tmp_path, *arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_data_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A misspelt folder must not look like an empty one."""
    result = _run(tmp_path / "typo", "traces", "list")

    assert (result.exit_code, (tmp_path / "typo").exists()) == (2, False)


def test_traces_are_listed_by_a_filter(tmp_path: Path) -> None:
    """A mistake is pointed at."""
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    store.write([document(masked("zebra")), document(masked("other"))])
    store.close()

    found = _run(tmp_path, "traces", "list", "zebra since:1h")
    wrong = _run(tmp_path, "traces", "list", "zebra modl:x")

    assert len(found.stdout.splitlines()) == 1
    assert wrong.exit_code == 2
    assert "Did you mean model?" in wrong.stderr
    assert wrong.stderr.splitlines()[-1].index("^") == wrong.stderr.splitlines()[-2].index("modl")
