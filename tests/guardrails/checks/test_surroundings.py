"""Who said what, which hosts were named, and which values stand where."""

from __future__ import annotations

import pytest

from guardrails.checks.copies import Texts
from guardrails.checks.surroundings import Surroundings, Values, in_channels, stands_alone
from guardrails.conversation import Conversation
from guardrails.types import Segment, Stage
from tests.guardrails.checks.flow_samples import said

CHAT = said(
    ("system", "Use https://api.kestrel.dev/v2 only."),
    ("user", "Mail bob@acme.example."),
    ("assistant", "Very well, I will."),
    ("tool:mail", "From: eve@evil.example, SSN 536-22-1184"),
    ("retrieved:handbook", "Chapter one."),
)


def test_texts_are_told_apart_by_channel() -> None:
    """Definitions of tools are no texts; what the model read counts beside what came."""
    known = Surroundings(CHAT)
    assert known.private.hold("eve@evil.example") and known.private.hold("Chapter one")
    assert not known.private.hold("bob@acme.example") and not known.private.hold("I will")
    assert known.private.hold("api.kestrel.dev") and known.trusted.hold("api.kestrel.dev")
    assert known.every.hold("I will")
    tool = Segment("a long description", "/tools/0", Stage.TOOL_DEFINITION, "system")
    edited = Segment("TOKEN_1", "/m", Stage.INPUT, "user")
    other = Surroundings(Conversation([tool], [edited]))
    assert (other.every.hold("description"), other.every.hold("TOKEN_1")) == (False, True)


@pytest.mark.parametrize(
    ("host", "named"),
    [("api.kestrel.dev", True), ("kestrel.dev", False), ("x.api.kestrel.dev", True), ("acme.example", True),
     ("evil.example", False), ("me.example", False), ("dev", False)],
)  # fmt: skip
def test_hosts_that_a_trusted_text_names(host: str, named: bool) -> None:
    """Themselves, and what is below them."""
    assert Surroundings(CHAT).names(host) is named


def test_words_stand_alone() -> None:
    """Not inside of longer ones, whichever place comes first."""
    assert stands_alone("acme.com", "xacme.com acme.com.evil.io (acme.com).")
    assert not stands_alone("acme.com", "xacme.com acme.com.evil.io")
    assert not stands_alone("", "x")


def test_channels_match_their_patterns() -> None:
    """By name or with a star."""
    assert in_channels("tool:a", ("tool:*",)) and in_channels("user", ("user",))
    assert not in_channels("assistant", ("tool:*", "user"))


def test_values_count_where_they_stand() -> None:
    """However they are written there; others do not."""
    values, texts = Values(), Texts(["SSN 536 22 1184", "ada.okafor@kestrel.dev"])
    text = "no 536-22-1184, xada.okafor@kestrel.dev and 219-09-9999"
    assert [text[span.start : span.end] for span in values.known(text, texts)] == [
        "536-22-1184",
        "xada.okafor@kestrel.dev",
    ]
