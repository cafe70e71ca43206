"""What people say of answers: the labels that a judge is held against, bound to the policy that they follow.

A folder holds `labels.jsonl` and the policy, a text that says when which verdict is right. The first line names the
policy and its hash, every other line is one item: docs/reference/calibration-format.md.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.errors import JudgeError
from evals.golden import misfit
from evals.judging.types import Rubric
from guardrails.cli_show import shown

LABELS = "labels.jsonl"
ENOUGH = 100
"""Items that people settled, from which on a judge may gate."""
SEE = "see docs/reference/calibration-format.md"
_SHOWN = 60

Form = TypeVar("Form", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Head(_Strict):
    """The first line."""

    policy: str = Field(min_length=1, pattern=r"^[^/\\]+$")
    policy_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Rating(_Strict):
    by: str = Field(min_length=1)
    label: str = Field(min_length=1)


class _Line(_Strict):
    """Every other line."""

    id: str = Field(min_length=1)
    question: str = ""
    context: str | list[str] = []
    answer: str | None = None
    expected: str | None = None
    material: dict[str, str] = {}
    label: str = Field(min_length=1)
    by: str = Field(min_length=1)
    kind: str = "human"
    ratings: list[_Rating] = []
    tags: list[str] = []
    cluster: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """One answer, and what people say of it."""

    id: str
    texts: Mapping[str, str]
    """What was labelled, by field: `question`, `context`, and what else is told, as `answer` and `expected`."""
    label: str
    """The verdict that people settled on."""
    by: str
    ratings: tuple[tuple[str, str], ...] = ()
    """Who said what before that, by name."""
    tags: tuple[str, ...] = ()
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a folder, ordered by id."""

    items: tuple[Label, ...]
    policy: Path
    """File of the labelling policy."""
    policy_sha256: str
    sha256: str
    """Hash of the labels' file."""

    @property
    def few(self) -> bool:
        """Whether there are too few for a judge to gate by."""
        return len(self.items) < ENOUGH


def load(folder: Path) -> Labels:
    """The labels in a folder. Raises JudgeError naming the line that is wrong, or what is missing."""
    path = folder / LABELS
    data = _read(path, f"there are no labels in {folder}", f"write {LABELS} there ({SEE})")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise JudgeError(f"{path} is not UTF-8", fix="write it again as UTF-8") from None
    places = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not places:
        raise JudgeError(f"{path} is empty", fix=SEE)
    head = _form(_Head, places[0][1], f"{path}:{places[0][0]}")
    items = _items(places[1:], path)
    if not items:
        raise JudgeError(f"{path} has no item", fix=f"write one a line below the first ({SEE})")
    policy = folder / head.policy
    _bound(policy, head.policy_sha256, path)
    return Labels(tuple(items), policy, head.policy_sha256, file_sha256(data))


def check(labels: Labels, rubric: Rubric, rater: str = "") -> None:
    """Holds labels against a rubric. Raises JudgeError where they do not fit it.

    Args:
        labels: what people said.
        rubric: what the judge is asked by.
        rater: the judge's model, which may have made none of them.
    """
    for item in labels.items:
        for said in (item.label, *(said for _, said in item.ratings)):
            if said not in rubric.verdicts:
                what = (
                    f"{_named(item.id)} is labelled {_named(said)}, which rubric {rubric.name} does not know"
                )
                raise JudgeError(what, fix=f"choose from {', '.join(rubric.verdicts)}")
        if rater and rater in (item.by, *(by for by, _ in item.ratings)):
            what = f"{_named(item.id)} was labelled by {_named(rater)}, the judge itself"
            raise JudgeError(what, fix="let people label it")
        material(item, rubric)
    if len({rubric.verdicts[item.label] for item in labels.items}) < 2:
        said = ", ".join(sorted({item.label for item in labels.items}))
        what = f"all {len(labels.items)} items are labelled {said}: kappa is not defined"
        raise JudgeError(what, fix="label items that deserve a verdict of another value too")


