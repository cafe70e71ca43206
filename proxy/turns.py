"""A conversation as steps that read the same in every dialect: what was said, called and answered, in order.

What clients change from turn to turn is left out: system messages (agents put the time into them and slip reminders
between turns), reasoning, null members, marks for prompt caches, and whether a text is a string or a list of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

_LONG_ARGUMENTS = 64 * 1024
_UNSPOKEN = ("system", "developer")
_MEDIA = ("image", "document", "image_url", "input_audio", "file", "input_image", "input_file")

USER, MODEL, CALL, RESULT, MEDIA = b"u", b"a", b"c", b"r", b"m"


class Step(NamedTuple):
    """One step of a conversation."""

    kind: bytes
    """USER or MODEL for a text, CALL for a tool that is asked for, RESULT for its answer, MEDIA for anything else."""
    data: bytes
    """The text, the call, or what stands for the medium; empty for a result, which its id alone stands for."""
    id: str = ""
    """Of the call, also in its result."""


def of_request(path: str, request: Mapping[str, Any]) -> list[Step]:
    """The steps of a request; none on a route that takes no conversation."""
    read, member, _ = _DIALECTS.get(path, _NONE)
    given = request.get(member)
    if isinstance(given, str):
        return [*_text(USER, [given])]
    return [step for item in _objects(given) for step in read(item)]


def of_reply(path: str, reply: Mapping[str, Any]) -> list[list[Step]]:
    """The steps of a reply, for each of its choices."""
    read, _, member = _DIALECTS.get(path, _NONE)
    found = reply.get(member)
    if member == "choices":
        said = (choice.get("message") for choice in _objects(found))
        return [[*read({**message, "role": "assistant"})] for message in said if isinstance(message, dict)]
    if member == "content":
        return [[*read({"role": "assistant", "content": found})]]
    return [[step for item in _objects(found) for step in read(item)]]


def last_asked(path: str, request: Mapping[str, Any], steps: Iterable[Step]) -> str | None:
    """The last text of the user; the last input of a route that takes no conversation. None when there is none."""
    found = [step.data for step in steps if step.kind == USER]
    if found:
        return found[-1].decode("utf-8", "surrogatepass")
    if path in _DIALECTS:
        return None
    given = request.get("input", request.get("prompt"))
    texts = given if isinstance(given, list) else [given]
    return next((text for text in reversed(texts) if isinstance(text, str) and text.strip()), None)


def follow(state: blake2b, steps: Sequence[Step], last: int) -> list[blake2b]:
    """The hash of a conversation after each of the `last` of some further steps. What it was before stays as it is."""
    state, states = state.copy(), []
    first = len(steps) - last
    for place, (kind, data, id) in enumerate(steps):
        named = id.encode("utf-8", "surrogatepass")
        state.update(b"%b%d:%d:%b%b" % (kind, len(named), len(data), named, data))
        if place >= first:
            states.append(state.copy())
    return states


# --- one message, item or block


def _chat(message: Mapping[str, Any]) -> Iterator[Step]:
    role = message.get("role")
    if role in _UNSPOKEN:
        return
    if role in ("tool", "function"):
        yield Step(RESULT, b"", str(message.get("tool_call_id") or message.get("name") or ""))
        return
    yield from _content(message.get("content"), MODEL if role == "assistant" else USER)
    if role != "assistant":
        return
    if message.get("refusal"):
        yield from _text(MODEL, [message["refusal"]])
    for call in _objects(message.get("tool_calls")):
        body = call.get("function") or call.get("custom")
        if isinstance(body, dict):
            yield _call(call.get("id"), body.get("name"), body.get("arguments", body.get("input")))
    if isinstance(called := message.get("function_call"), dict):
        yield _call(called.get("name"), called.get("name"), called.get("arguments"))


def _message(message: Mapping[str, Any]) -> Iterator[Step]:
    """A message of Anthropic's."""
    if message.get("role") not in _UNSPOKEN:
        yield from _content(message.get("content"), MODEL if message.get("role") == "assistant" else USER)


def _item(item: Mapping[str, Any]) -> Iterator[Step]:
    """An item of the Responses protocol."""
    type_ = item.get("type", "message")
    if type_ == "message":
        yield from _message(item)
    elif type_ in ("function_call", "custom_tool_call"):
        yield _call(item.get("call_id"), item.get("name"), item.get("arguments", item.get("input")))
    elif isinstance(type_, str) and type_.endswith("_output") and item.get("call_id"):
        yield Step(RESULT, b"", str(item["call_id"]))


def _content(content: Any, speaker: bytes) -> Iterator[Step]:
    """The content of a message: texts that follow one another are one."""
    if isinstance(content, str):
        if said := content.strip():
            yield Step(speaker, said.encode("utf-8", "surrogatepass"))
        return
    texts: list[Any] = []
    for part in _objects(content):
        type_ = part.get("type")
        if isinstance(part.get("text"), str) and type_ != "thinking":
            texts.append(part["text"])
            continue
        if type_ == "refusal":
            texts.append(part.get("refusal"))
            continue
        yield from _text(speaker, texts)
        texts = []
        if type_ == "tool_use":
            yield _call(part.get("id"), part.get("name"), part.get("input"))
        elif type_ == "tool_result":
            yield Step(RESULT, b"", str(part.get("tool_use_id") or ""))
        elif type_ in _MEDIA:
            yield Step(MEDIA, _plain({name: part[name] for name in part if name != "cache_control"}))
    yield from _text(speaker, texts)


def _text(speaker: bytes, texts: Iterable[Any]) -> Iterator[Step]:
    joined = "".join(text for text in texts if isinstance(text, str)).strip()
    if joined:
        yield Step(speaker, joined.encode("utf-8", "surrogatepass"))


def _call(id: Any, name: Any, arguments: Any) -> Step:
    # Frameworks read arguments and write them anew, with other spaces and in another order.
    if isinstance(arguments, str) and len(arguments) < _LONG_ARGUMENTS:
        try:
            read = orjson.loads(arguments)
            orjson.dumps(read)
            arguments = read
        except (orjson.JSONDecodeError, TypeError):
            # Also what is nested too deep to be written anew.
            arguments = arguments.strip()
    return Step(CALL, b"%b\0%b" % (_plain(name), _plain(arguments)), str(id or ""))


def _plain(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        pass
    try:
        return repr(value).encode("utf-8", "surrogatepass")
    except RecursionError:
        # Nested deeper than anything that tells conversations apart.
        return b"..."


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


Read = Callable[[Mapping[str, Any]], Iterator[Step]]
_DIALECTS: dict[str, tuple[Read, str, str]] = {
    "/v1/chat/completions": (_chat, "messages", "choices"),
    "/v1/responses": (_item, "input", "output"),
    "/v1/messages": (_message, "messages", "content"),
}
"""By route: how one message or item is read, and the members of request and reply that hold them."""
_NONE: tuple[Read, str, str] = (_item, "", "")
