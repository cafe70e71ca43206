"""What was said beside what is stored."""

from __future__ import annotations

import orjson

from proxy.review.diff_view import MOST, compared


def test_only_what_the_guardrails_changed_is_shown() -> None:
    """By pointer, the rest counted."""
    raw = {
        "model": "m",
        "messages": [{"role": "user", "content": "I am Ada"}, {"role": "user", "content": "x"}],
    }
    stored = {
        "model": "m",
        "messages": [{"role": "user", "content": "I am PERSON_1"}, {"role": "user", "content": "x"}],
    }
    found = compared(orjson.dumps(raw), stored)

    assert found is not None
    [text] = found.changed
    assert text.pointer == "/messages/0/content"
    assert (str(text.said), str(text.stored)) == ("I am <del>Ada</del>", "I am <ins>PERSON_1</ins>")
    assert (found.same, found.more) == (4, 0)


def test_what_cannot_be_compared_is_told() -> None:
    """A stream, a cut body; and many changes are bounded."""
    assert compared(b'data: {"x"', {}) is None
    many = {"input": [f"a{n}" for n in range(MOST + 3)]}
    found = compared(orjson.dumps(many), {"input": ["b"] * (MOST + 3)})
    assert found is not None and (len(found.changed), found.more) == (MOST, 3)
