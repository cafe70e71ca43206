"""Plain tables of questions and answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import GoldenError
from evals.golden import check_item
from evals.importing import Imported, read


def imported(folder: Path, text: str, name: str = "table.csv") -> Imported:
    """A table, written and read."""
    (folder / name).write_text(text, "utf-8")
    return read(folder / name)


def test_every_column_goes_to_its_place(tmp_path: Path) -> None:
    """However its name is written; an unknown one is noted."""
    found = imported(
        tmp_path,
        "ID,Question,Answer,Aliases,Refusal,Tags,Cluster,Split,Weight,Doc ID,Quote,Grade,note,kind,colour\n"
        'a-1,When?,Nine.,"9|nine o\'clock",no,x|y,towers,dev,2,tower,"opens at nine | daily",2,easy,synthetic,red\n',
    )
    (item,) = found.items

    assert item == {
        "id": "a-1",
        "input": {"question": "When?"},
        "expected": {"answer": "Nine.", "aliases": ["9", "nine o'clock"], "refusal": False},
        "relevant": [{"doc_id": "tower", "grade": 2, "quote": "opens at nine | daily"}],
        "tags": ["x", "y"],
        "cluster": "towers",
        "split": "dev",
        "weight": 2.0,
        "note": "easy",
        "label": {"by": "import", "kind": "synthetic"},
        "source": {"format": "csv", "file": "table.csv", "row": 1},
        "status": "active",
    }
    assert found.notes == ["'colour' has no place in an item, not imported (row 1)"]


def test_several_documents_are_parted(tmp_path: Path) -> None:
    """Quotes and grades with them, and spans instead of quotes."""
    text = "question\tdoc_id\tquote\tgrade\tstart\tend\nWhen?\ta|b\tone|two\t1|2\t\t\nWho?\ta\t\t\t3\t9\n"
    first, second = imported(tmp_path, text, "t.tsv").items

    assert first["relevant"] == [
        {"doc_id": "a", "grade": 1, "quote": "one"},
        {"doc_id": "b", "grade": 2, "quote": "two"},
    ]
    assert second["relevant"] == [{"doc_id": "a", "grade": 1, "start": 3, "end": 9}]
    assert check_item(first, "", None)


def test_guardrails_can_be_expected(tmp_path: Path) -> None:
    """With the kinds that they should find."""
    (item,) = imported(tmp_path, "prompt,guardrail,entities\nMail a@b.example,Redact,EMAIL|IP\n").items

    assert item["expected"] == {"guardrail": {"action": "redact", "entities": ["EMAIL", "IP"]}}
    assert check_item(item, "", None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",,,,,,,", r"table.csv:2: question: is missing \(row 1\)"),
        ("q,,x|y,,,,,", "aliases: stand without an answer"),
        ("q,a,,maybe,,,,", "refusal: 'maybe' is neither true nor false"),
        ("q,a,,,-1,,,", "weight: '-1' is no weight"),
        ("q,a,,,nan,,,", "weight: 'nan' is no weight"),
        ("q,a,,,,d|e,x,", "quote: has 1 values for 2 doc_id"),
        ("q,a,,,,,x,", "quote: has 1 values for 0 doc_id"),
        ("q,a,,,,d,,high", "grade: 'high' is no whole number"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    """By line, row and column."""
    row = row if row.strip(",") else row + "-"
    with pytest.raises(GoldenError, match=message):
        imported(tmp_path, f"question,answer,aliases,refusal,weight,doc_id,quote,grade\n{row}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,start,doc_id\nq,3,d\n", "start and end belong together"),
        ("question,start,end,doc_id\nq,3,3,d\n", "start: is not before end"),
        ("question,guardrail\nq,stop\n", "'stop' is no action"),
        ("question,kind\nq,robot\n", "'robot' is no kind"),
        ("question,Question\nq,r\n", "there are two columns 'question'"),
    ],
)
def test_columns_that_contradict_are_named(tmp_path: Path, text: str, message: str) -> None:
    """Rather than guessed at."""
    with pytest.raises(GoldenError, match=message):
        imported(tmp_path, text)
