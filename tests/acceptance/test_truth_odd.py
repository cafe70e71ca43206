"""The record of what a policy does beside finding: checks that fail, parts that nobody can read, other policies, reloads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from guardrails.check import BUILT_IN, Check, in_process
from guardrails.types import Segment, Span
from proxy.app import App, create_app
from proxy.settings import Settings
from tests.acceptance.truth import STAGES, read
from tests.acceptance.truth_places import CHAT, CUTS, MESSAGES, RESPONSES, Spoken
from tests.proxy.policies import EMAIL, policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, raw, served, whole

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}
VALUES = {
    "mail": "ada@example.com",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "secret": "AKIAQ3EGRT7LMNB2VX5Z",
    "nothing": "a kind word",
}


class Broken:
    """Cannot look at anything."""

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Fails."""
        raise RuntimeError("ada@example.com broke it")


@in_process()
def broken() -> Check:
    """The check."""
    return Broken()


def _models() -> Iterator[tuple[str, str | dict[str, Any]]]:
    for action in ("flag", "redact", "block"):
        for mode in ("enforce", "shadow"):
            for on_error in ("block", "allow"):
                for style in ("error", "refusal"):
                    rule = {"id": "broken", "check": "odd", "stages": ["input"], "action": action}
                    rule |= {"mode": mode, "on_error": on_error}
                    name = f"broken-{action}-{mode}-{on_error}-{style}"
                    yield name, {"name": name, "block_style": style, "rules": [rule]}
    for action in ("allow", "flag", "block"):
        for style in ("error", "refusal"):
            name = f"unscannable-{action}-{style}"
            rule = {
                "id": "mail",
                "check": "words",
                "with": {"patterns": [EMAIL]},
                "stages": STAGES,
                "action": "redact",
            }
            yield name, {"name": name, "block_style": style, "unscannable": action, "rules": [rule]}
    for shipped in ("default", "strict", "agents"):
        yield f"shipped-{shipped}", shipped
    other = {
        "id": "other",
        "check": "words",
        "with": {"deny": ["zzyzx"]},
        "stages": ["input"],
        "action": "block",
    }
    yield "first", {"name": "first", "rules": [other]}
    yield "second", json.loads(policy())


MODELS = dict(_models())


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """The provider."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with a model for each of these policies; `first` falls back to `second`."""
    BUILT_IN["odd"] = f"{__name__}:broken"
    base = f"http://127.0.0.1:{provider.port}"
    models = [
        {
            "model_name": f"{vendor}-{name}",
            "litellm_params": {
                "model": "openai/gpt-real" if vendor == "gpt" else "anthropic/claude-real",
                "api_base": f"{base}/v1" if vendor == "gpt" else base,
                "api_key": "sk-upstream-secret",
            },
        }
        for name in MODELS
        for vendor in ("gpt", "claude")
    ]
    scopes = [{"models": [f"gpt-{name}", f"claude-{name}"], "policy": told} for name, told in MODELS.items()]
    folder = tmp_path_factory.mktemp("odd")
    app = make_app(folder, "", policy(), models, scopes=scopes)
    file = folder / "guardhouse.yaml"
    told = json.loads(file.read_text())
    told["router_settings"]["fallbacks"] = [{"gpt-first": ["gpt-second"]}]
    file.write_text(json.dumps(told))
    app = make_app_again(app, folder)
    try:
        with served(app) as running:
            yield running
    finally:
        del BUILT_IN["odd"]


def make_app_again(app: App, folder: Path) -> App:
    """The app of the configuration as it stands now, with the recorder of the one before."""
    made = create_app(Settings(config=folder / "guardhouse.yaml", admin_key=ADMIN_KEY))
    recorder = app.context.recorder
    return App(replace(made.context, recorder=recorder), recorder, made._state)


def asked(proxy: Running, provider: Upstream, spoken: Spoken, model: str, body: dict[str, Any]) -> Any:
    """One exchange: what the caller received, and its row."""
    proxy.recorder.forget()
    provider.bodies.clear()
    told = ask(proxy, orjson.dumps({"model": f"{spoken.vendor}-{model}", **body}), path=spoken.path)
    return read(spoken.dialect, told), proxy.recorder.last()


SPOKEN = pytest.mark.parametrize("spoken", [CHAT, RESPONSES, MESSAGES], ids=lambda spoken: spoken.name)


