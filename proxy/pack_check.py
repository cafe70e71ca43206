"""Checks an evidence pack: that its files are those that were made, and that its audit events are an unbroken chain.

It runs inside of a pack as `python3 verify.py [--key-file FILE]`, with nothing but Python 3.10 or newer: the pack
carries it beside `chain.py`. Exit code 0: nothing found; 1: evidence of tampering; 2: could not be checked.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from proxy.chain import Chain, anchor, mac

MANIFEST, SIGNATURE, VERIFICATION = "manifest.json", "manifest.mac", "verification.json"
LISTS = (
    "rows of reveals.jsonl, erasures.jsonl, retention.jsonl, holds.jsonl, reviews.jsonl, runs.jsonl and gaps.jsonl, and"
    " the figures: they are as the database told them; the acts behind them are in audit.jsonl"
)
_CHUNK = 1 << 20


def check_pack(
    pack: Any, key: bytes | None, progress: Callable[[int], None] | None = None
) -> tuple[list[str], list[str], dict[str, int]]:
    """What shows tampering, what could not be checked, and counts.

    `pack` is a folder, as a Path of pathlib or zipfile. Raises OSError, ValueError or LookupError for what is no pack.
    """
    raw = _bytes(pack / MANIFEST)
    manifest = json.loads(raw)
    evidence = list(_files(pack, manifest))
    unchecked = []
    if key is None:
        unchecked.append(
            "whether this pack was made by the proxy, and what its events say: that takes the verification key"
        )
    elif not hmac.compare_digest(mac(key, "pack", raw).encode(), _bytes(pack / SIGNATURE).strip()):
        evidence.append(f"{MANIFEST} is not signed under this key")
    anchors = {}
    for said in _lines(pack / "anchors.jsonl"):
        anchors[said["seq"]] = said["hash"]
        if key is not None and anchor(key, said["seq"], said["hash"], said["at"])["mac"] != said["mac"]:
            evidence.append(f"the anchor of event {said['seq']} is not signed under this key")
    chain = Chain(key, anchors)
    chain.start(manifest["chain"]["first_seq"], manifest["chain"]["prev_hash"])
    for name in ("audit.jsonl", "chain.jsonl"):
        for event in _lines(pack / name):
            evidence += chain.check(event)
            if progress is not None and not chain.checked % 5_000:
                progress(chain.checked)
    evidence += chain.head(manifest["chain"]["head"])
    evidence += chain.ended()
    if chain.matched < chain.seq:
        unchecked.append(f"events {chain.matched + 1} to {chain.seq}: no anchor in this pack is that new")
    if VERIFICATION in manifest["files"] and (pack / VERIFICATION).exists():
        told = json.loads(_bytes(pack / VERIFICATION))
        evidence += [f"found in the database when this pack was made: {each}" for each in told["evidence"]]
        unchecked += [f"when this pack was made: {each}" for each in told["unchecked"]]
    else:
        evidence.append(f"{VERIFICATION} is missing: what was found in the database when this pack was made")
    unchecked.append("traces themselves: they are not in the pack; guardhouse traces verify checks them")
    unchecked.append(LISTS)
    return evidence, unchecked, {"events": chain.checked, "anchored_until": chain.matched}


def _files(pack: Any, manifest: dict[str, Any]) -> Iterator[str]:
    """Files that are not those of the manifest."""
    for name, said in manifest["files"].items():
        digest = hashlib.sha256()
        if "/" in name or "\\" in name or name.startswith("."):
            yield f"{name!r}: is no name of a file in a pack"
            continue
        try:
            with (pack / name).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except (OSError, KeyError):
            yield f"{name}: is missing"
            continue
        if digest.hexdigest() != said["sha256"]:
            yield f"{name}: was changed"
    there = {each.name for each in pack.iterdir() if each.name != "__pycache__"}
    for name in sorted(there - {*manifest["files"], MANIFEST, SIGNATURE}):
        yield f"{name}: is not in the manifest"


def _bytes(path: Any) -> bytes:
    with path.open("rb") as file:
        return bytes(file.read())


def _lines(path: Any) -> Iterator[Any]:
    with path.open("rb") as file:
        yield from map(json.loads, file)


def main() -> int:
    """The command line of the pack's own verifier."""
    parser = argparse.ArgumentParser(description="Check this evidence pack.")
    parser.add_argument("--key-file", type=Path, help="File with the verification key, 64 hex digits.")
    given = parser.parse_args()
    try:
        key = bytes.fromhex(given.key_file.read_text().strip()) if given.key_file else None
        evidence, unchecked, counts = check_pack(Path(__file__).resolve().parent, key)
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.stderr.write(f"could not be checked: {type(error).__name__}: {error}\n")
        return 2
    for each in evidence:
        sys.stdout.write(f"EVIDENCE  {each}\n")
    for each in unchecked:
        sys.stdout.write(f"unchecked {each}\n")
    sys.stdout.write(
        f"{counts['events']} events: {'evidence of tampering' if evidence else 'nothing found'}\n"
    )
    return 1 if evidence else 0


if __name__ == "__main__":
    sys.exit(main())
