"""Measures the secrets check alone: `python tests/bench/bench_secrets.py` from the repository root.

Prints how long it takes to build, milliseconds per 4 KB of clean prose, of code and of near misses, microseconds per
byte of texts made to be expensive at three sizes, and how many of the near misses are taken for secrets.
"""

from __future__ import annotations

import random
import string
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.checks.secret_kinds.every import KINDS
from guardrails.checks.secrets import secrets
from tests.bench.report import Row, command, interleaved, median, one_core
from tests.bench.texts import prose

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


def measure(quick: bool) -> list[Row]:
    """Building, scanning, hostile texts and near misses."""
    one_core()
    began = time.process_time()
    check = secrets()
    rows = [
        Row("kinds of secret", len({kind.entity for kind in KINDS}), "", 200, least=True),
        Row("build", time.process_time() - began, "s"),
    ]
    code = (ROOT / "proxy" / "pipeline.py").read_text(encoding="utf-8")[:4096]
    lines = near_misses()
    texts = {"prose": prose(random.Random(1), 4096), "code": code, "near misses": "\n".join(lines)[:4096]}
    spent = interleaved(
        {name: lambda _, text=text: check.scan(text) for name, text in texts.items()}, 50 if quick else 300
    )
    rows += [Row(f"4 KB of {name}", median(each) * 1e3, "ms") for name, each in spent.items()]
    for name, text in expensive(10_000 if quick else 100_000).items():
        began = time.process_time()
        check.scan(text)
        rows.append(Row(f"{name!r} repeated", (time.process_time() - began) * 1e6 / len(text), "us/B"))
    flagged = [line for line in lines if check.scan(line)]
    rows.append(Row("near misses taken for secrets", len(flagged) / len(lines) * 100, "%", 0.5))
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
