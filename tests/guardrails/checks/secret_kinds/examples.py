"""True examples of secrets, and near misses, drawn from formats that are declared by hand.

A format is written as parts in a row: `A:36` is 36 letters and digits drawn at random, `uuid` a random UUID, and
anything else stands for itself. Nothing here reads the kinds' own expressions, and no secret, true or false, is
stored: every example is assembled when a test runs.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterable, Sequence
from functools import cache

from guardrails.check import Scanner
from guardrails.checks.secret_kinds.kind import SecretKind
from guardrails.checks.secrets import _pattern, secrets
from guardrails.patterns import PatternSet

ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "L": string.ascii_letters,
    "U": string.ascii_uppercase + string.digits,
    "X": "0123456789ABCDEF",
    "b": string.ascii_letters + string.digits + "+/",
    "d": string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789abcdef",
    "k": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "l": string.ascii_lowercase + string.digits,
    "n": "023456789acdefghjklmnpqrstuvwxyz",
    "w": string.ascii_letters + string.digits + "_-",
    "2": string.ascii_lowercase + "234567",
}
Form = tuple[str, str, str]
"""Entity, what leads to the secret, and the secret's shortest documented format."""


def drawn(alphabet: str, size: int, seed: object) -> str:
    """Characters that look random, the same in every run; the first and the last are letters or digits."""
    chance = random.Random(f"{alphabet}{size}{seed}")
    plain = [letter for letter in ALPHABETS[alphabet] if letter.isalnum()]
    inner = "".join(chance.choice(ALPHABETS[alphabet]) for _ in range(size - 2))
    return (chance.choice(plain) + inner + chance.choice(plain))[:size]


def parts(spec: str, seed: object) -> list[str]:
    """The parts of an example of a format."""
    made = []
    for place, part in enumerate(spec.split()):
        alphabet, colon, size = part.partition(":")
        if part == "uuid":
            made.append("-".join(drawn("h", size, (seed, place, size)) for size in (8, 4, 4, 4, 12)))
        elif colon and alphabet in ALPHABETS and size.isdigit():
            made.append(drawn(alphabet, int(size), (seed, place)))
        else:
            made.append(part)
    return made


def example(spec: str, seed: object = 1) -> str:
    """A secret of a format."""
    return "".join(parts(spec, seed))


def near_misses(spec: str) -> list[str]:
    """What is no secret of a format: one character short, and one character of no alphabet."""
    made = parts(spec, "miss")
    fixed = spec.split()
    longest = max(
        (place for place, part in enumerate(made) if part != fixed[place]), key=lambda place: len(made[place])
    )
    middle = len(made[longest]) // 2
    short = [*made[:longest], made[longest][:middle] + made[longest][middle + 1 :], *made[longest + 1 :]]
    wrong = [
        *made[:longest],
        made[longest][:middle] + "!" + made[longest][middle + 1 :],
        *made[longest + 1 :],
    ]
    return ["".join(short), "".join(wrong)]


@cache
def scanner(entity: str) -> Scanner:
    """The scanner for one entity."""
    return secrets(kinds=[entity])


def found(entity: str, text: str) -> list[str]:
    """What the kinds of an entity alone find in a text."""
    return [text[span.start : span.end] for span in scanner(entity).scan(text)]


def holds(entity: str, lead: str, spec: str) -> None:
    """Asserts that examples of a format are found whole wherever they stand, and that its near misses are not."""
    for seed in (1, 2):
        secret = example(spec, seed)
        for before, after in (
            ("", ""),
            ("see ", " and so on"),
            ('{"x": "', '"}'),
            ("a\\n", "\\n"),
            ("(", ")"),
        ):
            text = f"{before}{lead}{secret}{after}"
            assert found(entity, text) == [secret], text
    for miss in near_misses(spec):
        assert found(entity, f"see {lead}{miss} and so on") == [], miss


def unfound(kinds: Iterable[SecretKind], forms: Sequence[Form]) -> list[str]:
    """The kinds that find no example of any form: they have no test."""
    texts = {entity: "" for entity, _, _ in forms}
    for entity, lead, spec in forms:
        texts[entity] += f" {lead}{example(spec)} "
    return [
        kind.entity for kind in kinds if not PatternSet([_pattern(kind)]).scan(texts.get(kind.entity, ""))
    ]


def named(forms: Sequence[Form]) -> list[str]:
    """A name for each form, the same in every run."""
    return [f"{entity}-{place}" for place, (entity, _, _) in enumerate(forms)]
