"""The texts of `logprobs`: tokens that spell the reply once more, and those that were considered instead.

They are inspected as one text. Nothing in them is edited: what finds fault with them takes them out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guardrails.types import Segment, Stage
from proxy.dialects.chat_words import are_known
from proxy.dialects.texts import walk

POINTER = re.compile(r"/choices/\d+/logprobs")
"""Where the text of a choice's logprobs is addressed."""
_TOKEN = re.compile(r"/\d+/token")


def texts(logprobs: Any, message: Mapping[str, Any], pointer: str) -> list[Segment]:
    """The text of a whole choice's logprobs, when they hold any that its message does not."""
    return _segments([*spelled(logprobs, message).values(), *others(logprobs)], pointer)


def other_texts(logprobs: Any, pointer: str) -> list[Segment]:
    """The same without what the tokens spell, which may go on in the next chunk."""
    return _segments(others(logprobs), pointer)


def _segments(found: Iterable[str], pointer: str) -> list[Segment]:
    text = "\n".join(dict.fromkeys(found))
    return [Segment(text, f"{pointer}/logprobs", Stage.OUTPUT, "assistant")] if text else []


def spelled(logprobs: Any, message: Mapping[str, Any]) -> dict[str, str]:
    """What the tokens of `content` and `refusal` spell, and their bytes, unless the message says just that."""
    found: dict[str, str] = {}
    for name, tokens in logprobs.items() if isinstance(logprobs, dict) else ():
        if not isinstance(tokens, list):
            continue
        known = [token for token in tokens if isinstance(token, dict)]
        found[f"{name}/token"] = "".join(t["token"] for t in known if isinstance(t.get("token"), str))
        found[f"{name}/bytes"] = _decoded(token.get("bytes") for token in known)
    said = message.get("content"), message.get("refusal")
    return {kind: text for kind, text in found.items() if text and text not in said}


def _decoded(pieces: Iterable[Any]) -> str:
    numbers = [number for piece in pieces if isinstance(piece, list) for number in piece]
    return bytes(n for n in numbers if isinstance(n, int) and 0 <= n < 256).decode("utf-8", "replace")


def others(logprobs: Any) -> Iterator[str]:
    """Every other string: tokens that were considered instead, and members nobody knows, with their names."""
    if not isinstance(logprobs, dict):
        logprobs = {"content": logprobs}
    for name, tokens in logprobs.items():
        if not are_known((name,)):
            yield name
        for at, item, own in walk(tokens, ""):
            if own and not are_known((own,)):
                yield own
            if isinstance(item, str) and not (isinstance(tokens, list) and _TOKEN.fullmatch(at)):
                yield item
