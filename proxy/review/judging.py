"""A reviewer's form as judgements: on findings, on the trace, on places that no rule found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from proxy.errors import BadRequest, NotFound
from proxy.places import check_place, checked_entity, texts
from proxy.review.forms import Fields
from proxy.review.site import Reader, Site
from proxy.said import with_note
from proxy.store import queries
from proxy.store.filter_fields import TAGS, VERDICTS
from proxy.store.reviews import NewReview, Place

OF_FINDING = {
    "true_positive": ("True", "The rule was right.", "1"),
    "false_positive": ("False", "There was nothing to find.", "2"),
    "wrong_action": ("Wrong action", "Rightly found, wrongly handled.", "3"),
    "unsure": ("Unsure", "Somebody else should look.", "5"),
}
"""What can be said of a finding: its name, its meaning and its key."""
OF_TRACE = {
    "pass": ("Pass", "The exchange was handled as it should.", "1"),
    "fail": ("Fail", "Something went wrong.", "2"),
    "defer": ("Defer", "Somebody else should look.", "3"),
}
"""What can be said of a trace."""
NAMES = {name: words[0] for name, words in (OF_FINDING | OF_TRACE).items()} | {
    "true_positive": "True positive", "false_positive": "False positive", "missed": "Missed",
    "withdrawn": "Withdrawn",
}  # fmt: skip
"""Every verdict as the pages write it."""
MOST_NOTE = 10_000
"""Characters of a note."""
MOST_MISSED = 100
"""Places that one form marks as missed."""
_NUMBER = re.compile(r"\d{1,7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """One judgement as a form gives it."""

    verdict: str
    finding: int | None = None
    """Index of the finding; None for the whole trace, or for a place."""
    place: Place | None = None
    entity: str | None = None
    """What was missed at the place."""
    words: str = ""
    """In the stead of a place: the missed text as it stands in the trace, which `placed` looks for."""
    note: str = ""
    tags: tuple[str, ...] = ()


def judgements(form: Fields) -> list[Given]:
    """What a form says, one judgement each. The note and the tags go with the first. Raises BadRequest.

    Fields: `verdict` (of the trace, or of the finding with the index `finding`), `finding.N`, `missed` (repeated:
    `side|pointer|within|start|end|entity`, each part URL-quoted), `missed_text` with `missed_entity`, `tags`
    (repeated), `note`. With `only` = N, the verdict on that finding alone is meant.
    """
    if only := form.get("only"):
        return list(_of_finding(f"finding.{only}", form.get(f"finding.{only}", "")))
    found = [*_of_trace(form), *_of_findings(form), *_missed(form)]
    if not found:
        raise BadRequest("Choose a verdict.", param="verdict")
    note = form.get("note", "").replace("\r\n", "\n").strip()
    if len(note) > MOST_NOTE:
        raise BadRequest(f"The note is over {MOST_NOTE} characters.", param="note")
    tags = tuple(dict.fromkeys(form.all("tags")))
    if not {*tags} <= {*TAGS}:
        raise BadRequest(f"tags takes {', '.join(TAGS)}.", param="tags")
    return [replace(found[0], note=note, tags=tags), *found[1:]]


def placed(trace: Mapping[str, Any], given: Given) -> Given:
    """The judgement, with its place in the stored text. Raises BadRequest for a finding or place that is not there."""
    if given.finding is not None and given.finding >= len(trace["findings"]):
        count = len(trace["findings"])
        raise BadRequest(
            f"finding is {given.finding}, but the trace has {count} (counted from 0).", param="finding"
        )
    if given.words:
        return replace(given, place=_sought(trace, given.words), words="")
    if given.place is not None:
        check_place(trace, **asdict(given.place))
    return given


async def new_reviews(
    site: Site, reader: Reader, span_id: str, form: Fields, item_id: str | None = None
) -> list[NewReview]:
    """What a form says of a trace, as it is kept: checked against the stored texts, the note after the guardrails.

    Raises BadRequest, NotFound for no such trace, or Unavailable when the note could not be looked at.
    """
    checked = judgements(form)
    if any(each.words or each.place for each in checked):
        # Only then are its texts needed; whether it has such a finding is looked at as the verdict is kept.
        trace = queries.get_trace(site.store, span_id, reader.tenant) if span_id.isprintable() else None
        if trace is None:
            raise NotFound("There is no trace with this id any more, so nothing was saved.")
        checked = [placed(trace, each) for each in checked]
    note = (await with_note(site.context, reader.who, {"note": checked[0].note}))["note"]
    checked[0] = replace(checked[0], note=note)
    return [
        NewReview(
            verdict=each.verdict,
            author=reader.who.key_id,
            note=each.note,
            finding=each.finding,
            tags=each.tags,
            place=each.place,
            entity=each.entity,
            item_id=item_id,
        )
        for each in checked
    ]


def missed_field(place: Place, entity: str) -> str:
    """A missed place as its form field holds it."""
    parts = (place.side, place.pointer, place.within, str(place.start), str(place.end), entity)
    return "|".join(quote(part, safe="") for part in parts)


def _of_trace(form: Fields) -> Iterator[Given]:
    verdict = form.get("verdict", "")
    if number := form.get("finding", ""):
        yield from _of_finding(f"finding.{number}", verdict)
    elif verdict:
        if verdict not in VERDICTS:
            raise BadRequest(f"verdict takes {', '.join(VERDICTS)}.", param="verdict")
        yield Given(verdict)


def _of_findings(form: Fields) -> Iterator[Given]:
    for name, verdict in form.items():
        if name.startswith("finding.") and verdict:
            yield from _of_finding(name, verdict)


def _of_finding(name: str, verdict: str) -> Iterator[Given]:
    number = name.partition(".")[2]
    if not _NUMBER.fullmatch(number):
        raise BadRequest("finding takes the number of a finding.", param="finding")
    if verdict not in OF_FINDING:
        raise BadRequest(f"finding takes {', '.join(OF_FINDING)}.", param="finding")
    yield Given(verdict, int(number))


def _missed(form: Fields) -> Iterator[Given]:
    marked = form.all("missed")
    if len(marked) > MOST_MISSED:
        raise BadRequest(f"missed marks over {MOST_MISSED} places.", param="missed")
    for each in marked:
        parts = [unquote(part) for part in each.split("|")]
        if len(parts) != 6 or not all(_NUMBER.fullmatch(part) for part in parts[3:5]):
            raise BadRequest("missed takes side|pointer|within|start|end|entity.", param="missed")
        side, pointer, within, start, end, entity = parts
        yield Given(
            "missed", place=Place(side, pointer, within, int(start), int(end)), entity=checked_entity(entity)
        )
    if words := form.get("missed_text", ""):
        entity = checked_entity(form.get("missed_entity", ""))
        yield Given("missed", words=words.replace("\r\n", "\n"), entity=entity)


def _sought(trace: Mapping[str, Any], words: str) -> Place:
    """Where a text stands first."""
    for side, pointer, within, text in texts(trace):
        start = text.find(words)
        if start >= 0:
            return Place(side, pointer, within, start, start + len(words))
    raise BadRequest(
        "The missed text is not in this trace. Copy it as it stands in the conversation.", param="missed_text"
    )
