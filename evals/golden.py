"""Golden sets on disk: read, checked against their manifest, turned into cases.

A set is a folder with `items.jsonl` (one canonical-JSON object a line, sorted by id), `manifest.json` and
`CHANGELOG.md`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from evals.errors import GoldenError
from evals.types import Case, Expected, ExpectedCall, ExpectedVerdict, GoldenRef, Passage

ITEMS, MANIFEST, CHANGELOG = "items.jsonl", "manifest.json", "CHANGELOG.md"

DEEPEST = 100
"""Levels of nesting that are read in JSON."""

Item = dict[str, Any]
"""One line of items.jsonl, as written."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Input(_Strict):
    question: str | None = Field(default=None, min_length=1)
    messages: list[dict[str, Any]] | None = Field(default=None, min_length=1)
    tools: list[dict[str, Any]] = []
    variables: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of(self) -> _Input:
        if (self.question is None) == (self.messages is None):
            raise ValueError("give either `question` or `messages`")
        for position, message in enumerate(self.messages or []):
            if not isinstance(message.get("role"), str):
                raise ValueError(f"messages[{position}] has no role")
        return self


class _ToolCall(_Strict):
    name: str = Field(min_length=1)
    arguments: dict[str, Any] = {}


class _Guardrail(_Strict):
    action: Literal["allow", "flag", "pseudonymize", "redact", "block"]
    entities: list[str] = []


class _Expected(_Strict):
    answer: str | None = Field(default=None, min_length=1)
    aliases: list[str] = []
    refusal: bool | None = None
    tool_calls: list[_ToolCall] | None = None
    guardrail: _Guardrail | None = None


class _Relevant(_Strict):
    doc_id: str = Field(min_length=1)
    quote: str = ""
    grade: int = Field(default=1, ge=0)


class _Item(BaseModel):
    """Extra fields (source, weight, lineage) are kept in the file and not read here."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    input: _Input
    expected: _Expected = _Expected()
    relevant: list[_Relevant] = []
    tags: list[str] = []
    cluster: str = ""
    status: Literal["active", "quarantined", "retired"] = "active"


class Manifest(BaseModel):
    """What manifest.json says. Fields that are not read here are kept when the tool rewrites the file."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1)
    version: str = Field(validation_alias=AliasChoices("version", "semver"), pattern=r"^\d+\.\d+\.\d+$")
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    n: int = Field(ge=0)
    items: dict[str, str] = {}
    """Hash by item id, when the manifest lists them: lets an error name the item that changed."""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A golden set whose content is what its manifest says."""

    ref: GoldenRef
    cases: tuple[Case, ...]
    """Active cases, ordered by id."""
    directory: Path


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, not escaped to ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def misfit(value: Any) -> str:
    """Why a parsed JSON value cannot be used: a number that is not finite, or deep nesting; else empty."""
    waiting = [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        if depth > DEEPEST:
            return f"nested deeper than {DEEPEST} levels"
        if isinstance(found, dict):
            waiting.extend((child, depth + 1) for child in found.values())
        elif isinstance(found, list):
            waiting.extend((child, depth + 1) for child in found)
        elif isinstance(found, float) and not math.isfinite(found):
            return "a number is not finite"
    return ""


def item_sha256(item: Mapping[str, Any]) -> str:
    """Hash of what an item's scores depend on: input, expected, relevant."""
    scored = {
        "input": item["input"],
        "expected": item.get("expected", {}),
        "relevant": item.get("relevant", []),
    }
    return hashlib.sha256(canonical(scored).encode()).hexdigest()


def content_sha256(items: Iterable[Mapping[str, Any]]) -> str:
    """Hash of a whole set: its `id:hash` lines, sorted by id."""
    ordered = sorted(items, key=lambda item: str(item["id"]))
    return hashlib.sha256(
        "\n".join(f"{item['id']}:{item_sha256(item)}" for item in ordered).encode()
    ).hexdigest()


