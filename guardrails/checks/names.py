"""Finds people, places, addresses and organisations in running text with a small tagger of our own.

The encoder reads word pieces without case, so case and layout are given back as a second input: how a word is
capitalised, and whether a space or a line break stands before it. A text of any length is read in windows that
overlap, so every word is judged with words on both sides of it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardrails.check import Check
from guardrails.errors import CheckError
from guardrails.onnx import encodable, open_session, open_tokenizer, read_card, read_verified
from guardrails.types import Segment, Span

SHIPPED = Path(__file__).resolve().parents[1] / "models" / "names"
"""Folder of the tagger that comes with the product."""

ENTITIES = ("PERSON", "LOCATION", "ADDRESS", "ORGANIZATION")
"""What the tagger knows, in the order of its outputs."""

LABELS = ("O", *(f"{part}-{entity}" for entity in ENTITIES for part in "BI"))
"""The model's outputs for a word piece: outside, or beginning or inside of an entity."""

KINDS = 12
"""Number of ways a word is written: four of case, times three of what stands before it."""

WORKERS = 4
"""Texts that are read at the same time, at most; never more than there are processors."""

_REMEMBERED = 4096
_LINE, _SPACE = 2, 1
_JOINERS = frozenset("'’‘-‐‑.·")
_CODE_BEFORE = frozenset('"`_/\\.=<{[$@#*|&-+%:')
_CODE_AFTER = frozenset('"`_/\\=>}](*|&+%[{<')
_SIGILS, _CALLED = frozenset("_$#@"), frozenset("([_")

Probabilities = NDArray[np.float32]


def tagger(entities: Sequence[str], directory: Path = SHIPPED) -> Check:
    """A check of whole texts for the entities named, some of ENTITIES.

    Args:
        entities: what to look for.
        directory: folder with `card.json`, `model.onnx` and `tokenizer.json`.

    Raises CheckError naming an entity the tagger does not know, ModelError when a model file is missing or is
    not the one its card names.
    """
    unknown = [entity for entity in entities if entity not in ENTITIES]
    if unknown or not entities:
        named = ", ".join(unknown) or "nothing"
        raise CheckError(f"names: {named} was asked for, but the tagger finds {', '.join(ENTITIES)}.")
    return NameTagger(_shared(directory), frozenset(entities))


@lru_cache(maxsize=2)
def _shared(directory: Path) -> NameModel:
    return NameModel(directory)


class NameTagger:
    """Reports the spans of some entities. Keeps spans of texts seen lately, never the texts."""

    def __init__(self, model: NameModel, entities: frozenset[str]) -> None:
        self._model, self._entities = model, entities

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments; read off the event loop."""
        found = [self._model.recall(segment.text) for segment in segments]
        missing = {
            segment.text: None for segment, spans in zip(segments, found, strict=True) if spans is None
        }
        if missing:
            loop = asyncio.get_running_loop()
            jobs = [loop.run_in_executor(self._model.pool, self._model.find, text) for text in missing]
            fresh = dict(zip(missing, await asyncio.gather(*jobs), strict=True))
            found = [
                fresh[segment.text] if spans is None else spans
                for segment, spans in zip(segments, found, strict=True)
            ]
        return [[span for span in spans or () if span.entity in self._entities] for spans in found]


class NameModel:
    """The tagger's weights, opened once and shared by all checks that use them. Safe for many threads."""

    def __init__(self, directory: Path = SHIPPED) -> None:
        card = read_card(directory)
        model = read_verified(directory / "model.onnx", card)
        self.tokenizer = open_tokenizer(read_verified(directory / "tokenizer.json", card))
        self._session = open_session(model)
        self._window: int = card["window"]["tokens"]
        self._overlap: int = card["window"]["overlap"]
        self._thresholds = np.array([card["thresholds"][entity] for entity in ENTITIES], dtype=np.float32)
        self.sha256: str = card["files"]["model.onnx"]
        self.pool = ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1), thread_name_prefix="names")
        self._seen: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, text: str) -> tuple[Span, ...] | None:
        """What was found in that text lately; None when it was not read, or is forgotten."""
        key = _digest(text)
        with self._lock:
            spans = self._seen.get(key)
            if spans is not None:
                self._seen.move_to_end(key)
        return spans

    def find(self, text: str) -> tuple[Span, ...]:
        """Every entity in a text, ordered, without overlap; the text is remembered by its hash alone."""
        pieces = encode(self.tokenizer, text)
        spans: tuple[Span, ...] = ()
        if pieces.words:
            spans = tuple(decode(text, pieces, self.probabilities(pieces), self._thresholds))
        with self._lock:
            self._seen[_digest(text)] = spans
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return spans

    def probabilities(self, pieces: Pieces) -> Probabilities:
        """Probability of each of LABELS for each word piece, shape (pieces, labels)."""
        size = len(pieces.ids)
        found = np.zeros((size, len(LABELS)), dtype=np.float32)
        for start, end, first, last in windows(size, self._window, self._overlap):
            ids, kinds = framed(self.tokenizer, pieces, start, end)
            output = self._session.run(None, {"input_ids": ids, "token_type_ids": kinds})[0]
            found[first:last] = output[0, 1 + first - start : 1 + last - start]
        return found


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text as the model reads it. Offsets are code points."""

    ids: NDArray[np.int64]
    kinds: NDArray[np.int64]
    """How the piece's word is written, below KINDS."""
    word: NDArray[np.int64]
    """Index of the piece's word."""
    words: list[tuple[int, int]]
    """Start and end of each word."""


