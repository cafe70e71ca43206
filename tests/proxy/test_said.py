"""What people and runs say is stored after the policy, or not at all."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.types import Action, CheckFailure, Verdict
from proxy.errors import Unavailable
from proxy.exchange import Principal
from proxy.said import masked, masked_run, with_note
from tests.proxy.policies import policy

WHO = Principal("key-1")
MAIL = "ada@example.com"
GUARD = Guard(parse(policy()), b"k" * 32)


def context(guard: Any = GUARD) -> Any:
    """As much of a proxy as it takes."""
    return SimpleNamespace(key=b"k" * 32, policies=SimpleNamespace(guard_for=lambda *_: guard))


class Failing:
    """A guard whose rule cannot look."""

    policy = GUARD.policy

    async def inspect(self, *_: Any, **__: Any) -> Verdict:
        """A failure of the rule that masks addresses."""
        return Verdict(failures=(CheckFailure("mail", "words", "timeout", "TimeoutError", Action.BLOCK),))


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.just(MAIL) | st.just(f"x {MAIL} y {MAIL}"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.just("a/b~c"), inner, max_size=4)
    ),
    max_leaves=20,
)


def values(value: Any) -> list[str]:
    """Every text of a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for item in inner for text in values(item)]


@given(st.dictionaries(st.text(max_size=5).filter(lambda name: name != "items"), JSON, max_size=5))
def test_no_text_of_a_run_keeps_what_is_masked_and_every_other_stays(run: dict[str, Any]) -> None:
    """Wherever it stands; members that hold ids are left as they are."""
    before = values(run)
    after = values(asyncio.run(masked_run(context(), WHO, run)))

    assert len(after) == len(before)
    for was, now in zip(before, after, strict=True):
        assert (was == now) if MAIL not in was else (MAIL not in now or was == now)


def test_what_cannot_be_looked_at_is_not_kept() -> None:
    """A comment is left out, a note and a run are refused."""
    assert asyncio.run(masked(context(), WHO, f"ask {MAIL}")).startswith("ask EMAIL_")  # type: ignore[union-attr]
    assert asyncio.run(masked(context(Failing()), WHO, "hi")) is None
    for refused in (
        with_note(context(Failing()), WHO, {"note": "hi"}),
        masked_run(context(Failing()), WHO, {"items": [], "suite": "s"}),
    ):
        with pytest.raises(Unavailable):
            asyncio.run(refused)


@pytest.mark.parametrize("judgement", [{}, {"note": ""}, {"note": 7, "verdict": "pass"}])
def test_a_judgement_without_a_note_is_left_as_it_is(judgement: dict[str, Any]) -> None:
    """Whatever is wrong with it is told by whoever reads it."""
    assert asyncio.run(with_note(context(Failing()), WHO, judgement)) == judgement
