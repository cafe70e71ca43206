"""Decides on tool calls by the policy's own rules: which tools, which arguments, how often."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter as Tally
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from guardrails.check import Check, ConversationCheck, in_process
from guardrails.checks import tool_json
from guardrails.checks.tool_arguments import ArgumentRules
from guardrails.checks.tool_json import ROOT, Arguments
from guardrails.checks.tool_keywords import TooMuch
from guardrails.checks.tool_options import Rate, ToolRule
from guardrails.checks.tool_schema import Schema, SchemaError
from guardrails.checks.tool_spans import Spans
from guardrails.conversation import Conversation, Outside, ToolCall
from guardrails.errors import CheckError, Unavailable
from guardrails.types import Segment, Span

DENIED = "DENIED_TOOL"
UNDECLARED = "UNDECLARED_TOOL"
INVALID = "INVALID_ARGUMENTS"
FORBIDDEN = "FORBIDDEN_ARGUMENT"
TOO_MANY = "TOO_MANY_CALLS"

DECLARED = "declared"
"""In place of a schema: the one that the request gives."""

_INLINE = 65_536
"""Characters of arguments that are looked at at once; more go to a thread, so that the event loop lives on."""
_TEXT = "/input"
"""How the pointer of a call ends whose tool takes plain text, not JSON."""


@in_process()
def tools(
    allow: Sequence[str] | None = None,
    deny: Sequence[str] = (),
    tools: Mapping[str, ToolRule] | None = None,
    declared: bool = True,
    strict_json: bool = True,
) -> Check:
    """A check of tool calls and of the tools that a request offers.

    Args:
        allow: names of the only tools there may be, with `*`; None for all.
        deny: names of tools that there may not be; stronger than `allow`.
        tools: rules for the calls of some tools, by name with `*`; all that fit a name apply.
        declared: whether a call of a tool that the request does not offer is a finding.
        strict_json: whether arguments that are no JSON, or name a member twice, are a finding for every tool.

    Raises CheckError naming the tool and what cannot be used.
    """
    return _Tools(
        None if allow is None else tuple(allow),
        tuple(deny),
        tuple(_entry(name, rule) for name, rule in (tools or {}).items()),
        declared,
        strict_json,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """Rules for the tools that fit one name, ready to run."""

    name: str
    schema: Schema | None
    declared: bool
    arguments: ArgumentRules | None
    rate: Rate | None
    counter: str
    """What the calls are counted under, before the caller's key."""
    per_conversation: int | None

    @property
    def reads(self) -> bool:
        """Whether it asks anything of the arguments."""
        return self.schema is not None or self.declared or self.arguments is not None