def load(directory: Path) -> GoldenSet:
    """The set in a folder. Raises GoldenError with file, line and field when it is not what it says it is."""
    manifest, items = read_manifest(directory), read_items(directory / ITEMS)
    _agree(manifest, items, directory)
    cases = tuple(case(item) for item in items if item.get("status", "active") == "active")
    if not cases:
        raise GoldenError(
            "the set has no active item", fix="add one with `guardhouse golden add`", file=str(directory)
        )
    ref = GoldenRef(manifest.name, manifest.version, manifest.content_sha256, len(cases))
    return GoldenSet(ref, cases, directory)


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a set. Raises GoldenError."""
    path = directory / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        fix = "name the folder that holds manifest.json and items.jsonl"
        raise GoldenError(f"cannot be read ({error.strerror})", fix=fix, file=str(path)) from None
    except ValidationError as error:
        raise _malformed(error, str(path), None) from None


def read_items(path: Path) -> list[Item]:
    """The items of a file, ordered by id. Raises GoldenError with line and field."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise GoldenError(
            f"cannot be read ({error.strerror})", fix="check the path", file=str(path)
        ) from None
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise GoldenError(what, fix="save the file as UTF-8", file=str(path)) from None
    return parse_items(text, str(path))


def parse_items(text: str, file: str) -> list[Item]:
    """The items of a JSON Lines text, ordered by id. Raises GoldenError with line and field."""
    items: list[Item] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        item = _parse(line, file, number)
        if item["id"] in seen:
            what = f"{item['id']!r} is already on line {seen[item['id']]}"
            raise GoldenError(what, fix="give each item its own id", file=file, line=number, field="id")
        seen[item["id"]] = number
        items.append(item)
    return sorted(items, key=lambda item: str(item["id"]))


def check_item(item: Any, file: str, line: int | None) -> Item:
    """The item itself, once it is known to be well-formed. Raises GoldenError with the field."""
    unfit = misfit(item)
    if unfit:
        raise GoldenError(unfit, fix="see docs/reference/golden-format.md", file=file, line=line)
    try:
        _Item.model_validate(item)
    except ValidationError as error:
        raise _malformed(error, file, line) from None
    checked: Item = item
    return checked


def case(item: Item) -> Case:
    """The case that an item describes."""
    model = _Item.model_validate(item)
    expected = model.expected
    calls = expected.tool_calls
    guardrail = expected.guardrail
    return Case(
        id=model.id,
        sha256=item_sha256(item),
        question=model.input.question,
        messages=tuple(model.input.messages or ()),
        tools=tuple(model.input.tools),
        variables=model.input.variables,
        expected=Expected(
            answer=expected.answer,
            aliases=tuple(expected.aliases),
            refusal=expected.refusal,
            tool_calls=None
            if calls is None
            else tuple(ExpectedCall(call.name, call.arguments) for call in calls),
            guardrail=None
            if guardrail is None
            else ExpectedVerdict(guardrail.action, tuple(guardrail.entities)),
        ),
        relevant=tuple(Passage(passage.doc_id, passage.quote, passage.grade) for passage in model.relevant),
        tags=tuple(model.tags),
        cluster=model.cluster,
    )


def _parse(line: str, file: str, number: int) -> Item:
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        detail = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise GoldenError(
            f"not JSON: {detail}", fix="write one JSON object a line", file=file, line=number
        ) from None
    return check_item(value, file, number)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _malformed(error: ValidationError, file: str, line: int | None) -> GoldenError:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    fix = "see docs/reference/golden-format.md"
    return GoldenError(first["msg"] + more, fix=fix, file=file, line=line, field=where)


def _agree(manifest: Manifest, items: list[Item], directory: Path) -> None:
    if manifest.n != len(items):
        what = f"the manifest says {manifest.n} items, the file holds {len(items)}"
        raise GoldenError(what, fix=_RESTORE, file=str(directory / ITEMS))
    if content_sha256(items) == manifest.content_sha256:
        return
    listed = manifest.items
    changed = [item["id"] for item in items if listed and listed.get(item["id"]) != item_sha256(item)]
    where = f" Changed: {', '.join(changed[:10])}{' …' if len(changed) > 10 else ''}." if changed else ""
    what = f"the content hash is not the one in the manifest.{where}"
    raise GoldenError(what, fix=_RESTORE, file=str(directory / ITEMS))


_RESTORE = "restore the file from git, and make changes with `guardhouse golden add`, which re-hashes the set"
