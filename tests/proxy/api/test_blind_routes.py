"""Every route of the router that reads × a reader who is to review blindly: nothing of what another said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from proxy.app import compose
from proxy.key_terms import Terms
from proxy.review.forms import COOKIE
from proxy.roles import Role
from proxy.store import bulk, bulk_work, candidates, comments
from proxy.store.bulk import Order
from proxy.store.comments import About
from proxy.store.keys import active_keys, create_key
from proxy.store.reviews import NewReview
from proxy.store.tables_review import ITEM
from tests.proxy.api.test_guarded import routes
from tests.proxy.policies import policy
from tests.proxy.review.test_guarded_forms import _sign_in
from tests.proxy.store.reviewing import give, queue, taken
from tests.servers import make_app

SAID = "zebra"
"""Stands in all that the other reviewer wrote."""
ASKED = ("verdict:wrong_action", "reviewer:ann", "reviewed:true")
AFTERWARDS = {
    "/api/traces/{id}", "/api/traces/{id}/comments", "/api/traces/export", "/api/golden/candidates",
    "/api/golden/candidates/{id}", "/api/bulk", "/api/bulk/{id}", "/review/traces/{id}", "/review/traces/{id}.json",
    "/review/jobs.json", "/review/jobs/{id}", "/review/jobs/{id}.json", "/review/golden/candidates.json",
    "/review/golden/candidates/{id}", "/review/golden/candidates/{id}.json", "/review/golden/candidates",
}  # fmt: skip
"""Routes that tell it once the reader has said something too: the test would find it there."""


def _seen(
    client: TestClient, pages: Any, headers: dict[str, dict[str, str]], ids: dict[str, str]
) -> set[str]:
    """The routes in whose answers something of it stands."""
    found = set()
    for method, path in routes(pages):
        if method != "GET" or any(word in path for word in ("static", "oidc", "readyz")):
            continue
        kind = "candidate" if "candidates" in path else "job" if "bulk" in path or "jobs" in path else "trace"
        target = path.replace("{id}", ids[kind]).replace("{run_id}", ids["run"]).replace("{name}", "default")
        who = headers["page" if path.startswith("/review") else "api"]
        answers = [client.get(target.replace("{rest:path}", "x").replace("{part}", "request"), headers=who)]
        if path in ("/api/traces", "/review", "/review.json", "/api/traces/export", "/review/jobs/new"):
            answers += [client.get(target, params={"q": q}, headers=who) for q in ASKED]
            found |= {
                f"{path}?q={q}" for q, one in zip(ASKED, answers[1:], strict=True) if ids["trace"] in one.text
            }
        assert all(one.status_code < 500 for one in answers), path
        found |= {path for one in answers if SAID in one.text}
    return found


@pytest.mark.parametrize("role", [Role.PRIVILEGED, None])
def test_no_route_tells_a_blind_reader_what_another_said(role: Role | None, tmp_path: Path) -> None:
    """In pages, data, lists by what was said, exports, candidates and jobs; afterwards they do."""
    made = make_app(tmp_path, "http://127.0.0.1:9/v1", policy())
    context, store = made.context, made.context.store
    claim = taken(store, queue(store, 1, reviews=2, blind=True), "ann")
    span = claim.span_id
    assert give(store, claim, "ann", "fail", NewReview("wrong_action", "ann", f"{SAID} note", 0))
    comments.add_comment(store, About(span_id=span), "ann", f"{SAID} comment")
    candidate = candidates.promote(store, span, "set", {"answer": f"{SAID} answer", "note": SAID}, "ann")
    order = Order("verdict", "cat", "default", None, traces=[span], verdict="fail", note=f"{SAID} job")
    started = bulk.start(store, order)
    bulk_work.work(store, started, lambda _: None)
    key = create_key(store, "bob", admin=role is None, terms=Terms(role=role))
    context.keyring.replace(active_keys(store))
    pages = compose(context)
    with TestClient(pages, client=("203.0.113.9", 1), follow_redirects=False) as client:
        cookie, _ = _sign_in(client, key.secret)
        api = {"authorization": f"Bearer {key.secret}"}
        headers = {"page": {"cookie": f"{COOKIE}={cookie}"}, "api": api}
        assert candidate is not None
        ids = {"trace": span, "candidate": candidate.id, "job": started.job.id, "run": "a" * 32}

        assert _seen(client, pages, headers, ids) == set()
        mine = taken(store, claim.queue_id, key.stored.key_id)
        assert _seen(client, pages, headers, ids) == set()
        assert give(store, mine, key.stored.key_id, "pass")
        with store.read() as connection:
            assert connection.execute(select(ITEM.c.state)).scalar() == "disputed"
        after = _seen(client, pages, headers, ids)
        assert after >= AFTERWARDS, AFTERWARDS - after
        assert {f"/api/traces?q={q}" for q in ASKED} <= after
    store.close()
