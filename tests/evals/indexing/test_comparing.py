"""Two indices on a golden set: differences first, figures with their intervals, what an approximate one misses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import EvalsError, RetrievalError
from evals.indexing import building
from evals.indexing.building import Recipe
from evals.indexing.comparing import compare, document, lines
from evals.run import GateVerdict
from tests.evals.conftest import write_golden
from tests.evals.indexing.letters import Letters, make

LETTERS = "abcdefghijklmnopqrstuvwxy"
TEXTS = {f"d-{letter}": f"{letter * 9} {letter * 5}" for letter in LETTERS}


def item(letter: str, doc_id: str = "") -> dict[str, Any]:
    """A question whose answer is the document full of its letter."""
    passage = {"doc_id": doc_id or f"d-{letter}", "grade": 1}
    return {"id": f"q-{letter}", "input": {"question": letter * 4}, "relevant": [passage]}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A golden set of questions, and two indices: `whole` has all documents, `half` every other one."""
    monkeypatch.setattr("evals.retrieval.embedder_of", lambda manifest: Letters(manifest.embedder_sha256))
    write_golden(tmp_path / "golden", [item(letter) for letter in LETTERS])
    make(TEXTS, tmp_path / "whole")
    make({id: text for n, (id, text) in enumerate(TEXTS.items()) if n % 2}, tmp_path / "half")
    return tmp_path


def test_what_is_lost_blocks_and_is_listed(place: Path) -> None:
    """Differences before numbers, then means, difference, interval, p, and each question that changed sides."""
    compared = compare(place / "half", place / "whole", place / "golden", 3)
    told = document(compared)
    recall = told["metrics"]["recall@3"]

    assert compared.run.gate.verdict is GateVerdict.BLOCK
    assert next(iter(told)) == "differences"
    assert any(each.startswith("documents removed: 13 (d-a, ") for each in told["differences"])
    assert told["differences"][-1].startswith("half@")
    assert "lacks relevant documents: 13 (d-a, d-c, d-e, d-g, d-i, …)" in told["differences"][-1]
    assert (recall["baseline"], recall["candidate"], recall["n"]) == (1.0, 0.48, 25)
    assert recall["low"] < recall["delta"] == -0.52 < recall["high"] < 0
    assert recall["p"] < 0.01
    assert {each["id"] for each in told["flips"]} == {f"q-{letter}" for letter in LETTERS[::2]}
    assert set(told["metrics"]) == {
        f"{name}@3" for name in ("recall", "precision", "mrr", "map", "ndcg", "hit", "unjudged")
    }
    said = lines(compared)
    assert said[0].startswith("differs: corpus: docs.jsonl (")
    assert next(n for n, line in enumerate(said) if line.startswith("BLOCK")) == len(told["differences"])
    assert "lost: q-a (hit@3, map@3, mrr@3, ndcg@3, recall@3)" in said
    json.dumps(told, allow_nan=False)


def test_the_same_index_passes(place: Path) -> None:
    """Nothing differs, nothing is lost."""
    compared = compare(place / "whole", place / "whole", place / "golden")

    assert compared.run.gate.verdict is GateVerdict.PASS
    assert lines(compared)[0] == "differs: nothing"
    assert document(compared)["flips"] == []


def test_an_index_alone_is_measured(place: Path) -> None:
    """Means without a comparison, and no verdict."""
    compared = compare(place / "whole", None, place / "golden", 3)
    told = document(compared)

    assert (told["verdict"], told["baseline"], told["differences"]) == ("none", "", [])
    assert any(line.startswith("recall@3") and line.endswith("1.0000") for line in lines(compared))


def test_an_approximate_index_is_held_against_exact_search(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the same vectors, by the golden set's questions; an exact one needs no such figure."""
    shares = []
    for probed in (1, 5):
        monkeypatch.setattr(building, "parameters", lambda *_, n=probed: {"nlist": 5, "nprobe": n})
        make(TEXTS, place / "ivf", Recipe(16, 4, "ivf"))
        compared = compare(place / "ivf", place / "whole", place / "golden", 5)
        assert compared.baseline is not None and compared.baseline.exactness is None
        shares.append(compared.candidate.exactness)

    assert shares[0] is not None and 0 < shares[0] < 1
    assert shares[1] == 1.0
    assert lines(compared)[-1].endswith("it finds 100.0% of the 5 chunks closest to each question")


def test_a_suites_own_gate_holds(place: Path) -> None:
    """What it gates of retrieval gates; what asks a model is left out."""
    (place / "golden" / "suite.yaml").write_text(
        "scorers: [exact, mrr]\ngating: [{metric: mrr, margin: 0.9, min_effect: 0.9}, {metric: exact}]\nk: 2\n"
    )
    told = document(compare(place / "half", place / "whole", place / "golden"))

    assert [name for name, each in told["metrics"].items() if each["gating"]] == ["mrr@2"]
    assert told["k"] == 2


def test_what_cannot_be_compared_is_told(place: Path) -> None:
    """No golden set, none about documents, no index."""
    write_golden(place / "plain", [{"id": "a", "input": {"question": "x"}, "expected": {"answer": "y"}}])
    for golden, index, message in (
        ("none", "half", "cannot be read"),
        ("plain", "half", "which documents are relevant"),
        ("golden", "golden", "no readable manifest"),
    ):
        with pytest.raises(EvalsError, match=message):
            compare(place / index, place / "whole", place / golden)


def test_indices_of_two_embedders_are_each_asked_by_their_own(place: Path) -> None:
    """Told as a difference, and not an error; one whose embedder is not the one that is loaded is."""
    make(TEXTS, place / "other", embedder=Letters("1" * 64))
    compared = compare(place / "other", place / "whole", place / "golden")

    assert compared.run.gate.verdict is GateVerdict.PASS
    assert any(line.startswith("differs: embedder: letters (0000") for line in lines(compared))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evals.retrieval.embedder_of", lambda _: Letters())
        with pytest.raises(RetrievalError, match="Their vectors cannot be compared"):
            compare(place / "other", place / "whole", place / "golden")


@pytest.mark.parametrize("alone", [False, True])
def test_a_golden_set_of_another_corpus_decides_nothing(place: Path, alone: bool) -> None:
    """Neither index holds a relevant document: that they miss the same says nothing."""
    write_golden(place / "foreign", [item("a", "elsewhere"), item("b", "nowhere")])
    gate = compare(place / "half", None if alone else place / "whole", place / "foreign").run.gate

    assert (gate.verdict, gate.verdict.exit_code) == (GateVerdict.INVALID, 2)
    assert "the set of another corpus" in gate.reason


def test_an_index_against_itself_differs_in_nothing(place: Path) -> None:
    """What both lack is noted once."""
    said = lines(compare(place / "half", place / "half", place / "golden"))

    assert said[0] == "differs: nothing"
    assert [line for line in said if "lacks relevant" in line] == [said[1]]


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_an_approximate_index_of_nothing_is_compared(place: Path, kind: str) -> None:
    """It has no neighbours to miss."""
    make({"d-a": " "}, place / "blank", Recipe(16, 4, kind))

    assert compare(place / "blank", place / "whole", place / "golden").candidate.exactness is None
