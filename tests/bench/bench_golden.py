"""Golden sets of 20,000 items: `python tests/bench/bench_golden.py [--quick] [--json]`.

Items are made of ordinary words, three texts each, about 400 characters. One in fifty inputs is an earlier one with
a small edit, one in a hundred is an earlier one in other spacing. Told is what a release and a check take, as commands
from start to end: CPU, time on the clock, and memory at its peak; and of the pairs of inputs that are alike by
definition, found by comparing each with each on 2,000 items, the share that the check finds.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evals.golden import canonical
from evals.near import ALIKE, COMPARED, PIECE, pairs, plain
from tests.bench.report import Row, command

ROOT = Path(__file__).resolve().parents[2]
BAR_S = 15.0
"""Seconds of one core that somebody waits for, once, before a pull request."""
FEW = 2000
"""Items of which each is held against each."""
_CALL = """
import resource, sys
sys.path.insert(0, {root!r})
import guardhouse
sys.argv = ["guardhouse", "golden", *sys.argv[1:]]
try:
    guardhouse.main()
except SystemExit as end:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
    raise
"""


def items(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Items, of which some ask what an earlier one asks."""
    chance = random.Random(seed)
    syllables = [a + b for a in "bdfglmnprst" for b in ("a", "e", "i", "o", "ain", "ell", "ost")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 3))) for _ in range(4000)]
    made: list[dict[str, Any]] = []
    for number in range(count):
        question = " ".join(chance.choices(words, k=chance.randint(6, 16))) + "?"
        if made and number % 50 == 7:
            question = _edited(chance, chance.choice(made)["input"]["question"])
        if made and number % 100 == 9:
            question = f"  {chance.choice(made)['input']['question'].upper()}"
        made.append(
            {
                "id": f"i{number:05}",
                "input": {"question": question},
                "expected": {"answer": " ".join(chance.choices(words, k=20))},
                "relevant": [{"doc_id": "d", "quote": " ".join(chance.choices(words, k=20))}],
                "label": {"by": "bench", "at": "2026-11-01", "kind": "synthetic"},
            }
        )
    return made


def _edited(chance: random.Random, question: str) -> str:
    """A question with a word left out, or with a letter more."""
    words = question.split()
    at = chance.randrange(len(words) - 1)
    words[at : at + 1] = [] if chance.random() < 0.5 else [words[at] + "s"]
    return " ".join(words)


def found_share(made: Sequence[dict[str, Any]]) -> tuple[float, int, int]:
    """Share of the items that are like an earlier one which the search finds, their number, and those wrongly told."""
    texts = {each["id"]: plain(each["input"]["question"]) for each in made}
    pieces = {
        name: {text[at : at + PIECE] for at in range(len(text) - PIECE + 1)} for name, text in texts.items()
    }
    alike = {
        second
        for (first, one), (second, other) in combinations(pieces.items(), 2)
        if len(one & other) >= ALIKE * len(one | other)
        and min(len(texts[first].split()), len(texts[second].split())) >= COMPARED
    }
    told = {pair.second for pair in pairs(made)}
    return len(told & alike) / len(alike), len(alike), len(told - alike)


def called(name: str, *arguments: str) -> Row:
    """What a command takes."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CALL.format(root=str(ROOT)), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    spent = time.perf_counter() - began
    cpu, peak = map(float, done.stderr.splitlines()[-1].split())
    return Row(name, cpu, "s", BAR_S, note=f"CPU; {spent:.1f} s on the clock, peak {peak / 1024:.0f} MiB")


def measure(quick: bool) -> list[Row]:
    """The figures."""
    count = 2000 if quick else 20_000
    made = items(count)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "large"
        directory.mkdir()
        (directory / "items.jsonl").write_text("".join(canonical(each) + "\n" for each in made), "utf-8")
        release = called(f"release of {count:,} items", "release", str(directory), "--licence", "CC0-1.0")
        check = called(f"check of {count:,} items", "check", str(directory))
    began = time.process_time()
    pairs(made)
    near = time.process_time() - began
    share, alike, wrong = found_share(made[:FEW])
    return [
        release,
        check,
        Row("of it the search for near-duplicates", near, "s", note="CPU"),
        Row(f"near-duplicates found, of {alike} in {FEW:,}", share, "", 0.99, least=True, must=True),
        Row("told, and not alike", wrong, "", 0, must=True),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
