"""`guardhouse traces verify` and `guardhouse traces evidence`, as an auditor runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from typer.testing import CliRunner, Result

import guardhouse
from proxy.config_audit import FILE
from proxy.store.audit import acts
from proxy.store.db import url_of
from proxy.store.keyfile import load_key
from proxy.store.rotation import open_rooted
from proxy.store.tables_governance import AUDIT_EVENT
from tests.proxy.store.aged import trace
from tests.proxy.store.tampering import grown


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a log of five acts, and traces."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    store = open_rooted(url_of(folder, None), folder)
    grown(store, 5)
    store.write([trace(1)])
    store.close()
    return folder


def run(*words: str) -> Result:
    """One command of the group."""
    return CliRunner().invoke(guardhouse.app, ["traces", *words])


def harmed(data: Path, statement: object) -> None:
    """Something done to the database behind the proxy's back."""
    store = open_rooted(url_of(data, None), data)
    with store.begin() as connection:
        connection.execute(statement)  # type: ignore[call-overload]
    store.close()


def test_a_sound_log_exits_0_and_says_what_is_open(data: Path) -> None:
    """In words and as JSON; the anchors of the data folder are used without being asked for."""
    done = run("verify", "--data-dir", str(data))
    assert done.exit_code == 0 and "5 events" in done.output and "nothing found" in done.output
    assert "no seal covers yet" in done.output
    told = json.loads(run("verify", "--data-dir", str(data), "--json").stdout)
    assert told["sound"] and told["anchored_until"] == 5 and told["anchors"] == str(data / FILE)


def test_evidence_exits_1_with_its_place(data: Path) -> None:
    """An edit, and a log that was shortened together with its head."""
    harmed(data, update(AUDIT_EVENT).where(AUDIT_EVENT.c.seq == 3).values(actor="eve"))
    done = run("verify", "--data-dir", str(data))
    assert done.exit_code == 1 and "event 3 (" in done.output and "was changed" in done.output
    harmed(data, delete(AUDIT_EVENT).where(AUDIT_EVENT.c.seq > 3))
    assert "events 4 to 5 are missing" in run("verify", "--data-dir", str(data), "--events-only").output


def test_what_cannot_be_checked_exits_2(data: Path, tmp_path: Path) -> None:
    """No database, no key, another key, no such anchors, no pack: one line each, and nothing is made."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("verify", "--data-dir", str(empty)).exit_code == 2 and not list(empty.iterdir())
    load_key(empty)
    assert run("verify", "--data-dir", str(empty)).exit_code == 2
    assert not (empty / "guardhouse.sqlite3").exists()
    configured = tmp_path / "anchored.yaml"
    configured.write_text(f"guardhouse:\n  data_dir: {data}\n  audit:\n    anchor_file: gone.jsonl\n")
    (empty / "guardhouse.sqlite3").write_bytes((data / "guardhouse.sqlite3").read_bytes())
    for words in (
        ("--data-dir", str(empty)),
        ("--data-dir", str(data), "--anchors", str(tmp_path / "none")),
        ("--data-dir", str(data), "--key-file", str(data / "key")),
        ("--config", str(configured)),
        ("--pack", str(empty)),
        ("--pack", str(data / "key")),
    ):
        done = run("verify", *words)
        assert done.exit_code == 2 and len(done.stderr.splitlines()) == 1, done.output


def test_evidence_is_one_command(data: Path, tmp_path: Path) -> None:
    """A folder or a zip, which the same command checks; with the key in a private file."""
    key = tmp_path / "verification.key"
    words = ("--since", "30d", "--data-dir", str(data))
    assert run("evidence", *words, "-o", str(tmp_path / "pack"), "--key-out", str(key)).exit_code == 0
    assert run("evidence", *words, "-o", str(tmp_path / "pack.zip")).exit_code == 0
    assert key.stat().st_mode & 0o077 == 0
    for pack in ("pack", "pack.zip"):
        done = run("verify", "--pack", str(tmp_path / pack), "--key-file", str(key))
        assert done.exit_code == 0, done.output
        assert run("verify", "--pack", str(tmp_path / pack)).exit_code == 0
    store = open_rooted(url_of(data, None), data)
    assert [act["action"] for act in acts(store, 2)] == ["evidence.pack", "evidence.pack"]
    store.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "soon", "-o", "x"), "since"),
        (("--since", "1d", "--until", "2d", "-o", "x"), "before it begins"),
        (("--since", "1d", "-o", "data"), "is there already"),
        (("--since", "1d", "-o", "x", "--key-out", "data/key"), "data/key is there already"),
        (("--since", "1d", "-o", "no/such/folder"), "cannot be written"),
        (("--since", "1d", "-o", "x", "--anchors", "none"), "there is no file none"),
    ],
)
def test_what_cannot_be_meant_is_one_line(data: Path, words: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what to do."""
    done = run("evidence", "--data-dir", str(data), *words)
    assert done.exit_code == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1
    assert not Path("x").exists()
