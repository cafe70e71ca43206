"""What scanning a message costs, beside Presidio's own engine in the same run, and how that grows.

    python tests/bench/bench_scan.py             about a minute
    python tests/bench/bench_scan.py --quick     under 20 seconds

CPU of one core. Ours: every structured entity, every secret and a word list; through Guard.inspect with texts that it
has not seen (cold cache), and the bare scanners. Presidio: its AnalyzerEngine with a blank tokeniser, the structured
entities alone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.checks.pii import STRUCTURED
from guardrails.types import Segment, Stage
from tests.bench import values
from tests.bench.guards import at_once, guard, scanners
from tests.bench.hostile import SUPER_LINEAR, by_hand, fuzzed, least, super_linear
from tests.bench.report import Row, command, interleaved, median, one_core, share
from tests.bench.texts import prose, sentence

SEED = 4
INLINE = 65_536
"""Beyond so many characters over all rules, a guard scans in a thread and needs an event loop."""

Find = Callable[[str], Sequence[tuple[int, int, str]]]
"""Text in; start, end and entity of what is found out."""


def ours() -> Find:
    """The bare scanners, one after the other."""
    checks = list(scanners().values())
    return lambda text: [(span.start, span.end, span.entity) for check in checks for span in check.scan(text)]


def presidio() -> Find:
    """Presidio's engine with a blank tokeniser and every recogniser for the structured entities."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, predefined_recognizers
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    from guardrails.checks.pii import _stay_offline

    _stay_offline()
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    nlp = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    nlp.nlp = {"en": spacy.blank("en")}
    engine = AnalyzerEngine(nlp_engine=nlp)
    for kind in ("MacAddress", "UsItin", "Crypto", "Nhs"):
        recogniser = getattr(predefined_recognizers, f"{kind}Recognizer")()
        if not set(recogniser.supported_entities) & set(engine.get_supported_entities("en")):
            engine.registry.add_recognizer(recogniser)

    def find(text: str) -> list[tuple[int, int, str]]:
        found = engine.analyze(text, "en", entities=list(STRUCTURED))
        return [(each.start, each.end, each.entity_type) for each in found]

    return find


def costs(size: int, rounds: int, dense: bool = False) -> dict[str, list[float]]:
    """CPU seconds for texts of a size, by who scans them; each text is new to the guard.

    Args:
        size: characters.
        rounds: texts.
        dense: a value in every third sentence, instead of nothing to find.
    """
    chance = Random(f"{SEED} {size}")
    texts = [with_values(chance, size) if dense else prose(chance, size) for _ in range(rounds + 1)]
    judge, bare, theirs = guard("everything"), ours(), presidio()
    loop = asyncio.new_event_loop()

    def whole(each: int) -> None:
        asked = judge.inspect([Segment(texts[each], "/p", Stage.INPUT)])
        if len(judge.policy.rules) * size > INLINE:
            loop.run_until_complete(asked)
        else:
            at_once(asked)

    works: dict[str, Callable[[int], object]] = {
        "guard": whole,
        "bare": lambda each: bare(texts[each]),
        "presidio": lambda each: theirs(texts[each]),
    }
    for warm in range(3):
        bare(prose(chance, size))
    try:
        return interleaved(works, rounds)
    finally:
        loop.close()


def with_values(chance: Random, size: int) -> str:
    """Prose with a personal value in every third sentence."""
    parts: list[str] = []
    while sum(map(len, parts)) < size:
        value = values.personal(chance)
        parts += [sentence(chance), sentence(chance), f"The note says {value.lead}{value.text} and no more. "]
    return "".join(parts)[:size]