def material(item: Label, rubric: Rubric) -> dict[str, str]:
    """What a judge is shown of an item, by the rubric's fields. Raises JudgeError where one is missing.

    The list of a rubric that judges one by one is made of the answer, or of the expected one where it has statements.
    """
    from evals.scorers.context import claims_of

    told = dict(item.texts)
    if rubric.each:
        source = "expected" if rubric.each == "statements" else "answer"
        listed = [told[rubric.each]] if rubric.each in told else claims_of(told.get(source, ""))
        told[rubric.each] = json.dumps(listed, ensure_ascii=False)
        if not listed:
            raise JudgeError(
                f"{_named(item.id)} claims nothing", fix=f"leave it out, or give it {rubric.each!r}"
            )
    absent = [name for name in rubric.fields if name not in told]
    if absent:
        what = f"{_named(item.id)} has no {absent[0]}, which rubric {rubric.name} shows the judge"
        raise JudgeError(what, fix=f"give {', '.join(rubric.fields)}")
    return {name: told[name] for name in rubric.fields}


def file_sha256(data: bytes) -> str:
    """Hash of a text file, whatever ends its lines."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _bound(policy: Path, expected: str, path: Path) -> None:
    """Sees that the labels follow the policy as it is."""
    data = _read(policy, f"{path} names a policy that cannot be read: {policy}", "put the file there")
    found = file_sha256(data)
    if found != expected:
        what = f"{policy} is not the policy that the labels follow (it is {found}, {path} says {expected})"
        raise JudgeError(what, fix="look through the labels again, then write its hash into the first line")


def _items(places: list[tuple[int, str]], path: Path) -> list[Label]:
    """The items, ordered by id."""
    found: dict[str, Label] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for number, text in places:
        place = f"{path}:{number}"
        item = _label(_form(_Line, text, place), place)
        if item.id in found:
            raise JudgeError(f"{place}: id {_named(item.id)} is there twice", fix="give each item its own id")
        content = tuple(sorted(item.texts.items()))
        if content in seen:
            what = f"{place}: {_named(item.id)} is the same answer as {_named(seen[content])}"
            raise JudgeError(what, fix="keep one of them: an item counts once")
        found[item.id], seen[content] = item, item.id
    return [found[name] for name in sorted(found)]


def _label(line: _Line, place: str) -> Label:
    if line.kind != "human":
        what = f"{place}: {_named(line.id)} has a label of kind {_named(line.kind)}"
        raise JudgeError(what, fix="only people's labels (kind human) say whether a judge is right")
    ratings = tuple(sorted((rating.by, rating.label) for rating in line.ratings))
    if len({by for by, _ in ratings}) < len(ratings):
        raise JudgeError(f"{place}: somebody rates {_named(line.id)} twice", fix="keep one rating a person")
    if line.answer is None and not line.material:
        raise JudgeError(f"{place}: {_named(line.id)} has no answer", fix="tell what was labelled")
    contexts = [line.context] if isinstance(line.context, str) else line.context
    texts = {"question": line.question, "context": "\n\n".join(_numbered(contexts))}
    texts |= {name: text for name in ("answer", "expected") if (text := getattr(line, name)) is not None}
    texts |= line.material
    return Label(line.id, texts, line.label, line.by, ratings, tuple(line.tags), line.cluster)


def _numbered(contexts: list[str]) -> list[str]:
    """Passages as scorers show them to a judge."""
    return [f"[{place}] {text}" for place, text in enumerate(filter(None, contexts), 1)]


def _form(form: type[Form], text: str, place: str) -> Form:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        told = str(error) if isinstance(error, _TwiceError) else "is not JSON"
        raise JudgeError(f"{place}: {told}", fix="write one JSON object a line") from None
    unfit = misfit(value)
    if unfit or not isinstance(value, Mapping):
        raise JudgeError(f"{place}: {unfit or 'is not a JSON object'}", fix=SEE)
    try:
        return form.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise JudgeError(f"{place}: {shown(field[:_SHOWN])}: {first['msg']}", fix=SEE) from None


class _TwiceError(ValueError):
    """A member that stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = Counter(name for name, _ in pairs)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise _TwiceError(f"{_named(twice)} stands there twice")
    return dict(pairs)


def _read(path: Path, what: str, fix: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise JudgeError(f"{what} ({error.strerror})", fix=fix) from None


def _named(text: str) -> str:
    """A text of the file as messages tell it."""
    return shown(repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"))
