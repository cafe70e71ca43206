"""The trace document: complete, masked, and with findings where the stored text shows them."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.types import Action, Edit, Mode, Verdict
from proxy.dialects.chat_dialect import CHAT
from proxy.document import MAX_FINDINGS, Place, Shift, at, document
from proxy.exchange import Exchange, Failure
from tests.proxy.exchanges import JUDGE, SECRET, finding, masked


def test_the_document_has_every_field_the_format_names() -> None:
    """Readers rely on each field being there, whatever became of the exchange."""
    fields = (
        "id trace_id shadow_of started_us duration_us first_token_us path dialect stream tenant key_id model answered_model "
        "deployment provider object_id policy outcome http_status error usage finish_reasons attempts upstream_called request "
        "team tags retrievals parent_span session_id subject run_id run_source response_id asked prompt prompt_version prompt_hash config "
        "cost_nanousd charged_nanousd price_version response findings findings_left_out failures tool_calls retrieval timings action decided raw"
    )

    assert set(document(masked())) == set(fields.split())
    assert set(document(Exchange("/v1/models", CHAT, JUDGE))) == set(fields.split())


def test_nothing_raw_is_in_the_document() -> None:
    """The raw request and body never reach a sink."""
    assert SECRET.encode() not in orjson.dumps(document(masked()))


def test_an_exchange_that_was_never_inspected_has_no_request() -> None:
    """What no guardrail has seen is not stored, masked or not."""
    failed = masked(
        safe_request=None, safe_response=None, failure=Failure(400, "t", "invalid_json", "m", "/x")
    )

    found = document(failed)

    assert found["request"] is None
    assert found["response"] is None
    assert found["error"] == {"type": "t", "code": "invalid_json", "message": "m", "param": "/x"}
    assert found["findings"][0]["masked_start"] is None


def test_a_finding_is_placed_in_the_stored_text() -> None:
    """masked_start and masked_end cut out the replacement."""
    found = document(masked())

    text = found["request"]["messages"][0]["content"]
    first = found["findings"][0]
    assert text[first["masked_start"] : first["masked_end"]] == "[EMAIL_ADDRESS]"


def test_a_blocked_finding_is_placed_only_where_the_text_shows_it() -> None:
    """A blocked verdict has no edits: the place is believed only when the masked form stands there."""
    blocked = Verdict(action=Action.BLOCK, findings=(finding(5, 29, action=Action.BLOCK),), blocked_by="pii")
    shown = document(masked(input=blocked))["findings"][0]
    other = document(masked(input=blocked, safe_request={"messages": [{"content": "mail ***"}]}))["findings"][
        0
    ]

    assert (shown["masked_start"], shown["masked_end"]) == (5, 20)
    assert (other["masked_start"], other["masked_end"]) == (None, None)


def test_a_shadow_finding_beside_an_edit_moves_with_the_text() -> None:
    """Shadow findings change nothing, but what was edited before them shifts them."""
    verdict = masked().input
    shadow = finding(30, 35, rule="words", mode=Mode.SHADOW)
    found = document(masked(input=Verdict(findings=(*verdict.findings, shadow), edits=verdict.edits)))

    text = found["request"]["messages"][0]["content"]
    placed = found["findings"][1]
    assert text[placed["masked_start"] : placed["masked_end"]] == "hello"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 2, Place(0, 2)),  # before the edit
        (4, 8, Place(4, 6)),  # the edited span itself
        (5, 7, Place(4, 6)),  # inside it: the whole replacement
        (2, 6, Place(2, 6)),  # cuts its start
        (6, 12, Place(4, 10)),  # cuts its end
        (8, 9, Place(6, 7)),  # right after it
    ],
)
def test_spans_move_with_an_edit(start: int, end: int, expected: Place) -> None:
    """An edge that an edit cuts takes in the whole replacement."""
    assert Shift([Edit("/x", 4, 8, "##")]).place(start, end) == expected


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.text("#", max_size=6)), max_size=6))
def test_edited_spans_land_on_their_replacements(pieces: list[tuple[int, int, str]]) -> None:
    """For any edits, each edited span's place in the stored text is its replacement."""
    edits, position = [], 0
    for gap, length, replacement in pieces:
        edits.append(Edit("/x", position + gap, position + gap + length, replacement))
        position += gap + length
    text, stored, last = "a" * (position + 3), "", 0
    for edit in edits:
        stored += text[last : edit.start] + edit.replacement
        last = edit.end
    stored += text[last:]

    for edit in edits:
        place = Shift(edits).place(edit.start, edit.end)
        assert stored[place.start : place.end] == edit.replacement


def test_many_findings_cost_in_proportion_and_are_cut_off() -> None:
    """20,000 masked values in one text: the first 1,000 are listed, the rest counted, and the text shows them."""
    from guardrails.types import Finding, Stage

    edits = tuple(Edit("/messages/0/content", 10 * n, 10 * n + 9, "[X]") for n in range(20_000))
    found = tuple(
        Finding("pii", "pii", "X", Stage.INPUT, e.pointer, e.start, e.end, 1.0, Action.REDACT, Mode.ENFORCE)
        for e in edits
    )
    exchange = Exchange(
        "/v1/chat/completions", CHAT, JUDGE, input=Verdict(Action.REDACT, Action.REDACT, found, (), edits)
    )
    exchange.safe_request = {"messages": [{"role": "user", "content": "[X] " * 20_000}]}

    kept = document(exchange)

    assert (len(kept["findings"]), kept["findings_left_out"]) == (MAX_FINDINGS, 19_000)
    assert {(f["masked_start"] % 4, f["masked_end"] % 4) for f in kept["findings"]} == {(0, 3)}


def test_a_name_in_which_something_was_found_is_told_by_its_kind() -> None:
    """A member's name may be somebody's address: no pointer, within or param repeats it."""
    from guardrails.types import Finding, Stage

    def named(pointer: str, within: str) -> Finding:
        return Finding(
            "pii",
            "pii",
            "EMAIL_ADDRESS",
            Stage.INPUT,
            pointer,
            0,
            9,
            1.0,
            Action.REDACT,
            Mode.ENFORCE,
            "",
            within,
        )

    exchange = masked(
        input=Verdict(
            Action.BLOCK,
            Action.BLOCK,
            (
                named("/metadata/a@raw.com", "#"),
                named("/metadata/a@raw.com/x", ""),
                named("/m/arguments", "/a@raw.com#"),
                named("/m/arguments", "/a@raw.com/0"),
            ),
        ),
        failure=Failure(400, "t", "content_filter", "m", "/metadata/a@raw.com"),
    )

    kept = document(exchange)

    assert b"a@raw.com" not in orjson.dumps(kept)
    assert [(f["pointer"], f["within"]) for f in kept["findings"]] == [
        ("/metadata/[EMAIL_ADDRESS]", "#"),
        ("/metadata/[EMAIL_ADDRESS]/x", ""),
        ("/m/arguments", "/[EMAIL_ADDRESS]#"),
        ("/m/arguments", "/[EMAIL_ADDRESS]/0"),
    ]
    assert kept["error"]["param"] == "/metadata/[EMAIL_ADDRESS]"


def test_pointers_reach_escaped_names_and_nothing_that_is_not_there() -> None:
    """RFC 6901 escapes are undone; a missing place is None."""
    body = {"a/b": [{"~": 1}]}

    assert at(body, "/a~1b/0/~0") == 1
    assert at(body, "/a~1b/7") is None
    assert at(body, "/a~1b/x") is None
