"""What was said before the guardrails is kept exactly where a policy says so, byte for byte, and sealed everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.policy import Capture
from proxy.raw import MOST_BYTES, Raw, begun, opened, sealed
from proxy.store.bodies import encode
from tests.proxy.policies import FORBIDDEN, policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, make_app, said, served, whole

KEY = b"i" * 32
MAIL = "ada@example.com"


def kept(raw: Raw, id: str = "1") -> dict[str, bytes]:
    """What is in the seal of some raw bytes."""
    seal = sealed(KEY, id, raw)
    return {} if seal is None else dict(opened(KEY, id, seal))


@given(body=st.binary(max_size=50), chunks=st.lists(st.binary(max_size=20)))
def test_what_is_sealed_comes_back_and_cannot_be_seen(body: bytes, chunks: list[bytes]) -> None:
    """Whatever the bytes are, and however the reply came."""
    raw = begun(Capture.RAW, body)
    assert raw is not None
    for chunk in chunks:
        raw.answered(chunk)

    parts = {"request": body, "response": b"".join(chunks)}
    assert kept(raw) == {name: data for name, data in parts.items() if data}
    assert raw.cut == ()
    assert len(body) < 8 or body not in encode(sealed(KEY, "1", raw))


@given(extra=st.lists(st.integers(0, MOST_BYTES), max_size=4), size=st.integers(0, MOST_BYTES + 9))
def test_no_more_than_the_bound_is_kept(extra: list[int], size: int) -> None:
    """What is left out is said."""
    raw = Raw()
    raw.asked(b"q" * size)
    for more in extra:
        raw.answered(b"a" * more)

    assert (len(raw.request), len(raw.response)) == (min(size, MOST_BYTES), min(sum(extra), MOST_BYTES))
    assert set(raw.cut) == {
        name for name, n in (("request", size), ("response", sum(extra))) if n > MOST_BYTES
    }


def test_a_seal_belongs_to_one_exchange_part_and_key() -> None:
    """In any other place it is refused, and so is one that was changed."""
    raw = Raw(b"question", bytearray(b"answer"))
    seal = sealed(KEY, "1", raw)
    assert seal is not None
    swapped = {**seal, "request": seal["response"], "response": seal["request"]}
    for key, id, told in (
        (b"o" * 32, "1", seal), (KEY, "2", seal), (KEY, "1", swapped), (KEY, "1", {"request": "AAAA"}),
        (KEY, "1", {"request": None}), (KEY, "1", {"request": "*"}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="sealed part"):
            list(opened(key, id, told))
    assert "question" not in repr(raw) and "answer" not in repr(raw)


def test_the_levels_are_in_order_and_only_two_keep_raw_bytes() -> None:
    """Each keeps what those before it keep."""
    assert sorted(Capture, key=lambda each: each.rank) == ["none", "redacted", "flagged", "raw"]
    assert [begun(each, b"x") is not None for each in Capture] == [False, False, True, True]


# --- through a proxy

SPEECH = {"clean": "hello", "masked": f"I am {MAIL}", "blocked": f"{FORBIDDEN} please"}
CASES = [(level, how, stream) for level in Capture for how in SPEECH for stream in (False, True)]


@pytest.fixture(scope="module")
def levels(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A proxy for each level."""
    found: dict[str, Any] = {}
    managers = []
    for level in Capture:
        folder = tmp_path_factory.mktemp(level)
        url = f"http://127.0.0.1:{_upstream.port}/v1"
        managers.append(served(make_app(folder, url, policy(capture=level))))
        found[level] = managers[-1].__enter__()
    yield found
    for manager in managers:
        manager.__exit__(None, None, None)


def seal_of(proxy: Running, document: dict[str, Any]) -> dict[str, bytes]:
    """What a document holds of before the guardrails, opened with the key of the proxy."""
    seal = document.get("sealed")
    assert document["raw"] == (seal is not None)
    return {} if seal is None else dict(opened(proxy.app.context.key, document["id"], seal))


