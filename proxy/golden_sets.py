"""The golden sets beside the configuration, as the pages show them: read as they are, within bounds, changed by nobody.

They change through git alone. What a file holds is somebody's text: any shape, and never trusted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_SETS = 100
MOST_BYTES = 16 << 20
"""Bytes of one file that are read."""
_MANIFEST, _ITEMS, _CHANGELOG = "manifest.json", "items.jsonl", "CHANGELOG.md"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a set."""

    id: str
    sha256: str
    text: str
    """What is asked, in short."""
    expected: str
    tags: tuple[str, ...]
    status: str
    trace: str
    """Id of the trace that it was; empty for none."""
    subject: bool
    """Whether it is known which person the trace was of."""
    by: str
    at: str
    kind: str
    policy: str


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A folder with a manifest."""

    name: str
    folder: str
    """Below the configured folder."""
    version: str
    parent: str
    """Version before this one; empty for the first."""
    n: int
    licence: str
    content_sha256: str
    scan: Mapping[str, Any]
    """What the manifest says of its scan for personal data."""
    problem: str = ""
    """What is wrong with its files; empty when nothing is."""


def sets(folder: Path | None) -> list[GoldenSet]:
    """The sets in a folder and in the folders right below it, by name."""
    if folder is None or not folder.is_dir():
        return []
    root = folder.resolve()
    found: list[GoldenSet] = []
    for place in sorted([root, *root.iterdir()])[: 10 * MOST_SETS]:
        # A link that leads out of the folder shows nothing of elsewhere.
        if place.is_dir() and place.resolve().is_relative_to(root) and (place / _MANIFEST).is_file():
            found.append(_set(root, place))
        if len(found) == MOST_SETS:
            break
    return found


def items(folder: Path, of: GoldenSet) -> tuple[list[Item], str]:
    """The items of a set, and what is wrong with the file; empty when nothing is."""
    text, problem = _read(folder.resolve(), folder.resolve() / of.folder / _ITEMS)
    found: list[Item] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            return found, f"line {number} of {_ITEMS} is no JSON object"
        found.append(_item(told))
    return found, problem


def changelog(folder: Path, of: GoldenSet) -> str:
    """What changed, version by version; empty where nothing is written."""
    return _read(folder.resolve(), folder.resolve() / of.folder / _CHANGELOG)[0]


def _set(root: Path, place: Path) -> GoldenSet:
    text, problem = _read(root, place / _MANIFEST)
    try:
        told = json.loads(text or "{}")
    except (ValueError, RecursionError):
        told, problem = {}, f"{_MANIFEST} is no JSON"
    told = told if isinstance(told, dict) else {}
    parent = told.get("parent")
    scan = told.get("pii_scan")
    n = told.get("n")
    return GoldenSet(
        name=_text(told.get("name")) or place.name,
        folder=str(place.relative_to(root)),
        version=_text(told.get("version") or told.get("semver")),
        parent=_text(parent.get("version")) if isinstance(parent, dict) else "",
        n=n if isinstance(n, int) else 0,
        licence=_text(told.get("licence")),
        content_sha256=_text(told.get("content_sha256")),
        scan=scan if isinstance(scan, dict) else {},
        problem=problem,
    )


def _item(told: Mapping[str, Any]) -> Item:
    given, expected = _dict(told.get("input")), _dict(told.get("expected"))
    label, origin = _dict(told.get("label")), _dict(told.get("provenance"))
    scored = {"input": told.get("input"), "expected": expected, "relevant": told.get("relevant", [])}
    canonical = json.dumps(scored, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    tags = told.get("tags")
    return Item(
        id=_text(told.get("id")),
        sha256=hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest(),
        text=_asked(given),
        expected=_wanted(expected),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        status=_text(told.get("status")) or "active",
        trace=_text(origin.get("trace")),
        subject=bool(origin.get("subject")),
        by=_text(label.get("by")),
        at=_text(label.get("at")),
        kind=_text(label.get("kind")),
        policy=_text(origin.get("policy")),
    )


def _asked(given: Mapping[str, Any]) -> str:
    if question := _text(given.get("question")):
        return question
    messages = given.get("messages")
    said = [_dict(message) for message in messages] if isinstance(messages, list) else []
    asked = [_text(message.get("content")) for message in said if message.get("role") == "user"]
    return next((text for text in reversed(asked) if text), "")


def _wanted(expected: Mapping[str, Any]) -> str:
    if guardrail := _dict(expected.get("guardrail")):
        entities = guardrail.get("entities")
        kinds = [kind for kind in entities if isinstance(kind, str)] if isinstance(entities, list) else []
        return f"{_text(guardrail.get('action'))} {' '.join(kinds)}".strip()
    if expected.get("refusal") is True:
        return "does not know"
    return _text(expected.get("answer")) or ("calls of tools" if "tool_calls" in expected else "")


def _read(root: Path, path: Path) -> tuple[str, str]:
    """A file's text, and what is wrong with it. Nothing outside of the folder is read."""
    try:
        if not path.resolve().is_relative_to(root):
            return "", f"{path.name} is a link that leads out of the folder"
        if not path.is_file():
            return "", f"{path.name} is missing"
        if path.stat().st_size > MOST_BYTES:
            return "", f"{path.name} is over {MOST_BYTES} bytes"
        return path.read_text("utf-8"), ""
    except UnicodeDecodeError:
        return "", f"{path.name} is not UTF-8"
    except OSError as error:
        return "", f"{path.name} cannot be read ({error.strerror})"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
