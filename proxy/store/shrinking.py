"""Gives the pages that deleting freed back to the disk, a few at a time; on SQLite alone."""

from __future__ import annotations

from collections.abc import Callable

from proxy.store.db import Store

_PAGES = 1_000
"""Pages (8 MB) given back in one transaction: others write in between."""


def shrink(store: Store, in_time: Callable[[], None], *, deleted: bool) -> None:
    """Give every free page back, and empty the log if something was deleted; `in_time` raises when it is time to stop.

    The file of an older version has no map of its pages: there they are used again, but stay with the file.
    """
    if store.engine.dialect.name != "sqlite":
        return
    connection = store.engine.raw_connection()
    try:
        cursor = connection.cursor()
        mode, free = (
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("auto_vacuum", "freelist_count")
        )
        while mode == 2 and free:
            in_time()
            # Each row that is read is a page that goes.
            cursor.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            left = cursor.execute("PRAGMA freelist_count").fetchone()[0]
            if left >= free:
                break
            free = left
        if deleted:
            # It also stands in the log until that is written over.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
