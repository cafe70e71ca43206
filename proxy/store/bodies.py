"""Requests and replies as content-addressed pieces, so that a chat's resent history is stored once.

A long body is cut into its frame (everything but the long lists) and the items of its top-level lists of objects:
messages, tools, choices; a short one is one piece, which costs less than it could save. Each piece is a blob named
by a day and a keyed hash, compressed and encrypted. The pieces give the body back exactly.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from guardrails.keyed import keyed_hash
from proxy.store.data_keys import DAY_US, Kind

WORTH_SPLITTING = 2048
"""Bytes of a body below which it is one piece."""
_WORTH_COMPRESSING = 1024
"""Bytes below which compressing costs more time than it saves room."""
_LAST_US = 4_102_444_800_000_000
"""2100: what a broken clock says beyond it is kept under that day."""


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


class Keys(Protocol):
    """What encrypts and names blobs: `proxy.store.data_keys.DataKeys`."""

    identity: bytes

    def encrypt(self, kind: Kind, at_us: int, name: str, data: bytes) -> tuple[str, bytes]:
        """The key's id, and the bytes encrypted under it."""

    def decrypt(self, id: str, name: str, data: bytes) -> bytes:
        """The bytes again."""


@dataclass(slots=True)
class Blobs:
    """Collects the blobs of some documents, each once."""

    keys: Keys
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def on(self, tenant: str, at_us: int, kind: Kind = "content") -> Day:
        """Where to keep what a tenant said at a moment, microseconds UTC."""
        return Day(self, tenant, min(max(at_us, 0), _LAST_US) // DAY_US * DAY_US, kind)


@dataclass(frozen=True, slots=True)
class Day:
    """The blobs of one tenant, day and kind: equal bytes share an id there, and nowhere else.

    So a chat's resent history is stored once a day, and what is older than a day can go without a look at who
    else may still need it.
    """

    blobs: Blobs
    tenant: str
    day_us: int
    kind: Kind

    def add(self, data: bytes) -> str:
        """Keep some bytes; returns their id: 12 hex digits of the day in milliseconds, and 32 of a hash."""
        keys, rows = self.blobs.keys, self.blobs.rows
        salt = f"{self.kind}\0{self.tenant}\0".encode("utf-8", "replace")
        name = f"{self.day_us // 1000:012x}{keyed_hash(keys.identity, salt + data, 16).hex()}"
        if name not in rows:
            packed = zlib.compress(data, 1) if len(data) >= _WORTH_COMPRESSING else data
            small = len(packed) < len(data)
            key_id, body = keys.encrypt(self.kind, self.day_us, name, packed if small else data)
            rows[name] = {
                "id": name,
                "tenant": self.tenant,
                "codec": "zlib" if small else "raw",
                "size": len(data),
                "body": body,
                "key_id": key_id,
                "created_us": self.day_us,
            }
        return name

    def add_text(self, text: str) -> str:
        """Keep a text; returns its id."""
        return self.add(text.encode("utf-8", "surrogatepass"))


def unpack(row: Mapping[str, Any], keys: Keys) -> bytes:
    """The bytes that a blob's row keeps.

    Raises Shredded when their key was deleted, ValueError when they were changed or their codec does not exist.
    """
    body, key_id = bytes(row["body"]), row["key_id"]
    if key_id is not None:
        body = keys.decrypt(key_id, row["id"], body)
    if row["codec"] == "zlib":
        return zlib.decompress(body)
    if row["codec"] == "raw":
        return body
    raise ValueError(f"blob codec {row['codec']!r} is unknown")


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
