"""An event loop whose clock jumps to the next thing that is due, so that tests of waiting wait for nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; where nothing is, the time that would have been waited has passed."""
        ready = super().select(0 if timeout is not None else 1)
        if not ready and timeout:
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the start, waits included that did not happen."""
        return self._jumping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that uses no sockets and no threads."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
