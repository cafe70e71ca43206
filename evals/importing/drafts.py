"""What becomes of a record: a draft, and of all drafts of a file golden items with stable ids, and notes."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.errors import GoldenError
from evals.golden import Item, canonical, check_item
from evals.importing.records import Record, unfit

QUESTION = (
    "question",
    "query",
    "user_input",
    "input",
    "user_query",
    "user_question",
    "prompt",
    "message",
    "text",
)
"""Names under which files hold what the user asks, the likeliest first."""

MOST_ROWS_TOLD = 5
DEEPEST_CELL = 20
"""Levels of brackets in a cell that holds a list."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(slots=True)
class Notes:
    """What an import has to say: each thing once, with the rows that it is true of."""

    _rows: dict[str, list[int]] = field(default_factory=dict)

    def add(self, what: str, record: Record | None = None) -> None:
        """One more row of which something is true; without a record it is true of the file."""
        rows = self._rows.setdefault(what, [])
        if record is not None and record.number not in rows[-1:]:
            rows.append(record.number)

    def told(self) -> list[str]:
        """The notes in the order in which they came up."""
        return [f"{what}{_rows(rows)}" for what, rows in self._rows.items()]


@dataclass(slots=True)
class Draft:
    """What a record says, in the words of golden items. Empty members say nothing."""

    record: Record
    input: dict[str, Any]
    expected: dict[str, Any] = field(default_factory=dict)
    relevant: list[dict[str, Any]] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    """Passages that answer the question, of documents that the file does not name."""
    criteria: list[str] = field(default_factory=list)
    """What a judge should look at, in words; no scorer reads it."""
    id: str = ""
    tags: list[str] = field(default_factory=list)
    cluster: str = ""
    split: str = ""
    weight: float | None = None
    note: str = ""
    synthetic: bool = False
    source: dict[str, Any] = field(default_factory=dict)


def items(drafts: Iterable[Draft], format: str, notes: Notes) -> list[Item]:
    """The golden items of a file's drafts, in order; a record that repeats another is left out with a note.

    An id that the file gives is kept. Others are made from a hash of the input, so that a file that is
    imported again, or has a corrected answer, gives the same ids. Raises GoldenError for ids that cannot be kept.
    """
    found: dict[str, Item] = {}
    rows: dict[str, Record] = {}
    for draft in drafts:
        name = _given(draft, rows) or _derived(draft, format, found)
        item = check_item(_item(draft, name, format), draft.record.file, draft.record.line)
        if name in found:
            notes.add(f"repeats row {rows[name].number}, left out", draft.record)
            continue
        if not (draft.expected or draft.relevant or draft.context or draft.criteria):
            notes.add("expects nothing: say what a good answer is", draft.record)
        found[name], rows[name] = item, draft.record
    return list(found.values())


def list_of(record: Record, name: str, separator: str = "") -> list[Any]:
    """A field that holds a list: as it is, or in a cell as JSON, as Python prints it, or parted by `separator`.

    Raises GoldenError when it is none of them.
    """
    value = record.fields.get(name)
    if value is None or isinstance(value, list):
        return value or []
    if not isinstance(value, str):
        raise record.error("is not a list", name)
    cell = value.strip()
    if cell.startswith("["):
        return _printed(record, name, cell)
    if separator:
        return [part.strip() for part in cell.split(separator) if part.strip()]
    return [cell] if cell else []


def texts_of(record: Record, name: str, separator: str = "") -> list[str]:
    """A field that holds a list of texts, without blank ones. Raises GoldenError."""
    found = list_of(record, name, separator)
    for each in found:
        if isinstance(each, bool) or not isinstance(each, str | int | float):
            raise record.error("holds what is not a text", name)
    return [str(each).strip() for each in found if str(each).strip()]


def leftover(records: Sequence[Record], known: Iterable[str], notes: Notes) -> None:
    """A note for every field that an import does not know, where it says something."""
    taken = set(known)
    for record in records:
        for name, value in record.fields.items():
            if name not in taken and value not in (None, "", [], {}):
                notes.add(f"{name!r} has no place in an item, not imported", record)


def _printed(record: Record, name: str, cell: str) -> list[Any]:
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        value = _literal(cell)
    if not isinstance(value, list):
        raise record.error("is not a list as JSON or Python writes it", name)
    if why := unfit(value):
        raise record.error(why, name)
    return value


def _literal(cell: str) -> Any:
    """The value of a Python literal; None when it is none, or not as Python prints it.

    Arrays that numpy prints look like lists without commas, whose texts Python would join into one.
    """
    if _depth(cell) > DEEPEST_CELL:
        return None
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if _squeezed(repr(value)) == _squeezed(cell) else None


def _depth(cell: str) -> int:
    deepest = depth = 0
    for character in cell:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _given(draft: Draft, rows: dict[str, Record]) -> str:
    if not draft.id:
        return ""
    if not _ID.fullmatch(draft.id):
        fix = "use letters, digits, `.`, `_` and `-`, at most 200, or leave it out to get one"
        raise draft.record.error(f"{draft.id[:60]!r} is no id", "id", fix)
    if draft.id in rows:
        what = f"{draft.id!r} is already the id of row {rows[draft.id].number}"
        raise draft.record.error(what, "id", "give each its own id")
    return draft.id


def _derived(draft: Draft, format: str, taken: dict[str, Item]) -> str:
    """An id from the input; where another expectation has it already, from the whole content."""
    name = f"{format}-{_short(draft.input)}"
    other = taken.get(name)
    if other is None or _content(other) == _content(_item(draft, name, format)):
        return name
    return f"{name}-{_short(_content(_item(draft, name, format)))[:6]}"


def _content(item: Item) -> Any:
    return [item.get(name) for name in ("input", "expected", "relevant", "context", "criteria")]


def _short(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:12]


def _item(draft: Draft, name: str, format: str) -> Item:
    if not any(draft.input.get(kind) for kind in ("question", "messages", "turns")):
        raise GoldenError("asks nothing", file=draft.record.file, line=draft.record.line)
    item: Item = {
        "id": name,
        "input": draft.input,
        "label": {"by": "import", "kind": "synthetic" if draft.synthetic else "human"},
        "source": {
            "format": format,
            "file": draft.record.file.replace("\\", "/").rpartition("/")[2],
            "row": draft.record.number,
            **draft.source,
        },
        "status": "active",
    }
    more = {
        "expected": draft.expected,
        "relevant": draft.relevant,
        "context": draft.context,
        "criteria": draft.criteria,
        "tags": list(dict.fromkeys(draft.tags)),
        "cluster": draft.cluster,
        "split": draft.split,
        "weight": draft.weight,
        "note": draft.note,
    }
    return item | {key: value for key, value in more.items() if value not in (None, "", [], {})}


def _rows(rows: Sequence[int]) -> str:
    if not rows:
        return ""
    told = ", ".join(str(row) for row in rows[:MOST_ROWS_TOLD])
    more = f" and {len(rows) - MOST_ROWS_TOLD} more" if len(rows) > MOST_ROWS_TOLD else ""
    return f" ({'row' if len(rows) == 1 else 'rows'} {told}{more})"
