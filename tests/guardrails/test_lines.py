"""YAML with line numbers."""

from __future__ import annotations

import json
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.errors import PolicyError
from guardrails.lines import MAX_NODES, read, read_json


class Colour(StrEnum):
    """Something to choose from."""

    RED = "red"
    NO = "no"


BAD = [
    ("a: [1, 2", 1, "not valid YAML"),
    ("a: 1\nb: {\n", 3, "not valid YAML"),
    ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
    ("", 1, "empty"),
    ("# only a comment\n", 1, "empty"),
    ("a: 1\nb: \x07\n", 2, "U+0007"),
    ("a: 1\nb: 2\na: 3\n", 3, "twice (first in line 1)"),
    ("a:\n  b: 1\n  b: 2\n", 3, "twice (first in line 2)"),
    ("a: 1\n1: b\n", 2, "key must be text"),
    ("a: 1\non: b\n", 2, "key must be text"),
    ("a: 1\n[x]: b\n", 2, "key must be text"),
    ("a: 1\nb: !!python/object:os.system x\n", 2, "not plain data"),
    ("a: 1\nb: &x [*x]\n", 2, "refers to itself"),
    ("a: 1\nb: &x {c: *x}\n", 2, "refers to itself"),
    ("a: *missing\n", 1, "not valid YAML"),
    ("[" * 20_000, None, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "line", "what"), BAD)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, line: int | None, what: str) -> None:
    """Every way to be broken names the line and what is wrong there."""
    with pytest.raises(PolicyError) as caught:
        read(text, "p.yaml", "policy")

    assert what in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("p.yaml", line)


def test_an_alias_bomb_is_refused_quickly() -> None:
    """Aliases count as often as they are used, without being written out."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    with pytest.raises(PolicyError, match=f"more than {MAX_NODES:,} values"):
        read("\n".join(levels), "p.yaml", "policy")


def test_fields_have_values_and_lines() -> None:
    """Good values come back typed, each knowing its line."""
    root = read("name: x\nlist:\n  - 0.5\n  - red\ncolour: no\n", "p.yaml", "policy")

    found = root.fields(known=("name", "list", "colour"), required=("name",))

    assert found["name"].text() == "x"
    assert [item.line for item in found["list"].items()] == [3, 4]
    assert found["list"].items()[0].number(0, 1) == 0.5
    assert found["list"].items()[1].choice(Colour) is Colour.RED
    assert found["colour"].choice(Colour) is Colour.NO
    assert found["list"].plain() == [0.5, "red"]


MISFITS = [
    ("a: 1", lambda field: field.text(), "must be text, not a whole number"),
    ("a: no", lambda field: field.text(), "must be text, not true/false"),
    ("a:", lambda field: field.text(), "must be text, not nothing"),
    ("a: [x]", lambda field: field.text(), "must be text, not a list"),
    ("a: x", lambda field: field.items(), "must be a list, not text"),
    ("a: []", lambda field: field.items(), "is empty"),
    ("a: x", lambda field: field.fields(("b",)), "must be a mapping (key: value), not text"),
    ("a: {c: 1}", lambda field: field.fields(("b",)), "has no key 'c'"),
    ("a: {b: 1}", lambda field: field.fields(("b", "c"), ("c",)), "has no 'c'"),
    ("a: x", lambda field: field.number(0, 1), "must be a number, not text"),
    ("a: true", lambda field: field.number(0, 1), "must be a number, not true/false"),
    ("a: 1.5", lambda field: field.number(0, 1), "Use a number from 0 to 1"),
    ("a: .nan", lambda field: field.number(0, 1), "Use a number from 0 to 1"),
    ("a: blue", lambda field: field.choice(Colour), "Use one of: red, no"),
    ("a: [red]", lambda field: field.choice(Colour), "must be one word, not a list"),
    ("a: !!int x", lambda field: field.plain(), "not plain data"),
]


@pytest.mark.parametrize(("text", "ask", "what"), MISFITS)
def test_a_value_that_does_not_fit_is_refused_with_its_line(text, ask, what: str) -> None:
    """Wrong type, wrong range and wrong word are told apart, and the line is the value's."""
    field = read(f"# first line\n{text}\n", "p.yaml", "policy").fields(known=("a",))["a"]

    with pytest.raises(PolicyError) as caught:
        ask(field)

    assert what in str(caught.value)
    assert caught.value.line == 2


def test_a_misspelt_key_is_guessed() -> None:
    """An unknown key names the nearest known one and all of them."""
    root = read("actoin: x\n", "p.yaml", "policy")

    with pytest.raises(PolicyError, match=r"Did you mean 'action'. Known keys: action, stages"):
        root.fields(known=("action", "stages"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=40)
@given(JSON)
def test_a_json_value_is_read_as_it_is(value: object) -> None:
    """Every value that JSON can hold comes back, and stands in the line that was given."""
    entry = read_json(json.dumps(value), "in.jsonl", 7, "it")

    assert entry.plain() == value
    assert (entry.line, entry.file) == (7, "in.jsonl")


def test_members_of_other_names_are_refused_or_passed_over() -> None:
    """As the caller has it; a required one must be there either way."""
    entry = read_json('{"a": 1, "b": 2}', "f", 1, "it")

    assert list(entry.fields(["a"], others=True)) == ["a"]
    with pytest.raises(PolicyError, match="has no key 'b'"):
        entry.fields(["a"])
    with pytest.raises(PolicyError, match="has no 'c'"):
        entry.fields(["a", "c"], ["c"], others=True)


def test_true_and_false_are_told_from_words() -> None:
    """YAML has several spellings for them."""
    assert [each.truth() for each in read("[true, no, Off]", "f", "it").items()] == [True, False, False]
    with pytest.raises(PolicyError, match="must be true or false, not text"):
        read("'true'", "f", "it").truth()
