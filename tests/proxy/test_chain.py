"""The chain: one form for what is hashed, and whatever is done to a log is told with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import chain

KEY = chain.verification_key(b"k" * 32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.none() | TEXT | st.integers(-(2**53) + 1, 2**53 - 1)
OBJECTS = st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), VALUES, max_size=8)


def reference(value: dict[str, Any]) -> str:
    """RFC 8785, written down anew."""
    escapes = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}

    def text(each: str) -> str:
        return '"' + "".join(escapes.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in each) + '"'

    def told(each: Any) -> str:
        return "null" if each is None else text(each) if isinstance(each, str) else str(each)

    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(f"{text(name)}:{told(value[name])}" for name in names) + "}"


@given(OBJECTS)
def test_canonical_json_is_rfc_8785(value: dict[str, Any]) -> None:
    """As the standard writes it, whatever the texts; and it reads back as what it was."""
    assert chain.canonical(value) == reference(value).encode()
    assert json.loads(chain.canonical(value)) == value


@given(OBJECTS, st.randoms())
def test_canonical_json_does_not_know_an_order(value: dict[str, Any], random: Any) -> None:
    """The same members in another order are the same."""
    items = list(value.items())
    random.shuffle(items)
    assert chain.canonical(dict(items)) == chain.canonical(value)


@pytest.mark.parametrize("value", [1.5, True, [1], {"a": 1}, 2**53, b"x", "\ud800"], ids=repr)
def test_what_has_no_one_form_is_refused(value: Any) -> None:
    """Floats, nested values, integers that a double cannot hold, lone surrogates."""
    with pytest.raises(ValueError, match=r"canonical form|surrogates"):
        chain.canonical({"a": value})


def test_the_key_is_derived_as_hkdf_does_it() -> None:
    """RFC 5869 with SHA-256, no salt and our name for its use."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    expected = HKDF(SHA256(), 32, None, b"guardhouse audit 1").derive(b"i" * 32)
    assert chain.verification_key(b"i" * 32) == expected


def test_a_keyed_hash_is_good_for_one_purpose() -> None:
    """An anchor is no head, a detail no event."""
    assert chain.mac(KEY, "head", b"x") != chain.mac(KEY, "anchor", b"x")


def log(length: int, key: bytes = KEY) -> list[dict[str, Any]]:
    """A sound log."""
    events: list[dict[str, Any]] = []
    for number in range(1, length + 1):
        event = {
            "id": f"{number:032x}",
            "at_us": 1_000 + number,
            "tenant": "default",
            "actor": "ada",
            "action": "key.create",
            "object": f"key-{number}",
            "detail": json.dumps({"n": number}),
        }
        before = events[-1]["hash"] if events else chain.ZERO
        events.append(event | chain.link(key, event, number, before))
    return events


def head_of(events: list[dict[str, Any]], key: bytes = KEY) -> dict[str, Any]:
    """The head that such a log has."""
    last = events[-1]
    head = {"seq": last["seq"], "hash": last["hash"], "at_us": last["at_us"], "closed_us": 0, "sealed_us": 0}
    return {**head, "mac": chain.head_mac(key, head)}


def checked(
    events: list[dict[str, Any]],
    head: dict[str, Any] | None,
    anchors: dict[int, str] | None = None,
    key: bytes | None = KEY,
) -> list[str]:
    """Everything that is found."""
    walk = chain.Chain(key, anchors)
    found = [each for event in events for each in walk.check(event)]
    return [*found, *walk.head(head), *walk.ended()]


@given(st.integers(1, 8))
def test_a_log_as_it_was_written_is_sound(length: int) -> None:
    """With the key, and as far as the hashes go without it."""
    events = log(length)
    assert checked(events, head_of(events), {1: events[0]["hash"]}) == []
    assert checked(events, head_of(events), key=None) == []


@given(st.integers(1, 6), st.data())
def test_any_change_of_any_column_is_told_with_its_place(length: int, data: st.DataObject) -> None:
    """Whatever column of whatever event."""
    events = log(length)
    head = head_of(events)
    place = data.draw(st.integers(0, length - 1))
    column = data.draw(st.sampled_from(sorted(events[0])))
    value = events[place][column]
    other = value + data.draw(st.integers(1, 9)) if isinstance(value, int) else value + "x"
    events[place] = {**events[place], column: other}
    found = checked(events, head)
    assert found
    if column not in ("seq", "id"):
        assert any(f"event {place + 1} " in each or f"event {place + 2} " in each for each in found)


def relinked(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What somebody without the key can mend: places and hashes, not the commitments."""
    mended: list[dict[str, Any]] = []
    for number, event in enumerate(events, 1):
        before = mended[-1]["hash"] if mended else chain.ZERO
        event = {**event, "seq": number, "prev_hash": before}
        mended.append({**event, "hash": chain.link_hash(event)})
    return mended


ATTACKS: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "first deleted": lambda e: e[1:],
    "middle deleted": lambda e: e[:2] + e[3:],
    "last deleted": lambda e: e[:-1],
    "all deleted": lambda e: [],
    "swapped": lambda e: [e[0], e[2], e[1], *e[3:]],
    "doubled": lambda e: [*e, e[-1]],
    "deleted and mended": lambda e: relinked(e[:2] + e[3:]),
    "swapped and mended": lambda e: relinked([e[0], e[2], e[1], *e[3:]]),
    "put in and mended": lambda e: relinked([*e[:2], {**e[2], "id": "f" * 32}, *e[2:]]),
    "changed and mended": lambda e: relinked([*e[:2], {**e[2], "actor": "eve"}, *e[3:]]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_done_without_the_key_is_told(attack: str) -> None:
    """Also when every hash that needs no key was made to fit; without any anchor."""
    events = log(5)
    assert checked(ATTACKS[attack](events), head_of(events))


def test_an_older_head_shortens_the_log_and_only_anchors_tell() -> None:
    """Whoever kept an older copy of the head, or of everything, is found out by the anchors alone."""
    events = log(5)
    older = events[:3], head_of(events[:3])
    assert checked(*older) == []
    assert "events 4 to 5 are missing" in checked(*older, {5: events[4]["hash"]})[0]


def test_a_log_rebuilt_under_another_key_is_told() -> None:
    """By every commitment, by the head, and by the anchors."""
    events, own = log(3), log(3, b"another")
    found = checked(own, head_of(own, b"another"), {3: events[2]["hash"]})
    assert sum("was changed" in each for each in found) == 6
    assert any("not signed under this key" in each for each in found)
    assert any("not the event that was anchored" in each for each in found)


def test_an_erased_detail_is_sound_when_an_event_says_so() -> None:
    """And all else of the event is still checked."""
    events = log(3)
    bare = {**events[1], "detail": None}
    said = {**events[2], "action": chain.ERASE, "detail": '{"events":[2]}'}
    said |= chain.link(KEY, said, 3, events[1]["hash"])
    assert checked([events[0], bare, said], head_of([said])) == []
    assert checked([events[0], {**bare, "actor": "eve"}, said], head_of([said]))
    unsaid = checked([events[0], bare, events[2]], head_of(events))
    assert unsaid == ["event 2: has no detail, and no event says that it was erased"]


def test_events_may_be_shown_as_place_time_and_commitment() -> None:
    """What somebody may not read still links what they may."""
    events = log(4)
    shown = [events[0], *({name: each[name] for name in (*chain.LINKED, "hash")} for each in events[1:])]
    assert checked(shown, head_of(events)) == []
    shown[2] = {**shown[2], "at_us": 5}
    assert checked(shown, head_of(events)) == ["event 3: its hash is not the hash of what it covers"]
