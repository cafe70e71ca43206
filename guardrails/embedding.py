"""Text to vectors: the local encoder that ships with the product, or any sentence-transformers model.

The only module that imports sentence_transformers, inside the constructor that needs it.

Every backend keeps the same promises. One text is encoded at a time: 8-bit activations share one scale over a
batch, so the company a text keeps would change its vector. A text longer than the model's window is cut into
windows, whose vectors are averaged with their token counts as weights and normalised again: nothing is
dropped. A text without any token (empty, blank) gives the zero vector, whose similarity to everything is 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from guardrails.errors import ModelError
from guardrails.onnx import encodable, open_session, open_tokenizer, read_card, read_verified

SHIPPED = Path(__file__).resolve().parent / "models" / "minilm"
"""Folder of the encoder that comes with the product."""


class Embedder(Protocol):
    """Maps texts to vectors of one length, so that texts about the same thing lie close together."""

    @property
    def name(self) -> str:
        """The model's name, for people and manifests."""

    @property
    def dimensions(self) -> int:
        """Length of every vector."""

    @property
    def sha256(self) -> str:
        """Identity of the weights: two embedders with the same value give comparable vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimensions), each of length 1, or all zero for a text without
        tokens."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text as the model counts them, without its start and end marks."""


def load(name: str | None = None) -> Embedder:
    """The embedder of that name or path; the shipped MiniLM when none is given.

    Raises ModelError when a file is missing or is not the one its card names, when the extra for other models
    is not installed, or when there is no such model.
    """
    return OnnxEmbedder() if name is None else SentenceTransformersEmbedder(name)


@cache
def shipped() -> Embedder:
    """The encoder that ships, loaded once for all checks of a process. Raises ModelError as `load` does."""
    return load()


class OnnxEmbedder:
    """An encoder in ONNX beside its tokenizer and card. Reads no network; refuses files whose hash is not the
    card's.

    Args:
        directory: folder with `card.json`, `model.onnx` and `tokenizer.json`.
        threads: threads one call may use; parallelism should come from processes.
    """

    def __init__(self, directory: Path = SHIPPED, *, threads: int = 1) -> None:
        card = read_card(directory)
        model = read_verified(directory / "model.onnx", card)
        tokenizer = read_verified(directory / "tokenizer.json", card)
        self._session = open_session(model, threads)
        self._tokenizer = open_tokenizer(tokenizer)
        self._first: Any = self._tokenizer.token_to_id("[CLS]")
        self._last: Any = self._tokenizer.token_to_id("[SEP]")
        self.name: str = card["name"]
        self.dimensions: int = card["dimensions"]
        self.max_tokens: int = card["max_tokens"]
        self.sha256: str = card["files"]["model.onnx"]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As in Embedder."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            ids = self._ids(text)
            size = self.max_tokens - 2
            windows = [ids[at : at + size] for at in range(0, len(ids), size)]
            vectors[row] = _pooled(
                [self._run(window) for window in windows], [len(window) for window in windows], vectors[row]
            )
        return vectors

    def count_tokens(self, text: str) -> int:
        """As in Embedder."""
        return len(self._ids(text))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(encodable(text), add_special_tokens=False).ids
        return ids

    def _run(self, window: list[int]) -> NDArray[np.float32]:
        ids = np.array([[self._first, *window, self._last]], dtype=np.int64)
        vector: NDArray[np.float32] = self._session.run(
            None, {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        )[0][0]
        return vector


class SentenceTransformersEmbedder:
    """Any sentence-transformers model, by name or path, on the CPU. Needs the extra `sentence-transformers`.

    Raises ModelError when the extra is missing, the model cannot be found, or its tokenizer cannot tell where
    in the text its tokens stand (long texts could then only be cut off silently).
    """

    def __init__(self, name: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                f"the embedding model {name!r} needs sentence-transformers, which is not installed. "
                "Install it (pip install sentence-transformers), or leave the name out for the shipped one."
            ) from error
        try:
            self._model: Any = SentenceTransformer(name, device="cpu")
        except (OSError, ValueError) as error:
            raise ModelError(
                f"there is no embedding model {name!r}: give the path of a model folder, or the name of one "
                "that is in the local cache or can be downloaded."
            ) from error
        if not getattr(self._model.tokenizer, "is_fast", False):
            raise ModelError(
                f"the tokenizer of {name!r} gives no offsets, so long texts could not be windowed."
            )
        self.name = name
        self.dimensions: int = _dimensions(self._model)
        self.max_tokens: int | None = self._model.max_seq_length
        self.sha256 = _weights_hash(self._model)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As in Embedder. Model-specific prompts ("query: ") are the caller's to write."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            windows = self._windows(encodable(text))
            pieces = [
                self._model.encode(
                    piece, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
                )
                for piece, _ in windows
            ]
            vectors[row] = _pooled(pieces, [weight for _, weight in windows], vectors[row])
        return vectors

    def count_tokens(self, text: str) -> int:
        """As in Embedder."""
        return len(self._offsets(encodable(text)))

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = self._model.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )["offset_mapping"]
        return found

    def _windows(self, text: str) -> list[tuple[str, int]]:
        offsets = self._offsets(text)
        if self.max_tokens is None:
            return [(text, len(offsets))] if offsets else []
        size = max(1, self.max_tokens - self._model.tokenizer.num_special_tokens_to_add(pair=False))
        groups = [offsets[at : at + size] for at in range(0, len(offsets), size)]
        return [(text[group[0][0] : group[-1][1]], len(group)) for group in groups]


def _pooled(
    vectors: Sequence[NDArray[np.float32]], weights: Sequence[int], empty: NDArray[np.float32]
) -> NDArray[np.float32]:
    if not vectors:
        return empty
    if len(vectors) == 1:
        return vectors[0]
    mean = np.average(np.asarray(vectors, dtype=np.float64), axis=0, weights=weights)
    length = float(np.linalg.norm(mean))
    pooled: NDArray[np.float32] = (mean / length if length > 0 else mean).astype(np.float32)
    return pooled


def _dimensions(model: Any) -> int:
    # Newer releases dropped "sentence" from the method's name.
    method = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    return int(method())


def _weights_hash(model: Any) -> str:
    digest = hashlib.sha256(repr(model).encode("utf-8"))
    for key, tensor in sorted(model.state_dict().items()):
        values = np.ascontiguousarray(tensor.detach().cpu().float().numpy())
        digest.update(f"{key} {values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
