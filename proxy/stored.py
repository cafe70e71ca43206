"""The straight line of a request for an object that a provider keeps: who, whose, may it go out, ask, may it come in.

Only the deployment that made an object is asked, and only for the key that made it; to every other key there is none.
What nobody made here may have been made before an app came to this proxy: see `_nobodys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from proxy import admission, listed, permits, pipeline, relay, traceparent
from proxy.config_deployments import Deployment
from proxy.context import Context
from proxy.dialects import stored_request
from proxy.dialects.stored import StoredRoute
from proxy.errors import NotFound
from proxy.kept import name_subject
from proxy.objects import OBJECT_ID, session_of
from proxy.providers.base import Fetch, Reply
from proxy.raw import begun
from proxy.relay import Timed
from proxy.store.objects import Maker
from proxy.wire import Connection


async def serve(context: Context, connection: Connection, route: StoredRoute, id: str) -> None:
    """Answer one request about the object that its path names, or about all of a key's, and record it exactly once.

    `id` is what stands in the path: a caller's own word until it is known to be one of the caller's objects.
    """
    out = relay.Outlet(context, connection, pipeline.begin(context, connection, route.dialect, route.path))
    await relay.settled(out, _answered(out, route, id))


async def _answered(out: relay.Outlet, route: StoredRoute, id: str) -> None:
    """The steps, one after the other."""
    context, connection, exchange = out.context, out.connection, out.exchange
    with Timed(exchange, "auth"):
        exchange.principal = context.keyring.principal(connection.credentials())
        name_subject(context, exchange, connection.headers, {})
        permits.check_caller(context, exchange.principal)
    body = await connection.body(context.config.max_body_bytes, context.config.clients.send_s)
    with Timed(exchange, "parse"):
        pipeline.admit(context)
        exchange.request = stored_request.query_of(connection.query, route.query)
        if route.takes_metadata:
            exchange.request |= stored_request.metadata_of(body)
            name_subject(context, exchange, connection.headers, exchange.request)
        exchange.stream = exchange.request.get("stream") is True
        sources = await _sources(out, route, id)
    async with connection.watched():
        await admission.admit(context, exchange)
        with Timed(exchange, "inspect_input"):
            sent = await pipeline.inspect(context, exchange)
        if sent is None:
            raise pipeline.blocked(exchange)
        if route.entries is not None:
            await listed.answer(out, route, sources, sent)
        else:
            # Not of lists: an account's page also holds what others made.
            exchange.raw = begun(exchange.capture, body or connection.query)
            await _relay(out, route, sources[0], sent)


async def _sources(out: relay.Outlet, route: StoredRoute, id: str) -> list[listed.Source]:
    """Where to ask. Sets what the exchange says of the object. Raises NotFound when there is none for this key."""
    context, exchange, who = out.context, out.exchange, out.exchange.principal
    assert who is not None
    if route.is_of_all:
        return await _every(out, route)
    found = await context.objects.made(Maker(who.tenant, who.key_id, route.made_by), [id])
    if id not in found:
        deployment = await _nobodys(out, route, id)
        exchange.model = deployment.model_name
        exchange.guard = context.policies.guard_for(who, deployment.model_name, route.made_by)
        return [listed.Source(deployment, route.at(id))]
    made_by = context.router.deployment(found[id].deployment)
    if made_by is None:
        raise unknown()
    deployment = made_by
    exchange.object_id, exchange.session = id, session_of(who, id)
    exchange.model = found[id].model
    # As when it was made: by the policy for the model that answered, which after a fallback is another.
    exchange.guard = context.policies.guard_for(who, deployment.model_name, route.made_by)
    return [listed.Source(deployment, route.at(id))]


async def _nobodys(out: relay.Outlet, route: StoredRoute, id: str) -> Deployment:
    """Where an object may be that nobody made through this proxy: at the default model, or in the only account.

    Its id is all that protects it, so it is for admin keys alone. Raises NotFound for any other, where it is not clear
    who to ask, and when another key made it.
    """
    context, who = out.context, out.exchange.principal
    assert who is not None
    allowed = who.admin and OBJECT_ID.fullmatch(id)
    if not allowed or await context.objects.is_anothers(Maker(who.tenant, who.key_id, route.made_by), id):
        raise unknown()
    sources = listed.sources(context, route, context.config.default_model or "")
    if len(sources) != 1:
        raise unknown()
    return sources[0].deployment


async def _every(out: relay.Outlet, route: StoredRoute) -> list[listed.Source]:
    """Every account in which the key may have objects, from that of the object that the caller got last."""
    context, exchange, who = out.context, out.exchange, out.exchange.principal
    assert who is not None
    request = exchange.request
    if "model" in request:
        context.router.resolve(request["model"])
        exchange.model = request["model"]
        permits.check_model(who, exchange.model)
    exchange.guard = context.policies.guard_for(who, exchange.model, route.made_by)
    sources = listed.sources(context, route, exchange.model)
    if (after := request.get("after")) is None:
        return sources
    found = await context.objects.made(Maker(who.tenant, who.key_id, route.made_by), [after])
    deployment = context.router.deployment(found[after].deployment) if after in found else None
    places = [
        place
        for place, source in enumerate(sources)
        if deployment is not None and listed.account(source.deployment) == listed.account(deployment)
    ]
    if not places:
        raise unknown()
    return sources[places[0] :]


def unknown() -> NotFound:
    """The error for an object that the key did not make, whether or not there is one. The id is not repeated."""
    return NotFound("No object of that id was found.")


async def _relay(
    out: relay.Outlet, route: StoredRoute, source: listed.Source, sent: Mapping[str, Any]
) -> None:
    """Answer with what the deployment says of one object."""
    body = orjson.dumps(sent) if route.takes_metadata else b""
    query = {} if route.takes_metadata else dict(sent)
    if out.exchange.stream:
        # From its beginning: the guard has to read what the caller has had already.
        query.pop("starting_after", None)
    asked = Fetch(
        route.method,
        source.path,
        stored_request.encoded(query),
        body,
        out.exchange.stream,
        traceparent.headers(out.exchange, out.connection),
    )
    with Timed(out.exchange, "upstream"):
        answer = await listed.fetch(out, source.deployment, asked)
    if isinstance(answer, Reply):
        await relay.whole(out, answer)
    else:
        await relay.stream(out, answer)
