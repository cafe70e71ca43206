"""Records of JSON, JSON Lines, YAML and tables, each with its place, and what is refused of hostile files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.errors import GoldenError
from evals.importing.records import MOST_YAML, Document, Record, parse

COLUMNS = {"question", "answer"}


def parsed(folder: Path, text: str, name: str = "file") -> Document:
    """A text, read as a file."""
    (folder / name).write_text(text, "utf-8")
    return parse(folder / name, COLUMNS)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('[\n  {"question": "a"},\n\n  {\n  "question": "b"}\n]\n', [2, 4]),
        ('{"question": "a"}\n\n{"question": "b"}\n', [1, 3]),
        ('question,answer\na,x\n\n"b","two\nlines"\n', [2, 4]),
        ("- question: a\n- {question: b}\n", [1, 2]),
        ('{"samples": [{"question": "a"}, {"question": "b"}]}', [None, None]),
        ('{"question": ["a", "b"], "answer": ["x", "y"]}', [None, None]),
        ('{"question": {"0": "a", "1": "b"}, "answer": {"0": "x", "1": "y"}}', [None, None]),
    ],
)
def test_records_know_their_number_and_line(tmp_path: Path, text: str, lines: list[int | None]) -> None:
    """Of every kind of file; the columns that pandas writes are turned into rows."""
    records = parsed(tmp_path, text).records

    assert [record.fields["question"] for record in records] == ["a", "b"]
    assert [(record.number, record.line) for record in records] == list(zip([1, 2], lines, strict=True))


def test_a_configuration_keeps_what_stands_around_its_tests(tmp_path: Path) -> None:
    """And dates in it stay text."""
    document = parsed(tmp_path, "description: d\ntests:\n  - vars: {day: 2026-01-02}\n  - more.yaml\n")

    assert document.around["description"] == "d"
    assert [record.fields for record in document.records] == [
        {"vars": {"day": "2026-01-02"}},
        {"": "more.yaml"},
    ]
    assert document.records[1].line == 4


def test_yaml_is_read_as_promptfoo_reads_it(tmp_path: Path) -> None:
    """What YAML 1.1 takes for truth, minutes, octal numbers or days are texts in YAML 1.2."""
    text = "- {a: Yes, b: 18:30, c: 010, d: 1_000, e: 2026-01-02, f: true, g: -3, h: 1.5, i: null, j: ~, k: off}\n"

    (record,) = parsed(tmp_path, text).records

    assert [*record.fields.values()] == [
        "Yes",
        "18:30",
        "010",
        "1_000",
        "2026-01-02",
        True,
        -3,
        1.5,
        None,
        None,
        "off",
    ]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "holds more than 50,000 values"),
        ("a: &a [*a]\n", "refers to itself"),
        ("- &a\n  x: *a\n", "refers to itself"),
        ("[" * 200_000, "not JSON: nested too deeply"),
        ('[{"question": ' + "[" * 500 + "]" * 500 + "}]", "nested deeper than 100 levels"),
        ("- " * 5_000, "nested too deeply"),
        ("a" + ": {a" * 3_000, "nested too deeply|not valid YAML"),
        ('[{"question": NaN}]', r"file:1: not JSON: NaN is not a JSON number"),
        ('[{"question": 1e999}]', "a number is not finite"),
        ("- question: .nan\n", "a number is not finite"),
        ("- question: !!python/object/apply:os.system [ls]\n", "is not plain data"),
        ('[{"question": "\\ud800"}]', "half of a surrogate pair"),
        ('[\n{"question": "a", "question": "b"}]', "file:2: not JSON: 'question' is there twice"),
        ('[{"question": "a"}\n {"question": "b"}]', "file:2: not JSON: a comma or"),
        ('[{"question": "a"}] x', "text after the array"),
        ('[{"question": "a"},', "not JSON"),
        ('{"question": "a"}\n{"question": ', r"file:2: not JSON: Expecting value"),
        ('{"question": ', r"file:1: not JSON"),
        ('["a", 3]', r"is a text, not an object \(row 1\)"),
        ("question,answer\na\n", r"file:2: has 1 cells, the first line 2 \(row 1\)"),
        ("question,answer\na,b,c\n", "has 3 cells, the first line 2"),
        ('question,answer\na,"b\n', "file:2: not a table"),
        ('question,answer\na,"b" c\n', "not a table"),
        ("question,question\na,b\n", "names 'question' twice"),
        ("question,answer\na," + "x" * 200_000 + "\n", "field larger than field limit"),
        ("just a sentence", "must be a list"),
        ("a: b: c\n", "file:1: is not valid YAML"),
    ],
)
def test_hostile_and_broken_files_are_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    """With the line, where it can be told, and never with an exception of another kind."""
    with pytest.raises(GoldenError, match=message) as caught:
        parsed(tmp_path, text)

    assert caught.value.file == str(tmp_path / "file")


def test_long_yaml_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    """It would take minutes."""
    with pytest.raises(GoldenError, match="is over 2 MiB of YAML"):
        parsed(tmp_path, "- question: a\n" * (MOST_YAML // 14 + 1))


@pytest.mark.parametrize(("name", "text"), [("a.csv", "colour,size\nred,1\n"), ("a.json", "question: a\n")])
def test_a_file_that_is_not_what_it_is_called_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """A table without a known column, JSON that is none."""
    with pytest.raises(GoldenError, match=r"names no column that is known|not JSON"):
        parsed(tmp_path, text, name)


def test_the_last_of_many_records_knows_its_line(tmp_path: Path) -> None:
    """5,000 objects of an indented array, the last of them on its line."""
    text = json.dumps([{"question": f"q{number}"} for number in range(5_000)], indent=1)

    records = parsed(tmp_path, text).records

    assert (len(records), records[-1].line) == (5_000, 3 * 5_000 - 1)


def test_a_field_that_is_no_text_is_named() -> None:
    """With row and line."""
    record = Record({"question": ["a"], "answer": 3}, 7, "f.json", 12)

    assert record.text("answer") == "3"
    assert record.text("gone") == ""
    with pytest.raises(GoldenError, match=r"f.json:12: question: is a list, not a text \(row 7\)"):
        record.text("question")
