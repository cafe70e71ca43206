"""A trace document as the page shows it: the conversation with its findings marked. Pure.

A document holds what models and strangers wrote, in any shape: whatever is not as expected is shown as
text or left to the JSON, and never trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import orjson
from markupsafe import Markup

from proxy.document import at
from proxy.places import HIT, texts
from proxy.review.judged import judged, missed
from proxy.review.marks import Mark, marked, visible
from proxy.review.messages_view import ORIGINAL, as_chat
from proxy.review.room import LONGEST, longest
from proxy.review.words import NOTHING, decimal

Json = Mapping[str, Any]

MOST_MESSAGES = 120
"""Messages of a request that a page shows: the last ones."""
MOST_FINDINGS = 100
"""Findings that a page lists."""
MOST_ROWS = 200
"""Members of one call's arguments that a page shows."""
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MEDIA = {
    "image_url": "image", "input_image": "image", "image": "image", "document": "file",
    "input_audio": "audio", "file": "file", "input_file": "file"
}  # fmt: skip
_MORE_TEXTS = {"reasoning_content": "reasoning", "reasoning": "reasoning", "refusal": "refusal"}
READERS = {
    "responses": "proxy.review.responses:conversation",
    "responses_compact": "proxy.review.responses:conversation",
    "responses_count": "proxy.review.responses:conversation",
    "stored_response": "proxy.review.responses:conversation",
    "completions": "proxy.review.plain:conversation",
    "embeddings": "proxy.review.plain:conversation",
    "moderations": "proxy.review.plain:conversation",
}
"""Dialects that are not read as chat, to `module:function` of their reader, imported when first asked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a message."""

    body: Markup
    name: str = ""
    """What it is when it is not the message's own text: `reasoning`, `refusal`, `image`."""
    hidden: int = 0
    """Code points left out at the end."""
    size: int = 0
    """Code points of the whole text."""
    at: tuple[str, str, str] | None = None
    """Side, pointer and place within: where the text is stored; None where no place in it can be named."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, joined with its result."""

    name: Markup
    call_id: str
    arguments: list[tuple[str, Part]]
    """(place inside the arguments, value); one row without a place where they are no JSON object."""
    result: list[Part]
    """Empty when no result is known."""
    answered_by: str = ""
    """Id of the later trace that brought the result."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: str
    """One of ROLES, or `other`: reaches a class attribute."""
    label: str
    parts: list[Part]
    calls: list[Call]
    numbers: list[int]
    """Findings marked in it."""
    characters: int
    note: str = ""

    @property
    def folded(self) -> bool:
        """Whether it starts out closed: instructions repeat from trace to trace."""
        return self.role in ("system", "developer")


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as its table lists it."""

    number: int
    """Counted from 1."""
    document: Json
    tone: str
    where: str
    score: str
    placed: bool
    """Whether it is marked in a text on the page."""
    verdict: str = ""
    """What the reader last said of it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved document."""

    rank: str
    doc_id: str
    score: str
    source: str
    body: Part


@dataclass(frozen=True, slots=True)
class Ran:
    """A tool that the app's own span tells of."""

    name: Markup
    call_id: Markup
    linked_by: str
    error: bool
    arguments: Part
    result: Part | None


@dataclass(frozen=True, slots=True)
class Detail:
    """All that the page of a trace shows beyond the document's plain fields."""

    messages: list[Message]
    replies: list[Message]
    elsewhere: list[tuple[str, Part]]
    """Other texts in which something was found: (pointer, text)."""
    hits: list[Hit]
    ran: list[Ran]
    findings: list[Found]
    tools: list[tuple[str, Part]]
    """Tools that the model was offered: (name, description)."""
    more_findings: int = 0
    """Findings that are not listed."""
    left_out: int = 0
    """Messages at the beginning that are not shown."""


