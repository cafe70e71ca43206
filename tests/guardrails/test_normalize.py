"""Views undo what hides a value, point back exactly, and depend on nothing outside what they rewrite."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.normalize import TRIGGERS, View, views
from guardrails.prefixes import read

VALUES = (
    "john.smith@example.com",
    "4111-1111-1111-1111",
    "+1-202-555-0143",
    "GB82WEST12345698765432",
    "sk-proj-abcdefghij0123456789",
)


def _look_alike(value: str) -> str:
    return value.translate(str.maketrans("aeopcxyABEHKMOPTX", "аеорсхуАВЕНКМОРТХ"))


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())


TRANSFORMS: dict[str, Callable[[str], str]] = {
    "percent": _quoted,
    "percent, twice": lambda value: _quoted(_quoted(value)),
    "entity": lambda value: "".join(f"&#{ord(character)};" for character in value),
    "hexadecimal entity": lambda value: "".join(f"&#x{ord(character):X};" for character in value),
    "backslash u": lambda value: "".join(f"\\u{ord(character):04x}" for character in value),
    "backslash x": lambda value: "".join(f"\\x{ord(character):02x}" for character in value),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 without padding": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "base64, twice": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "percent in base64": lambda value: base64.b64encode(_quoted(value).encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "zero width": "\u200b".join,
    "joiners": "\u200d".join,
    "soft hyphens": "\u00ad".join,
    "stacked marks": "\u0335\u0301".join,
    "full width": lambda value: "".join(chr(ord(character) + 0xFEE0) for character in value),
    "look-alikes": _look_alike,
    "spaced": " ".join,
    "reversed": lambda value: f"\u202e{value[::-1]}\u202c",
    "tags": lambda value: "".join(chr(ord(character) + 0xE0000) for character in value),
    "tags as noise": "\U000e0041".join,
    "look-alikes and zero width": lambda value: "\u200b".join(_look_alike(value)),
    "zero width in base64": lambda value: "\u2060".join(base64.b64encode(value.encode()).decode()),
}

AROUND = (("", ""), ("Write to ", " today."), ("Größe “x” 😀 ", "\nпривет"), ('{"a": "', ' ", 1}'))


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("around", AROUND, ids=("alone", "prose", "scripts", "json"))
def test_a_hidden_value_is_read_and_its_place_is_exact(
    name: str, value: str, around: tuple[str, str]
) -> None:
    """Some view shows the value, and its span in the original is exactly what was written for it."""
    written = TRANSFORMS[name](value)
    if written == value:
        pytest.skip("this value has nothing that the transform changes")
    text = around[0] + written + around[1]
    showing = [view for view in views(text) if value in view.text]

    assert showing
    view = showing[0]
    at = view.text.index(value)
    assert text[view.start(at) : view.end(at + len(value))] == written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada(at)example(dot)com", "ada@example.com"),
        ("/path/dGVzdC51c2VyQGV4YW1wbGUuY29t", "/path/test.user@example.com"),
        ("key=0x6a6f686e40782e636f6d", "key=john@x.com"),
        ("n.i.g.h.t.j.a.r is", "nightjar is"),
        ("n-i-g-h-t-j-a-r", "nightjar"),
        ("the  c o d e   w o r d  is", "the  code word  is"),
        ("078–05–1120 or –", "078-05-1120 or –"),
        ("s e c r e t   w o r d", "secret word"),
        ("4 1 1 1 - 1 1 1 1\n", "4111-1111\n"),
        ("a&nbsp;b&lt;c&shy;d", "a b<cd"),
        ("\\ud83d\\ude00 \\U0001f600", "😀 😀"),
        ("%F0%9F%98%80%C3%A9", "😀é"),
        ("a" + "\u200b" * 17 + "b", "a\nb"),
        ("a" + "\u200b" * 16 + "b", "ab"),
        (
            base64.b64encode("Привет, jane@example.com это".encode()).decode(),
            "0J/RgNC40LLQtdGC, jane@example.com это",
        ),
    ],
)
def test_what_is_undone(text: str, shown: str) -> None:
    """The last view of a text shows what it means."""
    assert [view.text for view in views(text)][-1:] == [shown]


@pytest.mark.parametrize(
    "text",
    [
        "Look at polka dot com pages. We met at ten, at noon, and at example.com dot.",
        "Find us at example dot com or at the shop.",
        "It is available at acme dot com.",
        "Contact us at example dot com, or the desk at acme dot com.",
        "Привет, как дела? Сосо и США, сор.",
        "Η γρήγορη καφέ αλεπού, πηδάει.",
        "这是一个测试，我们需要（更多）数据。谢谢！",
        "مرحبا كيف حالك می‌خواهم",
        "I ❤️ this 👩‍💻 café — “naïve” – résumé…",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "id 550e8400-e29b-41d4-a716-446655440000 and camelCaseIdentifierNamesLongEnough",
        "def f(a, b, c): return a + b * c - 100 % 7 & mask",
        "U.S.A. and a b c",
        "internationalization/localization/documentation/configuration",
        "call 100% of them; AT&T; R&D;",
    ],
)
def test_ordinary_text_has_no_view(text: str) -> None:
    """Prose in any script, code, digests and identifiers are left alone."""
    assert [view.text for view in views(text)] == []


PIECES = st.one_of(
    st.sampled_from(
        [
            "hello ", "wor", " ", "\n", "%", "%4", "%41", "%25", "41", "&", "&#", "&#6", "&#64;", "&amp;", "#64;", "\\u00",
            "\\u0041", "\\x", "A", "a b c d e f g ", " a", " b", "QUFBQUFBQUFB", "QUFB", "Q", "==", "=", "U29tZSB0", "/", "-",
            "_", ".", "6a6f686e", "6a", "6", "0x", ":", "\u200b", "\u200b" * 9, "\u200d", "\u0301", "é", "о", "а", "ж", "１",
            "Ａ", "，", "\U000e0041", "\u202e", "\u202c", "\U0001f600", " [at] ", "[a", "(dot)", " at ", " dot ", "com", "x",
        ]
    ),
    st.builds(
        lambda name, value: TRANSFORMS[name](value), st.sampled_from(list(TRANSFORMS)), st.sampled_from(VALUES)
    ),
    st.text("abQ=%&;# 6\u200b\u200dоA[", max_size=6),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=8).map("".join)

Reading = tuple[str, tuple[int, ...], tuple[int, ...]]


def _before(text: str, found: list[View], cut: int) -> set[Reading]:
    """Every reading of text[:cut]: what it says, and where each character begins and ends."""
    readings = {(text[:cut], tuple(range(cut)), tuple(range(1, cut + 1)))}
    for view in found:
        size = view.index(cut)
        readings.add((view.text[:size], *_places(view, range(size), 0)))
    return readings


def _from(text: str, found: list[View], cut: int) -> set[Reading]:
    """Every reading of text[cut:], with places counted from the cut."""
    size = len(text) - cut
    readings = {(text[cut:], tuple(range(size)), tuple(range(1, size + 1)))}
    for view in found:
        first = view.index(cut)
        readings.add((view.text[first:], *_places(view, range(first, len(view.text)), cut)))
    return readings


def _places(view: View, indices: range, origin: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (
        tuple(view.start(index) - origin for index in indices),
        tuple(view.end(index + 1) - origin for index in indices),
    )


def _outside(found: list[View], position: int) -> int:
    """The position lowered until it is outside every view's substitutions."""
    while True:
        lowered = min((view.outside(position) for view in found), default=position)
        while lowered and found and not found[0]._original[lowered - 1].isspace():
            lowered -= 1  # whether a word mixes scripts is seen from its beginning only
        if lowered == position:
            return position
        position = lowered


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.data())
def test_what_stands_before_does_not_matter(text: str, data: st.DataObject) -> None:
    """Read from one character before any place outside all substitutions, a text has the same views from there."""
    found = views(text)
    cut = _outside(found, data.draw(st.integers(0, len(text))))
    piece = text[max(0, cut - 1) :]

    assert _from(piece, views(piece, begins=cut < 2), min(cut, 1)) == _from(text, found, cut)


