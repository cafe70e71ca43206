"""Whether exchanges of one agent run are known to belong together: pairs put together rightly, wrongly, and missed.

Every request passes the whole proxy, with masking on; truth is which simulated agent sent it.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from proxy.app import App, create_app
from proxy.config_deployments import Deployment
from proxy.exchange import Exchange
from proxy.providers.base import Call, EventStream, Reply, ReplyStream
from proxy.routing import Router
from proxy.settings import Settings
from tests.bench.agent_runs import Agent, Ask, Said
from tests.bench.report import Row, command
from tests.servers import MemoryRecorder

RUNS, TOGETHER = 1_000, 60
_POLICY = {
    "name": "bench",
    "rules": [
        {
            "id": "pii",
            "check": "pii",
            "with": {"entities": ["EMAIL_ADDRESS"]},
            "stages": ["input", "tool_result"],
            "action": "pseudonymize",
        },
        {"id": "secrets", "check": "secrets", "stages": ["input", "output"], "action": "redact"},
    ],
}
_TOKEN = re.compile(r"EMAIL_ADDRESS_[0-9a-f]{10}")
_ANSWER: contextvars.ContextVar[Said | None] = contextvars.ContextVar("answer")


class Step(NamedTuple):
    """One exchange that took place."""

    run: str
    """Which one it is in truth."""
    id: str
    talks: bool
    """Its agent has no tools."""


def _filled(text: str, request: bytes) -> str:
    found = _TOKEN.search(request.decode())
    return text.replace("TOKEN", found[0] if found else "nobody")


class Scripted:
    """A provider that says what the agent's script wants, with the pseudonyms it was sent."""

    name = "fake"

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The whole answer."""
        said = _ANSWER.get()
        if said is None:
            return Reply(503, {}, b'{"error": {"message": "overloaded", "type": "server_error"}}')
        sent = orjson.dumps(call.payload)
        text = _filled(said.text, sent)
        calls = [(id, name, orjson.loads(_filled(json.dumps(told), sent))) for id, name, told in said.calls]
        return Reply(200, {}, orjson.dumps(_BODIES[call.path](text, calls)))

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The same as a stream of three chunks."""
        whole = await self.complete(deployment, call)
        if whole.status != 200:
            return whole
        body = orjson.loads(whole.body)
        message = body["choices"][0]["message"]
        deltas = [
            {"role": "assistant", "content": (message["content"] or "")[:7]},
            {"content": (message["content"] or "")[7:]},
        ]
        for place, called in enumerate(message.get("tool_calls") or ()):
            deltas.append({"tool_calls": [{"index": place, **called}]})

        async def events() -> AsyncGenerator[bytes, None]:
            head = {"id": body["id"], "object": "chat.completion.chunk", "created": 1, "model": "m"}
            for delta in deltas:
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                yield b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"
            choice = {"index": 0, "delta": {}, "finish_reason": body["choices"][0]["finish_reason"]}
            yield b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\ndata: [DONE]\n\n"

        return EventStream(events(), {})

    async def aclose(self) -> None:
        """Nothing to close."""


def _chat(text: str, calls: Any) -> dict[str, Any]:
    made = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(told)}}
        for id, name, told in calls
    ]
    message = {"role": "assistant", "content": text or None, **({"tool_calls": made} if made else {})}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if made else "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }


def _responses(text: str, calls: Any) -> dict[str, Any]:
    output: list[dict[str, Any]] = []
    if text:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        output.append(
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        )
    output += [
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": id,
            "name": name,
            "arguments": json.dumps(told),
            "status": "completed",
        }
        for id, name, told in calls
    ]
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": output}


