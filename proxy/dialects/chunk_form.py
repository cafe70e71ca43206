"""The form that the chunks of a streamed reply repeat: the same bytes around another piece of text.

A chunk that differs from one that was read whole in nothing but its text needs no second reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from proxy.dialects.chat_chunks import says_something
from proxy.dialects.chat_words import are_known
from proxy.dialects.request_body import has_doubles

_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
"""Members of a delta that hold a piece of a text."""
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
        """The text of a payload of this form; None for one of another form, or with escapes in its text."""
        head, tail = self.head, self.tail
        if not payload.startswith(head):
            return None
        start = len(head)
        close = payload.find(b'"', start)
        if not payload.startswith(tail, close):
            return None
        if self.end:
            padding = payload[close + len(tail) : -len(self.end)]
            if not (padding.isalnum() and len(padding) <= _MOST_PADDING and payload.endswith(self.end)):
                return None
        elif len(payload) != close + len(tail):
            return None
        piece = payload[start:close]
        if b"\\" in piece:
            return None
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            return None
        return text if text.isprintable() else None

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
    if b"\\" in payload:
        return None
    chunk = orjson.loads(payload)
    written = orjson.dumps(chunk)
    if written != payload and has_doubles(chunk, written, payload):
        return None
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or chunk.get("usage"):
        return None
    [part] = choices
    delta, index = part.get("delta"), part.get("index") or 0
    if not isinstance(delta, dict) or part.get("finish_reason") or part.get("logprobs"):
        return None
    said = [name for name, value in delta.items() if value and name != "role"]
    if len(said) != 1 or said[0] not in _TEXTS or not are_known(delta):
        return None
    text = delta.pop(said[0])
    # Without escapes a name that stands here once is that member's.
    if not isinstance(text, str) or payload.count(f'"{said[0]}"'.encode()) != 1:
        return None
    head, found, rest = payload.partition(f'"{said[0]}":"'.encode())
    if not found:
        head, found, rest = payload.partition(f'"{said[0]}": "'.encode())
    tail = rest.removeprefix(text.encode())
    if not found or not tail.startswith(b'"'):
        return None
    tail, padded, end = tail.partition(_PADDING)
    word, quote, end = end.partition(b'"')
    if chunk.pop("obfuscation", "") != word.decode() or bool(padded) != word.isalnum():
        return None
    silent = orjson.dumps(chunk) if says_something(chunk) else b""
    return Form(index, said[0], head + found, tail + padded, quote + end, silent)
