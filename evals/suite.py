"""A suite: which golden set, which scorers, and what may block. Read from YAML beside the golden set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evals.errors import SuiteError
from evals.golden import GoldenSet
from evals.judging.nobody import NOBODY
from evals.run import Canaries, Gating
from evals.scorer import build_each, default_names, metric_name

FILE = "suite.yaml"
VERDICTS = ("guardrail", "guardrail_precision", "guardrail_recall", "guardrail_latency", "latency")
"""The scorers of what a bare policy tells."""
CANARY_TAG = "canary"
"""The tag that makes a case a canary where a suite names no other."""


class _Gating(BaseModel):
    model_config = ConfigDict(extra="forbid")

    metric: str
    margin: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    min: float | None = Field(default=None, allow_inf_nan=False)
    min_effect: float = Field(default=0.01, ge=0, allow_inf_nan=False)


class _Canaries(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: list[str] = []
    tags: list[str] = [CANARY_TAG]
    scorers: list[str] = list(Canaries().scorers)


class _Price(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


class _Judge(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str = ""
    model: str = ""
    temperature: float | None = Field(default=0.0, ge=0, allow_inf_nan=False)
    timeout_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    tries: int = Field(default=3, ge=1, le=100)
    price: _Price | None = None
    limit_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    limit_calls: int | None = Field(default=None, ge=0)
    calibration: str = ""
    max_age_days: int = Field(default=30, ge=0)
    allow_model_under_test: bool = False


class _Variant(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompt: str = ""
    model: str = ""
    index: str = ""
    policy: str = ""
    base_url: str = ""
    call: str = ""
    temperature: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _changes_something(self) -> _Variant:
        if not self.model_fields_set:
            raise ValueError("a variant changes at least one key")
        return self


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["http", "index", "rag", "policy", "callable"] | None = None
    base_url: str = ""
    model: str = ""
    policy: str = ""
    call: str = ""
    temperature: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    send_hits: bool = False
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    price: _Price | None = None


class _Suite(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=100)
    golden: str = "."
    corpus: str | None = None
    index: str | None = None
    prompt: str | None = None
    scorers: list[str] = Field(default_factory=default_names, min_length=1)
    gating: list[_Gating] = []
    canaries: _Canaries = _Canaries()
    repeats: int | None = Field(default=None, ge=1, le=100)
    screen: int = Field(default=1, ge=1, le=100)
    k: int = Field(default=5, ge=1, le=1000)
    target: _Target = _Target()
    judge: _Judge = _Judge()
    variants: dict[str, _Variant] = {}


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite that can be run: its scorers exist, and what gates is scored."""

    name: str
    golden: Path
    corpus: Path | None
    index: Path | None
    prompt: Path | None
    """File of the prompt to run with, where the command line names none."""
    scorers: tuple[str, ...]
    """What builds them: a name, or the import string of one of somebody's own."""
    gating: tuple[Gating, ...]
    canaries: Canaries
    canary_tags: tuple[str, ...]
    """Cases with one of these tags are canaries too."""
    repeats: int | None
    """Times each case is asked, at most; None where the suite does not say."""
    k: int
    screen: int = 1
    """Times each case is asked before those on which two arms differ are asked more often."""
    home: Path = Path()
    """The suite's folder."""
    target: Mapping[str, Any] = field(default_factory=dict)
    """What is asked, where the command line does not say otherwise: the keys that the file gives."""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name: the keys of what is asked that a variant changes. Paths are as the file has them."""
    judge: Mapping[str, Any] = field(default_factory=dict)
    """Who judges, where the command line does not say otherwise: the keys that the file gives."""
    called: Mapping[str, str] = field(default_factory=dict)
    """By what builds it: a scorer's name in runs, where the two differ or may."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The scorers' names in runs."""
        return tuple(self.called.get(spec, spec) for spec in self.scorers)


def load(path: Path, k: int | None = None) -> Suite:
    """The suite in a file, with another k where one is given; paths are relative to it. Raises SuiteError."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise SuiteError(f"{path} cannot be read ({error.strerror})", fix="check --suite") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise SuiteError(f"{place} is not YAML", fix="see docs/reference/golden-format.md") from None
    return _suite(document if document is not None else {}, path, k)


def default(golden: Path, k: int | None = None) -> Suite:
    """The suite beside a golden set, or one with every built-in scorer and nothing that gates."""
    path = golden / FILE
    return load(path, k) if path.is_file() else _suite({}, path, k)


