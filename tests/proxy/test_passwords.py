"""Passwords: what is taken, what is kept, and that nobody waits for those who guess."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy import passwords
from proxy.passwords import (
    AT_ONCE,
    LONGEST_BYTES,
    WAITING,
    Busy,
    Hashing,
    PasswordError,
    checked,
    is_outdated,
)

GOOD = "four plain words here"


@pytest.mark.parametrize(
    "password",
    ["", "short", "x" * 11, "é" * 600, "x" * 1_025, "a" * 40, "abababababab", "Password1234", "ada.lovelace@example.com", "half \ud800 a pair"],
)  # fmt: skip
def test_what_is_guessed_or_no_text_is_refused(password: str) -> None:
    """Too short, too long, the commonest, one's own name; the message does not repeat it."""
    with pytest.raises(PasswordError) as refused:
        checked(password, "ada.lovelace@example.com")
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize(
    "password", [GOOD, "x1y" * 4, "пароль из многих слов", "a" * 1_000 + "bcd", "tab\tand\0nul ok"]
)
def test_nothing_else_is_asked_of_a_password(password: str) -> None:
    """No rule says of which characters it is made."""
    assert checked(password) == password


def test_the_commonest_are_long_enough_to_matter() -> None:
    """A shorter one in the list would be refused anyway."""
    assert all(len(each) >= passwords.SHORTEST and each == each.lower() for each in passwords.COMMONEST)


@settings(max_examples=8, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text(max_size=40))
def test_only_the_password_fits(password: str, other: str) -> None:
    """What was kept fits its own password alone, and says nothing of it."""
    hashing = Hashing()
    kept = hashing.hashed(password)
    assert kept.startswith("$argon2id$") and hashing.fits(kept, password)
    assert hashing.fits(kept, other) == (passwords._bytes(other) == passwords._bytes(password))
    assert not is_outdated(kept)


def test_each_way_to_type_it_is_the_same() -> None:
    """A letter with an accent may be one character or two."""
    hashing = Hashing()
    assert hashing.fits(hashing.hashed("caf\u00e9 caf\u00e9 caf\u00e9"), "cafe\u0301 cafe\u0301 cafe\u0301")


def test_nobody_has_no_password() -> None:
    """Who has none is compared with as well, and never fits; neither does what is no text, nor a broken hash."""
    hashing = Hashing()
    assert not hashing.fits(None, "nobody") and not hashing.fits(None, GOOD)
    assert not hashing.fits("$argon2id$broken", GOOD)
    assert not hashing.fits(hashing.hashed(GOOD), "\ud800") and not hashing.fits(
        hashing.hashed(GOOD), "x" * 9_999
    )
    for bad in ("\ud800", "é" * LONGEST_BYTES):
        with pytest.raises(PasswordError):
            hashing.hashed(bad)


def test_unknown_names_cost_what_known_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comparison is one run of Argon2 with the same parameters, whatever was given."""
    hashing, runs = Hashing(), []
    kept = hashing.hashed(GOOD)
    verify = type(passwords._argon2()).verify

    def counted(self: object, hash: str, password: bytes) -> bool:
        runs.append(hash.rsplit("$", 2)[0])
        return verify(self, hash, password)  # type: ignore[arg-type]

    monkeypatch.setattr(type(passwords._argon2()), "verify", counted)
    for stored, password in (
        (kept, GOOD),
        (kept, "wrong"),
        (None, GOOD),
        (kept, "x" * 9_999),
        (None, "\ud800"),
    ):
        hashing.fits(stored, password)
    assert len(runs) == 5 and len(set(runs)) == 1


def test_few_are_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some wait for a turn, and whoever comes when those are too many is sent away at once."""
    hashing, running, most = Hashing(), [0], [0]
    hold, lock = threading.Event(), threading.Lock()

    def slow(self: object, password: bytes) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        hold.wait(30)
        with lock:
            running[0] -= 1
        return "$"

    monkeypatch.setattr(type(passwords._argon2()), "hash", slow)
    monkeypatch.setattr(passwords, "PATIENCE_S", 30.0)
    threads = [threading.Thread(target=hashing.hashed, args=(GOOD,)) for _ in range(AT_ONCE + WAITING)]
    for thread in threads:
        thread.start()
    while hashing._places._value:  # type: ignore[attr-defined]
        pass
    with pytest.raises(Busy):
        hashing.hashed(GOOD)
    hold.set()
    for thread in threads:
        thread.join(30)
    assert most[0] == AT_ONCE
    assert hashing.hashed(GOOD) == "$"


def test_a_cheaper_hash_is_made_anew() -> None:
    """What was kept at another price is outdated."""
    from argon2 import PasswordHasher

    assert is_outdated(PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(GOOD))
