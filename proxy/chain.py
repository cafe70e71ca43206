"""What makes the audit log tamper-evident: commitments, hashes and signed heads, and how they are checked.

Only the standard library, and no import of ours: an evidence pack carries this file, so that anybody can check it
without Guardhouse. Every keyed hash is HMAC-SHA-256 under one verification key, which HKDF (RFC 5869) derives from
the identity key; whoever holds it can check a log, and could also write one.

An event is committed to under the key: its columns, a keyed hash of its detail, its place, and the hash before it.
Its hash covers commitment and hash before, without a key. So a detail can be erased and its event is still checked,
and the events outside of what somebody may read can be shown as place, time and commitment alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ZERO = "0" * 64
"""The hash before the first event."""
COMMITTED = ("seq", "id", "at_us", "tenant", "actor", "action", "object", "detail_mac", "prev_hash")
"""Columns of an event that its commitment covers."""
LINKED = ("seq", "at_us", "commitment", "prev_hash")
"""Columns that its hash covers."""
SIGNED = ("seq", "hash", "at_us", "closed_us", "sealed_us")
"""Columns that the head's MAC covers."""
ADOPT, BROKEN, ERASE, PRUNE = "audit.adopt", "audit.broken", "audit.erase", "audit.prune"
"""Acts of the chain on itself: older events taken in, one found broken, details erased, the oldest events deleted."""
HEAD_NUMBERS, HEAD_TEXTS = ("seq", "at_us", "closed_us", "sealed_us"), ("hash", "mac")
"""Columns of the head by what they hold."""
_TEXTS = ("id", "tenant", "actor", "action", "object", "detail_mac", "commitment", "prev_hash", "hash")
_LARGEST = (1 << 53) - 1
_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Mapping[str, Any]) -> bytes:
    """An object in the one form of RFC 8785: names in ASCII; texts, integers and None as values.

    There sorting by code points is sorting by UTF-16 units, and no number has two forms. Raises ValueError for
    anything else.
    """
    for name, each in value.items():
        number = isinstance(each, int) and not isinstance(each, bool) and abs(each) <= _LARGEST
        if not name.isascii() or not (number or each is None or isinstance(each, str)):
            raise ValueError(f"{name} has no canonical form")
    return _JSON.encode(dict(value)).encode()


def verification_key(identity: bytes) -> bytes:
    """The key that checks the log, of the key that names what a database holds: HKDF-SHA-256, 32 bytes."""
    extracted = hmac.digest(bytes(32), identity, "sha256")
    return hmac.digest(extracted, b"guardhouse audit 1\x01", "sha256")


def mac(key: bytes, purpose: str, message: bytes) -> str:
    """A keyed hash that is good for one purpose only, in hex."""
    return hmac.digest(key, purpose.encode() + b"\0" + message, "sha256").hex()


def link(key: bytes, event: Mapping[str, Any], seq: int, prev_hash: str) -> dict[str, Any]:
    """What an event gets when it becomes that place of the chain: seq, prev_hash, detail_mac, commitment, hash."""
    placed = {
        **event,
        "seq": seq,
        "prev_hash": prev_hash,
        "detail_mac": mac(key, "detail", event["detail"].encode()),
    }
    placed["commitment"] = commitment(key, placed)
    placed["hash"] = link_hash(placed)
    return {name: placed[name] for name in ("seq", "prev_hash", "detail_mac", "commitment", "hash")}


