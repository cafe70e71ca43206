"""Retrieval indices: documents split by LlamaIndex, embedded locally, kept in FAISS, described by a manifest.

The only module that imports llama_index and faiss, inside the functions that need them. Nothing here uses the
network: LlamaIndex's own defaults would fetch a BPE file and sentence models, so it is handed our tokenizer
and our splitter. What stands in an index's files is `evals.indexing.manifest`'s, how they are made `building`'s.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.errors import RetrievalError
from evals.indexing.corpus import Document, read_corpus
from evals.indexing.manifest import EXACT, TYPES, VECTORS, Manifest, read_manifest, verified
from evals.indexing.pointer import identity, located
from guardrails.embedding import Embedder, load
from guardrails.sentences import sentences

__all__ = [
    "Chunk",
    "Document",
    "Hit",
    "Index",
    "Manifest",
    "Vectors",
    "build",
    "identity",
    "open_index",
    "read_corpus",
    "read_manifest",
    "split",
]

Matrix = NDArray[np.float32]

SPLITTER = "sentences"
SPLITTER_VERSION = "1"
"""Changes whenever equal texts may be cut at other places."""
CLOSE = 1e-6
"""Size of a difference between scores that comes of the order in which products were added."""

REOPENED = 3
"""How often an index is opened that does not hold together: it may be taking its place just then."""

_WORD_CHARACTER = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one document: text[start:end], in code points."""

    doc_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found for a query, with its best chunk."""

    rank: int
    """From 1."""
    doc_id: str
    score: float
    """Cosine between query and chunk."""
    start: int
    """Where the chunk stands in the document, in code points."""
    end: int
    text: str


class Vectors:
    """The vectors of an index in FAISS, one a chunk, in order. Made by `of` or `read`.

    Args:
        index: FAISS' own.
    """

    def __init__(self, index: Any) -> None:
        from llama_index.vector_stores.faiss import FaissVectorStore

        self._index = index
        self._store = FaissVectorStore(faiss_index=index)

    @classmethod
    def of(cls, matrix: Matrix, faiss_type: str, parameters: dict[str, int]) -> Vectors:
        """Vectors of shape (chunks, dimensions) as an index of that type: equal vectors give equal bytes."""
        import faiss

        dimensions = matrix.shape[1]
        index: Any
        with _one_thread():
            if faiss_type == TYPES["hnsw"]:
                index = faiss.IndexHNSWFlat(dimensions, parameters["M"], faiss.METRIC_INNER_PRODUCT)
                index.hnsw.efConstruction = parameters["efConstruction"]
                index.hnsw.efSearch = parameters["efSearch"]
            elif faiss_type == TYPES["ivf"]:
                index = _inverted(matrix, parameters)
            else:
                index = faiss.IndexFlatIP(dimensions)
            if len(matrix):
                index.add(matrix)
        return cls(index)

    @classmethod
    def read(cls, path: Path) -> Vectors:
        """The vectors in a file. Raises RetrievalError."""
        import faiss

        try:
            return cls(faiss.read_index(str(path)))
        except (OSError, ValueError, RuntimeError) as error:
            raise RetrievalError(f"{path}: cannot be read. Build the index again.") from error

    def write(self, path: Path) -> None:
        """Writes them into a file. Raises RetrievalError."""
        try:
            self._store.persist(str(path))
        except (OSError, RuntimeError) as error:
            raise RetrievalError(f"{path}: cannot be written. Make room, or choose another place.") from error

    def __len__(self) -> int:
        """How many there are."""
        return int(self._index.ntotal)

    @property
    def faiss_type(self) -> str:
        """FAISS' name for the kind of index."""
        return type(self._index).__name__

    @property
    def matrix(self) -> Matrix:
        """All of them as they were put in: (chunks, dimensions)."""
        if not len(self):
            return np.zeros((0, int(self._index.d)), dtype=np.float32)
        if hasattr(self._index, "make_direct_map"):
            self._index.make_direct_map()
        found: Matrix = self._index.reconstruct_n(0, len(self))
        return found

    def nearest(self, vector: Matrix, n: int) -> list[tuple[int, float]]:
        """Numbers and scores of the n chunks closest to a vector, best first; an approximate index may find fewer."""
        from llama_index.core.vector_stores.types import VectorStoreQuery

        told = VectorStoreQuery(query_embedding=vector.tolist(), similarity_top_k=n)
        found = self._store.query(told)
        # Rounded so that equal texts tie whatever order FAISS added their products in.
        return [
            (int(number), round(float(score), 6))
            for number, score in zip(found.ids, found.similarities, strict=True)
        ]


