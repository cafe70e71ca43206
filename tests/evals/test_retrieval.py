"""Retrieval indices."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import RetrievalError
from evals.retrieval import Document, build, identity, open_index, read_corpus, read_manifest, split
from guardrails.embedding import load
from guardrails.errors import ModelError

DOCS = [
    {
        "id": "ferry",
        "title": "Ferries",
        "text": "The ferry to Skye leaves at noon.\n\nDogs travel free on the ferry.",
    },
    {"id": "bread", "text": "Bread needs flour, water and salt. Knead the dough for ten minutes. " * 12},
    {
        "id": "bees",
        "title": "",
        "text": "Bees dance to tell the hive where flowers grow. 東京 has hives on its roofs.",
    },
    {"id": "twin-b", "text": "A lighthouse keeper polishes the great lens at dusk."},
    {"id": "twin-a", "text": "A lighthouse keeper polishes the great lens at dusk."},
]


class Letters:
    """A toy embedder: counts of letters; a token is a word."""

    name = "letters"
    dimensions = 26
    sha256 = "0" * 64

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = [[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(len(texts), 26)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def count_tokens(self, text: str) -> int:
        return len(text.split())


def write(path: Path, docs: Sequence[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small index in small chunks, built and opened without a network."""
    folder = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the network was used"))
        build(write(folder / "docs.jsonl", DOCS), folder / "out", chunk_tokens=24, overlap=6)
        open_index(folder / "out").search("bread", 1)
    return folder


def test_the_right_document_is_found_with_its_best_chunk(built: Path) -> None:
    """One hit a document, ranked from 1, scores falling, and the range is the chunk's place in the document."""
    texts = {doc["id"]: doc["text"] for doc in DOCS}
    hits = open_index(built / "out").search("May I take my dog on the boat?", 3)

    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].doc_id == "ferry"
    assert len({hit.doc_id for hit in hits}) == 3
    assert sorted((hit.score for hit in hits), reverse=True) == [hit.score for hit in hits]
    assert all(texts[hit.doc_id][hit.start : hit.end] == hit.text for hit in hits)


def test_ties_go_by_document_id(built: Path) -> None:
    """Two documents with the same text come in the order of their ids."""
    hits = open_index(built / "out").search("Who polishes the lens of a lighthouse?", 2)

    assert [hit.doc_id for hit in hits] == ["twin-a", "twin-b"]
    assert hits[0].score == hits[1].score


def test_more_is_not_found_than_there_is(built: Path) -> None:
    """k above the number of documents gives all of them; an empty query none; k under 1 is refused."""
    index = open_index(built / "out")

    assert len(index.search("bread", 50)) == len(DOCS)
    assert index.search("  ", 5) == []
    with pytest.raises(RetrievalError, match="at least one"):
        index.search("bread", 0)


def test_the_manifest_says_what_the_index_is_made_of(built: Path) -> None:
    """Corpus, chunking and embedder stand in it with their hashes."""
    manifest = read_manifest(built / "out")

    assert (manifest.corpus, manifest.n_docs, manifest.faiss_type) == ("docs.jsonl", 5, "IndexFlatIP")
    assert (manifest.chunk_tokens, manifest.overlap) == (24, 6)
    assert manifest.n_chunks == len((built / "out" / "chunks.jsonl").read_bytes().splitlines()) > 5
    assert manifest.embedder_sha256 == load().sha256
    assert len(manifest.corpus_sha256) == 64


def test_a_rebuild_is_equal_byte_for_byte(built: Path, tmp_path: Path) -> None:
    """The same corpus gives the same files, whatever the order of its lines."""
    build(write(tmp_path / "docs.jsonl", DOCS), tmp_path / "again", chunk_tokens=24, overlap=6)
    build(write(tmp_path / "turned.jsonl", DOCS[::-1]), tmp_path / "turned", chunk_tokens=24, overlap=6)

    for file in ("manifest.json", "chunks.jsonl", "vectors.faiss"):
        assert (tmp_path / "again" / file).read_bytes() == (built / "out" / file).read_bytes()
    for file in ("chunks.jsonl", "vectors.faiss"):
        assert (tmp_path / "turned" / file).read_bytes() == (built / "out" / file).read_bytes()


def test_an_index_of_another_embedder_is_refused(built: Path) -> None:
    """Vectors of two models cannot be compared: both are named, and what to do."""
    with pytest.raises(RetrievalError, match=r"built with all-MiniLM.* letters .*build the index again"):
        open_index(built / "out", embedder=Letters())


