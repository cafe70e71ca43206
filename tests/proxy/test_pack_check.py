"""Whatever is done to an evidence pack is found, and what is no pack is told as such."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.pack_check import LISTS, check_pack
from proxy.store.anchors import Anchors
from proxy.store.db import Store, open_store
from proxy.store.evidence import Period, write_pack
from proxy.store.seals import ledger_key
from tests.proxy.store.tampering import grown


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bytes]]:
    """A sound pack, and its key."""
    folder = tmp_path_factory.mktemp("pack")
    store: Store = open_store(f"sqlite:///{folder / 'x'}", b"k" * 32, anchors=Anchors(folder / "anchors"))
    grown(store, 6)
    write_pack(store, folder / "pack", Period(0, 1 << 60), folder / "anchors")
    yield folder / "pack", ledger_key(store)
    store.close()


def _lines(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def changed(pack: Path) -> None:
        file = pack / "audit.jsonl"
        file.write_text("".join(change(file.read_text().splitlines(keepends=True))))

    return changed


def _forge(pack: Path) -> None:
    """Take an event away and make the manifest fit."""
    import hashlib

    _lines(lambda lines: lines[:2] + lines[3:])(pack)
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"]["audit.jsonl"]["sha256"] = hashlib.sha256(
        (pack / "audit.jsonl").read_bytes()
    ).hexdigest()
    (pack / "manifest.json").write_text(json.dumps(manifest))


HARM: dict[str, Callable[[Path], None]] = {
    "event changed": _lines(lambda lines: [lines[0].replace("key-0", "key-9"), *lines[1:]]),
    "event taken away": _lines(lambda lines: lines[1:]),
    "events swapped": _lines(lambda lines: [lines[1], lines[0], *lines[2:]]),
    "file taken away": lambda pack: (pack / "gaps.jsonl").unlink(),
    "file changed": lambda pack: (pack / "counts.json").write_text("{}"),
    "file put in": lambda pack: (pack / "extra.txt").write_text("x"),
    "manifest made to fit": _forge,
    "signature changed": lambda pack: (pack / "manifest.mac").write_text("00" * 32),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_done_to_a_pack_is_found(made: tuple[Path, bytes], harm: str, tmp_path: Path) -> None:
    """With the key all of it, without it all but a pack that was signed by somebody else."""
    pack = shutil.copytree(made[0], tmp_path / "pack")
    assert check_pack(pack, made[1])[0] == []
    HARM[harm](pack)
    assert check_pack(pack, made[1])[0]
    assert bool(check_pack(pack, None)[0]) == (harm != "signature changed")


def test_it_says_what_it_could_not_check(made: tuple[Path, bytes]) -> None:
    """Without the key, whether the proxy made it; in any case the traces."""
    _, unchecked, counts = check_pack(made[0], None)
    assert any("verification key" in each for each in unchecked) and any(
        "traces" in each for each in unchecked
    )
    assert counts == {"events": 6, "anchored_until": 6}


def test_a_pack_of_a_database_that_was_changed_tells_so(tmp_path: Path) -> None:
    """Also of what the pack does not show: events before its period."""
    store = open_store(f"sqlite:///{tmp_path / 'x'}", b"k" * 32)
    grown(store, 6)
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_event SET actor = 'eve', at_us = 1 WHERE seq = 2")
    later = grown(store, 1).events[-1]["at_us"]
    write_pack(store, tmp_path / "pack", Period(later, 1 << 60))
    for key in (None, ledger_key(store)):
        evidence, unchecked, _ = check_pack(tmp_path / "pack", key)
        assert any("when this pack was made: event 2" in each for each in evidence)
        assert LISTS in unchecked
    store.close()


def test_names_in_a_manifest_lead_nowhere_else(made: tuple[Path, bytes], tmp_path: Path) -> None:
    """A manifest is hostile until it is checked."""
    pack = shutil.copytree(made[0], tmp_path / "pack")
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"]["../../etc/passwd"] = {"sha256": "0", "bytes": 1}
    (pack / "manifest.json").write_text(json.dumps(manifest))
    assert "'../../etc/passwd': is no name of a file in a pack" in check_pack(pack, None)[0]


def test_what_is_no_pack_raises(tmp_path: Path) -> None:
    """A folder without a manifest, or with something else."""
    with pytest.raises(OSError, match=r"manifest\.json"):
        check_pack(tmp_path, None)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises((TypeError, LookupError)):
        check_pack(tmp_path, None)
