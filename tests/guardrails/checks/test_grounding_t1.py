"""Groundedness, tier T1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.checks import grounding, grounding_t1
from guardrails.checks.grounding import Counted, count
from guardrails.checks.grounding_t1 import (
    ANSWER,
    COMPARED,
    HEAD,
    Added,
    altered,
    answer_row,
    compare,
    moved,
    ready,
    score,
)
from guardrails.errors import ModelError
from guardrails.token_vectors import TokenEncoder, shipped_tokens
from tests.guardrails.checks.test_grounding import ADDED, ALTERED, COPIED, RECORD, SHOP, UNMEASURED, words


@pytest.mark.parametrize(("question", "context", "answer"), COPIED)
def test_a_sentence_copied_from_the_context_is_grounded(
    question: str, context: list[str], answer: str
) -> None:
    """A short answer that repeats its context is supported, without spans, and says what measured it."""
    found = score(question, context, answer)

    assert found.supported is True and found.spans == ()
    assert (found.tier, found.coverage, len(found.version)) == ("T1", 1.0, 12)
    assert found.version != grounding.score(question, context, answer).version


@pytest.mark.parametrize(("question", "context", "answer", "altered", "cls"), ALTERED)
def test_one_changed_fact_in_a_copied_sentence_is_seen(
    question: str, context: list[str], answer: str, altered: str, cls: str
) -> None:
    """What T0 sees T1 sees too, with T0's class."""
    right, wrong = score(question, context, answer), score(question, context, altered)

    assert wrong.value is not None and right.value is not None and wrong.value < right.value - 0.3
    assert wrong.supported is False
    assert [(span.start, span.end, span.cls) for span in wrong.spans] == [(0, len(altered), cls)]
    evidence = wrong.spans[0].evidence
    assert evidence is not None and context[evidence.context][evidence.start : evidence.end].strip()


@pytest.mark.parametrize(("question", "context", "answer", "added"), ADDED)
@pytest.mark.parametrize("first", [False, True])
def test_an_added_unsupported_sentence_never_raises_the_value(
    question: str, context: list[str], answer: str, added: str, first: bool
) -> None:
    """In front or behind, alone or many times over: each sentence out of nowhere leaves the value as low or lower."""
    values = [score(question, context, answer).value]
    for times in (1, 2, 4):
        more = " ".join([added] * times)
        found = score(question, context, f"{more} {answer}" if first else f"{answer} {more}")
        values.append(found.value)

    assert all(value is not None for value in values)
    assert values == sorted(values, key=lambda value: -(value or 0.0))
    assert values[0] is not None and values[1] is not None and values[1] < values[0] - 0.1


FOREIGN = [added for *_, added in ADDED] + ["Helicopters from Zurich land on the roof each Friday at noon."]


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(COPIED), st.permutations(FOREIGN), st.integers(1, 4))
def test_no_number_of_inventions_makes_an_answer_supported(
    case: tuple[str, list[str], str], order: list[str], number: int
) -> None:
    """Whatever they are, however far the encoder finds them: the answer is worth less than its copy alone."""
    question, context, answer = case
    other = [sentence for sentence in order if sentence not in {a for q, c, _, a in ADDED if c == context}]
    more = score(question, context, " ".join([answer, *other[:number]]))
    alone = score(question, context, answer)

    assert more.value is not None and alone.value is not None and more.value < alone.value - 0.1
    assert more.supported is False and more.spans


