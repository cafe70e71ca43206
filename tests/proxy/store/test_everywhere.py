"""A text is found wherever it is stored, encrypted or not."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import RetrievalHit, ToolCall
from proxy.store.db import Store
from proxy.store.everywhere import spans_saying
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import TRACE, app_span

WORD = 'Gräfin "Ada" 50%_'


@pytest.mark.parametrize(
    "over",
    [
        {"safe_request": {"messages": [{"role": "user", "content": f"I am {WORD}."}]}},
        {"safe_response": {"choices": [{"message": {"content": f"{WORD * 500}"}}]}},
        {"safe_request": {"tools": [{"arguments": f'{{"name": "{WORD}"}}'.replace('"Ada"', '\\"Ada\\"')}]}},
        {"tool_calls": [ToolCall("c", "t", WORD, None)]},
        {"retrieval": [RetrievalHit(1, "d", None, WORD)]},
    ],
)
def test_a_text_is_found_in_everything_that_an_exchange_said(store: Store, over: dict[str, Any]) -> None:
    """In any case of its letters, and as JSON spells it; wildcards mean themselves."""
    said, other = masked(**over), masked("50 % off")
    store.write([document(said), document(other)])

    assert spans_saying(store, "default", [WORD.upper().replace("Ä", "ä")]) == {said.id}
    assert spans_saying(store, "elsewhere", [WORD]) == set()
    assert spans_saying(store, "default", [" "]) == set()


def test_what_an_app_told_of_a_trace_finds_the_trace(store: Store) -> None:
    """The span's own id comes along."""
    asked, span = masked(trace_id=TRACE), app_span("1", "tool", detail={"query": WORD})
    store.write([document(asked), span])

    assert asked.id in spans_saying(store, "default", [WORD])