def _messages(text: str, calls: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": id, "name": name, "input": told} for id, name, told in calls]
    stop = "tool_use" if calls else "end_turn"
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


_BODIES = {"/v1/chat/completions": _chat, "/v1/responses": _responses, "/v1/messages": _messages}


def heard(ask: Ask, body: bytes) -> Said:
    """A reply as an agent's client understands it."""
    if ask.path == "/v1/messages":
        content = orjson.loads(body)["content"]
        text = "".join(block["text"] for block in content if block["type"] == "text")
        calls = [(b["id"], b["name"], b["input"]) for b in content if b["type"] == "tool_use"]
        return Said(text, calls)
    if ask.path == "/v1/responses":
        output = orjson.loads(body)["output"]
        text = "".join(item["content"][0]["text"] for item in output if item["type"] == "message")
        asked = [item for item in output if item["type"] == "function_call"]
        return Said(text, [(c["call_id"], c["name"], orjson.loads(c["arguments"])) for c in asked])
    if not ask.stream:
        message = orjson.loads(body)["choices"][0]["message"]
        asked = message.get("tool_calls") or []
        text = message["content"] or ""
    else:
        frames = [orjson.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
        deltas = [choice["delta"] for frame in frames for choice in frame["choices"]]
        text = "".join(delta.get("content") or "" for delta in deltas)
        asked = _calls(deltas)
    return Said(
        text,
        [(c["id"], c["function"]["name"], orjson.loads(c["function"]["arguments"])) for c in asked],
    )


def _calls(deltas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    made: dict[int, dict[str, Any]] = {}
    for piece in (piece for delta in deltas for piece in delta.get("tool_calls") or ()):
        call = made.setdefault(piece["index"], {"id": "", "function": {"name": "", "arguments": ""}})
        call["id"] = piece.get("id") or call["id"]
        body = piece.get("function") or {}
        call["function"]["name"] += body.get("name") or ""
        call["function"]["arguments"] += body.get("arguments") or ""
    return [made[place] for place in sorted(made)]


class Recorder(MemoryRecorder):
    """Keeps what is told of runs, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[str, tuple[str | None, str | None]] = {}

    def record(self, exchange: Exchange) -> None:
        """Keep the exchange's run."""
        self.runs[exchange.id] = exchange.run_id, exchange.run_source


def make_app(folder: Path) -> App:
    """A proxy in front of the scripted provider."""
    file = folder / "guardhouse.yaml"
    config = {
        "model_list": [{"model_name": "m", "litellm_params": {"model": "fake/echo"}}],
        "router_settings": {"num_retries": 0, "allowed_fails": 10**6},
        "guardhouse": {"data_dir": str(folder / "data"), "policy": _POLICY},
    }
    file.write_text(json.dumps(config))
    app = create_app(Settings(config=file, admin_key="sk-bench"))  # type: ignore[arg-type]
    recorder, router = Recorder(), Router(app.context.config, {"fake": Scripted()})
    return App(replace(app.context, recorder=recorder, router=router), recorder, app._state)  # type: ignore[arg-type]


async def _send(app: App, ask: Ask, headers: dict[str, str]) -> tuple[str, int, bytes]:
    """Trace id, status and body of one request."""
    _ANSWER.set(ask.answer)
    body, sent, parts = orjson.dumps(ask.body), [], []
    told = {"authorization": "Bearer sk-bench", "content-type": "application/json", **headers}
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]

    async def receive() -> dict[str, Any]:
        if sent:
            await asyncio.Event().wait()
        sent.append(True)
        return {"type": "http.request", "body": body, "more_body": False}

    head: dict[str, Any] = {}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(
        {"type": "http", "method": "POST", "path": ask.path, "headers": pairs, "query_string": b""},
        receive,
        send,
    )
    return dict(head["headers"])[b"x-guardhouse-trace-id"].decode(), head["status"], b"".join(parts)


async def simulate(app: App, count: int, named: str = "") -> list[Step]:
    """Every exchange of so many runs, many at once, in an order of chance."""
    dice = random.Random(7)
    waiting = [Agent(f"run-{number}", dice) for number in range(count)]
    live: list[tuple[Agent, Any, Any]] = []
    told: list[Step] = []
    while waiting or live:
        while waiting and len(live) < TOGETHER:
            agent = waiting.pop()
            live.append((agent, agent.requests(), None))
        batch = [live.pop(dice.randrange(len(live))) for _ in range(min(6, len(live)))]
        asks: list[tuple[Agent, Any, Ask]] = []
        for agent, steps, said in batch:
            try:
                step = steps.send(said)
            except StopIteration:
                continue
            if isinstance(step, Agent):
                live.append((step, step.requests(), None))
                live.append((agent, steps, None))
            else:
                asks.append((agent, steps, step))
        replies = await asyncio.gather(
            *(_send_apart(app, ask, _headers(named, ask.run, dice)) for _, _, ask in asks)
        )
        for (agent, steps, ask), (id, status, body) in zip(asks, replies, strict=True):
            told.append(Step(ask.run, id, agent.habits.talks))
            if (status == 200) is (ask.answer is None):
                raise SystemExit(f"unexpected {status}: {body[:300]!r}")
            live.append((agent, steps, heard(ask, body) if status == 200 else None))
    return told


def _send_apart(app: App, ask: Ask, headers: dict[str, str]) -> asyncio.Task[tuple[str, int, bytes]]:
    return asyncio.create_task(_send(app, ask, headers), context=contextvars.copy_context())


def _headers(named: str, run: str, dice: random.Random) -> dict[str, str]:
    if named == "header":
        return {"x-guardhouse-session": run}
    if named == "traceparent":
        trace = random.Random(run).getrandbits(128) | 1
        return {"traceparent": f"00-{trace:032x}-{dice.getrandbits(64) | 1:016x}-01"}
    return {}


def pairwise(true: Sequence[str], found: Sequence[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the pairs that two groupings put together."""

    def pairs(groups: Counter[Any]) -> int:
        return sum(size * (size - 1) // 2 for size in groups.values())

    both = pairs(Counter(zip(true, found, strict=True)))
    precision, recall = both / pairs(Counter(found)), both / pairs(Counter(true))
    return precision, recall, 2 * precision * recall / (precision + recall)


def _scored(recorder: Any, told: Sequence[Step]) -> tuple[float, float, float]:
    return pairwise([step.run for step in told], [recorder.runs[step.id][0] for step in told])


def measure(quick: bool) -> list[Row]:
    """The figures with nothing to go by but the messages, with a header, and with a trace context."""
    count = 200 if quick else RUNS
    rows: list[Row] = []
    for named, bar in (("", 0.98), ("header", 1.0), ("traceparent", 1.0)):
        with tempfile.TemporaryDirectory() as folder:
            app = make_app(Path(folder))
            began = time.process_time()
            told = asyncio.run(simulate(app, count, named))
            spent = time.process_time() - began
        recorder: Any = app.context.recorder
        sources = Counter(recorder.runs[step.id][1] for step in told)
        precision, recall, f1 = _scored(recorder, told)
        talks = _scored(recorder, [step for step in told if step.talks])
        by = f"with {named}" if named else "without a header"
        note = f"{len(told):,} exchanges of {len({step.run for step in told}):,} runs; " + ", ".join(
            f"{source} {times:,}" for source, times in sources.most_common()
        )
        rows += [
            Row(f"pairwise precision {by}", precision),
            Row(f"pairwise recall {by}", recall),
            Row(f"pairwise F1 {by}", f1, bar=bar, least=True, must=True, note=note),
            Row(f"the same of conversations without tools {by}", talks[2], bar=bar, least=True),
            Row(f"CPU of an exchange, all of it, {by}", spent / len(told) * 1e3, "ms"),
        ]
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
