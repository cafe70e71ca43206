"""Requests and replies as content-addressed pieces, so that a chat's resent history is stored once.

A long body is cut into its frame (everything but the long lists) and the items of its top-level lists of objects:
messages, tools, choices; a short one is one piece, which costs less than it could save. Each piece is a blob named
by a keyed hash. The pieces give the body back exactly.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from guardrails.keyed import keyed_hash

WORTH_SPLITTING = 2048
"""Bytes of a body below which it is one piece."""
_WORTH_COMPRESSING = 1024
"""Bytes below which compressing costs more time than it saves room."""


def encode(value: Any) -> bytes:
    """JSON bytes of a value; takes what any JSON parser produces, huge integers and lone surrogates too."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=True, default=str).encode()


def decode(data: bytes) -> Any:
    """The value behind JSON bytes made by `encode`. Raises ValueError when they are not JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)


@dataclass(slots=True)
class Blobs:
    """Collects the blobs of some documents, each once."""

    key: bytes
    """The data key."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, tenant: str, data: bytes) -> str:
        """Keep some bytes; returns their id. Equal bytes of one tenant share an id, of two tenants never."""
        name = keyed_hash(self.key, tenant.encode("utf-8", "replace") + b"\0" + data, 16).hex()
        if name not in self.rows:
            packed = zlib.compress(data, 1) if len(data) >= _WORTH_COMPRESSING else data
            small = len(packed) < len(data)
            self.rows[name] = {
                "id": name,
                "tenant": tenant,
                "codec": "zlib" if small else "raw",
                "size": len(data),
                "body": packed if small else data,
            }
        return name

    def add_text(self, tenant: str, text: str) -> str:
        """Keep a text; returns its id."""
        return self.add(tenant, text.encode("utf-8", "surrogatepass"))


def unpack(codec: str, body: bytes) -> bytes:
    """The bytes that were kept. Raises ValueError for a codec that does not exist."""
    if codec == "zlib":
        return zlib.decompress(body)
    if codec == "raw":
        return bytes(body)
    raise ValueError(f"blob codec {codec!r} is unknown")


def pieces(body: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """A body as (pointer, JSON bytes), in the order that `join` takes: one piece, or as `split` cuts it."""
    whole = encode(body)
    if len(whole) < WORTH_SPLITTING:
        return [("", whole)]
    return [(pointer, encode(value)) for pointer, value in split(body)]


def split(body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A body's pieces as (pointer, value): the frame first, at pointer "", then the items of its lists."""
    frame: dict[str, Any] = {}
    items: list[tuple[str, Any]] = []
    for name, value in body.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            frame[name] = []
            items.extend((f"/{_escape(name)}/{index}", item) for index, item in enumerate(value))
        else:
            frame[name] = value
    return [("", frame), *items]


def join(pieces: Iterable[tuple[str, Any]]) -> dict[str, Any] | None:
    """The body whose pieces these are, in the order `split` gave them; None when there are none."""
    frame: dict[str, Any] | None = None
    for pointer, value in pieces:
        if frame is None:
            frame = value
            continue
        name = _unescape(pointer[1:].rpartition("/")[0])
        frame[name].append(value)
    return frame


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unescape(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")