def _entry(name: str, rule: ToolRule) -> _Entry:
    def refused(why: str) -> CheckError:
        return CheckError(f"tools: tool {name!r}: {why}")

    if not rule.model_fields_set:
        raise refused("there is no rule. Give `schema`, `arguments`, `rate` or `per_conversation`.")
    declared, schema, arguments = rule.schema_ == DECLARED, None, None
    try:
        if rule.schema_ is not None and not declared:
            schema = Schema(rule.schema_)
        if rule.arguments:
            arguments = ArgumentRules(rule.arguments)
    except SchemaError as error:
        raise refused(f"its schema cannot be checked: {error}. Write a JSON Schema, or `declared`.") from None
    except CheckError as error:
        raise refused(str(error)) from None
    limits = rule.rate.model_dump() if rule.rate else {}
    digest = hashlib.sha256(json.dumps([name, limits]).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return _Entry(name, schema, declared, arguments, rule.rate, f"tools:{digest}", rule.per_conversation)


class _Tools(ConversationCheck):
    """The check: see `tools`."""

    def __init__(
        self,
        allow: tuple[str, ...] | None,
        deny: tuple[str, ...],
        entries: tuple[_Entry, ...],
        declared: bool,
        strict_json: bool,
    ) -> None:
        self._allow, self._deny, self._entries = allow, deny, entries
        self._declared, self._strict_json = declared, strict_json

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments.

        Raises Unavailable when a rate must be counted, there is no counter, and nothing else was found.
        """
        spans = Spans(segments)
        called = [call for call in conversation.called if spans.takes(call)]
        asked = {id(call) for call in called} | {id(call) for call in conversation.calls if spans.holds(call)}
        size = sum(len(call.arguments) for call in _all(conversation) if id(call) in asked)
        if size > _INLINE:
            await asyncio.to_thread(self._look, spans, conversation, asked)
        else:
            self._look(spans, conversation, asked)
        rated = [(call, entry) for call in called for entry in self._fitting(call.name) if entry.rate]
        if rated and outside.counter is None and not spans:
            raise Unavailable
        if outside.counter is not None:
            for call, entry in rated:
                assert entry.rate is not None
                counted = await outside.counter.count(
                    f"{entry.counter}:{conversation.key}", entry.rate.seconds
                )
                if counted > entry.rate.calls:
                    spans.on_name(call, TOO_MANY)
        return spans.listed()

    def _look(self, spans: Spans, conversation: Conversation, asked: Collection[int]) -> None:
        """Puts everything that can be told from the conversation alone, about the calls with these ids."""
        offered: dict[str, list[Mapping[str, Any]]] = {}
        for tool in conversation.tools:
            offered.setdefault(tool.name, []).extend([] if tool.parameters is None else [tool.parameters])
            if spans.holds(tool) and self._refuses(tool.name):
                spans.on_name(tool, DENIED)
        new = {id(call) for call in conversation.called}
        made: Tally[str] = Tally()
        by_name: dict[str, list[_Entry]] = {}
        for call in _all(conversation):
            if call.name not in by_name:
                by_name[call.name] = self._fitting(call.name)
            fitting = by_name[call.name]
            limited = [entry for entry in fitting if entry.per_conversation]
            made.update(entry.name for entry in limited)
            if id(call) not in asked:
                continue
            if self._refuses(call.name):
                spans.on_name(call, DENIED)
            undeclared = call.name not in offered and not call.served
            if self._declared and id(call) in new and undeclared:
                spans.on_name(call, UNDECLARED)
            if any(made[entry.name] > (entry.per_conversation or 0) for entry in limited):
                spans.on_name(call, TOO_MANY)
            self._read(spans, call, fitting, offered.get(call.name, []))

    def _read(
        self, spans: Spans, call: ToolCall, fitting: Sequence[_Entry], offered: Sequence[Mapping[str, Any]]
    ) -> None:
        """Puts what is wrong with the arguments of one call."""
        is_text = call.pointer.endswith(_TEXT)
        if not self._strict_json and not any(entry.reads for entry in fitting):
            return
        arguments = Arguments(call.arguments) if is_text else tool_json.read(call.arguments)
        if arguments.doubled:
            spans.on_doubled(call, INVALID)
        if not arguments.is_json or not (is_text or isinstance(arguments.value, dict)):
            spans.on_value(call, ROOT, INVALID)
            return
        for entry in fitting:
            schemas: list[Schema | Mapping[str, Any]] = [entry.schema] if entry.schema else []
            for schema in (*schemas, *(offered if entry.declared else ())):
                _by_schema(spans, call, arguments, schema)
            if entry.arguments:
                for place in entry.arguments.broken(arguments.value):
                    spans.on_value(call, place, FORBIDDEN)

    def _fitting(self, name: str) -> list[_Entry]:
        return [entry for entry in self._entries if fnmatchcase(name, entry.name)]

    def _refuses(self, name: str) -> bool:
        """Whether there may be no tool of that name."""
        if any(fnmatchcase(name, each) for each in self._deny):
            return True
        return self._allow is not None and not any(fnmatchcase(name, each) for each in self._allow)


def _all(conversation: Conversation) -> Iterator[ToolCall]:
    """The calls of a conversation, the earliest first."""
    return chain(conversation.calls, conversation.called)


def _by_schema(
    spans: Spans, call: ToolCall, arguments: Arguments, schema: Schema | Mapping[str, Any]
) -> None:
    """Puts where arguments break a schema; on the name if that cannot be told."""
    try:
        ready = schema if isinstance(schema, Schema) else Schema(schema)
        fault = ready.fault(arguments.value, len(call.arguments))
    except (SchemaError, TooMuch):
        fault = ROOT
    if fault is not None:
        spans.on_value(call, fault, INVALID)
