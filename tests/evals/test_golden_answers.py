"""What the shipped golden sets take for an answer: wrong answers that sound like one score 0, other wordings score 1."""

from __future__ import annotations

import pytest

from evals.golden import load
from evals.scorer import build
from evals.types import Case, Output
from tests.evals.brightwater import DATASETS

CASES: dict[str, Case] = {
    case.id: case
    for name in ("rag-qa", "prompt-regression", "multi-turn")
    for case in load(DATASETS / "golden" / name).cases
}

WRONG = [
    ("rag-qa-0013", "2025: 41.3 GWh, ahead of 47.7 GWh."),
    ("rag-qa-0013", "None: 2025 saw more, with 47.7 GWh."),
    ("rag-qa-0015", "One proxy."),
    ("rag-qa-0016", "Two thirds."),
    ("rag-qa-0018", "No, it was 50 members and now is 100."),
    ("rag-qa-0018", "100 now, 50 before."),
    ("rag-qa-0018", "It was 50; today 100 signatures are needed."),
    ("rag-qa-0022", "Yes, 4 percent instead of 3.5 percent"),
    ("rag-qa-0022", "Yes, with 41 votes."),
    ("rag-qa-0032", "For at most three hours."),
    ("rag-qa-0061", "The last tenant, never the owner."),
    ("rag-qa-0061", "The last tenant is the customer, not the owner."),
    ("rag-qa-0069", "There is no need for the battery box."),
    ("rag-qa-0073", "You are paid nothing less than 7 cents"),
    ("rag-qa-0073", "You are paid 7.6 cents."),
    ("rag-qa-0093", "The hydro plant makes more than the wind turbines."),
    ("rag-qa-0093", "They make 26 GWh."),
    ("rag-qa-0094", "2.6 cubic metres a second."),
    ("rag-qa-0095", "Nobody knows, probably sheep"),
    ("rag-qa-0096", "Within five working days."),
    ("rag-qa-0102", "From 1:00 to 4:00."),
    ("desk-0039", "No"),
    ("turns-0001", "Tannock will be back sooner than Ferrow."),
    ("turns-0001", "At 18:40, in Tannock."),
    ("turns-0016", "I could not take 9077: there is no meter BW-33081."),
    ("turns-0033", "Only 3340 was taken, the other failed."),
    ("turns-0033", "Both readings are taken: 20118 and 3340, together 23458 kWh."),
    ("turns-0035", "Your appointment is on 14 January 2027."),
]

RIGHT = [
    ("rag-qa-0013", "6.4 GWh."),
    ("rag-qa-0013", "In 2024 they made 6.4 GWh more [dividend-2024] [dividend-2025]."),
    ("rag-qa-0015", "2 proxies"),
    ("rag-qa-0015", "At most two."),
    ("rag-qa-0016", "75 percent"),
    ("rag-qa-0016", "75%"),
    ("rag-qa-0018", "50 members have to sign it."),
    ("rag-qa-0018", "50 signatures; yes, it was 100 before."),
    ("rag-qa-0018", "It needs 50 signatures today."),
    ("rag-qa-0018", "50 today, 100 before."),
    ("rag-qa-0022", "No, 3.5 percent was approved."),
    ("rag-qa-0022", "No, it was 3.5%."),
    ("rag-qa-0022", "The motion for it found 41 votes."),
    ("rag-qa-0032", "2 hours"),
    ("rag-qa-0032", "Two hours at a time."),
    ("rag-qa-0061", "The owner is the customer [moving-house]."),
    ("rag-qa-0061", "While it stands empty, the customer is the owner."),
    ("rag-qa-0069", "Call 555-0133."),
    ("rag-qa-0069", "We lend you a battery box."),
    ("rag-qa-0073", "There is no payment for it."),
    ("rag-qa-0073", "You get nothing for it."),
    ("rag-qa-0093", "6.5 GWh."),
    ("rag-qa-0094", "3.4 cubic meters a second"),
    ("rag-qa-0094", "3.4 m³ a second."),
    ("rag-qa-0095", "No animal eats it."),
    ("rag-qa-0095", "Nobody grazes on that field."),
    ("rag-qa-0096", "10 working days"),
    ("rag-qa-0100", "20 meters"),
    ("rag-qa-0100", "At least 20 m."),
    ("rag-qa-0102", "00:00 to 05:00"),
    ("rag-qa-0102", "Between midnight and 5:00, on weekdays."),
    ("desk-0039", "Yes"),
    ("desk-0039", "It is forbidden."),
    ("turns-0001", "At 16:15."),
    ("turns-0016", "It is taken down for BW-33081, the receipt is R-4406."),
    ("turns-0033", "2150 kWh together."),
    ("turns-0035", "On January 26."),
]


async def scored(name: str, case: str, answer: str) -> float | None:
    """What a scorer of text gives an answer to a case."""
    return (await build(name)(CASES[case], Output(answer))).value


@pytest.mark.parametrize(("case", "answer"), WRONG)
async def test_a_wrong_answer_with_the_words_of_a_right_one_scores_0(case: str, answer: str) -> None:
    """A denial, a swap of two years, a bare mention: none has the deciding words in a row."""
    assert await scored("contains", case, answer) == 0


@pytest.mark.parametrize(("case", "answer"), RIGHT)
async def test_a_right_answer_in_other_words_scores_1(case: str, answer: str) -> None:
    """Figures for words, other spellings, short ones."""
    assert await scored("contains", case, answer) == 1


@pytest.mark.parametrize("answer", ["Yes", "Yes.", "Forbidden", "Yes, forbidden."])
async def test_the_shortest_answer_is_exact(answer: str) -> None:
    """As few words as possible: the prompt asks for that, so a plain yes is right."""
    assert await scored("exact", "desk-0039", answer) == 1


@pytest.mark.parametrize("answer", ["No", "It is not forbidden", "Yes, your electrician may."])
async def test_a_short_answer_that_is_wrong_is_not_exact(answer: str) -> None:
    """Even when it holds the words of a right one: that is why short answers are judged by `exact`."""
    assert await scored("exact", "desk-0039", answer) == 0


@pytest.mark.parametrize("case", sorted(name for name, made in CASES.items() if made.expected.answer))
async def test_every_expected_answer_and_alias_passes(case: str) -> None:
    """No wording is lost on the way through the scorer."""
    wanted = CASES[case].expected
    for answer in (wanted.answer, *wanted.aliases):
        assert await scored("contains", case, answer or "") == 1
