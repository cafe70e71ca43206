"""Replies of providers that are given again to equal requests, for a while, in the memory of one process.

What is kept is the provider's reply to what the provider was sent: masked. Each time it is inspected and restored
anew, for the caller who asks and by the policy that holds then.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from proxy.providers.base import Reply

MOST_BYTES = 64 << 20
"""Bytes of all replies together; those asked for longest ago are forgotten first."""
CHOOSING = (b"openai-beta", b"anthropic-beta", b"anthropic-version")
"""Request headers that providers are sent, and that choose what they answer."""
_LONGEST = 1 << 20
_SORTED = orjson.OPT_SORT_KEYS


def directives(header: str | None) -> frozenset[str]:
    """What a `cache-control` header of a request asks for; `max-age=0` says the same as `no-cache`."""
    if header is None:
        return frozenset()
    words = {word.strip().lower() for word in header.split(",")}
    return frozenset(words | ({"no-cache"} if "max-age=0" in words else set()))


class Replies:
    """Replies by a hash of what asked for them.

    Args:
        ttl_s: seconds for which a reply is given again; 0 keeps none.
        clock: seconds since any fixed moment.
    """

    def __init__(self, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s, self._clock, self._bytes = ttl_s, clock, 0
        self._kept: OrderedDict[bytes, tuple[float, Reply]] = OrderedDict()

    def renewed(self, ttl_s: float, *, same: bool) -> Replies:
        """Those of another configuration: these, when replies live as long and come from the same models."""
        return self if same and ttl_s == self._ttl_s else Replies(ttl_s, self._clock)

    @property
    def off(self) -> bool:
        """Whether nothing is kept."""
        return self._ttl_s <= 0

    def key(self, who: tuple[str, ...], sent: Mapping[str, Any]) -> bytes:
        """What a request is known by: who asks where under which policy, and all that the provider is sent."""
        asked = "\0".join(who).encode("utf-8", "surrogatepass")
        return hashlib.sha256(asked + b"\0" + orjson.dumps(sent, option=_SORTED)).digest()

    def get(self, key: bytes) -> Reply | None:
        """The reply that was kept; None when there is none, or its time is over."""
        until, reply = self._kept.get(key, (0.0, None))
        if reply is None:
            return None
        if until <= self._clock():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return reply

    def clear(self) -> None:
        """Forgets every reply."""
        self._kept.clear()
        self._bytes = 0

    def put(self, key: bytes, reply: Reply) -> None:
        """Keeps a good reply that is not too long."""
        if reply.status != 200 or len(reply.body) > _LONGEST:
            return
        if key in self._kept:
            self._forget(key)
        self._kept[key] = (self._clock() + self._ttl_s, reply)
        self._bytes += len(reply.body)
        while self._bytes > MOST_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: bytes) -> None:
        self._bytes -= len(self._kept.pop(key)[1].body)
