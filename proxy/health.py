"""Health: which deployments failed lately, and how long each is left alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from proxy.config_deployments import Deployment

FAILURE_WINDOW_SECONDS = 60.0
"""For how long a failure is remembered."""
LONGEST_REST_SECONDS = 60.0
"""A deployment that asks for more patience than this is asked again all the same."""


@dataclass(slots=True)
class _Lately:
    """What a deployment did lately."""

    failures: deque[float] = field(default_factory=deque)
    rests_until: float = 0.0
    rests: int = 0
    """How often it was left alone."""


class Health:
    """Counts failures, and lets deployments rest.

    Args:
        ids: the deployments.
        allowed_fails: failures within a minute that one may have before it rests.
        cooldown_s: seconds for which it rests then.
    """

    def __init__(self, ids: Iterable[str], allowed_fails: int, cooldown_s: float) -> None:
        self._allowed_fails, self._cooldown_s = allowed_fails, cooldown_s
        self._lately = {id: _Lately() for id in ids}

    def failed(self, id: str, now: float, patience_s: float = 0.0) -> None:
        """Count a failure. patience_s: seconds for which the deployment itself asks to be left alone."""
        lately = self._lately[id]
        lately.failures.append(now)
        while lately.failures[0] <= now - FAILURE_WINDOW_SECONDS:
            lately.failures.popleft()
        rest = min(patience_s, LONGEST_REST_SECONDS)
        if len(lately.failures) > self._allowed_fails:
            lately.failures.clear()
            rest = max(rest, self._cooldown_s)
        if rest and lately.rests_until <= now:
            lately.rests += 1
        lately.rests_until = max(lately.rests_until, now + rest)

    def rests_until(self, id: str) -> float:
        """When the deployment's rest ends, or ended."""
        return self._lately[id].rests_until

    def rests(self, id: str) -> int:
        """How often the deployment was left alone."""
        return self._lately[id].rests

    def remember(self, before: Health, ids: Iterable[str]) -> None:
        """Take over what is known of these deployments, and share it from now on."""
        for id in ids:
            self._lately[id] = before._lately[id]

    def awake(self, group: Sequence[Deployment], now: float) -> list[Deployment]:
        """Those of a group that do not rest."""
        return [item for item in group if self._lately[item.id].rests_until <= now]
