"""Where relevant passages stand: by words, or by a span of the document with a hash of its words.

Both are places in the document and not in an index's chunks, so that a corpus can be cut anew without a change
to the golden set. The words of a quote find it wherever it went; a span holds only while the document does, and
`check` says when it no longer does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.types import Hit, Passage

MIN_OVERLAP = 20
"""Code points of a passage that a hit must hold, when a chunk's border cuts the passage."""

_WORD = re.compile(r"\S+")


def matches(passage: Passage, hit: Hit) -> bool:
    """Whether a hit shows a passage: same document and, where both are placed, text in common.

    In common is the whole passage, or the whole hit inside it, or at least MIN_OVERLAP code points of it at the
    hit's border. The words of a quote decide where there are any, else the two spans. A hit without a span is
    taken for the whole document, and so is a passage without a place.
    """
    if hit.doc_id != passage.doc_id:
        return False
    if hit.start is None or hit.end is None:
        return True
    if passage.quote and (hit.text or passage.start is None):
        return _share_words(passage.quote, hit.text)
    if passage.start is None or passage.end is None:
        return True
    shared = min(passage.end, hit.end) - max(passage.start, hit.start)
    return shared >= max(1, min(MIN_OVERLAP, passage.end - passage.start, hit.end - hit.start))


def words_sha256(text: str) -> str:
    """Hash of a text's words, single-spaced: what `quote_sha256` holds."""
    return _sha256(" ".join(text.split()))


def check(items: Iterable[Mapping[str, Any]], corpus: Path) -> list[str]:
    """Complaints about passages that a corpus does not bear out, in the order of the items.

    Args:
        items: golden items, as written.
        corpus: JSON Lines, `{"id", "text"}` a line.

    Each names item and document, says what differs, and tells the new span where the words stand elsewhere.
    Raises RetrievalError when the corpus cannot be read.
    """
    texts = _texts(corpus)
    return [
        f"{item['id']}: {passage['doc_id']}: {complaint}"
        for item in items
        for passage in item.get("relevant", [])
        if (complaint := _complaint(passage, texts.get(passage["doc_id"]), corpus))
    ]


def locate(items: Iterable[Mapping[str, Any]], corpus: Path) -> list[dict[str, Any]]:
    """The items, their passages placed: `start`, `end`, `quote_sha256` and `doc_sha256` filled from the quotes.

    A text under `context`, as importers leave it, becomes a passage where one document alone holds it. A quote
    that its document does not hold, or holds more than once, stays as it is, and so does a passage whose span
    still holds. Raises RetrievalError when the corpus cannot be read.
    """
    texts = _texts(corpus)
    flat = {name: " ".join(text.split()) for name, text in texts.items()}
    return [_located(item, texts, flat) for item in items]


