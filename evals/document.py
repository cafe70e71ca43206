"""The run document (`guardhouse.run/1`): a Run as JSON, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from evals.errors import RunError
from evals.golden import misfit
from evals.types import FORMAT, Run, Score


def dump(run: Run) -> dict[str, Any]:
    """The run as JSON values. Spans carry their kind as `class`."""
    document = asdict(run)
    for item in document["items"]:
        for score in item["scores"].values():
            score["spans"] = [_span(span) for span in score["spans"]]
    return {"format": document.pop("format"), **document}


def score_line(score: Score) -> dict[str, Any]:
    """A score on its own, as `guardhouse eval score` prints it."""
    spans = [_span(asdict(span)) for span in score.spans]
    return {"status": score.status.value, "value": score.value, "spans": spans, "reason": score.reason}


def parse(data: bytes, source: str) -> Run:
    """The run in a JSON text. Raises RunError naming the field that does not fit."""
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RunError(
            f"{source} is not JSON", fix="give a run.json that `guardhouse eval run` wrote"
        ) from None
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        fix = "give a run.json that `guardhouse eval run` wrote"
        raise RunError(f"{source} is not a {FORMAT} document (format: {found!r:.60})", fix=fix)
    unfit = misfit(document)
    if unfit:
        raise RunError(f"{source}: {unfit}", fix="see docs/reference/run-format.md")
    try:
        run = TypeAdapter(Run).validate_python(_renamed(document))
    except (ValidationError, AttributeError, TypeError, KeyError) as error:
        raise RunError(f"{source}: {_first(error)}", fix="see docs/reference/run-format.md") from None
    unfit = _contradiction(run)
    if unfit:
        raise RunError(f"{source}: {unfit}", fix="see docs/reference/run-format.md")
    return run


def load(path: Path) -> Run:
    """The run in a file. Raises RunError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror})", fix="check the path") from None
    return parse(data, str(path))


def save(run: Run, path: Path) -> None:
    """Writes the run whole or not at all. Raises RunError."""
    write(path, text(run, ascii_only=False, indent=1) + "\n")


def text(run: Run, *, ascii_only: bool = True, indent: int | None = None) -> str:
    """The run as JSON text. Raises RunError when a number in it is not finite."""
    try:
        return json.dumps(dump(run), ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    except ValueError:
        what = f"run {run.id} cannot be written (it holds a number that is not finite)"
        raise RunError(what, fix="look for NaN or Infinity in what the scorers or the index gave") from None


def write(path: Path, content: str) -> None:
    """Writes a text file whole or not at all, with its folders. Raises RunError."""
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(content, "utf-8", errors="backslashreplace")
        draft.replace(path)
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror})"
        raise RunError(what, fix="free space there, or choose another place") from None


def _contradiction(run: Run) -> str:
    """What a run says that cannot be; empty when nothing."""
    if any(rule.margin < 0 or rule.min_effect < 0 for rule in run.gating):
        return "gating: a margin is negative"
    seen: set[tuple[str, int]] = set()
    for item in run.items:
        if (item.id, item.repeat) in seen:
            return f"items: {item.id!r}, repeat {item.repeat}, is listed twice"
        seen.add((item.id, item.repeat))
    return ""


def _span(span: dict[str, Any]) -> dict[str, Any]:
    return {"start": span["start"], "end": span["end"], "class": span["kind"], "evidence": span["evidence"]}


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    for item in document.get("items", ()):
        for score in item.get("scores", {}).values():
            for span in score.get("spans") or ():
                if "class" in span:
                    span["kind"] = span.pop("class")
    return document


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "items do not have the shape of a run"
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
