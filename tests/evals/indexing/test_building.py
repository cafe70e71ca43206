"""Builds: from nothing, from an earlier index, and cut off in the middle."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import RetrievalError
from evals.indexing import building
from evals.indexing.building import Recipe, build
from evals.indexing.manifest import FILES, read_manifest
from evals.retrieval import open_index
from tests.evals.indexing.letters import WORDS, Letters, make, said, write

TEXTS = {
    f"d{n:02}": f"{WORDS[n % 6]} leaves at {n}. " * (1 + n % 5) + f"Then {WORDS[n % 5]}." for n in range(30)
}
TOLD = ("parent", "changed")


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of an index's files."""
    return {name: (folder / name).read_bytes() for name in FILES}


def told(folder: Path) -> dict[str, Any]:
    """A manifest without what tells of a parent."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return {name: value for name, value in manifest.items() if name not in TOLD}


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from([f"d{n}" for n in range(20)]), said(), min_size=1, max_size=20),
    st.dictionaries(st.sampled_from([f"d{n}" for n in range(20)]), said() | st.none(), max_size=4),
    st.sampled_from(["flat", "hnsw", "ivf"]),
    st.sampled_from(["flat", "hnsw", "ivf"]),
)
def test_an_incremental_build_is_a_full_one(
    before: dict[str, str], edits: dict[str, str | None], old: str, new: str
) -> None:
    """Whatever was added, removed and changed: the same files and hits, no document embedded twice, and it is told."""
    after = {id: text for id, text in {**before, **edits}.items() if text is not None} or {"z": "bees"}
    with tempfile.TemporaryDirectory() as name:
        folder, embedder = Path(name), Letters()
        make(before, folder / "old", Recipe(16, 4, old))
        built = make(after, folder / "new", Recipe(16, 4, new), earlier=folder / "old", embedder=embedder)
        full = make(after, folder / "full", Recipe(16, 4, new))
        indices = [open_index(folder / each, embedder=Letters()) for each in ("new", "full")]

        assert told(folder / "new") == told(folder / "full")
        for file in FILES[1:]:
            assert (folder / "new" / file).read_bytes() == (folder / "full" / file).read_bytes()
        for query in ("ferry ticket", "東京", "bread", " "):
            assert indices[0].search(query, 5) == indices[1].search(query, 5)
        assert embedder.given == built.embedded
        assert built.embedded + built.reused == full.embedded == full.manifest.n_chunks
        gone = built.manifest.changed
        assert gone is not None
        assert set(gone.added) == after.keys() - before.keys()
        assert set(gone.removed) == before.keys() - after.keys()
        assert set(gone.changed) == {id for id in after.keys() & before.keys() if after[id] != before[id]}


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_equal_inputs_give_equal_files(tmp_path: Path, kind: str) -> None:
    """Byte for byte, of every type."""
    for name in ("a", "b"):
        make(TEXTS, tmp_path / name, Recipe(16, 4, kind))

    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_an_index_may_be_built_from_itself(tmp_path: Path) -> None:
    """In its own place, as often as there is something new; without a change nothing is embedded."""
    make(TEXTS, tmp_path / "index")
    changed = make({**TEXTS, "d03": "Bees."}, tmp_path / "index", earlier=tmp_path / "index")
    again = make({**TEXTS, "d03": "Bees."}, tmp_path / "index", earlier=tmp_path / "index")

    assert changed.manifest.changed is not None
    assert changed.manifest.changed.changed == ("d03",)
    assert (changed.embedded, again.embedded) == (1, 0)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == ["index"]


@pytest.mark.parametrize(
    ("recipe", "sha256", "why"),
    [
        (Recipe(24, 4), "0" * 64, "another chunk_tokens 16 -> 24"),
        (Recipe(16, 2), "0" * 64, "another overlap 4 -> 2"),
        (Recipe(16, 4), "1" * 64, "another embedder letters 000000000000 -> letters 111111111111"),
    ],
)
def test_another_recipe_uses_nothing_of_the_earlier_index(
    tmp_path: Path, recipe: Recipe, sha256: str, why: str
) -> None:
    """It is said; what became of the documents is told all the same."""
    make(TEXTS, tmp_path / "old")
    built = make(TEXTS, tmp_path / "new", recipe, earlier=tmp_path / "old", embedder=Letters(sha256))

    assert (built.why_full, built.reused) == (why, 0)
    assert built.manifest.changed is not None
    assert built.manifest.changed.changed == ()


def test_another_loader_or_splitter_uses_nothing_of_the_earlier_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that changed may cut otherwise."""
    make(TEXTS, tmp_path / "old")
    monkeypatch.setattr(building, "splitter_version", lambda: "2")
    monkeypatch.setattr(building, "LOADERS", {"jsonl": "2"})
    built = make(TEXTS, tmp_path / "new", earlier=tmp_path / "old")

    assert built.reused == 0
    assert "another loader jsonl 1 -> jsonl 2; another splitter sentences 1+" in built.why_full


