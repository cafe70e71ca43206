"""Requests to the model that judges: so many at a time, tried again where that may help, none beyond the limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.chat import Chat
from evals.errors import JudgeError, Retryable, TargetError
from evals.judging.purse import Purse
from evals.judging.spec import JudgeSpec
from evals.pacing import Pacer, backoff
from evals.types import Output, Usage

PATIENCE = 10
"""How often one request may be throttled before it is given up."""
LONGEST_REST_S = 60.0
"""A provider that asks to be left alone for longer ends the request."""
GRACE_S = 5.0
"""By how much is waited longer than the client does, whose message says more."""
_REFUSED_KEY = "HTTP 403"
_NOT_SENT = ("HTTP ", "the request cannot be made", "the case holds half")
"""How errors begin after which nobody has to pay."""
_NO_REPLY = "no reply within"
_UNKNOWN_FORMAT = ("HTTP 400", "HTTP 422")
"""How servers answer that do not take a JSON Schema."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, or the reason why nothing did."""

    text: str = ""
    reason: str = ""
    usage: Usage | None = None
    """Tokens of all its requests; None where a reply did not tell them."""
    model: str = ""
    calls: int = 0


Settled = Callable[[Usage | None, bool], None]
"""Is told what became of a request: its tokens where they were told, and whether it may have cost something."""
Paid = Callable[[Usage], Settled]
"""Is told of each request before it is sent: what it is expected to take."""


class Endpoint:
    """An OpenAI-compatible endpoint that judges. Raises JudgeError when it can never be asked."""

    def __init__(self, spec: JudgeSpec, key: str, purse: Purse) -> None:
        self._spec, self._purse = spec, purse
        self._pacer = Pacer(spec.concurrency)
        self._takes_schema = True
        try:
            self._chat = Chat(spec.base_url, key, spec.timeout_s)
        except TargetError as error:
            raise self._never(error) from None

    async def probe(self) -> None:
        """Returns when it can be asked. Raises JudgeError."""
        try:
            await self._chat.probe()
        except TargetError as error:
            raise self._never(error) from None

    async def ask(
        self, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any], seed: str, paid: Paid
    ) -> Answer:
        """The reply to some messages. Raises JudgeError when no request can succeed.

        Args:
            messages: of the chat.
            form: `response_format`; left out where the endpoint does not take it.
            seed: what the pauses between tries are drawn from.
            paid: is told of each request.
        """
        with_schema = self._takes_schema
        answer = await self._tried(messages, form if with_schema else None, seed, paid)
        if not (with_schema and answer.reason.startswith(_UNKNOWN_FORMAT)):
            return answer
        plain = await self._tried(messages, None, seed, paid)
        if not plain.reason:
            self._takes_schema = False
        return replace(plain, calls=plain.calls + answer.calls)

    async def aclose(self) -> None:
        """Lets go of connections; nothing further is asked."""
        self._pacer.close()
        await self._chat.aclose()

    async def _tried(
        self, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any] | None, seed: str, paid: Paid
    ) -> Answer:
        body: dict[str, Any] = {"model": self._spec.model, "messages": list(messages)}
        if self._spec.temperature is not None:
            body["temperature"] = self._spec.temperature
        if form is not None:
            body["response_format"] = form
        calls = failed = throttled = 0
        while True:
            result = await self._once(body, paid)
            if isinstance(result, str):
                return Answer(reason=result, calls=calls)
            calls += 1
            if isinstance(result, Output):
                return _answer(result, calls)
            throttled, failed = throttled + result.throttled, failed + (not result.throttled)
            if result.wait_s is not None and result.wait_s > LONGEST_REST_S:
                return Answer(reason=f"{result.reason}, and it asks to wait {result.wait_s:g} s", calls=calls)
            if failed >= self._spec.tries or throttled >= PATIENCE:
                told = result.reason if calls == 1 else f"{result.reason}, the last of {calls} tries"
                return Answer(reason=told, calls=calls)
            await self._pacer.nap(backoff(seed, failed + throttled))

    async def _once(self, body: Mapping[str, Any], paid: Paid) -> Output | Retryable | str:
        """One request in a slot of its own: an output, why another may succeed, or why none was made."""
        slot = await self._pacer.enter()
        if slot is None:
            return "the judge was closed"
        expected = None
        try:
            expected = await self._purse.take(sum(len(message["content"]) for message in body["messages"]))
            return self._purse.why_spent if expected is None else await self._sent(body, expected, paid, slot)
        finally:
            self._pacer.leave()

    async def _sent(
        self, body: Mapping[str, Any], expected: Usage, paid: Paid, slot: int
    ) -> Output | Retryable:
        """One request, kept in the books from before it is sent: what is broken off may have to be paid for."""
        settled, answered, usage = paid(expected), True, None
        try:
            result = await self._called(body)
            answered = _may_cost(result)
            if isinstance(result, Output):
                usage = result.usage
                self._pacer.answered()
            elif result.throttled:
                self._pacer.throttled(slot)
            if isinstance(result, Retryable) and result.wait_s is not None:
                self._pacer.rest(min(result.wait_s, LONGEST_REST_S))
            return result
        except JudgeError:
            answered = False
            raise
        finally:
            self._purse.settle(expected, usage, answered)
            settled(usage, answered)

    async def _called(self, body: Mapping[str, Any]) -> Output | Retryable:
        within = self._spec.timeout_s
        try:
            async with asyncio.timeout(within + GRACE_S):
                output = (await self._chat.ask(body)).output
        except Retryable as trouble:
            return trouble
        except TimeoutError:
            return Retryable(f"{_NO_REPLY} {within:g} s")
        except TargetError as error:
            raise self._never(error) from None
        if output.error.startswith(_REFUSED_KEY):
            raise self._never(TargetError(f"the judge at {self._spec.base_url} refuses the key", fix=""))
        return output

    def _never(self, error: TargetError) -> JudgeError:
        """What a target's error is of a judge."""
        what = error.what.replace("the target at", "the judge at")
        if "key" in what:
            return JudgeError(what, fix="give it with --judge-key or GUARDHOUSE_JUDGE_KEY")
        return JudgeError(what, fix="start it, or correct --judge-url")


def _may_cost(result: Output | Retryable) -> bool:
    """Whether somebody may have to pay for a request: a model answered it, or may have."""
    if isinstance(result, Retryable):
        return result.reason.startswith(_NO_REPLY)
    if result.usage or result.answered_model:
        return True
    return not result.error.startswith(_NOT_SENT) and result.verdict != "block"


def _answer(output: Output, calls: int) -> Answer:
    reason = output.error
    if not reason and output.verdict == "block":
        reason = "guardrails before the judge blocked the request"
    return Answer("" if reason else output.text, reason, output.usage, output.answered_model, calls)
