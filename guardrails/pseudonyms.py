"""Reversible masking: a value becomes an opaque token towards the model, and itself again on the way back."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from itertools import count

INSTRUCTION = (
    "Words in capitals that end in an underscore and ten hexadecimal digits stand for private values:"
    " treat each as an opaque name, never guess what it stands for, and repeat it exactly as it is written."
)
"""The one line told to the model when something was masked."""

LOOKALIKE = "TOKEN"
"""Entity of a text that the caller wrote and that happens to look like one of this request's tokens."""

_DIGITS = 10
_TAIL = re.compile("_([0-9a-fA-F]{10})")
_UNFIT = re.compile(r"[^A-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Restoration:
    """Put `value` in place of text[start:end]."""

    start: int
    end: int
    value: str = field(repr=False)


@dataclass(slots=True)
class _Entry:
    entity: str
    value: str
    restorable: bool


class Vault:
    """The pseudonyms of one request. Lives as long as the request and is never stored.

    Args:
        key: secret that makes the tokens unguessable.
        tenant: whose values they are; another tenant's equal value has another token.
        scope: within which equal values share a token, e.g. a conversation.
    """

    __slots__ = ("_by_digest", "_by_entity", "_entries", "_key", "_reach", "_scope", "_tenant")

    def __init__(self, key: bytes, tenant: str, scope: str) -> None:
        self._key, self._tenant, self._scope = key, tenant, scope
        self._entries: dict[str, _Entry] = {}
        self._by_digest: dict[str, list[_Entry]] = {}
        self._by_entity: dict[str, list[str]] = {}
        self._reach = 0

    def __len__(self) -> int:
        """Number of tokens minted."""
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Vault({len(self)} tokens)"

    def mint(self, entity: str, value: str, restorable: bool = True) -> str:
        """The token for a value: `ENTITY_` and 10 hex digits, the same one for the same value each time.

        Args:
            entity: kind of value.
            value: the value exactly as it stood in the text.
            restorable: whether a reply may turn the token back into the value. Once granted it stays so.
        """
        entity = _UNFIT.sub("_", entity.upper())
        for attempt in count():
            digest = _digest(self._key, self._tenant, self._scope, entity, value, str(attempt))
            token = f"{entity}_{digest}"
            entry = self._entries.setdefault(token, _Entry(entity, value, False))
            if entry.value == value:
                break
        if restorable and not entry.restorable:
            entry.restorable = True
            self._by_digest.setdefault(digest, []).append(entry)
            self._by_digest[digest].sort(key=lambda other: -len(other.entity))
            self._by_entity.setdefault(f"{entity}_", []).append(digest)
            self._reach = max(self._reach, len(entity) + entity.count("_") + 2 + _DIGITS)
        return token

    def restores(self, text: str, start: int = 0) -> list[Restoration]:
        """Where this request's restorable tokens are in text[start:], left to right, and what they stand for.

        Tolerates what models do to tokens: markdown's backslash before an underscore, capital hex digits.
        """
        found: list[Restoration] = []
        if not self._by_digest:
            return found
        for tail in _TAIL.finditer(text, start):
            for entry in self._by_digest.get(tail[1].lower(), ()):
                begin = _begin(text, tail.start(), entry.entity)
                if begin >= start:
                    found.append(Restoration(begin, tail.end(), entry.value))
                    start = tail.end()
                    break
        return found

    def hold(self, text: str, start: int = 0) -> int:
        """The first position at or after start from which the text could still become one of its tokens."""
        for position in range(max(start, len(text) - self._reach), len(text)):
            tail = text[position:]
            if self._opens(tail.removesuffix("\\").replace("\\_", "_")):
                return position
        return len(text)

    def restore(self, text: str) -> str:
        """The text with its tokens turned back into values. Values are not looked at again."""
        pieces: list[str] = []
        done = 0
        for found in self.restores(text):
            pieces += (text[done : found.start], found.value)
            done = found.end
        return "".join((*pieces, text[done:])) if pieces else text

    def _opens(self, tail: str) -> bool:
        for head, digests in self._by_entity.items():
            if head.startswith(tail):
                return True
            if tail.startswith(head) and len(tail) < len(head) + _DIGITS:
                hexes = tail[len(head) :].lower()
                if any(digest.startswith(hexes) for digest in digests):
                    return True
        return False


def _begin(text: str, end: int, entity: str) -> int:
    """Where `entity` begins if it stands right before the underscore at `end`; -1 if it does not.

    Any underscore may be escaped with a backslash.
    """
    position = end + 1
    for letter in reversed(f"{entity}_"):
        position -= 1
        if position < 0 or text[position] != letter:
            return -1
        if letter == "_" and position > 0 and text[position - 1] == "\\":
            position -= 1
    return position


def _digest(key: bytes, *parts: str) -> str:
    # Lengths go in as well, so that no two lists of parts make the same message.
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    return hmac.digest(key, message, hashlib.sha256).hex()[:_DIGITS]
