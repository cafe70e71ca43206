"""Lists about stored objects: whose entries are in them, what of these comes back, and where they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from guardrails.pseudonyms import INSTRUCTION
from proxy.listed import MOST_PAGES
from proxy.store.objects import Made, Maker
from tests.proxy.dialects.responses_replies import message, reply, script
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import CARD, Answer, ask
from tests.proxy.test_stored import make
from tests.servers import Running, Script, Upstream, make_app, raw, served, whole

CHAT, ITEMS = "/v1/chat/completions", "/v1/responses/resp_1/input_items"
MAKER = Maker("default", "admin", CHAT)


@pytest.fixture
def proxy(_upstream: Upstream, upstream: Upstream, tmp_path: Path) -> Iterator[Running]:
    """A proxy before one account that serves two models."""
    with served(make_app(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", policy())) as running:
        yield running


def completion(id: str, said: str = "Hi.", **more: Any) -> dict[str, Any]:
    """A completion as a provider keeps it."""
    return {**json.loads(whole({"content": said}).pieces[0]), "id": id, **more}


def own(proxy: Running, *ids: str, model: str = "gpt-test", deployment: str = "openai/gpt-real") -> None:
    """These completions were made by the key that asks."""
    for id in ids:
        proxy.app.context.objects.remember(MAKER, id, Made(deployment, model))


def page(*entries: dict[str, Any], more: bool = False) -> Script:
    """A provider's page."""
    ends = {"first_id": entries[0].get("id"), "last_id": entries[-1].get("id")} if entries else {}
    return raw(orjson.dumps({"object": "list", "data": list(entries), "has_more": more, **ends}))


def paged(upstream: Upstream, entries: list[dict[str, Any]]) -> Callable[[dict[str, Any]], Script]:
    """A provider that pages through these entries as it is asked."""

    def answer(_: dict[str, Any]) -> Script:
        query = asked(upstream)[-1]
        after = query.get("after")
        start = next((n + 1 for n, each in enumerate(entries) if each["id"] == after), 0)
        end = start + int(query.get("limit", "20"))
        return page(*entries[start:end], more=end < len(entries))

    return answer


def asked(upstream: Upstream) -> list[dict[str, str]]:
    """The queries that came."""
    targets = [head.split(b" ")[1].decode() for head in upstream.headers]
    return [{name: values[0] for name, values in parse_qs(urlsplit(at).query).items()} for at in targets]


def listing(proxy: Running, query: str = "", path: str = CHAT) -> Answer:
    """The answer to a list."""
    return ask(proxy, None, method="GET", path=path + query)


def ids(answer: Answer) -> list[str]:
    """The entries of a list; what stands around them is checked."""
    told = json.loads(answer.body)
    found = [entry["id"] for entry in told["data"]]
    assert told["object"] == "list"
    assert [told["first_id"], told["last_id"]] == ([found[0], found[-1]] if found else [None, None])
    return found


def test_pages_are_filled_past_what_others_made(proxy: Running, upstream: Upstream) -> None:
    """Each page has as many as were asked for while there are some; joined they are all of the key's, in order."""
    every = [completion(f"c_{number}") for number in range(250)]
    mine = [f"c_{number}" for number in (3, 60, 61, 180, 249)]
    own(proxy, *mine)
    upstream.script = paged(upstream, every)

    first = listing(proxy, "?limit=2")
    second = listing(proxy, "?limit=2&after=c_60")
    third = listing(proxy, "?limit=2&after=c_180")

    assert [ids(each) for each in (first, second, third)] == [mine[:2], mine[2:4], mine[4:]]
    assert [json.loads(each.body)["has_more"] for each in (first, second, third)] == [True, True, False]
    assert b"c_4" not in first.body


def test_a_list_that_is_all_the_keys_is_one_call(proxy: Running, upstream: Upstream) -> None:
    """With what the caller asks for."""
    own(proxy, "c_1", "c_2")
    upstream.script = paged(upstream, [completion("c_1"), completion("c_2"), completion("c_3")])

    answer = listing(proxy, "?limit=2&order=asc&metadata[team]=blue")

    assert ids(answer) == ["c_1", "c_2"]
    assert asked(upstream) == [{"limit": "2", "order": "asc", "metadata[team]": "blue"}]


