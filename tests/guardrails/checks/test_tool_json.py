"""Arguments are read whatever they hold, and compared by what they mean."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import arguments
from guardrails.checks.tool_json import DEEPEST, ROOT, Place, canonical, meaning, pointer, read, same
from guardrails.types import Stage

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_is_read_is_what_was_written(value: Any, ascii_only: bool) -> None:
    """Reading gives an equal value, and its meaning does not depend on the way it was written."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read(text).is_json
    assert not read(text).doubled
    assert same(read(text).value, read(json.dumps(value, indent=2)).value)
    assert meaning(text) == meaning(json.dumps(value, indent=3, ensure_ascii=not ascii_only))


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ('{"a":1,"b":[2]}', '{ "b":[2.0],\n"a":1e0}', True),
        ('{"a":"\\u00e9"}', '{"a":"é"}', True),
        ("", "{}", True),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":"1"}', '{"a":1}', False),
        ("[1,2]", "[2,1]", False),
        ('{"id":12345678901234567890123}', '{"id":12345678901234567890124}', False),
        ('{"a":0}', '{"a":false}', False),
        ("not json", "not  json", False),
    ],
)
def test_arguments_mean_the_same_or_not(left: str, right: str, equal: bool) -> None:
    """Order, space and escapes say nothing; digits, types and order in lists do."""
    assert (meaning(left) == meaning(right)) is equal


@pytest.mark.parametrize(
    "text",
    ["{", "nothing", "{'a':1}", '{"a":NaN}', "[Infinity]", '{"a":1e99999999999999999999}', "[" * 10_000]
    + ["[" * n + "]" * n for n in (DEEPEST + 1, 500, 10_000)],
    ids=lambda text: text[:8] + str(len(text)),
)
def test_what_is_no_json_or_too_deep_stays_the_text(text: str) -> None:
    """Nothing raises; the text is its own meaning or its value's."""
    assert read(text).is_json is False
    assert read(text).value == text
    assert meaning(text)


def test_doubled_members_are_told_at_any_depth() -> None:
    """A value can hide behind a member of the same name; escapes do not hide that."""
    assert read('{"a":[{"b":1,"\\u0062":2}]}').doubled
    assert not read('{"a":[{"b":1},{"b":2}]}').doubled


def test_numbers_of_any_length_keep_their_digits() -> None:
    """Neither the length of a number nor its exponent costs time or precision."""
    digits = "9" * 10_000
    assert read(f"[{digits}]").value == [Decimal(digits)]
    assert read("[1e400, 1.0, 0.5]").value == [Decimal("1e400"), 1, 0.5]
    assert canonical([Decimal("1e400"), True]) == '[["","1E+400"],true]'


def test_depth_is_counted_not_size() -> None:
    """Many lists beside one another are not deep."""
    assert read("[" + ",".join(["[{}]"] * 1000) + "]").is_json


@given(VALUES)
def test_places_are_addressed_as_segments_are(value: Any) -> None:
    """The pointer of each text and number is the `within` of its segment."""
    written = json.dumps(value)

    def walk(place: Place, each: Any) -> None:
        if isinstance(each, dict | list):
            for key, below in each.items() if isinstance(each, dict) else enumerate(each):
                walk((place, key), below)
        elif isinstance(each, str):
            assert (pointer(place), each) in known

    found = arguments.segments(written, "/p", Stage.TOOL_CALL, "assistant")
    known = {(segment.within, segment.text) for segment in found}
    walk(ROOT, value)