@SPOKEN
@pytest.mark.parametrize("cut", [None, CUTS["at once"]], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("broken")])
def test_a_check_that_fails_is_recorded_as_what_it_did(
    proxy: Running, provider: Upstream, spoken: Spoken, name: str, cut: Any
) -> None:
    """Refused where it fails closed, passed where it fails open; a failure row either way, and no text of it."""
    _, action, mode, on_error, _ = name.split("-")
    provider.script = spoken.answer(spoken.nothing, cut)
    got, row = asked(
        proxy, provider, spoken, name, {**spoken.asked[0].body, **({"stream": True} if cut else {})}
    )

    assert got.refused == (mode == "enforce" and on_error == "block")
    assert row["outcome"] == ("blocked" if got.refused else "flagged")
    assert row["action"] == ("block" if got.refused else "allow")
    assert (row["http_status"], row["attempts"]) == (got.status, len(provider.bodies))
    assert row["upstream_called"] == bool(provider.bodies) == (not got.refused)
    assert [failed["rule"] for failed in row["failures"]] == ["broken"]
    assert row["findings"] == []
    if mode == "enforce" and (action, on_error) != ("flag", "allow"):
        assert row["request"] is None, "what a rule that acts would have masked is not known"
    assert b"broke it" not in orjson.dumps(row) and "ada" not in json.dumps(row["failures"])
    if got.error and "code" in got.error:
        assert row["error"] == {key: got.error[key] for key in ("type", "code", "message", "param")}


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("unscannable")])
def test_what_nobody_can_read_is_recorded_as_what_was_done(
    proxy: Running, provider: Upstream, name: str
) -> None:
    """Refused, or passed on and flagged, or passed on: the finding says which, and the image is not kept."""
    _, action, style = name.split("-")
    provider.script = whole()
    message = {"role": "user", "content": [{"type": "text", "text": "Look."}, IMAGE]}
    got, row = asked(proxy, provider, CHAT, name, {"messages": [message]})

    assert got.refused == (action == "block") == (not provider.bodies)
    assert row["outcome"] == {"allow": "passed", "flag": "flagged", "block": "blocked"}[action]
    assert (row["action"], row["decided"]) == (action, action)
    assert row["http_status"] == got.status == (400 if (action, style) == ("block", "error") else 200)
    assert [found["rule"] for found in row["findings"]] == ["unscannable"]
    assert "aGVsbG8=" not in json.dumps(row)
    assert all(b"aGVsbG8=" in body for body in provider.bodies)


@pytest.mark.parametrize("side", ["request", "reply"])
@pytest.mark.parametrize("cut", [None, *CUTS.values()], ids=["whole", *CUTS])
@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("shipped", ["default", "strict", "agents"])
def test_the_shipped_policies_do_what_their_record_says(
    proxy: Running, provider: Upstream, shipped: str, kind: str, cut: Any, side: str
) -> None:
    """Blocked is what was refused, masked what is missing on the wire, and what is kept holds no more than that."""
    value = VALUES[kind]
    text = f"The text has {value} in it."
    said = text if side == "reply" else "Fine."
    provider.script = CHAT.answer([{"role": "assistant", "content": said}], cut)
    body = {"messages": [{"role": "user", "content": text if side == "request" else "hi"}]}
    got, row = asked(proxy, provider, CHAT, f"shipped-{shipped}", body | ({"stream": True} if cut else {}))
    seen = b"".join(provider.bodies).decode() if side == "request" else "".join(got.lanes.values())

    missing = value not in seen
    expected = "blocked" if got.refused else "masked" if missing else row["outcome"]
    assert row["outcome"] == expected
    assert missing or row["outcome"] in ("passed", "flagged")
    assert (row["http_status"], row["attempts"]) == (got.status, len(provider.bodies))
    assert bool(row["findings"]) == (row["outcome"] != "passed")
    assert {found["rule"] for found in row["findings"]} <= {"secrets", "pii", "pii-output", *_rules(row)}
    if missing:
        assert value not in json.dumps(
            [row["request"], row["response"], row["tool_calls"]], ensure_ascii=False
        )
    if kind == "nothing":
        assert row["outcome"] == "passed"


def _rules(row: dict[str, Any]) -> set[str]:
    """The rules that acted: a finding of any other is only a flag."""
    return {found["rule"] for found in row["findings"] if found["action"] == "flag"}


@pytest.mark.parametrize(
    ("text", "outcome", "attempts"), [("ada@example.com", "masked", 2), ("kryptonite", "blocked", 1)]
)
def test_a_fallback_under_another_policy_says_what_each_provider_was_sent(
    proxy: Running, provider: Upstream, text: str, outcome: str, attempts: int
) -> None:
    """The first provider had the text, the second what its policy lets through; the record says that it was called."""
    down = raw(b'{"error": {"message": "Down.", "type": "server_error"}}', 500)
    left = [down, whole()]
    provider.script = lambda body: left.pop(0)
    got, row = asked(proxy, provider, CHAT, "first", {"messages": [{"role": "user", "content": text}]})

    assert text in provider.bodies[0].decode()
    assert all(text not in body.decode() for body in provider.bodies[1:])
    assert (row["outcome"], row["upstream_called"], row["attempts"]) == (outcome, True, attempts)
    assert row["attempts"] == len(provider.bodies)
    assert (row["http_status"], got.refused) == (got.status, outcome == "blocked")
    assert row["policy"].startswith("test@")
    assert text not in json.dumps(row["request"])


def test_a_reload_in_the_middle_leaves_the_policy_that_judged(proxy: Running, provider: Upstream) -> None:
    """A request that began before a reload is recorded under what was in force when it began."""
    script = whole()
    script.first_delay = 0.6
    provider.script = script
    before = proxy.app.context.config.revision
    proxy.recorder.forget()
    done: list[Any] = []
    caller = threading.Thread(target=lambda: done.append(ask(proxy, chat(model="gpt-second"))))
    caller.start()
    time.sleep(0.2)
    file = proxy.app.context.settings.config
    told = json.loads(file.read_text())
    told["guardhouse"]["cache_ttl_s"] = 1
    file.write_text(json.dumps(told))
    proxy.loop.call_soon_threadsafe(proxy.app.reload_soon)
    caller.join(10)
    row = proxy.recorder.last()

    assert done[0].status == 200
    assert (row["config"], row["outcome"], row["attempts"]) == (before, "passed", 1)
