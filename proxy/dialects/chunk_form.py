"""The form that the chunks of a streamed reply repeat: the same bytes around another piece of text.

A chunk that differs from one that was read whole in nothing but its text needs no second reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from proxy.dialects.chat_chunks import says_something
from proxy.dialects.chat_words import are_known
from proxy.dialects.request_body import has_doubles

_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
"""Members of a delta that hold a piece of a text."""
_PIECE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+')
"""The text of a JSON string as it is written."""
_PADDING = b',"obfuscation":"'
_MOST_PADDING = 256


@dataclass(frozen=True, slots=True)
class Form:
    """The bytes around the text of a chunk."""

    index: int
    """Of the choice."""
    name: str
    """Member of the delta that holds the text."""
    head: bytes
    """Up to the text, its opening quote included."""
    tail: bytes
    """From the text's closing quote on; up to the padding when there is one."""
    end: bytes
    """After the padding; empty when there is none."""
    silent: bytes
    """The chunk without its text and padding; empty when it then says nothing."""

    def text(self, payload: bytes) -> str | None:
        """The text of a payload of this form; None for one of another form."""
        head, tail = self.head, self.tail
        if not payload.startswith(head):
            return None
        start = len(head)
        close = payload.find(b'"', start)
        if payload.find(b"\\", start, close) >= 0:
            close = _end(payload, start)
        if not payload.startswith(tail, close):
            return None
        if self.end:
            padding = payload[close + len(tail) : -len(self.end)]
            if not (padding.isalnum() and len(padding) <= _MOST_PADDING and payload.endswith(self.end)):
                return None
        elif len(payload) != close + len(tail):
            return None
        try:
            text: str = orjson.loads(payload[start - 1 : close + 1])
        except orjson.JSONDecodeError:
            return None
        return text

    def written(self, text: str) -> bytes:
        """A payload of this form with another text, and without padding: that would tell the first one's length."""
        return (
            self.head
            + orjson.dumps(text)[1:-1]
            + self.tail.removesuffix(_PADDING)
            + self.end.removeprefix(b'"')
        )


def form_of(payload: bytes) -> Form | None:
    """The form of a chunk of one choice with one piece of text; None for any other. The payload is an object."""
    chunk = orjson.loads(payload)
    written = orjson.dumps(chunk)
    if written != payload and has_doubles(chunk, written, payload):
        return None
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    if not isinstance(choices, list) or len(choices) != 1 or chunk.get("usage"):
        return None
    [part] = choices
    if not isinstance(part, dict):
        return None
    delta, index = part.get("delta"), part.get("index") or 0
    if not isinstance(delta, dict) or part.get("finish_reason") or part.get("logprobs"):
        return None
    if delta.get("role") not in (None, "", "assistant"):
        return None
    said = [name for name, value in delta.items() if value and name != "role"]
    if len(said) != 1 or said[0] not in _TEXTS or not are_known(delta):
        return None
    if not isinstance(delta.pop(said[0]), str) or payload.count(f'"{said[0]}"'.encode()) != 1:
        return None
    head, found, _ = payload.partition(f'"{said[0]}":"'.encode())
    if not found:
        head, found, _ = payload.partition(f'"{said[0]}": "'.encode())
    tail = payload[_end(payload, len(head + found)) :]
    # Without escapes around the text a name that stands here once is that member's.
    if not found or not tail or b"\\" in head or b"\\" in tail:
        return None
    tail, padded, end = tail.partition(_PADDING)
    word, quote, end = end.partition(b'"')
    if chunk.pop("obfuscation", "") != word.decode() or bool(padded) != word.isalnum():
        return None
    silent = orjson.dumps(chunk) if says_something(chunk) else b""
    return Form(index, said[0], head + found, tail + padded, quote + end, silent)


def _end(payload: bytes, start: int) -> int:
    """Where the JSON string ends whose text begins at start: the place of its closing quote."""
    match = _PIECE.match(payload, start)
    assert match is not None  # it matches nothing at all, too
    return match.end()


def ends(payload: bytes, index: int) -> bool:
    """Whether a chunk ends this choice and says no more of its texts."""
    try:
        chunk = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return False
    [part] = choices
    delta = part.get("delta") or {}
    silent = isinstance(delta, dict) and not any(value for name, value in delta.items() if name != "role")
    is_it = (part.get("index") or 0) == index and bool(part.get("finish_reason"))
    return silent and is_it and not part.get("logprobs")
