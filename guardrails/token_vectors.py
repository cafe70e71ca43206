"""Text to one vector a word piece: the last hidden layer of the encoder that ships, read from its own file.

Meant for comparing texts piece by piece. Texts that were read are kept, up to a number of bytes, because the same
passages come back with every answer about them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guardrails.embedding import SHIPPED
from guardrails.onnx import encodable, open_session, open_tokenizer, read_card, read_verified, with_output

LAST_LAYER = "/encoder/encoder/layer.5/output/LayerNorm/LayerNormalization_output_0"
"""The tensor of word-piece vectors in the shipped encoder's graph."""

KEPT_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tokens:
    """The word pieces of a text."""

    vectors: NDArray[np.float32]
    """Shape (pieces, dimensions), each of length 1."""
    total: NDArray[np.float32]
    """The sum of the pieces' vectors and of the marks around them, at their own lengths. Its direction is the text's
    own embedding, and sums of neighbours' totals are embeddings of the neighbours together. Zero without pieces."""

    @property
    def count(self) -> int:
        """Word pieces."""
        return len(self.vectors)


class TokenEncoder:
    """Reads texts with an ONNX encoder, one at a time, so that a text's vectors never depend on others.

    Safe to share between threads. Texts longer than the model's window are read window by window. Raises ModelError
    when a file is missing or is not the one its card names.

    Args:
        directory: folder with `card.json`, `model.onnx` and `tokenizer.json`.
        kept_bytes: vectors kept for texts that come again.
        threads: threads one call may use.
    """

    def __init__(self, directory: Path = SHIPPED, *, kept_bytes: int = KEPT_BYTES, threads: int = 1) -> None:
        card = read_card(directory)
        model = read_verified(directory / "model.onnx", card)
        tokenizer = read_verified(directory / "tokenizer.json", card)
        self._session = open_session(with_output(model, LAST_LAYER), threads)
        self._tokenizer = open_tokenizer(tokenizer)
        self._marks: tuple[int, int] = tuple(map(self._tokenizer.token_to_id, ("[CLS]", "[SEP]")))
        self._kept: OrderedDict[str, Tokens] = OrderedDict()
        self._left = self._room = kept_bytes
        self._lock = threading.Lock()
        self.dimensions: int = card["dimensions"]
        self.max_tokens: int = card["max_tokens"]
        self.sha256: str = card["files"]["model.onnx"]

    def read(self, text: str, *, keep: bool = False) -> Tokens:
        """The word pieces of a text; kept for the next time when asked to."""
        with self._lock:
            known = self._kept.get(text)
            if known is not None:
                self._kept.move_to_end(text)
                return known
        tokens = self._read(text)
        if keep:
            self._keep(text, tokens)
        return tokens

    def forget(self) -> None:
        """Drop every text that is kept."""
        with self._lock:
            self._kept.clear()
            self._left = self._room

    def _keep(self, text: str, tokens: Tokens) -> None:
        size = _bytes(text, tokens)
        with self._lock:
            if size > self._room or text in self._kept:
                return
            self._kept[text] = tokens
            self._left -= size
            while self._left < 0:
                self._left += _bytes(*self._kept.popitem(last=False))

    def _read(self, text: str) -> Tokens:
        ids: list[int] = self._tokenizer.encode(encodable(text), add_special_tokens=False).ids
        size = self.max_tokens - 2
        parts = [self._run(ids[at : at + size]) for at in range(0, len(ids), size)]
        if not parts:
            none = np.zeros((0, self.dimensions), dtype=np.float32)
            return Tokens(none, none.sum(0))
        raw = np.concatenate([part[1:-1] for part in parts])
        total = np.stack([part.sum(0) for part in parts]).sum(0)
        return Tokens(unit(raw), total)

    def _run(self, window: list[int]) -> NDArray[np.float32]:
        ids = np.array([[self._marks[0], *window, self._marks[1]]], dtype=np.int64)
        found: NDArray[np.float32] = self._session.run(
            [LAST_LAYER], {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )[0][0]
        return found


@cache
def shipped_tokens() -> TokenEncoder:
    """The shipped encoder's word pieces, loaded once for all measures of a process. Raises ModelError."""
    return TokenEncoder()


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors of length 1 in the same directions; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return scaled


def _bytes(text: str, tokens: Tokens) -> int:
    return tokens.vectors.nbytes + tokens.total.nbytes + 4 * len(text) + 500
