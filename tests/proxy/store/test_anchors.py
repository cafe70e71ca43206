"""The file of anchors takes whole lines from anybody at once, and a line that was cut off spoils no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proxy.store.anchors import Anchors, parsed, read_anchors
from proxy.store.audit import Act, note
from proxy.store.db import Store, open_store
from proxy.store.seals import ledger_key

KEY = b"v" * 32


def head(seq: int) -> dict[str, Any]:
    """An end of a chain."""
    return {"seq": seq, "hash": f"{seq:064x}", "at_us": seq}


def test_lines_of_many_never_mix(tmp_path: Path) -> None:
    """Each is whole, private, and signed."""
    anchors = Anchors(tmp_path / "a")
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda seq: anchors.add(KEY, head(seq)), range(200)))
    found = read_anchors(anchors.file, KEY)
    assert sorted(found.hashes) == list(range(200)) and not found.trouble and not found.torn
    assert anchors.file.stat().st_mode & 0o077 == 0
    assert len(read_anchors(anchors.file, b"w" * 32).trouble) == 10


def test_a_line_that_was_cut_off_spoils_none(tmp_path: Path) -> None:
    """The next one begins on a line of its own."""
    anchors = Anchors(tmp_path / "a")
    anchors.add(KEY, head(1))
    anchors.file.write_bytes(anchors.file.read_bytes() + b'{"seq":2,"ha')
    assert anchors.newest() is None
    anchors.add(KEY, head(3))
    found = read_anchors(anchors.file, KEY)
    assert (sorted(found.hashes), found.torn) == ([1, 3], 1)
    assert (anchors.newest() or {})["seq"] == 3


def test_two_hashes_for_one_place_are_evidence(tmp_path: Path) -> None:
    """Both signed: somebody put an older copy back and went on."""
    anchors = Anchors(tmp_path / "a")
    anchors.add(KEY, head(1))
    anchors.add(KEY, {**head(1), "hash": "f" * 64})
    assert "another hash for event 1" in read_anchors(anchors.file, KEY).trouble[0]


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"{}", b'{"seq":"1","hash":"","at":1,"mac":""}', b"\xff"])
def test_what_is_no_anchor_is_none(line: bytes) -> None:
    """Whatever stands in the file."""
    assert parsed(line) is None


def test_an_act_is_anchored_when_it_is_committed(tmp_path: Path) -> None:
    """And one that failed is not; a file that cannot be written undoes nothing."""
    store: Store = open_store(f"sqlite:///{tmp_path / 'x'}", b"k" * 32, anchors=Anchors(tmp_path / "a"))
    with store.begin() as connection:
        note(connection, Act("a", "b", "c", {}))
    with pytest.raises(ZeroDivisionError), store.begin() as connection:
        note(connection, Act("a", "b", "c", {}))
        raise ZeroDivisionError
    assert sorted(read_anchors(tmp_path / "a", ledger_key(store)).hashes) == [1]
    (tmp_path / "a").unlink()
    (tmp_path / "a").mkdir()
    with store.begin() as connection:
        note(connection, Act("a", "b", "c", {}))
    assert Anchors(tmp_path / "none").newest() is None
    store.close()
