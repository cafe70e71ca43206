"""64 callers with one key: what its limit let in, as the traces say, and what the limiter has counted.

The limiter is asked as a caller can: by what replies and refusals say once the key's limit was changed.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from proxy.limits import NANO
from tests.bench.limit_proxies import ASKED, CHAT, COST, TOKENS, Caller, Proxies, Span, within
from tests.bench.report import Row

CALLERS = 64
PATIENCE_SECONDS = 30
"""What is counted by the minute must be counted before the first of it is forgotten."""
FINAL = 3
"""Refusals for good after which a caller goes."""
PAUSE_SECONDS = 0.05
"""Before a caller tries again whom only others' requests keep out."""
MINUTE_US = 60_000_000
COUNT = "/v1/responses/input_tokens"
"""A route that uses a request and no tokens."""
_HIGH = 10**6
_SPENT = re.compile(r"and ([0-9.e-]+) are spent")
_UNDER_WAY = re.compile(r"at a time, and has (\d+)\.")

Amount = Callable[[Span], int]


@dataclass(frozen=True, slots=True)
class Kind:
    """A limit that is contested, and how it is read."""

    name: str
    limits: Mapping[str, Any]
    most: int
    """The limit, in requests, tokens or billionths of a US dollar."""
    unit: int
    """What one request uses of it."""
    used: Callable[[Sequence[Span]], int]
    """The most that was used at once: within a minute, at a time, or altogether."""
    kept: Callable[[Sequence[Span]], int]
    """What a limiter that loses nothing has counted when all are gone."""
    counted: Callable[[Proxies, str, str], Callable[[], int]]
    """(proxies, id and secret of the key) -> how to read what the limiter has counted."""
    streams: int | None = None
    """Ask for streams, this many of them; None: for whole replies, until the limit is used up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one contest."""

    kind: Kind
    spans: Sequence[Span]
    """Of the answered requests, as far as they reached the database."""
    answered: int
    refused: int
    counted: int
    seconds: float

    @property
    def let_in(self) -> float:
        """The most that was used at once, in requests."""
        return self.kind.used(self.spans) / self.kind.unit

    @property
    def overshoot(self) -> float:
        """How many requests that is over the limit."""
        return max(0.0, self.let_in - self.kind.most / self.kind.unit)

    @property
    def lost(self) -> float:
        """Requests that limiter and traces disagree on, and replies without a trace; NaN when it took too long to say."""
        if self.seconds >= PATIENCE_SECONDS:
            return float("nan")
        apart = abs(self.counted - self.kind.kept(self.spans)) / self.kind.unit
        return apart + abs(len(self.spans) - self.answered)

    def rows(self, where: str) -> list[Row]:
        """The figures. That a limit can be used up is one of them: who lets nobody in exceeds nothing."""
        name, most = f"{where}, {self.kind.name}", self.kind.most / self.kind.unit
        # How many were surely under way at a time is less than how many were.
        sure = self.kind.streams is None
        note = f"{self.answered} answered, {self.refused} refused in {self.seconds:.1f} s"
        return [
            Row(f"{name}: let in", self.let_in, "requests", most, least=True, must=sure, note=note),
            Row(f"{name}: over the limit", self.overshoot, "requests", 1, must=True),
            Row(f"{name}: counts lost", self.lost, "requests", 0, must=True),
        ]


def within_a_minute(spans: Sequence[Span], amount: Amount) -> int:
    """The most of what began within any 60 seconds."""
    ordered = sorted(spans, key=lambda span: span.started_us)
    most = now = first = 0
    for span in ordered:
        now += amount(span)
        while ordered[first].started_us <= span.started_us - MINUTE_US:
            now -= amount(ordered[first])
            first += 1
        most = max(most, now)
    return most


def at_a_time(spans: Sequence[Span]) -> int:
    """The most that were surely under way together: admitted before their first text, and given back after their end."""
    steps = [(span.started_us + span.first_us, 1) for span in spans]
    steps += [(span.started_us + span.duration_us, -1) for span in spans]
    return max(itertools.accumulate(step for _, step in sorted(steps)), default=0)


