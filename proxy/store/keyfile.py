"""The data key: 32 random bytes, given by the operator, or made once in a file that only its owner may read."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from proxy.errors import ConfigError

LENGTH = 32
NEW = "key.new"
"""File of a key that a rotation is about to put in place."""
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
    key = read_key(given.get_secret_value(), VARIABLE)
    files = [_own(data_dir, path) if path.exists() else key, pending(data_dir) or b""]
    if not any(secrets.compare_digest(own, key) for own in files):
        raise ConfigError(
            f"the data key in this file is not the one in {VARIABLE}.",
            fix="Set the variable to the key that wrote the database, and remove a file that holds another.",
            file=str(path),
        )
    return key


def pending(data_dir: Path) -> bytes | None:
    """The key that a rotation, under way or cut off, is about to put in place; None when there is none."""
    try:
        key = (data_dir / NEW).read_bytes()
    except OSError:
        return None
    # Shorter when it was cut off in writing: then nothing is encrypted under it yet.
    return key if len(key) == LENGTH else None


def current(data_dir: Path, key: bytes) -> bytes:
    """The key in the data folder now, which may have been rotated; `key` where there is no such file."""
    try:
        found = (data_dir / "key").read_bytes()
    except OSError:
        return key
    return found if len(found) == LENGTH else key


def put_pending(data_dir: Path, key: bytes) -> None:
    """Write the key that is about to be put in place, so that it is on disk when this returns. Raises OSError."""
    descriptor = os.open(data_dir / NEW, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync(data_dir)


def put_in_place(data_dir: Path, key: bytes) -> None:
    """End a rotation to this key, if one has begun: the file `key` is then the one that was pending. Raises OSError."""
    if pending(data_dir) == key:
        # Whoever else starts now may do the same.
        with suppress(FileNotFoundError):
            (data_dir / NEW).replace(data_dir / "key")
        _sync(data_dir)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key(text: str, variable: str) -> bytes:
    """A key as it is written in a variable of the environment. Raises ConfigError for what is none."""
    text = text.strip()
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
            file=variable,
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
