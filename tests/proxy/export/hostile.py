"""Traces with texts that somebody wrote to break whoever reads them, for every format."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.proxy.store.test_rollups import NOON

TEXTS = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b\ufeff",
    "nul \0 half \ud800 pair \U0001f600 end \udfff",
    '=HYPERLINK("http://evil.example","x")',
    "</script><script>alert(1)</script>\r\n\u2028\u2029",
    "../../etc/passwd",
    '"},{"a":"',
    "",
)
texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> dict[str, Any]:
    """What `trace` makes a document of, as it might be recorded: hostile in every text that is free."""
    text = draw(texts)
    call = {
        "call_id": text,
        "name": text,
        "arguments": draw(texts),
        "result": draw(texts),
        "state": "answered",
    }
    hit = {"rank": 1, "doc_id": draw(texts), "score": 0.5, "text": draw(texts), "source": "inline"}
    messages = [
        {"role": draw(texts), "content": draw(texts), "tool_calls": draw(values)},
        {"role": "user", "content": draw(values)},
    ]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": draw(texts)},
        "finish_reason": draw(texts),
    }
    given = {
        "started_us": draw(st.integers(NOON, NOON + 10**12)),
        "duration_us": draw(st.none() | st.integers(0, 10**9)),
        "model": draw(texts),
        "dialect": draw(st.sampled_from(["chat", "messages", "responses", "completions"])),
        "finish_reasons": [draw(texts)],
        "tags": {draw(texts): draw(texts)},
        "error": draw(st.none() | st.just({"type": text, "code": text, "message": draw(texts), "param": None})),
        "usage": draw(st.none() | st.dictionaries(st.sampled_from(["prompt_tokens", "odd"]), st.integers(0, 2**64 - 1))),
        "request": draw(st.none() | st.fixed_dictionaries({"messages": st.just(messages), "input": values, "tools": values})),
        "response": draw(st.none() | st.just({"choices": [choice], "output": draw(values), "content": draw(values)})),
        "tool_calls": [call],
        "retrieval": [hit],
        "prompt": draw(st.none() | texts),
        "prompt_version": draw(texts),
        "found": [{"rule": text, "entity": draw(texts), "pointer": draw(texts)}],
    }  # fmt: skip
    return given | {"id": f"{draw(st.integers(1, 2**128 - 1)):032x}"}
