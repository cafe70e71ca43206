"""The golden set `rag-qa` and its corpus are what they say they are, and an index of the corpus can be measured by it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.golden import load
from evals.index_target import IndexTarget
from evals.retrieval import open_index
from evals.scorer import build
from tests.evals.brightwater import CORPUS, DATASETS, canonical, complaints, items, manifest, rows
from tests.evals.commands import call

ITEMS = items("rag-qa")
DOCUMENTS = {row["id"]: row for row in rows(CORPUS / "docs.jsonl")}
NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
NEAR = (
    ("tariff-home-2025", "tariff-home-2026"),
    ("tariff-feed-in-2025", "tariff-feed-in-2026"),
    ("dividend-2024", "dividend-2025"),
    ("assembly-2025", "assembly-2026"),
    ("statutes-voting-2019", "statutes-voting"),
    ("battery-grant-2025", "battery-grant-2026"),
    ("outage-compensation-2023", "outage-compensation"),
)
"""Pages that say nearly the same of different years."""
IN_FIGURES = {"two": "2", "ten": "10", "three quarters": "75", "midnight": "00:00", "5:00": "05:00"}
"""What a document says in words or shorter, and an answer may say in figures."""


def tagged(tag: str) -> list[dict[str, Any]]:
    """The items of a kind."""
    return [item for item in ITEMS if tag in item["tags"]]


def test_the_corpus_is_as_its_manifest_says() -> None:
    """Its hash is the SHA-256 of the file's bytes; lines are canonical and sorted by unique id."""
    told, text = manifest(CORPUS), (CORPUS / "docs.jsonl").read_text("utf-8")

    assert told["content_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert told["n"] == len(DOCUMENTS)
    assert text == "".join(canonical(row) + "\n" for row in rows(CORPUS / "docs.jsonl"))
    assert list(DOCUMENTS) == sorted(DOCUMENTS)


def test_the_check_finds_nothing_to_say() -> None:
    """Not even a warning, with the corpus and with both prompts."""
    prompts = [DATASETS / "prompts" / "handbook" / f"{name}.txt" for name in ("v1", "degraded")]

    code, said = complaints(
        "rag-qa",
        "--corpus",
        CORPUS / "docs.jsonl",
        *(part for path in prompts for part in ("--prompt", path)),
    )

    assert code == 0, said
    assert manifest(DATASETS / "golden" / "rag-qa")["corpus"] == manifest(CORPUS)["name"]


@pytest.mark.parametrize(
    ("tag", "least"),
    [
        ("rag", 90),
        ("unanswerable", 12),
        ("temporal", 15),
        ("table", 15),
        ("derived", 15),
        ("negation", 10),
        ("condition", 15),
        ("false-premise", 8),
        ("paraphrase", 8),
        ("multi-document", 8),
        ("comparison", 6),
        ("near-duplicate", 12),
        ("cross-language", 5),
    ],
)
def test_every_kind_of_question_is_there_in_number(tag: str, least: int) -> None:
    """No kind may shrink to a handful."""
    assert len(tagged(tag)) >= least


def test_every_document_is_asked_about() -> None:
    """A document that no question needs would only make the others harder to find."""
    assert DOCUMENTS.keys() - {p["doc_id"] for item in ITEMS for p in item["relevant"] if p["grade"]} == set()


def test_passages_stand_where_they_are_said_to_stand() -> None:
    """Each quote occurs once in its document, at its place; grade 0 is for pages that mislead."""
    for item in ITEMS:
        for passage in item["relevant"]:
            text = DOCUMENTS[passage["doc_id"]]["text"]

            assert text.count(passage["quote"]) == 1, item["id"]
            assert text[passage["start"] : passage["end"]] == passage["quote"], item["id"]
            assert passage["grade"] in (0, 1, 2)


def test_questions_with_an_answer_need_a_passage_and_others_have_none() -> None:
    """What is unanswerable is worded as the prompt demands."""
    assert all(any(passage["grade"] == 2 for passage in item["relevant"]) for item in tagged("rag"))
    assert all(item["relevant"] == [] for item in tagged("unanswerable"))
    assert {item["expected"]["answer"] for item in tagged("unanswerable")} == {"I do not know."}
    assert all(item["expected"]["refusal"] is ("unanswerable" in item["tags"]) for item in ITEMS)


def test_numbers_in_an_answer_stand_in_its_documents() -> None:
    """An answer invents no figure, unless the item says that it is calculated."""
    for item in tagged("rag"):
        if "derived" in item["tags"]:
            continue
        pages = [canonical(DOCUMENTS[passage["doc_id"]]) for passage in item["relevant"] if passage["grade"]]
        pages += [passage["quote"] for passage in item["relevant"]]
        told = " ".join(pages)
        known = set(NUMBER.findall(told + item["input"]["question"]))
        known |= {figure for words, figure in IN_FIGURES.items() if re.search(rf"\b{words}\b", told)}
        for answer in [item["expected"]["answer"], *item["expected"]["aliases"]]:
            assert set(NUMBER.findall(answer)) <= known, (item["id"], answer)


def test_pages_of_two_years_differ_in_their_numbers_and_share_their_words() -> None:
    """They are near duplicates: a retriever that takes the wrong one gives a wrong answer."""
    for old, new in NEAR:
        words = [
            set(re.findall(r"[a-z]{4,}", DOCUMENTS[name]["text"].lower())) - {"january", "december"}
            for name in (old, new)
        ]
        numbers = [set(NUMBER.findall(DOCUMENTS[name]["text"])) for name in (old, new)]

        assert len(words[0] & words[1]) >= 0.3 * min(map(len, words)), (old, new)
        assert numbers[0] != numbers[1]


def test_splits_share_no_cluster() -> None:
    """What was tuned on `dev` is measured on `test`: pages of two years are of one cluster."""
    by_split = {name: {i["cluster"] for i in ITEMS if i["split"] == name} for name in ("dev", "test")}
    clusters = {p["doc_id"]: i["cluster"] for i in reversed(ITEMS) for p in i["relevant"][:1]}

    assert by_split["dev"] & by_split["test"] == set()
    assert Counter(item["split"] for item in ITEMS)["dev"] >= 30
    assert all(clusters[old] == clusters[new] for old, new in NEAR if {old, new} <= clusters.keys())


@pytest.mark.timeout(300)  # the encoder on a machine that does much else
async def test_an_index_finds_most_and_not_all(tmp_path: Path) -> None:
    """The shipped encoder, in pieces of 128 tokens: good enough to be of use, bad enough to be measured."""
    built = call("index", "build", CORPUS / "docs.jsonl", tmp_path / "index")
    target = IndexTarget(open_index(tmp_path / "index"), "index", k=5)
    cases = [case for case in load(DATASETS / "golden" / "rag-qa").cases if case.expected.refusal is False]
    outputs = [await target.ask(case) for case in cases]

    found = {}
    for name in ("recall@1", "recall@5"):
        scorer = build(name)
        scores = [await scorer(case, output) for case, output in zip(cases, outputs, strict=True)]
        found[name] = sum(score.value or 0 for score in scores) / len(scores)
        assert all(score.value is not None for score in scores)

    assert built.exit_code == 0, built.output
    assert len(cases) == len(tagged("rag"))
    assert 0.4 <= found["recall@1"] <= 0.75
    assert 0.65 <= found["recall@5"] <= 0.95
