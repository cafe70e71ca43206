"""The data key: 32 random bytes in a file that only its owner may read, and that never leaves it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from proxy.errors import ConfigError

LENGTH = 32


def load_key(data_dir: Path) -> bytes:
    """The installation's data key, made on the first start. Keys blob names, fingerprints and pseudonyms.

    Raises ConfigError when the file cannot be used. Safe when several processes start at once.
    """
    path = data_dir / "key"
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
