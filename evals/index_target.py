"""A retrieval index alone as a target: the hits for a case's question are the output, no model is asked."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any, Protocol

from evals.golden import canonical
from evals.run import TargetRef
from evals.types import Case, Hit, Output


class Found(Protocol):
    """What is read of a retriever's hit."""

    doc_id: str
    score: float
    text: str


class Retriever(Protocol):
    """Finds passages for a question, best first."""

    def search(self, query: str, k: int) -> Sequence[Any]:
        """At most k hits with `doc_id`, `score`, `text`, and where known `start` and `end`."""


class IndexTarget:
    """What a retriever finds.

    Args:
        retriever: what searches.
        index: the index's identity, `name@hash`.
        k: hits per question.
    """

    def __init__(self, retriever: Retriever, index: str, k: int) -> None:
        self._retriever, self._index, self._k = retriever, index, k

    @property
    def ref(self) -> TargetRef:
        """As in Target."""
        told = canonical({"kind": "index", "index": self._index, "k": self._k})
        return TargetRef(
            "index", "", "", index=self._index, signature=hashlib.sha256(told.encode()).hexdigest()
        )

    async def probe(self) -> None:
        """An open index can always be searched."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target. What is searched for is the case's question, or what the user said last."""
        question = asked(case)
        if question is None:
            return Output(error="the case asks no question that an index could be searched for")
        started = time.perf_counter()
        hits = await search(self._retriever, question, self._k)
        return Output(hits=hits, latency_ms=round((time.perf_counter() - started) * 1000, 3))

    async def aclose(self) -> None:
        """Nothing to let go of."""


async def search(retriever: Retriever, question: str, k: int) -> tuple[Hit, ...]:
    """The hits for a question, ranked from 1. The event loop goes on meanwhile."""
    found = await asyncio.to_thread(retriever.search, question, k)
    return tuple(_hit(hit, rank) for rank, hit in enumerate(found, start=1))


def asked(case: Case) -> str | None:
    """A case's question: as it stands, or the text that the user said last in its messages; None of a scenario."""
    if case.question is not None:
        return case.question
    said = [message.get("content") for message in case.messages if message.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else None


def _hit(found: Found, rank: int) -> Hit:
    start, end = getattr(found, "start", None), getattr(found, "end", None)
    return Hit(found.doc_id, float(found.score), found.text, rank, start, end)
