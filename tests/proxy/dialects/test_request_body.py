"""Bodies that are JSON objects, and those that are not."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.dialects import chat_reply, messages_reply, responses_reply
from proxy.dialects.embeddings import EMBEDDINGS
from proxy.dialects.moderations import MODERATIONS
from proxy.dialects.request_body import document, wrong_type
from proxy.errors import BadRequest, UpstreamError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=5), st.booleans())
def test_an_object_is_read_however_it_is_written(value: dict[str, Any], compact: bool) -> None:
    """Compact as we write it, or with spaces and escapes."""
    assume(not any(name.casefold() == "n" != name for name in value))  # see the other letters, below
    assert document(orjson.dumps(value) if compact else json.dumps(value, indent=1).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1, "b" : 2}}',
        b'{"a":[{"\\u0062":1,"b":2}]}',
        b'{"a":1,\n"a" :1}',
    ],
)
def test_a_name_given_twice_is_refused(body: bytes) -> None:
    """A provider might read the other one."""
    with pytest.raises(BadRequest, match="twice"):
        document(body)


TEXT = st.text(st.sampled_from('ab:"\\/u0\n \u00e9'), max_size=5)


def spelled(text: str, how: int) -> str:
    """A JSON string in one of several spellings."""
    if how == 0:
        return "".join(f"\\u{ord(c):04x}" for c in text).join('""')
    return json.dumps(text, ensure_ascii=how == 1).replace("/", "\\/" if how == 3 else "/")


@given(
    st.lists(
        st.tuples(TEXT, st.integers(0, 3), st.sampled_from(["", " ", "\n"]), TEXT, st.integers(0, 3)),
        max_size=5,
    )
)
def test_a_name_given_twice_is_seen_in_every_spelling(members: list[tuple[str, int, str, str, int]]) -> None:
    """However names, values and the space around them are written, and nothing else is taken for one."""
    body = ",".join(
        f"{space}{spelled(name, how)}{space}:{space}{spelled(value, other)}"
        for name, how, space, value, other in members
    ).join("{}")
    names = [name for name, *_ in members]
    doubled = len(set(names)) < len(names)

    if doubled:
        with pytest.raises(BadRequest, match="twice"):
            document(body.encode())
    else:
        assert document(body.encode()) == {name: value for name, _, _, value, _ in members}


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"NaN", b'{"a":NaN}', b'{"a":"\\ud800"}'])
def test_anything_else_is_refused_as_no_json_object(body: bytes) -> None:
    """With the code for it, and without the text."""
    with pytest.raises(BadRequest) as caught:
        document(body)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("written", "is_taken"),
    [
        ("18446744073709551615", True),
        ("18446744073709551616", False),
        ("12345678901234567890123", False),
        ("0.30000000000000004", True),
        ("-0.69999999999999996", True),
        ("6.9999999999999996E-1", True),
        ("1.50000000000000000000000", True),
        ("0.12345678901234567890", False),
        ('"12345678901234567890123"', True),
        ('"a \\" 0.12345678901234567890"', True),
        ("-0", True),
    ],
)
def test_a_number_is_read_with_all_its_digits_or_refused(written: str, is_taken: bool) -> None:
    """What was not inspected is not sent on."""
    if is_taken:
        assert document(f'{{"x": {written}}}'.encode())
    else:
        with pytest.raises(BadRequest, match="more digits"):
            document(f'{{"x": {written}}}'.encode())


@pytest.mark.parametrize("name", ["Model", "MESSAGES", "\u017ftream", "me\u017fsages", "InPut"])
def test_a_member_in_other_letters_is_refused(name: str) -> None:
    """Some servers take it for the one that the request was judged by."""
    with pytest.raises(BadRequest) as caught:
        document(json.dumps({"model": "m", name: "x"}, ensure_ascii=False).encode())
    assert caught.value.code == "unknown_parameter"
    assert document(b'{"model": "m", "metadata": {"Model": 1}, "Temperature": 1}')


def test_a_wrong_type_names_the_member() -> None:
    """As OpenAI does."""
    told = wrong_type("messages[0].content", "a string")
    assert (told.code, told.param) == ("invalid_type", "messages[0].content")


REPLIES = {
    chat_reply.parse_reply: b'{"choices": [{"message": {"content": "a", "content": "b"}}]}',
    messages_reply.parse_reply: b'{"content": [{"type": "text", "text": "a", "text": "b"}]}',
    EMBEDDINGS.reply: b'{"data": [{"text": "a", "text": "b"}]}',
    MODERATIONS.reply: b'{"results": [{"text": "a", "text": "b"}]}',
    responses_reply.parse_reply: b'{"output": [{"type": "message", "content": "a", "content": "b"}]}',
}


@pytest.mark.parametrize("read", REPLIES, ids=["chat", "messages", "embeddings", "moderations", "responses"])
def test_a_reply_that_says_two_things_is_no_answer(read: Any) -> None:
    """Its bytes would say to a caller what nobody looked at."""
    assert read(REPLIES[read].replace(b', "content": "b"', b"").replace(b', "text": "b"', b""))
    with pytest.raises(UpstreamError, match="twice"):
        read(REPLIES[read])
