"""The pages of agent runs."""

from __future__ import annotations

from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.store.keys import active_keys, create_key
from tests.proxy.review.agent_runs import RUN, SUB_AGENT, app_span, call, rich, step
from tests.proxy.review.site import HOSTILE, Site, seed


def test_runs_are_listed_and_found(pages: Site, client: TestClient) -> None:
    """Each with what is to be looked at; a filter over steps narrows the list; the JSON has the same."""
    seed(pages, *rich())

    page = client.get("/review/sessions").text
    for text in (f"/review/sessions/{RUN}", "1 error", "1 orphan", "1 loop", "lookup_order", "10 min 41 s"):
        assert text in page, text
    assert SUB_AGENT not in client.get("/review/sessions", params={"q": "outcome:failed"}).text
    assert [run["run_id"] for run in client.get("/review/sessions.json").json()["data"]] == [RUN, SUB_AGENT]
    wrong = client.get("/review/sessions", params={"q": "outcome:nothing"})
    assert wrong.status_code == 400 and 'aria-invalid="true"' in wrong.text
    assert client.get("/review/sessions?x=1").status_code == 400


def test_a_run_opens_as_a_timeline(pages: Site, client: TestClient) -> None:
    """Troubles on top with links to their steps; steps link to their traces; other agents of the trace are linked."""
    seed(pages, *rich())

    page = client.get(f"/review/sessions/{RUN}").text

    for text in (
        "provider_timeout", "1 tool call never answered", "asked for 3 times with the same arguments",
        "shipping-policy.md", "≤ ", "index search", f"/review/sessions/{SUB_AGENT}", "Nothing ran for 10 min 31 s",
        "block in shadow",
    ):  # fmt: skip
        assert text in page, text
    failed = step(7.7)["id"]
    assert f'href="#step-{failed}"' in page and f'id="step-{failed}"' in page
    assert f'class="open" href="/review/traces/{failed}"' in page
    assert client.get(f"/review/sessions/{RUN}.json").json()["n_orphans"] == 1


def test_what_is_not_there_is_told(pages: Site, client: TestClient) -> None:
    """Unknown runs, cursors and parameters; an empty list teaches."""
    assert "x-guardhouse-session" in client.get("/review/sessions").text
    for path, status in (
        (f"/review/sessions/{RUN}", 404),
        ("/review/sessions/x", 404),
        (f"/review/sessions/{RUN}?after=x", 400),
        (f"/review/sessions/{RUN}?y=x", 400),
        ("/review/sessions?before=x", 400),
    ):
        assert client.get(path).status_code == status, path
    seed(pages, *rich())
    after = client.get(f"/review/sessions/{RUN}", params={"after": "99999999999999999.0"})
    assert after.status_code == 200 and "No step after this place" in after.text


def test_hostile_texts_are_shown_as_texts(pages: Site, client: TestClient) -> None:
    """Whatever a model, a tool or an app put into names, arguments, results, errors and documents."""
    error = {"type": HOSTILE, "code": HOSTILE, "message": HOSTILE, "param": None}
    hit = {"rank": 1, "doc_id": HOSTILE, "score": 0.5, "text": HOSTILE, "source": HOSTILE}
    calls = [call(HOSTILE, HOSTILE, HOSTILE)] * 3
    finding = {**rich()[1]["findings"][0], "rule": HOSTILE, "entity": HOSTILE, "action": HOSTILE}
    one = step(0, *calls, outcome="failed", error=error, retrieval=[hit], model=HOSTILE, answered_model=HOSTILE, findings=[finding], request={"messages": [{"role": "user", "content": HOSTILE}]})  # fmt: skip
    span = app_span(
        "a1", "tool", 0.1, 0.2, name=HOSTILE, hits=[hit], calls=[call("", HOSTILE, HOSTILE, HOSTILE)]
    )
    seed(pages, one, span | {"service": HOSTILE})

    for path in ("/review/sessions", f"/review/sessions/{RUN}"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img" not in page.text


def test_another_tenants_runs_are_not_there(pages: Site, stranger: TestClient) -> None:
    """Neither in the list nor by id."""
    seed(pages, *rich())
    other = create_key(pages.store, "theirs", tenant="other", terms=Terms(role="reviewer"))
    pages.keyring.replace(active_keys(pages.store))
    headers = {"authorization": f"Bearer {other.secret}"}

    assert stranger.get("/review/sessions.json", headers=headers).json()["data"] == []
    assert stranger.get(f"/review/sessions/{RUN}.json", headers=headers).status_code == 404
