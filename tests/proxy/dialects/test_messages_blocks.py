"""One content block of a stream, while it comes in."""

from __future__ import annotations

import pytest

from proxy.dialects.messages_blocks import MAX_INPUT, Block
from proxy.errors import UpstreamError


def test_a_call_is_put_together() -> None:
    """Its input from its pieces; without any it is an empty object."""
    block = Block(0, "/content/0", {"name": "send", "id": "t"}, is_call=True)
    assert block.call().arguments == "{}"
    for piece in ("", '{"to"', ": 1}"):
        block.collect(piece)

    call = block.call()

    assert (call.name, call.arguments, call.id) == ("send", '{"to": 1}', "t")
    assert (call.pointer, call.name_pointer) == ("/content/0/input", "/content/0/name")


@pytest.mark.parametrize(("text", "kept"), [('{"a": 1}', {"a": 1}), ("", {}), ("{oops", "{oops")])
def test_an_input_is_kept_as_what_it_is(text: str, kept: object) -> None:
    """JSON as JSON, anything else as it is written."""
    block = Block(0, "/content/0", {})
    block.note_input(text)

    assert block.response() == {"input": kept}


def test_an_input_has_an_end() -> None:
    """And a list takes one element after the other."""
    block = Block(0, "/content/0", {"citations": None})
    block.append("citations", 1)
    block.append("citations", 2)

    assert block.response() == {"citations": [1, 2]}
    with pytest.raises(UpstreamError):
        block.collect("x" * (MAX_INPUT + 1))
