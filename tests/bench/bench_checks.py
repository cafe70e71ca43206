"""Measures the built-in text checks: `python tests/bench/bench_checks.py` from the repository root.

Prints milliseconds per 4 KB of clean text for pii, secrets and words together, the same for Presidio's engine on the
same text in the same process, and microseconds per chunk of a stream (scan and hold of a 100-character tail).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from guardrails.check import Scanner
from guardrails.checks.pii import DEFAULT, _stay_offline, pii
from guardrails.checks.secrets import secrets
from guardrails.checks.words import words

_PROSE = (
    "The committee met on Tuesday to go through the draft. Nobody disagreed with the summary, but three people asked "
    "for shorter chapters, and one wanted the appendix moved. In `render(page, limit=20)` the loop stops early when "
    "the cache holds fewer than 12 entries; version 3.11 behaves the same. Costs rose by 4.5 % in 2024, to 1,250 euros "
    "a month, mostly because builds run twice. We will look at it again before the release on 2024-11-05.\n"
)
_DENSE = (
    "Write to ada.lovelace@example.com or call +44 20 7946 0958; card 4111 1111 1111 1111, IBAN GB29 NWBK 6016 1331 "
    "9268 19, host 10.20.30.40, SSN 219-09-9999. "
)


def clean(size: int = 4096) -> str:
    """Prose and code without anything to find, of that many characters."""
    return (_PROSE * (size // len(_PROSE) + 1))[:size]


def dense(size: int = 4096) -> str:
    """Text full of structured personal data, of that many characters."""
    return (_DENSE * (size // len(_DENSE) + 1))[:size]


def scanners() -> list[Scanner]:
    """The three checks as a policy would configure them."""
    built = [pii(), secrets(), words(deny=["Project Nightjar", "internal only", "do not forward"])]
    return [check for check in built if isinstance(check, Scanner)]


def milliseconds(work: Callable[[], object], times: int = 200) -> tuple[float, float]:
    """Median and 99th percentile of one call, in milliseconds."""
    work()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1000)
    taken.sort()
    return statistics.median(taken), taken[int(times * 0.99) - 1]


def stream_microseconds(checks: Sequence[Scanner], text: str, chunk: int = 5) -> tuple[float, float]:
    """Median and 99th percentile of scan and hold over a 100-character tail, a chunk at a time."""
    taken = []
    for end in range(100, len(text), chunk):
        tail = text[end - 100 : end]
        begin = time.perf_counter()
        for check in checks:
            check.scan(tail, 64)
            check.hold(tail, 64)
        taken.append((time.perf_counter() - begin) * 1_000_000)
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99) - 1]


def presidio() -> Callable[[str], object]:
    """Presidio's engine with a blank tokeniser, asked for the same entities."""
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    _stay_offline()
    nlp = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    nlp.nlp = {"en": spacy.blank("en")}
    engine = AnalyzerEngine(nlp_engine=nlp)
    return lambda text: engine.analyze(text, "en", entities=list(DEFAULT))


def main() -> None:
    """Prints the table."""
    checks = scanners()
    engine = presidio()
    for name, text in (("clean", clean()), ("dense", dense())):
        ours, ours_99 = milliseconds(lambda text=text: [check.scan(text) for check in checks])  # type: ignore[misc]
        theirs, theirs_99 = milliseconds(lambda text=text: engine(text), 30)  # type: ignore[misc]
        print(
            f"4 KB {name}: ours p50 {ours:.3f} ms p99 {ours_99:.3f}; Presidio p50 {theirs:.2f} ms p99 {theirs_99:.2f}"
        )
        print(f"  {theirs / ours:.0f} times less")
        for check, label in zip(checks, ("pii", "secrets", "words"), strict=True):
            print(f"  {label}: {milliseconds(lambda check=check, text=text: check.scan(text))[0]:.3f} ms")  # type: ignore[misc]
    stream_microseconds(checks, clean())
    print(
        "stream, scan and hold of 100 characters: p50 {:.1f} us, p99 {:.1f} us".format(
            *stream_microseconds(checks, clean())
        )
    )
    held = sorted(
        100 - min(check.hold(clean()[end - 100 : end], 64) for check in checks) for end in range(100, 4000)
    )
    print(
        f"held characters in prose: p50 {held[len(held) // 2]}, p95 {held[int(len(held) * 0.95)]}, most {held[-1]}"
    )


if __name__ == "__main__":
    main()
