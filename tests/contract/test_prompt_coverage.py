"""No place of a completion, an embedding or a moderation that can hold a text is overlooked: as test_coverage, for these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.passage import SECRET, Passage, passage
from tests.contract.shapes import smallest
from tests.contract.test_coverage import FORMS, cases, exempt

CHOICE = {"index": 0, "text": "Hi.", "logprobs": None, "finish_reason": "stop"}
VECTOR = {"object": "embedding", "index": 0, "embedding": [0.5]}
ANSWERS: dict[str, dict[str, Any]] = {
    "completions": {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [CHOICE],
    },
    "embeddings": {"object": "list", "model": "m", "data": [VECTOR]},
    "moderations": {"id": "modr-1", "model": "m", "results": []},
}
ASKS: dict[str, dict[str, Any]] = {
    "completions": {"model": "gpt-test", "prompt": "Hello"},
    "embeddings": {"model": "gpt-test", "input": "Hello"},
    "moderations": {"model": "gpt-test", "input": "Hello"},
}
END = {**ANSWERS["completions"], "choices": [{**CHOICE, "text": ""}]}


@pytest.fixture(scope="module", params=["redact", "block"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Passage:
    """One proxy for all cases, whose policy knows the secret."""
    return passage(tmp_path_factory.mktemp("coverage"), request.param)


def completed(name: str, request: dict[str, Any]) -> dict[str, Any]:
    """A planted request with a model that is served and a text, so that only the canary can be amiss."""
    model = "gpt-test" if request.get("model", "x") == smallest(str) else request["model"]
    asked = {**ASKS[name], **request, "model": model}
    return asked if name == "completions" or asked["input"] else {**asked, "input": "Hello"}


def answered(name: str, reply: dict[str, Any]) -> dict[str, Any]:
    """A planted reply that is whole."""
    return reply if name != "completions" or reply["choices"] else {**reply, "choices": [CHOICE]}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ASKS)
async def test_no_place_of_a_request_is_overlooked(proxied: Passage, name: str, form: str) -> None:
    """Neither the provider nor the trace gets the secret, wherever the caller puts it."""
    requests, passed = cases(f"{name}-request", form), set()
    for path, request in requests.items():
        seen = await proxied.send(completed(name, request), ANSWERS[name], path=f"/v1/{name}")
        if SECRET in seen.provider + seen.trace:
            passed.add(path)

    assert passed == (exempt(f"{name}-request", requests) if form == "word" else set())


@pytest.mark.parametrize("form", FORMS)
async def test_a_moderation_by_the_policy_keeps_and_sends_nothing(proxied: Passage, form: str) -> None:
    """Without a provider there is only the trace, and the answer names rules."""
    for path, request in cases("moderations-request", form).items():
        asked = {**completed("moderations", request), "model": FORMS[form]}
        seen = await proxied.send(asked, path="/v1/moderations")

        assert SECRET not in seen.provider + seen.trace + seen.caller, path
        assert seen.provider == "", path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ASKS)
async def test_no_place_of_a_whole_reply_is_overlooked(proxied: Passage, name: str, form: str) -> None:
    """Neither the caller nor the trace gets the secret, wherever the provider puts it."""
    replies, passed = cases(f"{name}-reply", form), set()
    for path, reply in replies.items():
        for streamed in [False, True] if name == "completions" else [False]:
            asked = {**ASKS[name], "stream": streamed}
            seen = await proxied.send(asked, answered(name, reply), path=f"/v1/{name}")
            if SECRET in seen.caller + seen.trace:
                passed.add(path)

    assert passed == (exempt(f"{name}-reply", replies) if form == "word" else set())


@pytest.mark.parametrize("form", FORMS)
async def test_no_place_of_a_streamed_completion_is_overlooked(proxied: Passage, form: str) -> None:
    """The same for each place of a chunk."""
    chunks, passed = cases("completions-chunk", form), set()
    for path, chunk in chunks.items():
        asked = {**ASKS["completions"], "stream": True}
        seen = await proxied.send(asked, [chunk, END], path="/v1/completions")
        if SECRET in seen.caller + seen.trace:
            passed.add(path)

    assert passed == (exempt("completions-chunk", chunks) if form == "word" else set())


@pytest.mark.parametrize("side", ["request", "reply"])
@pytest.mark.parametrize("name", ASKS)
async def test_what_is_masked_still_arrives(tmp_path: Path, name: str, side: str) -> None:
    """Nearly every case goes the whole way with only the secret changed: the tests above look at real traffic."""
    proxied, made, arrived = passage(tmp_path, "redact"), cases(f"{name}-{side}", "text"), 0
    for document in made.values():
        if side == "request":
            seen = await proxied.send(completed(name, document), ANSWERS[name], path=f"/v1/{name}")
            arrived += "[KEY]" in seen.provider
        else:
            seen = await proxied.send(ASKS[name], answered(name, document), path=f"/v1/{name}")
            arrived += "[KEY]" in seen.caller

    assert arrived > 0.6 * len(made), arrived / len(made)