@pytest.mark.parametrize(
    ("context", "answer", "reason"),
    [
        (SHOP, "Hello!", grounding.NO_CLAIM),
        (SHOP, "I do not know.", grounding.NO_CLAIM),
        ([], "Orders can be returned.", grounding.NO_CONTEXT),
        ([" ", "\n"], "Orders can be returned.", grounding.NO_CONTEXT),
        (SHOP, "退款需要三十天。", grounding.UNSUPPORTED_SCRIPT),
        (SHOP, "xxxx…", grounding.NO_EVIDENCE_WORDS),
        (["订单可以在交货后三十天内退回。"], "Norden Cargo.", grounding.OTHER_LANGUAGE),
    ],
)
def test_what_cannot_be_measured_has_t0s_reason(context: list[str], answer: str, reason: str) -> None:
    """Never a number; the tier and the version are told all the same."""
    found = score("How long?", context, answer)

    assert (found.value, found.spans, found.reason, found.tier) == (None, (), reason, "T1")
    assert len(found.version) == 12


@pytest.mark.parametrize("characters", [100_000, 1_000_000])
def test_the_last_line_of_a_long_context_counts(characters: int) -> None:
    """Support that stands only there is found; an answer that contradicts it is flagged at it; all of it was read."""
    filler = "The committee read the minutes of the meeting and went home. " * (characters // 61)
    last = "The vault code was changed by Ingrid Dahl on 14 March."
    context = [filler + last]

    there, wrong = score("Who?", context, last), score("Who?", context, last.replace("14", "19"))

    assert there.supported is True and wrong.supported is False
    assert there.coverage == wrong.coverage == 1.0
    evidence = wrong.spans[0].evidence
    assert evidence is not None and context[0][evidence.start : evidence.end] == last


def test_where_distances_do_not_count_nothing_is_read() -> None:
    """On JSON records the value is T0's, and the encoder is not asked."""
    encoder = TokenEncoder()
    answer = "Blue Door in Leith has outdoor seating."
    found = score("", [RECORD], answer, encoder)

    assert found.value == grounding.score("", [RECORD], answer).value
    assert not encoder._kept
    assert score("", SHOP, answer, encoder).value is not None and encoder._kept


def test_a_json_record_is_read() -> None:
    """A denied attribute lowers the value, also in a list of records without any prose."""
    good = score("", [RECORD], "Blue Door in Leith has no outdoor seating.")
    bad = score("", [f"[{RECORD}]"], "Blue Door in Leith has outdoor seating.")

    assert good.value is not None and bad.value is not None and bad.value < good.value


@pytest.mark.parametrize(
    "context", [["{" * 5000], ["[]"], ["{}"], ["\ud800 " * 40], ["東京" * 20_000], ["a" * 50_000]]
)
def test_strange_contexts_have_a_value_or_a_reason(context: list[str]) -> None:
    """Broken JSON, records without a word, lone surrogates, other scripts, no spaces."""
    found = score("When?", context, "The ferry to Armadale sails at nine.")

    assert (found.value is None) == bool(found.reason)
    assert found.supported is not True


@settings(max_examples=25, deadline=None)
@given(st.lists(words, max_size=25).map(" ".join), st.lists(words, max_size=25).map(" ".join))
def test_any_text_has_a_value_in_range_or_a_reason(context: str, answer: str) -> None:
    """A value with at least one span when low, or a reason; the same again with nothing remembered."""
    found = score("how many days?", [context], answer)
    shipped_tokens().forget()

    assert found == score("how many days?", [context], answer)
    if found.value is None:
        assert found.reason in UNMEASURED and not found.spans
    else:
        assert 0.0 <= found.value <= 1.0 and (found.spans or found.supported)
    assert all(answer[span.start : span.end].strip() for span in found.spans)


def test_another_process_gives_the_same_bits() -> None:
    """Neither hash seeds nor what was read before reach the output."""
    code = (
        "from guardrails.checks.grounding_t1 import score\n"
        "import sys\n"
        "sys.stdout.write(repr(score('When?', ['The ship left Oslo on 3 May with 40 crew.'],"
        " 'It left Bergen on 3 May with forty sailors.')))"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    here = score(
        "When?", ["The ship left Oslo on 3 May with 40 crew."], "It left Bergen on 3 May with forty sailors."
    )

    assert found == {repr(here)}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"t0": "0" * 12}, "fitted for tier T0 000000000000"),
        ({"encoder": "f" * 64}, "fitted for the encoder ffffffffffff"),
        ({"format": "x"}, "other features"),
        ({"features": {}}, "other features"),
    ],
)
def test_a_head_fitted_for_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], complaint: str
) -> None:
    """One line that names the file and says what to run; no value."""
    path = tmp_path / "head.json"
    path.write_text(json.dumps(json.loads(HEAD.read_text()) | change))
    monkeypatch.setattr(grounding_t1, "HEAD", path)
    grounding_t1._head.cache_clear()
    try:
        with pytest.raises(ModelError, match=complaint) as caught:
            ready()
        assert str(path) in str(caught.value) and "fit_grounding_t1.py" in str(caught.value)
    finally:
        grounding_t1._head.cache_clear()


