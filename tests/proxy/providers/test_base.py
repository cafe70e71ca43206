"""What providers share."""

from collections.abc import AsyncGenerator

from proxy.config import Deployment, Timeouts
from proxy.providers.base import Call, EventStream, relayed_headers, scrubbed

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
    assert relayed_headers(pairs) == {
        "retry-after": "3",
        "x-request-id": "r",
        "x-ratelimit-remaining-tokens": "9",
        "openai-processing-ms": "12",
    }


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
