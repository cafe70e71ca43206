"""Builds an index beside its place and puts it there whole: from nothing, or from an earlier one and what changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from evals.errors import RetrievalError
from evals.indexing.corpus import LOADERS, Corpus, Document, load
from evals.indexing.manifest import (
    CHUNKS,
    DOCUMENTS,
    EXACT,
    FILES,
    FORMAT,
    MANIFEST,
    TYPES,
    VECTORS,
    Listed,
    Manifest,
    changes,
    dumped,
    manifest_sha256,
    read_documents,
    read_manifest,
)
from evals.indexing.pointer import POINTER, aside, located, locked
from evals.retrieval import (
    SPLITTER,
    Chunk,
    Index,
    Matrix,
    Vectors,
    parameters,
    read_parts,
    split,
    splitter_version,
)
from guardrails.embedding import Embedder

NEIGHBOURS = 10
"""How many neighbours an approximate index is asked for when it is built, to tell what it misses."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How documents are cut, and the kind of index they go into."""

    chunk_tokens: int = 128
    """Largest chunk, in the embedder's tokens."""
    overlap: int = 16
    """Most tokens two neighbouring chunks share."""
    kind: str = "flat"
    """`flat` (exact), `hnsw` or `ivf` (approximate)."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to."""

    manifest: Manifest
    embedded: int
    """Chunks whose vectors were made."""
    reused: int
    """Chunks whose vectors were taken from the earlier index."""
    why_full: str = ""
    """Why nothing of the earlier index could be used; empty where it could, or there was none."""
    exactness: float | None = None
    """Of an approximate index: share of the NEIGHBOURS chunks closest to its own chunks that it finds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One document as it stands in an index."""

    sha256: str
    chunks: Sequence[Chunk]
    vectors: Matrix | None
    """Of shape (chunks, dimensions); None where they are still to be made."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An index that another is built from."""

    manifest_sha256: str
    documents: Sequence[Listed]
    parts: Mapping[str, Part]
    """By document id; empty where nothing can be used."""
    why_full: str = ""