def encode(tokenizer: Any, text: str) -> Pieces:
    """The text's word pieces, and for each its word and how that is written."""
    read = tokenizer.encode(encodable(text), add_special_tokens=False)
    words: list[tuple[int, int]] = []
    word: list[int] = []
    last = None
    for number, (start, end) in zip(read.word_ids, read.offsets, strict=True):
        if number != last or not words:
            words.append((start, end))
            last = number
        else:
            words[-1] = (words[-1][0], max(end, words[-1][1]))
        word.append(len(words) - 1)
    kinds = _kinds(text, words)
    at = np.array(word, dtype=np.int64)
    return Pieces(np.array(read.ids, dtype=np.int64), kinds[at] if words else at, at, words)


def _kinds(text: str, words: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    kinds = np.zeros(len(words), dtype=np.int64)
    before = 0
    for index, (start, end) in enumerate(words):
        gap = text[before:start]
        layout = _LINE if not index or "\n" in gap else _SPACE if gap else 0
        kinds[index] = 3 * _case(text[start:end]) + layout
        before = end
    return kinds


def _case(word: str) -> int:
    """0 without capitals, 1 with the first alone, 2 in capitals, 3 with capitals elsewhere."""
    if word.islower() or not any(map(str.isupper, word)):
        return 0
    if word[0].isupper() and not any(map(str.isupper, word[1:])):
        return 1
    return 2 if word.isupper() else 3


def framed(tokenizer: Any, pieces: Pieces, start: int, end: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ids and kinds of pieces[start:end] between the model's start and end marks, as a batch of one."""
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    ids = np.array([[first, *pieces.ids[start:end], last]], dtype=np.int64)
    return ids, np.array([[0, *pieces.kinds[start:end], 0]], dtype=np.int64)


def windows(size: int, window: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """Overlapping windows over `size` pieces, and of each the part it answers for: (start, end, first, last).

    The parts follow on one another and cover everything; a part ends in the middle of an overlap.
    """
    inner = window - 2
    starts = [*range(0, max(1, size - inner), inner - overlap)]
    if starts[-1] + inner < size:
        starts.append(size - inner)
    ends = [min(size, start + inner) for start in starts]
    cuts = [0, *((start + end) // 2 for start, end in zip(starts[1:], ends, strict=False)), size]
    return list(zip(starts, ends, cuts[:-1], cuts[1:], strict=True))


def decode(
    text: str, pieces: Pieces, probabilities: Probabilities, thresholds: NDArray[np.float32]
) -> list[Span]:
    """Spans of whole words whose entity is likelier than its threshold; the likeliest entity wins.

    A word's probability is the mean over its pieces. Neighbours of one entity are one span unless the second
    begins a new one or stands on another line; only an address may have several lines. A single word that
    is attached to the signs of code is nothing, nor is a person with digits. A span's score is the mean over
    its words.
    """
    counts = np.bincount(pieces.word).astype(np.float32)[:, None]
    sums = np.zeros((len(pieces.words), len(LABELS)), dtype=np.float32)
    np.add.at(sums, pieces.word, probabilities)
    by_word = sums / counts
    begins, inside = by_word[:, 1::2], by_word[:, 2::2]
    likely = begins + inside
    passing = np.where(likely >= thresholds, likely, 0.0)
    entity = passing.argmax(1)
    first = np.searchsorted(pieces.word, np.arange(len(pieces.words)))
    fresh = probabilities[first, 1::2] > probabilities[first, 2::2]
    groups: list[list[int]] = []
    for index in np.flatnonzero(passing.any(1)).tolist():
        previous = groups[-1][-1] if groups else -1
        if previous >= 0 and entity[previous] == entity[index]:
            between = text[pieces.words[previous][1] : pieces.words[index][0]]
            joined = previous == index - 1 and not fresh[index, entity[index]]
            if ENTITIES[entity[index]] != "ADDRESS" and joined:
                joined = "\n" not in between and not _another(text, pieces.words, groups[-1], index)
            if _glue(between) or joined:
                groups[-1].append(index)
                continue
        groups.append([index])
    spans = []
    for group in groups:
        start, end = _trimmed(text, pieces.words[group[0]][0], pieces.words[group[-1]][1])
        kind = int(entity[group[0]])
        numbered = ENTITIES[kind] == "PERSON" and any(map(str.isdigit, text[start:end]))
        if _letters(text[start:end]) and not numbered and not _code(text, start, end):
            spans.append(Span(start, end, ENTITIES[kind], round(float(likely[group, kind].mean()), 4)))
    return spans


def _another(text: str, words: Sequence[tuple[int, int]], group: Sequence[int], index: int) -> bool:
    """Whether a comma after a name of several words stands before a word: then it begins another name."""
    before = text[words[group[0]][0] : words[index][0]].rstrip()
    return before.endswith(",") and " " in before.rstrip(" ,")


def _glue(between: str) -> bool:
    """Whether what stands between two words is nothing, or what joins the parts of a name."""
    return not between or (len(between) == 1 and between in _JOINERS)


def _letters(text: str) -> bool:
    """Whether a text has two letters, or one that is a word by itself."""
    found = [char for char in text if char.isalpha()]
    return len(found) > 1 or (
        len(found) == 1 and unicodedata.name(found[0], "").startswith(("CJK", "HANGUL"))
    )


def _code(text: str, start: int, end: int) -> bool:
    """Whether a single word is a key, a path, a variable or a call rather than a name."""
    word = text[start:end]
    if not word.isascii() or not word.replace("-", "").isalnum():
        return False
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if word == word.lower():
        return before[-1:] in _CODE_BEFORE or after[:1] in _CODE_AFTER
    inner = word[0].islower() and "-" not in word
    called = after[:1] in _CALLED or after == "::" or (after[:1] == "." and after[1:].isalpha())
    return (
        inner
        or called
        or before[-1:] in _SIGILS
        or before == "::"
        or (before[-1:] == "." and before[0].isalnum())
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without punctuation at its ends, and with the marks that belong to its last letter."""
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not (text[end - 1].isalnum() or unicodedata.category(text[end - 1])[0] == "M"):
        if text[end - 1] == "." and end - start > 2 and _initial(text, end):
            break
        end -= 1
    while end < len(text) and unicodedata.category(text[end]) in ("Mn", "Mc", "Me"):
        end += 1
    return start, end


def _initial(text: str, end: int) -> bool:
    """Whether the full stop before `end` follows a single capital letter."""
    return text[end - 2].isupper() and (end < 3 or not text[end - 3].isalnum())


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
