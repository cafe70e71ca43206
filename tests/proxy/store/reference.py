"""What a filter means, once more and in plain Python, over trace documents: the databases must agree with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from proxy.identity import session_hash, subject_hash
from proxy.store.filter_fields import FINDINGS
from proxy.store.filter_text import Filter, Pattern, Term
from proxy.store.filter_values import agrees, at_first, at_last, microseconds
from proxy.store.texts import added
from proxy.store.words import Phrase, words

KEY_OF = {
    "model": "model",
    "answered": "answered_model",
    "key": "key_id",
    "run": "run_id",
    "response": "response_id",
}
PLAIN = [
    "outcome",
    "action",
    "deployment",
    "provider",
    "team",
    "tenant",
    "run_source",
    "shadow_of",
    "dialect",
    "path",
    "config",
]
UNITS = {"us": "0.000001", "ms": "0.001", "s": "1", "m": "60", "h": "3600", "": "1"}


def holds(filter: Filter, document: Mapping[str, Any], key: bytes) -> bool:
    """Whether a trace is in a filter."""
    found = [term for term in filter.terms if term.field in FINDINGS and not term.negated]
    rest = [term for term in filter.terms if term not in found]
    together = not found or any(all(_found(term, one) for term in found) for one in document["findings"])
    return together and all(_term(term, document, key) != term.negated for term in rest)


def _term(term: Term, document: Mapping[str, Any], key: bytes) -> bool:
    if term.field in FINDINGS:
        return any(_found(term, one) for one in document["findings"])
    if term.field in _NUMBERS:
        return _number(term, _NUMBERS[term.field](document))
    if term.field in _SWITCHES:
        return _SWITCHES[term.field](document) == (term.values[0][0] == "true")
    if term.field in ("since", "until"):
        later = document["started_us"] >= microseconds(term.values[0][0])
        return later == (term.field == "since")
    return any(_value(term.field, value, document, key) for value in term.values)


def _found(term: Term, finding: Mapping[str, Any]) -> bool:
    return any(_finding(term.field, value, finding) for value in term.values)


def _finding(field: str, value: Pattern, finding: Mapping[str, Any]) -> bool:
    if field == "entity":
        small = tuple(literal.lower() for literal in value)
        begins = (*small[:-1], small[-1] + "_", "")
        kind = finding["entity"].lower()
        return agrees(small, kind) or agrees(begins, kind)
    if field == "rule" and (cut := at_last(value, ".")) is not None:
        whole = agrees(value, finding["rule"])
        return whole or (agrees(cut[0], finding["rule"]) and _finding("entity", cut[1], finding))
    return agrees(value, finding[field])


def _value(field: str, value: Pattern, document: Mapping[str, Any], key: bytes) -> bool:
    if field == "text":
        phrase = Phrase(tuple(words(value[0])), len(value) == 2)
        return phrase.stands_in(added(document))
    if field in PLAIN or field in KEY_OF:
        return agrees(value, document[KEY_OF.get(field, field)])
    if field == "policy":
        named = value if at_last(value, "@") else (*value[:-1], value[-1] + "@", "")
        return agrees(named, document["policy"])
    if field == "prompt":
        cut = at_last(value, "@") or (value, ("", ""))
        version = cut[1] == ("", "") or agrees(cut[1], document["prompt_version"])
        return agrees(cut[0], document["prompt"]) and version
    if field in ("session", "subject"):
        hashed = {"session": session_hash, "subject": subject_hash}[field]
        told = document["session_id" if field == "session" else "subject"]
        return agrees(value if len(value) > 1 else (hashed(key, "default", value[0].strip()),), told)
    return _SEVERAL[field](value, document)


_SEVERAL: dict[str, Callable[[Pattern, Mapping[str, Any]], bool]] = {
    "trace": lambda v, d: agrees(v, d["id"]) or agrees(v, d["trace_id"]),
    "tool": lambda v, d: any(agrees(v, call["name"]) for call in d["tool_calls"]),
    "hit": lambda v, d: any(agrees(v, hit["doc_id"]) for hit in d["retrieval"]),
    "error": lambda v, d: any(agrees(v, (d["error"] or {}).get(name)) for name in ("code", "type")),
    "finish": lambda v, d: any(agrees(v, reason) for reason in d["finish_reasons"]),
    "tag": lambda v, d: _tag(v, d["tags"]),
    # Of documents that nobody has looked at yet.
    "reviewer": lambda v, d: False,
    "queue": lambda v, d: False,
}


def _tag(value: Pattern, tags: Mapping[str, str]) -> bool:
    name, wanted = at_first(value, "=") or (value, ("", ""))
    if not any(name):
        return bool(tags)
    return agrees(wanted, tags.get("*".join(name)))


_SWITCHES: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "flagged": lambda d: bool(d["findings"] or d["failures"]) or d["outcome"] in ("blocked", "masked"),
    "reviewed": lambda d: False,
    "shadow": lambda d: d["shadow_of"] is not None,
    "stream": lambda d: d["stream"],
    "raw": lambda d: False,
}


def _sum(document: Mapping[str, Any]) -> Decimal | None:
    usage = document["usage"]
    return Decimal(usage["prompt_tokens"] + usage["completion_tokens"]) if usage else None


def _decimal(value: Any, scale: str = "1") -> Decimal | None:
    return None if value is None else Decimal(value) * Decimal(scale)


_NUMBERS: dict[str, Callable[[Mapping[str, Any]], Decimal | None]] = {
    "tokens_in": lambda d: _decimal((d["usage"] or {}).get("prompt_tokens")),
    "tokens_out": lambda d: _decimal((d["usage"] or {}).get("completion_tokens")),
    "tokens": _sum,
    "cost": lambda d: _decimal(d["cost_nanousd"], "0.000000001"),
    "duration": lambda d: _decimal(d["duration_us"], "0.000001"),
    "first_token": lambda d: _decimal(d["first_token_us"], "0.000001"),
    "status": lambda d: _decimal(d["http_status"]),
    "findings": lambda d: Decimal(len(d["findings"])),
    "tool_calls": lambda d: Decimal(len(d["tool_calls"])),
    "hits": lambda d: Decimal(len(d["retrieval"])),
    "attempts": lambda d: _decimal(d["attempts"]),
}


def _number(term: Term, value: Decimal | None) -> bool:
    if value is None:
        return False
    digits = [each[0].lstrip("$").rstrip("ushm") for each in term.values]
    units = [each[0].lstrip("$")[len(number) :] for each, number in zip(term.values, digits, strict=True)]
    wanted = [Decimal(n) * Decimal(UNITS[unit]) for n, unit in zip(digits, units, strict=True)]
    signs = {":": value.__eq__, ">": value.__gt__, ">=": value.__ge__, "<": value.__lt__, "<=": value.__le__}
    return any(signs[term.operator](each) for each in wanted)
