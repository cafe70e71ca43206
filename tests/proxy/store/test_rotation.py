"""The root key is rotated so that whoever dies at any moment leaves a database that opens."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, select

from proxy.document import document
from proxy.store import keyfile, reencryption
from proxy.store.audit import acts
from proxy.store.data_keys import DAY_US, WrongKey
from proxy.store.db import OtherKey, Store, url_of
from proxy.store.keyfile import load_key
from proxy.store.queries import get_run, get_trace, save_run
from proxy.store.rotation import alone, open_rooted, rotate
from proxy.store.tables import BLOB
from tests.proxy.exchanges import masked

NEW = b"n" * 32
RUN: dict[str, Any] = {
    "id": "r1",
    "created_at": "2026-01-01T00:00:00Z",
    "suite": "s",
    "items": [{"id": "secret item"}],
}


def opened(folder: Path, given: SecretStr | None = None) -> Store:
    """The store in a folder, as every process opens it."""
    return open_rooted(url_of(folder, None), folder, given)


def filled(folder: Path) -> str:
    """A folder with a trace and a run; returns the trace's id."""
    store = opened(folder)
    told = document(masked("x" * 3000))
    store.write([told])
    save_run(store, RUN)
    store.close()
    return str(told["id"])


def whole(folder: Path, id: str) -> bool:
    """Whether everything can be read, and written, and only `key` is left of the key files."""
    store = opened(folder)
    try:
        store.write([document(masked())])
        found = get_trace(store, id) or {}
        return found["content"] == "kept" and found["request"] is not None and get_run(store, "r1") == RUN
    finally:
        store.close()


def test_a_rotated_key_replaces_the_file_and_opens_everything(tmp_path: Path) -> None:
    """The old one opens nothing any more; the act is on record."""
    id, old = filled(tmp_path), load_key(tmp_path)
    store = opened(tmp_path)
    assert rotate(store, tmp_path, old, None, renew=False) >= 2
    assert acts(store)[0]["action"] == "data_key.rotate"
    store.close()

    assert load_key(tmp_path) != old
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "key.new").exists()
    assert whole(tmp_path, id)
    (tmp_path / "key").write_bytes(old)
    with pytest.raises(OtherKey):
        opened(tmp_path)


def test_a_running_proxy_goes_on_with_the_file(tmp_path: Path) -> None:
    """It reads the key again where it needs it: for days that it has not opened yet."""
    id = filled(tmp_path)
    running = opened(tmp_path)
    other = opened(tmp_path)
    rotate(other, tmp_path, load_key(tmp_path), None, renew=True)
    other.close()
    old = masked(started_us=masked().started_us - 3 * DAY_US)
    assert running.write([document(old)]) == []
    assert (get_trace(running, id) or {})["content"] == "kept"
    running.close()
    assert whole(tmp_path, id)


def test_a_running_proxy_with_the_old_key_leaves_no_key_behind_that_nobody_opens(tmp_path: Path) -> None:
    """It writes on with the keys that it holds; for another day it waits for its restart, and nothing is lost."""
    given, now = SecretStr("00" * 32), time.time_ns() // 1000
    running, other = opened(tmp_path, given), opened(tmp_path, given)
    first = document(masked())
    assert running.write([first]) == []
    rotate(other, tmp_path, bytes(32), NEW, renew=False)
    assert running.write([document(masked())]) == []
    with pytest.raises(WrongKey, match="restart with the new one"):
        running.write([document(masked(started_us=now - 5 * DAY_US))])
    for store in (running, other):
        store.close()

    again = opened(tmp_path, SecretStr(NEW.hex()))
    assert (get_trace(again, first["id"]) or {})["content"] == "kept"
    assert again.write([document(masked(started_us=now - 5 * DAY_US))]) == []
    again.close()
    assert not (tmp_path / "key").exists()