def test_a_model_is_the_one_that_was_asked_for(proxy: Running, upstream: Upstream) -> None:
    """By the name that callers know it by; one that is not served is 404."""
    own(proxy, "c_1")
    own(proxy, "c_2", model="gpt-real")
    upstream.script = page(completion("c_1"), completion("c_2"))

    assert ids(listing(proxy, "?model=gpt-real")) == ["c_2"]
    assert ids(listing(proxy)) == ["c_1", "c_2"]
    assert listing(proxy, "?model=nobody").error["code"] == "model_not_found"
    assert all("model" not in query for query in asked(upstream))


def test_too_many_objects_of_others_are_told_as_such(proxy: Running, upstream: Upstream) -> None:
    """An empty list would be a lie; what was found is told with `has_more`."""
    upstream.script = paged(upstream, [completion(f"c_{number}") for number in range(100 * MOST_PAGES + 50)])

    lost = listing(proxy)
    own(proxy, "c_7")
    found = listing(proxy)

    assert (lost.status, lost.error["code"]) == (400, "invalid_value")
    assert (ids(found), json.loads(found.body)["has_more"]) == (["c_7"], True)
    assert len(upstream.headers) == 2 * MOST_PAGES


def test_accounts_are_listed_one_after_the_other(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """Each once, in the order of the configuration; `after` goes on in the account of its object."""
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{name}",
                "api_base": f"http://127.0.0.1:{_upstream.port}/{account}",
                "api_key": "sk-upstream-secret",
            },
        }
        for name, account in (("one", "a"), ("two", "b"), ("three", "a"))
    ]
    stores = {"a": [completion("c_1"), completion("c_2")], "b": [completion("c_3")]}

    def answer(_: dict[str, Any]) -> Script:
        account = upstream.headers[-1].split(b"/")[1].decode()
        return paged(upstream, stores[account])(_)

    with served(make_app(tmp_path, "", policy(), models)) as proxy:
        own(proxy, "c_1", "c_2", deployment="openai/one", model="one")
        own(proxy, "c_3", deployment="openai/two", model="two")
        upstream.script = answer
        told = [
            listing(proxy, query)
            for query in ("", "?limit=1", "?limit=1&after=c_1", "?after=c_2", "?after=c_3")
        ]

    assert [ids(each) for each in told] == [["c_1", "c_2", "c_3"], ["c_1"], ["c_2"], ["c_3"], []]
    assert [json.loads(each.body)["has_more"] for each in told] == [False, True, True, False, False]


def test_a_provider_without_lists_is_passed_over(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """While another account has one; where none has, its refusal is told."""
    base = f"http://127.0.0.1:{_upstream.port}"
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": f"{base}/{name}", "api_key": "k"},
        }
        for name in ("local", "cloud")
    ]
    missing = raw(b'{"error": {"message": "Not Found", "type": "t", "code": null}}', 404)
    with served(make_app(tmp_path, "", policy(), models)) as proxy:
        own(proxy, "c_1", deployment="openai/cloud", model="cloud")
        upstream.script = lambda _: missing if b"/local/" in upstream.headers[-1] else page(completion("c_1"))
        both, one = listing(proxy), listing(proxy, "?model=local")

    assert (ids(both), one.status) == (["c_1"], 404)


def test_a_list_that_does_not_get_on_is_told_as_broken(proxy: Running, upstream: Upstream) -> None:
    """A provider that ignores `after` would be asked for ever."""
    upstream.script = page(completion("c_1"), more=True)

    assert listing(proxy).status == 502
    assert len(upstream.headers) == 2


def test_each_entry_is_inspected_by_itself(proxy: Running, upstream: Upstream) -> None:
    """One that is blocked says so in its own place; the others come as they are. The record has no text of them."""
    own(proxy, "c_1", "c_2", "c_3")
    upstream.script = page(
        completion("c_1", f"Card {CARD}."), completion("c_2", "kryptonite"), completion("c_3", "fine")
    )

    answer = listing(proxy)

    said = [
        (choice["message"]["content"], choice["finish_reason"])
        for entry in json.loads(answer.body)["data"]
        for choice in entry["choices"]
    ]
    assert said == [("Card [CARD].", "stop"), ("", "content_filter"), ("fine", "stop")]
    assert answer.headers["x-guardhouse-verdict"] == "block"
    trace = proxy.recorder.last()
    assert [found["pointer"] for found in trace["findings"]] == [
        "/data/0/choices/0/message/content",
        "/data/1/choices/0/message/content",
    ]
    assert trace["response"] == {"object": "list", "data": [{"id": f"c_{number}"} for number in (1, 2, 3)]}


