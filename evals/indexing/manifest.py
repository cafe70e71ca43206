"""What an index was made from and how, in a file beside it; and whether the files are those that it tells of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from evals.errors import RetrievalError

FORMAT = "guardhouse.index/2"
OLDER = "guardhouse.index/1"
"""The format before: one hash of the corpus and none of its documents. It can be searched."""
MANIFEST = "manifest.json"
DOCUMENTS = "documents.jsonl"
CHUNKS = "chunks.jsonl"
VECTORS = "vectors.faiss"
FILES = (MANIFEST, DOCUMENTS, CHUNKS, VECTORS)
"""Everything that an index's folder holds."""
TYPES = {"flat": "IndexFlatIP", "hnsw": "IndexHNSWFlat", "ivf": "IndexIVFFlat"}
"""Kinds of index by the name that the command line has for them: the first is exact, the others approximate."""
EXACT = TYPES["flat"]


@dataclass(frozen=True, slots=True)
class Changed:
    """Ids of the documents by what became of them since the index that this one was built from."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made from and how: enough to make the same one again."""

    corpus: str
    """Name of the corpus' file or folder."""
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
    loader: str = ""
    loader_version: str = ""
    splitter: str = ""
    splitter_version: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    """What an approximate index was made with, by FAISS' names."""
    documents_sha256: str = ""
    """Hash of documents.jsonl, which has the hash of each document."""
    vectors_sha256: str = ""
    """Hash of vectors.faiss."""
    parent: str = ""
    """SHA-256 of the manifest that it was built from; empty when it was built from the corpus alone."""
    changed: Changed | None = None
    """What became of the parent's documents; None without a parent."""

    @property
    def recipe(self) -> dict[str, str | int]:
        """All that decides which chunks and vectors a document gets."""
        return {
            "loader": f"{self.loader} {self.loader_version}",
            "chunk_tokens": self.chunk_tokens,
            "overlap": self.overlap,
            "splitter": f"{self.splitter} {self.splitter_version}",
            "embedder": f"{self.embedder} {self.embedder_sha256[:12]}",
        }


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of documents.jsonl."""

    id: str
    sha256: str
    """Hash of its id, title and text."""
    chunks: int
    """How many it was cut into; they stand in chunks.jsonl in the order of the documents."""


def read_manifest(directory: Path) -> Manifest:
    """The manifest in a folder. Raises RetrievalError when there is none or it is of another format."""
    path = directory / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.get("changed") is not None:
            told["changed"] = Changed(**{name: tuple(ids) for name, ids in told["changed"].items()})
        manifest = Manifest(**told)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RetrievalError(
            f"{path}: no readable manifest. Run: guardhouse index build CORPUS {directory}"
        ) from error
    if manifest.format not in (FORMAT, OLDER):
        raise RetrievalError(f"{path}: format {manifest.format!r:.60} cannot be read. Build the index again.")
    if manifest.faiss_type not in TYPES.values():
        raise RetrievalError(
            f"{path}: FAISS type {manifest.faiss_type!r:.60} is none of {', '.join(TYPES.values())}. "
            "Build the index again."
        )
    if not _typed(manifest):
        raise RetrievalError(f"{path}: a field of the manifest is of another kind. Build the index again.")
    return manifest


def dumped(manifest: Manifest) -> str:
    """The manifest's text."""
    return json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n"


def manifest_sha256(directory: Path) -> str:
    """Hash of the manifest in a folder: by it one index is told from another. Empty where there is none."""
    path = directory / MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def verified(directory: Path, manifest: Manifest) -> bytes:
    """The chunk records, once every file of the index is known to be of one build. Raises RetrievalError.

    An index of the older format has no hashes of its documents and vectors.
    """
    told = {
        CHUNKS: manifest.chunks_sha256,
        DOCUMENTS: manifest.documents_sha256,
        VECTORS: manifest.vectors_sha256,
    }
    if manifest.format == FORMAT and not all(told.values()):
        raise RetrievalError(f"{directory}: {MANIFEST} lacks the hash of a file. Build the index again.")
    records = b""
    for name, sha256 in told.items():
        if not sha256:
            continue
        try:
            content = (directory / name).read_bytes()
        except OSError as error:
            raise RetrievalError(f"{directory}: {name} cannot be read. Build the index again.") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise RetrievalError(
                f"{directory}: its files are not from one build ({name} differs from what {MANIFEST} says). "
                "Build the index again."
            )
        records = content if name == CHUNKS else records
    return records


