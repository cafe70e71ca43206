"""Made-up people, places, addresses and organisations of many countries, to fill training templates with.

Names come from Faker's lists, from lists here for scripts that need romanising, and from a letter chain that
makes up names which are on no list, so that the tagger learns where names stand and not which names there are.
"""

from __future__ import annotations

import importlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guardrails.models.names_lists import WORDS

LATIN, OTHER, ROMANISED = WORDS["latin"], WORDS["other"], frozenset(WORDS["romanised"])


@dataclass(slots=True)
class Values:
    """Draws values; the same seed gives the same sequence.

    Args:
        seed: of the whole sequence.
        kept: share of name parts that are used; the rest are drawn only when `unseen` is set.
        unseen: whether only parts that training never shows are drawn.
    """

    seed: int
    kept: float = 0.9
    unseen: bool = False
    pick: random.Random = field(init=False)
    _romanised: Any = field(init=False)
    _fakers: dict[str, Any] = field(init=False, default_factory=dict)
    _chain: dict[str, list[str]] = field(init=False, default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        faker: Any = importlib.import_module("faker")
        self._romanised = importlib.import_module("anyascii").anyascii
        self.pick = random.Random(self.seed)  # noqa: S311  (not a secret)
        for number, locale in enumerate(sorted({*LATIN, *OTHER})):
            self._fakers[locale] = faker.Faker(locale, use_weighting=False)
            self._fakers[locale].seed_instance(self.seed * 1000 + number)
        for locale in sorted(self._fakers):
            for _ in range(30):
                for part in (self._fakers[locale].first_name(), self._fakers[locale].last_name()):
                    self._learn(self._romanised(str(part)).lower())

    def _learn(self, name: str) -> None:
        if name.isalpha() and 3 <= len(name) <= 12:
            padded = f"^^{name}$"
            for at in range(len(padded) - 2):
                self._chain[padded[at : at + 2]].append(padded[at + 2])

    def made_up(self) -> str:
        """A name that is on no list."""
        while True:
            name, state = "", "^^"
            while len(name) < 14:
                letter = self.pick.choice(self._chain[state])
                if letter == "$":
                    break
                name, state = name + letter, state[1] + letter
            if 3 <= len(name) <= 11:
                return name.capitalize()

    def _allowed(self, part: str) -> bool:
        share = (sum(part.lower().encode()) * 2654435761 % 1000) / 1000
        return (share >= self.kept) if self.unseen else (share < self.kept)

    def _part(self, kind: str, locale: str) -> str:
        for _ in range(40):
            part = str(getattr(self._fakers[locale], kind)())
            if self._allowed(part):
                return part
        return self.made_up()

    def pair(self) -> tuple[str, str]:
        """First and last name of one origin."""
        pick, draw = self.pick, self.pick.random()
        if draw < 0.10:
            return self.made_up(), self.made_up()
        if draw < 0.22:
            return self._listed()
        if draw < 0.30:
            return self._plain()
        locale = pick.choice(LATIN) if draw < 0.88 else pick.choice(OTHER)
        first, last = self._part("first_name", locale), self._part("last_name", locale)
        if locale in ROMANISED and pick.random() < 0.75:
            first, last = (self._romanised(part).strip().title() for part in (first, last))
        if pick.random() < 0.11 and last.isascii():
            last = f"{pick.choice(WORDS['particles'])} {last}"
            last = last if pick.random() < 0.7 else last[0].upper() + last[1:]
        elif pick.random() < 0.05 and last.isascii():
            last = pick.choice(WORDS["both"]) + last
        elif pick.random() < 0.04:
            last = f"{last}-{self._part('last_name', locale)}"
        return first, last

    def _plain(self) -> tuple[str, str]:
        """A name of which one part or both are common words too."""
        word, other = self.pick.choice(WORDS["plain_names"]), self.pick.choice(WORDS["plain_names"])
        draw = self.pick.random()
        if draw < 0.4:
            return word, other
        return (
            (word, self._part("last_name", "en_GB"))
            if draw < 0.7
            else (self._part("first_name", "en_US"), other)
        )

    def _listed(self) -> tuple[str, str]:
        pick, draw = self.pick, self.pick.random()
        if draw < 0.4:
            given = [pick.choice(WORDS["chinese_given"]) for _ in range(pick.choice((1, 2, 2)))]
            return pick.choice(("".join(given), "-".join(given))).capitalize(), pick.choice(WORDS["chinese"])
        if draw < 0.5:
            return pick.choice(WORDS["vietnamese_given"]), pick.choice(WORDS["vietnamese"])
        if draw < 0.7:
            one, two = pick.choice(WORDS["korean_given"]), pick.choice(WORDS["korean_given"])
            return pick.choice(
                (f"{one}-{two}", f"{one}{two}", f"{one}-{two.title()}", f"{one} {two.title()}")
            ).capitalize(), pick.choice(WORDS["korean"])
        last = pick.choice(WORDS["arabic_last"])
        return pick.choice(WORDS["arabic"]), pick.choice(
            (last, f"Al-{last}", f"al-{last}", f"El {last}", f"bin {last}", f"Abdul {last}", f"Al {last}")
        )

    def first(self) -> str:
        """A first name."""
        return self.pair()[0]

    def last(self) -> str:
        """A last name."""
        return self.pair()[1]

    def person(self) -> str:
        """A person's name as it may stand in a text."""
        pick, draw = self.pick, self.pick.random()
        first, last = self.pair()
        initial = first[0].upper()
        if draw < 0.62:
            return f"{first} {last}"
        if draw < 0.70:
            return f"{first} {pick.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.75:
            return f"{initial}. {last}"
        if draw < 0.78:
            return f"{initial}. {pick.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.80:
            return f"{initial}.{pick.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.85:
            return f"{first} {self.first()} {last}"
        if draw < 0.88:
            return f"{first}-{self.first()} {last}"
        if draw < 0.92:
            return f"{first} {last} {self.last()}"
        if draw < 0.95:
            return f"{last} {first}"
        if draw < 0.97:
            return f"{first} {last} {pick.choice(WORDS['suffixes'])}"
        return f"{last.upper()} {first}" if draw < 0.985 else f"{first} {last.upper()}"

    def listed_person(self) -> str:
        """A name with the last name first."""
        first, last = self.pair()
        return self.pick.choice(
            (
                f"{last}, {first}",
                f"{last}, {first} {self.pick.choice('ABCDEJKLMRST')}.",
                f"{last}, {first[0].upper()}.",
                f"{last.upper()}, {first}",
            )
        )

    def city(self) -> str:
        """A town or city."""
        if self.pick.random() < 0.45:
            return self.pick.choice(WORDS["cities"])
        locale = self.pick.choice(LATIN if self.pick.random() < 0.9 else OTHER)
        if self.pick.random() < 0.15:
            return self.made_up() + self.pick.choice(("", "", *WORDS["town_ends"]))
        return str(self._fakers[locale].city())

    def country(self) -> str:
        """A country or region."""
        return self.pick.choice(WORDS["countries"])

    def address(self) -> str:
        """A postal address, or its street line alone."""
        pick = self.pick
        number = f"{pick.randint(1, 999)}{pick.choice(('', '', '', '', 'a', 'B', '-4', '/2'))}"
        name = pick.choice(
            (
                self.last(),
                self.made_up(),
                pick.choice(WORDS["road_names"]),
            )
        )
        locale = pick.choice(LATIN if pick.random() < 0.75 else OTHER)
        draw = pick.random()
        if draw < 0.35:
            street = f"{number} {name} {pick.choice(WORDS['streets'])}"
        elif draw < 0.7:
            line = pick.choice(WORDS["foreign_streets"]).format(x=name)
            street = pick.choice(
                (f"{line} {number}", f"{number} {line}", f"{line}, {number}", f"{line} nº {number}")
            )
        elif draw < 0.97:
            street = str(self._fakers[locale].street_address()).replace("\n", ", ")
        else:
            street = f"{number} {name} Road"
        extra = pick.choice(
            (
                "",
                "",
                "",
                f", Apt {pick.randint(1, 99)}",
                f", Suite {pick.randint(100, 900)}",
                f", Flat {pick.randint(1, 60)}",
                f" #{pick.randint(1, 400)}",
            )
        )
        code = pick.choice(
            (
                f"{pick.randint(10000, 99999)}",
                f"{pick.randint(1000, 9999)}",
                f"{pick.choice('BCDEGLMNSW')}{pick.randint(1, 28)} {pick.randint(1, 9)}{pick.choice('ABDEFHJ')}N",
                f"{pick.randint(1000, 9999)} {pick.choice('ABCDE')}{pick.choice('RSTVW')}",
            )
        )
        comma = pick.choice((", ", ", ", "\n", "\n", " ", "\n  "))
        tail = pick.choice(
            (
                "",
                "",
                f"{comma}{self.city()}",
                f"{comma}{self.city()} {code}",
                f"{comma}{code} {self.city()}",
                f"{comma}{self.city()}, {pick.choice(WORDS['states'])} {pick.randint(10000, 99999)}",
                f"{comma}{code} {self.city()}, {self.country()}",
            )
        )
        return street + extra + tail

    def organization(self) -> str:
        """A company or another body."""
        pick, draw = self.pick, self.pick.random()
        if draw < 0.08:
            return self.made_up() + pick.choice(("", "lar", "ify", "ix", "a", "tech", " Labs", ".io", " AI"))
        if draw < 0.25:
            return pick.choice(WORDS["known"])
        if draw < 0.5:
            shape = pick.choice(WORDS["bodies"])
            return shape.format(
                c=self.city(),
                l=self.last(),
                m=self.last(),
                o=self.last(),
                f=self.first(),
                t=pick.choice(("Justice", "Labor", "Education", "Transport", "Defense")),
            )
        if draw < 0.65:
            return str(self._fakers["en_US"].company())
        if draw < 0.75:
            locale = pick.choice(LATIN)
            return str(self._fakers[locale].company())
        stem = pick.choice(
            (
                self.made_up(),
                self.last(),
                pick.choice(WORDS["company_stems"])
                + pick.choice(("", "line", "path", "field", "bridge", "wave", " Peak", "Tech")),
            )
        )
        return (
            f"{stem} {pick.choice(WORDS['trades'])}"
            + pick.choice(("", "", f" {pick.choice(WORDS['company'])}"))
            if draw < 0.92
            else f"{stem} {pick.choice(WORDS['company'])}"
        )

    def foreign(self) -> str:
        """A line of words of another language."""
        return str(self._fakers[self.pick.choice(WORDS["lorem"])].sentence())

    def title(self) -> str:
        """A form of address."""
        return self.pick.choice(WORDS["titles"])

    def faked(self, kind: str, locale: str = "en_US") -> str:
        """Whatever Faker calls by that name."""
        return str(getattr(self._fakers[locale], kind)())

    def sample(self, values: Sequence[str]) -> str:
        """One of some values."""
        return self.pick.choice(values)
