"""Erasure of a person: `python tests/bench/bench_erase.py [--quick] [--json]`.

Databases of 10,000 traces (`--quick`: 500): chats of five messages that share a system prompt, each with a finding, a
tool call, a hit, a note of a reviewer, feedback and a span of an app; eval runs of 500 items, and a golden set. Erased
is a person with a tenth of the traces, and one with all of them, on SQLite and on PostgreSQL where there is one: first
what the person's word stands in, then the time until the files are written anew and the golden set is rewritten, then
a scan of the files for the person's word, whether every other trace is still whole, and whether the audit log verifies.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from evals import erasing as golden
from proxy.document import document
from proxy.exchange import RetrievalHit, ToolCall, new_id
from proxy.identity import subject_hash
from proxy.store import erasing, erasures, queries
from proxy.store.db import Store, open_store
from proxy.store.tables import ANNOTATION, SPAN
from proxy.store.verify import verify
from tests.bench.report import Row, command
from tests.evals.conftest import item, write_golden
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import app_span, hit
from tests.proxy.store.databases import KEY
from tests.proxy.store.persons import SHARED, found
from tests.proxy.store.schemas import DEFAULT_POSTGRES

GROUP = 200
RUN_ITEMS = 500
BAR_S = 60.0
WORD = "zzadazz"


def fill(store: Store, count: int, mine: int) -> tuple[list[str], list[str]]:
    """Store so many traces, of which some are Ada's; ids of hers, and of the others."""
    ids: tuple[list[str], list[str]] = ([], [])
    for first in range(0, count, GROUP):
        documents: list[dict[str, Any]] = []
        notes = []
        for number in range(first, min(first + GROUP, count)):
            is_hers = number % (count // mine) == 0
            one = _trace(store, number, is_hers)
            ids[not is_hers].append(one["id"])
            word = WORD if is_hers else "others"
            span = app_span(
                f"{number}", "retrieval", trace_id=one["trace_id"], name=word, hits=[hit(1, word)]
            )
            documents += [one, span | {"received_us": one["started_us"]}, _feedback(one, word)]
            notes.append(_note(one, word))
        assert store.write(documents) == []
        with store.begin() as connection:
            connection.execute(ANNOTATION.insert(), notes)
    return ids


def _trace(store: Store, number: int, is_hers: bool) -> dict[str, Any]:
    name = "ada" if is_hers else f"user {number % 100}"
    word = WORD if is_hers else "others"
    history = [
        {"role": role, "content": f"{word} {number} {role} " * 40} for role in ("user", "assistant", "user")
    ]
    return document(
        masked(
            trace_id=new_id(),
            subject=subject_hash(store.key, "default", name),
            safe_request={"model": "small", "messages": [{"role": "system", "content": SHARED}, *history]},
            tool_calls=[ToolCall(f"call_{number}", "search", f'{{"q": "{word}"}}', f"{word} {number}")],
            retrieval=[RetrievalHit(1, f"doc {word}", 1.0, f"{word} read {number % 50}", "request")],
        )
    )


def _feedback(one: dict[str, Any], word: str) -> dict[str, Any]:
    head = {"kind": "feedback", "id": new_id(), "tenant": "default", "key_id": "key-1", "target": one["id"]}
    return {
        **head,
        "name": "user",
        "value": 1.0,
        "comment": f"{word} is happy",
        "created_us": one["started_us"],
    }


def _note(one: dict[str, Any], word: str) -> dict[str, Any]:
    head = {"id": new_id(), "tenant": "default", "span_id": one["id"], "finding": None, "verdict": "pass"}
    return {**head, "note": f"{word} seems fine", "author": "rev", "created_us": 1, "supersedes": None}


def _runs(store: Store, hers: Sequence[str], others: Sequence[str]) -> int:
    """Runs in which every fifth trace is an item's; how many of the items are hers."""
    some = [*((id, WORD) for id in hers[::5]), *((id, "others") for id in others[::5])]
    for first in range(0, len(some), RUN_ITEMS):
        items = [
            {"id": f"i{n}", "sha256": "", "repeat": 0, "scores": {}, "output": {"text": word, "trace_id": id}}
            for n, (id, word) in enumerate(some[first : first + RUN_ITEMS])
        ]
        head = {"format": "guardhouse.run/1", "id": new_id(), "created_at": "", "suite": "s", "golden": {}}
        queries.save_run(
            store, {**head, "summary": {}, "gate": {"verdict": "none"}, "items": items, "cases": []}
        )
    return len(hers[::5])


def measured(kind: str, store: Store, folder: Path, count: int, mine: int) -> list[Row]:
    """The figures of one erasure."""
    hers, others = fill(store, count, mine)
    items = _runs(store, hers, others)
    made = [item(f"c{n}", provenance={"trace": id}) for n, id in enumerate((*hers[::20], *others[::20]))]
    directory = write_golden(folder / "golden", [*made, item("free")])
    [before] = found(store, WORD.encode())
    began = time.perf_counter()
    which = erasures.meant(store, erasures.Who("user", ("ada",)))
    id = erasures.request(store, which, erasures.Asked("bench", "measured"))
    receipt = erasing.erase(store, id)
    [gone] = golden.erase(directory, receipt)
    spent = time.perf_counter() - began
    while not receipt["rewritten"]:
        receipt = erasing.erase(store, id)
    [after] = found(store, WORD.encode())
    kept = {queries.get_trace(store, id)["content"] for id in others[:: max(1, len(others) // 500)]}  # type: ignore[index]
    with store.read() as connection:
        left = set(connection.execute(select(SPAN.c.id)).scalars())
    whole = left == set(others) and kept <= {"kept"}
    exact = receipt["rows"]["span"] == len(hers) and receipt["rows"]["run_item"] == items
    told = f"{kind}, {mine:,} of {count:,} traces"
    return [
        Row(f"{told}: time until nothing is left", spent, "s", BAR_S, note=f"{len(gone.ids)} golden items"),
        Row(f"{told}: her word in the files before", before, bar=1, least=True, must=True),
        Row(f"{told}: after", after, bar=0, must=True),
        Row(
            f"{told}: the audit log verifies", float(verify(store, None).sound), bar=1, least=True, must=True
        ),
        Row(
            f"{told}: rows erased as counted, others whole",
            float(whole and exact),
            bar=1,
            least=True,
            must=True,
        ),
    ]


@contextmanager
def postgresql() -> Iterator[Store | None]:
    """A store in a schema of its own; None where no server answers."""
    url = make_url(os.environ.get("GUARDHOUSE_TEST_POSTGRES_URL", DEFAULT_POSTGRES))
    schema = f"bench_{new_id()}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except SQLAlchemyError:
        yield None
        return
    own = url.update_query_dict({"options": f"-csearch_path={schema}"})
    store = open_store(own.render_as_string(hide_password=False), KEY)
    try:
        yield store
    finally:
        store.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    count = 500 if quick else 10_000
    rows: list[Row] = []
    for mine in (count // 10, count):
        with tempfile.TemporaryDirectory() as name:
            store = open_store(f"sqlite:///{name}/traces.sqlite3", KEY)
            rows += measured("SQLite", store, Path(name), count, mine)
            store.close()
        with tempfile.TemporaryDirectory() as name, postgresql() as other:
            if other is not None:
                rows += measured("PostgreSQL", other, Path(name), count, mine)
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