@pytest.mark.parametrize("damage", ["manifest", "chunks", "vectors", "mixed"])
def test_a_broken_index_is_refused(tmp_path: Path, damage: str) -> None:
    """A folder without manifest, without files, or with files of two builds is no index."""
    out = tmp_path / "out"
    build(write(tmp_path / "docs.jsonl", DOCS[3:]), out)
    if damage == "mixed":
        other = build(write(tmp_path / "more.jsonl", DOCS), tmp_path / "other")
        assert other.n_docs == 5
        (out / "vectors.faiss").write_bytes((tmp_path / "other" / "vectors.faiss").read_bytes())
    else:
        next(out.glob(f"{damage}.*")).unlink()

    with pytest.raises(RetrievalError, match=r"[Bb]uild"):
        open_index(out)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", r"docs.jsonl:2: not JSON"),
        ('["id"]', r"docs.jsonl:2: each line is one object"),
        ('{"id": "a"}', r"docs.jsonl:2: each line is one object"),
        ('{"id": 3, "text": "x"}', r"docs.jsonl:2: each line is one object"),
        ('{"id": "", "text": "x"}', r"docs.jsonl:2: id may not be empty"),
        ('{"id": "one", "text": "x"}', r"docs.jsonl:2: the id 'one' was used before"),
    ],
)
def test_a_bad_corpus_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    """The message has file, line number and what is wrong."""
    path = tmp_path / "docs.jsonl"
    path.write_text('{"id": "one", "text": "A text."}\n' + line + "\n")

    with pytest.raises(RetrievalError, match=message):
        read_corpus(path)


def test_an_empty_or_missing_corpus_is_refused(tmp_path: Path) -> None:
    """Nothing to index is an error, not an empty index."""
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe")

    for name, message in (("empty", "no documents"), ("missing", "no such file"), ("latin", "UTF-8")):
        with pytest.raises(RetrievalError, match=message):
            read_corpus(tmp_path / f"{name}.jsonl")


@pytest.mark.parametrize(("size", "overlap"), [(4, 0), (64, 64), (64, -1), (100_000, 0)])
def test_impossible_chunking_is_refused(tmp_path: Path, size: int, overlap: int) -> None:
    """Chunks too small or large, or an overlap that never ends, are refused in words."""
    with pytest.raises(RetrievalError, match="tokens"):
        build(write(tmp_path / "docs.jsonl", DOCS), tmp_path / "out", chunk_tokens=size, overlap=overlap)


def test_an_unknown_embedder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not there is a ModelError, and no index is left behind."""
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(ModelError):
        build(write(tmp_path / "docs.jsonl", DOCS), tmp_path / "out", embedder_name="some/model")

    assert not (tmp_path / "out").exists()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["word", "other", "Stop.", "No!", "\n\n", "a,b;c", "x" * 30, "é", "\u2028"]),
        max_size=80,
    ),
    st.integers(8, 16),
    st.integers(0, 7),
)
def test_chunks_stand_where_they_say_and_leave_nothing_out(
    pieces: list[str], size: int, overlap: int
) -> None:
    """Each chunk is the text at its range, within its size; ranges advance and cover all but white space."""
    text = " ".join(pieces)
    embedder = Letters()
    chunks = split(Document("d", text), embedder, size, overlap)
    covered = {at for chunk in chunks for at in range(chunk.start, chunk.end)}

    assert all(text[chunk.start : chunk.end] == chunk.text and chunk.text.strip() for chunk in chunks)
    assert all(embedder.count_tokens(chunk.text) <= size for chunk in chunks)
    assert [chunk.start for chunk in chunks] == sorted(chunk.start for chunk in chunks)
    assert covered >= {at for at, character in enumerate(text) if not character.isspace()}


def test_line_separators_inside_a_text_survive(tmp_path: Path) -> None:
    """A text with U+2028 and U+0085 is one record, read back as written."""
    text = "First\u2028second\u0085third."
    build(write(tmp_path / "docs.jsonl", [{"id": "d", "text": text}]), tmp_path / "out")

    assert open_index(tmp_path / "out").search("second", 1)[0].text == text


def test_an_index_is_named_by_its_folder_and_manifest(tmp_path: Path) -> None:
    """Two builds of one corpus under one name are one index to a run; without a manifest it is unknown."""
    (tmp_path / "harbor").mkdir()
    assert identity(tmp_path / "harbor") == "harbor@unknown"
    (tmp_path / "harbor" / "manifest.json").write_text("{}")
    assert identity(tmp_path / "harbor") == "harbor@44136fa355b3"


def test_a_line_nested_too_deep_is_one_error(tmp_path: Path) -> None:
    """Not a RecursionError."""
    (tmp_path / "docs.jsonl").write_text("[" * 100_000)

    with pytest.raises(RetrievalError, match="not JSON"):
        read_corpus(tmp_path / "docs.jsonl")