def well_formed(row: Mapping[str, Any], numbers: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether the columns of a row, those that it has, hold what they are for: SQLite takes anything anywhere."""
    whole = all(type(row[name]) is int and abs(row[name]) <= _LARGEST for name in numbers if name in row)
    return whole and all(isinstance(row[name], str) for name in texts if name in row)


def commitment(key: bytes, event: Mapping[str, Any]) -> str:
    """The keyed hash of an event in its place."""
    return mac(key, "event", canonical({name: event[name] for name in COMMITTED}))


def link_hash(event: Mapping[str, Any]) -> str:
    """The hash of an event, which the next one names."""
    return hashlib.sha256(canonical({name: event[name] for name in LINKED})).hexdigest()


def head_mac(key: bytes, head: Mapping[str, Any]) -> str:
    """What signs the end of the chain, and up to where traces are closed and sealed."""
    return mac(key, "head", canonical({name: head[name] for name in SIGNED}))


def anchor(key: bytes, seq: int, hash: str, at_us: int) -> dict[str, Any]:
    """An anchor: the chain's end at a moment, signed, to be kept where the database cannot reach."""
    said = {"seq": seq, "hash": hash, "at": at_us}
    return {**said, "mac": mac(key, "anchor", canonical(said))}


class Chain:
    """Checks events as they come by, in order of their place. What is wrong is told event by event.

    Args:
        key: the verification key; None: the hashes are checked, what they cover is not.
        anchors: hash by place, as it was anchored.
    """

    def __init__(self, key: bytes | None, anchors: Mapping[int, str] | None = None) -> None:
        self._key, self._anchors = key, anchors or {}
        self.first: int | None = None
        self.seq, self.hash = 0, ZERO
        """Place and hash of the last event."""
        self.at_us = 0
        self.checked = self.adopted = 0
        """Events checked; events that an older version wrote, of which nothing before their adoption is known."""
        self.pruned = (0, ZERO)
        """The last event that was deleted because its time was up, and its hash."""
        self._before: tuple[int, str] | None = None
        """What must have been pruned, as the first event says."""
        self.matched = 0
        """The last place that agrees with an anchor."""
        self.bare: set[int] = set()
        """Events without a detail."""
        self.erased: set[int] = set()
        """Events whose detail an event of the chain says was erased."""

    def start(self, seq: int, prev_hash: str) -> None:
        """Begin in the middle: what comes before is not there to be checked."""
        self.seq, self.hash = seq - 1, prev_hash
        self.first = seq

    def check(self, event: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the next event, one sentence each; nothing when all is well."""
        seq = event["seq"]
        odd = not isinstance(event.get("detail"), str | None)
        if odd or not well_formed(event, ("seq", "at_us"), _TEXTS):
            yield f"event {seq!r:.40}: holds what no event holds"
            return
        name = f"event {seq} ({event['id']})" if event.get("id") else f"event {seq}"
        if self.first is None:
            self.first = seq
            if seq > 1:
                self._before = self.seq, self.hash = seq - 1, event["prev_hash"]
        if seq != self.seq + 1:
            yield _gap(self.seq + 1, seq)
        elif event["prev_hash"] != self.hash:
            yield f"{name}: does not follow the event before it"
        yield from self._contents(name, event)
        if seq in self._anchors:
            if self._anchors[seq] == event["hash"]:
                self.matched = seq
            else:
                yield f"{name}: is not the event that was anchored at this place"
        self.seq, self.hash, self.at_us = seq, event["hash"], event["at_us"]
        self.checked += 1

    def _contents(self, name: str, event: Mapping[str, Any]) -> Iterator[str]:
        try:
            if link_hash(event) != event["hash"]:
                yield f"{name}: its hash is not the hash of what it covers"
            if "id" not in event:
                return
            if self._key is not None and commitment(self._key, event) != event["commitment"]:
                yield f"{name}: was changed"
        except (ValueError, TypeError):
            yield f"{name}: holds what no event holds"
            return
        detail = event["detail"]
        if detail is None:
            self.bare.add(event["seq"])
        elif self._key is not None and mac(self._key, "detail", _utf8(detail)) != event["detail_mac"]:
            yield f"{name}: its detail was changed"
        else:
            yield from self._act(name, event["action"], detail)

    def _act(self, name: str, action: str, detail: str) -> Iterator[str]:
        """What the chain says of itself."""
        if action == BROKEN:
            yield f"{name}: the chain was found broken then: {detail}"
        elif action in (ADOPT, ERASE, PRUNE):
            try:
                told = json.loads(detail)
                if action == ADOPT:
                    self.adopted += int(told["events"])
                elif action == ERASE:
                    self.erased.update(map(int, told["events"]))
                else:
                    self.pruned = max(self.pruned, (int(told["through"]), str(told["hash"])))
            except (ValueError, TypeError, LookupError):
                yield f"{name}: says nothing that can be read"

    def ended(self) -> Iterator[str]:
        """What is wrong with the whole, when all events came by."""
        if self._before is not None and self._before != self.pruned:
            yield _gap(min(self.pruned[0], self._before[0] - 1) + 1, self._before[0] + 1)
        for seq in sorted(self.bare - self.erased):
            yield f"event {seq}: has no detail, and no event says that it was erased"
        after = [seq for seq in self._anchors if seq > self.seq]
        if after:
            yield (
                f"events {self.seq + 1} to {max(after)} are missing: they were anchored, so the chain was shortened,"
                " or an older copy was put back"
            )

    def head(self, head: Mapping[str, Any] | None) -> Iterator[str]:
        """What is wrong with the row that says where the chain ends."""
        if head is None:
            yield "the head of the chain is missing"
            return
        if not well_formed(head, HEAD_NUMBERS, HEAD_TEXTS):
            yield "the head of the chain holds what no head holds"
            return
        if self._key is not None and head_mac(self._key, head) != head["mac"]:
            yield f"the head of the chain (at event {head['seq']}) is not signed under this key"
        if head["seq"] > self.seq:
            yield _gap(self.seq + 1, head["seq"] + 1) + ": the head of the chain is after them"
        elif head["seq"] < self.seq:
            yield f"{_span(head['seq'] + 1, self.seq)} stand after the head of the chain"
        elif head["hash"] != self.hash:
            yield f"the head of the chain does not name event {self.seq} as it is"


def _gap(first: int, following: int) -> str:
    """What is said of missing events before the one that follows."""
    if following <= first:
        return f"event {following}: its place was taken already"
    return f"{_span(first, following - 1)} missing"


def _span(first: int, last: int) -> str:
    return f"event {first} is" if first == last else f"events {first} to {last} are"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