def _suite(document: object, path: Path, k: int | None) -> Suite:
    try:
        model = _Suite.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "suite"
        raise SuiteError(
            f"{path}: {where}: {first['msg']}", fix="see docs/reference/golden-format.md"
        ) from None
    depth = k or model.k
    built = build_each(model.scorers, depth, NOBODY)
    called = {spec: scorer.name for spec, scorer in built.items()}
    gating = []
    for rule in model.gating:
        metric = metric_name(rule.metric, depth, built, NOBODY)
        if metric not in called.values():
            raise SuiteError(
                f"{path}: gating names {metric!r}, which is not scored", fix="add it to `scorers`"
            )
        gating.append(Gating(metric, rule.margin, rule.min, rule.min_effect))
    if len({rule.metric for rule in gating}) < len(gating):
        raise SuiteError(f"{path}: a metric gates twice", fix="keep one entry per metric")
    home = path.parent
    return Suite(
        name=model.name or home.resolve().name,
        golden=home / model.golden,
        corpus=home / model.corpus if model.corpus else None,
        index=home / model.index if model.index else None,
        prompt=home / model.prompt if model.prompt else None,
        scorers=tuple(built),
        called=called,
        gating=tuple(gating),
        canaries=Canaries(tuple(model.canaries.ids), tuple(model.canaries.scorers)),
        canary_tags=tuple(model.canaries.tags),
        repeats=model.repeats,
        k=depth,
        screen=model.screen,
        home=home,
        target=_asked(model.target, home),
        judge=_judge(model.judge, home),
        variants={name: variant.model_dump(exclude_unset=True) for name, variant in model.variants.items()},
    )


def _asked(target: _Target, home: Path) -> dict[str, Any]:
    told = target.model_dump(exclude_unset=True)
    if target.policy and (home / target.policy).is_file():
        told["policy"] = str(home / target.policy)
    return told


def _judge(judge: _Judge, home: Path) -> dict[str, Any]:
    told = judge.model_dump(exclude_unset=True)
    if judge.calibration:
        told["calibration"] = str(home / judge.calibration)
    return told


def answerable(suite: Suite, golden: GoldenSet, kind: str) -> tuple[Suite, GoldenSet]:
    """What of a suite and its set a kind of target can answer. Raises SuiteError when nothing is left.

    A bare policy gives verdicts alone, an index hits alone; the other kinds answer everything. Verdicts gate also where
    the suite gates on something else, being written for a model.
    """
    if kind == "policy":
        cases = tuple(case for case in golden.cases if case.expected.guardrail is not None)
        scorers: tuple[str, ...] = VERDICTS
        missing = SuiteError("no case of the golden set expects a guardrail verdict", fix="drop --policy")
    elif kind == "index":
        cases = tuple(case for case in golden.cases if case.question is not None and case.relevant)
        scorers = (*(name for name in suite.scorers if "@" in name), "latency")
        missing = SuiteError(
            "no case of the golden set says which documents are relevant", fix="ask a model: --target http"
        )
    else:
        return suite, golden
    if not cases:
        raise missing
    ids = {case.id for case in cases}
    held = tuple(name for name in suite.canaries.ids if name in ids)
    metrics = {suite.called.get(spec, spec) for spec in scorers}
    gates = tuple(rule for rule in suite.gating if rule.metric in metrics)
    narrowed = replace(
        suite,
        scorers=scorers,
        gating=gates or ((Gating("guardrail"),) if kind == "policy" else ()),
        canaries=Canaries(held, ("guardrail",)) if kind == "policy" else Canaries((), ()),
        canary_tags=suite.canary_tags if kind == "policy" else (),
    )
    return narrowed, replace(golden, cases=cases, ref=replace(golden.ref, n=len(cases)))


def of_split(golden: GoldenSet, split: str) -> GoldenSet:
    """The part of a set that is in one split. Raises SuiteError naming the splits that there are."""
    cases = tuple(case for case in golden.cases if case.split == split)
    if not cases:
        known = ", ".join(sorted({case.split for case in golden.cases} - {""}))
        fix = f"choose from: {known}" if known else "the set is not split: drop --split"
        raise SuiteError(f"no case of the golden set is in split {split!r}", fix=fix)
    return replace(golden, cases=cases, ref=replace(golden.ref, n=len(cases)))
