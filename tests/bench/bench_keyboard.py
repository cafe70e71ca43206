"""How soon the next item is on the screen: `python -m tests.bench.bench_keyboard [--quick] [--json]`.

One reviewer judges a queue of 100 items in a real browser with two keys each. Measured in the browser: from the press
of Enter, which submits, to the page of the next item, drawn whole and with its keys at work. The proxy runs in a
process of its own over SQLite, with its real durability; browser and proxy share the machine.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import func, select

from proxy.store.tables import ANNOTATION
from tests.bench.report import Row, command, share
from tests.browser import by_keyboard
from tests.browser.conftest import start
from tests.browser.whole import whole
from tests.proxy.review.site import Site

ITEMS, QUICK = 100, 25
BAR_MS = 150


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    count = QUICK if quick else ITEMS
    with tempfile.TemporaryDirectory() as folder:
        near, far = multiprocessing.Pipe()
        serving = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, count, far))
        serving.start()
        try:
            spent = _reviewed(str(near.recv()), Path(folder) / "profile")
            near.send("count")
            kept, twice = near.recv()
        finally:
            near.send("end")
            serving.join(20)
    # The last Enter leads to the list of queues, and not to an item.
    spent = spent[:-1]
    return [
        Row("next item after Enter, p50", share(spent, 0.5), "ms"),
        Row("next item after Enter, p95", share(spent, 0.95), "ms", bar=BAR_MS),
        Row("next item after Enter, longest", max(spent), "ms"),
        Row("items judged by keyboard", kept, bar=count, least=True, must=True),
        Row("items judged twice", twice, bar=0, must=True),
    ]


def _reviewed(base: str, profile: Path) -> list[float]:
    """Judge until nothing is left; how long each next page took."""
    browser = start(profile)
    try:
        with by_keyboard.clocked(browser):
            by_keyboard.enter(browser, base, "ann")
            by_keyboard.begin(browser)
            spent = []
            while by_keyboard.at_item(browser):
                spent.append(by_keyboard.judge(browser, "2"))
            return spent
    finally:
        browser.quit()


def _serve(folder: str, count: int, asked: Connection) -> None:
    """A proxy with a queue and a reviewer; tells its address, and on demand what was stored."""
    with whole(Path(folder)) as (pages, base):
        by_keyboard.filled(pages, count)
        by_keyboard.known(pages, "ann")
        asked.send(base)
        while asked.recv() == "count":
            asked.send(_stored(pages))


def _stored(pages: Site) -> tuple[int, int]:
    """Items that were judged, and those judged more than once."""
    said = select(ANNOTATION.c.item_id, func.count()).group_by(ANNOTATION.c.item_id)
    with pages.store.read() as connection:
        counts = [count for _, count in connection.execute(said)]
    return len(counts), sum(count > 1 for count in counts)


if __name__ == "__main__":
    command(__doc__, measure)