def test_values_come_back_in_each_entry(proxy: Running, upstream: Upstream) -> None:
    """What a completion hid is known for it alone, and a filter finds masked metadata by its value."""
    tokens = []
    for number, mail in enumerate(("ada@example.com", "bob@example.com")):
        upstream.script = whole(id=f"c_{number}")
        ask(proxy, {"model": "gpt-test", "store": True, "messages": [{"role": "user", "content": mail}]})
        tokens.append(proxy.recorder.last()["request"]["messages"][0]["content"])
    said = " ".join(tokens)
    upstream.script = page(completion("c_0", said), completion("c_1", said))

    answer = listing(proxy, "?metadata[who]=ada@example.com")

    told = [entry["choices"][0]["message"]["content"] for entry in json.loads(answer.body)["data"]]
    assert told == [f"ada@example.com {tokens[1]}", f"{tokens[0]} bob@example.com"]
    assert asked(upstream)[-1] == {"metadata[who]": tokens[0]}
    assert "ada@" not in json.dumps(proxy.recorder.last())


def test_the_line_about_tokens_is_no_item_of_the_callers(proxy: Running, upstream: Upstream) -> None:
    """It was added on the way out, so it is left out on the way back; a page is filled past it."""
    make(proxy, upstream, input="ada@example.com")
    line = {
        "id": "i_0",
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": INSTRUCTION}],
    }
    item = {"id": "i_1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    upstream.headers.clear()
    upstream.script = paged(upstream, [line, item])

    first = listing(proxy, "?limit=1&order=asc", ITEMS)

    assert ids(first) == ["i_1"]
    assert json.loads(first.body)["data"] == [item]
    assert [query.get("after") for query in asked(upstream)] == [None, "i_0"]


def test_a_blocked_item_blocks_its_list(proxy: Running, upstream: Upstream) -> None:
    """There is no form in which a part of a request could say that it is blocked."""
    make(proxy, upstream)
    upstream.script = page({"id": "i_1", "type": "message", "role": "user", "content": "kryptonite"})

    answer = listing(proxy, "", ITEMS)

    assert (answer.status, answer.error["code"]) == (400, "content_filter")
    assert proxy.recorder.last()["outcome"] == "blocked"


def test_an_image_meets_the_policy_on_the_way_back(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """As on the way out."""
    url = f"http://127.0.0.1:{_upstream.port}/v1"
    image = {"type": "input_image", "image_url": "https://example.com/a.png"}
    with served(make_app(tmp_path, url, policy(unscannable="block"))) as proxy:
        make(proxy, upstream)
        upstream.script = page({"id": "i_1", "type": "message", "role": "user", "content": [image]})
        answer = listing(proxy, "", ITEMS)
        [found] = proxy.recorder.last()["findings"]

    assert (answer.status, answer.error["code"]) == (400, "content_filter")
    assert (found["entity"], found["pointer"]) == ("UNSCANNABLE", "/data/0/content/0")


BROKEN = [
    raw(b"{}"), raw(b'{"data": [3]}'), raw(b"["), raw(b'{"data": {}}'),
    raw(b'{"data": [{"id": "../x"}], "has_more": true}'), raw(b'{"error": {"message": "m"}}'),
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_list_is_told_as_broken(proxy: Running, upstream: Upstream, broken: Script) -> None:
    """502."""
    upstream.script = broken

    assert listing(proxy).status == 502


def test_a_providers_refusal_passes(proxy: Running, upstream: Upstream) -> None:
    """In its own words, also from a later page."""
    upstream.script = raw(b'{"error": {"message": "slow", "type": "t", "code": "rate_limit_exceeded"}}', 429)

    answer = listing(proxy)

    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (429, "rate_limit_exceeded")
    upstream.script = lambda body: script(body, reply(message("Hi.")))
