"""The run document: written, read back, refused when it is something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evals.document import dump, load, parse, save, score_line, text, write
from evals.errors import RunError
from evals.gate import judge
from evals.run import Gating, Run, RunItem
from evals.types import Cause, Evidence, Hit, Output, Score, ScoreSpan
from tests.evals.conftest import make_run, missing


def full() -> Run:
    """A run with one of everything."""
    span = ScoreSpan(0, 4, "baseless", Evidence(0, 1, 2))
    run = make_run(
        {
            "f1": {
                "a": [0.5, missing()],
                "b": [Score.of(1, "fine", (span, ScoreSpan(1, 2, "conflict"))), 0.25],
            }
        },
        texts={"a": "é\x00\ud800<b>"},
        gating=[Gating("f1", min=0.1)],
    )
    item = run.items[0]
    output = Output(text="x", hits=(Hit("d", 0.5, "t", 1, 0, 1),), verdict="flag", entities=("E",))
    items = (RunItem(item.id, item.sha256, item.repeat, output, item.scores), *run.items[1:])
    return judge(Run(**{**{name: getattr(run, name) for name in Run.__slots__}, "items": items}), run)


def test_a_run_comes_back_as_it_was() -> None:
    """Everything that is written is read."""
    run = full()

    assert parse(json.dumps(dump(run)).encode(), "x") == run


def test_the_document_has_the_published_shape() -> None:
    """Format first; spans say `class`; unscored is null, never 0 or NaN."""
    document = dump(full())

    assert next(iter(document.items())) == ("format", "guardhouse.run/1")
    assert {"id", "created_at", "suite", "golden", "prompt", "target", "repeats", "scorers", "summary"} < set(
        document
    )
    assert document["items"][2]["scores"]["f1"]["spans"][0] == {
        "start": 0,
        "end": 4,
        "class": "baseless",
        "evidence": {"context": 0, "start": 1, "end": 2},
    }
    assert document["items"][1]["scores"]["f1"]["value"] is None
    assert document["items"][1]["scores"]["f1"]["status"] == "unscored"


def test_a_score_line_says_who_gave_it_and_what_it_looked_at() -> None:
    """As `guardhouse eval score` prints it."""
    given = Score.of(0.5, spans=(ScoreSpan(1, 3, "conflict"),), looked_at="1 claim", coverage=1.0)
    line = score_line(given, "groundedness", "1")

    span = {"start": 1, "end": 3, "class": "conflict", "evidence": None}
    seen = {"looked_at": "1 claim", "coverage": 1.0, "scorer": "groundedness", "version": "1"}
    assert line == {"status": "scored", "value": 0.5, "spans": [span], "reason": "", **seen}
    unread = replace(Score.unscored("the judge refused", Cause.SCORER), reply="No.")
    told = score_line(unread, "answer_judged", "1")
    assert (told["value"], told["reason"], told["cause"], told["reply"]) == (
        None, "the judge refused", "scorer", "No.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "x is not JSON"),
        ('{"format":"guardhouse.run/1","id":NaN}', "x is not JSON"),
        ("[]", "not a guardhouse.run/1 document"),
        ('{"format":"other/2"}', "not a guardhouse.run/1 document.*other/2"),
        ('{"format":"guardhouse.run/1"}', "x: id: Field required"),
        ('{"format":"guardhouse.run/1","items":[3]}', "x: "),
    ],
)
def test_what_is_not_a_run_is_refused(text: str, says: str) -> None:
    """With the file and the field."""
    with pytest.raises(RunError, match=says):
        parse(text.encode(), "x")


def test_a_score_that_contradicts_itself_is_refused() -> None:
    """Scored without a value: somebody's zero or NaN got lost."""
    document = dump(full())
    document["items"][0]["scores"]["f1"] |= {"status": "scored", "value": None}

    with pytest.raises(RunError, match="finite"):
        parse(json.dumps(document).encode(), "x")


def test_files_are_written_whole_or_told(tmp_path: Path) -> None:
    """Saved runs load again, with odd characters; a folder that cannot be made is one error."""
    save(full(), tmp_path / "deep" / "run.json")
    (tmp_path / "file").write_text("")

    assert load(tmp_path / "deep" / "run.json").id == "run-1"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run.json"]
    with pytest.raises(RunError, match="cannot be written"):
        write(tmp_path / "file" / "x", "")
    with pytest.raises(RunError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_a_run_with_a_number_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    """One error, and no file."""
    with pytest.raises(RunError, match="not finite"):
        save(
            make_run({"f1": {"a": [0.5]}}, gating=[Gating("f1", margin=float("inf"))]), tmp_path / "run.json"
        )

    assert not list(tmp_path.iterdir())


def test_a_document_is_written_item_by_item_and_reads_the_same(tmp_path: Path) -> None:
    """One case and one item a line; what is printed is what is saved."""
    save(full(), tmp_path / "run.json")
    saved = (tmp_path / "run.json").read_text("utf-8", errors="surrogateescape")
    lines = saved.splitlines()

    assert parse(saved.encode("utf-8", "surrogateescape"), "x") == full()
    assert json.loads(text(full())) == json.loads(saved) == json.loads(json.dumps(dump(full())))
    assert sum('"repeat":' in line for line in lines) == len(full().items)
    assert text(full()).isascii()
    empty = make_run({"f1": {"a": [0.5]}}, items=(), cases=())
    assert parse(text(empty).encode(), "x") == empty