def read_documents(directory: Path) -> list[Listed]:
    """The documents of an index, ordered by id; none of an index of the older format. Raises RetrievalError."""
    path = directory / DOCUMENTS
    if not path.is_file():
        return []
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
        listed = [Listed(**json.loads(line)) for line in text.split("\n") if line]
        if not all(
            isinstance(each.id, str) and isinstance(each.sha256, str) and type(each.chunks) is int
            for each in listed
        ):
            raise ValueError("a field of another kind")
        return listed
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RetrievalError(f"{path}: cannot be read. Build the index again.") from error


def changes(before: Sequence[Listed], after: Sequence[Listed]) -> Changed:
    """What became of the documents from one index to another, ids in order."""
    old, new = ({each.id: each.sha256 for each in side} for side in (before, after))
    return Changed(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(id for id in old.keys() & new.keys() if old[id] != new[id])),
    )


def differences(before: Path, after: Path) -> list[str]:
    """How two indices differ in what they were made from and how, one sentence each. Raises RetrievalError."""
    old, new = read_manifest(before), read_manifest(after)
    pairs = [
        ("format", old.format, new.format),
        ("corpus", _named(old.corpus, old.corpus_sha256), _named(new.corpus, new.corpus_sha256)),
        ("loader", _told(old.loader, old.loader_version), _told(new.loader, new.loader_version)),
        ("tokens of a chunk", f"{old.chunk_tokens}", f"{new.chunk_tokens}"),
        ("tokens of overlap", f"{old.overlap}", f"{new.overlap}"),
        ("splitter", _told(old.splitter, old.splitter_version), _told(new.splitter, new.splitter_version)),
        ("embedder", _named(old.embedder, old.embedder_sha256), _named(new.embedder, new.embedder_sha256)),
        ("FAISS type", _kind(old), _kind(new)),
        ("chunks", f"{old.n_chunks}", f"{new.n_chunks}"),
        ("created by", old.created_by, new.created_by),
    ]
    told = [f"{name}: {one} -> {other}" for name, one, other in pairs if one != other]
    if not (old.documents_sha256 and new.documents_sha256):
        return [*told, *([f"documents: {old.n_docs} -> {new.n_docs}"] if old.n_docs != new.n_docs else [])]
    found = changes(read_documents(before), read_documents(after))
    moved = [
        f"documents {what}: {_some(ids)}"
        for what, ids in (("added", found.added), ("removed", found.removed), ("changed", found.changed))
        if ids
    ]
    return [*told, *moved]


def _typed(manifest: Manifest) -> bool:
    """Whether each field holds what its kind says: a manifest may have been edited, or be half there."""
    numbers = {"chunk_tokens", "overlap", "n_docs", "n_chunks"}
    for each in fields(manifest):
        value: Any = getattr(manifest, each.name)
        if each.name == "parameters":
            fits = isinstance(value, dict) and all(isinstance(number, int) for number in value.values())
        elif each.name == "changed":
            fits = value is None or isinstance(value, Changed)
        else:
            fits = type(value) is (int if each.name in numbers else str)
        if not fits:
            return False
    return True


def _named(name: str, sha256: str) -> str:
    return f"{name} ({sha256[:12]})"


def _told(name: str, version: str) -> str:
    return f"{name} {version}".strip() or "not told"


def _kind(manifest: Manifest) -> str:
    told = ", ".join(f"{name} {value}" for name, value in sorted(manifest.parameters.items()))
    return f"{manifest.faiss_type} ({told})" if told else manifest.faiss_type


def _some(ids: Sequence[str], most: int = 10) -> str:
    """How many ids, and the first of them."""
    more = ", …" if len(ids) > most else ""
    return f"{len(ids)} ({', '.join(ids[:most])}{more})"
