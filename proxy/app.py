"""The app: `/v1` is answered by plain ASGI, everything else by a FastAPI app built when first asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

import orjson

from proxy import models, pipeline, stored
from proxy.auth import Keyring
from proxy.cache import Replies
from proxy.config import Config, load_config
from proxy.context import Context
from proxy.dialects.served import ROUTES, dialect_of, error_body, why_not_served
from proxy.dialects.stored import find, methods
from proxy.errors import Code, MethodNotAllowed, NotFound, ProxyError
from proxy.exchange import new_id
from proxy.objects import Objects
from proxy.outside import outside
from proxy.policies import Policies
from proxy.providers.base import Provider
from proxy.recorder import Options, Recorder
from proxy.routing import Router, open_provider, speakers
from proxy.settings import Settings
from proxy.shadow import Shadows
from proxy.store.db import open_store, url_of
from proxy.store.key_check import check_key
from proxy.store.keyfile import load_key
from proxy.store.keys import active_keys, create_key
from proxy.store.objects import made, makers
from proxy.telemetry import Metrics
from proxy.vaults import vaults
from proxy.wire import Connection, Receive, Scope, Send, header_pairs

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.exceptions import HTTPException

MODELS = "/v1/models"
KEYS_SECONDS = 3.0
"""How long a key that was made or revoked may take to be known."""

_log = logging.getLogger(__name__)


def create_app(settings: Settings, *, keys: bool = True) -> App:
    """The proxy as an ASGI app, everything in it built and checked.

    Args:
        settings: what the environment says; names the configuration file.
        keys: whether callers need a key. Without, serve it where nobody else can reach it.

    Raises ConfigError, PolicyError or StoreError, saying what is wrong, where, and what to do.
    """
    config = load_config(settings.config, settings)
    key = load_key(config.data_dir, settings.data_key)
    reached = providers(config)
    router = Router(config, reached)
    world = outside(config.redis_url, router)
    policies = Policies(config, key, world)
    metrics = Metrics(version(), policies.label)
    policies.changed = metrics.policy
    store = open_store(url_of(config.data_dir, config.database_url), key)
    check_key(store)
    recorder = Recorder(config.data_dir / "spool", store.write, metrics, Options(mode=config.spool_mode))
    admin = settings.admin_key.get_secret_value() if settings.admin_key else None
    state = State()
    context = Context(
        settings=settings,
        config=config,
        store=store,
        recorder=recorder,
        keyring=Keyring(admin, closed=keys),
        policies=policies,
        key=key,
        router=router,
        shadows=Shadows(config, reached),
        vaults=vaults(key, config.redis_url, config.vault_ttl_s),
        replies=Replies(config.cache_ttl_s),
        objects=Objects(partial(made, store), partial(makers, store)),
        metrics=metrics,
        ready=state.missing,
    )
    return App(context, recorder, state)


def providers(config: Config) -> Mapping[str, Provider]:
    """The providers that a configuration uses, each imported only if it is used."""
    made: dict[str, Provider] = {}
    for name in {name for deployment in config.deployments for name in speakers(deployment)}:
        made[name] = open_provider(name)
    return made


def version() -> str:
    """The version that is installed, or `0` where it runs from its sources."""
    try:
        return metadata.version("guardhouse")
    except metadata.PackageNotFoundError:
        return "0"


class State:
    """Whether the app has started, and whether it is about to stop."""

    __slots__ = ("started", "stopping")

    def __init__(self) -> None:
        self.started = self.stopping = False

    def missing(self) -> dict[str, str]:
        """What keeps it from serving, by part; empty when nothing does."""
        if self.stopping:
            return {"app": "is stopping"}
        return {} if self.started else {"app": "is starting"}


class App:
    """The ASGI app of one process."""

    def __init__(self, context: Context, recorder: Recorder, state: State) -> None:
        self.context = context
        self._recorder, self._state = recorder, state
        self._pages: FastAPI | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's lifespan."""
        if scope["type"] == "http":
            path: str = scope["path"]
            dialect = dialect_of(path) if path in ROUTES else None
            if dialect is not None and scope["method"] == "POST":
                await pipeline.serve(self.context, Connection(scope, receive, send), dialect)
            elif (asked := find(scope["method"], path)) is not None:
                await stored.serve(self.context, Connection(scope, receive, send), *asked)
            elif path == "/v1" or path.startswith("/v1/"):
                await self._other(Connection(scope, receive, send))
            else:
                await (await self._fastapi())(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def bootstrap_key(self) -> str | None:
        """The admin key made for a first start, to be shown once; None when there was a key already."""
        if self.context.settings.admin_key is not None or active_keys(self.context.store):
            return None
        return create_key(self.context.store, "made at the first start", admin=True).secret

    def stopping(self) -> None:
        """Say at /readyz that it stops soon. Requests are served as before."""
        self._state.stopping = True

    # --- the rest of /v1

    async def _other(self, connection: Connection) -> None:
        id_ = new_id()
        headers = {"content-type": "application/json", "x-request-id": id_, "request-id": id_}
        status = 200
        try:
            body = self._answer(connection)
        except ProxyError as error:
            status, error.request_id = error.status, id_
            headers |= error.headers
            body = error_body("/v1/messages" if _is_anthropic(connection) else connection.path, error)
        await connection.reply(status, header_pairs(headers), body)

    def _answer(self, connection: Connection) -> bytes:
        path, method = connection.path, connection.method
        if allowed := methods(path):
            raise _wrong_method(method, ", ".join(allowed))
        if path != MODELS and not path.startswith(MODELS + "/"):
            raise NotFound(why_not_served(method, path), code=Code.UNKNOWN_URL)
        if method not in ("GET", "HEAD"):
            raise _wrong_method(method, "GET")
        self.context.keyring.principal(connection.credentials())
        anthropic = _is_anthropic(connection)
        if path == MODELS:
            return orjson.dumps(models.page(self.context.router.models(), anthropic))
        name = path.removeprefix(MODELS + "/")
        self.context.router.resolve(name)
        return orjson.dumps(models.model(name, anthropic))

    # --- everything that is not /v1

    async def _fastapi(self) -> FastAPI:
        if self._pages is None:
            async with self._building:
                if self._pages is None:
                    self._pages = await asyncio.to_thread(compose, self.context)
        return self._pages

    # --- life

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._recorder.start()
        await self._refresh_keys()
        refreshing = asyncio.create_task(self._keep_refreshing())
        watching = asyncio.create_task(self.context.policies.watch())
        self._state.started = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._state.stopping = True
        refreshing.cancel()
        watching.cancel()
        await self.context.shadows.aclose()
        await self.context.policies.aclose()
        await self.context.router.aclose()
        await self.context.vaults.aclose()
        await asyncio.to_thread(self._recorder.close)
        await asyncio.to_thread(self.context.store.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(KEYS_SECONDS)
            await self._refresh_keys()

    async def _refresh_keys(self) -> None:
        """Take over the keys as stored; while the store is away, those known before go on working."""
        reading = asyncio.to_thread(active_keys, self.context.store)
        rows = (await asyncio.gather(reading, return_exceptions=True))[0]
        if isinstance(rows, BaseException):
            _log.warning("the keys cannot be read from the store (%s)", type(rows).__name__)
        else:
            self.context.keyring.replace(rows)


def compose(context: Context) -> FastAPI:
    """The FastAPI app with the management API and the review pages."""
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException

    from proxy.api.deps import problem

    pages = FastAPI(title="Guardhouse", version=version(), docs_url=None, redoc_url=None, openapi_url=None)

    @pages.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        """What no route answers, in the one envelope for errors."""
        if error.status_code == 405:
            allowed = (error.headers or {}).get("allow", "GET")
            return problem(_wrong_method(request.method, allowed))
        return problem(NotFound(why_not_served(request.method, request.url.path), code=Code.UNKNOWN_URL))

    for name in ("proxy.api.routes", "proxy.review.routes"):
        if find_spec(name) is not None:
            pages.include_router(import_module(name).build_router(context))
    return pages


def _is_anthropic(connection: Connection) -> bool:
    """Whether a client of Anthropic's asks: what both families have is told in its own shape."""
    return connection.header(b"anthropic-version") is not None


def _wrong_method(method: str, allowed: str) -> MethodNotAllowed:
    return MethodNotAllowed(f"{method} is not allowed here. Use {allowed}.", headers={"allow": allowed})
