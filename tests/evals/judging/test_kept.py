"""Rulings outlive the process that asked for them; what is no ruling is not kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals.errors import RunError
from evals.judging import rubrics
from evals.judging.kept import Rulings
from evals.judging.purse import Tally
from evals.judging.types import Rubric, Ruling
from evals.types import Usage
from tests.architecture.source import ROOT

ONE, MANY = rubrics.load("answer"), rubrics.load("groundedness")
RULING = Ruling("partly", "Half.", usage=Usage(3, 4), answered_model="m", calls=2)


def test_a_ruling_comes_back_as_it_was(tmp_path: Path) -> None:
    """Said to be kept, and to have taken no call now."""
    file = Rulings(tmp_path / "deep" / "judge.sqlite")
    file.put("a", RULING, "side")
    file.put("b", Ruling("unsupported", verdicts=("supported", "unsupported")), "")

    known = file.get("a", ONE)

    assert known is not None
    assert known.side == "side"
    assert known.ruling == Ruling("partly", "Half.", usage=Usage(3, 4), answered_model="m", cached=True)
    again = file.get("b", MANY)
    assert again is not None and again.ruling.verdicts == ("supported", "unsupported")
    assert again.ruling.usage is None
    assert file.get("c", ONE) is None
    file.close()


def test_what_has_no_verdict_is_not_kept(tmp_path: Path) -> None:
    """Refusals, failures and texts that were not read."""
    file = Rulings(tmp_path / "judge.sqlite")

    file.put("a", Ruling("", reason="the judge refused", reply="No."), "")

    assert file.get("a", ONE) is None
    file.close()


def test_the_first_ruling_stays(tmp_path: Path) -> None:
    """Two processes that asked the same agree from then on."""
    file, other = Rulings(tmp_path / "judge.sqlite"), Rulings(tmp_path / "judge.sqlite")
    file.put("a", RULING, "")
    other.put("a", Ruling("wrong"), "")

    known = file.get("a", ONE)

    assert known is not None and known.ruling.verdict == "partly"
    file.close()
    other.close()


def kept(verdict: object = "wrong", verdicts: object = (), usage: object = None, **other: object) -> str:
    """A ruling as it stands in the file."""
    told = {"verdict": verdict, "verdicts": verdicts, "explanation": "", "usage": usage, "model": ""}
    return json.dumps(told | other)


DAMAGED = [
    *[(text, ONE) for text in ("", "{}", "[]", "[" * 9000, kept("great"), kept(["wrong"]), kept(None))],
    *[(kept("wrong", verdicts), ONE) for verdicts in (["x"], ["wrong"], "wrong", None)],
    *[(kept(usage=usage), ONE) for usage in ([1], [1, -1], [1, 2, 3], [1.5, 1], [True, 1], [2**40, 1], "12")],
    *[(kept(model=1), ONE), (kept(explanation=None), ONE)],
    *[(kept("supported", verdicts), MANY) for verdicts in ([], ["supported", "unsupported"], ["x"])],
    *[(kept("unsupported", verdicts), MANY) for verdicts in (["supported"], ["unsupported"] * 3)],
]


@pytest.mark.parametrize(("text", "rubric"), DAMAGED)
def test_a_damaged_ruling_is_none(tmp_path: Path, text: str, rubric: Rubric) -> None:
    """It is asked for again, and the new one takes its place."""
    file = Rulings(tmp_path / "judge.sqlite")
    file._write("insert into ruling values (?, ?, ?)", ("a", "", text))

    assert file.get("a", rubric, 2 if rubric.each else 0) is None
    file.put("a", Ruling("supported", verdicts=("supported",)) if rubric.each else RULING, "")
    assert file.get("a", rubric) is not None
    file.close()


def test_each_side_has_its_books(tmp_path: Path) -> None:
    """Requests that failed are requests; a reply without a count is uncounted."""
    file = Rulings(tmp_path / "judge.sqlite")
    for side, usage, answered in (
        ("a", Usage(10, 1), True),
        ("a", None, True),
        ("a", None, False),
        ("b", Usage(5, 2), True),
    ):
        file.settled(file.sent(side, Usage(100, 150)), usage, answered)

    assert file.tallies() == {
        "a": Tally(3, 10, 1, 1, expected=Usage(100, 150)),
        "b": Tally(1, 5, 2, 0),
    }
    file.sent("b", Usage(7, 150))
    assert file.tallies()["b"] == Tally(2, 5, 2, 1, expected=Usage(7, 150))
    file.close()


def test_a_killed_process_loses_nothing_that_it_kept(tmp_path: Path) -> None:
    """It ends without closing the file."""
    code = (
        "import os, sys; from pathlib import Path; from evals.judging.kept import Rulings;"
        "from evals.judging.types import Ruling; file = Rulings(Path(sys.argv[1]));"
        "[file.put(str(n), Ruling('wrong'), '') for n in range(50)]; os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "judge.sqlite")], cwd=ROOT)

    file = Rulings(tmp_path / "judge.sqlite")
    assert all(file.get(str(n), ONE) is not None for n in range(50))
    file.close()


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "judge.sqlite").write_text("not a database, but long enough to be taken for one" * 40)

    with pytest.raises(RunError, match=r"judge\.sqlite cannot be used"):
        Rulings(tmp_path / "judge.sqlite")
