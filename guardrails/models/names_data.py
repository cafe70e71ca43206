"""Training examples for the tagger: filled templates, labelled tweets with names exchanged, and plain code and prose.

An example is a text and its spans; a span of IGNORED is left out of the loss.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from guardrails.models.names_lists import TEMPLATES, WORDS
from guardrails.models.names_values import Values

IGNORED = "IGNORED"
ENTITY = {"ORG": "ORGANIZATION", "PERSON": "PERSON", "LOCATION": "LOCATION"}
_SLOT = re.compile(r"\{([A-Za-z]\w*)\}")
_DOCSTRING = re.compile(r'"""(.*?)"""', re.S)
_CITING = re.compile(r"\.\. \[|et al|\(\d{4}\)|Journal|[Aa]uthor|pp\.|Press|http|@|\bby [A-Z]|Copyright")
_WORD = re.compile(r"[^\W\d_]+")
_VOWELLESS = str.maketrans("", "", "aeiou")
FILES = 120
"""Files that are read of each folder."""
SHARES = {
    "talk": 0.16,
    "work": 0.16,
    "ask": 0.06,
    "abroad": 0.05,
    "look": 0.12,
    "goods": 0.08,
    "keys": 0.13,
    "places": 0.08,
    "tweet": 0.1,
    "code": 0.06,
}
"""How often each kind of example is drawn."""


class Example(NamedTuple):
    """A text, and (start, end, entity) of what is to be found in it, in code points."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


