"""Groundedness, tier T0."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.checks import grounding
from guardrails.checks.grounding import (
    COEFFICIENTS,
    NO_CLAIM,
    NO_CONTEXT,
    NO_EVIDENCE_WORDS,
    OTHER_LANGUAGE,
    UNSUPPORTED_SCRIPT,
    score,
)
from guardrails.errors import ModelError
from tests.cost import metered

SHOP = [
    "Orders can be returned within 30 days of delivery. The refund is paid to the original card in 5 business days. "
    "Gift cards cannot be refunded.",
    "Standard shipping costs 4.90 euros and takes three working days. Express shipping arrives the next morning. "
    "Parcels over 20 kilograms are sent by freight with Norden Cargo.",
]
FERRY = [
    "The ferry from Mallaig to Armadale sails eight times a day in summer. The crossing takes 45 minutes. "
    "Dogs travel free, but must stay on a lead. Captain Moira Sinclair has run the route since 2011."
]

COPIED = [
    ("How long can I return an order?", SHOP, "Orders can be returned within 30 days of delivery."),
    ("Are gift cards refundable?", SHOP, "Gift cards cannot be refunded."),
    ("How much is shipping?", SHOP, "Standard shipping costs 4.90 euros and takes three working days."),
    ("Who carries heavy parcels?", SHOP, "Parcels over 20 kilograms are sent by freight with Norden Cargo."),
    ("How long is the crossing?", FERRY, "The crossing takes 45 minutes."),
    ("Can I take my dog?", FERRY, "Dogs travel free, but must stay on a lead."),
    ("Who runs it?", FERRY, "Captain Moira Sinclair has run the route since 2011."),
]
ALTERED = [
    (*COPIED[0], "Orders can be returned within 60 days of delivery.", "value_mismatch"),
    (*COPIED[0], "Orders can be returned within 5 days of delivery.", "value_mismatch"),
    (*COPIED[0], "You may send your order back for 90 days.", "value_mismatch"),
    (*COPIED[1], "Gift cards can be refunded.", "conflict"),
    (*COPIED[2], "Standard shipping costs 9.90 euros and takes three working days.", "value_mismatch"),
    (*COPIED[2], "Standard shipping costs 4.90 euros and takes seven working days.", "value_mismatch"),
    (*COPIED[3], "Parcels over 20 kilograms are sent by freight with Rapid Cargo.", "value_mismatch"),
    (*COPIED[4], "The crossing takes 25 minutes.", "value_mismatch"),
    (*COPIED[6], "Captain Moira Sinclair has run the route since 2017.", "value_mismatch"),
]
ADDED = [
    (*COPIED[0], "Opened items lose half of their price and need the paper receipt."),
    (*COPIED[2], "Members of the loyalty programme never pay for parcels to islands."),
    (*COPIED[4], "Passengers enjoy a heated lounge with a piano and local cheese."),
    (*COPIED[5], "Cats need a vaccination passport and a sealed box."),
]


@pytest.mark.parametrize(("question", "context", "answer"), COPIED)
@pytest.mark.parametrize("asked", [True, False])
def test_a_sentence_copied_from_the_context_is_grounded(
    question: str, context: list[str], answer: str, asked: bool
) -> None:
    """A short answer that repeats its context has a value over 0.7 and no spans, with or without the question."""
    found = score(question if asked else "", context, answer)

    assert found.value is not None and found.value > 0.7
    assert (found.spans, found.supported) == ((), True)


@pytest.mark.parametrize(("question", "context", "answer", "altered", "cls"), ALTERED)
def test_one_changed_fact_in_a_copied_sentence_is_seen(
    question: str, context: list[str], answer: str, altered: str, cls: str
) -> None:
    """Another number, name or negation puts a short answer under the threshold, and the sentence is named with its place."""
    right, wrong = score(question, context, answer), score(question, context, altered)

    assert wrong.value is not None and right.value is not None and wrong.value < right.value - 0.4
    assert wrong.supported is False
    assert [(span.start, span.end, span.cls) for span in wrong.spans] == [(0, len(altered), cls)]
    evidence = wrong.spans[0].evidence
    assert evidence is not None and context[evidence.context][evidence.start : evidence.end] != ""


@pytest.mark.parametrize(("question", "context", "answer", "added"), ADDED)
def test_an_added_unsupported_sentence_lowers_the_value(
    question: str, context: list[str], answer: str, added: str
) -> None:
    """A sentence out of nowhere behind a true one costs at least 0.2, and is the one that is reported."""
    right, more = score(question, context, answer), score(question, context, f"{answer} {added}")

    assert right.value is not None and more.value is not None and more.value < right.value - 0.2
    assert [(span.start, span.cls) for span in more.spans] == [(len(answer) + 1, "baseless")]


def test_an_answer_about_something_else_is_unsupported_without_evidence() -> None:
    """When no content word stands in the context there is a span, and its evidence is None."""
    found = score("Which capital?", SHOP, "Lisbon became the Portuguese capital.")

    assert found.supported is False
    assert [(span.cls, span.evidence) for span in found.spans] == [("baseless", None)]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "   ",
        "Hello!",
        "Thank you for asking!",
        "I do not know.",
        "I'm sorry, but I don't know.",
        "Unable to answer based on given passages.",
        "The provided context does not mention shipping to Norway.",
        "Could you tell me the order number?",
        "Yes.",
        "Hi there! How can I help you today?",
    ],
)
def test_an_answer_that_claims_nothing_is_not_scored(answer: str) -> None:
    """Greetings, questions and not knowing have no value, neither 0 nor 1, and say why."""
    found = score("q", SHOP, answer)

    assert (found.value, found.reason, found.spans, found.supported) == (None, NO_CLAIM, (), None)


@pytest.mark.parametrize("context", [[], [""], [" ", "\n"]])
def test_without_context_there_is_no_value(context: list[str]) -> None:
    """An answer cannot be unsupported by nothing: the reason says that the context was empty."""
    found = score("q", context, "Orders can be returned within 30 days.")

    assert (found.value, found.reason) == (None, NO_CONTEXT)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("退款需要三十天。", UNSUPPORTED_SCRIPT),
        ("返品は三十日以内です。これは本当です。", UNSUPPORTED_SCRIPT),
        ("Возврат в течение тридцати дней.", UNSUPPORTED_SCRIPT),
        ("退款需要三十天 (OK).", UNSUPPORTED_SCRIPT),
        ("xxxx…", NO_EVIDENCE_WORDS),
        ("x" * 5000, NO_EVIDENCE_WORDS),
        ("ab" * 2500, NO_EVIDENCE_WORDS),
        ("x y z", NO_EVIDENCE_WORDS),
    ],
)
@pytest.mark.parametrize("context", [SHOP, ["退款需要三十天。"]])
def test_what_the_features_cannot_see_has_no_value(answer: str, reason: str, context: list[str]) -> None:
    """Words that cannot be looked for are neither supported nor not."""
    found = score("How long?", context, answer)

    assert (found.value, found.spans, found.reason) == (None, (), reason)


GERMAN = (
    "Bestellungen können innerhalb von 30 Tagen nach der Lieferung zurückgegeben werden. Die Erstattung wird auf die "
    "Karte gezahlt, mit der die Bestellung bezahlt ist."
)


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        (["订单可以在交货后三十天内退回。退款需要五个工作日。"], SHOP[0]),
        (["Заказы можно вернуть в течение 30 дней.", " "], "30 days."),
        (["订单可以在交货后三十天内退回。"], "Norden Cargo."),
        ([GERMAN], SHOP[0]),
        (SHOP, GERMAN),
        ([json.dumps({"text": GERMAN})], SHOP[0]),
    ],
)
def test_an_answer_in_another_language_than_its_context_has_no_value(context: list[str], answer: str) -> None:
    """Words of one language are not missing from a text in another."""
    found = score("How long?", context, answer)

    assert (found.value, found.spans, found.reason) == (None, (), OTHER_LANGUAGE)


@pytest.mark.parametrize("context", [["订单可以退回。", SHOP[0]], [GERMAN, SHOP[0]], [f"{GERMAN} {SHOP[0]}"]])
def test_one_text_in_the_language_of_the_answer_is_enough(context: list[str]) -> None:
    """A search in two languages finds texts in both."""
    found = score("How long?", context, SHOP[0])

    assert found.value is not None and found.supported is True


def test_answers_and_contexts_in_one_other_language_are_compared() -> None:
    """Copies are found in any Latin language, though the word lists are English."""
    found = score("", [GERMAN], GERMAN)

    assert found.value is not None and found.value > 0.7


@pytest.mark.parametrize("answer", ["Hello!", "I do not know.", "Is that all?"])
@pytest.mark.parametrize(
    "context", [[GERMAN], ["订单可以退回。"], ['{"a": [1, {"b": null}]}'], ["x" * 1_000_000]]
)
def test_no_claim_comes_before_every_other_reason(context: list[str], answer: str) -> None:
    """Whatever was found, an answer that claims nothing says so."""
    assert score("q", context, answer).reason == NO_CLAIM


@pytest.mark.parametrize(
    "context", ["{}", "[]", '{"a": null}', '{"a": ' + "[" * 500 + "]" * 500 + "}", '{"broken": ']
)
def test_any_json_is_a_context(context: str) -> None:
    """Empty, deep and broken records are read, and do not hold up a false claim."""
    assert score("", [context], "The vault code was changed by Ingrid Dahl.").supported is False


@pytest.mark.parametrize("answer", ["Zürich.", "Élan vital.", "30", "Norden Cargo (東京)."])
def test_accents_and_numbers_are_evidence(answer: str) -> None:
    """Latin letters of any language are read."""
    assert score("q", SHOP, answer).value is not None


def test_a_claim_behind_a_refusal_is_scored() -> None:
    """Politeness does not hide a claim."""
    found = score("q", SHOP, "Sure! I don't know, but Norden Cargo was founded in 1850.")

    assert found.supported is False


def test_the_false_sentence_at_the_end_of_a_long_context_is_judged_by_all_of_it() -> None:
    """Nothing is truncated: support that stands only in the last line of 100,000 characters counts."""
    filler = "The committee read the minutes of the meeting and went home. " * 1700
    last = "The vault code was changed by Ingrid Dahl on 14 March."

    there = score("Who changed it?", [filler + last], last)
    absent = score("Who changed it?", [filler], last)

    assert there.value is not None and absent.value is not None
    assert there.value > 0.7 > 0.5 > absent.value
    assert there.coverage == 1.0


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_a_false_sentence_last_is_flagged_against_a_long_context(size: int) -> None:
    """After a true sentence, and named as the place that is not supported; all of the context is read."""
    filler = "The committee read the minutes of the meeting and went home. "
    false = "The vault code was changed by Ingrid Dahl on 14 March."
    answer = f"The committee read the minutes of the meeting. {false}"

    found = score("What happened?", [filler * (size // len(filler))], answer)

    assert (found.supported, found.coverage) == (False, 1.0)
    assert [answer[span.start : span.end] for span in found.spans] == [false]


RECORD = json.dumps(
    {
        "name": "Blue Door",
        "city": "Leith",
        "stars": 4.5,
        "hours": {"Monday": "9:0-17:30", "Tuesday": "9:0-17:30", "Wednesday": "11:0-20:0"},
        "attributes": {
            "OutdoorSeating": False,
            "WiFi": "free",
            "Delivery": None,
            "Parking": {"garage": True},
        },
    }
)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Blue Door in Leith has no outdoor seating.", "Blue Door in Leith has outdoor seating."),
        ("Blue Door in Leith has garage parking.", "Blue Door in Leith has no garage parking."),
        ("Blue Door in Leith has free WiFi.", "Blue Door in Leith has free delivery."),
        (
            "Blue Door opens on Monday from 9:00 AM to 5:30 PM.",
            "Blue Door opens on Monday from 11:00 AM to 8:00 PM.",
        ),
        ("Blue Door has 4.5 stars.", "Blue Door has 3.5 stars."),
    ],
)
def test_a_json_record_contradicts(right: str, wrong: str) -> None:
    """False, null and denied attributes, opening hours and ratings of a record are read as facts."""
    good, bad = score("", [RECORD], right), score("", [RECORD], wrong)

    assert good.value is not None and bad.value is not None and bad.value < good.value - 0.05


def test_spans_are_given_for_every_unsupported_answer() -> None:
    """Whenever the value is under the threshold, at least one sentence is named, and offsets reproduce it."""
    answer = "Standard shipping takes three days. It is flown by helicopters from Zurich each Friday at noon."
    found = score("q", SHOP, answer)

    assert found.supported is False
    assert answer[found.spans[-1].start : found.spans[-1].end].startswith("It is flown")


UNMEASURED = (NO_CLAIM, NO_CONTEXT, NO_EVIDENCE_WORDS, OTHER_LANGUAGE, UNSUPPORTED_SCRIPT)
WORDS = (
    r"""orders returned 30 days Norden Cargo not refund 5 paid hello the . ! ? but 4.90 euros [1] { é 東京"""
)
words = st.sampled_from([*WORDS.split(), "\n", "\ud800"])


@settings(max_examples=60)
@given(st.lists(words, max_size=25).map(" ".join), st.lists(words, max_size=25).map(" ".join))
def test_any_text_has_a_value_in_range_or_a_reason(context: str, answer: str) -> None:
    """Whatever comes in: a value between 0 and 1 with at least one span when low, or a reason; twice the same."""
    found = score("how many days?", [context], answer)

    assert found == score("how many days?", [context], answer)
    if found.value is None:
        assert found.reason in UNMEASURED and not found.spans
    else:
        assert 0.0 <= found.value <= 1.0 and found.reason == ""
        assert found.spans or found.supported
    assert all(answer[span.start : span.end].strip() for span in found.spans)


def test_another_process_gives_the_same_bits() -> None:
    """Neither hash seeds nor set order reach the output."""
    code = (
        "from guardrails.checks.grounding import score\n"
        "import sys\n"
        "sys.stdout.write(repr(score('When?', ['The ship left Oslo on 3 May with 40 crew.'],"
        " 'The ship left Bergen on 4 May. It had 40 crew and a cat.')))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(COEFFICIENTS.parents[2])},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1


def test_the_version_is_the_hash_of_the_coefficients() -> None:
    """Two results with one version were weighed alike."""
    found = score("q", SHOP, "Gift cards cannot be refunded.")

    assert found.version == hashlib.sha256(COEFFICIENTS.read_bytes()).hexdigest()[:12]
    assert found.tier == "T0"


def test_coefficients_for_other_features_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Weights that do not fit the features are an error at the first use, never a wrong value."""
    path = tmp_path_factory.mktemp("coefficients") / "other.json"
    path.write_text(json.dumps({**json.loads(COEFFICIENTS.read_text()), "features": {}}))
    monkeypatch.setattr(grounding, "COEFFICIENTS", path)
    grounding._coefficients.cache_clear()
    try:
        with pytest.raises(ModelError, match="fit_grounding"):
            score("q", SHOP, "Gift cards cannot be refunded.")
    finally:
        grounding._coefficients.cache_clear()


def test_more_unseen_content_never_raises_the_value() -> None:
    """All weights are non-negative: features only ever take support away."""
    kinds = json.loads(COEFFICIENTS.read_text())["kinds"]

    assert all(weight >= 0 for kind in kinds.values() for part in kind.values() for weight in part["weights"])


def test_a_typical_answer_takes_milliseconds() -> None:
    """A hundred words against six hundred: well under 5 ms each (asserted loosely, machines differ)."""
    context = [" ".join(SHOP + FERRY)] * 6
    answer = " ".join(text for _, _, text in COPIED) * 2
    score("q", context, answer)
    with metered() as spent:
        for _ in range(10):
            score("q", context, answer)

    assert spent.seconds / 10 < 0.025
