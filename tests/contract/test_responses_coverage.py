"""Every place of the Responses wire that can hold a text is inspected, or stands in a table with its reason.

The places come from the types of the official `openai` package. There are thousands of them: the dialect itself is
asked about each, and for some of them one exchange goes through the whole proxy.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from guardrails import policy as policies
from guardrails.engine import Guard, load_guard
from guardrails.types import Edit, Segment
from proxy.dialects.responses_dialect import RESPONSES
from proxy.dialects.responses_stream import ResponsesStream
from proxy.errors import BadRequest, UpstreamError
from proxy.sse import Decoder
from tests.contract.exempt_responses import EXEMPT
from tests.contract.passage import SECRET, Passage, passage
from tests.contract.shapes import _bare, _options, planted, smallest, strings
from tests.proxy.dialects.responses_replies import message, reply
from tests.proxy.policies import INPUTS, policy

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "coverage.md"
FORMS = {"word": SECRET, "text": f"My key is {SECRET}, keep it."}
"""The secret alone, where a word of the protocol could stand, and inside a sentence."""
SHAPES: dict[str, Any] = {"responses": ResponseCreateParamsNonStreaming, "response": Response}
EVERY = 40
"""Of so many places one is tried through the whole proxy."""


def guard(action: str) -> Guard:
    """A guard whose only rule takes that action on the secret."""
    rule = {
        "id": "key",
        "check": "words",
        "with": {"patterns": [{"name": "KEY", "regex": "AKIA[A-Z0-9]{16}"}]},
        "stages": [*INPUTS, "tool_call", "output"],
        "action": action,
    }
    return load_guard(policies.parse(policy([rule])), b"k" * 32)


def cases(side: str, form: str) -> dict[str, dict[str, Any]]:
    """By path: a document of that side with the secret there, as far as the API would take it."""
    made = {}
    for path, document in planted(SHAPES[side], FORMS[form]).items():
        if not isinstance(document, dict):
            continue
        if side == "responses":
            document = completed(document)
            try:
                RESPONSES.check(document)
            except BadRequest:
                continue
        elif not isinstance(document["output"], list):
            continue
        made[path] = document
    return made


def completed(request: dict[str, Any]) -> dict[str, Any]:
    """A planted request with a model that is served and an input, so that only the canary can be amiss."""
    return {"input": "Hello", **request, "model": "gpt-test"}


def exempt(side: str, paths: Iterable[str]) -> set[str]:
    """The paths of one side that are exempt."""
    patterns = [name.removeprefix(f"{side} ") for name in EXEMPT if name.startswith(f"{side} ")]
    return {path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)}


def masked(document: dict[str, Any], found: Iterable[Segment]) -> str:
    """The document with the secret taken out of all its texts."""
    places = [(each, each.text.index(SECRET)) for each in found if SECRET in each.text]
    edits = [Edit(each.pointer, at, at + len(SECRET), "[KEY]", each.within) for each, at in places]
    return json.dumps(RESPONSES.edited(document, edits))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("side", SHAPES)
def test_no_place_is_overlooked(side: str, form: str) -> None:
    """Each place is a text that can be edited there, or exempt; inside a sentence nothing is exempt."""
    read = RESPONSES.texts if side == "responses" else RESPONSES.reply_texts
    made = cases(side, form)

    passed = {path for path, document in made.items() if SECRET in masked(document, read(document))}

    assert passed == (exempt(side, made) if form == "word" else set())
    assert len(made) > 2000


def events(form: str) -> dict[str, dict[str, Any]]:
    """By path: an event with the secret there. Of equal things in several events one is taken."""
    made = {}
    for shape in _options(_bare(ResponseStreamEvent)):
        name = smallest(shape)["type"]
        for path, event in planted(shape, FORMS[form]).items():
            repeated = path.startswith("/response/") and name != "response.completed"
            repeated |= (
                path.startswith("/item") and name != "response.output_item.done" and path != "/item_id"
            )
            repeated |= path.startswith("/response/instructions/")
            if isinstance(event, dict) and not repeated:
                made[f"{name} {path}"] = event
    return made


def event_exempt(names: Iterable[str]) -> set[str]:
    """The events whose place is exempt: as in a response, by the member that holds a part of one."""
    found = set()
    for name in names:
        path = name.split(" ")[1]
        whole = path.removeprefix("/response") if path.startswith("/response/") else path
        whole = (
            whole.replace("/item", "/output/*", 1)
            if path.startswith("/item") and path != "/item_id"
            else whole
        )
        whole = whole.replace("/part", "/output/*/content/*", 1) if path.startswith("/part") else whole
        whole = whole.replace("/item_id", "/id") if path == "/item_id" else whole
        found |= {name} if exempt("response", [whole]) else set()
    return found


async def streamed(of: Guard, event: dict[str, Any]) -> str:
    """What the caller and the trace get of a stream with that event, the pieces of each text joined."""
    stream = ResponsesStream(of, None)
    try:
        frames = await stream.feed(orjson.dumps(event))
        frames += stream.block() if stream.blocked else await stream.end()
    except UpstreamError as error:
        return error.message
    texts: defaultdict[str, str] = defaultdict(str)
    for payload in Decoder().feed(frames):
        for path, text in strings(orjson.loads(payload)):
            texts[path] += text
    return json.dumps([texts, stream.response()])


@pytest.mark.parametrize("action", ["redact", "block"])
@pytest.mark.parametrize("form", FORMS)
async def test_no_place_of_a_streamed_reply_is_overlooked(action: str, form: str) -> None:
    """The same for each place of each event; inside sentences, and blocked, for some of them."""
    made, of = events(form), guard(action)
    made = made if (action, form) == ("redact", "word") else some(made)
    seen = {name: await streamed(of, event) for name, event in made.items()}

    passed = {name for name, saw in seen.items() if SECRET in saw}
    # A delta with such an id has no text in it, and a blocked or empty stream tells nothing of it.
    allowed = event_exempt(made) if form == "word" else set()
    assert passed <= allowed
    assert len(passed) >= 0.9 * len(allowed)
    if action == "redact":
        arrived = sum("[KEY]" in saw for saw in seen.values())
        assert arrived + len(passed) > 0.95 * len(made)


@pytest.fixture(scope="module", params=["redact", "block"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Passage:
    """One proxy whose policy knows the secret."""
    return passage(tmp_path_factory.mktemp("coverage"), request.param, "/v1/responses")


def some(made: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A few of the cases, spread over all of them."""
    return {path: made[path] for path in sorted(made)[::EVERY]}


