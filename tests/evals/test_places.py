"""Where passages stand: what a hit shows of them, whether a corpus bears them out, and where their words are."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import golden, retrieval
from evals.errors import RetrievalError
from evals.places import MIN_OVERLAP, check, find, locate, matches, unplaced, words_sha256
from evals.scorers.retrieval import gains
from evals.types import Hit, Passage
from tests.architecture.source import ROOT

HARBOR = ROOT / "datasets" / "corpora" / "harbor" / "docs.jsonl"
TEXT = "Tools go out at 18:30 on weekdays. The depot is shut on Sunday. Ask the clerk for a later hour."
QUOTE = "The depot is shut on Sunday."
AT = TEXT.index(QUOTE)


def hit(start: int | None, end: int | None, doc: str = "d", text: str | None = None) -> Hit:
    """A hit with the words of its span."""
    return Hit(doc, 1.0, TEXT[start:end] if text is None else text, 1, start, end)


def corpus(folder: Path, **texts: str) -> Path:
    """A corpus of some documents."""
    path = folder / "docs.jsonl"
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))
    return path


def item(**passage: Any) -> dict[str, Any]:
    """An item with one relevant passage."""
    return {"id": "i-1", "input": {"question": "q"}, "relevant": [{"doc_id": "d", **passage}]}


@pytest.mark.parametrize(
    ("doc", "text", "start", "fits"),
    [
        ("d", "intro. Tools go out at 18:30 on weekdays. outro", 0, True),
        ("d", "intro.  Tools go\nout at 18:30 on weekdays.", 0, True),
        ("d", "another part of the same document", 40, False),
        ("d", "another part of the same document", None, True),
        ("e", "Tools go out at 18:30 on weekdays.", 0, False),
        ("d", "before. Tools go out at 18:30 on", 0, True),
        ("d", "out at 18:30 on weekdays. after", 14, True),
        ("d", "weekdays. after", 25, False),
    ],
)
def test_a_quote_is_found_in_the_words_of_a_hit(doc: str, text: str, start: int | None, fits: bool) -> None:
    """Same document and shared words; without a span the document decides; a few shared letters are not enough."""
    end = None if start is None else start + len(text)

    assert matches(Passage("d", "Tools go out at 18:30 on weekdays."), hit(start, end, doc, text)) is fits


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        (0, len(TEXT), True),
        (AT, AT + len(QUOTE), True),
        (AT + 5, AT + 10, True),
        (0, AT + MIN_OVERLAP, True),
        (0, AT + MIN_OVERLAP - 1, False),
        (AT + len(QUOTE) - MIN_OVERLAP, len(TEXT), True),
        (AT + len(QUOTE) - MIN_OVERLAP + 1, len(TEXT), False),
        (0, AT, False),
        (AT + len(QUOTE), len(TEXT), False),
        (None, None, True),
    ],
)
def test_spans_share_text_when_they_overlap_enough(start: int | None, end: int | None, fits: bool) -> None:
    """The whole passage, a hit that lies in it, or 20 code points of it."""
    passage = Passage("d", start=AT, end=AT + len(QUOTE), quote_sha256=words_sha256(QUOTE))

    assert matches(passage, hit(start, end)) is fits
    assert not matches(passage, hit(start, end, "e"))


def test_words_win_over_a_span_that_went_stale() -> None:
    """A document that grew at its front moves the words; the quote finds them."""
    passage = Passage("d", QUOTE, start=0, end=len(QUOTE))

    assert matches(passage, hit(AT, AT + len(QUOTE)))
    assert not matches(passage, hit(0, AT))


def test_a_hit_without_words_is_placed_by_its_span() -> None:
    """As in traces that keep no texts."""
    assert matches(Passage("d", QUOTE, start=AT, end=AT + 28), hit(AT, AT + 28, text=""))
    assert not matches(Passage("d", QUOTE, start=AT, end=AT + 28), hit(0, AT, text=""))


@given(st.integers(0, 60), st.integers(1, 40), st.lists(st.integers(1, 30), min_size=1, max_size=12))
def test_a_passage_is_in_some_chunk_however_a_text_is_cut(start: int, length: int, sizes: list[int]) -> None:
    """Some chunk matches when one holds enough of it, and none does that holds nothing of it."""
    passage = Passage("d", start=start, end=start + length)
    begin = 0
    for size in [*sizes, 200]:
        chunk = Hit("d", 1.0, "x" * size, 1, begin, begin + size)
        shared = len({*range(start, start + length)} & {*range(begin, begin + size)})
        assert matches(passage, chunk) is (shared > 0 and shared >= min(MIN_OVERLAP, length, size))
        begin += size


def test_a_corpus_that_says_what_is_quoted_has_no_complaint(tmp_path: Path) -> None:
    """By words, by span and hash, or as a whole."""
    docs = corpus(tmp_path, d=TEXT)
    span = {"start": AT, "end": AT + len(QUOTE)}
    items = [
        item(),
        item(quote="The  depot is\nshut on Sunday."),
        item(**span, quote_sha256=words_sha256(QUOTE)),
        item(**span, quote=QUOTE, quote_sha256=words_sha256(QUOTE)),
        item(quote=QUOTE, quote_sha256=words_sha256(QUOTE)),
        {"id": "bare", "input": {"question": "q"}},
    ]

    assert check(items, docs) == []


@pytest.mark.parametrize(
    ("passage", "complaint"),
    [
        ({"doc_id": "gone"}, "i-1: gone: there is no such document in docs.jsonl"),
        ({"quote": "The depot is open"}, "i-1: d: the document does not say 'The depot is open'"),
        ({"start": 3}, "i-1: d: has a start without an end, or an end without a start"),
        (
            {"start": 5, "end": 999, "quote": QUOTE},
            "i-1: d: the span 5..999 is not in the document of 95 characters; the words stand at 35..63",
        ),
        (
            {"start": 35, "end": 35},
            "i-1: d: the span 35..35 is not in the document of 95 characters; the words are gone from it",
        ),
        (
            {"start": 34, "end": 62, "quote": QUOTE},
            "at 34..62 it now says 'The depot is shut on Sunday' and not 'The depot is shut on Sunday.'; the words stand at 35..63",
        ),
        (
            {"start": 7, "end": 35, "quote_sha256": words_sha256(QUOTE)},
            ", whose hash is another; the words stand at 35..63",
        ),
        (
            {"start": 7, "end": 17, "quote_sha256": words_sha256("other text")},
            ", whose hash is another; the words are gone from it",
        ),
        ({"quote": QUOTE, "quote_sha256": "0" * 64}, "i-1: d: quote_sha256 is not that of the quote"),
        ({"quote_sha256": "0" * 64}, "i-1: d: has a quote_sha256 without a span"),
        ({"doc_sha256": "0" * 64}, "i-1: d: the document changed since it was judged"),
        ({"start": 0, "end": 5, "doc_sha256": "0" * 64}, "changed since the span was judged"),
    ],
)
def test_what_a_corpus_does_not_bear_out_is_named(
    tmp_path: Path, passage: dict[str, Any], complaint: str
) -> None:
    """With item, document, what differs, and where the words stand now."""
    (told,) = check([item(**passage)], corpus(tmp_path, d=TEXT))

    assert complaint in told


def test_quotes_are_given_their_place(tmp_path: Path) -> None:
    """Span and hashes, which the corpus then bears out; the items given in are not touched."""
    docs = corpus(tmp_path, d=TEXT)
    before = item(quote="The depot  is shut on Sunday.", grade=2)
    kept = copy.deepcopy(before)

    (after,) = locate([before], docs)

    (passage,) = after["relevant"]
    assert before == kept
    assert TEXT[passage["start"] : passage["end"]] == QUOTE
    assert (passage["grade"], passage["quote_sha256"]) == (2, words_sha256(QUOTE))
    assert check([after], docs) == unplaced([after]) == []
    assert locate([after], docs) == [after]


def test_a_document_that_moved_its_words_is_located_anew(tmp_path: Path) -> None:
    """The complaint goes when the place is filled in again."""
    located = locate([item(quote=QUOTE)], corpus(tmp_path, d=TEXT))
    moved = corpus(tmp_path, d="New first sentence. " + TEXT)

    assert "the words stand at 55..83" in check(located, moved)[0]
    assert check(locate(located, moved), moved) == []


@pytest.mark.parametrize(
    "passage",
    [{"quote": "gone words"}, {"quote": "on"}, {}, {"start": 1, "end": 4}, {"doc_id": "e", "quote": QUOTE}],
)
def test_what_has_no_one_place_stays_as_it_is(tmp_path: Path, passage: dict[str, Any]) -> None:
    """Words that are not there, or twice; whole documents; spans without words; unknown documents."""
    before = [item(**passage)]

    assert locate(before, corpus(tmp_path, d=TEXT)) == before


def test_imported_contexts_find_their_document(tmp_path: Path) -> None:
    """Where one document alone holds the text; the others wait and are named."""
    docs = corpus(tmp_path, d=TEXT, e="Ask the clerk for a later hour.")
    told = {"id": "i-1", "input": {"question": "q"}, "context": [QUOTE, "Ask the clerk", "nowhere"]}

    (after,) = locate([told], docs)

    assert [passage["doc_id"] for passage in after["relevant"]] == ["d"]
    assert after["context"] == ["Ask the clerk", "nowhere"]
    assert unplaced([after]) == [
        "i-1: no one document says 'Ask the clerk'",
        "i-1: no one document says 'nowhere'",
    ]


def test_a_corpus_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(RetrievalError):
        check([item()], tmp_path / "gone.jsonl")


@given(
    st.lists(st.sampled_from(["a", "bb", "(", "\n", "\u00a0", " ", ".*"]), max_size=30),
    st.integers(0, 9),
    st.integers(1, 9),
)
def test_words_are_found_where_they_are_however_they_are_spaced(
    pieces: list[str], start: int, length: int
) -> None:
    """A run of words of a text is found in it, and each place found says those words."""
    text = " ".join(pieces)
    words = text.split()[start : start + length]
    found = find("  ".join(words), text)

    assert bool(found) is bool(words)
    assert all(text[a:b].split() == words or len(words) == 1 for a, b in found)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Path, list[Path]]:
    """Items of the shipped set, their part of the shipped corpus, and two indices of it: in small and large chunks."""
    folder = tmp_path_factory.mktemp("cut")
    items = golden.read_items(ROOT / "datasets/golden/support/items.jsonl")
    asked = [each for each in items if each.get("relevant") and "question" in each["input"]][:5]
    named = {passage["doc_id"] for each in asked for passage in each["relevant"]} | {"accessibility"}
    lines = [
        line for line in HARBOR.read_text("utf-8").split("\n") if line and json.loads(line)["id"] in named
    ]
    docs = folder / "docs.jsonl"
    docs.write_text("\n".join(lines), "utf-8")
    for tokens in (96, 200):
        retrieval.build(docs, folder / str(tokens), chunk_tokens=tokens, overlap=0)
    return asked, docs, [folder / "96", folder / "200"]


@pytest.mark.parametrize("way", ["quotes", "located", "spans alone"])
def test_a_corpus_that_is_cut_anew_needs_no_golden_edit(
    cut: tuple[list[dict[str, Any]], Path, list[Path]], way: str
) -> None:
    """In either index the chunks that show a passage are of its document, and searches score the same documents."""
    items, docs, indices = cut
    asked = items if way == "quotes" else locate(items, docs)
    assert check(asked, docs) == []
    by_search = []
    for folder in indices:
        chunks = [json.loads(line) for line in (folder / "chunks.jsonl").read_text("utf-8").splitlines()]
        index, scored = retrieval.open_index(folder), []
        for each in asked:
            passages = [_passage(passage, with_words=way != "spans alone") for passage in each["relevant"]]
            everything = [
                Hit(c["doc_id"], 0, c["text"], rank, c["start"], c["end"]) for rank, c in enumerate(chunks, 1)
            ]
            shown = {
                h.doc_id for h, gain in zip(everything, gains(everything, passages), strict=True) if gain
            }
            assert shown == {passage.doc_id for passage in passages}
            hits = [
                Hit(h.doc_id, h.score, h.text, h.rank, h.start, h.end)
                for h in index.search(each["input"]["question"], 3)
            ]
            scored.append({h.doc_id for h, gain in zip(hits, gains(hits, passages), strict=True) if gain})
        by_search.append(scored)

    assert by_search[0] == by_search[1]
    assert all(by_search[0])


def _passage(told: dict[str, Any], with_words: bool) -> Passage:
    quote = told.get("quote", "") if with_words else ""
    return Passage(told["doc_id"], quote, told["grade"], told.get("start"), told.get("end"))