def build(
    corpus: Path,
    out: Path,
    recipe: Recipe = Recipe(),
    *,
    embedder: Callable[[], Embedder],
    earlier: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """The index of a corpus in the folder `out`, which holds the whole of it or what it held before.

    With an `earlier` index the chunks and vectors of documents that did not change are taken from it, if it was made
    by the same loader, splitter and embedder; what comes out is the same. Equal inputs give equal files. The title is
    embedded before each chunk's text; offsets refer to the text alone. `progress` is called with (done, all) chunks
    to embed. Raises RetrievalError for the corpus, the recipe, the earlier index or the place, ModelError for the
    embedder.
    """
    if recipe.kind not in TYPES:
        raise RetrievalError(
            f"there is no FAISS type {recipe.kind!r:.60}: choose flat, hnsw or ivf (--type)."
        )
    place = out.resolve()
    with locked(place.parent):
        _free(place, out)
    read, model = load(corpus), embedder()
    plan = _plan(read, recipe, model)
    before = _earlier(located(earlier), plan) if earlier is not None else None
    known = before.parts if before else {}
    parts = [_part(document, known, model, recipe) for document in read.documents]
    embedded = sum(len(part.chunks) for part in parts if part.vectors is None)
    matrix = _embedded(read.documents, parts, model, progress, embedded)
    faiss_type = TYPES[recipe.kind]
    told = parameters(faiss_type, len(matrix))
    vectors = Vectors.of(matrix, faiss_type, told)
    listed = [
        Listed(document.id, part.sha256, len(part.chunks))
        for document, part in zip(read.documents, parts, strict=True)
    ]
    plan = replace(plan, faiss_type=faiss_type, parameters=told, n_chunks=len(matrix))
    if before is not None:
        known_documents = before.documents or ()
        gone = changes(known_documents, listed) if known_documents else None
        plan = replace(plan, parent=before.manifest_sha256, changed=gone)
    chunks = [chunk for part in parts for chunk in part.chunks]
    manifest = _put(place, plan, chunks, listed, vectors)
    index = Index(manifest, chunks, vectors, model)
    exactness = index.exactness(NEIGHBOURS) if faiss_type != EXACT else None
    why = before.why_full if before else ""
    return Built(manifest, embedded, len(matrix) - embedded, why, exactness)


def _plan(corpus: Corpus, recipe: Recipe, embedder: Embedder) -> Manifest:
    """The manifest, as far as it is known before anything is cut."""
    return Manifest(
        corpus=corpus.name,
        corpus_sha256=corpus.sha256,
        chunk_tokens=recipe.chunk_tokens,
        overlap=recipe.overlap,
        embedder=embedder.name,
        embedder_sha256=embedder.sha256,
        faiss_type=TYPES[recipe.kind],
        n_docs=len(corpus.documents),
        n_chunks=0,
        chunks_sha256="",
        created_by=f"guardhouse {_version()}",
        loader=corpus.loader,
        loader_version=LOADERS[corpus.loader],
        splitter=SPLITTER,
        splitter_version=splitter_version(),
    )


def _earlier(directory: Path, plan: Manifest) -> Earlier:
    """What of an earlier index can be used. Raises RetrievalError where it is none, or damaged."""
    manifest, sha256 = read_manifest(directory), manifest_sha256(directory)
    if manifest.format != FORMAT:
        return Earlier(sha256, (), {}, f"{directory} has no hashes of its documents ({manifest.format})")
    old, new = manifest.recipe, plan.recipe
    other = [f"{name} {old[name]} -> {new[name]}" for name in old if old[name] != new[name]]
    chunks, vectors = read_parts(directory, manifest)
    listed = read_documents(directory)
    if other:
        return Earlier(sha256, listed, {}, "another " + "; another ".join(other))
    if sum(each.chunks for each in listed) != len(chunks):
        raise RetrievalError(f"{directory}: its files are not from one build. Build the index again.")
    matrix = vectors.matrix
    ends = [0, *accumulate(each.chunks for each in listed)]
    parts = {
        each.id: Part(each.sha256, chunks[start:end], matrix[start:end])
        for each, (start, end) in zip(listed, pairwise(ends), strict=True)
    }
    return Earlier(sha256, listed, parts)


def _part(document: Document, known: Mapping[str, Part], embedder: Embedder, recipe: Recipe) -> Part:
    found, sha256 = known.get(document.id), document.sha256
    if found is not None and found.sha256 == sha256:
        return found
    return Part(sha256, split(document, embedder, recipe.chunk_tokens, recipe.overlap), None)


def _embedded(
    documents: Sequence[Document],
    parts: Sequence[Part],
    embedder: Embedder,
    progress: Callable[[int, int], None] | None,
    every: int,
) -> Matrix:
    """One vector a chunk, in order."""
    rows: list[Matrix] = []
    done = 0
    for document, part in zip(documents, parts, strict=True):
        if part.vectors is not None:
            rows.append(part.vectors)
            continue
        for chunk in part.chunks:
            text = f"{document.title}\n{chunk.text}" if document.title else chunk.text
            rows.append(np.asarray(embedder.encode([text]), dtype=np.float32))
            done += 1
            if progress is not None:
                progress(done, every)
    if not rows:
        return np.zeros((0, embedder.dimensions), dtype=np.float32)
    return np.ascontiguousarray(np.concatenate(rows), dtype=np.float32)


def _put(
    place: Path, plan: Manifest, chunks: Sequence[Chunk], listed: Sequence[Listed], vectors: Vectors
) -> Manifest:
    """Writes the files beside the place, then has them take it. Raises RetrievalError, and leaves what was there."""
    draft = place.with_name(f".{place.name}.new")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with locked(place.parent):
            try:
                manifest = _drafted(draft, plan, chunks, listed, vectors)
                _take_place(draft, place)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            return manifest
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise RetrievalError(
            f"{place}: the index cannot be put there ({what}); what was there is as it was. "
            "Choose another folder, or make room."
        ) from error


def _drafted(
    draft: Path, plan: Manifest, chunks: Sequence[Chunk], listed: Sequence[Listed], vectors: Vectors
) -> Manifest:
    """Writes the files into a folder that is made; the manifest with their hashes."""
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    vectors.write(draft / VECTORS)
    manifest = replace(
        plan,
        chunks_sha256=_write(draft / CHUNKS, _lines(chunks)),
        documents_sha256=_write(draft / DOCUMENTS, _lines(listed)),
        vectors_sha256=hashlib.sha256((draft / VECTORS).read_bytes()).hexdigest(),
    )
    _write(draft / MANIFEST, dumped(manifest))
    return manifest


def _take_place(draft: Path, place: Path) -> None:
    """One rename after the other: in between, the old index is found aside."""
    before = aside(place)
    if place.exists():
        shutil.rmtree(before, ignore_errors=True)
        place.rename(before)
    try:
        draft.rename(place)
    except OSError:
        if before.exists() and not place.exists():
            before.rename(place)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _free(place: Path, told: Path) -> None:
    """Puts back what an earlier build left aside. Raises RetrievalError where an index cannot take the place."""
    if (place.parent / POINTER).exists():
        raise RetrievalError(
            f"{told}: belongs to the promoted name {place.parent.name!r:.60}. Name a folder outside of the store."
        )
    before = aside(place)
    if not place.exists():
        if before.is_dir():
            before.rename(place)
        return
    if not place.is_dir():
        raise RetrievalError(f"{told}: is a file. Name a folder for the index.")
    others = sorted(entry.name for entry in place.iterdir() if entry.name not in FILES)
    if others:
        raise RetrievalError(
            f"{told}: holds other files than an index's ({others[0]!r:.60}). Name a folder of its own."
        )


def _lines(records: Sequence[Chunk | Listed]) -> str:
    return "".join(json.dumps(asdict(each), ensure_ascii=False, sort_keys=True) + "\n" for each in records)


def _write(path: Path, text: str) -> str:
    """Writes a file down to the disk; the hash of its bytes."""
    content = text.encode("utf-8", "surrogatepass")
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def _version() -> str:
    try:
        return metadata.version("guardhouse")
    except metadata.PackageNotFoundError:
        return "0"
