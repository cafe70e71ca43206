"""Erasure in golden sets: items made from traces that the proxy erased, found by the receipt that it gave."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.golden import ITEMS, MANIFEST, Item, read_items
from evals.versioning import remove

FORMAT = "guardhouse.erasure/1"


@dataclass(frozen=True, slots=True)
class Erased:
    """What was, or would be, taken out of one set."""

    directory: Path
    ids: tuple[str, ...]
    version: str = ""
    """The set's new version; empty when nothing was written."""


def read_receipt(path: Path) -> dict[str, Any]:
    """The receipt in a file. Raises GoldenError."""
    try:
        receipt = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or "not JSON"
        raise GoldenError(f"cannot be read ({detail})", fix=_FIX, file=str(path)) from None
    if (
        not isinstance(receipt, dict)
        or receipt.get("format") != FORMAT
        or not isinstance(receipt.get("traces"), list)
    ):
        raise GoldenError(f"is not a {FORMAT} document", fix=_FIX, file=str(path))
    return receipt


def items_of(directory: Path, receipt: Mapping[str, Any]) -> Iterator[tuple[Path, list[Item]]]:
    """The items made from a receipt's traces, or from its person, by set; sets without any are left out.

    Looks at the folder and at every folder below it. Raises GoldenError for a set that cannot be read.
    """
    if not directory.is_dir():
        raise GoldenError("is no folder", fix="name a golden set, or a folder of them", file=str(directory))
    traces = frozenset(receipt["traces"])
    subject = receipt.get("subject") if receipt.get("kind") == "user" else None
    for manifest in sorted(directory.rglob(MANIFEST)):
        if not (manifest.parent / ITEMS).is_file():
            continue
        found = [
            item
            for item in read_items(manifest.parent / ITEMS)
            if isinstance(origin := item.get("provenance"), dict)
            and (origin.get("trace") in traces or (subject and origin.get("subject") == subject))
        ]
        if found:
            yield manifest.parent, found


def erase(directory: Path, receipt: Mapping[str, Any]) -> list[Erased]:
    """Take those items out of their sets, each of which gets a new hash and version. Raises GoldenError."""
    erased = []
    for folder, items in items_of(directory, receipt):
        ids = tuple(item["id"] for item in items)
        version, _ = remove(folder, ids, note=f"Erasure {receipt['id']}.")
        erased.append(Erased(folder, ids, version))
    return erased


_FIX = "give the receipt that `guardhouse traces erase` wrote"