def kinds(quick: bool) -> list[Kind]:
    """The limits that are contested, each by itself."""
    requests = 200 if quick else 800
    half = COST * requests + COST // 2
    return [
        Kind(
            "rpm",
            {"rpm": requests},
            requests,
            1,
            lambda spans: within_a_minute(spans, lambda _: 1),
            len,
            lambda *key: _by_the_minute(*key, "rpm", "requests"),
        ),
        Kind(
            "tpm",
            {"tpm": TOKENS * requests + 1},
            TOKENS * requests + 1,
            TOKENS,
            lambda spans: within_a_minute(spans, lambda span: span.tokens),
            lambda spans: sum(span.tokens for span in spans),
            lambda *key: _by_the_minute(*key, "tpm", "tokens"),
        ),
        Kind(
            "max_parallel_requests",
            {"max_parallel_requests": 8},
            8,
            1,
            at_a_time,
            lambda spans: 0,
            _under_way,
            streams=requests // 2,
        ),
        Kind(
            "budget",
            {"budgets": {"total": half / NANO}},
            half,
            COST,
            lambda spans: sum(span.cost for span in spans),
            lambda spans: sum(span.cost for span in spans),
            _spent,
        ),
    ]


def contest(proxies: Proxies, kind: Kind) -> Outcome:
    """64 callers, spread over the proxies, ask with one key until its limit is used up. Raises RuntimeError for odd replies."""
    key_id, secret = proxies.key(limits=kind.limits)
    gate, answers = threading.Barrier(CALLERS), list[int]()
    body = {**ASKED, "stream": True} if kind.streams else ASKED
    began = time.monotonic()

    def caller(number: int) -> int:
        refused = final = 0
        with contextlib.closing(Caller(proxies.ports[number % len(proxies.ports)], secret)) as connection:
            gate.wait(PATIENCE_SECONDS)
            while final < FINAL and time.monotonic() - began < PATIENCE_SECONDS:
                if kind.streams and len(answers) >= kind.streams:
                    break
                status, _, told = connection.asked("POST", CHAT, body)
                if status == 200:
                    answers.append(number)
                elif status != 429:
                    raise RuntimeError(f"{status}: {told}")
                else:
                    refused += 1
                    crowded = "under way" in told["error"]["message"]
                    final += not crowded
                    time.sleep(PAUSE_SECONDS if crowded else 0)
        return refused

    with ThreadPoolExecutor(CALLERS) as pool:
        refused = sum(pool.map(caller, range(CALLERS)))
    seconds = time.monotonic() - began
    within(lambda: len(proxies.spans(key_id)), len(answers))
    spans = proxies.spans(key_id)
    counted = within(kind.counted(proxies, key_id, secret), kind.kept(spans))
    return Outcome(kind, spans, len(answers), refused, counted, seconds)


def _by_the_minute(proxies: Proxies, key_id: str, secret: str, limit: str, what: str) -> Callable[[], int]:
    """Raises the limit, and then asks how much is left of it: a request for each look, which does not count."""
    proxies.bound(key_id, {limit: _HIGH})
    looks = itertools.count(1)

    def read() -> int:
        _, headers, _ = proxies.asked("POST", COUNT, {"model": ASKED["model"], "input": "x"}, secret)
        used = _HIGH - int(headers[f"x-ratelimit-remaining-{what}"])
        return used - next(looks) if limit == "rpm" else used

    return read


def _under_way(proxies: Proxies, key_id: str, secret: str) -> Callable[[], int]:
    """Lowers the limit to one, and asks whether anybody is said to be under way still."""
    proxies.bound(key_id, {"max_parallel_requests": 1})

    def read() -> int:
        status, _, told = proxies.asked("POST", CHAT, ASKED, secret)
        return 0 if status == 200 else _number(_UNDER_WAY, told)

    return read


def _spent(proxies: Proxies, key_id: str, secret: str) -> Callable[[], int]:
    """Asks once more, and reads in the refusal what is spent."""

    def read() -> int:
        status, _, told = proxies.asked("POST", CHAT, ASKED, secret)
        return 0 if status == 200 else round(_number(_SPENT, told) * NANO)

    return read


def _number(form: re.Pattern[str], told: Any) -> float:
    found = form.search(told["error"]["message"])
    if found is None:
        raise RuntimeError(f"a refusal of another kind: {told}")
    return float(found[1])
