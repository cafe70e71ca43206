"""The bodies of a trace of the Responses dialect as turns of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from proxy.dialects.texts import walk
from proxy.review.marks import visible
from proxy.review.views import ROLES, Call, Json, Message, Page, Part, arguments

_ASKED = ("arguments", "input", "action", "actions", "operation", "code", "queries")
"""Members in which a call says what it asks for."""
_ANSWERED = ("output", "outputs", "results", "result", "error")
"""Members in which a call, or an item of its own, says what came of it."""
_NOT_SHOWN = frozenset({"type", "id", "call_id", "status", "role", "encrypted_content"})
_MEDIA = {
    "input_image": "image",
    "input_file": "file",
    "input_audio": "audio",
    "computer_screenshot": "image",
}

Results = dict[str, tuple[int, Json]]
"""(place in the input, item) of each result, by the id of the call it answers."""


def conversation(
    page: Page, request: Json, response: Json, joined: Mapping[str, Json]
) -> tuple[list[Message], list[Message]]:
    """The turns of the request, a result in the card of its call, and those of the reply."""
    turns = list(_instructions(page, request))
    given = request.get("input")
    if isinstance(given, str) and given:
        turns.append(_said(page, "user", "user", given, "/input"))
    found = [item if isinstance(item, dict) else {} for item in (given if isinstance(given, list) else ())]
    asked = {str(item.get("call_id")) for item in found if _is_call(item)}
    results: Results = {}
    for place, item in enumerate(found):
        if _is_result(item) and str(item.get("call_id")) in asked:
            results.setdefault(str(item.get("call_id")), (place, item))
    used = {place for place, _ in results.values()}
    for place, item in enumerate(found):
        if place not in used:
            turns.append(_turn(page, item, f"/input/{place}", "input", joined, results))
    output = response.get("output")
    told = [item for item in (output if isinstance(output, list) else ()) if isinstance(item, dict)]
    replies = [_turn(page, item, f"/output/{n}", "output", joined, {}) for n, item in enumerate(told)]
    return turns, _ended(replies, response)


def _instructions(page: Page, request: Json) -> Iterator[Message]:
    text = request.get("instructions")
    if isinstance(text, str) and text:
        yield _said(page, "system", "instructions", text, "/instructions")


def _said(page: Page, role: str, label: str, text: str, pointer: str) -> Message:
    """A text of the request that is no item, as a turn."""
    before = set(page.placed)
    made = _message(role, label, [page.part(text, "input", pointer)], [])
    return replace(made, numbers=sorted(page.placed - before))


def _ended(replies: list[Message], response: Json) -> list[Message]:
    """The turns of a reply, the last with how it ended."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    status = response.get("status")
    if not replies or not isinstance(status, str):
        return replies
    note = f"{status}: {reason}" if isinstance(reason, str) else status
    return [*replies[:-1], replace(replies[-1], note=note)]


def _turn(
    page: Page, item: Json, pointer: str, side: str, joined: Mapping[str, Json], results: Results
) -> Message:
    """One item as a turn of the conversation."""
    before = set(page.placed)
    type_, role = str(item.get("type") or "message"), item.get("role")
    if _is_call(item):
        call = _call(page, item, pointer, side, joined, results)
        made = _message("assistant", "assistant", [], [call])
    elif _is_result(item):
        parts = list(_texts(page, item, pointer, side))
        made = _message("tool", f"tool · {item.get('call_id') or type_}", parts, [])
    elif type_ == "message" or isinstance(item.get("content"), str):
        known = str(role) if role in ROLES else "other"
        made = _message(known, str(role or "message"), list(_content(page, item, pointer, side)), [])
    else:
        parts = list(_texts(page, item, pointer, side))
        made = _message("assistant" if type_ == "reasoning" else "other", type_, parts, [])
    label = f"reply · {made.label}" if side == "output" and made.label != "assistant" else made.label
    label = "reply" if side == "output" and label == "assistant" else label
    return replace(made, label=label, numbers=sorted(page.placed - before))


def _message(role: str, label: str, parts: list[Part], calls: list[Call]) -> Message:
    return Message(role, label, parts, calls, [], sum(part.size for part in parts))


def _content(page: Page, item: Json, pointer: str, side: str) -> Iterator[Part]:
    """What a message says: its own text, or its parts."""
    content = item.get("content")
    if isinstance(content, str):
        if content:
            yield page.part(content, side, f"{pointer}/content")
        return
    for place, part in enumerate(content if isinstance(content, list) else ()):
        given = part if isinstance(part, dict) else {}
        at = f"{pointer}/content/{place}"
        if given.get("omitted") or str(given.get("type")) in _MEDIA:
            yield _omitted(given)
        elif isinstance(given.get("text"), str):
            yield page.part(given["text"], side, f"{at}/text")
        elif isinstance(given.get("refusal"), str):
            yield page.part(given["refusal"], side, f"{at}/refusal", name="refusal")
        else:
            yield from _leaves(page, given, at, side)


def _call(
    page: Page, item: Json, pointer: str, side: str, joined: Mapping[str, Json], results: Results
) -> Call:
    call_id = str(item.get("call_id") or item.get("id") or "")
    name = item.get("name")
    shown = (
        page.part(name, side, f"{pointer}/name").body
        if isinstance(name, str)
        else visible(str(item.get("type")))
    )
    answered_by, result = (
        "",
        [
            part
            for member in _ANSWERED
            for part in _leaves(page, item.get(member), f"{pointer}/{member}", side)
        ],
    )
    if call_id in results:
        place, answer = results[call_id]
        result = list(_texts(page, answer, f"/input/{place}", "input")) or [Part(Markup("(empty)"))]
    elif not result and isinstance(later := joined.get(call_id, {}).get("result"), str):
        result = [page.plain(later)]
        answered_by = str(joined[call_id].get("answered_by") or "")
    return Call(shown, call_id, list(_asked(page, item, pointer, side)), result, answered_by)


def _asked(page: Page, item: Json, pointer: str, side: str) -> Iterator[tuple[str, Part]]:
    """(place, value) of all that a call asks for."""
    for member in _ASKED:
        value, at = item.get(member), f"{pointer}/{member}"
        if member == "arguments" and isinstance(value, str):
            yield from arguments(page, value, side, at)
        elif value is not None:
            for where, text in _strings(value, at):
                yield where.removeprefix(at)[1:], page.part(text, side, where)


def _texts(page: Page, item: Json, pointer: str, side: str) -> Iterator[Part]:
    """All that an item says, whatever its kind."""
    for member, value in item.items():
        if member not in _NOT_SHOWN:
            yield from _leaves(page, value, f"{pointer}/{member}", side)


def _leaves(page: Page, value: Any, pointer: str, side: str) -> Iterator[Part]:
    if isinstance(value, dict) and value.get("omitted"):
        yield _omitted(value)
        return
    for where, text in _strings(value, pointer):
        member = where.rpartition("/")[2]
        own = member in ("text", "output", "summary") or member.isdigit()
        yield page.part(text, side, where, name="" if own else member)


def _strings(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    for where, item, name in walk(value, pointer):
        if isinstance(item, str) and item and name not in _NOT_SHOWN:
            yield where, item


def _omitted(part: Json) -> Part:
    kind = str(part.get("type"))
    return Part(Markup("Not shown here; the JSON has what was kept of it."), _MEDIA.get(kind, "part"))


def _is_call(item: Json) -> bool:
    type_ = str(item.get("type"))
    return type_.endswith("_call") or type_ == "mcp_approval_request"


def _is_result(item: Json) -> bool:
    return str(item.get("type")).endswith("_output")
