"""Texts to measure with: prose, Markdown, JSON, code, tables, other scripts; plain, or with values planted in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.bench import values
from tests.bench.values import Value

_WHO = [
    "The committee",
    "Our landlord",
    "A neighbour",
    "The night shift",
    "Nobody in the room",
    "The archivist",
    "My sister's choir",
    "The second reviewer",
    "A retired pilot",
    "The bakery on the corner",
    "Half of the class",
    "The new intern",
]
_DID = [
    "went through",
    "put off",
    "liked",
    "could not follow",
    "rewrote",
    "asked about",
    "forgot",
    "printed",
    "measured again",
    "argued over",
    "threw away",
    "translated",
    "kept returning to",
]
_WHAT = [
    "the long summary",
    "a map of the harbour",
    "the third chapter",
    "an old recipe for plum cake",
    "the seating plan",
    "two spare bicycle wheels",
    "the minutes",
    "a proof of the lemma",
    "the colour of the door",
    "the winter timetable",
    "a letter without a stamp",
    "the budget for paint",
    "every footnote",
]
_WHEN = [
    "on Tuesday",
    "after lunch",
    "in the rain",
    "before the holidays",
    "as usual",
    "without a word",
    "at 10:30",
    "twice in 2024",
    "for about 12 minutes",
    "in version 3.11",
    "with some relief",
    "until half past nine",
]
_WHY = [
    ", because the lights had gone out",
    "; that surprised nobody",
    ", which cost 1,250 euros a month",
    " (see page 14)",
    ", although 4.5 % of the seats stayed empty",
    "",
    "",
    "",
    ", and then went home",
    " - a good sign",
]
_OTHER = (
    "委員会は火曜日に草案を検討した。",
    "보고서는 다음 주에 나옵니다. ",
    "Комитет собрался во вторник и ничего не решил. ",
    "اجتمعت اللجنة يوم الثلاثاء. ",
    "Die Größe der Tür paßt nicht; schöne Grüße! ",
    "Η επιτροπή συνεδρίασε την Τρίτη. ",
    "🎉 done 👩‍👩‍👧 and 🇫🇷 next — “quoted” … ",
    "नमस्ते, बैठक कल है। ",
    "naïve café, e\u0301t\u00e9, coöperate ",
)
_NAMES = [
    "total",
    "rows",
    "items",
    "cache",
    "page",
    "worker",
    "state",
    "buffer",
    "index",
    "result",
    "label",
    "queue",
]


@dataclass(frozen=True, slots=True)
class Text:
    """A text and what was planted in it."""

    text: str = field(repr=False)
    kind: str
    planted: tuple[Value, ...] = ()


def sentence(chance: Random) -> str:
    """One plain sentence with a space behind it."""
    return f"{chance.choice(_WHO)} {chance.choice(_DID)} {chance.choice(_WHAT)} {chance.choice(_WHEN)}{chance.choice(_WHY)}. "


def prose(chance: Random, size: int) -> str:
    """Plain sentences, exactly that many characters, with nothing in them to find."""
    parts, length = [], 0
    while length < size:
        parts.append(sentence(chance) + ("\n" if chance.random() < 0.08 else ""))
        length += len(parts[-1])
    return "".join(parts)[:size]


def chunks(text: str, chance: Random) -> list[str]:
    """The text in pieces as a model sends them: a word's beginning with its space, four to six characters on average."""
    pieces: list[str] = []
    for word in re.findall(r"\s?\S+|\s", text):
        while len(word) > 8:
            size = chance.randint(4, 7)
            pieces.append(word[:size])
            word = word[size:]
        pieces.append(word)
    return pieces


