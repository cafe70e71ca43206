"""A toy embedder, corpora of random documents, and index folders made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from evals.indexing.building import Built, Recipe, build

WORDS = ("ferry", "bread", "bees", "harbour", "ticket", "Stop.", "東京", "ночь", "é", "No!", "\n\n", "a,b;c")


class Letters:
    """Counts of letters; a token is a word. It says how many texts it was given."""

    name = "letters"
    dimensions = 26
    sha256 = "0" * 64

    def __init__(self, sha256: str = "0" * 64) -> None:
        self.sha256 = sha256
        self.given = 0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """As in Embedder."""
        self.given += len(texts)
        rows = [[sum(ord(c) % 26 == letter for c in text.lower()) for letter in range(26)] for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(len(texts), 26)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def count_tokens(self, text: str) -> int:
        """As in Embedder."""
        return len(text.split())


def write(path: Path, texts: Mapping[str, str]) -> Path:
    """A corpus of texts by id."""
    lines = (json.dumps({"id": id, "text": text}) + "\n" for id, text in texts.items())
    path.write_text("".join(lines), "utf-8")
    return path


def make(
    texts: Mapping[str, str],
    out: Path,
    recipe: Recipe = Recipe(16, 4),
    *,
    earlier: Path | None = None,
    embedder: Letters | None = None,
) -> Built:
    """An index of texts by id, embedded by letters."""
    corpus = write(out.with_name("docs.jsonl"), texts)
    return build(corpus, out, recipe, embedder=lambda: embedder or Letters(), earlier=earlier)


def said(least: int = 0, most: int = 40) -> st.SearchStrategy[str]:
    """Texts of a document, of several scripts, some blank."""
    return st.lists(st.sampled_from(WORDS), min_size=least, max_size=most).map(" ".join)
