"""The cache: what was answered well is answered again, in other runs and other processes; nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals.cache import Cache, keepable
from evals.errors import RunError
from evals.types import Hit, Output, ToolCall, Usage
from tests.architecture.source import ROOT
from tests.evals.test_journal import FULL

HIT = Hit("d", 0.5, "t", 1)
_WRITER = """
import sys
from pathlib import Path
from evals.cache import Cache
from evals.types import Output

with Cache(Path(sys.argv[1])) as cache:
    for number in range(200):
        cache.put(f"{sys.argv[2]} {number}", Output(text="x"))
        cache.put(f"shared {number}", Output(text=sys.argv[2]))
"""


def test_an_output_comes_back_in_another_run(tmp_path: Path) -> None:
    """Every field, odd characters included; the first one stays."""
    path = tmp_path / "deep" / "cache.sqlite3"
    with Cache(path) as cache:
        cache.put("k", FULL)
        cache.put("k", Output(text="later"))

    with Cache(path) as cache:
        assert (cache.get("k"), cache.get("other")) == (FULL, None)


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        (Output(text="x"), True),
        (Output(tool_calls=(ToolCall("f", "{}"),)), True),
        (Output(hits=(HIT,)), True),
        (Output(error="HTTP 500"), False),
        (Output(verdict="block"), False),
        (Output(), False),
        (Output(usage=Usage(1, 0)), False),
        (Output(hits=(HIT,), answered_model="m"), False),
        (Output(tool_calls=(ToolCall("f", '{"a":'),)), False),
    ],
)
def test_only_good_answers_are_kept(tmp_path: Path, output: Output, kept: bool) -> None:
    """No error, no refusal, no empty reply, no arguments that cannot be read."""
    with Cache(tmp_path / "c") as cache:
        cache.put("k", output)

        assert (keepable(output), cache.get("k") is not None) == (kept, kept)


def test_what_json_cannot_hold_is_not_kept(tmp_path: Path) -> None:
    """A score that is not finite."""
    with Cache(tmp_path / "c") as cache:
        cache.put("k", Output(hits=(Hit("d", float("nan"), "t", 1),)))

        assert cache.get("k") is None


def test_several_processes_write_at_a_time(tmp_path: Path) -> None:
    """Nothing is lost, and what both asked is there once."""
    command = [sys.executable, "-c", _WRITER, str(tmp_path / "c")]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("a", "b")]

    assert [process.wait(60) for process in running] == [0, 0]
    with Cache(tmp_path / "c") as cache:
        assert all(cache.get(f"{name} {number}") for name in ("a", "b", "shared") for number in range(200))


@pytest.mark.parametrize(
    "content", [b"this is no database, but it is long enough" * 100, b"SQLite format 3\0x"]
)
def test_a_file_that_is_no_cache_is_told(tmp_path: Path, content: bytes) -> None:
    """One error that says what to do."""
    (tmp_path / "c").write_bytes(content)

    with pytest.raises(RunError, match=r"cannot be used .*: choose another --cache"), Cache(tmp_path / "c"):
        pass


def test_a_damaged_entry_is_told(tmp_path: Path) -> None:
    """Never an output that nobody gave."""
    import sqlite3

    with Cache(tmp_path / "c") as cache:
        cache.put("k", Output(text="x"))
    with sqlite3.connect(tmp_path / "c") as database:
        database.execute("update output set output = ?", (json.dumps({"text": 3}),))
    database.close()

    with Cache(tmp_path / "c") as cache, pytest.raises(RunError, match="damaged"):
        cache.get("k")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where a folder should be."""
    (tmp_path / "file").write_text("")

    with pytest.raises(RunError, match=r"cannot be used"), Cache(tmp_path / "file" / "c"):
        pass
