"""Calibrations: how far judges agree with people, kept in a file, and whether that is enough to gate by.

A calibration is bound to the judge's identity, so to its model, prompt, parser and sampling, and to the labelling
policy: when one of them changes it says nothing any more. The reasoning is in docs/decisions/0043-who-may-gate.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from evals import document
from evals.errors import JudgeError
from evals.facts import plain
from evals.golden import canonical, misfit
from evals.judging import plausible
from evals.judging.agreement import Figures
from evals.judging.labels import ENOUGH, file_sha256

FORMAT = "guardhouse.calibration/1"
MIN_KAPPA = 0.40
"""Kappa's lower bound has to reach this."""
BELOW_PEOPLE = 0.10
"""By how much that bound may lie below the kappa between people."""
MIN_CONSISTENCY = 0.95
MAX_UNREADABLE = 0.02
MIN_PAIRS = 50
"""Pairs of ratings from which on the kappa between people is held against the judge."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIX = "make it again with `guardhouse eval calibrate`"


@dataclass(frozen=True, slots=True)
class Calibration:
    """One judge with one rubric, held against people's labels."""

    identity: str
    """Of the judge with this rubric."""
    base_url: str
    model: str
    answered_models: tuple[str, ...]
    """Models that the replies named, sorted."""
    rubric: str
    rubric_version: str
    rubric_sha256: str
    policy: str
    """File of the labelling policy, from the calibration's folder."""
    policy_sha256: str
    labels_sha256: str
    n: int
    """Items that people labelled."""
    created: str
    """Day, YYYY-MM-DD, UTC."""
    figures: Figures

    def unfit(self) -> list[str]:
        """Why the judge may not gate by these figures, whatever the day; empty when it may."""
        return list(_lacking(self))


@dataclass(frozen=True, slots=True)
class Calibrations:
    """The calibrations of a file, one for each judge and rubric."""

    entries: tuple[Calibration, ...] = ()
    folder: Path = Path()
    """Where the file stands."""

    def advisory(self, identity: str, today: date, max_age_days: int, answered: Collection[str] = ()) -> str:
        """Why a judge may not gate, in one sentence; empty when it may.

        Args:
            identity: of the judge with its rubric, as it is now.
            today: in UTC.
            max_age_days: how old a calibration may be.
            answered: models that its replies have named so far.
        """
        found = next((each for each in self.entries if each.identity == identity), None)
        if found is None:
            known = "another model, prompt or setting was" if self.entries else "none was"
            return f"the judge is not calibrated as it is now ({known}): run `guardhouse eval calibrate`"
        reasons = [*_stale(found, today, max_age_days), *_replaced(found, answered)]
        reasons += [*self._moved(found), *_lacking(found)]
        return f"the judge is not fit to gate: {'; '.join(reasons)}" if reasons else ""

    def with_entry(self, entry: Calibration) -> Calibrations:
        """These and one more, which takes the place of what it renews."""
        kept = [each for each in self.entries if each.identity != entry.identity and _of(each) != _of(entry)]
        return replace(
            self, entries=tuple(sorted((*kept, entry), key=lambda each: (_of(each), each.identity)))
        )

    def _moved(self, entry: Calibration) -> Iterator[str]:
        """That the labelling policy is another one now, where it can be seen."""
        try:
            data = (self.folder / entry.policy).read_bytes()
        except (OSError, ValueError):
            return
        if file_sha256(data) != entry.policy_sha256:
            yield "the labelling policy changed since it was calibrated"


