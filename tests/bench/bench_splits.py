"""However a reply is cut into chunks, what leaves is what the whole reply would have become: counted.

    python tests/bench/bench_splits.py             about 3 minutes: 2,000 texts, three policies, and the proxy
    python tests/bench/bench_splits.py --quick     under 20 seconds
    python tests/bench/bench_splits.py --full      200 random ways to cut each text: an hour or so

Texts of six shapes with values of every entity and forty kinds of secret (and near misses) are played through
StreamGuard: at every place once (short texts), character by character, in random pieces. After each push the text that
has left is compared with the result on the whole text; a difference is a leak when it shows a value that the whole
text's result does not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.engine import Guard
from guardrails.types import Stage
from tests.bench.guards import guard, inspected, released
from tests.bench.proxied import through_the_proxy
from tests.bench.report import Row, command
from tests.bench.tally import Tally
from tests.bench.texts import Text, pieces, planted, random_pieces

SEED = 20
POLICIES = ("default", "strict", "everything")
SHORT = 110
"""Texts up to this length are cut at every place; longer ones at this many."""


def cuts(text: str, chance: Random, rounds: int, short: int) -> Iterator[list[str]]:
    """Ways to cut a text: at one place each, into single characters, in random pieces."""
    places: Iterable[int] = range(1, len(text))
    if len(text) > short:
        places = chance.sample(range(1, len(text)), short)
    for place in places:
        yield [text[:place], text[place:]]
    yield pieces(text, 1)
    for _ in range(rounds):
        yield random_pieces(text, chance)


def tallied(
    judge: Guard, texts: Sequence[Text], rounds: int, short: int = SHORT, seed: int = SEED
) -> tuple[Tally, int]:
    """What is counted over some texts, and how many values were taken out of them."""
    tally, values = Tally(), 0
    for place, text in enumerate(texts):
        expected, taken = released(text.text, inspected(judge, text.text, Stage.OUTPUT))
        values += len(taken)
        for cut in cuts(text.text, Random(f"{seed} {place}"), rounds, short):
            tally.play(
                judge.stream("/p"), cut, expected, taken, f"{judge.policy.name}, text {place} ({text.kind})"
            )
    return tally, values


def measure(
    quick: bool = False, full: bool = False, progress: Callable[[str], object] = lambda _: None
) -> list[Row]:
    """The figures."""
    texts = [planted(SEED, place) for place in range(100 if quick else 2000)]
    rounds, short = (200, 10**6) if full else (2, 30) if quick else (5, SHORT)
    total, rows = Tally(), []
    for name in POLICIES:
        progress(name)
        tally, values = tallied(guard(name), texts, rounds, short)
        total.add(tally)
        rows.append(
            Row(
                f"{name}: ways to cut", tally.plays, "", note=f"{len(texts)} texts, {values} values taken out"
            )
        )
    rows += counted("StreamGuard", total)
    proxied, requests = through_the_proxy([planted(SEED, place) for place in range(12 if quick else 200)])
    rows.append(
        Row("through the proxy: lanes compared", proxied.plays, "", note=f"{requests} streamed requests")
    )
    return [*rows, *counted("proxy", proxied)]


def counted(name: str, tally: Tally) -> list[Row]:
    """The figures of a tally."""
    note = "; ".join(tally.first)
    return [
        Row(f"{name}: leaks", tally.leaks, "", 0, must=True, note=note),
        Row(f"{name}: joined is not the whole", tally.different, "", 0, must=True, note=note),
    ]


if __name__ == "__main__":
    command(__doc__, measure, {"full": "200 random ways to cut every text"})
