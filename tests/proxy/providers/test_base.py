"""What providers share."""

from collections.abc import AsyncGenerator

import pytest

from proxy.config_deployments import Deployment, Timeouts
from proxy.providers.base import Call, EventStream, forwarded_headers, relayed_headers, scrubbed

DEPLOYMENT = Deployment(
    "d", "m", "fake", "fake", "echo", api_key="sk-12345678", headers={"x-key": "also-secret"}
)


def test_only_listed_headers_reach_the_caller() -> None:
    """Limits, retry hints and request ids; never a cookie, never text that no header can carry."""
    pairs = [
        ("Retry-After", "3"),
        ("x-request-id", "r"),
        ("X-RateLimit-Remaining-Tokens", "9"),
        ("OpenAI-Processing-Ms", "12"),
        ("Set-Cookie", "a=b"),
        ("server", "x"),
        ("x-ratelimit-odd", "\u20ac"),
    ]
    assert relayed_headers(pairs, DEPLOYMENT) == {
        "retry-after": "3",
        "x-request-id": "r",
        "x-ratelimit-remaining-tokens": "9",
        "openai-processing-ms": "12",
    }


@pytest.mark.parametrize(
    ("name", "value", "goes_on"),
    [
        ("x-request-id", "req_0f-1:2/3+4.5", True),
        ("retry-after", "1.5", True),
        ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", True),
        ("x-ratelimit-reset-tokens", "6m0.5s", True),
        ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z", True),
        ("x-request-id", "Wed, 21 Oct 2026 07:28:00 GMT", False),
        ("x-request-id", "ada@example.com", False),
        ("openai-note", "call me", False),
        ("x-ratelimit-a", "a\tb", False),
        ("x-request-id", "a" * 129, False),
        ("x-request-id", "", False),
        ("x-ratelimit-ada@example.com", "1", False),
        ("x-request-id", "r-sk-12345678", False),
        ("x-request-id", "also-secret", False),
    ],
)
def test_a_header_goes_on_only_in_its_plain_form(name: str, value: str, goes_on: bool) -> None:
    """No text fits into one."""
    assert relayed_headers([(name, value)], DEPLOYMENT) == ({name: value} if goes_on else {})


@pytest.mark.parametrize(
    ("value", "goes_on"),
    [
        ("assistants=v2", True),
        ("tools-2024-04-04, prompt-caching-2024-07-31,x.y", True),
        ("my name is Ada", False),
        ("ada@example.com", False),
        ("a" * 65, False),
        ("", False),
    ],
)
def test_a_callers_header_goes_on_only_as_words(value: str, goes_on: bool) -> None:
    """The provider gets the names of features, and no text."""
    caller = {"openai-beta": value, "cookie": "a"}
    assert forwarded_headers(caller, ("openai-beta",)) == ({"openai-beta": value} if goes_on else {})


def test_secrets_are_removed_from_a_body() -> None:
    """The key, and the values of configured headers."""
    assert scrubbed(b"bad key sk-12345678, also-secret", DEPLOYMENT) == b"bad key [removed], [removed]"


def test_a_call_shows_no_prompt() -> None:
    """Payload, bytes and headers stay out of the representation."""
    shown = repr(Call({"messages": "hush"}, body=b"hush", headers={"authorization": "hush"}))
    assert "hush" not in shown


def test_a_call_takes_the_deployments_deadlines_unless_it_has_its_own() -> None:
    """`timeout` of the call wins."""
    own = Timeouts(total=1)
    assert Call({}, stream=True).deadlines(DEPLOYMENT) is DEPLOYMENT.streamed
    assert Call({}, timeout=own).deadlines(DEPLOYMENT) is own


async def test_closing_a_stream_ends_its_generator() -> None:
    """The generator's clean-up runs where it stands."""
    closed = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    stream = EventStream(pieces(), {})
    assert await anext(aiter(stream)) == b"a"
    await stream.aclose()
    await stream.aclose()
    assert closed == [True]