class Source:
    """An endless supply of examples; the same seed and files give the same ones.

    Args:
        values: what templates are filled with.
        tweets: labelled real text.
        folders: of Python source files to take code and comments from.
    """

    def __init__(self, values: Values, tweets: Sequence[Example], folders: Sequence[Path] = ()) -> None:
        self.values, self.pick, self._tweets = values, values.pick, list(tweets)
        self._sentences = [tweet.text for tweet in tweets if _simple(tweet)] or WORDS["sentences"]
        self._code = _code(folders, self.pick, self._given()) if folders else []

    def _given(self) -> frozenset[str]:
        names = {
            part.lower() for _ in range(6000) for name in self.values.pair() for part in _WORD.findall(name)
        }
        return frozenset(names)

    def example(self) -> Example:
        """The next example."""
        kind = self.pick.choices(list(SHARES), list(SHARES.values()))[0]
        if kind == "tweet" and self._tweets:
            return self._styled(self._exchanged(self.pick.choice(self._tweets)), 0.06)
        if kind == "code" and self._code:
            return self._asked(self.pick.choice(self._code))
        if kind not in TEMPLATES:
            kind = "look"
        return self._styled(
            self.filled(self.pick.choice(TEMPLATES[kind])),
            0.13 if kind not in ("look", "goods", "keys") else 0.1,
        )

    def _asked(self, code: Example) -> Example:
        """A piece of code, as it is or as part of a question about it."""
        if self.pick.random() < 0.5:
            return code
        before, _, after = self.pick.choice(TEMPLATES["code"]).partition("{code}")
        before = before.replace("{word}", self._word())
        spans = tuple((start + len(before), end + len(before), entity) for start, end, entity in code.spans)
        return Example(before + code.text + after, spans)

    def filled(self, template: str) -> Example:
        """A template with its slots filled."""
        text, last = "", 0
        spans: list[tuple[int, int, str]] = []
        for slot in _SLOT.finditer(template):
            text += template[last : slot.start()]
            value, entity = self._value(slot[1])
            if entity and spans and spans[-1][1:] == (len(text) - 1, entity) and text[-1] == " ":
                spans[-1] = (spans[-1][0], len(text) + len(value), entity)
            elif entity:
                spans.append((len(text), len(text) + len(value), entity))
            text += value
            last = slot.end()
        return Example(text + template[last:], tuple(spans))

    def _value(self, slot: str) -> tuple[str, str]:
        values = self.values
        if slot in ("P", "F", "L", "Q"):
            draw = {"P": values.person, "F": values.first, "L": values.last, "Q": values.listed_person}[slot]
            return draw().replace("\n", " "), "PERSON"
        if slot in ("C", "N"):
            return (values.city() if slot == "C" else values.country()), "LOCATION"
        if slot == "A":
            return values.address(), "ADDRESS"
        if slot == "O":
            return values.organization(), "ORGANIZATION"
        return self._plain(slot), ""

    def _plain(self, slot: str) -> str:
        """Words that are nothing to find."""
        pick, number = self.pick, self.pick.randint
        match slot:
            case "T":
                return self.values.title()
            case "W":
                return pick.choice(WORDS["lookalikes"])
            case "E":
                return pick.choice(WORDS["eponyms"])
            case "job":
                return pick.choice(WORDS["jobs"])
            case "thing":
                return pick.choice(WORDS["nouns"])
            case "k":
                return self._key()
            case "code":
                return "".join(
                    pick.choices(pick.choice(("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "UDLRFB")), k=number(1, 5))
                )
            case "B":
                return self._brand()
            case "foreign":
                line = self.values.foreign()
                return line if pick.random() < 0.6 else line.lower()
            case "loose":
                return self._loosened(pick.choice(self._sentences))
            case "did":
                return pick.choice(WORDS["verb_phrases"])
            case "greet":
                return pick.choice(WORDS["greetings"])
            case "Word":
                return self._word().title()
            case "sent":
                return pick.choice(self._sentences if pick.random() < 0.4 else WORDS["sentences"])
        return self._figure(slot)

    def _figure(self, slot: str) -> str:
        """Dates, numbers, accounts and codes; a plain word when the slot is none of them."""
        pick, number = self.pick, self.pick.randint
        match slot:
            case "date":
                return pick.choice(
                    (
                        f"{number(1, 28)} {pick.choice(WORDS['months'])} {number(1950, 2026)}",
                        f"{number(1, 12):02}/{number(1, 28):02}/{number(1950, 2026)}",
                        f"{number(1990, 2026)}-{number(1, 12):02}-{number(1, 28):02}",
                        f"{pick.choice(WORDS['months'])} {number(1, 28)}",
                        f"{number(1, 28)}.{number(1, 12)}.{number(1950, 2026)}",
                    )
                )
            case "time":
                return pick.choice(
                    (f"{number(0, 23):02}:{number(0, 59):02}", f"{number(1, 12)} pm", f"{number(1, 12)}:30am")
                )
            case "day":
                return pick.choice(WORDS["days"])
            case "month":
                return pick.choice(WORDS["months"])
            case "year":
                return str(number(1820, 2026))
            case "num":
                return str(number(2, pick.choice((12, 99, 4000))))
            case "digit":
                return str(number(1, 9))
            case "letter":
                return pick.choice(string.ascii_uppercase)
            case "money":
                return pick.choice(
                    (
                        f"${number(2, 9000)}",
                        f"€{number(2, 900)}.50",
                        f"{number(2, 900)} EUR",
                        f"£{number(2, 90)},000",
                        f"{number(2, 900)} dollars",
                    )
                )
            case "phone":
                return self.values.faked(
                    "phone_number", pick.choice(("en_US", "en_GB", "de_DE", "fr_FR", "es_ES"))
                )
            case "mail":
                return self.values.faked("email")
            case "user":
                return pick.choice(
                    (
                        self.values.faked("user_name"),
                        f"{self._word()}_{self._word()}",
                        f"{self._word()}{number(1, 99)}",
                        self._word().title() + self._word().title(),
                    )
                )
            case "id":
                return pick.choice(
                    (
                        self.values.faked("uuid4"),
                        f"{''.join(pick.choices(string.ascii_uppercase, k=3))}-{number(100, 99999)}",
                        str(number(10**6, 10**9)),
                        self.values.faked("iban"),
                        "".join(pick.choices("0123456789abcdef", k=number(7, 40))),
                    )
                )
            case "Camel" | "Camel2":
                return "".join(self._word().title() for _ in range(number(1, 3)))
            case "title":
                return " ".join(self._word().title() for _ in range(number(2, 6)))
            case "upper":
                return pick.choice(
                    (pick.choice(WORDS["sentences"]), " ".join(self._word() for _ in range(number(1, 4))))
                ).upper()
        return self._word()

    def _brand(self) -> str:
        """A made-up product."""
        name = self.values.made_up()
        ends = ("", "", "", "ix", "o", "ify", "ly", " Pro", " 3", "X", " Max", "Hub", "-Tech")
        return self.pick.choice((name, name, name, name.lower(), name.upper())) + self.pick.choice(ends)

    def _key(self) -> str:
        """A key, package or variable: short, of small letters, often no word at all."""
        pick = self.pick
        name = pick.choice(
            (
                pick.choice(WORDS["abbreviations"]),
                pick.choice(WORDS["abbreviations"]),
                self.values.made_up().lower(),
                "".join(pick.choices(string.ascii_lowercase, k=pick.randint(2, 4))),
                pick.choice(WORDS["lookalikes"]).lower().replace(" ", "-"),
                self._word().lower(),
            )
        )
        if pick.random() < 0.3:
            return pick.choice(
                (
                    f"{name}_{pick.choice(WORDS['abbreviations'])}",
                    f"{name}-js",
                    f"{name}Id",
                    f"py{name}",
                    f"{name}rs",
                    name + str(pick.randint(1, 9)),
                )
            )
        return name

    def _loosened(self, text: str) -> str:
        """A sentence as it is typed in haste: some words misspelt, drawn out or unknown."""
        words = text.split(" ")
        for at, word in enumerate(words):
            if len(word) > 3 and word.isalpha() and word.islower() and self.pick.random() < 0.3:
                cut = self.pick.randrange(1, len(word) - 1)
                changed = (
                    word[:cut] + word[cut + 1 :],
                    word[:cut] + word[cut] * 3 + word[cut + 1 :],
                    word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :],
                    word[0] + word[1:].translate(_VOWELLESS),
                    self.values.made_up().lower(),
                )
                words[at] = self.pick.choice(changed)
        return " ".join(words)

    def _word(self) -> str:
        if self.pick.random() < 0.6:
            return self.values.faked("word")
        return self.values.sample(
            _WORD.findall(self.pick.choice((*WORDS["nouns"], *WORDS["sentences"])))
        ).lower()

    def _exchanged(self, tweet: Example) -> Example:
        """A tweet in which people and places are often exchanged for made-up ones."""
        if self.pick.random() < 0.45:
            return tweet
        text, spans, last = "", [], 0
        for start, end, entity in sorted(tweet.spans):
            text += tweet.text[last:start]
            value = tweet.text[start:end]
            if entity == "PERSON" and self.pick.random() < 0.8 and value[0].isalpha():
                new = (
                    self.values.person()
                    if " " in value
                    else self.pick.choice((self.values.first, self.values.first, self.values.last))()
                )
                value = new.lower() if value.islower() else new.upper() if value.isupper() else new
            elif entity == "LOCATION" and self.pick.random() < 0.5 and value[0].isupper():
                value = self.values.city()
            spans.append((len(text), len(text) + len(value), entity))
            text += value
            last = end
        return Example(text + tweet.text[last:], tuple(spans))

    def _styled(self, example: Example, share: float) -> Example:
        """The example as careless writers have it: without capitals, in capitals, names in small letters."""
        draw = self.pick.random()
        text, spans = example
        if draw < share * 0.55:
            changed = text.lower()
        elif draw < share * 0.75:
            changed = text.upper()
        elif draw < share:
            parts, last = [], 0
            for start, end, entity in sorted(spans):
                parts += [
                    text[last:start],
                    text[start:end].lower() if entity == "PERSON" else text[start:end],
                ]
                last = end
            changed = "".join([*parts, text[last:]])
        else:
            return example
        return Example(changed, spans) if len(changed) == len(text) else example


def document(source: Source, length: int) -> Example:
    """Examples one after another, until the text has about that many characters."""
    text, spans = "", []
    while True:
        example = source.example()
        spans += [(len(text) + start, len(text) + end, entity) for start, end, entity in example.spans]
        text += example.text
        if len(text) >= length:
            return Example(text, tuple(spans))
        text += source.pick.choice((" ", " ", "\n", "\n\n", "\n---\n", "  "))


def read_tweets(path: Path, source: str | None = None) -> list[Example]:
    """Rows of {"text", "spans": [{"start", "end", "entity"}], "source"}; those of one source, or all.

    Account names are no names, and a name inside a tag is neither right nor wrong.
    """
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if source is None or row["source"] == source:
            spans = [(span["start"], span["end"], ENTITY[span["entity"]]) for span in row["spans"]]
            found.append(_tidied(row["text"], spans))
    return found


def _tidied(text: str, spans: list[tuple[int, int, str]]) -> Example:
    kept = []
    for start, end, entity in spans:
        before = text[:start].rstrip()[-1:]
        if before == "@" or text[start] == "@":
            continue
        kept.append(
            (start, end, IGNORED if before == "#" or not any(map(str.isalpha, text[start:end])) else entity)
        )
    removed = [match.start() + 1 for match in re.finditer(r"[@#] (?=\w)", text)]
    moved = [
        (start - sum(at < start for at in removed), end - sum(at < end for at in removed), entity)
        for start, end, entity in kept
    ]
    return Example(re.sub(r"([@#]) (?=\w)", r"\1", text), tuple(moved))


def _simple(tweet: Example) -> bool:
    """Whether a tweet is a sentence without anything to find, names of accounts, tags or links."""
    return not tweet.spans and len(tweet.text) < 90 and not re.search(r"[@#\n]|http|\bRT\b", tweet.text)


def _code(folders: Sequence[Path], pick: random.Random, given: frozenset[str]) -> list[Example]:
    """Pieces of Python files, and of their docstrings; capitalised words that may be names are ignored."""
    found = []
    for folder in folders:
        paths = sorted(folder.glob("**/*.py"))
        for path in pick.sample(paths, min(len(paths), FILES)):
            source = path.read_text(encoding="utf-8", errors="replace")
            lines = source.splitlines()
            texts = ["\n".join(lines[at : at + 4]) for at in range(0, min(len(lines), 900), 15)]
            for text in _DOCSTRING.findall(source)[:40]:
                texts += [
                    " ".join(part.split()) for part in text.split("\n\n")[:4] if not _CITING.search(part)
                ]
            found += [_unsure(text.strip(), given) for text in texts if 20 < len(text.strip()) < 500]
    pick.shuffle(found)
    return found


def _unsure(text: str, given: frozenset[str]) -> Example:
    spans = [
        (match.start(), match.end(), IGNORED)
        for match in re.finditer(r"[^\W\d_]+(?: [A-Z][^\W\d_]+)*", text)
        if match[0][0].isupper()
        and len(match[0]) > 2
        and any(part.lower() in given for part in match[0].split())
        and match[0] not in WORDS["lookalikes"]
    ]
    return Example(text, tuple(spans))


def spread(items: Iterator[Example], count: int) -> list[Example]:
    """The first `count` examples."""
    return [next(items) for _ in range(count)]


def stream(source: Source, shortest: int = 15, longest: int = 420) -> Iterator[Example]:
    """Documents of many lengths."""
    while True:
        yield document(source, int(source.pick.triangular(shortest, longest, shortest * 6)))
