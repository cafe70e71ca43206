"""Completions, embeddings and moderations through the official client, by changing its base URL alone."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import openai
import orjson
import pytest

from guardrails.pseudonyms import INSTRUCTION
from proxy.dialects.chat_reply import REFUSAL
from tests.contract.test_openai_client import sync
from tests.proxy.policies import policy
from tests.servers import Running, Script, Upstream, make_app, raw, served, stream

MAIL = "I am ada@example.com"
CARD = "4111 1111 1111 1111"
VECTOR = [0.5, -0.25, 0.125]


def completion(*texts: str, **more: Any) -> dict[str, Any]:
    """A completion with these texts."""
    choices = [
        {"index": n, "text": t, "logprobs": None, "finish_reason": "stop"} for n, t in enumerate(texts)
    ]
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "gpt-real",
        "choices": choices,
        **more,
    }


def spoken(text: str) -> Script:
    """A text streamed character by character."""
    parts = [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None} for piece in text]
    end = {"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}
    events = [{**completion(), "choices": [part]} for part in [*parts, end]]
    return stream([*(b"data: " + orjson.dumps(each) + b"\n\n" for each in events), b"data: [DONE]\n\n"])


def embedded(packed: bool, count: int = 1, **more: Any) -> Script:
    """Vectors as a provider sends them."""
    value = base64.b64encode(array("f", VECTOR).tobytes()).decode() if packed else VECTOR
    data = [{"object": "embedding", "index": n, "embedding": value} for n in range(count)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return raw(orjson.dumps({"object": "list", "data": data, "model": "gpt-real", "usage": usage, **more}))


def last_line(body: dict[str, Any]) -> str:
    """What a model says that repeats the prompt without the line about tokens."""
    return "Hello, " + str(body["prompt"]).rpartition("\n")[2].removeprefix("I am ")


# --- completions


def test_a_completion(proxy: Running, upstream: Upstream) -> None:
    """The caller sees its own words, the provider a token and one line about it, the trace the token."""
    upstream.script = lambda body: raw(orjson.dumps(completion(last_line(body), usage={"total_tokens": 3})))

    with sync(proxy) as client:
        reply = client.completions.create(model="gpt-test", prompt=MAIL, max_tokens=5)

    assert reply.choices[0].text == "Hello, ada@example.com"
    assert reply.usage is not None and reply.usage.total_tokens == 3
    assert b"ada@" not in upstream.bodies[0]
    assert upstream.requests[0]["prompt"].startswith(INSTRUCTION)
    kept = proxy.recorder.last()
    assert kept["dialect"] == "completions"
    assert kept["request"]["prompt"].startswith("I am EMAIL_")
    assert kept["response"]["choices"][0]["text"].startswith("Hello, EMAIL_")
    assert kept["finish_reasons"] == ["stop"]


def test_an_untouched_completion_is_relayed_as_it_is(proxy: Running, upstream: Upstream) -> None:
    """Batches, echo, logprobs, best_of and unknown members: bytes in, bytes out, and each prompt its own choices."""
    reply = orjson.dumps(completion("one", "two", later={"x": 1}))
    upstream.script = raw(reply)

    with sync(proxy) as client:
        told = client.completions.with_raw_response.create(
            model="gpt-real", prompt=["a", "b"], echo=True, best_of=2, logprobs=1, extra_body={"later": [1.5]}
        )

    assert told.content == reply
    assert upstream.requests[0]["prompt"] == ["a", "b"]
    assert "usage" not in orjson.loads(told.content)


def test_a_streamed_completion(proxy: Running, upstream: Upstream) -> None:
    """Chunks arrive as chunks; joined they are the whole answer, with values restored and cards gone."""
    upstream.script = lambda body: spoken(f"{last_line(body)}. Card {CARD}.")

    with sync(proxy) as client:
        parts = list(client.completions.create(model="gpt-test", prompt=MAIL, stream=True))

    texts = [part.choices[0].text for part in parts]
    assert "".join(texts) == "Hello, ada@example.com. Card [CARD]."
    assert sum(map(bool, texts)) > 5
    assert parts[-1].choices[0].finish_reason == "stop"
    assert proxy.recorder.last()["response"]["choices"][0]["text"].endswith("Card [CARD].")


def test_a_provider_that_does_not_stream_is_streamed_for(proxy: Running, upstream: Upstream) -> None:
    """In the caller's shape."""
    upstream.script = raw(orjson.dumps(completion("Hello", "there")))

    with sync(proxy) as client:
        parts = list(client.completions.create(model="gpt-test", prompt="hi", stream=True))

    assert [(part.choices[0].index, part.choices[0].text) for part in parts] == [(0, "Hello"), (1, "there")]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_blocked_completion_is_filtered(proxy: Running, upstream: Upstream, streamed: bool) -> None:
    """As OpenAI's own filter ends one: an empty rest, and the reason."""
    upstream.script = lambda body: (
        spoken("A kryptonite") if streamed else raw(orjson.dumps(completion("kryptonite")))
    )

    with sync(proxy) as client:
        told: Any = client.completions.create(model="gpt-test", prompt="hi", stream=streamed)
        parts = list(told) if streamed else [told]

    assert "krypt" not in "".join(part.choices[0].text for part in parts)
    assert parts[-1].choices[0].finish_reason == "content_filter"


