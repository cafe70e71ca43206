"""The queue's filter: what the URL asks for, as a store filter and back again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from proxy.errors import BadRequest, Code
from proxy.review.session import HOME
from proxy.store import queries

OUTCOMES = ("blocked", "masked", "flagged", "failed", "cancelled", "passed")
"""What can become of an exchange, the most pressing first."""
SINCE = {
    "": "Any time",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
REVIEW = {"": "Any", "open": "Not reviewed", "done": "Reviewed"}
SHADOW = {"": "Any", "no": "Callers'", "only": "Shadows"}
_COPIED = {"": None, "no": False, "only": True}
_JUDGED = {"": None, "open": False, "done": True}
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reviewer wants to see. Every field is a query parameter; empty means any."""

    outcome: str = ""
    """Empty: what needs a look (found, masked, blocked, or a check failed). `any`: everything."""
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

    def spans(self) -> queries.SpanFilter:
        """The same for the store. Raises BadRequest for a time that is none."""
        try:
            since_us = queries.moment("since", self.since) if self.since else None
        except queries.QueryError as error:
            raise BadRequest(str(error), param="since") from None
        return queries.SpanFilter(
            outcome=self.outcome if self.outcome in OUTCOMES else None,
            flagged=True if self.outcome == "" else None,
            rule=self.rule or None,
            model=self.model or None,
            prompt=self.prompt.partition("@")[0] or None,
            prompt_version=self.prompt.partition("@")[2] or None,
            reviewed=_JUDGED[self.review],
            since_us=since_us,
            shadow=_COPIED[self.shadow],
        )

    def query(self, **more: str | None) -> str:
        """The query string with its question mark, parameters added; empty when there is none."""
        values = {field.name: getattr(self, field.name) for field in fields(self)} | more
        kept = {name: value for name, value in values.items() if value}
        return "?" + urlencode(kept, errors="replace") if kept else ""

    def words(self) -> str:
        """The filter as a caption says it."""
        what = "that need a look" if self.outcome == "" else f"with outcome {self.outcome}"
        parts = ["of every outcome" if self.outcome == "any" else what]
        parts += [f"found by {self.rule}"] if self.rule else []
        parts += [f"sent to {self.model}"] if self.model else []
        parts += [f"made by the prompt {self.prompt}"] if self.prompt else []
        parts += (
            [{"open": "not reviewed yet", "done": "already reviewed"}[self.review]] if self.review else []
        )
        parts += [{"no": "without shadows", "only": "shadows only"}[self.shadow]] if self.shadow else []
        parts += [SINCE.get(self.since, f"since {self.since}").lower()] if self.since else []
        return ", ".join(parts)


def asked(parameters: Mapping[str, str], *also: str) -> Asked:
    """The filter in query parameters; `also` names the other parameters of the page.

    Raises BadRequest naming one that is unknown or unfit.
    """
    known = [field.name for field in fields(Asked)]
    for name, value in parameters.items():
        if name not in (*known, *also):
            message = f"Query parameter {name[:64]!r} is unknown. Known: {', '.join((*known, *also))}."
            raise BadRequest(message, param=name[:64], code=Code.UNKNOWN_PARAMETER)
        if "\0" in value:
            raise BadRequest(f"{name} holds a NUL, which no database takes.", param=name)
        if len(value) > _LONGEST:
            raise BadRequest(f"{name} is over {_LONGEST} characters.", param=name)
    found = Asked(**{name: parameters[name].strip() for name in known if name in parameters})
    if found.outcome not in ("", "any", *OUTCOMES):
        raise BadRequest(f"outcome takes any, {', '.join(OUTCOMES)}, or nothing.", param="outcome")
    if found.review not in REVIEW:
        raise BadRequest("review takes open, done, or nothing.", param="review")
    if found.shadow not in SHADOW:
        raise BadRequest("shadow takes no, only, or nothing.", param="shadow")
    found.spans()
    return found


def trace_path(id: str, query: str = "") -> str:
    """The page of a trace."""
    return f"{HOME}/traces/{id}{query}"
