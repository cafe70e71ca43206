"""The run document (`guardhouse.run/1`): a Run as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from evals.errors import RunError
from evals.golden import misfit
from evals.run import FORMAT, Run, RunItem
from evals.types import Score


def dump(run: Run) -> dict[str, Any]:
    """The run as JSON values. Spans carry their kind as `class`."""
    return {name: value if parts is None else list(parts) for name, value, parts in _fields(run)}


def score_line(score: Score, name: str = "", version: str = "") -> dict[str, Any]:
    """A score on its own, as `guardhouse eval score` prints it, with who gave it; cause and reply where it is none."""
    spans = [_span(asdict(span)) for span in score.spans]
    told = {"status": score.status.value, "value": score.value, "spans": spans, "reason": score.reason}
    if score.value is None:
        told |= {"cause": score.cause.value, "reply": score.reply}
    seen = {"looked_at": score.looked_at, "coverage": score.coverage}
    return {**told, **seen, "scorer": name, "version": version}


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
        run = _run_adapter().validate_python(_renamed(document))
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
    """Writes the run whole or not at all, one case and one item a line. Raises RunError."""
    write(path, _checked(run, _pieces(run, ascii_only=False)))


def text(run: Run, *, ascii_only: bool = True) -> str:
    """The run as JSON text, one case and one item a line. Raises RunError when a number in it is not finite."""
    return "".join(_checked(run, _pieces(run, ascii_only))).rstrip("\n")


def write(path: Path, content: str | Iterable[str]) -> None:
    """Writes a text file whole or not at all, with its folders, piece by piece. Raises RunError."""
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                for piece in (content,) if isinstance(content, str) else content:
                    file.write(piece)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror})"
        raise RunError(what, fix="free space there, or choose another place") from None


def _fields(run: Run) -> Iterator[tuple[str, Any, Iterator[Any] | None]]:
    """Each field by name, `format` first: its value, or what it is made of where that may be long."""
    yield "format", run.format, None
    for field in fields(run):
        value = getattr(run, field.name)
        if field.name == "items":
            yield field.name, None, map(_item, value)
        elif field.name == "cases":
            yield field.name, None, map(asdict, value)
        elif field.name != "format":
            yield field.name, _plain(value), None


def _pieces(run: Run, ascii_only: bool) -> Iterator[str]:
    """The document's text, never more than one item of it at a time."""
    encode = json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False).encode
    before = "{\n"
    for name, value, parts in _fields(run):
        yield f'{before} "{name}": '
        before = ",\n"
        if parts is None:
            yield encode(value)
            continue
        between = "["
        for part in parts:
            yield f"{between}\n  {encode(part)}"
            between = ","
        yield "[]" if between == "[" else "\n ]"
    yield "\n}\n"


def _checked(run: Run, pieces: Iterator[str]) -> Iterator[str]:
    try:
        yield from pieces
    except ValueError:
        what = f"run {run.id} cannot be written (it holds a number that is not finite)"
        raise RunError(what, fix="look for NaN or Infinity in what the scorers or the index gave") from None


def _item(item: RunItem) -> dict[str, Any]:
    told = _item_adapter().dump_python(item, warnings=False)
    for score in told["scores"].values():
        score["spans"] = [_span(span) for span in score["spans"]]
    plain: dict[str, Any] = told
    return plain


@cache
def _run_adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


@cache
def _item_adapter() -> TypeAdapter[RunItem]:
    return TypeAdapter(RunItem)


def _plain(value: Any) -> Any:
    """A field's value with its dataclasses as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return value


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
