"""What streaming through the guard costs and keeps back.

    python tests/bench/bench_stream.py             about half a minute
    python tests/bench/bench_stream.py --quick     under 20 seconds

CPU of one StreamGuard for a reply of 100 token-like chunks, the characters that wait after each push, and through the
real proxy: events to the caller per event of the provider, and how long a character waits at 4 characters in 10 ms.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.engine import Guard
from tests.bench import values
from tests.bench.guards import guard
from tests.bench.hostile import by_hand, least, super_linear
from tests.bench.proxied import asked, events, lanes, proxy
from tests.bench.report import Row, command, interleaved, median, one_core, share
from tests.bench.texts import chunks, pieces, prose, sentence
from tests.servers import Script, chunk, stream

SEED = 8
POLICIES = ("default", "strict")
SHORT_VALUE = 24
"""Longest planted value, in characters."""


def replies(count: int, size: int = 100) -> list[list[str]]:
    """Plain replies of exactly `size` token-like chunks."""
    chance = Random(SEED)
    return [chunks(prose(chance, size * 9), chance)[:size] for _ in range(count)]


def with_values(chance: Random, count: int) -> str:
    """Prose in which every third sentence holds a personal value of at most 24 characters."""
    parts = []
    while len(parts) < count:
        value = values.personal(chance)
        if len(value.text) <= SHORT_VALUE:
            parts += [
                sentence(chance),
                sentence(chance),
                f"The note says {value.lead}{value.text} and no more. ",
            ]
    return "".join(parts)


def held(judge: Guard, cut: Sequence[str]) -> list[int]:
    """Characters that wait after each push: what came, less what has been let go of or taken out.

    A reply that is blocked waits for nothing from then on, and is not looked at further.
    """
    stream = judge.stream("/p")
    came, waiting = 0, []
    for piece in cut:
        stream.push(piece)
        came += len(piece)
        if stream.blocked:
            break
        waiting.append(came - passed(stream.recorded, stream.verdict.edits))
    return waiting


def passed(recorded: str, edits: Sequence[object]) -> int:
    """Characters of the provider's text behind what was recorded, whose values were replaced."""
    return len(recorded) + sum(each.end - each.start - len(each.replacement) for each in edits)  # type: ignore[attr-defined]


def pushing(judge: Guard, texts: Sequence[Sequence[str]]) -> Callable[[int], None]:
    """Plays one reply."""

    def play(each: int) -> None:
        stream = judge.stream("/p")
        push = stream.push
        for piece in texts[each % len(texts)]:
            push(piece)
        stream.flush()

    return play


def cpu(rounds: int) -> list[Row]:
    """CPU of a whole reply of 100 chunks."""
    texts = replies(50)
    works = {name: pushing(guard(name), texts) for name in POLICIES}
    for work in works.values():
        for each in range(50):
            work(each)
    spent = interleaved(works, rounds)
    return [
        Row(
            f"{name}: CPU added to 100 chunks, p50",
            median(spent[name]) * 1e6,
            "us",
            150,
            note=f"p95 {share(spent[name], 0.95) * 1e6:.0f}",
        )
        for name in POLICIES
    ]


