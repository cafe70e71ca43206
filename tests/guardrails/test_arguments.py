"""JSON held in a string."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.arguments import rewrite, segments
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Stage


def places(text: str) -> list[tuple[str, str]]:
    """(within, text) of every segment."""
    return [(segment.within, segment.text) for segment in segments(text, "/p", Stage.TOOL_CALL, "assistant")]


SEGMENTS = [
    ('{"to": "ada", "n": 4111}', [("/to#", "to"), ("/to", "ada"), ("/n#", "n"), ("/n", "4111")]),
    ('{"a": {"b": ["x", null, true, {"c": -1.5e3}]}}',
     [("/a#", "a"), ("/a/b#", "b"), ("/a/b/0", "x"), ("/a/b/3/c#", "c"), ("/a/b/3/c", "-1.5e3")]),
    ('[["x"], [], "y"]', [("/0/0", "x"), ("/2", "y")]),
    ('"only"', [("", "only")]),
    (" 12 ", [("", "12")]),
    ("null", []),
    ("{}", []),
    ('{"a/b": "x", "c~d": "y", "": "z"}',
     [("/a~1b#", "a/b"), ("/a~1b", "x"), ("/c~0d#", "c~d"), ("/c~0d", "y"), ("/#", ""), ("/", "z")]),
    ('{"\\u0061": "\\u0034\\"\\n😀"}', [("/a#", "a"), ("/a", '4"\n😀')]),
    ("call ada@example.com", [("", "call ada@example.com")]),
    ('{"to": "ada"', [("", '{"to": "ada"')]),
    ('{"to": NaN}', [("", '{"to": NaN}')]),
    ("", [("", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SEGMENTS)
def test_each_string_number_and_name_has_its_own_segment(text: str, expected) -> None:
    """Values are looked at decoded, each at its pointer; text that is not JSON is looked at as it is."""
    assert places(text) == expected


def test_no_two_values_share_an_address() -> None:
    """A name and a member called like it, and members of the same name, are told apart: none is overlooked."""
    found = places('{"a": "1", "a#": "2", "a": "3", "a~2": "4", "a": {"a": "5"}}')

    assert len({within for within, _ in found}) == len(found)
    assert [text for _, text in found] == ["a", "1", "a#", "2", "a", "3", "a~2", "4", "a", "a", "5"]


def test_a_segment_carries_stage_channel_and_pointer() -> None:
    """The caller's address stays beside the inner one."""
    segment = segments('["x"]', "/p/q", Stage.TOOL_CALL, "assistant")[0]

    assert (segment.pointer, segment.stage, segment.channel) == ("/p/q", Stage.TOOL_CALL, "assistant")


def edit(within: str, start: int, end: int, replacement: str) -> Edit:
    """An edit at the test's pointer."""
    return Edit("/p", start, end, replacement, within)


REWRITES = [
    ('{ "to" : "ada" }', [], '{ "to" : "ada" }'),
    ('{ "to" : "ada", "x": 1.0 }', [edit("/to", 0, 3, "[X]")], '{ "to" : "[X]", "x": 1.0 }'),
    ('{"n":4111}', [edit("/n", 0, 4, "[CARD]")], '{"n":"[CARD]"}'),
    ('{"ada": 1}', [edit("/ada#", 0, 3, "[X]")], '{"[X]": 1}'),
    ('{"t": "a \\"b\\" c d"}', [edit("/t", 2, 5, '"'), edit("/t", 8, 9, "é")], '{"t": "a \\" c é"}'),
    ('{"a": "1", "a": "2"}', [edit("/a~x2", 0, 1, "X")], '{"a": "1", "a": "X"}'),
    ('"ada"', [edit("", 0, 3, "[X]")], '"[X]"'),
    ("mail ada", [edit("", 5, 8, "[X]")], "mail [X]"),
    ('{"t": "\\ud800 ada"}', [edit("/t", 2, 5, "[X]")], '{"t": "\\ud800 [X]"}'),
]


@pytest.mark.parametrize(("text", "edits", "expected"), REWRITES)
def test_only_what_is_edited_changes(text: str, edits: list[Edit], expected: str) -> None:
    """Layout, number spelling and order of everything else stay; what is edited is quoted as JSON needs."""
    assert rewrite(text, edits) == expected


@pytest.mark.parametrize(("text", "within"), [('{"a": "b"}', "/c"), ('{"a": "b"}', ""), ("plain", "/a")])
def test_an_edit_is_never_lost(text: str, within: str) -> None:
    """An edit of a value that is not there is a mistake that must be heard of."""
    with pytest.raises(ValueError):
        rewrite(text, [edit(within, 0, 1, "X")])


def test_huge_and_deep_json_is_no_trouble() -> None:
    """Numbers of any length stay as written; nesting beyond what a parser takes is looked at as plain text."""
    long = "9" * 10_000
    deep = "[" * 50_000 + '"x"' + "]" * 50_000

    assert places(f"[{long}]") == [("/0", long)]
    assert rewrite(f'[{long}, "x"]', [edit("/1", 0, 1, "y")]) == f'[{long}, "y"]'
    assert places(deep) == [("", deep)]


def test_restoring_keeps_the_json_valid() -> None:
    """A value with quotes, backslashes and line ends comes back inside its string, not as raw text."""
    vault = Vault(b"k", "t", "s")

    def restore(text: str) -> str:
        return rewrite(text, restoring(segments(text, "/p", Stage.TOOL_CALL, "assistant"), (), vault))

    token = vault.mint("PERSON", 'Ada "the\\first"\nCountess')
    text = json.dumps({"to": f"Dear {token},", token: [token, 1]})

    assert json.loads(restore(text)) == {
        'Dear'[:0] + "to": 'Dear Ada "the\\first"\nCountess,',
        'Ada "the\\first"\nCountess': ['Ada "the\\first"\nCountess', 1],
    }  # fmt: skip
    assert restore(f"not json {token}") == 'not json Ada "the\\first"\nCountess'
    assert restore('{ "untouched":1 }') == '{ "untouched":1 }'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_every_value_can_be_edited_by_its_address(value: Any, ascii_only: bool) -> None:
    """Putting a letter before each value changes exactly that value, and the result is JSON."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    found = segments(text, "/p", Stage.TOOL_CALL, "assistant")

    assert rewrite(text, []) == text
    result = rewrite(text, [edit(segment.within, 0, 0, "x") for segment in found])

    assert [text for _, text in places(result)] == [f"x{segment.text}" for segment in found]
    json.loads(result)


def test_json_whose_addresses_would_multiply_is_read_as_text() -> None:
    """Long names times many values: nothing is lost, and memory stays small."""
    text = '{"' + "n" * 50_000 + '": [' + ",".join(["1"] * 10_000) + "]}"

    assert [each.text for each in segments(text, "/p", Stage.TOOL_CALL, "assistant")] == [text]
    assert rewrite(text, [Edit("/p", 0, 2, "<")]) == "<" + text[2:]
