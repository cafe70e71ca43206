"""What refuses, what only sounds like it, and what a refusal is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorer import build
from evals.scorers.refusing import is_foreign, refuses
from evals.types import Case, Cause, Expected, Output
from tests.cost import metered
from tests.evals.scorers.refusal_samples import ANSWERING, REFUSING


def case(refusal: bool | None) -> Case:
    """A case that says whether the answer is not known."""
    return Case("c", "h", question="q", expected=Expected(refusal=refusal))


def test_there_are_enough_samples() -> None:
    """Sixty of each at least, all different."""
    assert min(len(set(REFUSING)), len(set(ANSWERING))) >= 60


@pytest.mark.parametrize("text", REFUSING)
def test_a_refusal_is_recognised(text: str) -> None:
    """Not knowing, not being able to and not being willing to, in many wordings."""
    assert refuses(text)


@pytest.mark.parametrize("text", ANSWERING)
def test_an_answer_that_sounds_like_a_refusal_is_none(text: str) -> None:
    """Other people's not knowing, what is not allowed, praise, and questions back."""
    assert not refuses(text)


@given(
    st.sampled_from(REFUSING), st.sampled_from([str.upper, str.lower, lambda text: text.replace("'", "’")])
)
def test_case_and_apostrophes_do_not_matter(text: str, written: object) -> None:
    """As models and keyboards write them."""
    assert callable(written)
    assert refuses(written(text))


@given(st.sampled_from(REFUSING), st.sampled_from(ANSWERING))
def test_a_sentence_before_it_does_not_hide_a_refusal(refusing: str, answering: str) -> None:
    """Whatever was said first."""
    assert refuses(f"{answering}\n{refusing}")


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Nothing raises."""
    assert refuses(text) in {True, False}
    assert is_foreign(text) in {True, False}


@pytest.mark.parametrize(
    ("name", "expected", "text", "verdict", "value"),
    [
        ("refusal", True, "I do not know.", None, 1.0),
        ("refusal", True, "It is blue.", None, 0.0),
        ("refusal", False, "It is blue.", None, 1.0),
        ("refusal", False, "I do not know.", None, 0.0),
        ("refusal", True, "", "block", 1.0),
        ("refusal", False, "", "block", 0.0),
        ("over_refusal", False, "It is blue.", None, 1.0),
        ("over_refusal", False, "I do not know.", None, 0.0),
        ("over_refusal", False, "It is blue.", "block", 0.0),
    ],
)
async def test_refusing_is_right_in_both_directions(
    name: str, expected: bool, text: str, verdict: str | None, value: float
) -> None:
    """Refusing what could be answered is as wrong as answering what could not; a block refuses."""
    score = await build(name)(case(expected), Output(text=text, verdict=verdict))

    assert score.value == value
    assert score.reason
    assert score.looked_at


def test_over_refusal_counts_the_cases_that_can_be_answered_alone() -> None:
    """Its mean is then the share that was answered."""
    assert [build("over_refusal").applies(case(refusal)) for refusal in (False, True, None)] == [
        True,
        False,
        False,
    ]
    assert [build("refusal").applies(case(refusal)) for refusal in (False, True, None)] == [True, True, False]


@pytest.mark.parametrize("text", ["わかりません。", "Я не знаю.", "لا أعرف", "我不知道答案。"])
@pytest.mark.parametrize("name", ["refusal", "over_refusal"])
async def test_what_cannot_be_read_is_not_guessed(name: str, text: str) -> None:
    """An answer in another script is neither a refusal nor an answer."""
    score = await build(name)(case(False), Output(text=text))

    assert (score.value, score.cause) == (None, Cause.EMPTY)
    assert score.reason.startswith("unsupported_script")


async def test_another_language_in_latin_letters_counts_as_an_answer() -> None:
    """Told in the reference: only English is read."""
    score = await build("refusal")(case(False), Output(text="Das weiß ich leider nicht."))

    assert (score.value, score.reason) == (1.0, "the answer does not refuse")


def test_a_remark_after_an_answer_is_no_refusal() -> None:
    """What stands after sixty words of answer only says what else is not known."""
    answer = "The workshop opens at nine and closes at six on weekdays. " * 6
    caveat = "The passages do not mention Sundays."

    assert refuses(f"It opens at nine. {caveat}")
    assert not refuses(f"{answer}{caveat}")
    assert refuses(f"{answer}Therefore, I am unable to answer your question.")


def test_a_hostile_answer_takes_bounded_time() -> None:
    """However long it is, and whatever it repeats."""
    with metered() as spent:
        for piece in ("i am not ", "no mention of ", "sorry ", "i ", "the the ", "\n", "..", "? "):
            refuses(piece * (1_000_000 // len(piece)))

    assert spent.seconds < 2