def against_presidio(rounds: int) -> list[Row]:
    """4 KB, and 32 KB, of clean text; and 4 KB with values, for which there is no bar."""
    spent = costs(4096, max(5, rounds // 3), dense=True)
    rows = [
        Row(
            "4 KB with values, Guard.inspect, p50",
            median(spent["guard"]) * 1e3,
            "ms",
            note=f"Presidio {median(spent['presidio']) * 1e3:.1f} ms",
        )
    ]
    for size, bar, times in ((4096, 0.3, rounds), (32768, 3.0, max(5, rounds // 6))):
        spent = costs(size, times)
        label = f"{size // 1024} KB clean"
        for name, what in (("guard", "Guard.inspect"), ("bare", "bare scanners")):
            taken = [one * 1e3 for one in spent[name]]
            rows.append(
                Row(f"{label}, {what}, p50", median(taken), "ms", bar, note=f"p95 {share(taken, 0.95):.3f}")
            )
        theirs = median(spent["presidio"])
        for name, what in (("guard", "Guard.inspect"), ("bare", "bare scanners")):
            note = f"Presidio {theirs * 1e3:.1f} ms"
            rows.append(
                Row(
                    f"{label}, Presidio against {what}",
                    theirs / median(spent[name]),
                    "x",
                    20,
                    least=True,
                    note=note,
                )
            )
    return rows


def recall(find: Find, count: int, seed: int = SEED) -> tuple[Counter[str], Counter[str]]:
    """How many planted personal values are found, whole and as what they are, and how many there are; by entity."""
    chance, found, there = Random(f"recall {seed}"), Counter[str](), Counter[str]()
    for _ in range(count):
        for entity in values.PERSONAL:
            value = values.personal(chance, entity)
            before = f"{sentence(chance)}{chance.choice(('Use ', 'It is ', 'value: ', '('))}{value.lead}"
            text = f"{before}{value.text}{chance.choice((' today. ', ', then ', ') ', chr(10)))}{sentence(chance)}"
            start, end = len(before), len(before) + len(value.text)
            there[entity] += 1
            found[entity] += any(
                name == entity and first <= start and last >= end for first, last, name in find(text)
            )
    return found, there


def compared(count: int) -> list[Row]:
    """Recall beside Presidio's on the same texts."""
    (mine, there), (theirs, _) = recall(ours(), count), recall(presidio(), count)
    total = sum(there.values())
    fewer = [
        f"{entity} {mine[entity]} of {there[entity]}, Presidio {theirs[entity]}"
        for entity in there
        if mine[entity] < theirs[entity]
    ]
    more = [f"{entity} {theirs[entity]}" for entity in there if mine[entity] > theirs[entity]]
    return [
        Row(
            "planted values found",
            mine.total() / total,
            "",
            theirs.total() / total,
            least=True,
            note=f"{total} values; the bar is Presidio; it finds fewer of {', '.join(more) or 'none'}",
        ),
        Row("entities of which Presidio finds more", len(fewer), "", 0, note="; ".join(fewer)),
    ]


def growing(rounds: int) -> list[Row]:
    """Milliseconds of the bare scanners from 4 KB to 1 MB, and the cost of a character beside that at 4 KB."""
    find, chance = ours(), Random(SEED)
    sizes = {4: rounds * 4, 32: rounds * 2, 256: rounds, 1024: rounds}
    texts = {kilo: prose(chance, kilo * 1024) for kilo in sizes}
    spent = interleaved(
        {str(kilo): (lambda _, text=text: find(text)) for kilo, text in texts.items()}, rounds
    )  # type: ignore[misc]
    each = {kilo: median(spent[str(kilo)]) for kilo in sizes}
    return [
        Row(
            f"{kilo} KB clean, cost of a character against 4 KB",
            each[kilo] / kilo / (each[4] / 4),
            "x",
            SUPER_LINEAR if kilo > 4 else None,
            note=f"{each[kilo] * 1e3:.2f} ms",
        )
        for kilo in sizes
    ]


def hostile(fuzz: int, size: int) -> list[Row]:
    """The families that cost too much."""
    find, rows = ours(), []
    for what, families in (("hostile", by_hand()), ("fuzzed", fuzzed(fuzz, SEED))):
        flagged, costs = super_linear(least(find), families, size)
        worst = sorted(costs.items(), key=lambda item: -item[1])[:4]
        note = "; ".join(f"{name} x{ratio:.1f}" for ratio, name in flagged[:6])
        rows.append(
            Row(
                f"{what} families that grow faster than their length",
                len(flagged),
                "",
                0,
                note=note or f"of {len(families)}",
            )
        )
        rows.append(
            Row(
                f"{what}: dearest family",
                worst[0][1] * 1e3,
                "ms/KB",
                note="; ".join(f"{name} {cost * 1e3:.2f}" for name, cost in worst),
            )
        )
    return rows


def measure(quick: bool = False) -> list[Row]:
    """The figures."""
    one_core()
    rows = against_presidio(10 if quick else 120)
    rows += compared(4 if quick else 100)
    rows += growing(3 if quick else 9)
    return rows + hostile(20 if quick else 300, 512 if quick else 2048)


if __name__ == "__main__":
    command(__doc__, measure)
