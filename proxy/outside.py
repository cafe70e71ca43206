"""What checks may use of the world: a counter that the processes of one installation share, and its models."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from guardrails.conversation import Counter, Outside
from guardrails.counter import MemoryCounter
from guardrails.errors import PolicyError, Unavailable
from proxy import redis_client
from proxy.dialects.chat_reply import parse_reply
from proxy.errors import ProxyError
from proxy.providers.base import Call, Reply

if TYPE_CHECKING:
    from guardrails.policy import Policy
    from proxy.config_deployments import Deployment
    from proxy.routing import Router

_ANSWER_TOKENS = 200
_PARTS = 64
"""Pieces that a window is cut into: what is older than the window by less than one may still count."""

_COUNT = f"""
local told = redis.call('TIME')
local part = math.floor((told[1] * 1000 + told[2] / 1000) * {_PARTS} / ARGV[1])
redis.call('HINCRBY', KEYS[1], part, 1)
local total, fields = 0, redis.call('HGETALL', KEYS[1])
for place = 1, #fields, 2 do
  if tonumber(fields[place]) < part - {_PARTS} then
    redis.call('HDEL', KEYS[1], fields[place])
  else
    total = total + fields[place + 1]
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 2)
return total
"""


class RedisCounter:
    """A counter with sliding windows in Redis, by Redis' own clock; one atomic script a count.

    Args:
        url: `redis://`, `rediss://` or `unix://` URL. Raises ConfigError for any other text.
        seconds: how long Redis may take to connect or to answer.
    """

    def __init__(self, url: str, seconds: float = redis_client.SECONDS) -> None:
        self._client = redis_client.client(url, seconds)
        self._count = self._client.register_script(_COUNT)

    async def count(self, name: str, seconds: float) -> int:
        """Counts one more of that name; how many there were within the last seconds. Raises Unavailable."""
        key = f"guardhouse:count:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
        try:
            return int(await self._count(keys=[key], args=[int(seconds * 1000)]))
        except redis_client.away():
            raise Unavailable from None

    async def aclose(self) -> None:
        """Lets go of the connections."""
        await self._client.aclose()


class Models:
    """The models of the configuration, for checks that ask one. These calls are neither judged nor recorded."""

    def __init__(self, router: Router) -> None:
        self.router = router

    async def answer(self, model: str, messages: Sequence[Mapping[str, str]]) -> str:
        """What the model says to some messages. Raises Unavailable when it says nothing."""
        payload: dict[str, Any] = {
            "model": model,
            "messages": [dict(message) for message in messages],
            "temperature": 0,
            "max_tokens": _ANSWER_TOKENS,
        }

        async def call(deployment: Deployment) -> Call:
            return Call(payload)

        try:
            reply = (await self.router.call(model, call)).answer
            if not isinstance(reply, Reply) or reply.status >= 400:
                raise Unavailable
            said = parse_reply(reply.body)["choices"][0]["message"].get("content")
        except (ProxyError, orjson.JSONDecodeError):
            raise Unavailable from None
        if not isinstance(said, str):
            raise Unavailable
        return said


def outside(redis_url: str | None, router: Router) -> Outside:
    """What checks of this process may use: counters in Redis where a URL is given, else in memory."""
    counter: Counter = RedisCounter(redis_url) if redis_url else MemoryCounter(time.monotonic)
    return Outside(counter, Models(router))


def require_models(policy: Policy, known: Sequence[str]) -> None:
    """Raises PolicyError for a rule that asks a model which the configuration does not have."""
    for rule in policy.rules:
        model = rule.options.get("model") if rule.check == "judge" else None
        if model is not None and model not in known:
            raise PolicyError(
                f"rule {rule.id!r} asks the model {model!r}, which is not in model_list.",
                fix=f"Use one of: {', '.join(known)}.",
                file=policy.file,
                line=rule.line,
            )
