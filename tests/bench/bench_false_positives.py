"""What the shipped policies change in ordinary prompts that hold nothing private, and which rule does it.

    python tests/bench/bench_false_positives.py             a few seconds
    python tests/bench/bench_false_positives.py --quick     the same

Reads guardrails/policies/ordinary/*.jsonl. Each prompt that a policy would change is told by file, line, rule and entity,
never by its text. `documentation.jsonl` holds reserved addresses and numbers, which count as real: it has no bar.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.arming import acts
from guardrails.engine import Guard
from tests.bench.guards import guard, inspected
from tests.bench.report import Row, command

FOLDER = Path(__file__).resolve().parents[2] / "guardrails" / "policies" / "ordinary"
POLICIES = ("default", "strict")
BARS = {"coding": 1.0, "everyday": 1.0}


class Hit(NamedTuple):
    """A finding where nothing should be found."""

    file: str
    line: int
    rule: str
    entity: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.rule} {self.entity}"


def prompts(file: Path) -> list[str]:
    """The texts of a corpus file, by line."""
    return [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]


def hits(judge: Guard, texts: list[str], file: str) -> list[Hit]:
    """What a guard would act on."""
    return [
        Hit(file, line, found.rule, found.entity)
        for line, text in enumerate(texts, 1)
        for found in inspected(judge, text).findings
        if acts(found.mode, found.action)
    ]


def measure(quick: bool = False) -> list[Row]:
    """The figures."""
    rows, told = [], set()
    for file in sorted(FOLDER.glob("*.jsonl")):
        texts = prompts(file)
        for name in POLICIES:
            found = hits(guard(name), texts, file.name)
            changed = len({hit.line for hit in found})
            kinds = Counter(f"{hit.rule}/{hit.entity}" for hit in found)
            note = f"{changed} of {len(texts)}; " + ", ".join(
                f"{kind} {count}" for kind, count in kinds.most_common(6)
            )
            rows.append(
                Row(
                    f"{file.stem}: changed by {name}",
                    100 * changed / len(texts),
                    "%",
                    BARS.get(file.stem),
                    note=note.rstrip("; "),
                )
            )
            if file.stem in BARS:
                told |= {(hit.file, hit.line, hit.entity, hit.rule) for hit in found}
    for place in sorted(told):
        print("{}:{} {} ({})".format(*place), file=sys.stderr)
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
