"""What became of an exchange, and ids in order of time."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.types import ALLOWED, Action, CheckFailure, Edit, Mode, Verdict
from proxy import exchange as exchanges
from proxy.dialects.chat_dialect import CHAT
from proxy.exchange import Exchange, Failure, Principal, new_id
from tests.proxy.exchanges import JUDGE, finding

FLAG = Verdict(findings=(finding(0, 1, action=Action.FLAG),))
SHADOW = Verdict(findings=(finding(0, 1, mode=Mode.SHADOW),))
ALLOW = Verdict(findings=(finding(0, 1, action=Action.ALLOW),))
BROKEN = Verdict(failures=(CheckFailure("names", "pii", "timeout", "TimeoutError", Action.ALLOW),))
MASK = replace(FLAG, edits=(Edit("/messages/0/content", 0, 1, "[X]"),))
BLOCK = replace(MASK, blocked_by="pii")
FAILED = Failure(502, "server_error", "upstream_error", "no")

OUTCOMES = [
    (ALLOWED, None, False, "passed"),
    (ALLOW, None, False, "passed"),
    (FLAG, None, False, "flagged"),
    (SHADOW, None, False, "flagged"),
    (BROKEN, None, False, "flagged"),
    (MASK, None, False, "masked"),
    (MASK, FAILED, False, "failed"),
    (MASK, FAILED, True, "cancelled"),
    (BLOCK, FAILED, True, "blocked"),
]


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(("verdict", "failure", "cancelled", "outcome"), OUTCOMES)
def test_the_outcome_is_the_first_that_holds(
    side: str, verdict: Verdict, failure: Failure | None, cancelled: bool, outcome: str
) -> None:
    """blocked, cancelled, failed, masked, flagged, passed: in this order, whichever side it happened on."""
    exchange = Exchange("/v1/chat/completions", CHAT, JUDGE, failure=failure, cancelled=cancelled)
    setattr(exchange, side, verdict)

    assert exchange.outcome == outcome


@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=20))
def test_ids_are_uuids_in_order_of_time(moments: list[int]) -> None:
    """An id is a UUIDv7: sorting by id sorts by millisecond."""
    with pytest.MonkeyPatch.context() as patch:
        made = []
        for millisecond in moments:
            patch.setattr(exchanges.time, "time_ns", lambda now=millisecond: now * 1_000_000)
            made.append(new_id())

    parsed = [uuid.UUID(id) for id in made]
    assert {(id.version, id.variant) for id in parsed} == {(7, uuid.RFC_4122)}
    assert [id.int >> 80 for id in parsed] == moments
    assert len(set(made)) == len(made)


def test_time_is_counted_from_the_start() -> None:
    """Durations are microseconds of a clock that never goes back."""
    exchange = Exchange("/v1/chat/completions", CHAT, JUDGE)
    time.sleep(0.002)

    assert 2_000 <= exchange.elapsed_us() < 10_000_000


def test_a_session_stays_together_within_its_tenant_and_shadows_count_for_themselves() -> None:
    """Two tenants may use the same name; without a name nothing is kept together."""
    exchange = Exchange("/v1/chat/completions", CHAT, JUDGE, principal=Principal("k", "acme"))
    assert (exchange.sticky, exchange.counted_as) == (None, "k")
    exchange.session = "chat-7"
    assert exchange.sticky == "acme/chat-7"
    exchange.shadow_of = "x"
    assert exchange.counted_as == "k/shadow"
