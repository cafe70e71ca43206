"""Measures pseudonyms: `python tests/bench/bench_pseudonyms.py [CONVERSATIONS]` from the repository root.

Prints one table: for each style the conversations that were run, what was counted in them and every kind of fault,
and then milliseconds of CPU for minting 2,000 values and for restoring 100 KB of text in which they stand, and of
text in which they do not.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from guardrails.pseudonyms import Vault
from guardrails.types import Style
from tests.acceptance.conversations import Tally, converse, guard

VALUES = 2_000
SIZE = 100_000
_PROSE = "The committee met on Tuesday to go through the draft; nobody disagreed with {} about the summary. "


def milliseconds(work: Callable[[], object], rounds: int = 5) -> float:
    """CPU time of the quickest of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best * 1000


def minted(style: Style) -> tuple[Vault, list[str]]:
    """A vault with many values, and their pseudonyms."""
    vault = Vault(b"bench", "tenant", "chat")
    return vault, [vault.mint("EMAIL_ADDRESS", f"user{n}@corp.example", style=style) for n in range(VALUES)]


def speeds(style: Style) -> dict[str, float]:
    """Milliseconds of minting and restoring."""
    vault, pseudonyms = minted(style)
    count = SIZE // 100
    dense = "".join(_PROSE.format(pseudonyms[n % VALUES]) for n in range(count))[:SIZE]
    plain = (_PROSE.format("her") * (count + 20))[:SIZE]
    return {
        f"mint {VALUES:,} values": milliseconds(lambda: minted(style), 2),
        f"restore 100 KB with {count:,} of them": milliseconds(lambda: vault.restore(dense)),
        "restore 100 KB without any": milliseconds(lambda: vault.restore(plain)),
        "hold, one piece of a stream": milliseconds(lambda: vault.hold(dense)),
    }


def counted(style: Style, conversations: int) -> dict[str, float]:
    """What came of some conversations."""
    tally, judge = Tally(), guard(style)

    async def run() -> None:
        for seed in range(conversations):
            await converse(seed, judge, style, tally)

    asyncio.run(run())
    return asdict(tally)


def main() -> None:
    """Print the table."""
    conversations = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    columns = [{**counted(style, conversations), **speeds(style)} for style in Style]
    print(f"{'':38}" + "".join(f"{style:>12}" for style in Style))
    for name in columns[0]:
        cells = (
            f"{column[name]:>12,.2f}" if " " in name or "," in name else f"{column[name]:>12,}"
            for column in columns
        )
        print(
            f"{name.replace('_', ' ') + (' (ms)' if ' ' in name or ',' in name else ''):38}" + "".join(cells)
        )


if __name__ == "__main__":
    main()
