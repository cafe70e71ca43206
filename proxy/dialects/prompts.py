"""Requests whose texts stand in one member, a prompt or an input: where they are, and which are only numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from guardrails.types import Segment, Stage
from proxy.dialects.chat_media import is_encoded, is_media, noted
from proxy.dialects.chat_words import WORD
from proxy.dialects.extension import EXTENSION, retrieved
from proxy.dialects.request_body import wrong_type
from proxy.dialects.texts import MEMBER, everything, step
from proxy.errors import BadRequest, Code

TOKENS = {"type": "tokens", "omitted": True}
"""What is stored in place of a list of token numbers: it spells a text that nobody has read."""

_SKIP = frozenset({"model", "stream", EXTENSION})
_NUMBERS = frozenset(
    {"best_of", "dimensions", "frequency_penalty", "logprobs", "max_tokens", "n", "presence_penalty"}
    | {"seed", "temperature", "top_p"}
)
_MEMBERS = _NUMBERS | frozenset(
    {"echo", "encoding_format", "image_url", "include_usage", "input", "logit_bias", "model", "prompt"}
    | {"stop", "stream", "stream_options", "suffix", "text", "type", "url", "user"}
)
"""Member names of a request that are the protocol's own: never a text."""
_WORDS = re.compile(r"/encoding_format=(?:float|base64)|/input/\d+/type=(?:text|image_url)")
_PART = re.compile(r"/input/\d+/.+", re.DOTALL)


# --- shape


def check(request: dict[str, Any], name: str, parts: bool = False) -> None:
    """Check the member that holds the texts, if it is there.

    It is a string, an array of strings, or token numbers: an array, or an array of arrays. Where `parts` says so it
    is content parts and no token numbers. Raises BadRequest naming the member (`input[0]`).
    """
    value = request.get(name)
    if isinstance(value, str | None):
        return
    if not isinstance(value, list):
        raise wrong_type(name, f"a string or an array of {'strings or objects' if parts else 'strings'}")
    if not value:
        raise BadRequest(
            f"Invalid '{name}': empty array. Expected at least one element.",
            code=Code.EMPTY_ARRAY,
            param=name,
        )
    kind = _kind(value[0], parts)
    for place, item in enumerate(value):
        if not kind or _kind(item, parts) != kind:
            raise wrong_type(f"{name}[{place}]", f"{kind}, as before it" if kind else "a string")


def _kind(item: Any, parts: bool) -> str:
    """What an element is; empty for what none may be."""
    if isinstance(item, str):
        return "a string"
    if parts:
        return "an object with a type" if isinstance(item, dict) and isinstance(item.get("type"), str) else ""
    if is_token(item):
        return "a token number"
    return "an array of token numbers" if is_tokens(item) else ""


def is_token(item: Any) -> bool:
    """Whether a value is the number of a token."""
    return isinstance(item, int) and not isinstance(item, bool)


def is_tokens(value: Any) -> bool:
    """Whether a value is a list of token numbers; an empty list is one."""
    return isinstance(value, list) and all(map(is_token, value))


# --- texts


def texts(request: dict[str, Any]) -> list[Segment]:
    """Every text of a request: the prompt or input, what was retrieved, and all other strings."""
    found: list[Segment] = []
    for name, value in request.items():
        if name in _SKIP:
            continue
        if name and name not in _MEMBERS:
            found.append(_text(name, step(name), MEMBER))
        if name in _NUMBERS and isinstance(value, int | float):
            continue
        found += _texts(value, step(name))
    if EXTENSION in request:
        found += retrieved(request[EXTENSION])
    return found


def _texts(value: Any, pointer: str) -> Iterator[Segment]:
    for at, text, within in everything(value, pointer):
        if within == MEMBER:
            if text not in _MEMBERS:
                yield _text(text, at, MEMBER)
        elif not _WORDS.fullmatch(f"{at}={text}") and not (_PART.fullmatch(at) and is_encoded(at, text)):
            yield _text(text, at)


def _text(text: str, pointer: str, within: str = "") -> Segment:
    return Segment(text, pointer, Stage.INPUT, "user", within)


def unscannable(value: Any, pointer: str) -> list[tuple[str, Stage]]:
    """(pointer, stage) of each list of token numbers, and of each part that holds something other than text."""
    if not isinstance(value, list) or not value:
        return []
    if is_tokens(value):
        return [(pointer, Stage.INPUT)]
    return [(f"{pointer}/{place}", Stage.INPUT) for place, item in enumerate(value) if _is_other(item)]


def _is_other(item: Any) -> bool:
    return isinstance(item, list) or (isinstance(item, dict) and is_media(item))


# --- what leaves, what is kept


def outgoing(request: dict[str, Any]) -> dict[str, Any]:
    """The request without our extension."""
    return {name: value for name, value in request.items() if name != EXTENSION}


def stored(request: dict[str, Any], name: str) -> dict[str, Any]:
    """The request as it is kept: without our extension, with notes in place of token numbers and media."""
    kept, value = outgoing(request), request.get(name)
    if isinstance(value, list):
        kept[name] = dict(TOKENS) if value and is_tokens(value) else [*map(_noted, value)]
    return kept


def _noted(item: Any) -> Any:
    if isinstance(item, list):
        return dict(TOKENS)
    return noted(item, WORD) if isinstance(item, dict) else item


def with_tokens(pointers: Iterable[str], name: str) -> set[int | None]:
    """Which elements of the member the pointers lead into; None stands for a member that is one string."""
    place = re.compile(rf"/{name}(?:/(\d+))?")
    found = (place.fullmatch(pointer) for pointer in pointers)
    return {int(match[1]) if match[1] else None for match in found if match}