@dataclass(slots=True)
class Page:
    """The texts of one trace on their page: the findings by place, and which of them have been marked so far."""

    trace: Json
    marks: dict[tuple[str, str, str], list[Mark]] = field(default_factory=dict)
    placed: set[int] = field(default_factory=set)
    longest: int = LONGEST
    """Code points of one text that are shown."""

    def __post_init__(self) -> None:
        said = judged(self.trace)
        for number, finding in enumerate(self.trace["findings"], 1):
            start, end = finding.get("masked_start"), finding.get("masked_end")
            if isinstance(start, int) and isinstance(end, int):
                key = (str(finding["side"]), str(finding["pointer"]), str(finding.get("within") or ""))
                words = label(number, finding)
                mark = Mark(start, end, number, tone(finding), words, verdict=said.get(number - 1, ""))
                self.marks.setdefault(key, []).append(mark)
        for number, given in enumerate(missed(self.trace), 1):
            key = (str(given["side"]), str(given["pointer"]), str(given["within"] or ""))
            words = f"missed: {given['entity'] or 'something'}"
            self.marks.setdefault(key, []).append(
                Mark(given["start"], given["end"], number, "missed", words, "m")
            )

    def part(self, text: str, side: str, pointer: str, within: str = "", name: str = "") -> Part:
        """The text with what was found there; each finding is marked once on the page."""
        most = self.longest
        marks = [m for m in self.marks.pop((side, pointer, within), ()) if m.start < min(len(text), most)]
        self.placed |= {m.number for m in marks if not m.kind and max(0, m.start) < min(len(text), m.end)}
        at = (side, self.origin(side, pointer), within) if pointer and text else None
        return Part(marked(text[:most], marks), name, max(0, len(text) - most), len(text), at)

    def plain(self, text: str) -> Part:
        """A text that stands in another trace, or nowhere."""
        return Part(visible(text[: self.longest]), "", max(0, len(text) - self.longest), len(text))

    def origin(self, side: str, pointer: str) -> str:
        """Where a text stands in the stored document: a trace that is shown as a chat has it elsewhere."""
        moved = self.trace.get("origins", {}).get(side)
        if moved is None:
            return pointer
        if pointer.startswith(ORIGINAL):
            return pointer.removeprefix(ORIGINAL)
        steps = pointer.split("/")
        for count in range(len(steps), 1, -1):
            if (old := moved.get("/".join(steps[:count]))) is not None:
                return "/".join([old, *steps[count:]])
        return pointer


Reader = Callable[[Page, Json, Json, Mapping[str, Json]], tuple[list[Message], list[Message]]]
"""(page, request, response, calls of the trace by id) -> the turns of the request, and those of the reply."""


def tone(finding: Json) -> str:
    """How a finding is coloured: its action, or `shadow` when its rule only watches."""
    return "shadow" if finding.get("mode") == "shadow" else str(finding.get("action"))


def label(number: int, finding: Json) -> str:
    """A finding in a few words."""
    words = f"#{number} {finding['entity']} ({finding['rule']}): {finding['action']}"
    return words + (" in shadow" if finding.get("mode") == "shadow" else "")


def detail(trace: Json, author: str | None = None) -> Detail:
    """The trace document of `queries.get_trace`, ready to be shown to somebody who may have judged it."""
    read = as_chat(trace) if trace.get("dialect") == "messages" else trace
    page = Page(read, longest=longest(text for _, _, _, text in texts(trace)))
    request, response = _dict(read["request"]), _dict(read["response"])
    joined = {str(call["call_id"]): call for call in trace["tool_calls"]}
    messages, replies = _reader(trace)(page, request, response, joined)
    hits = [_hit(page, place, hit) for place, hit in enumerate(trace["retrieval"])]
    tools = [_tool(page, place, _dict(tool)) for place, tool in enumerate(_list(request.get("tools")))]
    elsewhere = _elsewhere(page, {"input": request, "output": response})
    mine = judged(trace, author)
    findings = [
        replace(_found(page, number, f), verdict=mine.get(number - 1, ""))
        for number, f in enumerate(trace["findings"][:MOST_FINDINGS], 1)
    ]
    return Detail(
        messages[-MOST_MESSAGES:],
        replies,
        elsewhere,
        hits,
        list(_ran(page, trace)),
        findings,
        tools[:MOST_MESSAGES],
        max(0, len(trace["findings"]) - MOST_FINDINGS),
        max(0, len(messages) - MOST_MESSAGES),
    )


