"""Who made which object that a provider keeps. Nothing about one is relayed to anybody else.

The record knows it, for all workers and after a restart. What was made lately is remembered in memory too, from the
moment a reply names its id: a response under way can then be cancelled before it is recorded.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from proxy.errors import BadRequest, Code, Unavailable
from proxy.exchange import Exchange, Principal
from proxy.store.db import StoreError
from proxy.store.objects import Made, Maker

if TYPE_CHECKING:
    from proxy.context import Context

OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What the id of an object looks like: nothing in it means anything in a URL."""

_RESPONSES = "/v1/responses"
MADE_BY = {_RESPONSES: True, "/v1/chat/completions": False}
"""Routes whose replies a provider can keep, and whether it does when the request says nothing of `store`."""

MOST = 10_000
"""Objects that are remembered; those asked for longest ago are forgotten first."""

ASK_SECONDS = 10.0
"""How long the record may take to answer."""

P = ParamSpec("P")
T = TypeVar("T")
Find = Callable[[Maker, Sequence[str]], Mapping[str, Made]]
"""Which of these ids the key made, from the record. Runs in a thread. Raises StoreError."""
Makers = Callable[[str, str], Collection[Maker]]
"""Whoever made an object, by route and id, from the record. Runs in a thread. Raises StoreError."""


class Objects:
    """The objects that keys made.

    Args:
        find: asks the record for objects.
        makers: asks it who made one.
        most: objects that are remembered.
    """

    def __init__(self, find: Find, makers: Makers, most: int = MOST) -> None:
        self._find, self._makers, self._most = find, makers, most
        self._recent: OrderedDict[tuple[Maker, str], Made] = OrderedDict()

    def __len__(self) -> int:
        """Number of objects that are remembered."""
        return len(self._recent)

    def remember(self, maker: Maker, id: str, made: Made) -> None:
        """Takes note of an object that was made."""
        self._recent[maker, id] = made
        self._recent.move_to_end((maker, id))
        if len(self._recent) > self._most:
            self._recent.popitem(last=False)

    async def made(self, maker: Maker, ids: Collection[str]) -> dict[str, Made]:
        """Where each of these objects was made, those alone that this key made on this route.

        Raises Unavailable when the record has to be asked and does not answer.
        """
        found = {id: self._recent[maker, id] for id in ids if (maker, id) in self._recent}
        unknown = [id for id in ids if id not in found and OBJECT_ID.fullmatch(id)]
        if unknown:
            found |= await _asked(self._find, maker, unknown)
        for id, made in found.items():
            self.remember(maker, id, made)
        return found

    async def is_anothers(self, maker: Maker, id: str) -> bool:
        """Whether other keys made the object, and this one did not; what nobody made here is nobody's.

        Raises Unavailable when the record has to be asked and does not answer.
        """
        if (maker, id) in self._recent:
            return False
        known = {other for other, name in self._recent if name == id and other.path == maker.path}
        known.update(await _asked(self._makers, maker.path, id))
        return bool(known) and maker not in known


async def _asked(ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    try:
        return await asyncio.wait_for(asyncio.to_thread(ask, *args, **named), ASK_SECONDS)
    except (StoreError, TimeoutError):
        raise Unavailable("It cannot be looked up now who made this object. Try again later.") from None


def session_of(who: Principal, id: str) -> str:
    """The session of an object: no name that a caller can give one, and of this key alone."""
    return f"{who.key_id}/{id}"


def followed(exchange: Exchange) -> str | None:
    """The session of the response that a request goes on from; None when it begins anew."""
    told = exchange.request.get("previous_response_id")
    if exchange.principal is None or not isinstance(told, str) or not OBJECT_ID.fullmatch(told):
        return None
    return session_of(exchange.principal, told)


async def check(context: Context, exchange: Exchange) -> None:
    """Raises BadRequest when a request goes on from a response of another key's, as if there were none."""
    who, told = exchange.principal, exchange.request.get("previous_response_id")
    if who is None or told is None or not exchange.path.startswith(_RESPONSES):
        return
    if not isinstance(told, str) or not OBJECT_ID.fullmatch(told):
        raise BadRequest(
            "Invalid value for 'previous_response_id': expected the id of a response.",
            code=Code.INVALID_VALUE,
            param="previous_response_id",
        )
    if await context.objects.is_anothers(Maker(who.tenant, who.key_id, _RESPONSES), told):
        raise BadRequest(
            "The previous response was not found.",
            code=Code.PREVIOUS_RESPONSE_NOT_FOUND,
            param="previous_response_id",
        )


async def note(context: Context, exchange: Exchange, reply: Mapping[str, Any] | None) -> None:
    """Takes note of the object that a reply is, if its provider keeps it: who made it, and its pseudonyms."""
    who, told = exchange.principal, (reply or {}).get("id")
    if who is None or not isinstance(told, str) or not OBJECT_ID.fullmatch(told):
        return
    if exchange.object_id is not None or not _is_kept(context, exchange):
        return
    exchange.object_id = told
    maker = Maker(who.tenant, who.key_id, exchange.path)
    context.objects.remember(maker, told, Made(exchange.deployment, exchange.model))
    if exchange.vault:
        await context.vaults.pass_on(who.tenant, session_of(who, told), exchange.vault)


def _is_kept(context: Context, exchange: Exchange) -> bool:
    """Whether the provider keeps the reply: as the request says, else the deployment's own fields, else the route."""
    unasked = MADE_BY.get(exchange.path)
    deployment = context.router.deployment(exchange.deployment)
    if unasked is None or deployment is None:
        return False
    asked = exchange.request.get("store")
    if asked is None:
        asked = deployment.defaults.get("store")
    return unasked if asked is None else asked is True
