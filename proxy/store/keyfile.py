"""The data key: 32 random bytes, given by the operator, or made once in a file that only its owner may read."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from pathlib import Path

from pydantic import SecretStr

from proxy.errors import ConfigError

LENGTH = 32
VARIABLE = "GUARDHOUSE_DATA_KEY"
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_STANDARD = str.maketrans("-_", "+/")


def load_key(data_dir: Path, given: SecretStr | None = None) -> bytes:
    """The installation's data key, made on the first start. Keys blob names, fingerprints and pseudonyms.

    Args:
        data_dir: the folder with the file `key`, which is neither made nor needed when a key is given.
        given: the key as 64 hex digits or as base64.

    Raises ConfigError when the key or its file cannot be used, or they differ. Safe when several processes start
    at once.
    """
    path = data_dir / "key"
    if given is None:
        return _own(data_dir, path)
    key = _read(given.get_secret_value().strip())
    if path.exists() and not secrets.compare_digest(_own(data_dir, path), key):
        raise ConfigError(
            f"the data key in this file is not the one in {VARIABLE}.",
            fix="Set the variable to the key that wrote the database, and remove a file that holds another.",
            file=str(path),
        )
    return key


def _read(text: str) -> bytes:
    """A key as it is written in the environment."""
    try:
        key = (
            bytes.fromhex(text)
            if _HEX.fullmatch(text)
            else base64.b64decode(text.translate(_STANDARD), validate=True)
        )
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != LENGTH:
        raise ConfigError(
            f"it is neither {2 * LENGTH} hex digits nor the base64 of {LENGTH} bytes.",
            fix="Make one with `openssl rand -hex 32`, once, and give it to every proxy of the database.",
            file=VARIABLE,
        )
    return key


def _own(data_dir: Path, path: Path) -> bytes:
    """The key in the data folder."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the data key cannot be read: {error.strerror}.",
            fix="Make data_dir a folder this user can write.",
            file=str(path),
        ) from None
    if len(key) != LENGTH:
        raise ConfigError(
            f"the data key has {len(key)} bytes instead of {LENGTH}.",
            fix="Restore it from a backup; without it stored content cannot be matched with new content.",
            file=str(path),
        )
    return key


def _create(path: Path) -> None:
    own = path.with_name(f"key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(LENGTH))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # A link, not a rename: of two processes that start together, the first one's key stays.
        os.link(own, path)
    except FileExistsError:
        pass
    own.unlink()
