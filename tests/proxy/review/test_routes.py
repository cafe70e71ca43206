"""Every page: hostile text is text, what is not there is told, every answer is protected."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.store import reviews
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, seed


def test_hostile_text_is_text_everywhere(pages: Site, client: TestClient) -> None:
    """Whatever field it stands in, it is shown and never becomes part of the page."""
    [id] = seed(pages, hostile_trace(HOSTILE))
    reviews.add_review(
        pages.store,
        id,
        reviews.NewReview("unsure", HOSTILE.replace("\ud800", ""), HOSTILE.replace("\ud800", "")),
    )

    for path in ("/review?outcome=any", f"/review/traces/{id}"):
        page = client.get(path).text
        assert "<script>alert" not in page and "<img" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "U+202E" in page


def hostile_trace(text: str) -> dict[str, Any]:
    """A trace with the text in every field that somebody else writes."""
    call = {
        "id": text,
        "type": text,
        "function": {"name": text, "arguments": '{"a": "<script>alert(1)</script>"}'},
    }
    found = {**documents.finding("/messages/1/content", "a" + text, "a"), "rule": text, "check": text, "entity": text, "masked_end": 30}  # fmt: skip
    return documents.trace(
        0, outcome="masked", model=text, answered_model=text, deployment=text, key_id=text, policy=text,
        error={"type": text, "code": text, "message": text, "param": text}, finish_reasons=[text],
        request={
            "messages": [
                {"role": "system", "content": text}, {"role": "user", "name": text, "content": "a" + text},
                {"role": text, "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": text}}]},
                {"role": "assistant", "content": text, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": text, "content": text},
            ],
            "tools": [{"type": "function", "function": {"name": text, "description": text}}],
        },
        response=documents.reply(text, tool_calls=[call], reasoning_content=text, finish_reason=text),
        findings=[found, {**found, "pointer": text, "masked_start": None}],
        failures=[{"side": "input", "rule": text, "check": text, "kind": text, "reason": text, "action": text}],
        tool_calls=[{"call_id": text, "name": text, "arguments": text, "result": text, "state": "requested"}],
        retrieval=[{"rank": 1, "doc_id": text, "score": 0.5, "text": text, "source": text}],
        timings={text: 1.0},
    )  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/review/traces/nope", "/review/runs/nope", "/review/what", "/review/static/nope.css"]
)
def test_what_is_not_there_is_told(client: TestClient, path: str) -> None:
    """404 as a page under the same policy."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert "content-security-policy" in answer.headers


def test_every_answer_is_protected(pages: Site, client: TestClient) -> None:
    """Pages and data alike carry the policy and are not stored by browsers."""
    [id] = seed(pages, documents.agent())
    for path in (
        "/review",
        "/review.json",
        f"/review/traces/{id}",
        f"/review/traces/{id}.json",
        "/review/runs",
        "/review/runs.json",
    ):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
