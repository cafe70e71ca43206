"""A store full of made-up traces, written in bulk: outcomes, models, teams and words as a busy installation has them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from proxy.store.base import METADATA
from proxy.store.db import Store
from proxy.store.postgresql import be_patient
from proxy.store.tables import FINDING, SPAN, TOOL_CALL
from proxy.store.texts import first_id
from proxy.store.words import tsvector

DAYS = 30
LAST_US = time.time_ns() // 1000
RUN = "a" * 32
"""An agent run of many exchanges, in the midst of the others."""
RUN_STEPS = 5_000
EVERY = 10
"""One exchange in so many has its words indexed."""
GROUP = 20_000
ALIKE = 100_000
"""Findings of one rule and kind, which are one group."""
ALIKE_KIND = ("pii", "PHONE_NUMBER")
_BAD = 100
"""One exchange in so many has findings."""

_MODELS = ("gpt-4o-mini", "gpt-4o", "claude-sonnet", "llama-3-70b", "mistral-large")
_RULES = (("pii", "EMAIL_ADDRESS"), ("pii", "IBAN_CODE"), ("secrets", "AWS_KEY"), ("injection", "INJECTION"))
_WORDS = [
    "order",
    "invoice",
    "customer",
    "refund",
    "policy",
    "delivery",
    "address",
    "account",
    "price",
    "contract",
    "meeting",
    "report",
    "summary",
    "code",
    "function",
    "error",
    "table",
    "query",
    "please",
    "thanks",
    "question",
    "answer",
    "document",
    "version",
    "update",
    "team",
    "project",
    "budget",
]


def spans(count: int, seed: int = 7) -> Iterator[tuple[dict[str, Any], list[Any], list[Any], list[str]]]:
    """Rows of span, finding and tool_call, and the words, of so many exchanges, oldest first."""
    draw = random.Random(seed)
    step = DAYS * 86_400_000_000 // count
    first = LAST_US - step * count
    in_run = range(count // 2, count // 2 + min(RUN_STEPS, count // 4))
    for n in range(count):
        us = first + n * step
        id = f"{us // 1000:012x}7{draw.getrandbits(76):019x}"
        bad = draw.random() < 1 / _BAD
        found = [(n, *draw.choice(_RULES)) for n in range(draw.randint(1, 3))] if bad else []
        found += [(len(found) + n, *ALIKE_KIND) for n in range(_BAD * ALIKE // count + 1 if bad else 0)]
        calls = ["search", "lookup", "send_mail"][: draw.randint(1, 2)] if draw.random() < 0.2 else []
        said = [draw.choice(_WORDS) for _ in range(40)] if n % EVERY == 0 else []
        if said and draw.random() < 0.0002:
            said[3] = "zanzibar"
        yield _span(draw, id, us, found, calls, RUN if n in in_run else None), found, calls, said


def _span(draw: random.Random, id: str, us: int, found: Any, calls: Any, run: str | None) -> dict[str, Any]:
    outcome = "passed"
    if found:
        outcome = draw.choices(("masked", "blocked", "flagged"), (6, 3, 1))[0]
    elif (luck := draw.random()) < 0.02:
        outcome = "failed" if luck < 0.015 else "cancelled"
    values: dict[str, Any] = dict.fromkeys(SPAN.c.keys())
    values |= {
        "id": id, "trace_id": id, "tenant": "default", "key_id": f"key-{draw.randrange(40)}", "started_us": us,
        "duration_us": int(draw.lognormvariate(13.5, 0.8)), "first_token_us": 300_000,
        "path": "/v1/chat/completions", "dialect": "chat", "stream": draw.random() < 0.5,
        "model": draw.choices(_MODELS, (60, 20, 14, 5, 1))[0], "answered_model": "gpt-4o-2024-08-06",
        "deployment": "openai-1", "provider": "openai", "policy": "default@0123456789ab", "outcome": outcome,
        "action": {"masked": "redact", "blocked": "block"}.get(outcome, "allow"), "decided": "allow",
        "flagged": bool(found), "http_status": 400 if outcome == "blocked" else 200, "upstream_called": True,
        "attempts": 1, "tokens_in": draw.randrange(50, 9_000), "tokens_out": draw.randrange(5, 900),
        "rules": _json({rule for _, rule, _ in found}), "entities": _json({kind for *_, kind in found}),
        "findings": len(found), "tool_calls": len(calls), "hits": 0, "preview": "Please look at my order again",
        "detail": '{"usage":{"prompt_tokens":9},"finish_reasons":["stop"],"timings":{"auth":0.1}}',
        "team": f"team-{draw.randrange(12)}", "cost_nanousd": draw.randrange(10_000, 9_000_000),
        "run_id": run or f"{draw.getrandbits(120):032x}", "run_source": "header" if run else "none",
        "config": "0123456789ab", "raw": False,
    }  # fmt: skip
    return values


def _json(names: set[str]) -> str:
    return "[" + ",".join(f'"{name}"' for name in sorted(names)) + "]"


def fill(store: Store, count: int) -> None:
    """Store so many exchanges, in groups of one transaction each."""
    made = spans(count)
    while group := list(islice(made, GROUP)):
        rows = {
            SPAN.name: [tuple(span[column.name] for column in SPAN.c) for span, *_ in group],
            FINDING.name: [_finding(span, *each) for span, found, *_ in group for each in found],
            TOOL_CALL.name: [
                (
                    span["id"],
                    seq,
                    "default",
                    span["started_us"],
                    f"c{seq}-{span['id']}",
                    name,
                    "b",
                    None,
                    "requested",
                )
                for span, _, calls, _ in group
                for seq, name in enumerate(calls)
            ],
        }
        said = [(span, found) for span, *_, found in group if found]
        (_sqlite if store.engine.dialect.name == "sqlite" else _postgresql)(store, rows, said)


def analyse(store: Store) -> None:
    """Tell the database's planner what it has, as it would know of itself after some hours."""
    with store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            be_patient(connection)
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def _finding(span: dict[str, Any], seq: int, rule: str, kind: str) -> tuple[Any, ...]:
    place = ("/messages/0/content", "", 0, 9, 0.9, "redact", "enforce", f"f{seq}", None, None)
    return (span["id"], seq, "default", "input", rule, rule, kind, "input", *place)


def _columns(table: str) -> str:
    """The columns in the order of the classes; an older database has them in another."""
    return ", ".join(f'"{column.name}"' for column in METADATA.tables[table].c)


def _sqlite(store: Store, rows: dict[str, list[Any]], said: list[Any]) -> None:
    with store.begin() as connection:
        for table, values in rows.items():
            if values:
                marks = ",".join("?" * len(values[0]))
                connection.exec_driver_sql(
                    f"INSERT INTO {table} ({_columns(table)}) VALUES ({marks})", values
                )
        texts = [
            (first_id(span["started_us"]), span["id"], "default", " ".join(found)) for span, found in said
        ]
        connection.exec_driver_sql("INSERT INTO span_text VALUES (?, ?, ?, ?)", texts)


def _postgresql(store: Store, rows: dict[str, list[Any]], said: list[Any]) -> None:
    rows = rows | {
        "span_text": [(first_id(s["started_us"]), s["id"], "default", tsvector(found)) for s, found in said]
    }
    connection: Any = store.engine.raw_connection()
    with connection.cursor() as cursor:
        for table, values in rows.items():
            with cursor.copy(f"COPY {table} ({_columns(table)}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
    connection.commit()
    connection.close()
