"""Retrieval indices: documents split by LlamaIndex, embedded locally, kept in FAISS, described by a manifest.

The only module that imports llama_index and faiss, inside the functions that need them. Nothing here uses the
network: LlamaIndex's own defaults would fetch a BPE file and sentence models, so it is handed our tokenizer
and our splitter.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from evals.errors import RetrievalError
from guardrails.embedding import Embedder, load
from guardrails.sentences import sentences

_WORD_CHARACTER = re.compile(r"\S")

FORMAT = "guardhouse.index/1"
FAISS_TYPE = "IndexFlatIP"
MANIFEST = "manifest.json"
CHUNKS = "chunks.jsonl"
VECTORS = "vectors.faiss"


@dataclass(frozen=True, slots=True)
class Document:
    """One line of a corpus."""

    id: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one document: text[start:end], in code points."""

    doc_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made from and how: enough to make the same one again."""

    corpus: str
    """Name of the corpus file."""
    corpus_sha256: str
    chunk_tokens: int
    """Largest chunk, in the embedder's tokens."""
    overlap: int
    """Most tokens two neighbouring chunks share."""
    embedder: str
    embedder_sha256: str
    faiss_type: str
    n_docs: int
    n_chunks: int
    chunks_sha256: str
    """Hash of the chunk records, so that vectors and records cannot drift apart."""
    created_by: str
    """Name and version of the program that wrote it."""
    format: str = FORMAT


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