def test_of_two_rotations_at_once_one_is_refused(store: Store, tmp_path: Path) -> None:
    """In a folder by its lock, in a database by its rows."""
    with alone(tmp_path), pytest.raises(BlockingIOError), alone(tmp_path):
        pass
    rotate(store, tmp_path, b"k" * 32, NEW, renew=False)
    with pytest.raises(WrongKey):
        rotate(store, tmp_path, b"k" * 32, b"m" * 32, renew=False)


@pytest.mark.parametrize("left", [b"", b"short", b"z" * 32])
def test_a_new_key_that_was_never_used_does_no_harm(tmp_path: Path, left: bytes) -> None:
    """Cut off before anything was wrapped under it."""
    id, old = filled(tmp_path), load_key(tmp_path)
    (tmp_path / "key.new").write_bytes(left)
    assert whole(tmp_path, id) and load_key(tmp_path) == old
    store = opened(tmp_path)
    rotate(store, tmp_path, old, None, renew=False)
    store.close()
    assert whole(tmp_path, id) and load_key(tmp_path) != old


# --- killed at every step


def steps_until(number: int) -> Callable[..., None]:
    """A step that kills this process at its nth call."""
    left = [number]

    def step(*_: Any, **__: Any) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def killed_at(number: int, folder: Path, work: Callable[[Store], None]) -> bool:
    """Do the work in a process of its own that dies at its nth step on disk or in SQL; whether it died."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            store, step = opened(folder), steps_until(number)
            for name in ("before_cursor_execute", "commit"):
                event.listen(store.engine, name, step)
            for name in ("open", "write", "fsync", "fchmod"):
                setattr(keyfile.os, name, _counted(getattr(os, name), step))
            Path.replace = _counted(Path.replace, step)  # type: ignore[method-assign]
            work(store)
            os._exit(0)
        os._exit(3)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _counted(call: Callable[..., Any], step: Callable[..., None]) -> Callable[..., Any]:
    def counted(*args: Any, **options: Any) -> Any:
        step()
        return call(*args, **options)

    return counted


@pytest.mark.long
def test_a_rotation_that_is_killed_at_any_step_leaves_a_database_that_opens(tmp_path: Path) -> None:
    """And can be done again."""
    id = filled(tmp_path / "before")
    number, rotated, died = 1, set(), True
    while died:
        # Each time from the same state: a rotation adds keys, and so steps.
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "before", folder)
        died = killed_at(number, folder, partial(_rotated, folder=folder))
        assert whole(folder, id), f"killed at step {number}"
        assert not (folder / "key.new").exists() or load_key(folder) != keyfile.pending(folder)
        rotated.add(load_key(folder) != load_key(tmp_path / "before"))
        shutil.rmtree(folder)
        number += 1
    assert number > 10 and rotated == {False, True}


def _rotated(store: Store, folder: Path) -> None:
    rotate(store, folder, load_key(folder), None, renew=True)


@pytest.mark.long
def test_a_reencryption_that_is_killed_at_any_step_goes_on(tmp_path: Path) -> None:
    """Nothing is lost at any step, and at the end nothing is left."""
    id = filled(tmp_path)
    store = opened(tmp_path)
    rotate(store, tmp_path, load_key(tmp_path), None, renew=True)
    before = reencryption.left(store)
    store.close()
    number, lefts = 1, [before]
    while killed_at(number, tmp_path, lambda store: [*reencryption.reencrypt(store)] and None):  # type: ignore[func-returns-value]
        store = opened(tmp_path)
        lefts.append(reencryption.left(store))
        assert (get_trace(store, id) or {})["content"] == "kept" and get_run(store, "r1") == RUN
        store.close()
        number += 1
    store = opened(tmp_path)
    assert before > 2 and reencryption.left(store) == 0
    assert lefts == sorted(lefts, reverse=True)
    with store.read() as connection:
        ids = set(connection.execute(select(BLOB.c.key_id)).scalars())
    assert all(each.endswith(".2") for each in ids)
    store.close()
    assert whole(tmp_path, id)
