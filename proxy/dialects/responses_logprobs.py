"""The texts of a content part's `logprobs`: tokens that spell its text once more, and those considered instead.

They are inspected as one text. Nothing in them is edited: what finds fault with them takes them out.
"""

from __future__ import annotations

import re
from typing import Any

from proxy.dialects.texts import walk

_TOKEN = re.compile(r"/\d+/token")
_NAMES = frozenset({"token", "bytes", "logprob", "top_logprobs"})


def without_spelling(part: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The part without its logprobs, and what these say that the part does not; empty when nothing."""
    rest = {name: value for name, value in part.items() if name != "logprobs"}
    said = next((rest[name] for name in ("text", "delta", "refusal") if isinstance(rest.get(name), str)), "")
    return rest, other(part["logprobs"], said)


def other(logprobs: Any, said: str) -> str:
    """Every string of logprobs but tokens that spell what was said, and every name nobody knows, one a line."""
    tokens = logprobs if isinstance(logprobs, list) else [logprobs]
    spelled = "".join(t["token"] for t in tokens if isinstance(t, dict) and isinstance(t.get("token"), str))
    numbers = [n for t in tokens if isinstance(t, dict) for n in _numbers(t.get("bytes"))]
    decoded = bytes(numbers).decode("utf-8", "replace")
    found = [text for text in (spelled, decoded) if text not in ("", said)]
    for at, item, name in walk(tokens, ""):
        if name and name not in _NAMES:
            found.append(name)
        if isinstance(item, str) and item and not _TOKEN.fullmatch(at):
            found.append(item)
    return "\n".join(dict.fromkeys(found))


def _numbers(value: Any) -> list[int]:
    given = value if isinstance(value, list) else []
    return [number for number in given if isinstance(number, int) and 0 <= number < 256]