def waiting(size: int) -> list[Row]:
    """Characters held back, in plain prose and with values planted."""
    chance = Random(SEED)
    plain, full = prose(chance, size), with_values(chance, size // 150)
    rows = []
    for name in POLICIES:
        for kind, text, middle, most in (("prose", plain, 0, 40), ("with values", full, SHORT_VALUE, 64)):
            for how, cut in (("tokens", chunks(text, Random(1))), ("4 characters", pieces(text, 4))):
                seen = held(guard(name), cut)
                label = f"{name}: held, {kind}, {how}"
                rows.append(Row(f"{label}, p50", median(seen), "chars", middle))
                rows.append(Row(f"{label}, p95", share(seen, 0.95), "chars", most, note=f"most {max(seen)}"))
    return rows


class Clocked(list[bytes]):
    """A provider's pieces, which note when each was asked for."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces; `asked` grows with them."""
        self.asked: list[float] = []
        for piece in list.__iter__(self):
            self.asked.append(time.perf_counter())
            yield piece


def timed(script: Script, cut: Sequence[str], running: object, upstream: object) -> tuple[int, list[float]]:
    """Events with text that reach the caller, and the milliseconds that each character waited for its turn."""
    clocked = script.pieces = Clocked(script.pieces)
    upstream.script = script  # type: ignore[attr-defined]
    came, arrived = 0, []
    for event in events(asked(running, True)):  # type: ignore[arg-type]
        for part in event.get("choices", ()):
            for text in lanes(part["delta"], 0).values():
                if text:
                    came += 1
                    arrived += [time.perf_counter()] * len(text)
    sent = [at + script.delay for at, piece in zip(clocked.asked[1:], cut, strict=False) for _ in piece]
    waits = [max(0.0, (got - at) * 1000) for got, at in zip(arrived, sent, strict=False)]
    return came, waits


def relayed(policy: str, rounds: int) -> tuple[list[float], list[float]]:
    """Events to the caller per event of the provider, and the wait of each character at 4 in 10 ms."""
    chance = Random(SEED)
    ratios, waits = [], []
    with proxy(policy) as (running, upstream):
        for each in range(rounds):
            cut = chunks(prose(chance, 1500), chance)
            came, _ = timed(said(cut), cut, running, upstream)
            ratios.append(came / len(cut))
            if each < max(1, rounds // 3):
                cut = pieces(prose(chance, 400), 4)
                waits += timed(said(cut, 0.01), cut, running, upstream)[1]
    return ratios, waits


def said(cut: Sequence[str], delay: float = 0.0) -> Script:
    """A provider's reply in these pieces, each after a delay in seconds."""
    frames = [chunk({"content": piece}) for piece in cut]
    return stream(
        [chunk({"role": "assistant"}), *frames, chunk({}, "stop"), b"data: [DONE]\n\n"], delay=delay
    )


def through_the_proxy(rounds: int) -> list[Row]:
    """What the default policy does to a stream, beside a policy that does not look at replies."""
    ratios, waits = relayed("default", rounds)
    _, open_waits = relayed("open", rounds)
    note = "of these without a guard "
    rows = [
        Row(
            "default, proxy: events to the caller per event",
            median(ratios),
            "",
            0.9,
            least=True,
            note=f"least {min(ratios):.2f}",
        )
    ]
    for name, part in (("p50", 0.5), ("p95", 0.95), ("most", 1.0)):
        without = share(open_waits, part)
        rows.append(
            Row(
                f"default, proxy: a character waits, {name}",
                share(waits, part),
                "ms",
                note=f"{note}{without:.1f}",
            )
        )
    return rows


def hostile(most: int, size: int) -> list[Row]:
    """Hostile texts as a stream of 4 characters each: those whose cost grows faster than their length."""
    judge = guard("everything")
    families = dict(list(by_hand().items())[:most])

    def play(text: str) -> None:
        pushing(judge, [pieces(text, 4)])(0)

    flagged, costs = super_linear(least(play), families, size)
    dearest = max(costs, key=lambda name: costs[name])
    note = "; ".join(f"{name} x{ratio:.1f}" for ratio, name in flagged[:6]) or f"of {len(families)}"
    return [
        Row("hostile streams that grow faster than their length", len(flagged), "", 0, note=note),
        Row("hostile streams: dearest", costs[dearest] * 1e3, "ms/KB", note=dearest),
    ]


def measure(quick: bool = False) -> list[Row]:
    """The figures."""
    one_core()
    rows = cpu(200 if quick else 1500) + waiting(20_000 if quick else 100_000)
    rows += hostile(6 if quick else 200, 128 if quick else 512)
    return rows + through_the_proxy(2 if quick else 12)


if __name__ == "__main__":
    command(__doc__, measure)