def pieces(text: str, size: int) -> list[str]:
    """The text in pieces of one size."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def random_pieces(text: str, chance: Random) -> list[str]:
    """The text cut at random places: from a few long pieces to many short ones."""
    count = chance.randint(0, max(0, min(len(text) - 1, chance.choice((3, 10, 40, 200)))))
    places = sorted(chance.sample(range(1, len(text)), count)) if len(text) > 1 else []
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def _in_prose(chance: Random, put: Iterator[str]) -> str:
    parts = [sentence(chance) if chance.random() < 0.6 else ""]
    for value in put:
        parts.append(
            chance.choice(
                ("Write it down: {}. ", "It says {}, ", "({}) ", "{} ", "Is {} right? ", "“{}” ")
            ).format(value)
        )
        parts.append(sentence(chance) if chance.random() < 0.4 else "")
    return "".join(parts) or sentence(chance)


def _in_markdown(chance: Random, put: Iterator[str]) -> str:
    lines = [f"## {chance.choice(_WHAT)}", ""]
    lines += [
        chance.choice(("- **{}**", "1. `{}`", "> {}", "* [ ] {}", "[link]({})", "***{}***")).format(value)
        for value in put
    ]
    lines.append(chance.choice(("```sh\nmake test\n```", "---", "| a | b |\n|---|---|", "_done_", "`x = 1`")))
    return "\n".join(lines) + "\n"


def _in_json(chance: Random, put: Iterator[str]) -> str:
    body: dict[str, object] = {chance.choice(_NAMES): chance.randrange(1000), "ok": True}
    for place, value in enumerate(put):
        body[f"{chance.choice(_NAMES)}_{place}"] = value if chance.random() < 0.7 else [value, None]
    return json.dumps(body, indent=chance.choice((None, 2)), ensure_ascii=chance.random() < 0.5)


def _in_code(chance: Random, put: Iterator[str]) -> str:
    name = chance.choice(_NAMES)
    lines = [f"def {name}(self, limit=20):"]
    lines += [
        chance.choice(
            ('    {} = "{}"', "    # {}: {}", "    print({}, '{}')", "    self.{}['k'] = \"{}\"")
        ).format(chance.choice(_NAMES), value)
        for value in put
    ]
    return (
        "\n".join([*lines, f"    return [{name}[i:i+2] for i in range(0, {chance.randrange(9, 99)}, 2)]"])
        + "\n"
    )


def _in_table(chance: Random, put: Iterator[str]) -> str:
    sign = chance.choice((" | ", ",", "\t", ";"))
    rows = [sign.join(("id", "what", "n"))]
    rows += [sign.join((str(chance.randrange(99)), value, f"{chance.random():.2f}")) for value in put]
    return "\n".join(rows) + "\n"


def _in_scripts(chance: Random, put: Iterator[str]) -> str:
    parts = [chance.choice(_OTHER)]
    for value in put:
        parts += [value, chance.choice((" ", "\n", " — ", "、")), chance.choice(_OTHER)]
    return "".join(parts)


SHAPES: dict[str, Callable[[Random, Iterator[str]], str]] = {
    "prose": _in_prose,
    "markdown": _in_markdown,
    "json": _in_json,
    "code": _in_code,
    "table": _in_table,
    "scripts": _in_scripts,
}
"""Kinds of text, and how one is made around some values."""


def planted(seed: int, place: int) -> Text:
    """The text at a place in an endless row: all shapes in turn, a fifth of them with nothing planted.

    Half of the others have one value; some values are cut short, as near misses.
    """
    chance = Random(f"text {seed} {place}")
    kind = list(SHAPES)[place % len(SHAPES)]
    count = chance.choice((0, 1, 1, 1, 2)) if place % 2 else chance.choice((0, 1, 1, 2, 3))
    chosen = tuple(
        values.personal(chance) if chance.random() < 0.5 else values.secret(chance, chance.randrange(10**6))
        for _ in range(count)
    )
    written = [value.lead + value.text + values.after(value) for value in chosen]
    if chance.random() < 0.15:
        written.append(
            cut_short(chance, values.personal(chance) if chance.random() < 0.5 else values.secret(chance))
        )
    return Text(SHAPES[kind](chance, iter(written)), kind, chosen)


def cut_short(chance: Random, value: Value) -> str:
    """The beginning of a value: what a stream must not mistake for the value, or let go too soon."""
    return value.lead + value.text[: chance.randint(1, max(1, len(value.text) - 1))]
