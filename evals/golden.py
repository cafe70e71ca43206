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
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from evals.errors import GoldenError
from evals.golden_item import Expectation, ItemForm, Relevant, Result
from evals.run import GoldenRef, Quarantined
from evals.types import Case, Expected, ExpectedCall, ExpectedVerdict, Passage, ScriptedResult

ITEMS, MANIFEST, CHANGELOG = "items.jsonl", "manifest.json", "CHANGELOG.md"
SCHEMA = "guardhouse.golden/1"
DRAFT = ".new"
"""What the name of a file ends in while its next content waits to take its place."""

DEEPEST = 100
"""Levels of nesting that are read in JSON."""

Item = dict[str, Any]
"""One line of items.jsonl, as written."""


class Manifest(BaseModel):
    """What manifest.json says. Fields that are not read here are kept when the tool rewrites the file.

    Only the first four are needed to run a set; `guardhouse golden check` asks for the others.
    """

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1)
    version: str = Field(
        validation_alias=AliasChoices("version", "semver"), pattern=r"^\d{1,9}(\.\d{1,9}){2}$"
    )
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    n: int = Field(ge=0)
    items: dict[str, str] = {}
    """Hash by item id, when the manifest lists them: lets an error name the item that changed."""
    form: str = Field(default=SCHEMA, validation_alias="schema", pattern=rf"^{SCHEMA}$")
    lines_sha256: str = ""
    """Hash of items.jsonl, so of what no score depends on too."""
    licence: str = ""
    splits: dict[str, int] = {}
    """Number of items by split."""
    clusters: int | None = None
    """Number of different clusters that are named."""
    label_kinds: list[str] | None = None
    pii_scan: dict[str, Any] | None = None
    created_by: str = ""
    reviewed_by: str = ""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A golden set whose content is what its manifest says."""

    ref: GoldenRef
    cases: tuple[Case, ...]
    """Active cases, ordered by id. One whose quarantine has expired is active again."""
    directory: Path
    quarantined: tuple[Quarantined, ...] = ()
    """What is kept out of runs, ordered by id."""
    expired: tuple[Quarantined, ...] = ()
    """What is run again though nobody lifted its quarantine, ordered by id."""


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


def lines(items: Iterable[Mapping[str, Any]]) -> str:
    """The canonical text of items.jsonl."""
    return "".join(canonical(item) + "\n" for item in items)


def lines_sha256(items: Iterable[Mapping[str, Any]]) -> str:
    """Hash of that text, so of what no score depends on too. Items are ordered by id."""
    return hashlib.sha256(lines(items).encode()).hexdigest()


def load(directory: Path, today: date | None = None) -> GoldenSet:
    """The set in a folder. Raises GoldenError with file, line and field when it is not what it says it is.

    Args:
        directory: the set's folder.
        today: the day by which quarantines are told to have expired; default: today in UTC.
    """
    manifest, items = read_manifest(directory), read_items(directory / ITEMS)
    agree(manifest, items, directory)
    day = today or datetime.now(UTC).date()
    cases = tuple(case(item) for item in items if is_active(item, day))
    if not cases:
        raise GoldenError(
            "the set has no active item", fix="add one with `guardhouse golden add`", file=str(directory)
        )
    held = [item for item in items if item.get("status") == "quarantined"]
    quarantined, expired = (
        tuple(_quarantined(item) for item in held if is_active(item, day) is over) for over in (False, True)
    )
    ref = GoldenRef(manifest.name, manifest.version, manifest.content_sha256, len(cases))
    return GoldenSet(ref, cases, directory, quarantined, expired)


def is_active(item: Mapping[str, Any], today: date) -> bool:
    """Whether an item is run on a day. The last day of a quarantine still belongs to it."""
    until = (item.get("quarantine") or {}).get("until")
    over = until is not None and date.fromisoformat(until) < today
    return item.get("status", "active") == "active" or (item["status"] == "quarantined" and over)


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a set. Raises GoldenError."""
    path = directory / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        fix = "name the folder that holds manifest.json and items.jsonl"
        if (directory / ITEMS).is_file() and (directory / ITEMS).stat().st_size > 0:
            fix = "make one with `guardhouse golden release`"
        raise GoldenError(f"cannot be read ({error.strerror})", fix=fix, file=str(path)) from None
    return parse_manifest(content, str(path))


def parse_manifest(content: bytes, file: str) -> Manifest:
    """The manifest that bytes are. Raises GoldenError with the field."""
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise _malformed(error, file, None) from None
    if unfit := misfit(manifest.model_dump()):
        raise GoldenError(unfit, fix="see docs/reference/golden-format.md", file=file)
    return manifest


def read_items(path: Path) -> list[Item]:
    """The items of a file, ordered by id. Raises GoldenError with line and field."""
    return parse_items(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a file. Raises GoldenError."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise GoldenError(
            f"cannot be read ({error.strerror})", fix="check the path", file=str(path)
        ) from None
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise GoldenError(what, fix="save the file as UTF-8", file=str(path)) from None


def parse_items(text: str, file: str) -> list[Item]:
    """The items of a JSON Lines text, ordered by id. Raises GoldenError with line and field."""
    items, wrong = survey_items(text, file)
    if wrong:
        raise wrong[0]
    return items


