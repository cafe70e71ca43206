"""What becomes of drafts: ids that stay, repeats that go, lists in cells, and notes."""

from __future__ import annotations

from typing import Any

import pytest

from evals.errors import GoldenError
from evals.importing.drafts import Draft, Notes, items, leftover, list_of, texts_of
from evals.importing.records import Record


def draft(question: str, number: int = 1, answer: str = "", **fields: Any) -> Draft:
    """A draft of one question."""
    expected = {"answer": answer} if answer else {}
    return Draft(Record({}, number, "folder/file.csv", number), {"question": question}, expected, **fields)


def cell(value: Any) -> Record:
    """A record with one field `c`."""
    return Record({"c": value}, 1, "f.csv", 2)


def test_ids_come_from_what_is_asked() -> None:
    """A corrected answer keeps the id, another question has another, and the row does not matter."""
    (first,) = items([draft("When?", 1, "Now")], "csv", Notes())
    (corrected,) = items([draft("When?", 9, "Later")], "csv", Notes())
    (other,) = items([draft("Who?")], "csv", Notes())

    assert first["id"] == corrected["id"] == "csv-89db03bb2390"
    assert other["id"] != first["id"]


def test_one_question_with_two_answers_gives_two_items() -> None:
    """The second is named by its whole content; an exact repeat is left out with a note."""
    notes = Notes()

    found = items(
        [draft("When?", 1, "Now"), draft("When?", 2, "Later"), draft("When?", 3, "Now")], "csv", notes
    )

    assert len({item["id"] for item in found}) == 2
    assert found[1]["id"].startswith(found[0]["id"] + "-")
    assert notes.told() == ["repeats row 1, left out (row 3)"]


@pytest.mark.parametrize("id", ["bad id", "-x", "é", "x" * 201])
def test_an_id_that_cannot_be_kept_is_an_error(id: str) -> None:
    """With row and field, rather than another id in its place."""
    with pytest.raises(GoldenError, match=r"file.csv:4: id: .* is no id \(row 4\)"):
        items([draft("When?", 4, id=id)], "csv", Notes())


def test_an_id_is_given_once() -> None:
    """Both rows are named."""
    with pytest.raises(GoldenError, match=r"'a' is already the id of row 1 \(row 2\)"):
        items([draft("When?", 1, id="a"), draft("Who?", 2, id="a")], "csv", Notes())


def test_items_hold_only_what_was_said() -> None:
    """Empty members are left out; what says nothing about a good answer is noted."""
    notes = Notes()

    (item,) = items([draft("When?", tags=["a", "a"], synthetic=True)], "csv", notes)

    assert item["tags"] == ["a"]
    assert item["label"] == {"by": "import", "kind": "synthetic"}
    assert item["source"] == {"format": "csv", "file": "file.csv", "row": 1}
    assert not {"expected", "relevant", "context", "cluster", "weight", "note"} & set(item)
    assert notes.told() == ["expects nothing: say what a good answer is (row 1)"]


def test_nothing_asked_is_an_error() -> None:
    """No id is made of nothing."""
    with pytest.raises(GoldenError, match="asks nothing"):
        items([draft("")], "csv", Notes())


@pytest.mark.parametrize(
    ("value", "separator", "found"),
    [
        (None, "", []),
        ("", "", []),
        (["a", "b"], "", ["a", "b"]),
        ('["a", "b"]', "", ["a", "b"]),
        ("['a', \"it's\", 'c\\n']", "", ["a", "it's", "c\n"]),
        ("a|b | c||", "|", ["a", "b", "c"]),
        ("a|b", "", ["a|b"]),
    ],
)
def test_lists_are_read_as_tools_write_them(value: Any, separator: str, found: list[str]) -> None:
    """As lists, as JSON, as Python prints them, or parted by a sign."""
    assert list_of(cell(value), "c", separator) == found


@pytest.mark.parametrize(
    "value",
    [
        "['a' 'b']",
        "[__import__('os').system('true')]",
        "[" * 30_000 + "]" * 30_000,
        "['a', ",
        "[1] + [2]",
        3,
        {"a": 1},
    ],
)
def test_what_only_looks_like_a_list_is_an_error(value: Any) -> None:
    """Arrays as numpy prints them would run together; code is not run; brackets do not pile up."""
    with pytest.raises(GoldenError, match=r"f.csv:2: c: is not a list"):
        list_of(cell(value), "c")


@pytest.mark.parametrize(
    ("value", "message"),
    [('["\\ud800"]', "half of a surrogate pair"), ("[NaN]", "not finite"), ("[1e999]", "not finite")],
)
def test_a_cell_may_not_smuggle_in_what_a_file_may_not_hold(value: str, message: str) -> None:
    """Half a character, or a number that is none."""
    with pytest.raises(GoldenError, match=message):
        list_of(cell(value), "c")


def test_a_list_of_texts_holds_texts() -> None:
    """Numbers become text, blank ones go, and objects are refused."""
    assert texts_of(cell([1, " a ", "", 2.5]), "c") == ["1", "a", "2.5"]
    with pytest.raises(GoldenError, match="holds what is not a text"):
        texts_of(cell([{"a": 1}]), "c")


def test_notes_name_a_few_rows_of_many() -> None:
    """Each thing is said once."""
    notes = Notes()
    leftover(
        [Record({"x": "1", "y": "", "known": 1}, number, "f") for number in range(1, 9)], {"known"}, notes
    )
    notes.add("of the file")

    assert notes.told() == [
        "'x' has no place in an item, not imported (rows 1, 2, 3, 4, 5 and 3 more)",
        "of the file",
    ]
