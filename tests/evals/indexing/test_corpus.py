"""Corpora: lines of JSON, folders of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import RetrievalError
from evals.indexing.corpus import Document, load, read_corpus


def test_a_folder_of_texts_is_a_corpus(tmp_path: Path) -> None:
    """Files by their paths, in order; what is hidden or of another kind is no document."""
    for name in ("b.md", "a/c.TXT", "a/d.png", ".git/e.md", "a/.f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"Text of {name}: 東京.", "utf-8")

    corpus = load(tmp_path)

    assert [each.id for each in corpus.documents] == ["a/c.TXT", "b.md"]
    assert corpus.documents[1].text == "Text of b.md: 東京."
    assert (corpus.loader, corpus.name) == ("folder", tmp_path.name)


def test_a_folders_hash_is_of_names_and_texts(tmp_path: Path) -> None:
    """Another name, another text, one more file: another hash; the same files: the same."""
    hashes = set()
    for place, files in enumerate(({"a.md": "x"}, {"b.md": "x"}, {"a.md": "y"}, {"a.md": "x", "b.md": "y"})):
        folder = tmp_path / str(place)
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        hashes.add(load(folder).sha256)
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "a.md").write_text("x")

    assert len(hashes) == 4
    assert load(tmp_path / "again").sha256 in hashes


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Without a document, or with one that is no text."""
    with pytest.raises(RetrievalError, match=r"holds a folder without a \.md or \.txt"):
        read_corpus(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff")
    with pytest.raises(RetrievalError, match=r"a\.txt: the corpus cannot be read"):
        read_corpus(tmp_path)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_documents_that_differ_have_other_hashes(two: list[tuple[str, str, str]]) -> None:
    """Whichever of id, title and text it is, and wherever one ends and the next begins."""
    one, other = (Document(id, text, title) for id, title, text in two)

    assert one.sha256 != other.sha256
    assert Document(one.id, one.text, one.title).sha256 == one.sha256


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    """Neither in a file of lines nor in a folder's."""
    (tmp_path / "docs.jsonl").write_text('{"id": "a", "text": "Bees."}\n', "utf-8-sig")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Bees.", "utf-8-sig")

    assert [load(tmp_path / name).documents[0].text for name in ("docs.jsonl", "docs")] == ["Bees."] * 2


def test_a_corpus_that_is_not_there_is_told_to_be_missing(tmp_path: Path) -> None:
    """And not to be no text."""
    with pytest.raises(RetrievalError, match="there is no such file or folder"):
        load(tmp_path / "none.jsonl")
