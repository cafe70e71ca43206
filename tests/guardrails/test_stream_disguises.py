"""Streams in which something half written stands beside a value: decided with it, never let go before."""

from __future__ import annotations

import pytest

from guardrails import redact
from tests.guardrails.test_stream import judged, played, shipped

CARD = "4111111111111111"


@pytest.mark.parametrize(
    "pieces",
    [
        ("%E2%82%A", "C100 " + CARD),
        ("a b c d e f \u200b", "4", CARD[1:]),
        ("=", " a b c d e", f" {CARD} x"),
        ("\\u008\u200b", CARD),
        ("=\n", "D E 8 9 3 70400440532013000"),
        ("41111111\u200b11111111\u202e a", " "),
        ("4111 1&#49;&#x31;&#x31;&#32;&#x31;111 1111\u202e;4", '"'),
        ("my card " + "".join(chr(ord(digit) + 0xFEE0) for digit in CARD) + "\u202e", "ab cd"),
    ],
    ids=range(8),
)
async def test_a_value_beside_an_unfinished_disguise_does_not_leave(pieces: tuple[str, ...]) -> None:
    """What stands before something half written is decided with it, also where the text begins."""
    text, judge = "".join(pieces), shipped("default")
    client = redact.apply(text, (await judged(judge, text, None)).edits)

    out, after = played(judge.stream("/p"), list(pieces))

    assert out == client
    assert all(client.startswith(seen) for seen in after)
    assert played(judge.stream("/p"), list(text))[0] == client
