"""The filter grammar: `outcome:blocked rule:pii.iban since:24h` as conditions on traces. One for API, CLI and pages.

`docs/reference/filters.md` describes it. `parse` reads a filter, `where` gives its conditions; both know every field
by the table below.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, false, func, literal, or_

from proxy.errors import plain_name
from proxy.store import filter_fields as fields
from proxy.store.filter_text import Filter, FilterError, Pattern, Term, check, read
from proxy.store.filter_values import (
    MICROSECONDS,
    NANODOLLARS,
    PLAIN,
    SWITCH,
    known,
    microseconds,
    moment,
    nearest,
    number,
    one,
    told,
)
from proxy.store.tables import SPAN
from proxy.store.texts import said
from proxy.store.words import Phrase, words

__all__ = [
    "EVERYTHING",
    "FIELDS",
    "Filter",
    "FilterError",
    "Term",
    "between",
    "of",
    "parse",
    "phrases",
    "where",
]

EVERYTHING = Filter()
FOREVER_US = _GREAT = 1 << 62
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    ":": lambda left, right: left == right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}


@dataclass(frozen=True, slots=True)
class Field:
    """What one field of a filter takes and means."""

    about: str
    condition: Callable[[Pattern, fields.Names], ColumnElement[bool]] | None = None
    """Of one value, where it is a pattern."""
    words: tuple[str, ...] = ()
    """The values it takes, where they are few."""
    number: ColumnElement[Any] | None = None
    """What is compared, where values are numbers."""
    units: dict[str, int] | None = None
    switch: ColumnElement[bool] | None = None
    """What is true or false, where values are switches."""
    time: str = ""
    """How a time is compared with the start; empty where values are no times."""


def _compared(about: str, column: ColumnElement[Any], units: dict[str, int] = PLAIN) -> Field:
    return Field(about, number=column, units=units)


FIELDS: dict[str, Field] = {
    **{
        name: Field(about, condition, tuple(words))
        for name, (about, condition, words) in fields.PATTERNS.items()
    },
    **{name: Field(about, switch=condition) for name, (about, condition) in fields.SWITCHES.items()},
    "tokens_in": _compared("Tokens of the request, as the provider counts.", SPAN.c.tokens_in),
    "tokens_out": _compared("Tokens of the reply.", SPAN.c.tokens_out),
    "tokens": _compared("Both together.", SPAN.c.tokens_in + SPAN.c.tokens_out),
    "cost": _compared("US dollars.", SPAN.c.cost_nanousd, NANODOLLARS),
    "duration": _compared("How long it took: `2s`, `300ms`, `1m`.", SPAN.c.duration_us, MICROSECONDS),
    "first_token": _compared("How long until the first text.", SPAN.c.first_token_us, MICROSECONDS),
    "status": _compared("HTTP status of the answer.", SPAN.c.http_status),
    "findings": _compared("How many things were found.", SPAN.c.findings),
    "tool_calls": _compared("How many tool calls it has.", SPAN.c.tool_calls),
    "hits": _compared("How many retrieved documents it has.", SPAN.c.hits),
    "attempts": _compared("How often providers were asked.", SPAN.c.attempts),
    "since": Field("Started at this time or later: `24h` ago, or RFC 3339.", time=">="),
    "until": Field("Started before this time.", time="<"),
    "text": Field("Words of the exchange, as they were after the guardrails."),
}
"""Every field, in the order in which they are told."""


def parse(text: str, now_us: int | None = None) -> Filter:
    """The filter that a text spells; ages (`since:24h`) are taken from `now_us` (default: now) and become times.

    Raises FilterError.
    """
    now = time.time_ns() // 1000 if now_us is None else now_us
    return read(text, lambda term: _checked(term, now))


def of(**values: str | bool | int) -> Filter:
    """The filter whose fields have these very values, stars and all."""
    terms = []
    for name, value in values.items():
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        check(plain)
        terms.append(_checked(Term(name, ":", ((plain,),)), time.time_ns() // 1000))
    return Filter(tuple(terms))


def between(low_us: int | None, high_us: int | None) -> Filter:
    """The filter of what started at a time or later, and before another."""
    ends = (("since", low_us), ("until", high_us))
    return Filter(tuple(Term(name, ":", ((told(us),),)) for name, us in ends if us is not None))


def _checked(term: Term, now_us: int) -> Term:
    """The term with its values as they are compared. Without values only the field and its operator are looked at."""
    field = FIELDS.get(term.field)
    if field is None:
        meant = nearest(term.field, tuple(FIELDS)) or f" Fields: {', '.join(FIELDS)}."
        quoted = " To search for a text with a colon, put it in quotes."
        raise FilterError(f"There is no field {plain_name(term.field)}.{meant}{quoted}", term.at)
    if term.operator != ":" and field.number is None:
        raise FilterError(f"{term.field} cannot be compared. Write {term.field}:VALUE.", term.at)
    if not term.values:
        return term
    if field.number is not None:
        return _number_term(term, field)
    if field.switch is not None:
        if one(term).lower() not in SWITCH:
            raise FilterError(f"{term.field} takes true or false.", term.at)
        return replace(term, values=((str(SWITCH[one(term).lower()]).lower(),),))
    if field.time:
        us = moment(one(term), now_us)
        if us is None:
            raise FilterError(
                f"{term.field} takes an RFC 3339 time with zone, or an age such as 24h or 7d.", term.at
            )
        return replace(term, values=((told(us),),))
    if term.field == "text":
        for value in term.values:
            _phrase(value, term.at)
        return term
    if term.field == "feedback" and any(len(value) > 1 for value in term.values):
        raise FilterError(f"{term.field} takes {', '.join(field.words)}, without a star.", term.at)
    if term.field == "tag" and any("".join(value).startswith("=") for value in term.values):
        raise FilterError("tag takes a name, or a name and a value: env=prod.", term.at)
    return known(term, field.words) if field.words else term


def _number_term(term: Term, field: Field) -> Term:
    if term.operator != ":" and len(term.values) > 1:
        raise FilterError(f"{term.field}{term.operator} takes one number.", term.at)
    for value in term.values:
        if len(value) != 1 or number(value[0], field.units or PLAIN) is None:
            units = [unit for unit in field.units or () if unit]
            also = f" with {', '.join(units)} or without" if units else ""
            raise FilterError(f"{term.field} takes a number{also}.", term.at)
    return term


def _phrase(value: Pattern, at: int) -> Phrase:
    """What a value of `text` looks for. Raises FilterError when it has no word, or a star in the midst."""
    if len(value) > 2 or value[1:] not in ((), ("",)):
        raise FilterError("text takes a star only at its end, for how a word begins.", at)
    found = words(value[0])
    # A star after a mark begins a new word, of which nothing is known.
    if not found or (len(value) == 2 and not words(value[0][-1:])):
        raise FilterError("text takes words: there is none here to search for.", at)
    return Phrase(tuple(found), prefix=len(value) == 2)


def phrases(filter: Filter) -> list[list[Phrase]]:
    """For each term that asks for a text: the phrases of which one must be there."""
    return [_phrases(term) for term in filter.terms if term.field == "text" and not term.negated]


def _phrases(term: Term) -> list[Phrase]:
    return [_phrase(value, term.at) for value in term.values]


def bounds(filter: Filter) -> tuple[int, int]:
    """Between which times the traces of a filter started: at or after the first, before the second."""
    low, high = 0, FOREVER_US
    for term in filter.terms:
        if term.field in ("since", "until"):
            us = microseconds(term.values[0][0])
            if (term.field == "since") != term.negated:
                low = max(low, us)
            else:
                high = min(high, us)
    return low, high


def where(filter: Filter, key: bytes, *, search: bool = True) -> list[ColumnElement[bool]]:
    """The conditions on SPAN that a filter means; `key` hashes names of sessions and subjects.

    `search` False says that texts are not indexed: a filter that asks for one then raises FilterError.
    """
    tenants = [term.values[0][0] for term in filter.terms if term.field == "tenant" and not term.negated]
    names = fields.Names(key, tenants[0] if tenants else "default", filter.reader)
    found: list[ColumnElement[bool]] = []
    one_finding: list[ColumnElement[bool]] = []
    one_item: list[ColumnElement[bool]] = []
    for term in filter.terms:
        if term.field == "text":
            if not search:
                raise FilterError("Texts are not indexed here (guardhouse.search is false).", term.at)
            if term.negated:
                found.append(~said(SPAN.c.id, [_phrases(term)], *bounds(filter)))
        elif term.field in fields.FINDINGS:
            condition = _any(term, names)
            if term.negated:
                found.append(~fields.finding(condition))
            else:
                one_finding.append(condition)
        elif term.field in fields.ITEMS:
            condition = _any(term, names)
            if term.negated:
                found.append(~fields.item(condition))
            else:
                one_item.append(condition)
        else:
            condition = _condition(term, names)
            # What is not known is not as asked: NULL counts as false, whichever way it is turned.
            found.append(~func.coalesce(condition, false()) if term.negated else condition)
    if one_finding:
        # Whatever was found is flagged, and those have an index of their own.
        found += [SPAN.c.flagged.is_(True), fields.finding(*one_finding)]
    if one_item:
        found.append(fields.item(*one_item))
    if sought := phrases(filter):
        found.append(said(SPAN.c.id, sought, *bounds(filter)))
    return found


def _condition(term: Term, names: fields.Names) -> ColumnElement[bool]:
    field = FIELDS[term.field]
    if field.number is not None:
        return _numbers(term, field)
    if field.switch is not None:
        switch = fields.reviewed(names.reader) if term.field == "reviewed" else field.switch
        return switch if SWITCH[term.values[0][0]] else ~switch
    if field.time:
        return _SIGNS[field.time](SPAN.c.started_us, microseconds(term.values[0][0]))  # type: ignore[no-any-return]
    return _any(term, names)


def _numbers(term: Term, field: Field) -> ColumnElement[bool]:
    wanted = [number(value[0], field.units or PLAIN) for value in term.values]
    sign = _SIGNS[term.operator]
    tests = []
    for each in wanted:
        assert each is not None
        # Stored as whole numbers, none as great as this: what lies between two is compared with the right one.
        whole = min(int(each), _GREAT)
        between_two = whole != each and whole < _GREAT
        if between_two and term.operator == ":":
            tests.append(false())
            continue
        whole += int(between_two and term.operator in (">=", "<"))
        tests.append(sign(field.number, literal(whole, BigInteger())))
    return or_(*tests)


def _any(term: Term, names: fields.Names) -> ColumnElement[bool]:
    condition = FIELDS[term.field].condition
    assert condition is not None
    plain = [value[0] for value in term.values if len(value) == 1]
    column = fields.COLUMNS.get(term.field)
    if column is not None and len(plain) == len(term.values) > 1:
        return column.in_(plain)
    return or_(*(condition(value, names) for value in term.values))
