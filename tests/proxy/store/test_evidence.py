"""The evidence pack: everything of a period, nothing that was said, and it can be checked without us."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from proxy.store import holds, retention
from proxy.store.anchors import Anchors
from proxy.store.audit import Act, acts, erase_details, note
from proxy.store.db import Store
from proxy.store.evidence import Period, write_pack
from proxy.store.queries import save_run
from proxy.store.reviews import NewReview, add_review
from proxy.store.seals import ledger_key, seal
from tests.proxy.store.aged import NOW, lost, trace
from tests.proxy.store.tampering import grown
from tests.proxy.store.test_retention import CLOCKS

DAY_US = 86_400_000_000
CANARY = "canary-5f1e-in-a-prompt"


def filled(store: Store) -> None:
    """A store in which everything happened that a pack tells of."""
    documents = [trace(1, f"{CANARY} {n}") for n in range(3)]
    store.write([*documents, trace(80, CANARY), lost(1)])
    seal(store, NOW)
    for author, verdict in (("ada", "true_positive"), ("ben", "false_positive")):
        add_review(store, documents[0]["id"], NewReview(verdict, author, f"a note with {CANARY}", 0))
    retention.run(store, CLOCKS, retention.Limits(), NOW)
    holds.add(store, "outcome:blocked", "lawsuit 7", "ada")
    run = {
        "id": "run-1",
        "created_at": "2026-01-01T00:00:00Z",
        "suite": "chat",
        "items": [{"answer": CANARY}],
    }
    save_run(
        store, {**run, "golden": {"name": "g", "version": "1"}, "gate": {"verdict": "pass"}, "prompt": CANARY}
    )
    with store.begin() as connection:
        told = {"hashes": {"default@abc": "f" * 64}}
        note(connection, Act("proxy", "config.start", "rev", told))
    grown(store, 3)


def last_days(days: float = 3) -> Period:
    """A period that ends now."""
    now = time.time_ns() // 1000
    return Period(now - int(days * DAY_US), now + 1)


def read(pack: Path, name: str) -> Any:
    """A JSON file, or the lines of one."""
    text = (pack / name).read_text()
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


def verified(pack: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What the pack's own verifier says, in a Python that knows nothing of us."""
    command = [sys.executable, "-S", "-E", str(pack / "verify.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=pack)


def test_a_pack_tells_everything_but_what_was_said(store: Store, tmp_path: Path) -> None:
    """Figures, rows and acts of the period; no text of an exchange in any byte of it."""
    filled(store)
    pack = tmp_path / "pack"
    manifest = write_pack(store, pack, last_days())
    assert manifest["rows"]["gaps.jsonl"] == 1 and manifest["rows"]["retention.jsonl"] == 1
    assert manifest["rows"]["holds.jsonl"] == 1 and manifest["rows"]["reviews.jsonl"] == 2
    [run] = read(pack, "runs.jsonl")
    assert (run["suite"], run["verdict"], run["golden"]) == ("chat", "pass", {"name": "g", "version": "1"})
    policies = read(pack, "policies.json")
    assert policies["put_in_force"][0]["policies"] == {"default@abc": "f" * 64}
    assert sum(each["traces"] for each in policies["judged_by"]) == 3
    counts = read(pack, "counts.json")
    assert sum(each["traces"] for each in counts["traces"]) == 3 and counts["findings"][0]["findings"] == 3
    agreement = read(pack, "agreement.json")
    assert (agreement["findings"]["judged_by_two_or_more"], agreement["findings"]["pairwise_agreement"]) == (
        1,
        0,
    )
    assert agreement["rules"][0]["precision"] == 0.5
    assert {act["action"] for act in read(pack, "audit.jsonl")} >= {"review.add", "hold.add", "retention.run"}
    for file in pack.iterdir():
        assert CANARY not in file.read_text(), file.name
    assert acts(store)[0]["action"] == "evidence.pack"


def test_a_pack_checks_itself(store: Store, tmp_path: Path) -> None:
    """Without the key as far as hashes go, and with it."""
    object.__setattr__(store, "anchors", Anchors(tmp_path / "anchors"))
    filled(store)
    one = next(act["seq"] for act in acts(store) if act["action"] == "key.update")
    with store.begin() as connection:
        erase_details(connection, [one], "ada", "asked for")
    pack, key = tmp_path / "pack", tmp_path / "key"
    key.write_text(ledger_key(store).hex())
    write_pack(store, pack, last_days(), tmp_path / "anchors")
    for options in ((), ("--key-file", str(key))):
        done = verified(pack, *options)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    key.write_text("00" * 32)
    assert verified(pack, "--key-file", str(key)).returncode == 1
    assert verified(pack, "--key-file", str(tmp_path / "none")).returncode == 2


def test_a_period_that_is_over_is_linked_to_the_head(store: Store, tmp_path: Path) -> None:
    """What came later stands there as place, time and commitment, and an erasure as it is."""
    grown(store, 4)
    end = time.time_ns() // 1000
    time.sleep(0.002)
    grown(store, 3)
    with store.begin() as connection:
        erase_details(connection, [2], "ada", "asked for")
    pack, key = tmp_path / "pack", tmp_path / "key"
    key.write_text(ledger_key(store).hex())
    write_pack(store, pack, Period(0, end))
    later = read(pack, "chain.jsonl")
    assert [("actor" in each) for each in later] == [False, False, False, True]
    assert len(read(pack, "audit.jsonl")) == 4
    done = verified(pack, "--key-file", str(key))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_an_empty_period_is_a_pack_too(store: Store, tmp_path: Path) -> None:
    """In a zip."""
    grown(store, 2)
    write_pack(store, tmp_path / "pack.zip", Period(0, 5))
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    assert (tmp_path / "pack" / "audit.jsonl").read_text() == ""
    assert verified(tmp_path / "pack").returncode == 0
    with pytest.raises(FileExistsError):
        write_pack(store, tmp_path / "pack.zip", Period(0, 5))
