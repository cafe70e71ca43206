"""Two policies compared."""

from __future__ import annotations

import pytest

from guardrails.policy import parse
from guardrails.policy_diff import Case, Direction, cases, changes, differences
from guardrails.sample import Sample
from guardrails.trial import guard_for
from guardrails.types import Stage

BASE = """name: p
rules:
  - {id: bird, check: words, with: {deny: [bluebird]}, stages: [input, output], action: redact}
  - {id: stone, check: words, with: {deny: [kryptonite]}, stages: [input], action: block}
tests:
  - {text: a bluebird, expect: {action: redact}}
"""

CHANGES = [
    ("name: p", "name: q", [("name", "p", "q")]),
    ("name: p", "name: p\nunscannable: block", [("unscannable", "flag", "block")]),
    ("bluebird]}, s", "bluebird, jay]}, s", [("rules.bird.with.deny", ["bluebird"], ["bluebird", "jay"])]),
    ("[bluebird]}", "[bluebird], leet: false}", [("rules.bird.with.leet", None, False)]),
    ("action: block}", "action: block, mode: shadow}", [("rules.stone.mode", "enforce", "shadow"), ("rules.stone.on_error", "block", "allow")]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CHANGES)
def test_changes_are_told_key_by_key(old: str, new: str, expected: list[tuple[str, object, object]]) -> None:
    """With defaults filled in, so that what follows from a change is told too."""
    found = changes(parse(BASE), parse(BASE.replace(old, new, 1)))

    assert [(each.path, each.old, each.new) for each in found] == expected


def test_rules_are_compared_by_id_and_their_order_counts() -> None:
    """A renamed rule is one removed and one added; another order decides who blocks."""
    renamed = changes(parse(BASE), parse(BASE.replace("id: stone", "id: rock")))
    lines = BASE.splitlines(keepends=True)
    turned = changes(parse(BASE), parse("".join((*lines[:2], lines[3], lines[2]))))

    assert [(each.path, each.old is None, each.new is None) for each in renamed] == [
        ("rules.stone", False, True),
        ("rules.rock", True, False),
    ]
    assert [(each.path, each.new) for each in turned] == [("order of rules", ["stone", "bird"])]


def test_every_text_is_tried_once() -> None:
    """The tests of both, then ordinary prompts, then those that are given."""
    more = [Case("in.jsonl:1", Sample("a bluebird")), Case("in.jsonl:2", Sample("a bluebird", Stage.OUTPUT))]
    tried = cases(parse(BASE, "a"), parse(BASE, "b"), more)

    places = [case.place for case in tried]
    assert places[:2] == ["a:6", "coding.jsonl:1"]
    assert places[-1] == "in.jsonl:2"
    assert len(set(places)) == len(places) > 1000


DIRECTIONS = [
    ("redact}", "block}", "a bluebird", Direction.STRICTER),
    ("redact}", "flag}", "a bluebird", Direction.WEAKER),
    ("redact}", "redact, mode: shadow}", "a bluebird", Direction.WEAKER),
    ("block}", "flag}", "kryptonite", Direction.WEAKER),
    ("[bluebird]", "[jay]", "a bluebird and a jay", Direction.WEAKER),
    ("[bluebird]", "[jay]", "a jay", Direction.STRICTER),
    ("id: bird", "id: fowl", "a bluebird", Direction.OTHER),
    ("redact}", "block}", "a jay", None),
]


@pytest.mark.parametrize(("old", "new", "text", "expected"), DIRECTIONS)
async def test_what_a_change_does_to_a_text_has_a_direction(
    old: str, new: str, text: str, expected: Direction | None
) -> None:
    """Weaker as soon as anything of it is treated less strictly, whatever else is treated more so."""
    guards = guard_for(parse(BASE)), guard_for(parse(BASE.replace(old, new, 1)))
    [(_, told)] = [each async for each in differences(*guards, [Case("x:1", Sample(text))])]

    assert (told and told.direction) == expected
