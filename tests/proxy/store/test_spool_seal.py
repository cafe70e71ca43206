"""Records of the spool are sealed: nobody else reads them, and no change to them goes unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store import spool_seal
from proxy.store.spool_seal import Seal

KEY = b"k" * 32


@given(st.binary(max_size=200))
def test_what_was_closed_is_opened_by_the_same_key_alone(record: bytes) -> None:
    """A later process opens it, another installation does not, and nothing of it shows."""
    sealed = Seal(KEY).close(record)

    assert Seal(KEY).open(sealed) == record
    assert len(record) < 8 or record not in sealed
    with pytest.raises(ValueError, match="another data key"):
        Seal(b"x" * 32).open(sealed)


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_change_anywhere_is_seen(record: bytes, data: st.DataObject) -> None:
    """One bit, or an end that is cut off."""
    sealed = Seal(KEY).close(record)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))

    for damaged in (bytes(changed), sealed[:at]):
        with pytest.raises(ValueError, match="spool"):
            Seal(KEY).open(damaged)


def test_records_of_an_older_version_are_read_as_they_stand() -> None:
    """They were JSON objects, not sealed."""
    assert Seal(KEY).open(b'{"id": "1"}') == b'{"id": "1"}'


def test_keys_change_and_no_record_is_like_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process and every so many records have a key of their own; all are read."""
    monkeypatch.setattr(spool_seal, "_RECORDS", 2)
    seal = Seal(KEY)

    sealed = [seal.close(b"record") for _ in range(6)]

    assert len({each[1:17] for each in sealed}) == 3
    assert len(set(sealed)) == 6
    assert [Seal(KEY).open(each) for each in sealed] == [b"record"] * 6
    assert repr(seal) == "Seal()"