@pytest.mark.parametrize("form", FORMS)
async def test_nothing_is_overlooked_on_the_whole_way(proxied: Passage, form: str) -> None:
    """Of a request the provider and the trace do not get the secret, of a reply the caller and the trace."""
    requests, replies = some(cases("responses", form)), some(cases("response", form))
    passed, ask, well = set(), completed({}), reply(message("Hi."))
    for path, request in requests.items():
        seen = await proxied.send(request, well)
        passed |= {f"responses {path}"} if SECRET in seen.provider + seen.trace else set()
    for path, answer in replies.items():
        for asked in (ask, {**ask, "stream": True}):
            seen = await proxied.send(asked, answer)
            passed |= {f"response {path}"} if SECRET in seen.caller + seen.trace else set()

    allowed = {f"responses {path}" for path in exempt("responses", requests)}
    allowed |= {f"response {path}" for path in exempt("response", replies)}
    assert passed == (allowed if form == "word" else set())


def test_every_exemption_is_of_a_place_that_exists() -> None:
    """A pattern that fits nothing is removed."""
    made = {side: cases(side, "word") for side in SHAPES}
    for name in EXEMPT:
        side, pattern = name.split(" ")

        assert any(fnmatchcase(path, pattern) for path in made[side]), name


def test_the_documentation_lists_the_exemptions() -> None:
    """The table on the page about coverage is the table that is tested."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if "| `/" in line]

    told = {f"{side} {place.strip('`')}": reason for side, place, reason in rows if side in SHAPES}
    assert told == EXEMPT
