"""Rows: what the list view needs is in the span, and text is fit for any database."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.store.bodies import Blobs
from proxy.store.rows import Rows, add, clean, preview
from tests.proxy.exchanges import masked
from tests.proxy.store.one_key import OneKey


def _rows(**over: Any) -> dict[str, list[dict[str, Any]]]:
    rows = Rows(Blobs(OneKey()))
    add(rows, {**document(masked()), **over})
    return rows.by_table


def test_the_span_has_what_a_list_shows() -> None:
    """Rules, kinds, counts, tokens and a preview need no other table."""
    (span,) = _rows()["span"]

    assert (span["rules"], span["entities"], span["findings"]) == ('["pii"]', '["EMAIL_ADDRESS"]', 1)
    assert (span["tokens_in"], span["tokens_out"], span["flagged"]) == (9, 2, True)
    assert span["preview"] == "mail [EMAIL_ADDRESS] hello"


def test_a_trace_that_an_older_version_left_in_the_spool_is_taken() -> None:
    """It does not say whether it is a shadow: there were none."""
    older = document(masked())
    del older["shadow_of"]
    rows = Rows(Blobs(OneKey()))
    add(rows, older)
    assert rows.by_table["span"][0]["shadow_of"] is None


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": "9"}])
def test_tokens_nobody_counted_are_null(usage: Any) -> None:
    """Absent is not zero."""
    assert _rows(usage=usage)["span"][0]["tokens_in"] is None


def test_no_body_text_is_in_the_findings() -> None:
    """Findings are addresses and kinds."""
    (found,) = _rows()["finding"]

    assert set(found) >= {"pointer", "start", "end", "masked_start", "fingerprint"}
    assert "mail" not in str(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\0b", "a�b"), ("\ud800", "?"), ("x" * 600, "x" * 512), ("é", "é"), (7, 7), (None, None)],
)
def test_text_columns_fit_every_database(text: Any, expected: Any) -> None:
    """PostgreSQL takes neither NUL nor lone surrogates, and indexes take no long text."""
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (None, ""),
        ({}, ""),
        ({"messages": "no"}, ""),
        ({"messages": [{"content": None}]}, ""),
        ({"messages": [{"content": "a\n b"}]}, "a b"),
        ({"messages": [{"content": [{"type": "image_url"}, {"type": "text", "text": "seen"}]}]}, "seen"),
        ({"input": "a\n b"}, "a b"),
        ({"input": [{"content": "a"}, {"type": "function_call_output", "output": "b"}]}, "b"),
        ({"prompt": "a\nprompt"}, "a prompt"),
        ({"input": ["first", "second"]}, "first"),
        ({"input": [{"type": "tokens", "omitted": True}]}, ""),
        ({"prompt": None}, ""),
    ],
)
def test_the_preview_is_the_last_text(request_: Any, expected: str) -> None:
    """Whatever the last message, the prompt or the input is made of, the preview is one line or empty."""
    assert preview(request_) == expected
