"""The pages on what was said before masking: a form with a reason, an inert text, and who asked."""

from __future__ import annotations

from urllib.parse import quote

from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.raw import Raw
from proxy.roles import Role
from proxy.store.keys import active_keys, create_key
from tests.proxy.exchanges import SECRET
from tests.proxy.review.site import Site, hidden, sign_in
from tests.proxy.store.test_reveals import WHY, done, stored

HOSTILE = f"mail {SECRET} <script>alert(1)</script> \u202ereversed \x1b[31m {{{{ 7*7 }}}}"


def browser(pages: Site, role: Role) -> TestClient:
    """A browser in which somebody of that role has signed in."""
    made = create_key(pages.store, role, terms=Terms(role=role))
    pages.keyring.replace(active_keys(pages.store))
    client = TestClient(pages.app, follow_redirects=False)
    assert sign_in(client, made.secret).status_code == 303
    return client


def test_who_may_asks_with_a_reason_and_reads_an_inert_text(pages: Site) -> None:
    """With the time that is left; nothing in it runs, and what hides is shown."""
    trace = stored(pages.store, Raw(HOSTILE.encode())).span_id
    client = browser(pages, Role.PRIVILEGED)
    page = client.get(f"/review/traces/{trace}").text
    assert SECRET not in page
    form = {"token": hidden(page, "token"), "part": "request", "reason": WHY}

    asked = client.post(f"/review/traces/{trace}/reveal", data=form)
    assert asked.status_code == 303
    answer = client.get(asked.headers["location"])

    assert SECRET in answer.text and "15 more minutes" in answer.text
    assert "<script>alert" not in answer.text and "&lt;script&gt;" in answer.text
    assert 'data-code="U+202E"' in answer.text and 'data-code="U+001B"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["refresh"].endswith(f"url=/review/traces/{trace}")
    assert [act for act, _ in done(pages.store)] == ["trace.reveal", "trace.raw_read"]


def test_a_form_without_its_token_or_a_reason_is_refused(pages: Site) -> None:
    """And nothing is granted."""
    trace = stored(pages.store).span_id
    client = browser(pages, Role.PRIVILEGED)
    token = hidden(client.get(f"/review/traces/{trace}").text, "token")
    for form, status in (
        ({"token": "x", "part": "request", "reason": WHY}, 403),
        ({"token": token, "part": "request", "reason": "because"}, 400),
        ({"token": token, "part": "all", "reason": WHY}, 400),
    ):
        assert client.post(f"/review/traces/{trace}/reveal", data=form).status_code == status
    assert done(pages.store) == []
    assert client.get(f"/review/traces/{trace}/raw/request", params={"grant": "0" * 32}).status_code == 403


def test_each_role_sees_what_it_may_do(pages: Site) -> None:
    """No verdict for viewers, no reveal for reviewers, no conversation for auditors."""
    trace = stored(pages.store).span_id
    shown = {
        role: browser(pages, role).get(f"/review/traces/{trace}") for role in Role if role is not Role.ADMIN
    }

    assert {role for role, page in shown.items() if 'id="verdict"' in page.text} == {"reviewer", "privileged"}
    raw = {role: browser(pages, role).get(f"/review/traces/{trace}?tab=raw").text for role in shown}
    assert {role for role, page in raw.items() if 'id="reveal"' in page} == {"privileged"}
    assert {role for role, page in shown.items() if page.status_code == 403} == {"auditor"}


def test_auditors_begin_at_the_reveals(pages: Site) -> None:
    """With who asked, for what, and why."""
    trace = stored(pages.store).span_id
    privileged = browser(pages, Role.PRIVILEGED)
    token = hidden(privileged.get(f"/review/traces/{trace}").text, "token")
    hostile = "<b>because</b> I say so"
    form = {"token": token, "part": "response", "reason": hostile}
    privileged.post(f"/review/traces/{trace}/reveal", data=form)
    made = create_key(pages.store, "auditor", terms=Terms(role=Role.AUDITOR))
    pages.keyring.replace(active_keys(pages.store))
    client = TestClient(pages.app, follow_redirects=False)

    assert sign_in(client, made.secret).headers["location"] == "/review/reveals"
    for path in ("/review/reveals", f"/review/reveals?trace={quote(trace)}"):
        page = client.get(path).text
        assert trace in page and "&lt;b&gt;because" in page and "<b>because" not in page
    assert "Nobody has asked" in client.get("/review/reveals?trace=other").text
    assert client.get("/review/reveals?what=1").status_code == 400


def test_an_admin_of_keys_begins_at_the_people(pages: Site) -> None:
    """Letting people in is theirs; traces are not."""
    made = create_key(pages.store, "keys", terms=Terms(role=Role.ADMIN))
    pages.keyring.replace(active_keys(pages.store))
    answer = sign_in(TestClient(pages.app, follow_redirects=False), made.secret)
    assert answer.headers["location"] == "/review/people"
