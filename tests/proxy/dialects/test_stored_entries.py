"""Entries of lists about stored objects."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.pseudonyms import INSTRUCTION
from guardrails.types import Edit, Stage
from proxy.dialects import stored_entries
from proxy.dialects.stored_entries import Completions, Entries, Items, Messages, listed, parsed
from proxy.errors import Blocked, UpstreamError
from tests.servers import whole

ITEM = {"id": "i", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "I am ada"}]}
SAID = {"id": "m", "role": "user", "name": "n", "content": "I am ada"}
DONE: dict[str, Any] = {
    **orjson.loads(whole({"content": "I am ada"}).pieces[0]),
    "metadata": {"team": "blue"},
}
EVERY: list[tuple[Entries, dict[str, Any], str]] = [
    (Items(), ITEM, "/content/0/text"),
    (Messages(), SAID, "/content"),
    (Completions(), DONE, "/choices/0/message/content"),
]


@pytest.mark.parametrize(("entries", "entry", "at"), EVERY)
def test_an_entry_is_read_and_changed_as_a_reply(entries: Entries, entry: Any, at: str) -> None:
    """Its texts are all output, at their places; changed, everything else in it stays."""
    reply = entries.reply(entry)
    texts = {text.pointer.removeprefix(entries.root): text for text in entries.dialect.reply_texts(reply)}

    assert texts[at].text == "I am ada"
    assert {text.stage for text in texts.values()} == {Stage.OUTPUT}
    edited = entries.dialect.edited_reply(reply, [Edit(entries.root + at, 5, 8, "X")])
    changed = entries.entry(edited, entry)
    assert orjson.loads(orjson.dumps(changed)) == orjson.loads(
        orjson.dumps(entry).replace(b"I am ada", b"I am X")
    )
    assert entries.entry(reply, entry) == entry
    assert entries.sent(entry) == entry


def test_metadata_of_a_completion_is_text() -> None:
    """And so are all members that are not the protocol's."""
    entries = Completions()
    texts = [text.text for text in entries.dialect.reply_texts(entries.reply(DONE))]

    assert {"team", "blue"} <= {*texts}


def test_the_line_about_tokens_goes() -> None:
    """Wherever it was added: as an item, a message, a part of one, or at its end."""
    system: dict[str, Any] = {"role": "system", "content": INSTRUCTION}
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": INSTRUCTION}]

    assert Items().sent(system) is None
    assert Items().sent({**system, "content": [{"type": "input_text", "text": INSTRUCTION}]}) is None
    assert Items().sent({**system, "role": "user"}) is not None
    assert Messages().sent(system) is None
    assert Messages().sent({"content": f"Be kind.\n\n{INSTRUCTION}"}) == {"content": "Be kind."}
    assert Messages().sent({"content_parts": parts}) == {"content_parts": parts[:1]}


def test_what_is_no_text_is_found() -> None:
    """In items and messages, below the entry."""
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

    assert Items().unscannable({**ITEM, "content": [{"type": "input_image", "image_url": "x"}]}) == [
        "/content/0"
    ]
    assert Messages().unscannable({"role": "user", "content": [image, 3]}) == ["/content/0"]
    assert Messages().unscannable({"role": "user", "content": None, "content_parts": [image]}) == [
        "/content_parts/0"
    ]
    assert Completions().unscannable(DONE) == []
    assert stored_entries.STAGE is Stage.OUTPUT


def test_only_an_object_of_its_own_can_say_that_it_is_blocked() -> None:
    """A completion ends with `content_filter`."""
    [choice] = Completions().blocked(Completions().reply(DONE))["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "content_filter")
    for entries in (Items(), Messages()):
        with pytest.raises(Blocked):
            entries.blocked({})


@pytest.mark.parametrize("role", ["user", "tool", "nobody", None, 3])
def test_a_role_of_the_protocol_is_no_text(role: Any) -> None:
    """Any other is."""
    reply = Messages().reply({"id": "m", "role": role})

    assert [text.text for text in Messages().dialect.reply_texts(reply)] == (
        ["nobody"] if role == "nobody" else []
    )
    assert Messages().entry(reply, {"id": "m", "role": role}) == {"id": "m", "role": role}


def test_a_list_is_read_and_written_as_openai_does() -> None:
    """What is none is the provider's fault; more than nothing cannot follow on nothing."""
    assert parsed(b'{"data": [{"id": "a"}], "has_more": true, "new": 1}') == ([{"id": "a"}], True)
    assert parsed(b'{"data": [], "has_more": true}') == ([], False)
    assert listed([], False) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    assert listed([{"id": "a"}, {"id": "b"}], True)["last_id"] == "b"
    for body in (b"{}", b"[]", b'{"data": [1]}', b"", b'{"error": {"code": "x"}}'):
        with pytest.raises(UpstreamError):
            parsed(body)
    with pytest.raises(UpstreamError):
        Completions().reply({"id": "a", "choices": []})
