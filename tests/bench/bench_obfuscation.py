"""Values that are written so that plain patterns miss them: how many are still found, where, and at what cost.

    python tests/bench/bench_obfuscation.py             about half a minute
    python tests/bench/bench_obfuscation.py --quick     under 20 seconds

Twelve transforms of personal values, secrets and denied words, each alone, in a sentence, behind a key and in JSON. Only
values that are found in plain in the same place count. A finding is exact when it covers the transformed value and
nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.engine import Guard
from tests.bench import values
from tests.bench.guards import WORDS, guard, inspected, spans
from tests.bench.report import Row, command, interleaved, median, one_core
from tests.bench.texts import prose, sentence
from tests.bench.transforms import TRANSFORMS
from tests.bench.values import Value

SEED = 9
Embed = Callable[[Random, str, str], tuple[str, str]]
"""Draws, the words a value needs before it and after it; what stands before and after the value."""

EMBEDDINGS: dict[str, Embed] = {
    "alone": lambda chance, lead, tail: (lead, tail),
    "sentence": lambda chance, lead, tail: (
        f"{sentence(chance)}Note {lead}",
        f"{tail} and go on. {sentence(chance)}",
    ),
    "key": lambda chance, lead, tail: (f"id: {chance.randint(1, 99)}\nvalue: {lead}", f"{tail}\nnext: yes\n"),
    "JSON": lambda chance, lead, tail: (
        f'{{"n": {chance.randint(1, 99)}, "value": "{lead}',
        f'{tail}", "ok": true}}',
    ),
}
Found = Callable[[str], Sequence[tuple[int, int, str]]]
"""Text in; start, end and entity of what is found out."""


@dataclass(slots=True)
class Score:
    """What became of the values of one transform."""

    plain: int = 0
    """Found as they are."""
    found: int = 0
    """Of these, found when transformed: a finding touches the value."""
    exact: int = 0
    """Of these, covered from the first to the last character and no further."""
    missed: dict[str, int] = field(default_factory=dict)
    """Those not found, by entity."""

    def add(self, find: Found, value: Value, written: str, around: tuple[str, str]) -> None:
        """Counts one value, if the transform changes it and it is found in plain."""
        before, after = around
        if written == value.text:
            return
        if not any(
            first < len(before) + len(value.text) and last > len(before)
            for first, last, _ in find(before + value.text + after)
        ):
            return
        self.plain += 1
        start, end = len(before), len(before) + len(written)
        touching = [
            (first, last) for first, last, _ in find(before + written + after) if first < end and last > start
        ]
        self.found += bool(touching)
        self.exact += touching == [(start, end)]
        if not touching:
            self.missed[value.entity] = self.missed.get(value.entity, 0) + 1


def chosen(name: str, count: int) -> list[Value]:
    """The values that a transform is asked of."""
    chance = Random(f"{SEED} {name}")
    denied = [Value("DENIED_WORD", word) for word in WORDS]
    if name == "leet":
        return denied
    rows = [values.personal(chance, entity) for entity in values.PERSONAL for _ in range(count)]
    rows += [
        values.secret(chance, place) for place in range(len(values.SECRET)) for _ in range(max(1, count // 4))
    ]
    # A line break cannot stand in a JSON string, and a key of many lines is not retyped in this way.
    return [value for value in rows if "\n" not in value.text] + denied


def scored(find: Found, name: str, count: int) -> Score:
    """How one transform fares."""
    score = Score()
    for place, value in enumerate(chosen(name, count)):
        for kind, embed in EMBEDDINGS.items():
            chance = Random(f"{SEED} {name} {place} {kind}")
            score.add(
                find,
                value,
                TRANSFORMS[name](value.text, chance),
                embed(chance, value.lead, values.after(value)),
            )
    return score


def of_guard(judge: Guard) -> Found:
    """What a guard finds."""
    return lambda text: spans(inspected(judge, text))


def dirty(chance: Random, size: int) -> str:
    """Clean text with all that makes decoding worth a try: escapes, entities, encoded text, odd characters."""
    parts = []
    while sum(map(len, parts)) < size:
        noise = prose(chance, 40)
        name = chance.choice(list(TRANSFORMS))
        parts.append(prose(chance, 300) + TRANSFORMS[name](noise, chance))
    return "".join(parts)[:size]


def cost(rounds: int) -> list[Row]:
    """Milliseconds for 4 KB of plain text, of text with escapes in it, and the difference."""
    chance, judge = Random(SEED), guard("everything")
    plain = [prose(chance, 4096) for _ in range(rounds + 1)]
    mixed = [dirty(chance, 4096) for _ in range(rounds + 1)]
    spent = interleaved(
        {
            "plain": lambda each: inspected(judge, plain[each]),
            "mixed": lambda each: inspected(judge, mixed[each]),
        },
        rounds,
    )
    first, second = (median(spent[name]) * 1e3 for name in ("plain", "mixed"))
    note = f"plain {first:.2f} ms, with escapes and odd characters {second:.2f} ms"
    return [Row("extra for 4 KB", second - first, "ms", 1.0, note=note)]


def measure(quick: bool = False) -> list[Row]:
    """The figures."""
    one_core()
    rows, total = [], Score()
    find = of_guard(guard("everything"))
    for name in TRANSFORMS:
        score = scored(find, name, 2 if quick else 12)
        total.plain, total.found, total.exact = (
            total.plain + score.plain,
            total.found + score.found,
            total.exact + score.exact,
        )
        worst = sorted(score.missed.items(), key=lambda item: -item[1])[:4]
        note = f"of {score.plain}" + "".join(f"; {entity} {count}" for entity, count in worst)
        rows.append(Row(f"{name}: found", _percent(score.found, score.plain), "%", 95, least=True, note=note))
        rows.append(
            Row(f"{name}: exact, of those found", _percent(score.exact, score.found), "%", 100, least=True)
        )
    rows.append(
        Row(
            "all: found",
            _percent(total.found, total.plain),
            "%",
            95,
            least=True,
            note=json.dumps({"plain": total.plain, "found": total.found, "exact": total.exact}),
        )
    )
    return rows + cost(20 if quick else 150)


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else float("nan")


if __name__ == "__main__":
    command(__doc__, measure)
