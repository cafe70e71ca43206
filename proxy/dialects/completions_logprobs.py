"""The texts of a legacy completion's `logprobs`: tokens that spell the text once more, and those considered instead.

They are inspected as one text. Nothing in them is edited: what finds fault with them takes them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guardrails.types import Segment, Stage
from proxy.dialects.chat_words import are_known
from proxy.dialects.texts import walk

_MEMBERS = frozenset({"tokens", "token_logprobs", "top_logprobs", "text_offset"})


def texts(logprobs: Any, text: Any, pointer: str) -> list[Segment]:
    """The text of a whole choice's logprobs, when they hold any that its `text` does not."""
    return _segments([*spelled(logprobs, text).values(), *_others(logprobs)], pointer)


def other_texts(logprobs: Any, pointer: str) -> list[Segment]:
    """The same without what the tokens spell, which may go on in the next chunk."""
    return _segments(_others(logprobs), pointer)


def _segments(found: Iterator[str] | list[str], pointer: str) -> list[Segment]:
    text = "\n".join(dict.fromkeys(found))
    return [Segment(text, f"{pointer}/logprobs", Stage.OUTPUT, "assistant")] if text else []


def spelled(logprobs: Any, text: Any) -> dict[str, str]:
    """What the tokens spell, unless the text says just that."""
    tokens = logprobs.get("tokens") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        return {}
    said = "".join(token for token in tokens if isinstance(token, str))
    return {"tokens": said} if said and said != text else {}


def _others(logprobs: Any) -> Iterator[str]:
    """Every other string: tokens that were considered instead, and members nobody knows, with their names."""
    for at, item, name in walk(logprobs, ""):
        if name and name not in _MEMBERS and not are_known((name,)):
            yield name
        if isinstance(item, str) and item and not (name == "" and at.startswith("/tokens/")):
            yield item
