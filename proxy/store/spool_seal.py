"""What stands in the spool is encrypted: records that only an installation of the same identity key can read.

AES-256-GCM under keys derived from the identity key (HKDF-SHA256), a new one for each process that writes and for
each million of its records. A record names its key by the salt, so each can be read without any other.
"""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_SALT = 16
_NONCE = 12
_HEAD = len(_VERSION) + _SALT
_RECORDS = 1 << 20
"""Records under one key: with random nonces two of them are as good as never alike."""
_BOUND = b"guardhouse spool"


class Seal:
    """Closes and opens records. For any thread."""

    def __init__(self, key: bytes) -> None:
        """Takes the identity key of the installation."""
        self._derived = lru_cache(maxsize=64)(lambda salt: _derive(key, salt))
        self._now = self._new()

    def __repr__(self) -> str:
        return "Seal()"

    def close(self, record: bytes) -> bytes:
        """The record, sealed."""
        if not self._left:
            self._now = self._new()
        self._left -= 1
        salt, cipher = self._now
        nonce = os.urandom(_NONCE)
        return b"".join((_VERSION, salt, nonce, cipher.encrypt(nonce, record, _BOUND)))

    def open(self, sealed: bytes) -> bytes:
        """The record; as it stands when an older version wrote it, which sealed nothing.

        Raises ValueError when it was sealed under another key, or changed.
        """
        if sealed[:1] == b"{":
            return sealed
        salt, nonce = sealed[1:_HEAD], sealed[_HEAD : _HEAD + _NONCE]
        if sealed[:1] != _VERSION or len(nonce) < _NONCE:
            raise ValueError("a record of the spool is of another version or incomplete")
        try:
            return self._derived(salt).decrypt(nonce, sealed[_HEAD + _NONCE :], _BOUND)
        except InvalidTag:
            raise ValueError("a record of the spool was changed, or belongs to another data key") from None

    def _new(self) -> tuple[bytes, AESGCM]:
        """A key of its own, with its salt."""
        self._left, salt = _RECORDS, os.urandom(_SALT)
        return salt, self._derived(salt)


def _derive(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=_BOUND).derive(key))
