"""Passwords of people: which are taken, how they are kept, how they are compared, and how many at a time.

Argon2id takes a tenth of a second of a core and 46 MiB each time, on purpose. It runs in threads, never on the event
loop, a few at a time: many who try to sign in wait for one another, and nobody else waits for them.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 12
"""Characters of a password."""
LONGEST_BYTES = 1_024
"""Bytes of it, in UTF-8."""
AT_ONCE = 2
"""Passwords that one process hashes at a time."""
WAITING = 8
"""How many may wait for that; whoever comes when they do is sent away."""
PATIENCE_S = 5.0
"""How long one waits."""
_COMMONEST = """
    000000000000 0123456789ab 098765432109 111111111111 112233445566 121212121212 123123123123 1234567890-=
    123456789012 1234567890123 12345678901234 1234567890qwe 1234567890qwerty 123456789123 123456789abc 123456789qwe
    123456abcdef 123qwe123qwe 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qazxsw23edc aaaaaaaaaaaa abc123abc123
    abcd12345678 abcdefgh1234 abcdefghijkl admin1234567 adminadminadmin administrator administrator1 changeme1234
    changemechangeme correcthorsebatterystaple guardhouse12 guardhouse123 guardhouse1234 guardhouseguardhouse
    iloveyou1234 iloveyouiloveyou letmein12345 letmeinletmein p@ssw0rd1234 p@ssword1234 passw0rd1234 password0123
    password1234 password12345 password123456 password1234567 password12345678 password123456789 passwordpassword
    princess1234 q1w2e3r4t5y6 qazwsxedcrfv qwer1234qwer qwerty123456 qwerty1234567 qwertyqwerty qwertyuiop12
    qwertyuiop123 qwertyuiop[] qwertyuiopasdf secretsecret superman1234 trustno1trustno1 unknownunknown welcome12345
    welcomewelcome whateverwhatever zaq12wsxcde3 zxcvbnm12345 zxcvbnmasdfghjkl
"""
COMMONEST = frozenset(_COMMONEST.split())
"""The commonest that are long enough, in lower case."""


class PasswordError(ValueError):
    """A password that is not taken. The message says why, and never what it was."""


class Busy(Exception):
    """Too many sign in right now."""


def checked(password: str, name: str = "") -> str:
    """A password that may be kept, for who signs in with `name`. Raises PasswordError."""
    if len(password) < SHORTEST:
        raise PasswordError(f"A password takes at least {SHORTEST} characters. A few words are easy to keep.")
    if _bytes(password) is None:
        raise PasswordError(f"A password takes text of at most {LONGEST_BYTES} bytes.")
    plain = password.lower()
    if plain in COMMONEST or plain == name.lower() or len(set(plain)) < 3:
        raise PasswordError("This password is among the first that are guessed. Take another.")
    return password


class Hashing:
    """Hashes and compares passwords, a few at a time. Safe between threads."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._places = threading.BoundedSemaphore(AT_ONCE + WAITING)

    def hashed(self, password: str) -> str:
        """What is kept of a password. Raises Busy, or PasswordError for what is no text of a password's length."""
        if (data := _bytes(password)) is None:
            raise PasswordError(f"A password takes text of at most {LONGEST_BYTES} bytes.")
        with self._turn():
            return _argon2().hash(data)

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that was kept. None, for who has none, takes as long. Raises Busy."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        data = _bytes(password)
        with self._turn():
            try:
                fits = _argon2().verify(kept if kept is not None else _nobodys(), data or b"")
            except (Argon2Error, InvalidHashError):
                return False
        return fits and kept is not None and data is not None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            if not self._turns.acquire(timeout=PATIENCE_S):
                raise Busy
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()


def is_outdated(kept: str) -> bool:
    """Whether a password that fits should be hashed anew: it was kept at another price."""
    return _argon2().check_needs_rehash(kept)


@cache
def _argon2() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)


@cache
def _nobodys() -> str:
    """What the passwords of unknown names are compared with: as dear as any other."""
    return _argon2().hash(b"nobody")


def _bytes(password: str) -> bytes | None:
    """A password as it is hashed: the same for each way to type it; None when it is too long or no text."""
    if len(password) > LONGEST_BYTES:
        return None
    try:
        data = unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None
    return data if len(data) <= LONGEST_BYTES else None
