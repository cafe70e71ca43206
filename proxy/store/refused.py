"""What no database took, in the spool's folder for that: an erasure goes there too, and who asks is told of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from proxy.store.bodies import decode
from proxy.store.late import about, concerns
from proxy.store.spool_seal import Seal

REFUSED = "refused"
"""The folder beside the spool's slots."""
_SEALED = "sealed"
"""Member of a document with what was said before the guardrails, encrypted."""

Document = Mapping[str, Any]


def erase(
    folder: Path | None, key: bytes, erasure: Document, spans: Collection[str], *, held: bool
) -> dict[str, int]:
    """Delete what an erasure means; how many records went, how many a hold kept, and how many nobody can read.

    Args:
        folder: where they are; None: nowhere.
        key: the identity key, under which they are sealed.
        erasure: its row.
        spans: ids of the traces that it takes; for spans of apps, the id of a key, "/" and that of the app's trace.
        held: whether a legal hold is open. Its filter cannot be asked here: then only what belongs to `spans` goes.
    """
    told = {"deleted": 0, "held": 0, "unread": 0}
    for file, document in _records(folder, key):
        if document is None:
            told["unread"] += 1
        elif held and _means(erasure, document, ()) and not _means({**erasure, **_NOBODY}, document, spans):
            told["held"] += 1
        elif _means(erasure, document, spans):
            file.unlink(missing_ok=True)
            told["deleted"] += 1
    return told


def found(
    folder: Path | None, key: bytes, erasure: Document, spans: Collection[str]
) -> Iterator[dict[str, Any]]:
    """What an erasure would mean, without what is encrypted in it; each that nobody can read as None told."""
    for file, document in _records(folder, key):
        if document is None:
            yield {"file": file.name, "document": None}
        elif _means(erasure, document, spans):
            shown = {name: value for name, value in document.items() if name != _SEALED}
            yield {"file": file.name, "document": shown}


_NOBODY = {"kind": "traces"}


def _records(folder: Path | None, key: bytes) -> Iterator[tuple[Path, Document | None]]:
    """Each file with its document; None where it cannot be read. Another process may take files away meanwhile."""
    seal = Seal(key)
    for file in sorted(folder.glob("*")) if folder is not None else ():
        try:
            document = decode(seal.open(file.read_bytes()))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            document = None
        yield file, document if isinstance(document, dict) else None


def _means(erasure: Document, document: Document, spans: Collection[str]) -> bool:
    if document.get("tenant") not in (None, erasure["tenant"]):
        return False
    app = f"{document.get('key_id')}/" if document.get("kind") == "outside_span" else ""
    return any(app + id in spans for id in about(document)) or concerns(erasure, document)
