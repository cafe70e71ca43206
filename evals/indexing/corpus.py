"""The documents of a corpus: a JSON Lines file, or a folder of text files. Each knows the hash of what it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.errors import RetrievalError

SUFFIXES = (".md", ".txt")
"""The files of a folder that are documents."""
LOADERS = {"jsonl": "1", "folder": "2"}
"""The ways to read a corpus, and the version of each: it changes when equal files may give other documents."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a corpus."""

    id: str
    text: str
    title: str = ""

    @property
    def sha256(self) -> str:
        """Hash of all that is indexed of it."""
        told = json.dumps([self.id, self.title, self.text], ensure_ascii=False)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus as it was read."""

    name: str
    """Of its file or folder."""
    sha256: str
    """Of the file's bytes; of a folder, of the names and hashes of its files."""
    loader: str
    documents: tuple[Document, ...]
    """Ordered by id."""


def read_corpus(path: Path) -> list[Document]:
    """The documents of a corpus, sorted by id. Raises RetrievalError naming the file or line that is wrong."""
    return list(load(path).documents)


def load(path: Path) -> Corpus:
    """A corpus: JSON Lines, `{"id", "title"?, "text"}` a line, or a folder whose .md and .txt files are documents.

    A file's id is its path below the folder; hidden files are passed over. Raises RetrievalError as `read_corpus`.
    """
    found, sha256 = _folder(path) if path.is_dir() else _file(path)
    if not found:
        what = f"a folder without a {' or '.join(SUFFIXES)} file" if path.is_dir() else "no documents"
        raise RetrievalError(f"{path}: the corpus holds {what}.")
    ordered = tuple(found[doc_id] for doc_id in sorted(found))
    return Corpus(path.resolve().name, sha256, "folder" if path.is_dir() else "jsonl", ordered)


def _file(path: Path) -> tuple[dict[str, Document], str]:
    content, text = _read(path)
    found: dict[str, Document] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        document = _document(line, f"{path}:{number}")
        if document.id in found:
            raise RetrievalError(
                f"{path}:{number}: the id {document.id!r} was used before. Give each document its own."
            )
        found[document.id] = document
    return found, hashlib.sha256(content).hexdigest()


def _folder(path: Path) -> tuple[dict[str, Document], str]:
    found: dict[str, Document] = {}
    listed: list[str] = []
    for file in _files(path):
        content, text = _read(file)
        name = file.relative_to(path).as_posix()
        found[name] = Document(name, text)
        listed.append(json.dumps([name, hashlib.sha256(content).hexdigest()]))
    return found, hashlib.sha256("\n".join(listed).encode("utf-8", "surrogatepass")).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*"), key=lambda file: file.relative_to(folder).as_posix()):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            yield file


def _read(path: Path) -> tuple[bytes, str]:
    try:
        content = path.read_bytes()
        return content, content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RetrievalError(f"{path}: there is no such file or folder. Name the corpus.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RetrievalError(f"{path}: the corpus cannot be read as UTF-8 text.") from error


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
