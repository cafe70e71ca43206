"""A run's document as lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.review.timeline_lines import Line, Timeline, timeline
from proxy.store.db import Store, open_store
from proxy.store.timeline import read_timeline
from tests.proxy.review.agent_runs import RUN, rich


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a run in which everything happens."""
    found = open_store(f"sqlite:///{tmp_path / 'traces.sqlite3'}", b"k" * 32)
    assert found.write(rich()) == []
    yield found
    found.close()


@pytest.fixture
def drawn(store: Store) -> Timeline:
    """The run, drawn."""
    run = read_timeline(store, RUN, 3600, within_s=30)
    assert run is not None
    return timeline(run)


def _tools(drawn: Timeline) -> list[Line]:
    return [line for line in drawn.lines if line.kind == "tool"]


def test_each_thing_has_its_line_below_its_step(drawn: Timeline) -> None:
    """App spans that began before a step stand above it; a pause stands where it was."""
    kinds = [line.kind for line in drawn.lines]

    assert kinds == [
        "app", "llm", "tool", "app", "llm", "hits", "guardrail", "tool", "llm", "tool", "tool", "llm", "tool", "llm", "pause", "llm",
    ]  # fmt: skip
    assert [line.number for line in drawn.lines if line.kind == "llm"] == [1, 2, 3, 4, 5, 6]


def test_times_that_are_only_bounds_are_told_as_such(drawn: Timeline) -> None:
    """A tool that the app told of has its own time; of the others the time is at most so long, dashed."""
    told, *guessed = _tools(drawn)

    assert told.bar is not None and not told.bar.dashed and told.took == "1.05 s"
    for line in guessed:
        if line.bar is not None:
            assert line.bar.dashed and line.took.startswith("≤ ") and "at most" in line.inferred


def test_orphans_and_repeats_are_marked_on_their_lines(drawn: Timeline) -> None:
    """Number and count of a repeat; an orphan has no bar, for nobody knows how long it took."""
    by_name = {line.document["name"]: line for line in _tools(drawn)}
    repeated = [line.notes for line in _tools(drawn) if line.notes]

    assert repeated == [(f"the same again: {n} of 3 times",) for n in (1, 2, 3)]
    assert by_name["send_mail"].bar is None and by_name["send_mail"].document["state"] == "orphan"


def test_the_strip_shows_the_whole_run(drawn: Timeline) -> None:
    """A run of one page needs no window in it."""
    assert drawn.window is None
    assert [column.bad > 0 for column in drawn.strip] == [False, True, False]
    assert "failed or blocked" in drawn.strip[1].words