def _reader(trace: Json) -> Reader:
    """How the bodies of the trace's dialect are read."""
    where = READERS.get(str(trace.get("dialect")))
    if where is None:
        return _chat
    module, _, name = where.partition(":")
    found: Reader = getattr(import_module(module), name)
    return found


def _chat(
    page: Page, request: Json, response: Json, joined: Mapping[str, Json]
) -> tuple[list[Message], list[Message]]:
    choices = [_dict(choice) for choice in _list(response.get("choices"))]
    replies = [_reply(page, place, choice, joined, len(choices)) for place, choice in enumerate(choices)]
    return list(_conversation(page, request, joined)), replies


def _conversation(page: Page, request: Json, joined: Mapping[str, Json]) -> Iterator[Message]:
    """The request's messages; a result stands in its call's card, not as a message of its own."""
    messages = [_dict(message) for message in _list(request.get("messages"))]
    asked = {
        str(_dict(call).get("id"))
        for message in messages
        if message.get("role") == "assistant"
        for call in _list(message.get("tool_calls"))
    }
    results: dict[str, tuple[int, Json]] = {}
    for place, message in enumerate(messages):
        call_id = str(message.get("tool_call_id"))
        if message.get("role") == "tool" and call_id in asked and call_id not in results:
            results[call_id] = (place, message)
    used = {place for place, _ in results.values()}
    for place, message in enumerate(messages):
        if place not in used:
            yield _message(page, message, f"/messages/{place}", "input", joined, results)


def _reply(page: Page, place: int, choice: Json, joined: Mapping[str, Json], of: int) -> Message:
    message = _message(page, _dict(choice.get("message")), f"/choices/{place}/message", "output", joined, {})
    reason = choice.get("finish_reason")
    notes = [f"choice {place + 1} of {of}"] if of > 1 else []
    notes += [f"finished: {reason}"] if isinstance(reason, str) else ["no finish reason"]
    return replace(message, label="reply", note=", ".join(notes))


def _message(
    page: Page,
    message: Json,
    pointer: str,
    side: str,
    joined: Mapping[str, Json],
    results: Mapping[str, tuple[int, Json]],
) -> Message:
    before = set(page.placed)
    role = message.get("role")
    parts = list(_parts(page, message.get("content"), f"{pointer}/content", side))
    for member, title in _MORE_TEXTS.items():
        if isinstance(text := message.get(member), str) and text:
            parts.append(page.part(text, side, f"{pointer}/{member}", name=title))
    calls = [
        _call(page, _dict(call), f"{pointer}/tool_calls/{place}", side, joined, results)
        for place, call in enumerate(_list(message.get("tool_calls")))
    ]
    names = [name for name in (role, message.get("name")) if isinstance(name, str)]
    return Message(
        role=str(role) if role in ROLES else "other",
        label=" · ".join(names) or "message",
        parts=parts,
        calls=calls,
        numbers=sorted(page.placed - before),
        characters=sum(part.size for part in parts),
    )


def _parts(page: Page, content: Any, pointer: str, side: str) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield page.part(content, side, pointer)
        return
    for place, part in enumerate(_list(content)):
        given = _dict(part)
        if isinstance(text := given.get("text"), str):
            yield page.part(text, side, f"{pointer}/{place}/text")
        elif isinstance(text := given.get("refusal"), str):
            yield page.part(text, side, f"{pointer}/{place}/refusal", name="refusal")
        else:
            kind = str(given.get("type"))
            yield Part(Markup("Not shown here; the JSON has what was kept of it."), _MEDIA.get(kind, "part"))


