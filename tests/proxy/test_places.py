"""Places in stored texts are found, and those that are not there are refused."""

from __future__ import annotations

import pytest

from proxy.errors import BadRequest
from proxy.places import check_place, checked_entity, text_at, texts
from tests.proxy.review import documents

ARGUMENTS = "/messages/2/tool_calls/0/function/arguments"


@pytest.mark.parametrize(
    ("side", "pointer", "within", "text"),
    [
        ("input", "/messages/1/content", "", documents.ASK),
        ("input", ARGUMENTS, "/customer/email", "EMAIL_ADDRESS_5c20d9a7f1"),
        ("input", ARGUMENTS, "/customer/notify", "true"),
        ("input", "/guardhouse/retrieval/1/text", "", documents.agent()["retrieval"][1]["text"]),
        ("output", "/choices/0/message/content", "", documents.ANSWER),
        ("output", "/choices/0/message/content", "/x", None),
        ("input", "/messages/9/content", "", None),
        ("input", "/messages/1", "", None),
        ("input", ARGUMENTS, "/customer", None),
        ("input", "/guardhouse/retrieval/7/text", "", None),
        ("elsewhere", "/messages/1/content", "", None),
    ],
)
def test_a_place_leads_to_its_text(side: str, pointer: str, within: str, text: str | None) -> None:
    """Messages, values inside arguments, hits, replies; nothing for what is no text."""
    assert text_at(documents.agent(), side, pointer, within) == text


def test_every_text_is_found_again_at_its_place() -> None:
    """Whatever `texts` names, `text_at` reads."""
    trace = documents.agent()
    found = list(texts(trace))

    assert len(found) > 10
    for side, pointer, within, text in found:
        assert text_at(trace, side, pointer, within) == text


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (4, 2), (0, len(documents.ASK) + 1)])
def test_a_range_outside_its_text_is_refused(start: int, end: int) -> None:
    """Whole or in part."""
    trace = documents.agent()
    check_place(trace, "input", "/messages/1/content", "", 0, len(documents.ASK))
    with pytest.raises(BadRequest, match="place is not in this trace"):
        check_place(trace, "input", "/messages/1/content", "", start, end)


@pytest.mark.parametrize("entity", ["", "1A", "A B", "<b>", "A" * 65, "é", "A\n"])
def test_an_entity_is_a_plain_name(entity: str) -> None:
    """No text of an exchange gets into the store as the name of a kind."""
    assert checked_entity("email_address") == "EMAIL_ADDRESS"
    with pytest.raises(BadRequest, match="entity"):
        checked_entity(entity)
