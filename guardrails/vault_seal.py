"""Entries of a vault as bytes that only the same tenant and session can read again. Nothing raw leaves in them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from guardrails.errors import GuardrailsError
from guardrails.pseudonyms import Entry

_VERSION = b"\x01"
_NONCE = 12
_CLOCK = 8


class Unsealable(GuardrailsError):
    """Sealed bytes that cannot be read: another key, tenant or session, or changed on the way."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and until when they may be used."""

    entries: tuple[Entry, ...]
    until: int
    """Unix time in seconds."""


class Seal:
    """Seals and opens the pages of one session with AES-256-GCM.

    The key is derived from the installation's (HKDF-SHA256) for this tenant and session alone, and both are also
    authenticated with every page, like the time until which it may be used.

    Args:
        key: secret of the installation.
        tenant: whose values they are.
        session: which of the tenant's sessions they belong to.
    """

    __slots__ = ("_bound", "_cipher")

    def __init__(self, key: bytes, tenant: str, session: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._bound = json.dumps(["guardhouse vault", tenant, session]).encode()
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=self._bound).derive(key)
        self._cipher = AESGCM(derived)

    def close(self, entries: Iterable[Entry], until: int) -> bytes:
        """The entries, sealed. The same entries never make the same bytes twice.

        Args:
            entries: what to seal.
            until: Unix time in seconds after which nobody may open it.
        """
        rows = [[e.entity, e.value, e.token, e.surrogate] for e in entries]
        # ASCII, so that also a lone surrogate code point in a value survives.
        plain = json.dumps(rows, separators=(",", ":")).encode("ascii")
        head = _VERSION + until.to_bytes(_CLOCK, "big")
        nonce = secrets.token_bytes(_NONCE)
        return head + nonce + self._cipher.encrypt(nonce, plain, self._bound + head)

    def open(self, sealed: bytes, now: float) -> Page | None:
        """The page, or None when its time is over at `now` (Unix time in seconds).

        Raises Unsealable when it was not sealed for this tenant and session with this key, or was changed.
        """
        from cryptography.exceptions import InvalidTag

        head, rest = sealed[: 1 + _CLOCK], sealed[1 + _CLOCK :]
        if head[:1] != _VERSION or len(rest) < _NONCE:
            raise Unsealable("A sealed vault page is of another version or incomplete.")
        try:
            plain = self._cipher.decrypt(rest[:_NONCE], rest[_NONCE:], self._bound + head)
        except InvalidTag:
            raise Unsealable(
                "A sealed vault page was changed, or belongs to another key or session."
            ) from None
        until = int.from_bytes(head[1:], "big")
        return Page(tuple(map(_entry, json.loads(plain))), until) if now < until else None


def _entry(row: list[Any]) -> Entry:
    entity, value, token, surrogate = row
    return Entry(entity, value, token, surrogate, restorable=True)
