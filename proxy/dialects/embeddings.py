"""The dialect of `/v1/embeddings`: texts in, vectors out. Vectors are relayed as they came, and never kept."""

from __future__ import annotations

import base64
import binascii
import math
from array import array
from typing import Any

from guardrails.types import Segment
from proxy.dialects import chat_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_words import reply_texts
from proxy.dialects.request_body import check_basics
from proxy.dialects.unstreamed import UnstreamedDialect, check_input
from proxy.errors import UpstreamError

OMITTED = "omitted"
"""What is stored in place of a vector that something stands beside."""

_PLAIN = frozenset({"object", "index", "embedding"})


class Embeddings(UnstreamedDialect):
    """The embeddings dialect. See `proxy.dialects.base.Dialect`."""

    name = "embeddings"

    def check(self, request: Request) -> None:
        """As in Dialect."""
        check_basics(request)
        check_input(request)

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        reply = chat_reply.parse_object(body)
        data = reply.get("data")
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise UpstreamError("The provider's answer has no array of embeddings.")
        return reply

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        found = reply_texts(reply, "", skip=("data",))
        # A stored reply may hold a note in place of its vectors.
        for place, item in enumerate(reply["data"] if isinstance(reply["data"], list) else ()):
            found += _item_texts(item, f"/data/{place}")
        return found

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect: one note for all vectors where they stand alone, else one in each place."""
        data = reply["data"]
        if all(item.keys() <= _PLAIN for item in data):
            return {**reply, "data": {"type": "vectors", "count": len(data), "omitted": True}}
        noted = [{**item, "embedding": OMITTED} if "embedding" in item else item for item in data]
        return {**reply, "data": noted}


def _item_texts(item: dict[str, Any], pointer: str) -> list[Segment]:
    """The texts of one embedding: everything that is no vector."""
    vector = item.get("embedding")
    found = [] if is_vector(vector) else reply_texts(vector, pointer + "/embedding")
    if item.keys() <= _PLAIN and item.get("object") == "embedding" and isinstance(item.get("index"), int):
        return found
    return [*found, *reply_texts(item, pointer, skip=("embedding",))]


def is_vector(value: Any) -> bool:
    """Whether a value is numbers and nothing else: a list of them, or base64 of finite 32-bit floats."""
    if isinstance(value, list):
        return {*map(type, value)} <= {int, float}
    if not isinstance(value, str) or len(value) % 4:
        return False
    try:
        packed = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(packed) % 4 == 0 and math.isfinite(sum(array("f", packed)))


EMBEDDINGS = Embeddings()
"""The one embeddings dialect."""
