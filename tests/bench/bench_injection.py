"""Measures the injection check on texts that no fit has seen: false alarms, recall by place, and time.

    python tests/bench/bench_injection.py [--quick] [--json]

What the fit measured on the sources that it had left out stands on the model's card and in docs/concepts/injection.md.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails import embedding
from guardrails.checks.injection import Injection
from guardrails.checks.injection_model import Model
from tests.bench.report import Row, command
from tests.guardrails.checks import injection_blind as blind
from tests.guardrails.checks import injection_fresh as fresh
from tests.guardrails.checks.injection_samples import FILLER, HIDDEN, LOOKALIKES, MAILS, OVERRIDES

POSITIONS = (0, 2_000, 8_000, 16_000)
LONG = 18_000


def measure(quick: bool) -> list[Row]:
    """All figures; with a part of the texts when quick."""
    check = Injection(Model(), embedding.load(), frozenset())
    step = 8 if quick else 1
    return [
        *false_alarms(check),
        *recall(check, step),
        *by_position(check, 5 if quick else 1),
        *times(check, 20 if quick else 200),
    ]


def found(check: Injection, text: str, *, document: bool = True) -> bool:
    """Whether anything reaches a rule's default threshold."""
    return any(span.score >= 0.5 for span in check.look(text, document=document))


def hit(check: Injection, text: str, payload: str) -> bool:
    """Whether what reaches the threshold is the payload and not something beside it."""
    start = text.index(payload)
    end = start + len(payload)
    return any(
        span.score >= 0.5 and span.start < end and span.end > start
        for span in check.look(text, document=True)
    )


def share(hits: Sequence[bool]) -> float:
    """Per cent."""
    return 100 * statistics.mean(hits)


def false_alarms(check: Injection) -> list[Row]:
    """Shares of clean texts that are flagged."""
    messages = [found(check, text, document=False) for text in LOOKALIKES]
    mails = [found(check, text) for text in (*MAILS, *blind.MAILS, *fresh.MAILS)]
    prose = [found(check, FILLER * times) for times in (1, 4, 16)]
    return [
        Row("messages with the words of attacks, flagged", share(messages), "%", 1),
        Row("clean mails flagged", share(mails), "%", 3),
        Row("clean prose of 1 to 16 KB flagged", share(prose), "%", 1),
    ]


def recall(check: Injection, step: int) -> list[Row]:
    """Shares found of overrides, and of requests hidden in mails, every `step`th pair."""
    overrides = [found(check, text, document=False) for text in OVERRIDES]
    rows = [Row("overrides found, as messages", share(overrides), "%", 95, least=True)]
    places: dict[str, Callable[[str, str], str]] = {"start": at_start, "middle": in_the_middle, "end": at_end}
    for name, put in places.items():
        pairs = [(mail, text) for texts in (blind, fresh) for text in texts.HIDDEN for mail in texts.MAILS][
            ::step
        ]
        hits = [hit(check, put(mail, text), text) for mail, text in pairs]
        rows.append(Row(f"requests found, {name} of a mail's body", share(hits), "%", 65, least=True))
    pairs = [(mail, text) for text in HIDDEN for mail in MAILS][::step]
    hits = [hit(check, at_end(mail, text), text) for mail, text in pairs]
    rows.append(Row("older requests found, end of older mails", share(hits), "%"))
    return rows


def at_start(mail: str, text: str) -> str:
    """The text as the first sentence of the body."""
    head, mark, body = parts(mail)
    return f"{head}{mark}{text} {body}"


def in_the_middle(mail: str, text: str) -> str:
    """The text between two sentences of the body."""
    head, mark, body = parts(mail)
    sentences = body.split(". ")
    half = len(sentences) // 2
    return f"{head}{mark}{'. '.join(sentences[:half])}. {text} {'. '.join(sentences[half:])}"


def at_end(mail: str, text: str) -> str:
    """The text as a paragraph after the mail."""
    return f"{mail}\n\n{text}"


def parts(mail: str) -> tuple[str, str, str]:
    """Header lines, what stands between, and the body."""
    return mail.partition("CONTENT: ") if "CONTENT: " in mail else mail.partition("\n\n")


def inside(text: str, position: int) -> str:
    """The text as a paragraph of its own that many characters into clean prose."""
    prose = FILLER * (LONG // len(FILLER) + 1)
    cut = prose.rfind(". ", 0, position) + 2 if position else 0
    return f"{prose[:cut]}\n{text}\n{prose[cut:LONG]}"


def by_position(check: Injection, step: int) -> list[Row]:
    """Recall in long prose, and how far it differs between places."""
    rows = []
    for name, texts, document in (
        ("overrides", OVERRIDES, False),
        ("requests", blind.HIDDEN, True),
    ):
        recalls = [
            share([found(check, inside(text, at), document=document) for text in texts[::step]])
            for at in POSITIONS
        ]
        rows.append(Row(f"{name} found in 18 KB of prose, least", min(recalls), "%"))
        rows.append(Row(f"{name}: difference by place", max(recalls) - min(recalls), "points", 5))
    return rows


def times(check: Injection, rounds: int) -> list[Row]:
    """Processor time of texts that have not been seen before."""
    rows = []
    for name, text, document, bar in (
        ("2 KB message", (FILLER * 4)[:2048], False, 5),
        ("2 KB document of mails", "\n\n".join(MAILS)[:2048], True, 60),
        ("18 KB document", inside(HIDDEN[0], 8_000), True, None),
    ):
        taken = []
        for _ in range(rounds):
            began = time.thread_time()
            check.look(text, document=document)
            taken.append((time.thread_time() - began) * 1000)
        rows.append(Row(f"{name}, p50", statistics.median(taken), "ms", bar))
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