def _call(
    page: Page,
    call: Json,
    pointer: str,
    side: str,
    joined: Mapping[str, Json],
    results: Mapping[str, tuple[int, Json]],
) -> Call:
    kind = "custom" if isinstance(call.get("custom"), dict) else "function"
    function, call_id = _dict(call.get(kind)), str(call.get("id") or "")
    member = "input" if kind == "custom" else "arguments"
    text, name = function.get(member), function.get("name")
    where = f"{pointer}/{kind}"
    answered_by, result = "", []
    if call_id in results:
        place, message = results[call_id]
        result = list(_parts(page, message.get("content"), f"/messages/{place}/content", "input"))
        result = result or [Part(Markup("(empty)"))]
    elif isinstance(later := _dict(joined.get(call_id)).get("result"), str):
        result = [page.plain(later)]
        answered_by = str(joined[call_id].get("answered_by") or "")
    return Call(
        name=page.part(name if isinstance(name, str) else NOTHING, side, f"{where}/name").body,
        call_id=call_id,
        arguments=list(arguments(page, text if isinstance(text, str) else "", side, f"{where}/{member}")),
        result=result,
        answered_by=answered_by,
    )


def arguments(page: Page, text: str, side: str, pointer: str) -> Iterator[tuple[str, Part]]:
    """(place inside the arguments, value) of a call's arguments; one row without a place where they are no JSON."""
    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        value = None
    if not isinstance(value, dict | list) or not value:
        yield "", page.part(text, side, pointer)
        return
    stack: list[tuple[str, Any]] = [("", value)]
    rows = 0
    while stack:
        place, item = stack.pop()
        if isinstance(item, dict | list) and item:
            pairs = list(item.items() if isinstance(item, dict) else enumerate(item))
            stack += [(f"{place}/{_step(str(name))}", inner) for name, inner in reversed(pairs)]
            continue
        if rows == MOST_ROWS:
            yield "", Part(Markup("There is more: the JSON has all of it."), "part")
            return
        rows += 1
        # Unquoted: the offsets of findings count the value's own characters.
        written = item if isinstance(item, str) else orjson.dumps(item).decode()
        yield place[1:], page.part(written, side, pointer, place)


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _hit(page: Page, place: int, hit: Json) -> Hit:
    pointers = [
        pointer
        for side, pointer, _ in page.marks
        if side == "input" and (found := HIT.fullmatch(pointer)) and int(found[1]) == place
    ]
    own = f"/guardhouse/retrieval/{place}/text" if hit["source"] == "request" else ""
    pointer = pointers[0] if pointers else own
    rank = hit["rank"]
    return Hit(
        rank=str(rank),
        doc_id=str(hit["doc_id"]),
        score=decimal(hit["score"]),
        source=str(hit["source"]) + (f", by {by}" if (by := hit.get("linked_by")) else ""),
        body=page.part(str(hit["text"]), "input", pointer),
    )


def _ran(page: Page, trace: Json) -> Iterator[Ran]:
    for span in _list(trace.get("outside")):
        for call in _list(span.get("tool_calls")):
            result = call.get("result")
            yield Ran(
                name=visible(str(call["name"])),
                call_id=visible(str(call["call_id"])),
                linked_by=str(span["linked_by"]),
                error=bool(span["error"]),
                arguments=page.plain(str(call["arguments"])),
                result=page.plain(result) if isinstance(result, str) else None,
            )


def _tool(page: Page, place: int, tool: Json) -> tuple[str, Part]:
    inner = isinstance(tool.get("function"), dict)
    function = _dict(tool["function"]) if inner else tool
    name, text = function.get("name"), function.get("description")
    pointer = f"/tools/{place}{'/function' if inner else ''}/description"
    body = page.part(text if isinstance(text, str) else "", "input", pointer)
    return (name if isinstance(name, str) else str(tool.get("type")), body)


def _elsewhere(page: Page, sides: Mapping[str, Json]) -> list[tuple[str, Part]]:
    found = []
    for side, pointer, within in list(page.marks):
        text = None if within else at(sides.get(side), pointer)
        if isinstance(text, str):
            found.append((pointer.removeprefix(ORIGINAL), page.part(text, side, pointer)))
    return found


def _found(page: Page, number: int, finding: Json) -> Found:
    within = finding.get("within") or ""
    return Found(
        number=number,
        document=finding,
        tone=tone(finding) if tone(finding) in ("block", "redact", "pseudonymize", "shadow") else "flag",
        where=f"{finding['pointer']}{' → ' + within if within else ''}",
        score=decimal(finding["score"], 2),
        placed=number in page.placed,
    )


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