def test_an_index_of_the_older_format_is_built_anew(tmp_path: Path) -> None:
    """It can be searched, and says nothing of its documents."""
    make(TEXTS, tmp_path / "old")
    older(tmp_path / "old")
    built = make(TEXTS, tmp_path / "new", earlier=tmp_path / "old")

    assert open_index(tmp_path / "old", embedder=Letters()).search("bees", 1)
    assert "has no hashes of its documents (guardhouse.index/1)" in built.why_full
    assert (built.reused, built.manifest.changed, len(built.manifest.parent)) == (0, None, 64)


def older(folder: Path) -> None:
    """Makes an index one of the format before."""
    new = ("loader", "splitter", "parameters", "documents_sha256", "vectors_sha256", "parent", "changed")
    kept = {
        name: value
        for name, value in json.loads((folder / "manifest.json").read_text()).items()
        if not name.startswith(new)
    }
    (folder / "manifest.json").write_text(json.dumps({**kept, "format": "guardhouse.index/1"}))
    (folder / "documents.jsonl").unlink()


@pytest.mark.parametrize("at", ["write", "rename", "between"])
def test_a_build_that_is_cut_off_leaves_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Wherever it stops; the next build goes through, and leaves nothing beside."""
    out = tmp_path / "index"
    make(TEXTS, out)
    before, hits = files(out), open_index(out, embedder=Letters()).search("bees", 5)

    class Killed(BaseException):
        """As a signal would end it."""

    def stop(*_: Any) -> None:
        if at == "between":
            out.rename(tmp_path / ".index.old")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(building, {"write": "_write"}.get(at, "_take_place"), stop)
        with pytest.raises(Killed):
            make({"z": "bees"}, out)
    held = out if out.exists() else tmp_path / ".index.old"

    assert files(held) == before
    assert open_index(out, embedder=Letters()).search("bees", 5) == hits
    make({"z": "bees"}, out)
    assert [hit.doc_id for hit in open_index(out, embedder=Letters()).search("bees", 5)] == ["z"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["docs.jsonl", "index"]


def test_a_place_that_an_index_cannot_take_is_refused(tmp_path: Path) -> None:
    """Nobody's own files are replaced."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.md").write_text("x")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "chunks.jsonl").write_text("{")

    for name, message in (("mine", "holds other files.*thesis"), ("mine/thesis.md", "is a file")):
        with pytest.raises(RetrievalError, match=message):
            build(write(tmp_path / "c.jsonl", TEXTS), tmp_path / name, embedder=Letters)
    assert make(TEXTS, tmp_path / "half").manifest.n_docs == 30
    assert (tmp_path / "mine" / "thesis.md").read_text() == "x"


def test_an_earlier_index_that_is_none_is_refused(tmp_path: Path) -> None:
    """Missing, half-built, damaged, or with documents that do not add up."""
    make(TEXTS, tmp_path / "old")
    with pytest.raises(RetrievalError, match="no readable manifest"):
        make(TEXTS, tmp_path / "new", earlier=tmp_path / "none")
    (tmp_path / "old" / "documents.jsonl").write_text("")
    with pytest.raises(RetrievalError, match=r"documents\.jsonl differs"):
        make(TEXTS, tmp_path / "new", earlier=tmp_path / "old")
    with pytest.raises(RetrievalError, match="there is no FAISS type 'pq'"):
        make(TEXTS, tmp_path / "new", Recipe(kind="pq"))
    assert not (tmp_path / "new").exists()


