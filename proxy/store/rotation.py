"""Another root key for a database: put in place so that a process that dies at any moment leaves one that opens it.

The order: the new key is on disk as `key.new`, then every data key is wrapped under it in one transaction, then the
file takes its name. Whoever opens the store in between finds out which of the two files the database belongs to.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from proxy.config_audit import FILE
from proxy.store import keyfile
from proxy.store.anchors import Anchors
from proxy.store.audit import CLI, Act, note
from proxy.store.data_keys import retire, rewrap
from proxy.store.db import OtherKey, Store, open_store
from proxy.store.refused import REFUSED


def open_rooted(
    database_url: str,
    data_dir: Path,
    given: SecretStr | None = None,
    *,
    search: bool = True,
    anchors: Path | None = None,
) -> Store:
    """The store, opened with the installation's data key; ends a rotation that was cut off.

    `anchors` is the file where the ends of the audit chain are written down, unless it is the one in the data folder.

    Raises ConfigError when the key cannot be used, StoreError as `open_store` does.
    """
    key = keyfile.load_key(data_dir, given)
    again = partial(keyfile.current, data_dir, key)
    ends = Anchors(anchors or data_dir / FILE)
    try:
        store = open_store(database_url, key, again, search=search, anchors=ends)
    except OtherKey:
        new = keyfile.pending(data_dir)
        if given is not None or new is None:
            raise
        key, store = new, open_store(database_url, new, again, search=search, anchors=ends)
    keyfile.put_in_place(data_dir, key)
    return replace(store, refused=data_dir / "spool" / REFUSED)


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Only one rotation at a time in a data folder. Raises BlockingIOError when another is under way, OSError."""
    descriptor = os.open(data_dir, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def rotate(store: Store, data_dir: Path, old: bytes, new: bytes | None, *, renew: bool) -> int:
    """Wrap every data key under a new root key, a random one unless it is given; returns how many there are.

    With `renew`, nothing more is encrypted under the data keys of before. Where the folder has a key file, it is
    replaced; a key that is not given is kept nowhere else. Raises WrongKey when `old` is not the root key now, OSError
    when the file cannot be written: then nothing has changed.
    """
    key = new or secrets.token_bytes(keyfile.LENGTH)
    in_file = new is None or (data_dir / "key").exists()
    if in_file:
        keyfile.put_pending(data_dir, key)
    with store.begin() as connection:
        count = rewrap(connection, old, key)
        retired = retire(connection) if renew else 0
        note(connection, Act(CLI, "data_key.rotate", "data_key", {"keys": count, "retired": retired}))
    if in_file:
        keyfile.put_in_place(data_dir, key)
    return count