class Index:
    """An open index. Made by `open_index`."""

    def __init__(
        self, manifest: Manifest, chunks: Sequence[Chunk], vectors: Vectors, embedder: Embedder
    ) -> None:
        self.manifest = manifest
        self._chunks = chunks
        self._vectors = vectors
        self._embedder = embedder

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The k documents whose best chunk is closest to the query, best first, ties by document id.

        Deterministic, and exhaustive unless the index is approximate. A query without any token finds nothing.
        """
        if k < 1:
            raise RetrievalError(f"k is {k}: ask for at least one document.")
        vector = self._embedder.encode([query])[0]
        if not self._chunks or not vector.any():
            return []
        best: dict[str, tuple[float, int]] = {}
        for number, score in self._found(vector, k):
            doc_id = self._chunks[number].doc_id
            if doc_id not in best or (-score, number) < (-best[doc_id][0], best[doc_id][1]):
                best[doc_id] = (score, number)
        ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        return [
            Hit(
                rank,
                doc_id,
                score,
                self._chunks[number].start,
                self._chunks[number].end,
                self._chunks[number].text,
            )
            for rank, (doc_id, (score, number)) in enumerate(ranked, 1)
        ]

    def exactness(self, k: int, queries: Sequence[str] = (), most: int = 200) -> float | None:
        """Share of the k chunks closest to a query that the index finds, over some queries; None without any.

        Args:
            k: neighbours of each query.
            queries: texts; without any, up to `most` of the index's own chunks, evenly chosen, ask for theirs.
            most: of the index's own chunks.
        """
        matrix = self._vectors.matrix
        if not len(matrix):
            return None
        step = max(1, math.ceil(len(matrix) / most))
        asked = self._embedder.encode(list(queries)) if queries else matrix[::step]
        shares = [self._share(matrix, vector, k) for vector in asked if vector.any()]
        return math.fsum(shares) / len(shares) if shares else None

    def _share(self, matrix: Matrix, vector: Matrix, k: int) -> float:
        """Of the k best chunks, the share found. Chunks that tie with the last of them are as good."""
        depth = min(k, len(matrix))
        least = float(np.sort(matrix @ vector)[-depth])
        found = [score for _, score in self._vectors.nearest(vector, depth) if score >= least - 2 * CLOSE]
        return len(found) / depth

    def _found(self, vector: Matrix, k: int) -> Iterator[tuple[int, float]]:
        """Chunks for k documents: all of them, or of an approximate index as many as it takes."""
        every = len(self._chunks)
        wanted = every if self.manifest.faiss_type == EXACT else min(every, max(64, 4 * k))
        while True:
            found = self._vectors.nearest(vector, wanted)
            enough = len({self._chunks[number].doc_id for number, _ in found}) >= k
            if enough or wanted == every or len(found) < wanted:
                return iter(found)
            wanted = min(every, 2 * wanted)


def build(
    corpus: Path,
    out: Path,
    *,
    embedder_name: str | None = None,
    chunk_tokens: int = 128,
    overlap: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """An exact index of a corpus in the folder `out`, made from nothing: `evals.indexing.building.build`, in short.

    Raises RetrievalError for a bad corpus or chunking, ModelError for the embedder.
    """
    from evals.indexing.building import Recipe
    from evals.indexing.building import build as make

    recipe = Recipe(chunk_tokens, overlap)
    return make(corpus, out, recipe, embedder=lambda: load(embedder_name), progress=progress).manifest


def open_index(directory: Path, *, embedder: Embedder | None = None) -> Index:
    """The index in a folder, or that a promoted name stands for, with the embedder that it was built with.

    The embedder is loaded by name when none is handed in. An index that is put into the folder meanwhile is waited
    for. Raises RetrievalError when there is no finished index, its files do not belong together, or its embedder
    differs.
    """
    for _ in range(REOPENED - 1):
        with suppress(RetrievalError):
            return _opened(directory, embedder)
        time.sleep(0.01)
    return _opened(directory, embedder)


def _opened(directory: Path, embedder: Embedder | None) -> Index:
    folder = located(directory)
    manifest = read_manifest(folder)
    used = embedder or embedder_of(manifest)
    if used.sha256 != manifest.embedder_sha256:
        raise RetrievalError(
            f"{directory}: built with {manifest.embedder} ({manifest.embedder_sha256[:12]}), but loaded is "
            f"{used.name} ({used.sha256[:12]}). Their vectors cannot be compared: build the index again."
        )
    chunks, vectors = read_parts(folder, manifest)
    if read_manifest(folder) != manifest:
        raise RetrievalError(f"{directory}: was replaced while it was opened. Open it again.")
    return Index(manifest, chunks, vectors, used)


def read_parts(folder: Path, manifest: Manifest) -> tuple[list[Chunk], Vectors]:
    """The chunks and vectors in a folder. Raises RetrievalError when they do not belong to the manifest."""
    records = verified(folder, manifest)
    vectors = Vectors.read(folder / VECTORS)
    if len(vectors) != manifest.n_chunks or vectors.faiss_type != manifest.faiss_type:
        raise RetrievalError(f"{folder}: its files are not from one build. Build the index again.")
    try:
        lines = records.decode("utf-8", "surrogatepass").split("\n")
        chunks = [Chunk(**json.loads(line)) for line in lines if line]
        if not all(map(_typed, chunks)):
            raise ValueError("a field of another kind")
    except (ValueError, TypeError, RecursionError) as error:
        raise RetrievalError(f"{folder}: its chunks cannot be read. Build the index again.") from error
    if len(chunks) != manifest.n_chunks:
        raise RetrievalError(f"{folder}: its files are not from one build. Build the index again.")
    return chunks, vectors


def _typed(chunk: Chunk) -> bool:
    numbers = type(chunk.start) is int and type(chunk.end) is int
    return numbers and isinstance(chunk.doc_id, str) and isinstance(chunk.text, str)


def parameters(faiss_type: str, n_chunks: int) -> dict[str, int]:
    """What an index of a type is made with, for so many chunks."""
    if faiss_type == TYPES["hnsw"]:
        return {"M": 32, "efConstruction": 200, "efSearch": 64}
    if faiss_type == TYPES["ivf"]:
        lists = max(1, round(math.sqrt(n_chunks)))
        return {"nlist": lists, "nprobe": min(lists, max(8, math.ceil(lists / 8)))}
    return {}


def splitter_version() -> str:
    """Version of how documents are cut: ours, and that of the LlamaIndex that does it."""
    return f"{SPLITTER_VERSION}+llama-index-core {metadata.version('llama-index-core')}"


def split(document: Document, embedder: Embedder, chunk_tokens: int, overlap: int) -> list[Chunk]:
    """Chunks of at most `chunk_tokens` of the embedder's tokens, cut at sentences where possible, with their
    exact place.

    Together they cover every character that is not white space.
    """
    if not 8 <= chunk_tokens <= 4096 or not 0 <= overlap < chunk_tokens:
        raise RetrievalError(
            f"chunks of {chunk_tokens} tokens with an overlap of {overlap}: "
            "take 8 to 4096 tokens and a smaller overlap."
        )
    from llama_index.core.node_parser import SentenceSplitter

    splitter = SentenceSplitter(
        chunk_size=chunk_tokens,
        chunk_overlap=overlap,
        tokenizer=lambda text: range(embedder.count_tokens(text)),
        chunking_tokenizer_fn=_cut_sentences,
        paragraph_separator="\n\n",
    )
    try:
        pieces = splitter.split_text(document.text)
    except ValueError as error:
        raise RetrievalError(
            f"document {document.id!r} cannot be cut into chunks of {chunk_tokens} tokens."
        ) from error
    chunks: list[Chunk] = []
    begin = reached = 0
    for piece in filter(None, (piece.strip() for piece in pieces)):
        next_word = _WORD_CHARACTER.search(document.text, reached)
        resume = next_word.start() if next_word else reached
        # The last place that leaves no gap: exact unless the text repeats itself; then it reads the same.
        begin = document.text.rfind(piece, begin, resume + len(piece))
        reached = begin + len(piece)
        chunks.append(Chunk(document.id, begin, reached, piece))
    return chunks


def embedder_of(manifest: Manifest) -> Embedder:
    """The embedder that a manifest names: the shipped one, or one of its name. Raises ModelError."""
    shipped = load()
    return shipped if shipped.name == manifest.embedder else load(manifest.embedder)


def _cut_sentences(text: str) -> list[str]:
    starts = [start for start, _ in sentences(text)][1:]
    return [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]


def _inverted(matrix: Matrix, told: dict[str, int]) -> Any:
    """An index of lists, each around a centre of the vectors; trained, and empty."""
    import faiss

    dimensions = matrix.shape[1]
    quantizer = faiss.IndexFlatIP(dimensions)
    index = faiss.IndexIVFFlat(quantizer, dimensions, told["nlist"], faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1
    index.nprobe = told["nprobe"]
    index.train(matrix if len(matrix) else np.zeros((1, dimensions), dtype=np.float32))
    return index


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS works in one thread meanwhile: with several, who comes first decides what an approximate index becomes."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