def unplaced(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """What `locate` left without a place: one sentence for each quote and each text under `context`."""
    said = []
    for item in items:
        for passage in item.get("relevant", []):
            if passage.get("quote") and passage.get("start") is None:
                what = "does not say, or says more than once,"
                said.append(f"{item['id']}: {passage['doc_id']} {what} {_shown(passage['quote'])}")
        said += [f"{item['id']}: no one document says {_shown(text)}" for text in item.get("context", [])]
    return said


def find(quote: str, text: str) -> list[tuple[int, int]]:
    """Where the words of a quote stand in a text, however they are spaced, in code points, end exclusive."""
    words = quote.split()
    if not words:
        return []
    return [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]


def _share_words(quote: str, text: str) -> bool:
    text, quote = " ".join(text.split()), " ".join(quote.split())
    if quote in text or text in quote:
        return True
    longest = min(len(text), len(quote))
    return any(
        text.endswith(quote[:n]) or text.startswith(quote[-n:]) for n in range(longest, MIN_OVERLAP - 1, -1)
    )


def _texts(corpus: Path) -> dict[str, str]:
    from evals.retrieval import read_corpus

    return {document.id: document.text for document in read_corpus(corpus)}


def _complaint(passage: Mapping[str, Any], text: str | None, corpus: Path) -> str:
    """What a document does not bear out of a passage; empty when it bears out everything."""
    if text is None:
        return f"there is no such document in {corpus.name}"
    start, end, quote = passage.get("start"), passage.get("end"), passage.get("quote", "")
    told = passage.get("quote_sha256", "")
    if (start is None) != (end is None):
        return "has a start without an end, or an end without a start"
    if start is None or end is None:
        if quote and not find(quote, text):
            return f"the document does not say {_shown(quote)}"
        if told and not (quote and words_sha256(quote) == told):
            return "quote_sha256 is not that of the quote" if quote else "has a quote_sha256 without a span"
        is_whole = not quote and passage.get("doc_sha256")
        changed = is_whole and passage["doc_sha256"] != _sha256(text)
        return "the document changed since it was judged" if changed else ""
    there = text[start:end] if 0 <= start < end <= len(text) else ""
    if there and _says(there, quote, told):
        is_bare = not quote and not told and passage.get("doc_sha256", "")
        changed = is_bare and passage["doc_sha256"] != _sha256(text)
        return (
            "the document changed since the span was judged, and no words say where it went"
            if changed
            else ""
        )
    if not there:
        what = f"the span {start}..{end} is not in the document of {len(text)} characters"
    elif quote or told:
        what = f"at {start}..{end} it now says {_shown(there)}" + (
            f" and not {_shown(quote)}" if quote else ", whose hash is another"
        )
    return what + _elsewhere(passage, text)


def _says(there: str, quote: str, told: str) -> bool:
    """Whether the words at a span are those of the quote and of the hash, as far as each is given."""
    return (not told or words_sha256(there) == told) and (not quote or there.split() == quote.split())


def _elsewhere(passage: Mapping[str, Any], text: str) -> str:
    """Where the words stand now, as the end of a complaint."""
    quote, told = passage.get("quote", ""), passage.get("quote_sha256", "")
    found = find(quote, text) if quote else _hashed(told, passage["end"] - passage["start"], text)
    places = " or ".join(f"{start}..{end}" for start, end in found[:3])
    return f"; the words stand at {places}" if places else "; the words are gone from it"


def _hashed(told: str, length: int, text: str) -> list[tuple[int, int]]:
    """Spans of a length that begin and end with words and have a hash."""
    if not told or length < 1:
        return []
    ends = {match.end() for match in _WORD.finditer(text)}
    return [
        (match.start(), match.start() + length)
        for match in _WORD.finditer(text)
        if match.start() + length in ends
        and words_sha256(text[match.start() : match.start() + length]) == told
    ]


def _located(item: Mapping[str, Any], texts: Mapping[str, str], flat: Mapping[str, str]) -> dict[str, Any]:
    placed = [_placed(passage, texts.get(passage["doc_id"], "")) for passage in item.get("relevant", [])]
    left: list[str] = []
    for context in item.get("context", []):
        words = " ".join(context.split())
        holders = [name for name, text in flat.items() if words and words in text]
        spans = find(context, texts[holders[0]]) if len(holders) == 1 else []
        if len(spans) == 1:
            placed.append(_placed({"doc_id": holders[0], "quote": context, "grade": 1}, texts[holders[0]]))
        else:
            left.append(context)
    located = {name: value for name, value in item.items() if name != "context"}
    if placed or "relevant" in item:
        located["relevant"] = placed
    return located | {"context": left} if left else located


def _placed(passage: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A passage with the place of its quote; as it was where the quote stands nowhere, or in several places."""
    quote, start, end = passage.get("quote", ""), passage.get("start"), passage.get("end")
    spans = find(quote, text)
    if (start, end) not in spans:
        if len(spans) != 1:
            return dict(passage)
        start, end = spans[0]
    hashes = {"quote_sha256": words_sha256(quote), "doc_sha256": _sha256(text)}
    return {**passage, "start": start, "end": end, **hashes}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return repr(words if len(words) <= 60 else words[:59] + "…")
