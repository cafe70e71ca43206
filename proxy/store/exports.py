"""An export of traces: which ones, as a filter says, and the two acts that tell of it.

One is kept before the first byte, so no export is untold, however it ends; one after the last, with how many traces
left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement

from guardrails.keyed import keyed_hash
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.filters import EVERYTHING, Filter, where
from proxy.store.reading import documents, matching

_MAY_NAME = ("session", "subject", "text", "tag", "hit", "error")
"""Fields of a filter whose values may name a person or quote a text: of those a hash is told."""


@dataclass(slots=True)
class Export:
    """One export, and how many traces it has given so far."""

    store: Store
    actor: str
    format: str
    filter: Filter = EVERYTHING
    to: str | None = None
    """Where it is sent, for one that is."""
    count: int = 0

    def total(self) -> int:
        """How many traces the filter holds now."""
        return matching(self.store, self._where())

    def begin(self) -> None:
        """Keep that it begins. What cannot be kept must not leave: raises sqlalchemy's errors.

        Raises FilterError for a filter that this store cannot answer.
        """
        self._where()
        self._note("traces.export", {})

    def traces(self) -> Iterator[dict[str, Any]]:
        """The trace documents, newest first."""
        for trace in documents(self.store, self._where(), reader=self.filter.reader):
            self.count += 1
            yield trace

    def end(self, complete: bool) -> None:
        """Keep how it ended."""
        self._note("traces.exported", {"count": self.count, "complete": complete})

    def _where(self) -> list[ColumnElement[bool]]:
        return where(self.filter, self.store.key, search=self.store.search)

    def _note(self, action: str, more: dict[str, Any]) -> None:
        detail = {"filter": spelled(self.filter, self.store.key), "format": self.format, **more}
        detail |= {} if self.to is None else {"to": self.to}
        with self.store.begin() as connection:
            note(connection, Act(self.actor, action, self.format, detail))


def spelled(filter: Filter, key: bytes) -> str:
    """A filter as the audit log may hold it."""
    told = []
    for term in filter.terms:
        if term.field in _MAY_NAME:
            said = repr(term.values).encode("utf-8", "replace")
            term = replace(term, values=((keyed_hash(key, b"filter\0" + said, 8).hex(),),))
        told.append(term)
    return str(Filter(tuple(told)))
