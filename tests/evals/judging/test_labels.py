"""Labels are people's, say something new each, and follow the policy as it stands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.errors import JudgeError
from evals.judging.labels import ENOUGH, check, load, material
from evals.judging.scoring import passages
from evals.judging.types import Rubric
from evals.types import Hit
from tests.evals.judging.labelled import POLICY, RUBRIC, line, lines, write_labels


def test_labels_are_read_in_order_of_id(tmp_path: Path) -> None:
    """With what was labelled by field, and who said what before people settled."""
    ratings = [{"by": "bob", "label": "bad"}, {"by": "ada", "label": "good"}]
    given = line("a", tags=["short"], cluster="doc", expected="So.", ratings=ratings, note="close call")

    labels = load(write_labels(tmp_path, [line("b", "bad"), given]))

    assert [item.id for item in labels.items] == ["a", "b"]
    first = labels.items[0]
    assert first.texts == {
        "question": "What of a?",
        "context": "[1] All of a.",
        "answer": "a is good.",
        "expected": "So.",
    }
    assert (first.label, first.by, first.tags, first.cluster) == ("good", "ada", ("short",), "doc")
    assert first.ratings == (("ada", "good"), ("bob", "bad"))
    assert labels.few and not load(write_labels(tmp_path, lines(ENOUGH))).few


WRONG: list[tuple[dict[str, Any], str]] = [
    (line("a", kind="judge"), "labels.jsonl:2: 'a' has a label of kind 'judge': only people's labels"),
    (line("a", kind="synthetic"), "has a label of kind 'synthetic'"),
    (line("a", by=""), "labels.jsonl:2: by: "),
    (line("a", label=""), "labels.jsonl:2: label: "),
    (line("a", lable="good"), "labels.jsonl:2: lable: "),
    (line("a", label=1), "labels.jsonl:2: label: "),
    (line("a", answer=None), "'a' has no answer"),
    (line("a", ratings=[{"by": "ada", "label": "good"}] * 2), "somebody rates 'a' twice"),
    (line("\x1b[31m", kind="judge"), "'\\x1b[31m' has a label"),
]


@pytest.mark.parametrize(("item", "told"), WRONG, ids=[told for _, told in WRONG])
def test_a_line_that_is_no_label_is_refused(tmp_path: Path, item: dict[str, Any], told: str) -> None:
    """With its line and field, and never a character that drives a terminal."""
    with pytest.raises(JudgeError) as refused:
        load(write_labels(tmp_path, [item, line("b", "bad")]))

    assert told in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("[1]\n", "labels.jsonl:1: is not a JSON object"),
        ("{\n", "labels.jsonl:1: is not JSON"),
        ('{"policy": "policy.md"}\n', "policy_sha256: Field required"),
        ('{"policy": "../policy.md", "policy_sha256": "' + "0" * 64 + '"}\n', "policy: String should match"),
        ('{"policy": "p", "policy": "q"}\n', "'policy' stands there twice"),
        ("[" * 5000 + "\n", "is not JSON"),
        ('{"policy": NaN}\n', "a number is not finite"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """One line that says where."""
    write_labels(tmp_path, [])
    (tmp_path / "labels.jsonl").write_text(text)

    with pytest.raises(JudgeError) as refused:
        load(tmp_path)

    assert told in str(refused.value)


def test_passages_are_shown_as_scorers_show_them(tmp_path: Path) -> None:
    """Else a judge would be calibrated on another prompt than it gets."""
    hits = [Hit("d", 1.0, text, rank) for rank, text in enumerate(["One.", "Two."], 1)]

    labels = load(write_labels(tmp_path, [line("a", context=["One.", "Two."])]))

    assert labels.items[0].texts["context"] == passages(hits)


def test_missing_files_are_told(tmp_path: Path) -> None:
    """The labels, the policy, an item, UTF-8."""
    with pytest.raises(JudgeError, match="there are no labels in"):
        load(tmp_path)
    with pytest.raises(JudgeError, match="has no item"):
        load(write_labels(tmp_path, []))
    (write_labels(tmp_path, lines(2)) / "policy.md").unlink()
    with pytest.raises(JudgeError, match="names a policy that cannot be read"):
        load(tmp_path)
    (tmp_path / "labels.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(JudgeError, match="is not UTF-8"):
        load(tmp_path)


def test_a_policy_that_changed_is_not_the_one_that_labels_follow(tmp_path: Path) -> None:
    """The message holds the hash that it has now. How lines end does not matter."""
    folder = write_labels(tmp_path, lines(2))
    before = load(folder)
    (folder / "policy.md").write_bytes(POLICY.replace("\n", "\r\n").encode())
    assert load(folder) == before
    (folder / "policy.md").write_text(POLICY + "Or when it is nice.\n")

    with pytest.raises(JudgeError, match=r"is not the policy that the labels follow \(it is [0-9a-f]{64}"):
        load(folder)


def test_an_item_counts_once(tmp_path: Path) -> None:
    """Neither its id nor what it shows is there twice, whatever the labels say."""
    with pytest.raises(JudgeError, match=r"labels.jsonl:3: id 'a' is there twice"):
        load(write_labels(tmp_path, [line("a"), line("a", "bad")]))
    copy = line("a") | {"id": "b", "label": "bad", "by": "bob"}
    with pytest.raises(JudgeError, match=r"labels.jsonl:3: 'b' is the same answer as 'a'"):
        load(write_labels(tmp_path, [line("a"), copy]))


def test_labels_have_to_fit_the_rubric(tmp_path: Path) -> None:
    """Verdicts that it knows, of at least two values, its fields, and nothing that the judge said itself."""
    labels = load(write_labels(tmp_path, lines(4)))
    check(labels, RUBRIC, rater="m")

    with pytest.raises(
        JudgeError, match="is labelled 'bad', which rubric toy does not know: choose from good, fine"
    ):
        check(labels, replace(RUBRIC, verdicts={"good": 1.0, "fine": 0.0}))
    with pytest.raises(JudgeError, match="'i000' was labelled by 'ada', the judge itself"):
        check(labels, RUBRIC, rater="ada")
    with pytest.raises(JudgeError, match="'i000' has no passage, which rubric toy shows the judge"):
        check(labels, replace(RUBRIC, user="{question} {passage}"))
    with pytest.raises(JudgeError, match="all 4 items are labelled bad, good: kappa is not defined"):
        check(labels, replace(RUBRIC, verdicts={"good": 0.0, "bad": 0.0, "best": 1.0}))
    same = load(write_labels(tmp_path, [line("a"), line("b")]))
    with pytest.raises(JudgeError, match="all 2 items are labelled good: kappa is not defined"):
        check(same, RUBRIC)


def test_a_rubric_that_judges_one_by_one_gets_a_list(tmp_path: Path) -> None:
    """Of the answer's claims, of the expected one's statements, or of what the line itself gives."""
    claims = Rubric("toy", "1", "", "{context} {claims}", {"good": 1.0, "bad": 0.0}, each="claims")
    statements = replace(claims, user="{statements}", each="statements")
    two = line("a", answer="Harbor opens at nine. It closes at six.", expected="It opens at nine.")
    own = line("b", "bad", material={"claims": "Only this."})
    empty = line("c", "bad", answer="")

    a, b, c = load(write_labels(tmp_path, [two, own, empty])).items

    assert json.loads(material(a, claims)["claims"]) == ["Harbor opens at nine.", "It closes at six."]
    assert json.loads(material(a, statements)["statements"]) == ["It opens at nine."]
    assert json.loads(material(b, claims)["claims"]) == ["Only this."]
    with pytest.raises(JudgeError, match="'c' claims nothing"):
        material(c, claims)