def test_a_corpus_of_blanks_is_an_index_of_nothing(tmp_path: Path) -> None:
    """Of every type: it is searched, and finds nothing."""
    for kind in ("flat", "hnsw", "ivf"):
        built = make({"a": " \n ", "b": ""}, tmp_path / kind, Recipe(kind=kind))

        assert (built.manifest.n_docs, built.manifest.n_chunks, built.exactness) == (2, 0, None)
        assert open_index(tmp_path / kind, embedder=Letters()).search("bees") == []


def test_a_document_of_a_megabyte_is_cut_whole(tmp_path: Path) -> None:
    """Its chunks cover all of it, and it is embedded once."""
    text = "".join(f"Line {n} says bees and ferries leave at {n}. " for n in range(24_000))
    built = make(
        {"long": text, "東京": "夜の東京には屋根の上に蜂がいる。" * 50}, tmp_path / "index", Recipe(512, 0)
    )
    again = make({"long": text, "new": "x"}, tmp_path / "index", Recipe(512, 0), earlier=tmp_path / "index")
    hits = open_index(tmp_path / "index", embedder=Letters()).search("bees", 2)

    assert len(text) > 1_000_000
    assert (again.embedded, again.reused) == (1, again.manifest.n_chunks - 1)
    assert built.manifest.n_chunks > 400
    assert hits[0].text == text[hits[0].start : hits[0].end]


def test_an_approximate_index_tells_what_it_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than all where few lists are looked into, all where every list is, as with an exact one."""
    letters = random.Random(0)
    texts = {f"d{n}": "".join(letters.choices("abcdefghijklmnop ", k=30)) for n in range(400)}
    flat = make(texts, tmp_path / "flat", Recipe(16, 4))
    shares = []
    for probed in (1, 20):
        monkeypatch.setattr(building, "parameters", lambda *_, n=probed: {"nlist": 20, "nprobe": n})
        shares.append(make(texts, tmp_path / "ivf", Recipe(16, 4, "ivf")).exactness)

    assert shares[0] is not None and 0.0 < shares[0] < 1.0
    assert shares[1] == 1.0 == open_index(tmp_path / "flat", embedder=Letters()).exactness(10)
    assert flat.exactness is None
    assert read_manifest(tmp_path / "ivf").parameters == {"nlist": 20, "nprobe": 20}


def test_a_reader_and_two_builders_of_one_folder_get_a_whole_index(tmp_path: Path) -> None:
    """Builders take turns, and who opens it meanwhile finds one of the indices."""
    make({"a": "bees"}, tmp_path / "index")
    failed: list[BaseException] = []

    def work(text: str) -> None:
        try:
            corpus = write(tmp_path / f"{text}.jsonl", {"a": f"{text} bees"})
            for _ in range(8):
                build(corpus, tmp_path / "index", embedder=Letters)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert open_index(tmp_path / "index", embedder=Letters()).search("bees", 1)
    assert failed == []
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.is_dir()) == ["index"]


def test_the_store_of_promoted_names_is_no_place_for_a_build(tmp_path: Path) -> None:
    """What a name stands for is not replaced under it."""
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "current.json").write_text("{}")

    with pytest.raises(RetrievalError, match="belongs to the promoted name 'live'"):
        build(write(tmp_path / "c.jsonl", TEXTS), tmp_path / "live" / "kept", embedder=Letters)


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ("documents.jsonl", "chunks", "1"),
        ("documents.jsonl", "id", 7),
        ("chunks.jsonl", "start", "0"),
        ("chunks.jsonl", "text", None),
        ("chunks.jsonl", "doc_id", 7),
    ],
)
def test_fields_of_another_kind_are_refused(tmp_path: Path, file: str, field: str, value: Any) -> None:
    """Though the manifest has their hash."""
    make({"a": "Bees."}, tmp_path / "old")
    line = {**json.loads((tmp_path / "old" / file).read_text()), field: value}
    (tmp_path / "old" / file).write_text(json.dumps(line) + "\n")
    manifest = json.loads((tmp_path / "old" / "manifest.json").read_text())
    manifest[file.replace(".jsonl", "_sha256")] = hashlib.sha256(
        (tmp_path / "old" / file).read_bytes()
    ).hexdigest()
    (tmp_path / "old" / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(RetrievalError, match="cannot be read"):
        make({"a": "Bees."}, tmp_path / "new", earlier=tmp_path / "old")