class Index:
    """An open index. Made by `open_index`."""

    def __init__(self, manifest: Manifest, chunks: Sequence[Chunk], store: Any, embedder: Embedder) -> None:
        self.manifest = manifest
        self._chunks = chunks
        self._store = store
        self._embedder = embedder

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The k documents whose best chunk is closest to the query, best first, ties by document id.

        Exhaustive and deterministic. A query without any token finds nothing.
        """
        if k < 1:
            raise RetrievalError(f"k is {k}: ask for at least one document.")
        vector = self._embedder.encode([query])[0]
        if not self._chunks or not vector.any():
            return []
        best: dict[str, tuple[float, int]] = {}
        for number, score in self._scores(vector.tolist()):
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

    def _scores(self, vector: list[float]) -> Iterator[tuple[int, float]]:
        from llama_index.core.vector_stores.types import VectorStoreQuery

        found = self._store.query(
            VectorStoreQuery(query_embedding=vector, similarity_top_k=len(self._chunks))
        )
        for number, score in zip(found.ids, found.similarities, strict=True):
            # Rounded so that equal texts tie whatever order FAISS added their products in.
            yield int(number), round(float(score), 6)


def build(
    corpus: Path,
    out: Path,
    *,
    embedder_name: str | None = None,
    chunk_tokens: int = 128,
    overlap: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Split, embed and store the documents of a JSONL corpus ({"id", "title"?, "text"}) in the folder `out`.

    The title is embedded before each chunk's text; offsets refer to the text alone. `progress` is called with
    (done, all) chunks. Raises RetrievalError for a bad corpus or chunking, ModelError for the embedder. The
    manifest is written last: a folder without one was not finished.
    """
    documents = read_corpus(corpus)
    embedder = load(embedder_name)
    chunks = [chunk for document in documents for chunk in split(document, embedder, chunk_tokens, overlap)]
    titles = {document.id: document.title for document in documents}
    records = "".join(
        json.dumps(asdict(chunk), ensure_ascii=False, sort_keys=True) + "\n" for chunk in chunks
    )
    manifest = Manifest(
        corpus=corpus.name,
        corpus_sha256=hashlib.sha256(corpus.read_bytes()).hexdigest(),
        chunk_tokens=chunk_tokens,
        overlap=overlap,
        embedder=embedder.name,
        embedder_sha256=embedder.sha256,
        faiss_type=FAISS_TYPE,
        n_docs=len(documents),
        n_chunks=len(chunks),
        chunks_sha256=hashlib.sha256(records.encode("utf-8", "surrogatepass")).hexdigest(),
        created_by=f"guardhouse {_version()}",
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    store = _embedded(chunks, titles, embedder, progress)
    store.persist(str(out / VECTORS))
    (out / CHUNKS).write_bytes(records.encode("utf-8", "surrogatepass"))
    (out / MANIFEST).write_text(
        json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    return manifest


def open_index(directory: Path, *, embedder: Embedder | None = None) -> Index:
    """The index in a folder, with the embedder it was built with (loaded by name when none is handed in).

    Raises RetrievalError when there is no finished index, its files do not belong together, or its embedder
    differs.
    """
    manifest = read_manifest(directory)
    used = embedder or _embedder_of(manifest)
    if used.sha256 != manifest.embedder_sha256:
        raise RetrievalError(
            f"{directory}: built with {manifest.embedder} ({manifest.embedder_sha256[:12]}), but loaded is "
            f"{used.name} ({used.sha256[:12]}). Their vectors cannot be compared: build the index again."
        )
    from llama_index.vector_stores.faiss import FaissVectorStore

    try:
        records = (directory / CHUNKS).read_bytes()
        store = FaissVectorStore.from_persist_path(str(directory / VECTORS))
    except (OSError, ValueError, RuntimeError) as error:
        raise RetrievalError(
            f"{directory}: {CHUNKS} or {VECTORS} cannot be read. Build the index again."
        ) from error
    same = hashlib.sha256(records).hexdigest() == manifest.chunks_sha256
    if not same or store.client.ntotal != manifest.n_chunks:
        raise RetrievalError(f"{directory}: its files are not from one build. Build the index again.")
    chunks = [
        Chunk(**json.loads(line)) for line in records.decode("utf-8", "surrogatepass").split("\n") if line
    ]
    return Index(manifest, chunks, store, used)


def identity(directory: Path) -> str:
    """An index's name and the hash of its manifest: how a run refers to it."""
    manifest = directory / MANIFEST
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()[:12] if manifest.is_file() else "unknown"
    return f"{directory.resolve().name}@{digest}"


def read_manifest(directory: Path) -> Manifest:
    """The manifest of an index folder. Raises RetrievalError when there is none or it is of another
    format."""
    path = directory / MANIFEST
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(**fields)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RetrievalError(
            f"{path}: no readable manifest. Run: guardhouse index build CORPUS {directory}"
        ) from error
    if manifest.format != FORMAT or manifest.faiss_type != FAISS_TYPE:
        raise RetrievalError(f"{path}: format {manifest.format!r} cannot be read. Build the index again.")
    return manifest


def read_corpus(path: Path) -> list[Document]:
    """The documents of a JSONL corpus, sorted by id. Raises RetrievalError naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RetrievalError(f"{path}: the corpus cannot be read as UTF-8 text.") from error
    found: dict[str, Document] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        document = _document(line, f"{path}:{number}")
        if document.id in found:
            raise RetrievalError(
                f"{path}:{number}: the id {document.id!r} was used before. Give each document its own."
            )
        found[document.id] = document
    if not found:
        raise RetrievalError(f"{path}: the corpus holds no documents.")
    return [found[doc_id] for doc_id in sorted(found)]


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


def _cut_sentences(text: str) -> list[str]:
    starts = [start for start, _ in sentences(text)][1:]
    return [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]


def _document(line: str, place: str) -> Document:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RetrievalError(f"{place}: not JSON. Each line is one object with id and text.") from error
    if (
        not isinstance(fields, dict)
        or not isinstance(fields.get("text"), str)
        or not isinstance(fields.get("id"), str)
    ):
        raise RetrievalError(f"{place}: each line is one object with the strings id and text.")
    title = fields.get("title") or ""
    if not fields["id"] or not isinstance(title, str):
        raise RetrievalError(f"{place}: id may not be empty, and title is a string when given.")
    return Document(fields["id"], fields["text"], title)


def _embedder_of(manifest: Manifest) -> Embedder:
    shipped = load()
    return shipped if shipped.name == manifest.embedder else load(manifest.embedder)


def _embedded(
    chunks: Sequence[Chunk],
    titles: dict[str, str],
    embedder: Embedder,
    progress: Callable[[int, int], None] | None,
) -> Any:
    """A FAISS store with one vector a chunk, in order, filled through LlamaIndex."""
    import faiss
    from llama_index.core.schema import TextNode
    from llama_index.vector_stores.faiss import FaissVectorStore

    adapter = _adapter(embedder)
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(embedder.dimensions))
    for number, chunk in enumerate(chunks):
        title = titles[chunk.doc_id]
        text = f"{title}\n{chunk.text}" if title else chunk.text
        node = TextNode(id_=str(number), text=chunk.text, embedding=adapter.get_text_embedding(text))
        store.add([node])
        if progress is not None:
            progress(number + 1, len(chunks))
    return store


def _adapter(embedder: Embedder) -> Any:
    """Our embedder as LlamaIndex expects one."""
    from llama_index.core.base.embeddings.base import BaseEmbedding

    class Local(BaseEmbedding):  # type: ignore[misc]
        def _get_text_embedding(self, text: str) -> list[float]:
            vector: list[float] = embedder.encode([text])[0].tolist()
            return vector

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    return Local(model_name=embedder.name)


def _version() -> str:
    try:
        return metadata.version("guardhouse")
    except metadata.PackageNotFoundError:
        return "0"
