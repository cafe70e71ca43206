"""What the caller tells the proxy in its own member of a request."""

from __future__ import annotations

import pytest

from guardrails.types import Edit, Segment, Stage
from proxy.dialects import chat
from proxy.dialects.extension import retrieval
from proxy.errors import BadRequest

USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize("bare", [True, False])
def test_hits_are_taken_in_rank_order(bare: bool) -> None:
    """Both forms of `guardhouse.retrieval` give the same hits, numbered from one; texts follow the edits."""
    given = [{"doc_id": "a", "score": 2, "text": "x"}, {"doc_id": "b", "text": "y", "other": 1}]
    request = {"guardhouse": {"retrieval": given if bare else {"hits": given}}}
    hits = retrieval(request)
    edited = {
        "guardhouse": {
            "retrieval": [{**h, "text": "-"} for h in given]
            if bare
            else {"hits": [{**h, "text": "-"} for h in given]}
        }
    }

    assert [(h.rank, h.doc_id, h.score, h.text) for h in hits] == [(1, "a", 2.0, "x"), (2, "b", None, "y")]
    assert [h.text for h in retrieval(edited)] == ["-", "-"]


def test_an_id_of_a_document_is_a_text() -> None:
    """A `doc_id` is inspected and stored as edited, and names its channel only where it is a plain word."""
    request = {
        "messages": [USER],
        "guardhouse": {"retrieval": [{"doc_id": "ada@example.com", "text": "x"}]},
    }
    pointer = "/guardhouse/retrieval/0/doc_id"
    changed = chat.apply_edits(request, [Edit(pointer, 0, 15, "[MAIL]")])

    assert Segment("ada@example.com", pointer, Stage.RETRIEVAL, "retrieved:1") in chat.segments(request)
    assert retrieval(changed)[0].doc_id == "[MAIL]"


def test_an_unknown_member_of_ours_is_not_quoted() -> None:
    """A refusal is stored, so it does not repeat what the caller wrote."""
    with pytest.raises(BadRequest) as refused:
        retrieval({"guardhouse": {"ada@example.com": 1}})

    assert "ada" not in str(refused.value)


def test_variables_of_a_prompt_are_texts_of_their_own() -> None:
    """Each in the channel of its variable; without retrieval there are no hits."""
    request = {
        "messages": [USER],
        "guardhouse": {"prompt": {"variables": {"style": "warm", "items": ["a", 1, {"b": "c"}]}}},
    }

    assert retrieval(request) == []
    assert chat.segments(request)[1:] == [
        Segment("warm", "/guardhouse/prompt/variables/style", Stage.INPUT, "variable:style"),
        Segment("a", "/guardhouse/prompt/variables/items/0", Stage.INPUT, "variable:items"),
        Segment("c", "/guardhouse/prompt/variables/items/2/b", Stage.INPUT, "variable:items"),
    ]
