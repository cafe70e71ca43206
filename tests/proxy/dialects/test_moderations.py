"""Moderations: what a provider tells, and what a verdict of the policy amounts to."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types import ModerationCreateResponse

from guardrails.types import Action, Finding, Mode, Stage, Verdict
from proxy.dialects.moderations import CATEGORIES, MODERATIONS, judgement
from proxy.errors import UpstreamError

TEXT = {"type": "text", "text": "a"}


def finding(pointer: str, rule: str = "r", **over: Any) -> Finding:
    """A finding of a rule that blocks."""
    values: dict[str, Any] = {"action": Action.BLOCK, "mode": Mode.ENFORCE, "score": 0.5, **over}
    return Finding(
        rule=rule, check="c", entity="E", stage=Stage.INPUT, pointer=pointer, start=0, end=1, **values
    )


def judged(request: Any, *findings: Finding) -> list[dict[str, Any]]:
    """The results, once they were read by the official type."""
    told = judgement("1", "p@1", {"input": request}, Verdict(findings=findings))
    ModerationCreateResponse.model_validate(told)
    assert (told["id"], told["model"]) == ("modr-1", "guardhouse/p@1")
    results: list[dict[str, Any]] = told["results"]
    return results


def ours(result: dict[str, Any]) -> dict[str, tuple[bool, float, list[str]]]:
    """What a result says of rules; that it says nothing of OpenAI's categories is checked."""
    told = {
        name: (value, result["category_scores"][name], result["category_applied_input_types"][name])
        for name, value in result["categories"].items()
    }
    assert all(told.pop(name) == (False, 0.0, []) for name in CATEGORIES)
    return told


def test_clean_input_is_not_flagged() -> None:
    """All of OpenAI's own keys, and no other."""
    [result] = judged("hi")

    assert not result["flagged"]
    assert ours(result) == {}


def test_each_text_has_its_own_result() -> None:
    """In order; a rule's score is its highest."""
    first, second, third = judged(
        ["a", "b", "c"],
        finding("/input/0", score=0.4),
        finding("/input/0", score=0.9),
        finding("/input/0", score=0.6),
        finding("/input/2", "other", action=Action.FLAG),
    )

    assert ours(first) == {"guardhouse/r": (True, 0.9, ["text"])}
    assert ours(second) == {}
    assert ours(third) == {"guardhouse/other": (True, 0.5, ["text"])}
    assert [one["flagged"] for one in (first, second, third)] == [True, False, True]


def test_parts_are_one_input() -> None:
    """A text and an image are judged together; an image is said to be one."""
    [result] = judged(
        [TEXT, {"type": "image_url"}], finding("/input/0/text"), finding("/input/1", "unscannable", score=1.0)
    )

    assert ours(result) == {
        "guardhouse/r": (True, 0.5, ["text"]),
        "guardhouse/unscannable": (True, 1.0, ["image"]),
    }


def test_what_a_rule_allows_or_only_watches_does_not_flag() -> None:
    """An allowed finding is told with its score; a shadow rule and other members are not told of."""
    [result] = judged(
        "x",
        finding("/input", "lenient", action=Action.ALLOW),
        finding("/input", "watching", mode=Mode.SHADOW),
        finding("/user", "elsewhere"),
    )

    assert not result["flagged"]
    assert ours(result) == {"guardhouse/lenient": (False, 0.5, ["text"])}


def test_a_providers_categories_are_no_texts() -> None:
    """Names of categories and kinds of input are words; any other name or string is inspected."""
    categories = {"hate/threatening": True, "a new one": False}
    result = {
        "flagged": True,
        "categories": categories,
        "category_applied_input_types": {"hate": ["text", "other"]},
    }

    found = MODERATIONS.reply_texts({"id": "modr-1", "model": "m", "results": [result]})

    assert [text.text for text in found] == ["a new one", "other"]


@pytest.mark.parametrize("results", [None, {}, "x", [1]])
def test_what_has_no_results_is_no_answer(results: Any) -> None:
    """A provider's fault."""
    with pytest.raises(UpstreamError):
        MODERATIONS.reply(orjson.dumps({"results": results}))


def test_a_reply_is_kept_as_it_is() -> None:
    """There is nothing in it that nobody reads."""
    reply = MODERATIONS.reply(b'{"results": []}')

    assert MODERATIONS.stored_reply(reply) is reply


@pytest.mark.parametrize("value", ["a", ["a"], [TEXT]])
def test_the_model_may_be_left_out(value: Any) -> None:
    """Then the policy itself judges."""
    MODERATIONS.check({"input": value})
