"""About how many tokens a JSON value is, before anybody has counted them: rather too many than too few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.exchange import Exchange

BYTES_PER_TOKEN = 3
"""Of texts as tokenizers see them there are mostly more: what is reserved errs on the safe side."""
MEDIA_TOKENS = 1_500
"""What an image is taken for however many bytes it has, and a sound at least."""
SOUND_BYTES_PER_TOKEN = 256
"""Of sounds in base64, compressed well."""
_CONVERSATIONS = frozenset({"/v1/chat/completions", "/v1/responses", "/v1/messages"})
_TYPED, _ESCAPED = b'"type"', b"\\u"
"""What every part that holds media has, and how that can be written otherwise."""
_MEDIA_WORDS = (b"image", b"audio", b"document", b"screenshot")
_TURNS = ("messages", "input")
_PARTS = ("content", "output")
_IMAGES = frozenset({"image_url", "input_image", "computer_screenshot"})
_TOKEN_IDS = 1 << 20
"""Vocabularies are smaller: a number below may be one token."""


def request_tokens(exchange: Exchange) -> int:
    """The tokens of a request; of a conversation that is all text, by its size alone."""
    body = exchange.body
    if exchange.path not in _CONVERSATIONS or not body or _may_hold_media(body):
        return text_tokens(exchange.request)
    return exchange.size // BYTES_PER_TOKEN + 1


def _may_hold_media(body: bytes) -> bool:
    # The longer the body, the more each word that is looked for costs: most have no parts, and end here.
    return _ESCAPED in body or (_TYPED in body and any(word in body for word in _MEDIA_WORDS))


def text_tokens(value: Any) -> int:
    """The tokens of all texts, names, numbers and token ids in a value; images and sounds in a request's turns."""
    size = tokens = 0
    # Each with the members of it that may lead to media: in schemas and arguments all is text to the model.
    left: list[tuple[Any, tuple[str, ...]]] = [(value, _TURNS)]
    while left:
        item, ways = left.pop()
        if isinstance(item, str):
            size += _bytes(item)
        elif isinstance(item, dict):
            media = _media(item) if ways else {}
            tokens += sum(media.values())
            for name, inner in item.items():
                size += _bytes(name) + BYTES_PER_TOKEN
                if name not in media:
                    left.append((inner, _PARTS if name in ways else ()))
        elif isinstance(item, list):
            size += len(item) * BYTES_PER_TOKEN
            if not _are_token_ids(item):
                left += [(each, ways) for each in item]
        else:
            size += len(str(item))
    return size // BYTES_PER_TOKEN + 1 + tokens


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _are_token_ids(items: list[Any]) -> bool:
    return set(map(type, items)) == {int} and min(items) >= 0 and max(items) < _TOKEN_IDS


def _media(part: Mapping[str, Any]) -> dict[str, int]:
    """Members of a part of a turn that hold an image or a sound, with the tokens that each is taken for."""
    match part:
        case {"type": str(kind), "image_url": str() | {"url": str()}} if kind in _IMAGES:
            return {"image_url": MEDIA_TOKENS}
        case {"type": "image" | "document", "source": {"type": "url"}}:
            return {"source": MEDIA_TOKENS}
        case {"type": "image", "source": {"type": "base64", "data": str()}}:
            return {"source": MEDIA_TOKENS}
        case {"type": "image_generation_call", "result": str()}:
            return {"result": MEDIA_TOKENS}
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            return {"input_audio": max(MEDIA_TOKENS, len(data) // SOUND_BYTES_PER_TOKEN)}
    return {}
