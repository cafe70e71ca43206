"""Every form of the router, so that a new one is tested by itself: sent by others, without its token, or asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.app import compose
from proxy.key_terms import Terms
from proxy.review.forms import COOKIE
from proxy.roles import Role
from proxy.store import queues
from proxy.store.audit import acts
from proxy.store.keys import active_keys, create_key
from proxy.store.queues import NewQueue
from tests.proxy.api.test_guarded import routes
from tests.proxy.policies import policy
from tests.proxy.review.site import hidden
from tests.proxy.store.reviewing import traces
from tests.servers import make_app

OWN_TOKEN = {"/review/login"}
"""The form of strangers, who have no cookie yet: its own tests are in test_doors."""


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, TestClient]]:
    """The store, the pages as the proxy composes them, and a browser."""
    made = make_app(tmp_path_factory.mktemp("forms"), "http://127.0.0.1:9/v1", policy())
    pages = compose(made.context)
    with TestClient(pages, client=("203.0.113.9", 1), follow_redirects=False) as client:
        yield made.context, pages, client
    made.context.store.close()


def _forms(pages: Any) -> list[str]:
    found = sorted(
        {path for method, path in routes(pages) if method == "POST" and path.startswith("/review")}
    )
    assert len(found) > 25 and {*found} >= OWN_TOKEN
    return [path for path in found if path not in OWN_TOKEN]


def _key(context: Any, **terms: Any) -> str:
    secret = create_key(context.store, "k", **terms).secret
    context.keyring.replace(active_keys(context.store))
    return secret


def _sign_in(client: TestClient, key: str) -> tuple[str, str]:
    """The cookie of who signed in, and the token of their forms."""
    client.cookies.clear()
    token = hidden(client.get("/review/login").text, "token")
    client.post("/review/login", data={"key": key, "token": token, "next": ""})
    cookie = client.cookies[COOKIE]
    client.cookies.clear()
    return cookie, hidden(client.get("/review/me", headers={"cookie": f"{COOKIE}={cookie}"}).text, "token")


def _target(path: str, **ids: str) -> str:
    for name in ("id", "name", "review_id", "comment_id", "act"):
        path = path.replace(f"{{{name}}}", ids.get(name, "x"))
    return path


def test_no_form_is_taken_that_its_page_did_not_make(composed: tuple[Any, Any, TestClient]) -> None:
    """Without a token, with another's, or from another site: refused, whatever the role, and nothing is done."""
    context, pages, client = composed
    _, strange = _sign_in(client, _key(context, admin=True))
    for who in ({"admin": True}, {"terms": Terms(role=Role.PRIVILEGED)}):
        cookie, token = _sign_in(client, _key(context, **who))
        before, wrong = acts(context.store, 5), []
        for path in _forms(pages):
            target, headers = _target(path), {"cookie": f"{COOKIE}={cookie}"}
            sent: list[tuple[dict[str, str], dict[str, str]]] = [
                ({}, {}),
                ({"token": ""}, {}),
                ({"token": "0" * 64}, {}),
                ({"token": strange}, {}),
                ({"token": token}, {"sec-fetch-site": "cross-site"}),
                ({"token": token}, {"sec-fetch-site": "same-site"}),
                ({"token": token}, {"origin": "https://elsewhere.example"}),
            ]
            told = [
                client.post(target, data=form, headers={**headers, **more}).status_code for form, more in sent
            ]
            if told != [403] * len(sent):
                wrong.append((path, told))
        assert wrong == []
        assert acts(context.store, 5) == before


def test_nothing_is_done_by_asking(composed: tuple[Any, Any, TestClient]) -> None:
    """GET on the address of a form shows a page, or that there is none."""
    context, pages, client = composed
    cookie, token = _sign_in(client, _key(context, admin=True))
    before = acts(context.store, 5)
    for path in _forms(pages):
        answer = client.get(_target(path), params={"token": token}, headers={"cookie": f"{COOKIE}={cookie}"})
        assert answer.status_code in (200, 400, 404), path
    assert acts(context.store, 5) == before


@pytest.mark.parametrize("role", [Role.PRIVILEGED, Role.ADMIN, Role.EDITOR])
def test_no_form_reaches_another_tenant(composed: tuple[Any, Any, TestClient], role: Role) -> None:
    """What is another tenant's is not there: no act on it is ever noted."""
    context, pages, client = composed
    store = context.store
    [span] = traces(store, 1)
    row = queues.add_queue(store, NewQueue(f"of {role}", "", 1.0, 1, False), "default", "ann")
    cookie, token = _sign_in(client, _key(context, tenant="bank", terms=Terms(role=role)))
    before = {act["seq"] for act in acts(store, 1000)}
    for path in _forms(pages):
        for id in (span, row["id"]):
            form = {
                "token": token,
                "verdict": "pass",
                "text": "words",
                "dataset": "set",
                "act": "close",
                "claim": "x",
            }
            headers = {"cookie": f"{COOKIE}={cookie}"}
            answer = client.post(_target(path, id=id), data=form, headers=headers)
            assert answer.status_code < 500, path
    new = [act for act in acts(store, 1000) if act["seq"] not in before]
    assert {act["tenant"] for act in new} <= {"bank"}, [act["action"] for act in new]
    assert not {span, row["id"]} & {act["object"] for act in new}
