"""Lists about stored objects: gathered page by page, each entry inspected by itself, none of anybody else's among them.

An account at a provider can be shared by many keys, and a model can be served from many accounts. So a list is
gathered from the accounts in the order of the configuration, and what the caller's key did not make is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from guardrails.types import Verdict, merge
from proxy import relay, traceparent
from proxy.config_deployments import Deployment
from proxy.context import Context
from proxy.dialects import stored_request
from proxy.dialects.stored import StoredRoute
from proxy.dialects.stored_entries import STAGE, Entries, Entry, listed, parsed
from proxy.errors import BadRequest, Code, NotFound, UpstreamError
from proxy.kept import storable
from proxy.objects import OBJECT_ID, session_of
from proxy.pipeline import VAULT_SCOPE
from proxy.providers.base import Fetch, Reply, ReplyStream
from proxy.relay import Timed
from proxy.store.objects import Maker
from proxy.verdicts import unscannable

MOST_PAGES = 20
"""Pages of a provider that are read for one list."""
NO_LIST = frozenset({404, 405, 501})
"""Statuses of a provider that has no such list: the others are asked all the same."""
USUAL = 20
"""Entries of a list whose caller names no limit."""
KEEPERS = frozenset({"openai_wire", "fake"})
"""Providers whose deployments can keep chat completions."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where entries are asked for."""

    deployment: Deployment
    path: str


@dataclass(frozen=True, slots=True)
class _Judged:
    """One entry on its way out, and who judges it."""

    entry: Entry
    guard: Guard
    vault: Vault | None


def account(deployment: Deployment) -> tuple[str, ...]:
    """What two deployments have in common that keep their objects in one place."""
    return (deployment.provider, deployment.api_base, deployment.api_key, deployment.organization)


def sources(context: Context, route: StoredRoute, model: str) -> list[Source]:
    """Each account once, with `model` those alone that serve it. Raises NotFound when none can keep objects."""
    names = [model] if model else context.router.models()
    found: dict[tuple[str, ...], Source] = {}
    for deployment in (each for name in names for each in context.router.resolve(name)):
        if deployment.provider in KEEPERS:
            found.setdefault(account(deployment), Source(deployment, route.path))
    if not found:
        message = "Stored objects are not served for this model: its provider is reached by translation."
        raise NotFound(message, code=Code.UNSUPPORTED_ENDPOINT, param="model")
    return [*found.values()]


async def fetch(out: relay.Outlet, deployment: Deployment, asked: Fetch) -> Reply | ReplyStream:
    """What a deployment says. Sets what the exchange says of the call."""
    exchange = out.exchange
    exchange.upstream_called, exchange.attempts = True, exchange.attempts + 1
    exchange.deployment, exchange.provider = deployment.id, deployment.provider
    return await out.context.router.fetch(deployment, asked)


async def answer(
    out: relay.Outlet, route: StoredRoute, sources: Sequence[Source], sent: Mapping[str, Any]
) -> None:
    """Answer with a list. Raises BadRequest, Blocked or UpstreamError."""
    with Timed(out.exchange, "upstream"):
        gathered = await _gathered(out, route, sources, sent)
    if isinstance(gathered, Reply):
        await relay.refused(out, gathered)
        return
    assert route.entries is not None
    with Timed(out.exchange, "inspect_output"):
        told = [await _told(out, route.entries, place, one) for place, one in enumerate(gathered[0])]
    # The texts stand in the traces of the requests that made them: this one keeps only which they were.
    if storable(out.exchange, out.exchange.output):
        ids = [
            {"id": id} for each in told if isinstance(id := each.get("id"), str) and OBJECT_ID.fullmatch(id)
        ]
        out.exchange.safe_response = {"object": "list", "data": ids}
    await out.whole(200, orjson.dumps(listed(told, gathered[1])))


async def _gathered(
    out: relay.Outlet, route: StoredRoute, sources: Sequence[Source], sent: Mapping[str, Any]
) -> tuple[list[_Judged], bool] | Reply:
    """As many entries as were asked for and whether there are more; or a provider's refusal."""
    found: list[_Judged] = []
    without: list[Reply] = []
    limit, after, pages = sent.get("limit", USUAL), sent.get("after"), 0
    for number, source in enumerate(sources):
        more = True
        while more:
            if (pages := pages + 1) > MOST_PAGES:
                return _cut_short(found)
            reply = await fetch(out, source.deployment, _page(out, source, sent, after, pages))
            if not isinstance(reply, Reply):
                raise UpstreamError("The provider answered with a stream that nobody asked for.")
            if reply.status in NO_LIST and after is None:
                without.append(reply)
                break
            if reply.status >= 400:
                return reply
            entries, more = parsed(reply.body)
            found += await _own(out, route, entries)
            if len(found) >= limit:
                return found[:limit], more or len(found) > limit or number + 1 < len(sources)
            after = _next(entries, after) if more else None
    return without[0] if len(without) == len(sources) else (found, False)


