"""A key for blobs, without a database."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.store.data_keys import Kind


class OneKey:
    """Encrypts everything under one key, and names it under another."""

    def __init__(self, identity: bytes = b"k" * 32) -> None:
        self.identity = identity
        self._key = AESGCM(b"d" * 32)

    def encrypt(self, kind: Kind, at_us: int, name: str, data: bytes) -> tuple[str, bytes]:
        """As DataKeys."""
        nonce = os.urandom(12)
        return kind, nonce + self._key.encrypt(nonce, data, name.encode())

    def decrypt(self, id: str, name: str, data: bytes) -> bytes:
        """As DataKeys."""
        try:
            return self._key.decrypt(data[:12], data[12:], name.encode())
        except InvalidTag:
            raise ValueError("changed") from None
