"""Which documents come too late. That they are not stored is tested with erasures."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.store.db import Store
from proxy.store.late import late
from proxy.store.tables_governance import ERASURE
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import app_span

WHOM = "a" * 32
AT = 1_700_000_000_000_000


@pytest.mark.parametrize(
    ("kind", "given", "is_late"),
    [
        ("user", document(masked(subject=WHOM, started_us=AT)), True),
        ("user", document(masked(subject=WHOM, started_us=AT + 1)), False),
        ("user", document(masked(subject="b" * 32, started_us=AT)), False),
        ("user", document(masked(session_id=WHOM, started_us=AT)), False),
        ("session", document(masked(session_id=WHOM, started_us=AT)), True),
        ("value", document(masked(started_us=AT)), True),
        ("traces", document(masked(subject=WHOM, started_us=AT)), False),
        ("user", app_span("1", "tool", subject=WHOM, received_us=AT), True),
        ("user", app_span("1", "tool", subject=WHOM, received_us=AT + 1), False),
        ("user", {"kind": "gap", "tenant": "default", "started_us": AT}, False),
        ("user", {"not": "a document"}, False),
    ],
)
def test_what_began_before_an_erasure_and_is_meant_by_it_is_late(
    store: Store, kind: str, given: dict[str, Any], is_late: bool
) -> None:
    """By person, session or fingerprint; ids say nothing about others."""
    row = {
        "id": "e1", "tenant": "default", "kind": kind, "subject": WHOM, "fingerprints": '["f1"]', "actor": "cli",
        "reason": "", "requested_us": AT, "done_us": AT, "counts": "{}",
    }  # fmt: skip
    with store.begin() as connection:
        assert late(connection, [given]) == set()
        connection.execute(ERASURE.insert(), [row])

        assert late(connection, [given, {**given, "tenant": "elsewhere"}]) == ({0} if is_late else set())
