"""Measures how much structured personal data is found: `python tests/bench/bench_pii.py` from the repository root.

Writes sentences around identifiers that it makes up (with their check digits), and sentences of code, logs and
commerce without any. Prints recall and precision by entity, of the pii check and of Presidio's own engine with a blank
tokeniser on the same texts. An identifier counts as found when a span of its entity covers at least half of it.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.check import Scanner
from guardrails.checks.pii import DEFAULT, pii
from tests.bench.bench_scan import presidio
from tests.bench.report import Row, command

SEED = 20240817
EACH = 400
"""Sentences written for each entity, and for each kind of ordinary text a tenth of it."""

Make = Callable[[random.Random], str]


@dataclass(frozen=True)
class Sample:
    """A text and the one identifier in it; no entity for ordinary text."""

    text: str
    entity: str = ""
    start: int = 0
    end: int = 0


def digits(chance: random.Random, count: int) -> str:
    """That many digits."""
    return "".join(chance.choices("0123456789", k=count))


def filled(chance: random.Random, shape: str) -> str:
    """The shape with a digit for each # and one from 1 to 9 for each %."""
    return "".join(
        chance.choice("123456789") if sign == "%" else chance.choice("0123456789") if sign == "#" else sign
        for sign in shape
    )


def with_luhn(number: str) -> str:
    """The digits with a Luhn check digit after them."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value // 10 + value % 10
    return number + str(-total % 10)


def email(chance: random.Random) -> str:
    """An e-mail address."""
    local = chance.choice(("ada", "j.smith", "Maria_Lopez", "o'brien", "x+news", "info", "k99", "josé"))
    domain = chance.choice(("example", "mail.example", "big-corp", "uni-bonn", "a1", "superrito"))
    return f"{local}{digits(chance, 2)}@{domain}.{chance.choice(('com', 'org', 'de', 'co.uk', 'io', 'fr', 'museum'))}"


def ssn(chance: random.Random) -> str:
    """A number of the social security of the United States."""
    area = chance.choice([each for each in range(1, 900) if each != 666])
    sign = chance.choice("--- ")
    return f"{area:03}{sign}{chance.randint(1, 99):02}{sign}{chance.randint(1, 9999):04}"


_ISSUERS = (
    "4",
    "4",
    "51",
    "55",
    "2221",
    "34",
    "37",
    "6011",
    "65",
    "3528",
    "36",
    "38",
    "5018",
    "6304",
    "6759",
    "62",
)
_LENGTHS = {"34": 15, "37": 15, "36": 14, "38": 14, "5018": 12, "6304": 12, "6759": 12, "62": 19}


def card(chance: random.Random) -> str:
    """A payment card, in one piece or in groups."""
    issuer = chance.choice(_ISSUERS)
    size = chance.choice((13, 16, 16, 19)) if issuer == "4" else _LENGTHS.get(issuer, 16)
    number = with_luhn(issuer + digits(chance, size - len(issuer) - 1))
    sign = chance.choice(("", "", " ", "-"))
    sizes = (4, 6, 5) if size == 15 else (4, 6, 4) if size == 14 else (4, 4, 4, 4, 4)
    groups, at = [], 0
    for each in sizes:
        groups.append(number[at : at + each])
        at += each
    return sign.join(group for group in groups if group)


_BANKS = {
    **{
        "DE": "##################",
        "GB": "ABCD##############",
        "FR": "##########AB########C##",
        "NL": "ABNA##########",
    },
    **{"ES": "####################", "BE": "############", "CH": "#####ABCD########", "NO": "###########"},
    **{"PL": "########################", "MT": "ABCD#####ABCDEF############", "SE": "####################"},
}


def iban(chance: random.Random) -> str:
    """An account number with its check digits, in one piece or in fours."""
    country = chance.choice(sorted(_BANKS))
    account = filled(chance, _BANKS[country])
    number = int("".join(str(int(sign, 36)) for sign in account + country + "00"))
    whole = f"{country}{98 - number % 97:02}{account}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4)) if chance.random() < 0.5 else whole


def address(chance: random.Random) -> str:
    """An address of the Internet Protocol, of either version."""
    if chance.random() < 0.6:
        return ".".join(str(chance.randint(11, 126)) for _ in range(4))
    groups = [f"{chance.randint(1, 65535):x}" for _ in range(7)]
    return "2001:" + (":".join(groups) if chance.random() < 0.5 else f"{groups[0]}::{groups[1]}:{groups[2]}")


_PHONES = (
    *(
        "(###) ###-####",
        "%##-###-####",
        "%##.###.####x####",
        "+1-%##-###-####",
        "001-%##-###-####x###",
        "%#########",
    ),
    *(
        "+44(0)#### ######",
        "0%## ### ####",
        "(0%%%) ### ####",
        "+44 20 #### ####",
        "0%### ######",
        "07### ######",
    ),
    *("(0#) #### ####", "0%.####.####", "+61 4## ### ###", "04## ### ###", "0%## #######", "0%%%/#######"),
    *(
        "+49 (0) %## #######",
        "0% ## ## ## ##",
        "+33 (0)6 ## ## ## ##",
        "+34 6## ### ###",
        "6## ### ###",
        "9## ### ###",
    ),
    *(
        "+39 3## #######",
        "3## #######",
        "(+351) 9## ### ###",
        "+31 6 ########",
        "06-########",
        "%##-### ## ##",
    ),
    *(
        "+46 (0)7# ### ## ##",
        "+45 ## ## ## ##",
        "+48 ### ### ###",
        "+91 98### #####",
        "98########",
        "+81 90-####-####",
    ),
    *(
        "(##) 9####-####",
        "+55 11 9#### ####",
        "8 (9##) ###-##-##",
        "+972 5#-###-####",
        "0## ### ## ##",
        "(##) ###-###",
    ),
)
_NUMBERED: tuple[tuple[str, Make, Sequence[str]], ...] = (
    (
        "EMAIL_ADDRESS",
        email,
        (
            "Write to {} today.",
            "{}",
            "<{}>",
            "cc: {}; thanks",
            '{{"email": "{}"}}',
            "user={} ok",
            "mailto:{}?subject=x",
        ),
    ),
    (
        "US_SSN",
        ssn,
        (
            "My SSN is {}.",
            "ssn={}",
            "{}",
            "social security number {}, born later",
            '{{"ssn": "{}"}}',
            "(SSN {})",
        ),
    ),
    (
        "IBAN_CODE",
        iban,
        (
            "Pay to {} please",
            "IBAN: {}.",
            "{}",
            "my account ({}) is empty",
            '{{"iban":"{}"}}',
            "to {}, EUR 20",
        ),
    ),
    (
        "IP_ADDRESS",
        address,
        (
            "from {} port 22",
            "{} - - [GET /]",
            "blocked {}.",
            '{{"ip": "{}"}}',
            "ping {}",
            "my address ({}) changed",
        ),
    ),
    (
        "CREDIT_CARD",
        card,
        (
            "I lost my card {}.",
            "Visa {} expired",
            "paid with {} today",
            "the number is {}",
            "{}",
            '{{"card":"{}"}}',
        ),
    ),
    (
        "PHONE_NUMBER",
        lambda chance: filled(chance, chance.choice(_PHONES)),
        (
            *(
                "Call me at {} tonight",
                "Tel: {}",
                "My number is {}.",
                "reach us on {}, ext. desk",
                "{} mobile",
            ),
            *(
                "fax {}",
                '{{"phone": "{}"}}',
                "Jane Roe, {}",
                "Contact: {}",
                "text {} now",
                "Phone number: {}\nBye",
            ),
        ),
    ),
)
_ORDINARY = (
    *(
        "Order number %######### shipped",
        "order #######% of 2024",
        "invoice INV-####-##### is due",
        "ticket #########",
    ),
    *(
        "1700###### and 1700#########",
        "2024-0%-1#T1#:3#:2#.###Z INFO worker-## took ### ms",
        "on 0%/1#/2024 at 10:3#",
    ),
    *(
        "v1.##.###",
        "version 12.4.##.####",
        "pkg==1.2.##.#",
        "SKU ###-#####-##",
        "SKU-####-####",
        "ISBN 978-0-###-#####-#",
    ),
    *(
        "at 48.######, -122.######",
        "costs $%,###,###.##",
        "a population of % ### ###",
        "1.###.###,50 EUR",
        "pages %##-###",
    ),
    *(
        "x = [###, ###, ####]",
        "seed=#########",
        "build ####.##.#####",
        "tracking 1Z###AA##########",
        "id: ############",
    ),
    *(
        "snowflake 1##################",
        "pi is 3.14159265358979 ####",
        "port ##### and ####-####",
        "a ratio of ##/##/####",
    ),
    *(
        "doi 10.####/s#####-0##-#####-#",
        "part no. ####-###-###",
        "RFC #### section #.#.#",
        "used ####### of #######",
    ),
    *(
        "get_####() and ring_buffer(#######)",
        "text[#######:#######]",
        "lines ###-###, ###-###",
        "batch ##-####-####",
    ),
    *("a box of ###x###x### mm", "epoch ##########", "code ######", "zip 9####-####", "12:30:45 to 13:0#:##"),
    *(
        "std::vector<int>::iterator a::b::c",
        "sha256:9f86d081884c7d65####a2feaa0c55ad",
        "temperature 20.# 21.# 22.# 1013.#",
    ),
    *(
        "item ######## qty ###",
        "3... 2... 1... liftoff",
        "git@github.com:org/repo-##.git",
        "@decorator(#)",
        "user@host ~ $",
    ),
    *(
        "section 4.#.#.#",
        "Chrome/1##.0.####.##",
        "127.0.0.1:####",
        "http://localhost:#### took #.### s",
        "WO 20##/######",
    ),
)


def written(chance: random.Random) -> list[Sample]:
    """The texts to look at."""
    samples = []
    for entity, make, frames in _NUMBERED:
        for _ in range(EACH):
            value, frame = make(chance), chance.choice(frames)
            text = frame.format(value)
            at = text.index(value)
            samples.append(Sample(text, entity, at, at + len(value)))
    for shape in _ORDINARY:
        samples.extend(Sample(filled(chance, shape)) for _ in range(EACH // 10))
    return samples


Find = Callable[[str], Iterable[tuple[str, int, int]]]


def measured(find: Find, samples: Sequence[Sample]) -> dict[str, tuple[float, float]]:
    """Recall and precision by entity; a finding of any entity on ordinary text is a false one."""
    wanted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for sample in samples:
        wanted[sample.entity] += 1
        covered = 0
        for entity, start, end in find(sample.text):
            shared = min(end, sample.end) - max(start, sample.start)
            if entity == sample.entity and shared > 0:
                covered += shared
                right[entity] += 1
            else:
                wrong[entity] += 1
        found[sample.entity] += 2 * covered >= sample.end - sample.start > 0
    return {
        entity: (found[entity] / wanted[entity], right[entity] / max(right[entity] + wrong[entity], 1))
        for entity in DEFAULT
    }


_RECALL = {"CREDIT_CARD": 0.97, "PHONE_NUMBER": 0.85}
"""Least recall of an entity, where it is not 0.99."""


def measure(quick: bool) -> list[Row]:
    """Recall and precision of the pii check beside Presidio's."""
    samples = written(random.Random(SEED))
    if quick:
        samples = samples[::10]
    check, engine = pii(), presidio(DEFAULT)
    assert isinstance(check, Scanner)
    scan = check.scan
    ours = measured(lambda text: [(each.entity, each.start, each.end) for each in scan(text)], samples)
    theirs = measured(lambda text: [(entity, start, end) for start, end, entity in engine(text)], samples)
    rows = []
    for entity in DEFAULT:
        for place, (what, bar) in enumerate((("recall", _RECALL.get(entity, 0.99)), ("precision", 0.98))):
            note = f"Presidio {theirs[entity][place]:.3f}"
            rows.append(Row(f"{entity}: {what}", ours[entity][place], "", bar, least=True, note=note))
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