def test_another_encoder_object_gives_the_same_value() -> None:
    """The one given is used, and its memory never changes a value."""
    answer = "Standard shipping costs 9.90 euros."

    assert score("", SHOP, answer, TokenEncoder(kept_bytes=0)) == score("", SHOP, answer)


def test_features_have_names_and_no_negative_values() -> None:
    """One row a claim, and one for the answer."""
    answer = "Gift cards cannot be refunded. Helicopters bring them."
    found = count("", SHOP, answer)
    assert isinstance(found, Counted)
    rows = compare(found, SHOP, answer, shipped_tokens())
    told = answer_row(rows)

    assert [len(row) for row in rows] == [len(COMPARED)] * len(found.claims)
    assert all(later > earlier for earlier, later in zip(*rows, strict=True))
    assert len(told) == len(ANSWER) and min(told) >= 0.0


@pytest.mark.parametrize(("question", "context", "answer", "changed", "cls"), ALTERED)
@pytest.mark.parametrize("more", ["", *(added for *_, added in ADDED)])
def test_what_t0_saw_altered_is_never_worth_more_than_in_t0(
    question: str, context: list[str], answer: str, changed: str, cls: str, more: str
) -> None:
    """However near the altered copy lies: "60 days" is next to "30 days" for an encoder."""
    text = f"{changed} {more}".strip()
    found, there = score(question, context, text), grounding.score(question, context, text)
    counted = count(question, context, text)

    assert isinstance(counted, Counted) and any(altered(counted))
    assert found.value is not None and there.value is not None and found.value <= there.value


distances = st.floats(0.0, 2.0)


@given(st.lists(st.tuples(distances, distances, distances), min_size=1), st.floats(0.0, 1.0))
def test_an_altered_copy_gains_nothing_from_any_head(
    columns: list[tuple[float, float, float]], value: float
) -> None:
    """Whatever the weights and distances; nor does anything gain from distance."""
    features, centre, weights = zip(*columns, strict=True)
    added = Added(centre, weights)
    farther = [each + 0.5 for each in features]

    assert moved(value, added.of(features, altered=True)) <= value
    for is_altered in (False, True):
        near, far = (added.of(each, altered=is_altered) for each in (features, farther))
        assert moved(value, far) <= moved(value, near)


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_a_logit_that_is_not_moved_keeps_its_value(value: float) -> None:
    """And moved ones stay probabilities."""
    assert moved(value, 0.0) == pytest.approx(value, abs=1e-6)
    assert 0.0 <= moved(value, 1e9) <= value <= moved(value, -1e9) <= 1.0


def test_the_head_that_ships_was_fitted_to_its_end() -> None:
    """Its weights are not negative, and its figures are those of its fit, T0's beside them."""
    head = json.loads(HEAD.read_text())
    parts = [part for kind in head["kinds"].values() for part in kind.values()]

    assert all(weight >= 0.0 for part in parts for weight in part["weights"])
    assert head["measured"]["all"]["auc"] == pytest.approx(
        head["measured"]["answers"][head["measured"]["answers"]["ships"]]["auc"], abs=6e-4
    )
