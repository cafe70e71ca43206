"""One door for every format: the file is read, its format told, and its items and notes given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.golden import Item
from evals.importing import deepeval, promptfoo, ragas, tabular
from evals.importing.drafts import QUESTION, Draft, Notes, items
from evals.importing.records import Document, parse

_READERS: dict[str, Callable[[Document, Notes], Iterator[Draft]]] = {
    "promptfoo": promptfoo.drafts,
    "deepeval": deepeval.drafts,
    "ragas": ragas.drafts,
    "csv": tabular.drafts,
}

FORMATS = ("auto", *_READERS)
"""The formats that `read` takes."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave."""

    items: list[dict[str, Any]]
    """Golden items, in the order of the file."""
    notes: list[str]
    """What the items do not say, although the file does: one sentence each, with its rows."""


def read(path: Path, format: str = "auto") -> Imported:
    """The golden items of another tool's file.

    Nothing is fetched and no code is run; `file://` references are followed inside the file's folder.

    Args:
        path: the file.
        format: one of FORMATS; `auto` tells it by content.

    Raises GoldenError with file, line and field when the file is malformed or gives no item.
    """
    if format not in FORMATS:
        raise GoldenError(f"there is no format {format!r}", fix=f"choose from {', '.join(FORMATS)}")
    columns = tabular.COLUMNS | deepeval.SIGNS | ragas.SIGNS
    document = parse(path, None if format == "promptfoo" else columns)
    chosen = _told(document) if format == "auto" else format
    notes = Notes()
    found: list[Item] = items(_READERS[chosen](document, notes), chosen, notes)
    if not found:
        why = "; ".join(notes.told()) or "it holds no tests"
        raise GoldenError(f"gives no item: {why}", fix="see docs/guides/import-golden.md", file=str(path))
    return Imported(found, notes.told())


def _told(document: Document) -> str:
    """The format of a file, by the fields that only its tool writes. Raises GoldenError when none fits."""
    names = document.names()
    if promptfoo.fits(document):
        return "promptfoo"
    if names & {"label", "relevant"} and any(
        isinstance(r.fields.get("input"), dict) for r in document.records
    ):
        what = "holds golden items as they are"
        raise GoldenError(what, fix="add them with --from-json", file=str(document.path))
    if names & ragas.SIGNS or {"question", "reference"} <= names:
        return "ragas"
    if names & deepeval.SIGNS or {"input", "context"} <= names:
        return "deepeval"
    if {name.strip().lower() for name in names} & set(QUESTION):
        return "csv"
    what = f"its format cannot be told by its fields: {', '.join(sorted(names)[:8])}"
    fix = f"name it with --format: {', '.join(FORMATS[1:])}"
    raise GoldenError(what, fix=fix, file=str(document.path))
