"""Strangers' text as HTML: nothing lost, nothing added, nothing that runs."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.review.marks import TONES, Mark, marked, plain, shown, visible

TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from("<>&\"'\r\n\0\u202e\u200b\ud800é\U000e0041")), max_size=60
)
PLACES = st.integers(-5, 70)
MARKS = st.lists(
    st.builds(Mark, PLACES, PLACES, st.integers(1, 9), st.sampled_from([*TONES, "x\" onload='"]), TEXTS),
    max_size=8,
)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href=javascript:alert(3)>&lt;"


class Reader(HTMLParser):
    """Takes HTML apart: its text, its tags, and the numbers marked at each character."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.marks = "", [], []
        self._open = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, sorted(name for name, _ in attrs)))
        self._open += tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._open -= tag == "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.marks += [self._open > 0] * len(data)


ALLOWED = (
    ("span", ["class", "id"]),
    ("mark", ["class", "data-of", "title"]),
    ("mark", ["class", "data-n", "data-of", "title"]),
    ("bdi", ["aria-label", "class", "data-code", "role", "title"]),
)


@given(TEXTS, MARKS)
@example(
    HOSTILE, [Mark(0, 8, 1, "block", HOSTILE), Mark(4, 60, 2, "redact", "a"), Mark(-3, 999, 3, "flag", "")]
)
def test_marking_changes_no_text_and_adds_only_our_tags(text: str, marks: list[Mark]) -> None:
    """For any text and any spans the page says the same text, in tags and attributes of our own alone."""
    page = Reader(str(marked(text, marks)))

    assert page.text == shown(text)
    assert [tag for tag in page.tags if tag not in ALLOWED] == []


@given(TEXTS, MARKS)
def test_exactly_the_spans_are_marked(text: str, marks: list[Mark]) -> None:
    """A character is inside a mark exactly when a span covers it."""
    page = Reader(str(marked(text, marks)))

    assert page.marks == [any(m.start <= at < m.end for m in marks) for at in range(len(text))]


@given(TEXTS)
def test_invisible_characters_change_no_text(text: str) -> None:
    """Showing what is invisible leaves the text as it was."""
    assert Reader(str(visible(text))).text == shown(text)


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\u200d", "U+200D ZERO WIDTH JOINER"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00ad", "U+00AD SOFT HYPHEN"),
        ("\x1b", "U+001B ESCAPE"),
        ("\U000e0061", "U+E0061 TAG LATIN SMALL LETTER A"),
        ("\ud83d", "U+D83D control character"),
    ],
)
def test_what_cannot_be_seen_is_named(char: str, name: str) -> None:
    """Bidi controls, zero-width characters, tags and half characters stand as labelled marks."""
    assert f'title="{name}"' in visible(f"a{char}b")
    assert plain(f"a{char}b") == f"a<U+{ord(char):04X}>b"


@pytest.mark.parametrize(
    "text", ["plain", "line\nbreak\ttab", "windows\r\nline", "日本語 العربية", "emoji 🙂"]
)
def test_ordinary_text_has_no_marks(text: str) -> None:
    """Letters of every script, and line ends, are left alone."""
    assert "<" not in visible(text)


def test_overlapping_marks_all_tell_their_number() -> None:
    """Where marks overlap the strictest gives the look, and each number stands where its mark ends."""
    page = str(marked("abcdef", [Mark(0, 4, 1, "flag", "one"), Mark(2, 6, 2, "block", "two")]))

    assert page == (
        '<span class="at" id="mark-1"></span><mark class="hit flag" data-of="1" title="one">ab</mark>'
        '<span class="at" id="mark-2"></span><mark class="hit block" data-of="1 2" title="one; two" data-n="1">cd</mark>'
        '<mark class="hit block" data-of="2" title="two" data-n="2">ef</mark>'
    )
