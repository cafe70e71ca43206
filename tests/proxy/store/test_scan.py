"""Lists in time: whole, or window by window; what the time did not suffice for is said and found on the next page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proxy.document import document
from proxy.store import queries, scan
from proxy.store.db import Store
from proxy.store.deadline import Late, Timed
from proxy.store.filters import parse
from proxy.store.queries import list_spans, neighbours
from tests.proxy.exchanges import masked


@pytest.fixture
def filled(store: Store) -> Store:
    """Twenty traces, four of a microsecond, every third of another model."""
    traces = [masked("zebra", started_us=100 + n // 4, model="b" if n % 3 else "a") for n in range(20)]
    store.write([document(one) for one in traces])
    return store


def _late_after(monkeypatch: pytest.MonkeyPatch, queries: int) -> None:
    """Make each list's first query late, and those after so many."""
    limited = Timed.limited

    @contextmanager
    def late(self: Timed, share: float = 1.0) -> Iterator[None]:
        self.seen = getattr(self, "seen", 0) + 1
        if share == scan.WHOLE_SHARE or self.seen > queries + 1:
            raise Late
        with limited(self, share):
            yield

    monkeypatch.setattr(Timed, "limited", late)


@pytest.mark.parametrize(
    "text", ["", "model:a", "zebra", "zebra model:a", "-model:a until:1970-01-01T00:00:00.000104Z"]
)
def test_windows_find_what_the_whole_finds(filled: Store, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """In the same order, with the same neighbours."""
    filter = parse(text)
    whole = list_spans(filled, filter).items
    around = [neighbours(filled, filter, one["started_us"], one["id"]) for one in whole]
    monkeypatch.setattr(scan, "FIRST_WINDOW", 1)
    monkeypatch.setattr(queries, "LIST_S", 60)
    _late_after(monkeypatch, 1_000)

    assert list_spans(filled, filter, within_s=60).items == whole
    assert [neighbours(filled, filter, one["started_us"], one["id"]) for one in whole] == around


@pytest.mark.parametrize("text", ["model:a", "zebra model:a"])
@pytest.mark.parametrize("most", [2, 4, 6])
def test_a_page_that_ran_out_of_time_says_so_and_goes_on(
    filled: Store, monkeypatch: pytest.MonkeyPatch, text: str, most: int
) -> None:
    """However little each page finds, all pages together have everything once, in order."""
    filter = parse(text)
    whole = [one["id"] for one in list_spans(filled, filter).items]
    monkeypatch.setattr(scan, "FIRST_WINDOW", 3)
    monkeypatch.setattr(scan, "WIDER", 1)
    _late_after(monkeypatch, most)

    seen, before, partial = [], None, 0
    for _ in range(100):
        page = list_spans(filled, filter, 5, before, within_s=60)
        seen += [one["id"] for one in page.items]
        partial += page.partial
        if (before := page.next) is None:
            break

    assert seen == whole
    assert partial or most == 6
