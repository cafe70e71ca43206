"""Measures the secrets check alone: `python tests/bench/bench_secrets.py` from the repository root.

Prints how long it takes to build, milliseconds per 4 KB of clean prose, of code and of near misses, microseconds per
byte of texts made to be expensive at three sizes, and how many of the near misses are taken for secrets.
"""

from __future__ import annotations

import random
import string
import time
from pathlib import Path

from guardrails.checks.secret_kinds.every import KINDS
from guardrails.checks.secrets import secrets
from tests.bench.bench_checks import clean, milliseconds

ROOT = Path(__file__).parents[2]
BEGINNINGS = (
    "password=",
    "sk-",
    "AKIA",
    "eyJ",
    "xoxb-",
    "session_token=",
    "api_key=",
    "--password ",
    "://a:b",
)


def near_misses() -> list[str]:
    """Lines that hold no secret."""
    path = ROOT / "tests" / "guardrails" / "checks" / "near_misses.txt"
    return path.read_text(encoding="utf-8").splitlines()


def expensive(size: int) -> dict[str, str]:
    """Texts of that many characters: beginnings of secrets in a row, and characters in no order."""
    chance = random.Random(1)
    texts = {piece: (piece * (size // len(piece) + 1))[:size] for piece in BEGINNINGS}
    texts["letters and digits"] = "".join(chance.choices(string.ascii_letters + string.digits, k=size))
    return texts


def main() -> None:
    """Prints the table."""
    begin = time.process_time()
    check = secrets()
    print(f"{len({kind.entity for kind in KINDS})} kinds, {len(KINDS)} patterns")
    print(f"built in {time.process_time() - begin:.2f} s of CPU time")
    code = (ROOT / "proxy" / "pipeline.py").read_text(encoding="utf-8")[:4096]
    lines = near_misses()
    for name, text in (("prose", clean()), ("code", code), ("near misses", "\n".join(lines)[:4096])):
        median, last = milliseconds(lambda text=text: check.scan(text), 500)  # type: ignore[misc]
        print(f"4 KB of {name}: p50 {median:.3f} ms, p99 {last:.3f} ms")
    sizes = (10_000, 100_000, 1_000_000)
    texts = [expensive(size) for size in sizes]
    for name in texts[0]:
        costs = []
        for size, made in zip(sizes, texts, strict=True):
            begin = time.process_time()
            check.scan(made[name])
            costs.append(f"{(time.process_time() - begin) * 1e6 / size:.3f}")
        print(f"{name!r} repeated, us per byte at 10k, 100k and 1M: {', '.join(costs)}")
    flagged = [line for line in lines if check.scan(line)]
    print(f"near misses taken for secrets: {len(flagged)} of {len(lines)}")


if __name__ == "__main__":
    main()
