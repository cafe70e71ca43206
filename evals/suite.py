"""A suite: which golden set, which scorers, and what may block. Read from YAML beside the golden set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.errors import SuiteError
from evals.scorer import BUILT_IN, build, build_all
from evals.types import Canaries, Gating

FILE = "suite.yaml"
CANARY_TAG = "canary"
"""The tag that makes a case a canary where a suite names no other."""


class _Gating(BaseModel):
    model_config = ConfigDict(extra="forbid")

    metric: str
    margin: float = Field(default=0.03, ge=0, allow_inf_nan=False)
    min: float | None = Field(default=None, allow_inf_nan=False)
    min_effect: float = Field(default=0.01, ge=0, allow_inf_nan=False)


class _Canaries(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: list[str] = []
    tags: list[str] = [CANARY_TAG]
    scorers: list[str] = list(Canaries().scorers)


class _Suite(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=100)
    golden: str = "."
    corpus: str | None = None
    index: str | None = None
    prompt: str | None = None
    scorers: list[str] = Field(default_factory=lambda: list(BUILT_IN), min_length=1)
    gating: list[_Gating] = []
    canaries: _Canaries = _Canaries()
    repeats: int = Field(default=1, ge=1, le=100)
    k: int = Field(default=5, ge=1, le=1000)


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
    gating: tuple[Gating, ...]
    canaries: Canaries
    canary_tags: tuple[str, ...]
    """Cases with one of these tags are canaries too."""
    repeats: int
    k: int


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
    scorers = tuple(scorer.name for scorer in build_all(model.scorers, depth))
    gating = []
    for rule in model.gating:
        metric = build(rule.metric, depth).name
        if metric not in scorers:
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
        scorers=scorers,
        gating=tuple(gating),
        canaries=Canaries(tuple(model.canaries.ids), tuple(model.canaries.scorers)),
        canary_tags=tuple(model.canaries.tags),
        repeats=model.repeats,
        k=depth,
    )
