"""What a caller says an exchange belongs to: which of its words count, and that none of them can be read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy import identity
from proxy.identity import (
    VENDOR_HEADERS,
    Named,
    Source,
    asked,
    conversation,
    in_body,
    in_headers,
    reply_id,
    session_hash,
)

KEY = b"k" * 32
UUID = "0f5c2a4e-8d0b-4a8e-9a43-3a2b7d3f1c55"


@pytest.mark.parametrize("header", VENDOR_HEADERS)
def test_the_session_of_a_vendors_header_counts(header: bytes) -> None:
    """Whatever client or gateway it comes from; ours goes before it."""
    assert in_headers({header: b" abc "}) == Named(Source.VENDOR_HEADER, "abc")
    both = {header: b"abc", b"x-guardhouse-session": b"ours"}
    assert in_headers(both) == Named(Source.HEADER, "ours")


@pytest.mark.parametrize("value", [b"", b"   ", b"x" * 1025])
def test_a_header_that_names_nothing_is_passed_over(value: bytes) -> None:
    """The next one that names something counts."""
    assert in_headers({b"x-session-id": value, b"session_id": b"s"}) == Named(Source.VENDOR_HEADER, "s")
    assert in_headers({b"x-session-id": value}) is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"metadata": {"session_id": "s1"}}, "s1"),
        ({"metadata": {"conversation_id": "c1"}}, "c1"),
        ({"litellm_session_id": "l1", "metadata": {"session_id": "s1"}}, "l1"),
        ({"metadata": {"user_id": f"user_ab_account__session_{UUID}"}}, UUID),
        ({"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": UUID})}}, UUID),
        ({"metadata": {"user_id": "user_123"}}, None),
        ({"metadata": {"user_id": "{broken"}}, None),
        ({"metadata": {"user_id": "[1]"}}, None),
        ({"metadata": {"session_id": 7}}, None),
        ({"metadata": "session_id"}, None),
        ({"prompt_cache_key": "app-1", "user": "ada"}, None),
        ({}, None),
    ],
)
def test_the_session_that_a_body_names(body: dict[str, Any], name: str | None) -> None:
    """Members meant for sessions count; a user or the key of a prompt cache holds many conversations."""
    assert in_body(body) == (None if name is None else Named(Source.METADATA, name))


@pytest.mark.parametrize(
    ("told", "id"), [("conv_1", "conv_1"), ({"id": "conv_1"}, "conv_1"), (None, None), (3, None), ({}, None)]
)
def test_a_conversation_that_a_provider_keeps_is_named_by_its_id(told: Any, id: str | None) -> None:
    """As a string or as an object."""
    assert conversation({"conversation": told}) == id


def test_hashes_tell_tenants_keys_and_kinds_apart() -> None:
    """Equal words under one key and tenant are equal, all else differs, and the words are not in them."""
    one = session_hash(KEY, "t", "ada@example.com")

    assert one == session_hash(KEY, "t", "ada@example.com")
    assert len(one) == 32
    assert "ada" not in bytes.fromhex(one).decode("latin-1")
    others = {
        one,
        session_hash(KEY, "u", "ada@example.com"),
        session_hash(b"j" * 32, "t", "ada@example.com"),
        asked(KEY, "t", "ada@example.com"),
        session_hash(KEY, "tada", "@example.com"),
    }
    assert len(others) == 5


def test_white_space_around_a_text_asked_does_not_count() -> None:
    """Apps and their tracing libraries trim differently; half a surrogate pair is a text too."""
    assert asked(KEY, "t", " why? \n") == asked(KEY, "t", "why?")
    assert asked(KEY, "t", "why") != asked(KEY, "t", "why?")
    assert len(asked(KEY, "t", "\ud800")) == 32


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("chatcmpl-9.a:b_c", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("a b", False),
        ("", False),
        (7, False),
    ],
)
def test_only_what_looks_like_an_id_is_kept_as_one(told: Any, kept: bool) -> None:
    """A provider could write any text there."""
    assert reply_id(told) == (told if kept else None)


@pytest.mark.parametrize(
    ("headers", "request_", "name"),
    [
        ({b"x-guardhouse-user": b" ada "}, {"user": "bob"}, "ada"),
        ({}, {"user": "bob", "safety_identifier": "sid"}, "sid"),
        ({}, {"user": "bob", "metadata": {"user_id": "meta"}}, "bob"),
        ({}, {"metadata": {"user_id": "meta", "user": "other"}}, "meta"),
        ({}, {"metadata": {"user": "other"}}, "other"),
        ({b"x-guardhouse-user": b"  "}, {"user": "", "metadata": "none"}, None),
        ({}, {"user": 7, "safety_identifier": None, "metadata": {"user_id": ["x"]}}, None),
    ],
)
def test_the_person_is_the_first_that_is_named(
    headers: dict[bytes, bytes], request_: dict[str, Any], name: str | None
) -> None:
    """Our header, then safety_identifier, user, metadata.user_id, metadata.user."""
    assert identity.user(headers, request_) == name


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada", " ada ", True),
        ("ada", "Ada", False),
        ("user_a1_account_b2_session_11111111", "user_a1_account_b2_session_22222222", True),
        ('{"device_id":"d","session_id":"1"}', '{"session_id":"2","device_id":"d"}', True),
        ('{"device_id":"d","session_id":"1"}', '{"device_id":"e","session_id":"1"}', False),
        ("{not json", "{not json ", True),
        ("[1]", "[2]", False),
    ],
)
def test_a_person_has_one_hash_in_all_sessions(one: str, other: str, same: bool) -> None:
    """The session that Claude Code writes into the name says nothing of the person."""
    first, second = (identity.subject_hash(b"k", "t", name) for name in (one, other))

    assert (first == second) is same
    assert first != identity.subject_hash(b"k", "u", one)
    assert first != identity.subject_hash(b"j", "t", one)
    assert len(first) == 32


def test_a_body_is_stored_without_the_names() -> None:
    """Where they stand a fixed word stands; nothing else changes, and neither does the body itself."""
    body = {
        "user": "ada",
        "safety_identifier": None,
        "metadata": {"user_id": "ada", "n": "1"},
        "messages": [],
    }

    assert identity.without_user(body) == {
        "user": "[SUBJECT]",
        "safety_identifier": None,
        "metadata": {"user_id": "[SUBJECT]", "n": "1"},
        "messages": [],
    }
    assert body["user"] == "ada"
    assert identity.without_user({"metadata": "x"}) == {"metadata": "x"}
