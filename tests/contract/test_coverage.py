"""Every place of a request and of a reply that can hold a text is inspected, or stands in a table with its reason.

The places come from the types of the official `openai` package: what OpenAI adds there is tested the day we take it.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Required, TypedDict

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.shared import ErrorObject

from tests.contract.exempt import EXEMPT
from tests.contract.passage import SAID, SECRET, Passage, passage
from tests.contract.prompt_shapes import PROMPTS
from tests.contract.shapes import planted, smallest

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "coverage.md"
USER = {"role": "user", "content": "Hello"}
ASK = {"model": "gpt-test", "messages": [USER]}
FORMS = {"word": SECRET, "text": f"My key is {SECRET}, keep it."}
"""The secret alone, where a word of the protocol could stand, and inside a sentence."""
END = {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


class Hit(TypedDict, total=False):
    """A retrieved document, as `guardhouse.retrieval` takes it."""

    doc_id: Required[str]
    text: Required[str]
    score: float


class Retrieval(TypedDict, total=False):
    """The longer form of `guardhouse.retrieval`."""

    query: str
    hits: Required[list[Hit]]


class Extension(TypedDict, total=False):
    """What a request may tell the proxy."""

    retrieval: Required[list[Hit] | Retrieval]


class Failure(TypedDict, total=False):
    """What a provider answers that does not answer."""

    error: Required[ErrorObject]


SHAPES: dict[str, Any] = {
    "request": CompletionCreateParams,
    "extension": Extension,
    "reply": ChatCompletion,
    "chunk": ChatCompletionChunk,
    "error": Failure,
    "failure": Failure,
    **PROMPTS,
}
"""By side of an exchange: what it looks like."""


@pytest.fixture(scope="module", params=["redact", "block"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Passage:
    """One proxy for all cases, whose policy knows the secret."""
    return passage(tmp_path_factory.mktemp("coverage"), request.param)


def exempt(side: str, paths: Iterable[str]) -> set[str]:
    """The paths of one side that are exempt."""
    patterns = [name.removeprefix(f"{side} ") for name in EXEMPT if name.startswith(f"{side} ")]
    return {path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)}


def cases(side: str, form: str) -> dict[str, dict[str, Any]]:
    """By path: a document of that side with the secret there."""
    return {path: made for path, made in planted(SHAPES[side], FORMS[form]).items() if isinstance(made, dict)}


def completed(request: dict[str, Any]) -> dict[str, Any]:
    """A planted request with a model that is served and a message, so that only the canary can be amiss."""
    model = "gpt-test" if request["model"] == smallest(str) else request["model"]
    return {**request, "model": model, "messages": request["messages"] or [USER]}


@pytest.mark.parametrize("form", FORMS)
async def test_no_place_of_a_request_is_overlooked(proxied: Passage, form: str) -> None:
    """Neither the provider nor the trace gets the secret, wherever the caller puts it."""
    requests = cases("request", form)
    seen = {path: await proxied.send(completed(request)) for path, request in requests.items()}

    passed = {path for path, saw in seen.items() if SECRET in saw.provider + saw.trace}
    assert passed == (exempt("request", requests) if form == "word" else set())


@pytest.mark.parametrize("form", FORMS)
async def test_no_place_of_our_extension_is_overlooked(proxied: Passage, form: str) -> None:
    """What was retrieved never reaches the provider, and the trace only as the rules let it."""
    for path, extension in cases("extension", form).items():
        seen = await proxied.send({**ASK, "guardhouse": extension})

        assert SECRET not in seen.provider + seen.trace, path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_no_place_of_a_whole_reply_is_overlooked(proxied: Passage, form: str, streamed: bool) -> None:
    """Neither the caller nor the trace gets the secret, wherever the provider puts it."""
    replies = cases("reply", form)
    passed = set()
    for path, reply in replies.items():
        answer = {**reply, "choices": reply["choices"] or [SAID]}
        seen = await proxied.send({**ASK, "stream": streamed}, answer)
        if SECRET in seen.caller + seen.trace:
            passed.add(path)

    assert passed == (exempt("reply", replies) if form == "word" else set())


@pytest.mark.parametrize("form", FORMS)
async def test_no_place_of_a_streamed_reply_is_overlooked(proxied: Passage, form: str) -> None:
    """The same for each place of a chunk."""
    chunks = cases("chunk", form)
    seen = {path: await proxied.send({**ASK, "stream": True}, [chunk, END]) for path, chunk in chunks.items()}

    passed = {path for path, saw in seen.items() if SECRET in saw.caller + saw.trace}
    assert passed == (exempt("chunk", chunks) if form == "word" else set())


@pytest.mark.parametrize("form", FORMS)
async def test_no_place_of_an_error_is_overlooked(proxied: Passage, form: str) -> None:
    """A provider's error is inspected too: as the reply of a refusal, and inside what it calls an answer."""
    errors, passed = cases("error", form), set()
    for path, error in errors.items():
        refused = await proxied.send(ASK, error, 400)
        answered = [await proxied.send(ASK, error), await proxied.send({**ASK, "stream": True}, [error])]

        assert SECRET not in refused.caller + refused.trace, path
        if any(SECRET in seen.caller + seen.trace for seen in answered):
            passed.add(path)

    assert not passed


@pytest.mark.parametrize("side", ["request", "reply", "chunk"])
async def test_what_is_masked_still_arrives(tmp_path: Path, side: str) -> None:
    """Nearly every case goes the whole way with only the secret changed: the tests above look at real traffic."""
    proxied, made, arrived = passage(tmp_path, "redact"), cases(side, "text"), 0
    for document in made.values():
        if side == "request":
            arrived += "[KEY]" in (await proxied.send(completed(document))).provider
        elif side == "reply":
            answer = {**document, "choices": document["choices"] or [SAID]}
            arrived += "[KEY]" in (await proxied.send(ASK, answer)).caller
        else:
            asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
            arrived += "[KEY]" in (await proxied.send(asked, [document, END])).caller

    assert arrived > 0.7 * len(made), arrived / len(made)


def test_every_exemption_is_of_a_place_that_exists() -> None:
    """A pattern that fits nothing is removed."""
    for name in EXEMPT:
        side, pattern = name.split(" ")

        assert any(fnmatchcase(path, pattern) for path in cases(side, "word")), name


def test_the_documentation_lists_the_exemptions() -> None:
    """The table on the page about coverage is the table that is tested."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if "| `/" in line]

    listed = {f"{side} {place.strip('`')}": reason for side, place, reason in rows if side in SHAPES}
    assert listed == EXEMPT
