"""The format of a file is told by its content, and a re-import gives the same items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import GoldenError
from evals.golden import check_item
from evals.importing import FORMATS, read

PROMPTFOO = 'tests:\n  - vars: {question: "When?"}\n    assert: [{type: equals, value: Now}]\n'
DEEPEVAL = json.dumps([{"input": "When?", "expected_output": "Now", "actual_output": None}])
RAGAS = json.dumps({"user_input": "When?", "reference": "Now"})
RAGAS_OF_OLD = "question,contexts,answer,ground_truth\nWhen?,\"['then']\",Then,Now\n"
TABLE = "question;answer\nWhen?;Now\n"


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (PROMPTFOO, "promptfoo"),
        ("question,__expected\nWhen?,Now\n", "promptfoo"),
        (
            json.dumps(
                {"tests": [{"vars": {"question": "When?"}, "assert": [{"type": "equals", "value": "Now"}]}]}
            ),
            "promptfoo",
        ),
        (DEEPEVAL, "deepeval"),
        ("input,expected_output,context\nWhen?,Now,\n", "deepeval"),
        (RAGAS, "ragas"),
        (RAGAS_OF_OLD, "ragas"),
        (TABLE, "csv"),
        ("question\tanswer\nWhen?\tNow\n", "csv"),
        (json.dumps([{"question": "When?", "answer": "Now"}]), "csv"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".txt"])
def test_the_format_is_told_by_content(tmp_path: Path, text: str, format: str, suffix: str) -> None:
    """Whatever the file is called; every reading asks and expects the same."""
    path = tmp_path / f"file{suffix}"
    path.write_text(text, "utf-8")

    (item,) = read(path).items

    assert item["source"] == {"format": format, "file": path.name, "row": 1}
    assert (item["input"]["question"], item["expected"]["answer"]) == ("When?", "Now")
    assert item["label"] == {"by": "import", "kind": "human"}
    assert check_item(item, "", None) == item


@pytest.mark.parametrize("text", [PROMPTFOO, DEEPEVAL, RAGAS, TABLE])
def test_a_file_that_is_imported_again_gives_the_same_items(tmp_path: Path, text: str) -> None:
    """Also under another name, with a byte order mark and Windows line ends."""
    (tmp_path / "a").write_text(text, "utf-8")
    (tmp_path / "b").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    first, second = read(tmp_path / "a"), read(tmp_path / "b")

    assert [item | {"source": None} for item in first.items] == [
        item | {"source": None} for item in second.items
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"colour": "red"}]', "its format cannot be told by its fields: colour: name it with --format"),
        (
            '{"id": "a", "input": {"question": "q"}, "label": {}}',
            "holds golden items as they are.*--from-json",
        ),
        ("tests:\n  - vars: {a: x, b: y}\n", r"gives no item: no variable is the question \(of: a, b\)"),
        ("[]", "cannot be told"),
    ],
)
def test_a_file_that_gives_no_item_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With what it has instead."""
    (tmp_path / "file").write_text(text)

    with pytest.raises(GoldenError, match=message):
        read(tmp_path / "file")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    """The known ones are named."""
    with pytest.raises(GoldenError, match="choose from " + ", ".join(FORMATS)):
        read(tmp_path / "file", "excel")


def test_a_named_format_wins_and_complains_in_its_own_words(tmp_path: Path) -> None:
    """A Ragas file read as DeepEval's lacks its input."""
    (tmp_path / "file").write_text(RAGAS)

    with pytest.raises(GoldenError, match=r"file:1: input: is missing \(row 1\)"):
        read(tmp_path / "file", "deepeval")


_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_NAMES = (
    *("vars", "assert", "input", "user_input", "question", "answer", "reference", "expected_output", "turns"),
    *("context", "reference_contexts", "reference_context_ids", "expected_tools", "reference_tool_calls"),
    *("scenario", "id", "tags", "aliases", "doc_id", "quote", "metadata", "tests", "defaultTest", "rubrics"),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(_NAMES), _VALUES, min_size=1, max_size=5), max_size=3),
    st.sampled_from(FORMATS),
)
def test_whatever_a_file_holds_gives_items_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], format: str
) -> None:
    """Never an exception of another kind, and every item is well-formed."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(records), "utf-8")

    try:
        imported = read(path, format)
    except GoldenError:
        return

    assert imported.items
    for item in imported.items:
        assert check_item(item, "", None) == item