def test_what_was_undone_is_an_edge_for_what_follows() -> None:
    """The space or bracket that ends one disguise also stands before the next."""
    for before in (" [at] ", " [at]", "&#64; "):
        assert any(view.text.endswith("john.smith@example.com") for view in views(before + HEXED)), before


HEXED = b"john.smith@example.com".hex()


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_places_grow_and_stay_inside(text: str) -> None:
    """Both maps are monotonous, and every character of a view comes from somewhere."""
    for view in views(text):
        starts = [view.start(index) for index in range(len(view.text) + 1)]
        ends = [view.end(index) for index in range(len(view.text) + 1)]

        assert starts == sorted(starts) and ends == sorted(ends)
        assert ends[0] == 0 and starts[-1] == len(text) and ends[-1] <= len(text)
        assert all(start < end for start, end in zip(starts[:-1], ends[1:], strict=True))
        assert all(
            view.outside(view.outside(place)) == view.outside(place) <= place for place in range(len(text))
        )


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_triggers_say_when_to_look(text: str) -> None:
    """Without a trigger there is no view."""
    data = text.encode()
    triggered = any(re2.search(read(regex).scan.encode(), data) for regex in TRIGGERS)

    assert triggered or views(text) == []


@pytest.mark.parametrize(
    ("text", "foreign"),
    [("сор", True), ("соp", False), ("сор1", False), ("cop", False), ("соль", False), ("--", False)],
)
def test_a_word_of_look_alikes_alone_is_foreign(text: str, foreign: bool) -> None:
    """A span is foreign when it has look-alike letters and nothing of ASCII's."""
    view = views(f"{text} %41")[0]

    assert view.foreign(0, len(text)) is foreign


def test_a_text_begins_where_only_what_is_left_out_stands_before() -> None:
    """What counts the beginning of a text as an edge is not cut off from it."""
    text = "\u200ba b c d e f g "
    view = views(text)[1]

    assert view.text == "abcdefg "
    assert [view.outside(place) for place in (1, 2, 14)] == [0, 0, 0]


HOSTILE = {
    "letters": "A", "percents": "%", "spaced": "a ", "entities": "&#", "zero width": "\u200b", "joiners": "\u200dé",
    "tokens": "%41", "brackets": "[", "backslashes": "\\", "look-alikes": "о", "mixed": "аa", "at": " at ", "hex": "61",
    "quanta": "QUFB", "padded": "QUFBQUFBQUFBQUFB= ", "reversed": "\u202e", "tags": "\U000e0041", "marks": "a\u0301",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_written_about_a_hostile_text_grows_with_it(name: str) -> None:
    """Twice the text has at most about twice the view, whatever it repeats."""
    small, large = (HOSTILE[name] * count for count in (5_000, 10_000))

    sizes = [[len(view.text) for view in views(text)] for text in (small, large)]

    assert len(sizes[0]) == len(sizes[1])
    assert all(two <= 2 * one + 32 for one, two in zip(*sizes, strict=True))
    assert re.fullmatch("(?s).*", large)
