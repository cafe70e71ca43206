"""Manifests: read, told apart, and held against the files beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import RetrievalError
from evals.indexing.building import Recipe
from evals.indexing.manifest import differences, manifest_sha256, read_documents, read_manifest
from evals.retrieval import open_index
from tests.evals.indexing.letters import Letters, make

TEXTS = {"a": "Bees dance.", "b": "Ferries sail. " * 20, "東京": "夜の東京。"}


def edit(folder: Path, **fields: Any) -> None:
    """Changes what a manifest says."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_manifest_says_all_that_an_index_was_made_of(tmp_path: Path) -> None:
    """Each document with its hash; equal recipes are told to be equal."""
    make(TEXTS, tmp_path / "one", Recipe(16, 4, "hnsw"))
    manifest = read_manifest(tmp_path / "one")

    assert (manifest.loader, manifest.loader_version, manifest.splitter) == ("jsonl", "1", "sentences")
    assert manifest.splitter_version.startswith("1+llama-index-core ")
    assert manifest.parameters == {"M": 32, "efConstruction": 200, "efSearch": 64}
    assert [each.id for each in read_documents(tmp_path / "one")] == ["a", "b", "東京"]
    assert sum(each.chunks for each in read_documents(tmp_path / "one")) == manifest.n_chunks
    assert (manifest.parent, manifest.changed, len(manifest_sha256(tmp_path / "one"))) == ("", None, 64)


def test_what_differs_between_two_indices_is_listed(tmp_path: Path) -> None:
    """Corpus, recipe, type, documents; nothing for equal ones."""
    make(TEXTS, tmp_path / "one", Recipe(16, 4))
    make(TEXTS, tmp_path / "same", Recipe(16, 4))
    after = {"a": "Bees dance.", "b": "Gone.", "c": "New."}
    make(after, tmp_path / "two", Recipe(24, 4, "ivf"), embedder=Letters("1" * 64))
    told = differences(tmp_path / "one", tmp_path / "two")

    assert differences(tmp_path / "one", tmp_path / "same") == []
    assert told[0].startswith("corpus: docs.jsonl (")
    assert "tokens of a chunk: 16 -> 24" in told
    assert "embedder: letters (000000000000) -> letters (111111111111)" in told
    assert "FAISS type: IndexFlatIP -> IndexIVFFlat (nlist 2, nprobe 2)" in told
    assert told[-3:] == ["documents added: 1 (c)", "documents removed: 1 (東京)", "documents changed: 1 (b)"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "guardhouse.index/9"}, "format 'guardhouse.index/9' cannot be read"),
        (
            {"faiss_type": "IndexPQ"},
            "FAISS type 'IndexPQ' is none of IndexFlatIP, IndexHNSWFlat, IndexIVFFlat",
        ),
        ({"faiss_type": "IndexHNSWFlat"}, "not from one build"),
        ({"n_chunks": "many"}, "of another kind"),
        ({"n_chunks": True}, "of another kind"),
        ({"parameters": ["x"]}, "of another kind"),
        ({"changed": {"gone": []}}, "no readable manifest"),
        ({"changed": 7}, "no readable manifest"),
        ({"surprise": 1}, "no readable manifest"),
        ({"vectors_sha256": ""}, "lacks the hash"),
        ({"n_chunks": 1}, "not from one build"),
    ],
)
def test_a_manifest_that_was_edited_is_refused(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    """In one sentence with what to do."""
    make(TEXTS, tmp_path / "one")
    edit(tmp_path / "one", **fields)

    with pytest.raises(RetrievalError, match=message) as raised:
        open_index(tmp_path / "one", embedder=Letters())
    assert "guardhouse index build" in str(raised.value) or "Build the index again" in str(raised.value)


@pytest.mark.parametrize("content", ["[]", "7", "{", "null", "[" * 100_000, "\udcff"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str) -> None:
    """Whatever it is."""
    (tmp_path / "manifest.json").write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(RetrievalError, match="no readable manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("name", ["documents.jsonl", "chunks.jsonl", "vectors.faiss"])
def test_one_byte_more_in_any_file_is_noticed(tmp_path: Path, name: str) -> None:
    """Each is held against its hash."""
    make(TEXTS, tmp_path / "one")
    (tmp_path / "one" / name).write_bytes((tmp_path / "one" / name).read_bytes() + b"\n")

    with pytest.raises(RetrievalError, match=rf"not from one build \({name} differs"):
        open_index(tmp_path / "one", embedder=Letters())
