"""The same comparison through the real proxy: each text field of a streamed reply against the reply that is not streamed."""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.bench.guards import WRITTEN
from tests.bench.tally import Tally
from tests.bench.texts import Text, random_pieces
from tests.servers import ADMIN_KEY, Running, Script, Upstream, chunk, make_app, served, stream, whole

PLACES = ("content", "reasoning_content", "refusal", "arguments")
Lane = tuple[int, str]
"""Index of a choice, and one of PLACES."""


@contextmanager
def proxy(policy: str) -> Iterator[tuple[Running, Upstream]]:
    """The proxy with a policy (a shipped one's name, or one of WRITTEN), and the provider behind it."""
    told = json.dumps(yaml.safe_load(WRITTEN[policy]) if policy in WRITTEN else policy)
    upstream = Upstream()
    try:
        with tempfile.TemporaryDirectory() as folder:
            app = make_app(Path(folder), f"http://127.0.0.1:{upstream.port}/v1", told)
            with served(app) as running:
                yield running, upstream
    finally:
        upstream.stop()


def asked(running: Running, streamed: bool) -> http.client.HTTPResponse:
    """The reply to a small request, its body still to be read."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    body = {
        "model": "gpt-test",
        "messages": [{"role": "user", "content": "Go on."}],
        "n": 2,
        "stream": streamed,
    }
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    return connection.getresponse()


def events(reply: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed reply as they come."""
    while line := reply.readline():
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def lanes(message: dict[str, Any], index: int) -> dict[Lane, str]:
    """The texts of one message or delta, by lane."""
    found = {(index, place): message[place] for place in PLACES if isinstance(message.get(place), str)}
    for call in message.get("tool_calls") or ():
        if isinstance(text := call.get("function", {}).get("arguments"), str):
            found[index, "arguments"] = text
    return found


def as_whole(said: dict[Lane, str]) -> Script:
    """A provider's whole reply that says these texts."""
    messages: list[dict[str, Any]] = [{"content": None}, {"content": None}]
    for (index, place), text in said.items():
        if place == "arguments":
            call = {"id": f"c{index}", "type": "function", "function": {"name": "note", "arguments": text}}
            messages[index]["tool_calls"] = [call]
        else:
            messages[index][place] = text
    return whole(messages=messages)


def as_stream(said: dict[Lane, str], chance: Random) -> Script:
    """A provider's streamed reply that says these texts, cut at random, the fields mixed."""
    waiting = {
        lane: [_delta(lane, piece, first=not n) for n, piece in enumerate(random_pieces(text, chance))]
        for lane, text in said.items()
        if text
    }
    frames = [chunk({"role": "assistant"}, index=index) for index in (0, 1)]
    while waiting:
        lane = chance.choice(list(waiting))
        frames.append(chunk(waiting[lane].pop(0), index=lane[0]))
        if not waiting[lane]:
            del waiting[lane]
    return stream([*frames, chunk({}, "stop", 0), chunk({}, "stop", 1), b"data: [DONE]\n\n"])


def _delta(lane: Lane, piece: str, first: bool) -> dict[str, Any]:
    if lane[1] != "arguments":
        return {lane[1]: piece}
    call: dict[str, Any] = {"index": 0, "function": {"arguments": piece}}
    if first:
        call = {
            "index": 0,
            "id": f"c{lane[0]}",
            "type": "function",
            "function": {"name": "note", "arguments": piece},
        }
    return {"tool_calls": [call]}


class Replayed:
    """A streamed lane as it was received, in the shape of a stream that is played."""

    def __init__(self, received: Sequence[str]) -> None:
        self._received = list(received)

    def push(self, text: str) -> str:
        """What came in the next event."""
        return self._received.pop(0)

    def flush(self) -> str:
        """Nothing more."""
        return ""


def compared(
    running: Running, upstream: Upstream, said: dict[Lane, str], taken: Sequence[str], chance: Random
) -> Tally:
    """Every lane of one reply, streamed and not."""
    upstream.script = as_whole(said)
    choices = json.loads(asked(running, False).read())["choices"]
    expected = {
        lane: text for each in choices for lane, text in lanes(each["message"], each["index"]).items()
    }
    upstream.script = as_stream(said, chance)
    received: dict[Lane, list[str]] = {lane: [] for lane in said}
    for event in events(asked(running, True)):
        for part in event.get("choices", ()):
            for lane, text in lanes(part["delta"], part["index"]).items():
                received.setdefault(lane, []).append(text)
    tally = Tally()
    for lane, seen in received.items():
        tally.play(Replayed(seen), seen, expected.get(lane, ""), taken, f"lane {lane}")
    return tally


def through_the_proxy(texts: Sequence[Text], seed: int = 0) -> tuple[Tally, int]:
    """What is counted over some texts, four to a reply (two choices, every field in turn); and the requests.

    All fields of a reply are seen at once by the `everything` policy, which redacts and never blocks.
    """
    tally, requests = Tally(), 0
    with proxy("everything") as (running, upstream):
        for at in range(0, len(texts) - 3, 4):
            chance = Random(f"{seed} {at}")
            chosen = texts[at : at + 4]
            places = [(place % 2, PLACES[(at // 4 + place) % 4]) for place in range(4)]
            said = {lane: text.text for lane, text in zip(places, chosen, strict=True)}
            for lane in said:
                if lane[1] == "arguments":
                    said[lane] = json.dumps({"note": said[lane], "n": 1})
            taken = [value.text for text in chosen for value in text.planted]
            tally.add(compared(running, upstream, said, taken, chance))
            requests += 1
    return tally, requests
