"""Time as this process lived it: what a test measures while the machine is busy with something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EVERY = 0.005


@dataclass
class Beats:
    """A clock that stands still while nothing here gets to run, so that a stalled machine makes nobody late."""

    stopping: threading.Event = field(default_factory=threading.Event)
    count: int = 0

    @property
    def seconds(self) -> float:
        """Seconds that have passed here."""
        return self.count * EVERY

    def run(self) -> None:
        """Beat until it is stopped."""
        while not self.stopping.wait(EVERY):
            self.count += 1


@contextmanager
def beating() -> Iterator[Beats]:
    """The clock, from now on."""
    beats = Beats()
    thread = threading.Thread(target=beats.run, daemon=True)
    thread.start()
    yield beats
    beats.stopping.set()
    thread.join(5)
