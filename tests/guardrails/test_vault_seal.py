"""Sealed pages: read again by the same tenant and session, by nobody else, and not for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.pseudonyms import Entry, Vault
from guardrails.types import Style
from guardrails.vault_seal import Page, Seal, Unsealable

KEY = b"k" * 32


def entries() -> list[Entry]:
    """Two kept entries, of both styles."""
    vault = Vault(KEY, "t", "chat")
    vault.mint("EMAIL_ADDRESS", "ada@example.com", style=Style.SURROGATE)
    vault.mint("PERSON", 'Ada "\ud800" Byron\n')
    vault.mint("PERSON", "Boss", restorable=False)
    return vault.kept()


def test_what_was_sealed_is_read_again() -> None:
    """Entries with all their pseudonyms, and the time until which they hold."""
    seal = Seal(KEY, "t", "s")

    page = seal.open(seal.close(entries(), 100), 99.9)

    assert page == Page(tuple(entries()), 100)
    assert len(entries()) == 2
    assert "ada" not in repr(page).lower()


def test_its_time_ends() -> None:
    """The time is authenticated with the page, so whoever keeps it cannot lengthen it."""
    seal = Seal(KEY, "t", "s")
    sealed = seal.close(entries(), 100)

    assert seal.open(sealed, 100) is None
    with pytest.raises(Unsealable):
        seal.open(sealed[:1] + (2**40).to_bytes(8, "big") + sealed[9:], 100)


@pytest.mark.parametrize(
    "other", [Seal(b"x" * 32, "t", "s"), Seal(KEY, "u", "s"), Seal(KEY, "t", "u"), Seal(KEY, "ts", "")]
)
def test_nobody_else_can_read_it(other: Seal) -> None:
    """Another installation, tenant or session."""
    with pytest.raises(Unsealable) as raised:
        other.open(Seal(KEY, "t", "s").close(entries(), 100), 0)

    assert "ada" not in repr(raised.value)


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    """Each bit is authenticated, and a cut page is no page."""
    seal = Seal(KEY, "t", "s")
    sealed = seal.close(entries(), 100)
    place = data.draw(st.integers(0, len(sealed) - 1))
    bit = data.draw(st.integers(0, 7))

    for changed in (sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1 :], sealed[:place]):
        with pytest.raises(Unsealable):
            seal.open(changed, 0)


def test_nothing_raw_is_in_it_and_nothing_repeats() -> None:
    """Equal entries make other bytes each time: nobody sees that a value came again."""
    seal = Seal(KEY, "t", "s")
    first, second = seal.close(entries(), 100), seal.close(entries(), 100)

    assert first[9:21] != second[9:21]
    for sealed in (first, second):
        for word in (b"ada", b"EMAIL", b"Byron", b"example"):
            assert word not in sealed
