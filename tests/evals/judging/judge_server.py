"""A judge on a real socket that rules by plain rules, and ways in which its replies go wrong.

It reads the material from between the marks of the prompt, as a good judge does: orders in it are text.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

MODEL = "judge-1"
Reply = tuple[int, Any, dict[str, str]]
Script = Callable[[dict[str, Any]], Reply]
_FENCED = re.compile(r"<<<([A-Z]+) ([0-9a-f]{16})\n(.*?)\n\2 \1>>>", re.S)
_NUMBERED = re.compile(r"^(\d+)\. (.*)$", re.M)


def material(request: Mapping[str, Any]) -> dict[str, str]:
    """What stands between the marks, by field."""
    return {name.lower(): text for name, _, text in _FENCED.findall(request["messages"][1]["content"])}


def verdict(request: Mapping[str, Any]) -> str:
    """The JSON of the ruling that is right: one text is as the other says when it holds its words."""
    told = material(request)
    if "claims" in told:
        return _each(told["claims"], told["context"], "supported", "unsupported")
    if "statements" in told:
        return _each(told["statements"], told["context"], "found", "missing")
    if "passage" in told:
        return json.dumps(
            {"explanation": "", "verdict": "useful" if told["expected"] in told["passage"] else "useless"}
        )
    right = told["expected"].lower() in told["answer"].lower()
    return json.dumps({"explanation": "Compared.", "verdict": "correct" if right else "wrong"})


def _each(numbered: str, context: str, good: str, bad: str) -> str:
    """A ruling on each of several texts."""
    verdicts = [
        {"number": int(number), "verdict": good if text in " ".join(context.split()) else bad}
        for number, text in _NUMBERED.findall(numbered)
    ]
    return json.dumps({"explanation": "Looked for.", "verdicts": verdicts})


def said(text: str | None, **fields: Any) -> dict[str, Any]:
    """A chat completion of the judge's."""
    return {
        "id": "r1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        **fields,
    }


def rightly(request: dict[str, Any]) -> Reply:
    """Every ruling as it should be."""
    return 200, said(verdict(request)), {}


RECOVERED: dict[str, Callable[[str], str]] = {
    "fenced": lambda good: f"```json\n{good}\n```",
    "prose": lambda good: f"Here is what I think of it.\n\n{good}\n\nI hope that this helps.",
}
"""Ways of telling a ruling that are read all the same."""
BROKEN: dict[str, Callable[[str], str]] = {
    "truncated": lambda good: good[: len(good) * 2 // 3],
    "empty": lambda good: "",
    "refusal": lambda good: "I'm sorry, but I cannot help with that.",
    "off the menu": lambda good: re.sub(r'("verdict": )"\w+"', r'\1"rather good"', good),
    "out of range": lambda good: re.sub(r'("verdict": )"\w+"', r"\1 7", good),
    "wrong schema": lambda good: json.dumps({"score": 1.0, "label": "correct"}),
}
"""Ways that say nothing which may be taken for a verdict."""


class JudgeServer:
    """Answers by a script that a test gives."""

    def __init__(self, script: Script = rightly) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.models_status = 200
        self.delay_s = 0.0
        self.base_url = ""
        self.open = self.most_open = 0

    async def chat(self, request: web.Request) -> web.Response:
        """One scripted answer."""
        asked = await request.json()
        self.requests.append(asked)
        self.keys.add(request.headers.get("authorization", "").removeprefix("Bearer "))
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            await asyncio.sleep(self.delay_s)
            status, body, headers = self.script(asked)
        finally:
            self.open -= 1
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    async def list_models(self, request: web.Request) -> web.Response:
        """The probe."""
        return web.json_response({"object": "list", "data": []}, status=self.models_status)


@contextmanager
def serving(script: Script = rightly) -> Iterator[JudgeServer]:
    """A judge in a thread of its own, so that commands with their own event loop can use it."""
    server, loop, ready = JudgeServer(script), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", server.chat)
        app.router.add_get("/v1/models", server.list_models)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
