"""What a draft would change, beside what reviewers said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guardrails.engine import Guard
from guardrails.policy import parse
from proxy.what_if import thresholds, what_if
from tests.proxy.policies import policy
from tests.proxy.review import documents

KEY = b"k" * 32


def guard(**changed: str) -> Guard:
    """The test policy with other actions for some rules; `none` takes a rule out."""
    told = json.loads(policy())
    rules = [rule for rule in told["rules"] if changed.get(rule["id"]) != "none"]
    told["rules"] = [rule | {"action": changed.get(rule["id"], rule["action"])} for rule in rules]
    return Guard(parse(json.dumps(told)), KEY)


def trace(number: int, text: str, *verdicts: str) -> dict[str, Any]:
    """A trace with one finding and what reviewers said of it."""
    found = documents.finding("/messages/0/content", text, text.split()[0], rule="mail", entity="EMAIL")
    said = [{"finding": 0, "verdict": verdict, "superseded": False} for verdict in verdicts]
    asked = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return documents.trace(number, request=asked, response=None, findings=[found], reviews=said)


async def test_a_stricter_draft_blocks_what_was_judged_wrong() -> None:
    """Each flip says what reviewers said of the trace."""
    found = [
        trace(1, "a@b.com", "true_positive"), trace(2, "a@b.com", "false_positive"), trace(3, "a@b.com"),
        trace(4, "nothing here", "true_positive"), documents.trace(5, request=None),
    ]  # fmt: skip
    outcome = await what_if(found, guard(), guard(mail="block"), 60)

    assert (outcome.of("blocks"), outcome.of("blocks", "wrong"), outcome.of("stops")) == (3, 1, 0)
    assert (outcome.right, outcome.missed, outcome.wrong, outcome.unseen) == (1, 0, 1, 1)
    assert outcome.summary.skipped == 1 and outcome.whole


async def test_a_rule_taken_out_misses_what_was_right_and_spares_what_was_wrong() -> None:
    """Counted under the rule."""
    found = [trace(1, "a@b.com", "true_positive"), trace(2, "a@b.com", "false_positive")]
    outcome = await what_if(found, guard(), guard(mail="none"), 60)

    assert (outcome.missed, outcome.spared) == (1, 1)
    assert (outcome.rules["mail"].lost_right, outcome.rules["mail"].gone) == (1, 2)
    assert outcome.of("weaker") == 2


async def test_what_the_time_does_not_suffice_for_is_said() -> None:
    """A part is marked as one."""
    outcome = await what_if([trace(1, "a@b.com")], guard(), guard(), -1)

    assert not outcome.whole and outcome.summary.traces == 0


def test_thresholds_are_told_with_what_they_would_give() -> None:
    """The present one first; none where scores do not tell findings apart."""
    scored = [(0.6, False)] * 5 + [(0.9, True)] * 10
    [now, higher] = thresholds(scored, 0.5)[:1] + thresholds(scored, 0.5)[-1:]

    assert (now.value, now.kept, now.recall) == (0.5, 15, 1.0)
    assert now.precision is not None and now.precision.value == pytest.approx(10 / 15)
    assert (higher.value, higher.recall) == (0.9, 1.0)
    assert higher.precision is not None and higher.precision.value == 1
    assert thresholds([(0.9, True)] * 9, 0.5) == [] == thresholds([(0.9, False), (0.1, False)], 0.5)
