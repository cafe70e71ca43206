"""Whole conversations, with every value known: all come back right, none goes out, none is swapped."""

from __future__ import annotations

import pytest

from guardrails.types import Style
from tests.acceptance.conversations import Tally, converse, guard

CONVERSATIONS = 150
"""Of each style; `tests/bench/bench_pseudonyms.py` runs thousands."""


@pytest.mark.parametrize("style", Style)
async def test_conversations_are_without_fault(style: Style) -> None:
    """No text is wrong, no value swapped, none raw at the provider, none of the system's at the client, no prefix broken."""
    tally, judge = Tally(), guard(style)

    for seed in range(CONVERSATIONS):
        await converse(seed, judge, style, tally)

    assert tally.faults() == {}
    assert tally.conversations == CONVERSATIONS
    assert tally.values > 5 * CONVERSATIONS


async def test_a_fault_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same conversations with restoring off, or with masking off, are full of faults."""
    monkeypatch.setattr("guardrails.pseudonyms.Vault.restores", lambda self, text, start=0: [])
    tally, judge = Tally(), guard(Style.TOKEN)
    for seed in range(10):
        await converse(seed, judge, Style.TOKEN, tally)
    assert tally.texts_wrong > 10 and tally.placeholders_visible > 10

    monkeypatch.setattr("tests.acceptance.conversations.Planted.scan", lambda self, text, start=0: [])
    tally, judge = Tally(), guard(Style.TOKEN)
    await converse(1, judge, Style.TOKEN, tally)
    assert tally.raw_at_provider > 0