def _page(out: relay.Outlet, source: Source, sent: Mapping[str, Any], after: str | None, pages: int) -> Fetch:
    """What a page is asked for with. The first as the caller asks; the next ones as long as they can be."""
    # The model is one of our own names: whether an object is of that model stands in the record.
    query = {k: v for k, v in sent.items() if k not in ("after", "model")}
    if pages > 1:
        query["limit"] = stored_request.LONGEST_LIST
    if after is not None:
        query["after"] = after
    return Fetch(
        "GET",
        source.path,
        stored_request.encoded(query),
        headers=traceparent.headers(out.exchange, out.connection),
    )


def _cut_short(found: list[_Judged]) -> tuple[list[_Judged], bool]:
    """What was found when too much was read. Raises BadRequest when that is nothing: an empty list would be a lie."""
    if found:
        return found, True
    raise BadRequest(
        "Too many other objects stand before the first that you ask for. Name metadata, or `after`.",
        code=Code.INVALID_VALUE,
    )


def _next(entries: Sequence[Entry], after: str | None) -> str:
    """Where the next page begins. Raises UpstreamError when there is no getting on."""
    last = entries[-1].get("id")
    if not isinstance(last, str) or not OBJECT_ID.fullmatch(last) or last == after:
        raise UpstreamError("The provider's list cannot be read on: it names no other last entry.")
    return last


async def _own(out: relay.Outlet, route: StoredRoute, entries: Sequence[Entry]) -> list[_Judged]:
    """The entries that the caller may know of, as their maker sent them, each with who judges it."""
    context, exchange, who = out.context, out.exchange, out.exchange.principal
    assert who is not None
    assert route.entries is not None
    if not route.is_of_all:
        told = (route.entries.sent(entry) for entry in entries)
        return [_Judged(entry, exchange.guard, exchange.vault) for entry in told if entry is not None]
    ids = [id for entry in entries if isinstance(id := entry.get("id"), str)]
    made = await context.objects.made(Maker(who.tenant, who.key_id, route.made_by), ids)
    found = []
    for entry in entries:
        one = made.get(entry["id"]) if isinstance(entry.get("id"), str) else None
        deployment = context.router.deployment(one.deployment) if one is not None else None
        if one is None or deployment is None or (exchange.model and one.model != exchange.model):
            continue
        vault = Vault(context.key, who.tenant, VAULT_SCOPE)
        await context.vaults.open(who.tenant, session_of(who, entry["id"]), vault)
        found.append(
            _Judged(entry, context.policies.guard_for(who, deployment.model_name, route.made_by), vault)
        )
    return found


async def _told(out: relay.Outlet, entries: Entries, place: int, one: _Judged) -> Entry:
    """One entry as the caller may have it. Adds what was found in it to the exchange. Raises Blocked."""
    exchange, dialect = out.exchange, entries.dialect
    reply = entries.reply(one.entry)
    said = replace(exchange.conversation, calls=dialect.reply_calls(reply))
    found = await one.guard.inspect(dialect.reply_texts(reply), one.vault, reply=True, conversation=said)
    media = [(entries.root + at, STAGE) for at in entries.unscannable(one.entry)]
    verdict = merge([found, unscannable(media, one.guard.policy.unscannable)]) if media else found
    exchange.output = merge([exchange.output, _placed(verdict, entries.root, f"/data/{place}")])
    if verdict.blocked_by:
        return entries.entry(entries.blocked(reply), one.entry)
    told = dialect.edited_reply(reply, verdict.edits) if verdict.edits else reply
    if one.vault:
        told = dialect.restored(reply, verdict.edits, one.vault, reply)
    return entries.entry(told, one.entry) if told is not reply else one.entry


def _placed(verdict: Verdict, root: str, at: str) -> Verdict:
    """The verdict on an entry, with pointers as they are in the list."""

    def moved(pointer: str) -> str:
        return at + pointer.removeprefix(root)

    return replace(
        verdict,
        findings=tuple(replace(found, pointer=moved(found.pointer)) for found in verdict.findings),
        edits=tuple(replace(edit, pointer=moved(edit.pointer)) for edit in verdict.edits),
        blocked_at=moved(verdict.blocked_at) if verdict.blocked_by else "",
    )