def survey_items(text: str, file: str) -> tuple[list[Item], list[GoldenError]]:
    """The well-formed items of a JSON Lines text, ordered by id, and what is wrong with the other lines."""
    items: list[Item] = []
    wrong: list[GoldenError] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            item = _parse(line, file, number)
        except GoldenError as error:
            wrong.append(error)
            continue
        if item["id"] in seen:
            what = f"{item['id']!r} is already on line {seen[item['id']]}"
            fix = "give each item its own id"
            wrong.append(GoldenError(what, fix=fix, file=file, line=number, field="id"))
            continue
        seen[item["id"]] = number
        items.append(item)
    return sorted(items, key=lambda item: str(item["id"])), wrong


def check_item(item: Any, file: str, line: int | None) -> Item:
    """The item itself, once it is known to be well-formed. Raises GoldenError with the field."""
    unfit = misfit(item) or _unwritable(item)
    if unfit:
        raise GoldenError(unfit, fix="see docs/reference/golden-format.md", file=file, line=line)
    try:
        ItemForm.model_validate(item)
    except ValidationError as error:
        raise _malformed(error, file, line) from None
    checked: Item = item
    return checked


def case(item: Item) -> Case:
    """The case that an item describes."""
    model = ItemForm.model_validate(item)
    return Case(
        id=model.id,
        sha256=item_sha256(item),
        question=model.input.question,
        messages=tuple(model.input.messages or ()),
        tools=tuple(model.input.tools),
        turns=tuple(model.input.turns or ()),
        script=tuple(_scripted(entry) for entry in model.input.script),
        variables=model.input.variables,
        expected=_expected(model.expected),
        relevant=tuple(_passage(passage) for passage in model.relevant),
        tags=tuple(model.tags),
        cluster=model.cluster,
        trace=model.provenance.trace,
        subject=model.provenance.subject,
        split=model.split,
        weight=model.weight,
    )


def _quarantined(item: Item) -> Quarantined:
    told = item.get("quarantine") or {}
    return Quarantined(item["id"], told.get("owner", ""), told.get("until", ""), told.get("reason", ""))


def _scripted(entry: Result) -> ScriptedResult:
    text = entry.result if isinstance(entry.result, str) else canonical(entry.result)
    return ScriptedResult(entry.tool, text, entry.arguments)


def _expected(given: Expectation) -> Expected:
    calls, guardrail = given.tool_calls, given.guardrail
    return Expected(
        answer=given.answer,
        aliases=tuple(given.aliases),
        refusal=given.refusal,
        tool_calls=None
        if calls is None
        else tuple(ExpectedCall(call.name, call.arguments) for call in calls),
        guardrail=None if guardrail is None else ExpectedVerdict(guardrail.action, tuple(guardrail.entities)),
        json_schema=given.json_schema,
    )


def _passage(place: Relevant) -> Passage:
    return Passage(
        place.doc_id,
        place.quote,
        place.grade,
        start=place.start,
        end=place.end,
        quote_sha256=place.quote_sha256,
        doc_sha256=place.doc_sha256,
    )


def _unwritable(value: Any) -> str:
    try:
        canonical(value).encode()
    except UnicodeEncodeError:
        return "a text holds half of a surrogate pair, which is no character"
    return ""


def _parse(line: str, file: str, number: int) -> Item:
    try:
        value = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        detail = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise GoldenError(
            f"not JSON: {detail}", fix="write one JSON object a line", file=file, line=number
        ) from None
    return check_item(value, file, number)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each of whose members is there once: of two, a reader would see one and JSON takes the other."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return members


def _malformed(error: ValidationError, file: str, line: int | None) -> GoldenError:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    fix = "see docs/reference/golden-format.md"
    return GoldenError(first["msg"] + more, fix=fix, file=file, line=line, field=where)


def agree(manifest: Manifest, items: list[Item], directory: Path) -> None:
    """Raises GoldenError when the items are not those that the manifest was made of, naming the ones that changed."""
    file = str(directory / ITEMS)
    fix = RESTORE if not (directory / (MANIFEST + DRAFT)).exists() else MEND
    if manifest.n != len(items):
        what = f"the manifest says {manifest.n} items, the file holds {len(items)}"
        raise GoldenError(what, fix=fix, file=file)
    if content_sha256(items) != manifest.content_sha256:
        listed = manifest.items
        changed = [item["id"] for item in items if listed and listed.get(item["id"]) != item_sha256(item)]
        where = f" (changed: {some(changed)})" if changed else ""
        raise GoldenError(f"the content hash is not the one in the manifest{where}", fix=fix, file=file)
    if manifest.lines_sha256 not in ("", lines_sha256(items)):
        what = "labels, weights, states, tags or notes were edited, and no release knows of it"
        raise GoldenError(what, fix=fix, file=file)


def some(names: list[str], most: int = 10) -> str:
    """Names for a message: the first of them, and that there are more."""
    more = f" … ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


RESTORE = "restore the file from git, or make your change count with `guardhouse golden release`"
MEND = "a change of the set was cut off; `guardhouse golden release` ends it"
