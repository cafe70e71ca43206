"""What was said before the guardrails, where a policy keeps it: held while an exchange passes, then sealed.

Nothing of it stands anywhere as it is: it leaves this file encrypted, as a part of the trace document, and is opened
again where the store encrypts it under the raw key of its day.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from guardrails.policy import Capture
from proxy.store.data_keys import Cipher, seal, unseal

MOST_BYTES = 1 << 20
"""Bytes of a request, and of a reply, that are kept; what comes after them is left out, and the trace says so."""
PARTS = ("request", "response")


@dataclass(slots=True)
class Raw:
    """What one exchange was before the guardrails, as far as it has come."""

    request: bytes = field(default=b"", repr=False)
    response: bytearray = field(default_factory=bytearray, repr=False)
    cut: tuple[str, ...] = ()
    """The parts of which more came than is kept."""

    def asked(self, body: bytes) -> None:
        """Keep the request, byte for byte as its caller sent it."""
        self.request = body[:MOST_BYTES]
        if len(body) > MOST_BYTES:
            self.cut += ("request",)

    def answered(self, data: bytes) -> None:
        """Keep some more of the reply, byte for byte as its provider sent it."""
        room = MOST_BYTES - len(self.response)
        self.response += data[:room]
        if len(data) > room and "response" not in self.cut:
            self.cut += ("response",)


def begun(capture: Capture, body: bytes) -> Raw | None:
    """Where to keep an exchange whose policy says so, with its request; None where it keeps nothing raw."""
    if not capture.keeps_raw:
        return None
    raw = Raw()
    raw.asked(body)
    return raw


def sealed(key: bytes, id: str, raw: Raw) -> dict[str, Any] | None:
    """What was kept as a trace document may hold it: encrypted, each part bound to its place; None for nothing."""
    parts = (("request", raw.request), ("response", bytes(raw.response)))
    told: dict[str, Any] = {
        part: base64.b64encode(seal(_cipher(key), _name(id, part), data)).decode()
        for part, data in parts
        if data
    }
    return {**told, "cut": list(raw.cut)} if told else None


def opened(key: bytes, id: str, told: Mapping[str, Any]) -> Iterable[tuple[str, bytes]]:
    """(part, bytes) of what `sealed` told. Raises ValueError when it was changed, or is of another exchange or key."""
    for part in PARTS:
        if part in told:
            try:
                data = base64.b64decode(told[part], validate=True)
                yield part, unseal(_cipher(key), _name(id, part), data)
            except (ValueError, TypeError):
                raise ValueError("a sealed part of a trace was changed, or belongs to another") from None


@lru_cache(maxsize=4)
def _cipher(key: bytes) -> Cipher:
    # A key of its own: the one that names things encrypts nothing.
    return Cipher(hmac.digest(key, b"guardhouse: raw texts on their way to the store", hashlib.sha256))


def _name(id: str, part: str) -> str:
    return f"{id}\0{part}"
