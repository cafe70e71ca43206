"""Measures the injection check: `python tests/bench/bench_injection.py` from the repository root.

Prints what the fit measured on sources it had left out (the figures on the model's card), then, on the texts of the
tests, which the fit never saw: false alarms, recall by position in long texts, and time. Each line says whether its
bar is met.
"""

from __future__ import annotations

import json
import statistics
import time

from guardrails import embedding
from guardrails.checks.injection import Injection
from guardrails.checks.injection_model import SHIPPED, Model
from tests.guardrails.checks.injection_samples import FILLER, HIDDEN, LOOKALIKES, MAILS, OVERRIDES

POSITIONS = (0, 2_000, 8_000, 16_000)


def found(check: Injection, text: str, *, document: bool) -> bool:
    """Whether anything reaches the threshold."""
    return any(span.score >= 0.5 for span in check.look(text, document=document))


def inside(text: str, position: int, total: int = 18_000) -> str:
    """The text as a paragraph of its own that many characters into clean prose."""
    prose = FILLER * (total // len(FILLER) + 1)
    cut = prose.rfind(". ", 0, position) + 2 if position else 0
    return f"{prose[:cut]}\n{text}\n{prose[cut:total]}"


def bar(name: str, value: float, limit: float, *, most: bool = False) -> None:
    """One line of the report."""
    met = value <= limit if most else value >= limit
    print(f"{name:64} {value:8.3f}   bar {'<=' if most else '>='} {limit:g}: {'met' if met else 'MISSED'}")


def left_out() -> None:
    """The figures of the card: every source was left out of the fit that scored it."""
    measured = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))["measured"]
    print(f"{'source, label (each left out of the fit)':58} texts  as message  in document  AUROC")
    for name, row in measured.items():
        area = row.get("auroc", "")
        print(
            f"{name:58} {row['texts']:5}  {row['found as message']:10}  {row['found in document']:11}  {area}"
        )


def quality(check: Injection) -> None:
    """False alarms and recall on the texts of the tests."""
    alarms = [found(check, text, document=False) for text in LOOKALIKES]
    bar("look-alikes flagged, as messages", statistics.mean(alarms), 0.03, most=True)
    mails = [found(check, text, document=True) for text in MAILS]
    bar("clean mails flagged", statistics.mean(mails), 0.01, most=True)
    long = [found(check, FILLER * times, document=True) for times in (1, 4, 16, 64)]
    bar("clean prose of 1 to 64 KB flagged", statistics.mean(long), 0.01, most=True)
    overrides = [found(check, text, document=False) for text in OVERRIDES]
    bar("overrides found, as messages", statistics.mean(overrides), 0.95)
    hidden = [found(check, f"{mail}\n\n{text}", document=True) for mail in MAILS for text in HIDDEN]
    bar("requests found, appended to mails", statistics.mean(hidden), 0.65)


def positions(check: Injection) -> None:
    """Recall of payloads in 18 KB of prose, by where they stand."""
    for name, texts, document in (("overrides", OVERRIDES, False), ("hidden requests", HIDDEN, True)):
        recall = {
            at: statistics.mean(found(check, inside(text, at), document=document) for text in texts)
            for at in POSITIONS
        }
        print(f"{name} in 18 KB at {', '.join(f'{at}: {share:.2f}' for at, share in recall.items())}")
        bar(f"  {name}: largest difference", max(recall.values()) - min(recall.values()), 0.05, most=True)


def speed(check: Injection) -> None:
    """Milliseconds of processor time for 2 KB, and for one megabyte."""
    for name, text, document, limit in (
        ("2 KB message", (FILLER * 4)[:2048], False, 5),
        ("2 KB document of mails", "\n\n".join(MAILS)[:2048], True, 60),
    ):
        taken = []
        for _ in range(200):
            began = time.thread_time()
            check.look(text, document=document)
            taken.append((time.thread_time() - began) * 1000)
        taken.sort()
        print(f"{name}: median {statistics.median(taken):.2f} ms")
        bar(f"{name}: p95, ms", taken[189], limit, most=True)
    huge = FILLER * (1_000_000 // len(FILLER))
    began = time.thread_time()
    check.look(huge, document=True)
    print(f"1 MB: {time.thread_time() - began:.2f} s")


def main() -> None:
    """Prints the report."""
    check = Injection(Model(), embedding.load(), frozenset())
    left_out()
    quality(check)
    positions(check)
    speed(check)


if __name__ == "__main__":
    main()