def load(path: Path) -> Calibrations:
    """The calibrations in a file. Raises JudgeError where it cannot be read, or is not what was written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        what = f"the calibration {path} cannot be read ({error.strerror})"
        raise JudgeError(what, fix="correct the path, or make it with `guardhouse eval calibrate`") from None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise JudgeError(f"{path} is not JSON", fix=_FIX) from None
    told = found.get("format") if isinstance(found, dict) else None
    if told != FORMAT:
        raise JudgeError(f"{path} is not a {FORMAT} document (format: {told!r:.60})", fix=_FIX)
    unfit = misfit(found)
    if unfit:
        raise JudgeError(f"{path}: {unfit}", fix=_FIX)
    try:
        entries = _adapter().validate_python(found.get("calibrations"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise JudgeError(f"{path}: {place or 'calibrations'}: {first['msg']}", fix=_FIX) from None
    unfit = _strange(found, entries) or next(filter(None, map(_contradiction, entries)), "")
    if not unfit and found.get("sha256") != _digest(entries):
        unfit = "it is not what was written: somebody changed it, or a merge did"
    if unfit:
        raise JudgeError(f"{path}: {unfit}", fix=_FIX)
    return Calibrations(entries, path.parent)


def save(calibrations: Calibrations, path: Path) -> None:
    """Writes the file whole or not at all. Raises RunError."""
    document.write(path, json.dumps(_dumped(calibrations.entries), indent=1, allow_nan=False) + "\n")


def _dumped(entries: tuple[Calibration, ...]) -> dict[str, Any]:
    told = [asdict(entry) for entry in entries]
    return {"format": FORMAT, "sha256": _digest(entries), "calibrations": told}


def _digest(entries: tuple[Calibration, ...]) -> str:
    """Of all that is said, whatever the spaces. It tells edits, not forgers, who can reckon too."""
    return hashlib.sha256(canonical([asdict(entry) for entry in entries]).encode()).hexdigest()


def _of(entry: Calibration) -> tuple[str, str, str, str]:
    """What a newer calibration renews, whatever changed meanwhile."""
    return entry.rubric, entry.rubric_version, entry.model, entry.base_url


def _lacking(entry: Calibration) -> Iterator[str]:
    """What the figures lack."""
    told = entry.figures
    if min(entry.n, told.n) < ENOUGH:
        yield f"{min(entry.n, told.n)} labelled items are fewer than {ENOUGH}"
    least, why = MIN_KAPPA, ""
    if told.human_kappa is not None and told.human_pairs >= MIN_PAIRS:
        least, why = max(
            (least, ""), (told.human_kappa - BELOW_PEOPLE, f" (people's is {told.human_kappa:.2f})")
        )
    if told.kappa_low is None:
        yield "kappa could not be measured"
    elif told.kappa_low < least - plausible.CLOSE:
        yield f"kappa's lower bound {_floor(told.kappa_low)} is below {least:.2f}{why}"
    if told.self_consistency is None:
        yield "its self-consistency was not measured (--repeats 3)"
    elif told.self_consistency < MIN_CONSISTENCY - plausible.CLOSE:
        yield f"its self-consistency {_floor(told.self_consistency)} is below {MIN_CONSISTENCY}"
    if told.unreadable > MAX_UNREADABLE * told.rulings:
        yield f"{told.unreadable} of {told.rulings} rulings had no verdict (more than {MAX_UNREADABLE:.0%})"


def _floor(value: float) -> str:
    """A figure in three digits, never rounded up to what it missed."""
    return f"{math.floor(value * 1000) / 1000:.3f}"


def _stale(entry: Calibration, today: date, max_age_days: int) -> Iterator[str]:
    age = (today - date.fromisoformat(entry.created)).days
    if age > max_age_days:
        yield f"it was calibrated {age} days ago (more than {max_age_days})"
    if age < 0:
        yield f"it was calibrated on {entry.created}, which is to come"


def _replaced(entry: Calibration, answered: Collection[str]) -> Iterator[str]:
    """That another model answers under the judge's name than did then, where replies tell."""
    strange = sorted(set(answered) - set(entry.answered_models))
    if strange and entry.answered_models:
        now, then = ", ".join(strange), ", ".join(entry.answered_models)
        yield f"it answered as {plain(now, 100)}, and was calibrated as {plain(then, 100)}"


def _contradiction(entry: Calibration) -> str:
    """What a calibration says that cannot be; empty when nothing."""
    told, name = entry.figures, f"calibrations: {entry.rubric!r:.60}"
    hashes = (entry.rubric_sha256, entry.policy_sha256, entry.labels_sha256)
    if not all(_SHA256.fullmatch(each) for each in hashes):
        return f"{name}: a hash is not a SHA-256"
    if not entry.identity:
        return f"{name}: it names no judge"
    if not _is_day(entry.created):
        return f"{name}: created is not a day (YYYY-MM-DD)"
    return f"{name}: {wrong}" if (wrong := plausible.contradiction(told, entry.n)) else ""


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _strange(document: Mapping[str, Any], entries: tuple[Calibration, ...]) -> str:
    """The first member that is unknown, or of another type than it is written as; empty when none is."""
    written = json.loads(json.dumps(_dumped(entries)))
    if unknown := sorted(document.keys() - written.keys()):
        return f"unknown members: {', '.join(unknown)!r:.80}"
    for given, known in zip(document["calibrations"], written["calibrations"], strict=True):
        for name in sorted(given.keys() | known.keys()):
            if given.get(name) != known.get(name) or (name in given) != (name in known):
                return f"calibrations: {name!r:.60} is unknown, missing or not of its type"
    return ""


@cache
def _adapter() -> TypeAdapter[tuple[Calibration, ...]]:
    return TypeAdapter(tuple[Calibration, ...])
