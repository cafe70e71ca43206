"""Labels in a folder, judges that say what a test wants, and calibrations made of figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from evals.judging.agreement import Judged, measure
from evals.judging.calibration import Calibration
from evals.judging.types import Rubric, Ruling
from evals.types import Usage

RUBRIC = Rubric("toy", "1", "You judge.", "{question} {context} {answer}", {"good": 1.0, "bad": 0.0})
POLICY = "An answer is good when the context says it.\n"


def line(name: str, label: str = "good", **fields: Any) -> dict[str, Any]:
    """A well-formed item."""
    base = {"id": name, "question": f"What of {name}?", "context": [f"All of {name}."], "by": "ada"}
    return base | {"answer": f"{name} is {label}.", "label": label} | fields


def lines(n: int, **fields: Any) -> list[dict[str, Any]]:
    """So many items, every other one bad."""
    return [line(f"i{place:03}", "bad" if place % 2 else "good", **fields) for place in range(n)]


def write_labels(folder: Path, items: Sequence[Mapping[str, Any]], policy: str = POLICY, **head: Any) -> Path:
    """A folder of labels with its policy."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.md").write_text(policy, "utf-8")
    first = {"policy": "policy.md", "policy_sha256": hashlib.sha256(policy.encode()).hexdigest()} | head
    text = "".join(json.dumps(each) + "\n" for each in (first, *items))
    (folder / "labels.jsonl").write_text(text, "utf-8")
    return folder


class Scripted:
    """A judge that says of a material and a repeat what a function says; an empty verdict has a reason."""

    def __init__(self, say: Callable[[Mapping[str, str], int], str], name: str = "scripted") -> None:
        self.say, self.name = say, name
        self.asked: list[tuple[Mapping[str, str], int]] = []
        self.closed = False

    def identity(self, rubric: Rubric) -> str:
        """Of its name and the rubric."""
        return hashlib.sha256(f"{self.name}{rubric}".encode()).hexdigest()

    def advisory(self, rubric: Rubric) -> str:
        """It has no calibration."""
        return "not calibrated"

    async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
        """What the function says."""
        self.asked.append((material, repeat))
        said = self.say(material, repeat)
        reason = "" if said else "the reply is empty"
        return Ruling(said, reason=reason, usage=Usage(100, 10), answered_model="m-1", calls=1)

    async def aclose(self) -> None:
        """Notes that it was closed."""
        self.closed = True


def honest(material: Mapping[str, str], repeat: int) -> str:
    """Says what people say."""
    return "good" if "is good" in material["answer"] else "bad"


def calibration(right: int = 120, wrong: int = 0, repeats: int = 3, **fields: Any) -> Calibration:
    """A calibration of a judge that is right so often; labels are good and bad in turn."""
    return replace(_calibration(right, wrong, repeats), **fields)


@cache
def _calibration(right: int, wrong: int, repeats: int) -> Calibration:
    items = []
    for place in range(right + wrong):
        label = "bad" if place % 2 else "good"
        other = "good" if place % 2 else "bad"
        ruling = label if place < right else other
        items.append(Judged(f"i{place:03}", label, (ruling,) * repeats))
    return Calibration(
        identity="1" * 64,
        base_url="http://judge/v1",
        model="m",
        answered_models=("m-1",),
        rubric="toy",
        rubric_version="1",
        rubric_sha256="2" * 64,
        policy="policy.md",
        policy_sha256="3" * 64,
        labels_sha256="4" * 64,
        n=right + wrong,
        created=date(2026, 1, 1).isoformat(),
        figures=measure(items, RUBRIC.verdicts, resamples=199),
    )
