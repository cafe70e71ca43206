"""The queue's filter: what the URL asks for, as a store filter and back again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from proxy.errors import BadRequest, Code, plain_name, plain_param
from proxy.review.session import HOME
from proxy.store import filters
from proxy.store.filter_fields import OUTCOMES
from proxy.store.filter_values import moment
from proxy.store.filters import Filter, FilterError

NEEDS_A_LOOK = "flagged:true"
"""What the queue lists when nothing is asked for: found, masked, blocked, or a check failed."""
_JUDGED = {"": "", "open": "reviewed:false", "done": "reviewed:true"}
_COPIED = {"": "", "no": "shadow:false", "only": "shadow:true"}
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Chip:
    """A term of the filter in force."""

    text: str
    without: str
    """Address of the queue without it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reviewer wants to see. Every field is a query parameter: `q`, and older ones that stand for a term."""

    q: str | None = None
    """A filter. Empty: everything. None: what needs a look, unless the others say otherwise."""
    outcome: str = ""
    """`any`: everything."""
    rule: str = ""
    model: str = ""
    review: str = ""
    """`open` or `done`."""
    since: str = ""
    """An age such as `24h`, or an RFC 3339 time."""
    shadow: str = ""
    """`no`: what callers sent. `only`: copies of it that another model answered."""
    prompt: str = ""
    """Name of the template that made the request, with `@version` or without."""

    @property
    def default(self) -> bool:
        """Whether nothing was asked for."""
        return self == Asked()

    @property
    def text(self) -> str:
        """All that is asked for as one filter."""
        older = {"outcome": "" if self.outcome == "any" else self.outcome}
        older |= {name: getattr(self, name) for name in ("rule", "model", "prompt", "since")}
        terms = [self.q or "", _JUDGED[self.review], _COPIED[self.shadow]]
        terms[:0] = [NEEDS_A_LOOK] if self.q is None and not self.outcome else []
        terms += [term(name, value) for name, value in older.items() if value]
        return " ".join(term for term in terms if term)

    def spans(self) -> Filter:
        """The same for the store. Raises FilterError."""
        return filters.parse(self.text)

    def chips(self) -> list[Chip]:
        """The terms as they were typed, each with the address of the queue without it; none for no filter."""
        text = self.text
        try:
            starts = [each.at for each in filters.parse(text).terms]
        except FilterError:
            return []
        ends = [*starts[1:], len(text)]
        pieces = [text[first:end].strip() for first, end in zip(starts, ends, strict=False)]
        return [Chip(one, _address(" ".join(pieces[:n] + pieces[n + 1 :]))) for n, one in enumerate(pieces)]

    def has(self, field: str, value: str) -> bool:
        """Whether the filter already asks for this very value."""
        wanted = term(field, value)
        return any(chip.text == wanted for chip in self.chips())

    def also(self, field: str, value: str) -> str:
        """The queue's address with one more term."""
        text = " ".join(part for part in (self.text, term(field, value)) if part)
        return _address(text)

    def query(self, **more: str | None) -> str:
        """The query string with its question mark, parameters added; empty when there is none."""
        values = {field.name: getattr(self, field.name) for field in fields(self)} | more
        kept = {name: value for name, value in values.items() if value or (name == "q" and value is not None)}
        return "?" + urlencode(kept, errors="replace") if kept else ""

    def words(self) -> str:
        """The filter as a caption says it."""
        if self.text == NEEDS_A_LOOK:
            return "that need a look"
        return f"in the filter {self.text}" if self.text else "of every outcome"


def _address(text: str) -> str:
    """The queue's address by a filter."""
    return f"{HOME}?{urlencode({'q': text}, errors='replace')}"


def term(field: str, value: str) -> str:
    """A term for this very value, as it is typed: an age stays an age."""
    return f"{field}:{value}" if field == "since" else str(filters.Term(field, ":", ((value,),)))


def asked(parameters: Mapping[str, str], *also: str) -> Asked:
    """The filter in query parameters; `also` names the other parameters of the page.

    Raises BadRequest naming one that is unknown or unfit.
    """
    known = [field.name for field in fields(Asked)]
    for name, value in parameters.items():
        if name not in (*known, *also):
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join((*known, *also))}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
        if name != "q" and "\0" in value:
            raise BadRequest(f"{name} holds a NUL, which no database takes.", param=name)
        if name != "q" and len(value) > _LONGEST:
            raise BadRequest(f"{name} is over {_LONGEST} characters.", param=name)
    found = Asked(**{name: parameters[name].strip() for name in known if name in parameters})
    if found.outcome not in ("", "any", *OUTCOMES):
        raise BadRequest(f"outcome takes any, {', '.join(OUTCOMES)}, or nothing.", param="outcome")
    if found.review not in _JUDGED:
        raise BadRequest("review takes open, done, or nothing.", param="review")
    if found.shadow not in _COPIED:
        raise BadRequest("shadow takes no, only, or nothing.", param="shadow")
    if found.since and moment(found.since, 0) is None:
        raise BadRequest(
            "since takes an RFC 3339 time with zone, or an age such as 24h or 7d.", param="since"
        )
    return found


def trace_path(id: str, query: str = "") -> str:
    """The page of a trace."""
    return f"{HOME}/traces/{id}{query}"