@pytest.mark.parametrize(("level", "how", "stream"), CASES)
def test_exactly_what_the_policy_asks_for_is_kept(
    levels: dict[str, Running], upstream: Upstream, level: str, how: str, stream: bool
) -> None:
    """The caller's bytes, and the provider's; of what was blocked nothing was answered."""
    proxy = levels[level]
    proxy.recorder.forget()
    text = f"the card 4111 1111 1111 1111 of {how}"
    upstream.script = said(text) if stream else whole({"role": "assistant", "content": text})
    body = b" " + orjson.dumps(chat({"role": "user", "content": SPEECH[how]}, stream=stream))
    ask(proxy, body)

    # The reply is masked in each case that has one, so all are flagged.
    wanted = (
        {"request": body, "response": b"".join(upstream.script.pieces)} if level in ("flagged", "raw") else {}
    )
    if how == "blocked":
        wanted.pop("response", None)
    document = proxy.recorder.last()
    assert seal_of(proxy, document) == wanted
    told = json.dumps(document)
    assert "4111" not in told and MAIL not in told


@pytest.mark.parametrize("level", ["flagged", "raw"])
def test_an_exchange_in_which_nothing_was_found_is_kept_by_raw_alone(
    levels: dict[str, Running], upstream: Upstream, level: str
) -> None:
    """`flagged` is for what a reviewer will look at."""
    proxy = levels[level]
    proxy.recorder.forget()
    upstream.script = whole()
    ask(proxy, chat())

    assert set(seal_of(proxy, proxy.recorder.last())) == (
        {"request", "response"} if level == "raw" else set()
    )


def test_a_stream_that_is_blocked_midway_keeps_what_had_come(
    levels: dict[str, Running], upstream: Upstream
) -> None:
    """Also what its caller never saw."""
    proxy = levels["raw"]
    proxy.recorder.forget()
    upstream.script = said(f"well, {FORBIDDEN} and more", lambda text: [text[:6], text[6:18], text[18:]])
    ask(proxy, chat(stream=True))

    document = proxy.recorder.last()
    assert document["outcome"] == "blocked"
    response = seal_of(proxy, document)["response"]
    assert FORBIDDEN.encode() in response
    assert b"".join(upstream.script.pieces).startswith(response)


def test_what_is_no_request_is_not_kept(levels: dict[str, Running]) -> None:
    """Whose policy would ask for it is not known then."""
    proxy = levels["raw"]
    for body in (b"{nonsense", orjson.dumps({**chat(), "model": "unknown"})):
        proxy.recorder.forget()
        assert ask(proxy, body).status >= 400
        assert seal_of(proxy, proxy.recorder.last()) == {}


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [("raw", "none", False), ("raw", "redacted", False), ("none", "raw", False), ("raw", "raw", True)],
)
def test_of_a_fallbacks_policies_the_one_that_keeps_least_counts(
    tmp_path: Path, upstream: Upstream, first: str, second: str, wanted: bool
) -> None:
    """For raw bytes, and for texts."""
    base = {"api_base": f"http://127.0.0.1:{upstream.port}/v1", "api_key": "sk-upstream-secret"}
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", **base}}
        for name in ("gpt-test", "other")
    ]
    app = make_app(
        tmp_path,
        "",
        policy(capture=first),
        models=models,
        scopes=[{"policy": json.loads(policy(capture=second, name="second")), "models": ["other"]}],
    )
    object.__setattr__(app.context.router._settings, "fallbacks", {"gpt-test": ("other",)})
    upstream.script = lambda body: whole() if body["model"] == "other" else _failing()
    with served(app) as proxy:
        assert ask(proxy, chat()).status == 200
        told = proxy.recorder.last()
        assert bool(seal_of(proxy, told)) == wanted
        assert (told["request"] is None) == ("none" in (first, second))
        assert told["deployment"] == "openai/other"


def _failing() -> Any:
    from tests.servers import raw

    return raw(b"{}", 500)
