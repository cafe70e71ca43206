"""Strings of a JSON document by address."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import redact
from guardrails.types import Edit
from proxy.dialects.texts import edited, everything, strings
from proxy.errors import PayloadTooLarge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def test_strings_come_in_order_with_escaped_pointers() -> None:
    """Each non-empty string once, in document order, at its RFC 6901 pointer."""
    found = list(strings({"a/b": ["x", {"~": "y"}, ""], "n": 1, "z": "w"}, "/r"))

    assert found == [("/r/a~1b/0", "x"), ("/r/a~1b/1/~0", "y"), ("/r/z", "w")]


def test_skipped_members_are_skipped_only_as_strings() -> None:
    """A skip is for protocol words; a property that happens to be called `type` is still looked into."""
    found = list(strings({"type": "object", "properties": {"type": {"description": "d"}}}, "", {"type"}))

    assert found == [("/properties/type/description", "d")]


def test_deep_documents_need_no_recursion() -> None:
    """A document as deep as the parser allows is walked like any other."""
    value: object = "x"
    for _ in range(5000):
        value = [value]

    assert len(list(strings(value, ""))) == 1


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_every_string_can_be_edited_at_its_pointer(document: dict[str, object]) -> None:
    """What `strings` names, `edited` changes; the original stays as it was."""
    before = copy.deepcopy(document)
    found = list(strings(document, ""))
    edits = [Edit(pointer, 0, len(text), "<" + text + ">") for pointer, text in found]

    changed = edited(document, edits, lambda _, text, made: redact.apply(text, made))

    assert document == before
    assert list(strings(changed, "")) == [(pointer, f"<{text}>") for pointer, text in found]


def test_untouched_parts_are_shared() -> None:
    """Only containers on the way to an edit are copied."""
    document = {"a": [{"t": "x"}, {"t": "y"}], "b": {"c": "z"}}

    changed = edited(document, [Edit("/a/1/t", 0, 1, "Y")], lambda _, text, made: redact.apply(text, made))

    assert changed["a"][1] == {"t": "Y"}
    assert changed["a"][0] is document["a"][0]
    assert changed["b"] is document["b"]


def test_long_names_and_many_values_are_refused_before_they_multiply() -> None:
    """A small document whose addresses would take gigabytes is told so."""
    document = {"n" * 50_000: [1] * 10_000}

    with pytest.raises(PayloadTooLarge, match="shorter names"):
        list(everything(document, ""))
