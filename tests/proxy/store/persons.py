"""Two people of whom everything is stored that can be, and the bytes of a database's files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from guardrails.redact import fingerprint
from guardrails.types import Verdict
from proxy.document import document
from proxy.exchange import Exchange, RetrievalHit, ToolCall, new_id
from proxy.identity import session_hash, subject_hash
from proxy.store import audit, queries, reviews
from proxy.store.db import Store
from proxy.store.late import patient
from proxy.store.tables_governance import REVEAL
from tests.proxy.exchanges import finding, masked
from tests.proxy.store.app_documents import app_span, hit

SHARED = "You are a helpful assistant of the shop. " * 60
"""A system prompt that everybody's requests have."""


@dataclass
class Person:
    """Somebody, and what is stored of them."""

    name: str
    traces: list[Exchange] = field(default_factory=list)
    run: str = ""

    @property
    def word(self) -> bytes:
        """Stands in everything that this person said, and in nothing else."""
        return f"zz{self.name}zz".encode()


def person(store: Store, name: str, count: int = 3, **over: Any) -> Person:
    """Somebody of whom traces, hits, tool calls, notes, feedback, spans of an app, reveals and a run are stored."""
    made, value = Person(name), over.pop("value", None)
    word = made.word.decode()
    for number in range(count):
        trace = f"{new_id()}"
        made.traces.append(
            masked(
                trace_id=trace,
                subject=subject_hash(store.key, "default", name),
                session_id=session_hash(store.key, "default", f"session of {name}"),
                safe_request={
                    "model": "small",
                    "messages": [
                        {"role": "system", "content": SHARED},
                        {"role": "user", "content": f"{word} asks {number} " * 200},
                    ],
                },
                tool_calls=[ToolCall(f"call_{word}", f"tool_{word}", "{}", f"{word} result")],
                retrieval=[RetrievalHit(1, f"doc_{word}", 1.0, f"{word} read", "request")],
                **over,
            )
        )
        if value is not None:
            told = fingerprint(store.key, "PHONE_NUMBER", value)
            made.traces[-1].input = Verdict(
                findings=(finding(5, 9, entity="PHONE_NUMBER", fingerprint=told),)
            )
    now = time.time_ns() // 1000
    spans = [
        app_span(
            f"{number}",
            "retrieval",
            trace_id=one.trace_id,
            name=f"span {word}",
            hits=[hit(1, word)],
            detail={"query": word},
            received_us=now,
        )
        for number, one in enumerate(made.traces)
    ]
    alone = app_span(
        "ff",
        "tool",
        received_us=now,
        trace_id=new_id(),
        name=f"alone {word}",
        subject=subject_hash(store.key, "default", name),
    )
    store.write([*(document(one) for one in made.traces), *spans, alone])
    store.write([_feedback(one, word) for one in made.traces])
    for one in made.traces:
        reviews.add_review(store, one.id, reviews.NewReview("pass", "rev", f"{word} seems fine"))
        _reveal(store, one.id, word)
    made.run = run(store, [one.id for one in made.traces], word)
    return made


def _feedback(one: Exchange, word: str) -> dict[str, Any]:
    return {
        "kind": "feedback",
        "id": new_id(),
        "tenant": "default",
        "key_id": "key-1",
        "target": one.id,
        "name": f"user {word}",
        "value": 1.0,
        "comment": f"{word} is happy",
        "created_us": one.started_us + 1,
    }


def _reveal(store: Store, span: str, word: str) -> None:
    row = {"id": new_id(), "tenant": "default", "span_id": span, "part": "request", "actor": "rev"}
    row |= {"reason": f"{word} called", "created_us": 1, "expires_us": 2}
    with store.begin() as connection:
        connection.execute(REVEAL.insert(), [row])
        audit.note(connection, audit.Act("rev", "trace.reveal", span, {"reason": f"{word} called"}))


def run(store: Store, traces: list[str], word: str) -> str:
    """A run with an item for each trace, one of a case made from the first, and one of nobody's."""
    item = {"sha256": "0" * 64, "repeat": 0, "scores": {}}
    output = {"text": word, "tool_calls": [], "hits": None, "latency_ms": 1.0}
    items = [{"id": f"i{n}", **item, "output": {**output, "trace_id": id}} for n, id in enumerate(traces)]
    items += [{"id": "made", **item, "output": {**output, "trace_id": "0" * 32}}]
    items += [{"id": "free", **item, "output": {**output, "text": "nobody", "trace_id": "f" * 32}}]
    case = {"sha256": "0" * 64, "tags": [], "cluster": ""}
    cases = [{"id": "made", "question": f"{word}?", "expected": word, "trace": traces[0], **case}]
    cases += [{"id": "free", "question": "Who?", "expected": "nobody", **case}]
    document = {
        "format": "guardhouse.run/1", "id": new_id(), "created_at": "2026-01-01T00:00:00Z", "suite": "s",
        "golden": {}, "summary": {}, "gate": {"verdict": "none"}, "items": items, "cases": cases,
    }  # fmt: skip
    queries.save_run(store, document)
    return document["id"]


def shadow(store: Store, of: Exchange) -> Exchange:
    """A copy of an exchange that another model answered."""
    copy = replace(of, id=new_id(), shadow_of=of.id)
    store.write([document(copy)])
    return copy


def files(store: Store) -> Iterator[bytes]:
    """The bytes of the database's files: tables, indexes and SQLite's log."""
    if store.engine.dialect.name == "sqlite":
        for name in Path(str(store.engine.url.database)).parent.glob("*.sqlite3*"):
            yield name.read_bytes()
        return
    own = (
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i')"
        " UNION SELECT pg_relation_filepath(reltoastrelid) FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND reltoastrelid <> 0"
    )
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        patient(connection)
        connection.execute(text("CHECKPOINT"))
        root = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        paths = [root / path for path in connection.execute(text(own)).scalars() if path is not None]
    try:
        yield from [path.read_bytes() for path in paths]
    except OSError:
        pytest.skip("the files of PostgreSQL cannot be read by this user")


def found(store: Store, *words: bytes) -> list[int]:
    """How often each word stands in the database's files."""
    every = [*files(store)]
    return [sum(data.count(word) for data in every) for word in words]