def test_a_stream_that_is_cut_is_told_as_broken(proxy: Running, upstream: Upstream) -> None:
    """Where the app reads it."""
    script = spoken("Hello")
    script.pieces = script.pieces[:3]
    upstream.script = script

    with sync(proxy) as client, pytest.raises(openai.APIError):
        list(client.completions.create(model="gpt-test", prompt="hi", stream=True))


def test_token_numbers_meet_the_policy(proxy: Running, upstream: Upstream) -> None:
    """They spell a text that nobody can read: this policy flags them, and the trace does not hold them."""
    upstream.script = raw(orjson.dumps(completion("Hi")))

    with sync(proxy) as client:
        client.completions.create(model="gpt-test", prompt=[[15496, 995], [1]])

    assert upstream.requests[0]["prompt"] == [[15496, 995], [1]]
    kept = proxy.recorder.last()
    assert [(f["entity"], f["pointer"]) for f in kept["findings"]] == [
        ("UNSCANNABLE", "/prompt/0"),
        ("UNSCANNABLE", "/prompt/1"),
    ]
    assert kept["request"]["prompt"] == [{"type": "tokens", "omitted": True}] * 2


# --- embeddings


@pytest.mark.parametrize("packed", [True, False])
def test_embeddings(proxy: Running, upstream: Upstream, packed: bool) -> None:
    """The client's own decoding works; the provider gets tokens and no line about them, the trace no vector."""
    upstream.script = embedded(packed, 2)

    with sync(proxy) as client:
        reply = client.embeddings.create(
            model="gpt-test", input=[MAIL, "hi"], **({} if packed else {"encoding_format": "float"})
        )

    assert [item.embedding for item in reply.data] == [VECTOR, VECTOR]
    sent = upstream.requests[0]
    assert sent["encoding_format"] == ("base64" if packed else "float")
    assert sent["input"][0].startswith("I am EMAIL_") and INSTRUCTION not in sent["input"][0]
    kept = proxy.recorder.last()
    assert kept["request"]["input"] == sent["input"]
    assert kept["response"]["data"] == {"type": "vectors", "count": 2, "omitted": True}
    assert kept["usage"] == {"prompt_tokens": 1, "total_tokens": 1}


def test_untouched_embeddings_are_relayed_as_they_are(proxy: Running, upstream: Upstream) -> None:
    """Byte for byte, numbers as they were written, both ways."""
    body = (
        b'{"object":"list", "data":[{"object":"embedding","index":0,"embedding":[0.10, 1e-3]}], "model":"m"}'
    )
    upstream.script = raw(body)

    with sync(proxy) as client:
        told = client.embeddings.with_raw_response.create(
            model="gpt-real", input=[1, 2], encoding_format="float", dimensions=2, user="u"
        )

    assert told.content == body


def test_a_text_beside_a_vector_is_inspected(proxy: Running, upstream: Upstream) -> None:
    """Also when it makes the reply a blocked one: then it is an error, as there is no empty vector."""
    with sync(proxy) as client:
        upstream.script = embedded(False, note=f"Card {CARD}")
        reply: Any = client.embeddings.create(model="gpt-test", input="hi", encoding_format="float")
        upstream.script = embedded(False, note="kryptonite")
        with pytest.raises(openai.BadRequestError) as raised:
            client.embeddings.create(model="gpt-test", input="hi")

    assert reply.note == "Card [CARD]"
    assert reply.data[0].embedding == VECTOR
    assert raised.value.code == "content_filter"


# --- moderations


def test_a_moderation_by_the_policy(proxy: Running, upstream: Upstream) -> None:
    """No provider is asked; the official type reads the answer."""
    with sync(proxy) as client:
        reply = client.moderations.create(input=["kryptonite", "fine"])
        parts = client.moderations.create(
            model="omni-moderation-latest", input=[{"type": "text", "text": "kryptonite"}]
        )

    assert [result.flagged for result in (*reply.results, *parts.results)] == [True, False, True]
    assert reply.results[0].categories.to_dict()["guardhouse/forbidden"] is True
    assert reply.results[0].category_scores.violence == 0.0
    assert reply.model.startswith("guardhouse/test@")
    assert upstream.bodies == []


def test_a_moderation_by_a_provider(proxy: Running, upstream: Upstream) -> None:
    """Where the model named is one that is served."""
    upstream.script = raw(b'{"id":"modr-1","model":"gpt-real","results":[{"flagged":true}]}')

    with sync(proxy) as client:
        reply = client.moderations.create(model="gpt-test", input="hi")

    assert reply.results[0].flagged
    assert len(upstream.bodies) == 1


