"""The journal: what was answered once is not asked again, whatever happened in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import RunError
from evals.journal import Failures, Journal, key
from evals.types import Case, Hit, Output, ToolCall, Usage
from tests.architecture.source import ROOT

FULL = Output(
    text="é\ud800 \n\x00",
    tool_calls=(ToolCall("f", '{"a":1}'),),
    hits=(Hit("d", 0.5, "t", 1, 0, 1), Hit("e", 0.4, "u", 2)),
    verdict="flag",
    entities=("X",),
    usage=Usage(1, 2),
    latency_ms=1.5,
    trace_id="t",
    answered_model="m",
)


def test_an_output_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every field, odd characters included, in another process' eyes."""
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal(path) as journal:
        journal.put("k", FULL)

    with Journal(path) as journal:
        assert journal.get("k") == FULL
        assert journal.get("other") is None


def test_what_json_cannot_hold_is_not_kept(tmp_path: Path) -> None:
    """A score that is not finite, put or found in the file: asked again, no crash and no broken line."""
    with Journal(tmp_path / "j") as journal:
        journal.put("k", Output(hits=(Hit("d", float("nan"), "t", 1),)))
        journal.put("l", FULL)
    with (tmp_path / "j").open("a") as file:
        file.write('{"key":"m","output":{"latency_ms":NaN}}\n' + "[" * 100_000 + "\n")

    with Journal(tmp_path / "j") as journal:
        assert [journal.get(name) for name in "klm"] == [None, FULL, None]


def test_an_error_is_never_kept(tmp_path: Path) -> None:
    """A failed call is asked again."""
    with Journal(tmp_path / "j") as journal:
        journal.put("k", Output(error="down"))

    with Journal(tmp_path / "j") as journal:
        assert journal.get("k") is None


@given(cut=st.integers(0, 10_000))
def test_a_file_cut_anywhere_loses_only_what_was_not_finished(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """Killed in the middle of a line: earlier lines are read, later ones appended after it are too."""
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    with Journal(path) as journal:
        for name in "abc":
            journal.put(name, Output(text=name))
    whole = path.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    path.write_bytes(kept)

    with Journal(path) as journal:
        finished = [name for name in "abc" if journal.get(name)]
        journal.put("d", Output(text="d"))
    with Journal(path) as journal:
        assert [name for name in "abcd" if journal.get(name)] == [*finished, "d"]

    assert len(finished) >= kept.count(b"\n")


def test_the_key_changes_with_item_content_repeat_prompt_and_target() -> None:
    """Whatever may change an output makes it another call."""
    case = Case("a", "h")
    keys = {
        key(case, 0, "p", "s"),
        key(Case("b", "h"), 0, "p", "s"),
        key(Case("a", "i"), 0, "p", "s"),
        key(case, 1, "p", "s"),
        key(case, 0, "q", "s"),
        key(case, 0, "p", "t"),
    }

    assert len(keys) == 6


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where a folder should be: one error that names it."""
    (tmp_path / "file").write_text("")

    with pytest.raises(RunError, match="cannot be written"), Journal(tmp_path / "file" / "journal.jsonl"):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which refuses every write")
def test_a_full_disk_is_told() -> None:
    """The first output that cannot be kept stops the run."""
    with Journal(Path("/dev/full")) as journal, pytest.raises(RunError, match="No space left"):
        journal.put("k", Output(text="x"))


def test_failed_tries_are_kept_apart_until_a_call_ends(tmp_path: Path) -> None:
    """Those of its last round count against its tries, all of them count as requests; an answer forgets nothing."""
    with Journal(tmp_path / "j") as journal:
        journal.fail("k", "HTTP 500")
        journal.put("k", Output(error="HTTP 500"))
        journal.fail("k", "HTTP 500")
        journal.fail("k", "HTTP 429", throttled=True)
        kept = journal.failures("k")

    with Journal(tmp_path / "j") as journal:
        assert journal.failures("k") == kept == Failures(1, 1, 3)
        assert journal.failures("other") == Failures()
        assert "k" not in journal


def test_a_second_process_is_refused_while_the_first_writes(tmp_path: Path) -> None:
    """Two runs in one folder would ask everything twice. When the first is killed, the folder is free."""
    hold = "import sys, time; from pathlib import Path; from evals.journal import Journal\n"
    hold += "with Journal(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    path = tmp_path / "run" / "j"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RunError, match=r"another run is writing to .*run: wait until"), Journal(path):
            pass
        os.kill(process.pid, signal.SIGKILL)

    with Journal(path) as journal:
        assert len(journal) == 0


def test_a_line_that_was_damaged_counts_for_nothing(tmp_path: Path) -> None:
    """Whatever stands there: asked again, and no other line is lost."""
    with Journal(tmp_path / "j") as journal:
        for name in "abc":
            journal.put(name, Output(text="words " * 20))
    data = bytearray((tmp_path / "j").read_bytes())
    data[len(data) // 2] = 0
    (tmp_path / "j").write_bytes(data)

    with Journal(tmp_path / "j") as journal:
        assert [bool(journal.get(name)) for name in "abc"] == [True, False, True]


def test_a_journal_of_an_older_version_is_read(tmp_path: Path) -> None:
    """Every field told, no line but outputs."""
    old = '{"key":"k","output":{"text":"x","tool_calls":[],"hits":null,"verdict":null,"usage":null,"latency_ms":1.5}}\n'
    (tmp_path / "j").write_text(old)

    with Journal(tmp_path / "j") as journal:
        assert journal.get("k") == Output(text="x", latency_ms=1.5)
