"""The command `eval rescore` without a proxy; with one it is in test_rescoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals import document
from evals.types import Output
from tests.evals.commands import call
from tests.evals.conftest import item, make_run, write_golden


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of one case, and its golden set."""
    golden = write_golden(tmp_path / "golden", [item("a")])
    from evals import golden as sets

    (case,) = sets.load(golden).cases
    made = make_run({"exact": {"a": [0.5]}})
    kept = made.items[0]
    output = Output(text=case.expected.answer or "", trace_id="0" * 32)
    fields: dict[str, Any] = {"sha256": case.sha256, "output": output}
    from dataclasses import replace

    document.save(replace(made, items=(replace(kept, **fields),)), tmp_path / "run.json")
    return tmp_path / "run.json"


def test_a_run_is_scored_again_beside_itself(run: Path) -> None:
    """The value is what the scorer says now; the run itself stays."""
    before = run.read_bytes()
    done = call("eval", "rescore", run, "--golden", run.parent / "golden")
    again = document.load(run.parent / "rescored" / "run.json")

    assert done.exit_code == 0, done.output
    assert again.items[0].scores["exact"].value == 1.0
    assert run.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scorer", "nonsense"], "there is no scorer 'nonsense'"),
        (["--from", "ftp://x", "--scorer", "recall@5"], "--from is not a plain web address"),
        (["--from", "http://user:word@x", "--scorer", "recall@5"], "--from is not a plain web address"),
        (["--from", "http://x"], "the run has no scorer of retrieval"),
        (["--from", ""], "--from is empty"),
        (
            ["--from", "http://x", "--key", "a\nb", "--scorer", "recall@5"],
            "holds a character that no key has",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Path, options: list[str], says: str) -> None:
    """With exit code 2, and no password in it."""
    done = call("eval", "rescore", run, "--golden", run.parent / "golden", *options)

    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr
    assert "word" not in done.stderr