# --- the refusal style


@pytest.fixture(scope="module")
def polite(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy whose policy declines politely, and lets nothing pass that it cannot read."""
    folder, base = tmp_path_factory.mktemp("polite"), f"http://127.0.0.1:{_upstream.port}/v1"
    with served(make_app(folder, base, policy(block_style="refusal", unscannable="block"))) as running:
        yield running


@pytest.mark.parametrize("prompt", ["kryptonite", [1, 2, 3]])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_completion_declines_politely(
    polite: Running, upstream: Upstream, prompt: Any, streamed: bool
) -> None:
    """A text of our own with `content_filter`, streamed if asked so; nobody was asked for it."""
    with sync(polite) as client:
        told: Any = client.completions.create(model="gpt-test", prompt=prompt, stream=streamed)
        [reply] = list(told) if streamed else [told]

    assert (reply.choices[0].text, reply.choices[0].finish_reason) == (REFUSAL, "content_filter")
    assert reply.usage is None
    assert upstream.bodies == []
    polite.recorder.forget()


@pytest.mark.parametrize("value", ["kryptonite", [1, 2, 3]])
def test_an_embedding_is_refused_with_an_error(polite: Running, upstream: Upstream, value: Any) -> None:
    """A vector that declines would be taken for the text's."""
    with sync(polite) as client, pytest.raises(openai.BadRequestError) as raised:
        client.embeddings.create(model="gpt-test", input=value)

    assert (raised.value.code, raised.value.param) == ("content_filter", "/input")
    assert upstream.bodies == []


# --- errors

ROUTES: dict[str, Callable[[openai.OpenAI, Any], Any]] = {
    "completions": lambda client, change: client.completions.create(
        **{"model": "gpt-test", "prompt": "hi", **change}
    ),
    "embeddings": lambda client, change: client.embeddings.create(
        **{"model": "gpt-test", "input": "hi", **change}
    ),
    "moderations": lambda client, change: client.moderations.create(
        **{"model": "gpt-test", "input": "hi", **change}
    ),
}
SLOW = raw(b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}', 429)
ERRORS: list[tuple[dict[str, Any], Script, type[openai.APIStatusError], str]] = [
    ({"user": "kryptonite"}, raw(b"{}"), openai.BadRequestError, "content_filter"),
    ({"prompt": 5, "input": 5}, raw(b"{}"), openai.BadRequestError, "invalid_type"),
    ({}, SLOW, openai.RateLimitError, "rate_limit_exceeded"),
    ({}, raw(b"oops", 500), openai.InternalServerError, "upstream_error"),
    ({}, raw(b""), openai.InternalServerError, "upstream_error"),
    ({}, raw(b"[]"), openai.InternalServerError, "upstream_error"),
    (
        {},
        raw(b'{"error": {"message": "no", "code": "overloaded"}}'),
        openai.InternalServerError,
        "overloaded",
    ),
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("change", "script", "kind", "code"), ERRORS)
def test_errors_raise_the_right_class(
    proxy: Running, upstream: Upstream, route: str, change: Any, script: Script, kind: Any, code: str
) -> None:
    """Each error is the exception an app already catches, with its code."""
    upstream.script = script
    own = "prompt" if route == "completions" else "input"
    given = {name: value for name, value in change.items() if name == own}
    if "user" in change:
        given["extra_body"] = change

    with sync(proxy) as client, pytest.raises(kind) as raised:
        ROUTES[route](client, given)

    assert type(raised.value) is kind
    assert raised.value.code == code


@pytest.mark.parametrize("route", ["completions", "embeddings"])
def test_an_unknown_model_is_not_found(proxy: Running, upstream: Upstream, route: str) -> None:
    """For moderations the policy judges instead."""
    with sync(proxy) as client, pytest.raises(openai.NotFoundError) as raised:
        ROUTES[route](client, {"model": "nobody"})

    assert raised.value.code == "model_not_found"


def test_batches_and_files_are_refused_clearly(proxy: Running, upstream: Upstream) -> None:
    """What would pass uninspected does not pass, and the error says so."""
    with sync(proxy) as client:
        calls: list[Callable[[], Any]] = [
            lambda: client.files.create(file=b"{}", purpose="batch"),
            lambda: client.batches.create(
                completion_window="24h", endpoint="/v1/completions", input_file_id="f"
            ),
            lambda: client.audio.speech.create(model="tts-1", voice="alloy", input="hi"),
            lambda: client.images.generate(prompt="a cat"),
            lambda: client.fine_tuning.jobs.create(model="m", training_file="f"),
            client.files.list,
        ]
        for call in calls:
            with pytest.raises(openai.NotFoundError, match="uninspected") as raised:
                call()
            assert raised.value.code == "unknown_url"
    assert upstream.bodies == []
