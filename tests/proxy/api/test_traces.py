"""`/api/traces`: what is stored can be found, read and judged."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import PromptUse
from tests.proxy.api.conftest import Api
from tests.proxy.exchanges import masked


def test_traces_are_listed_page_by_page_and_read_whole(api: Api) -> None:
    """The list is newest first; the id leads to the document."""
    exchanges = [masked(str(n), started_us=1000 + n) for n in range(3)]
    api.store.write([document(one) for one in exchanges])

    first = api.client.get("/api/traces", params={"limit": 2, "flagged": "true", "rule": "pii"}).json()
    rest = api.client.get("/api/traces", params={"limit": 2, "before": first["next"]}).json()
    trace = api.client.get(f"/api/traces/{exchanges[0].id}").json()

    ids = [span["id"] for span in first["data"] + rest["data"]]
    assert ids == [one.id for one in reversed(exchanges)]
    assert rest["next"] is None
    assert trace == {
        **document(exchanges[0]),
        "reviews": [],
        "outside": [],
        "feedback": [],
        "content": "kept",
        "comments": [],
        "blind": False,
    }


def test_shadows_can_be_left_out_or_asked_for(api: Api) -> None:
    """Each says which trace it copies."""
    own = masked()
    copy = masked(shadow_of=own.id)
    api.store.write([document(own), document(copy)])

    def listed(**query: str) -> list[tuple[str, str | None]]:
        found = api.client.get("/api/traces", params=query).json()["data"]
        return [(span["id"], span["shadow_of"]) for span in found]

    assert listed(shadow="false") == [(own.id, None)]
    assert listed(shadow="true") == listed(shadow_of=own.id) == [(copy.id, own.id)]
    assert len(listed()) == 2


def test_traces_of_a_prompt_are_found(api: Api) -> None:
    """By name, by version, and by both in one."""
    made = [masked(prompt=PromptUse("p", version, "h")) for version in ("1", "2")]
    api.store.write([document(one) for one in (*made, masked())])

    def listed(**query: str) -> set[str]:
        return {span["id"] for span in api.client.get("/api/traces", params=query).json()["data"]}

    assert listed(prompt="p") == {one.id for one in made}
    assert listed(prompt="p@2") == listed(prompt="p", prompt_version="2") == {made[1].id}
    assert listed(prompt="p@3") == listed(prompt="q") == set()
    assert api.client.get(f"/api/traces/{made[0].id}").json()["prompt_hash"] == "h"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"colour": "red"}, "colour"),
        ({"flagged": "yes"}, "flagged"),
        ({"shadow": "only"}, "shadow"),
        ({"since": "yesterday"}, "since"),
        ({"limit": "many"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"before": "x"}, "before"),
    ],
)
def test_a_query_that_does_not_fit_names_the_parameter(api: Api, query: dict[str, str], param: str) -> None:
    """A misspelt filter must not silently list everything."""
    answer = api.client.get("/api/traces", params=query)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_judgement_is_kept_under_the_judges_name(api: Api) -> None:
    """The author is the key that signed in, not what the body claims."""
    exchange = masked()
    api.store.write([document(exchange)])

    answer = api.client.post(
        f"/api/traces/{exchange.id}/reviews",
        json={"verdict": "false_positive", "finding": 0, "note": "a test address"},
    )
    found = api.client.get(f"/api/traces/{exchange.id}").json()["reviews"]

    assert answer.status_code == 201
    assert found == [answer.json()]
    assert (found[0]["author"], found[0]["verdict"], found[0]["finding"]) == ("admin", "false_positive", 0)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "verdict"),
        ({"verdict": "superb"}, "verdict"),
        ({"verdict": "pass", "finding": 5}, "finding"),
        ({"verdict": "pass", "finding": "0"}, "finding"),
        ({"verdict": "pass", "author": "somebody else"}, "author"),
        ({"verdict": "pass", "note": "x" * 10_001}, "note"),
        ({"verdict": "fail", "tags": ["weather"]}, "tags"),
        ({"verdict": "missed", "entity": "PERSON"}, "entity"),
        ({"verdict": "missed", "place": {"side": "input", "pointer": "/x", "start": 0, "end": 1}}, "place"),
        ({"verdict": "missed", "place": {"side": "up", "pointer": "/x", "start": 0, "end": 1}}, "place.side"),
    ],
)
def test_a_judgement_that_does_not_fit_names_the_field(api: Api, body: dict[str, Any], param: str) -> None:
    """What is wrong is named, and nothing is kept."""
    exchange = masked()
    api.store.write([document(exchange)])

    answer = api.client.post(f"/api/traces/{exchange.id}/reviews", json=body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert api.client.get(f"/api/traces/{exchange.id}").json()["reviews"] == []


def test_a_missed_place_is_kept_and_taken_back(api: Api) -> None:
    """With its kind and tags; only what stands on this trace can be withdrawn, and once."""
    exchange = masked()
    api.store.write([document(exchange)])
    place = {"side": "input", "pointer": "/messages/0/content", "within": "", "start": 0, "end": 2}
    body = {"verdict": "missed", "place": place, "entity": "person", "tags": ["safety"]}

    said = api.client.post(f"/api/traces/{exchange.id}/reviews", json=body)
    path = f"/api/traces/{exchange.id}/reviews/{said.json()['id']}/withdraw"

    assert said.status_code == 201
    assert (said.json()["start"], said.json()["end"], said.json()["entity"]) == (0, 2, "PERSON")
    assert api.client.post(path.replace(exchange.id, "0" * 32)).status_code == 404
    assert [api.client.post(path).status_code for _ in range(2)] == [200, 404]


def test_what_is_not_there_is_404(api: Api) -> None:
    """For reading and for judging."""
    assert api.client.get("/api/traces/nothing").status_code == 404
    assert api.client.post("/api/traces/nothing/reviews", json={"verdict": "pass"}).status_code == 404


def test_a_filter_lists_and_counts(api: Api) -> None:
    """`q` goes together with the older parameters, and counts agree with the list."""
    api.store.write([document(masked(str(n), model="b" if n % 3 else "a")) for n in range(7)])

    listed = api.client.get("/api/traces", params={"q": "model:a text:mail", "rule": "pii"}).json()
    counted = api.client.get("/api/traces/facets", params={"q": "rule:pii.email"}).json()

    assert (len(listed["data"]), listed["partial"]) == (3, False)
    assert (counted["matches"], counted["approximate"]) == (7, False)
    assert counted["facets"]["model"] == [{"value": "b", "count": 4}, {"value": "a", "count": 3}]


@pytest.mark.parametrize("path", ["/api/traces", "/api/traces/facets"])
@pytest.mark.parametrize("q", ["outcom:x", 'model:"', "a\0b", "x" * 10_000, "text:*", '"' * 999, "cost>x"])
def test_a_filter_that_means_nothing_is_told(api: Api, path: str, q: str) -> None:
    """Where it goes wrong, and never as a fault of ours."""
    answer = api.client.get(path, params={"q": q})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "q")
    assert "character" in answer.json()["error"]["message"]


def test_a_version_needs_its_prompt(api: Api) -> None:
    """A version of no prompt in particular means nothing."""
    answer = api.client.get("/api/traces?prompt_version=1")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt_version")
