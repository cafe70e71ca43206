"""The app: `/v1` is answered by plain ASGI, everything else by a FastAPI app built when first asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

import orjson

from guardrails import policy as policies
from guardrails.engine import load_guard
from guardrails.policy import Policy
from proxy import pipeline
from proxy.auth import Keyring
from proxy.config import Config, PolicySource, load_config
from proxy.context import Context
from proxy.errors import Code, MethodNotAllowed, NotFound, ProxyError, openai_body
from proxy.providers.base import Provider
from proxy.recorder import Options, Recorder
from proxy.routing import Router
from proxy.settings import Settings
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from proxy.store.keys import active_keys, create_key
from proxy.telemetry import Metrics
from proxy.vaults import vaults
from proxy.wire import Connection, Receive, Scope, Send, header_pairs

if TYPE_CHECKING:
    from fastapi import FastAPI

CHAT = "/v1/chat/completions"
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
    key = load_key(config.data_dir)
    guard = load_guard(load_policy(config.policy), key)
    metrics = Metrics(version(), guard.policy.label)
    store = open_store(url_of(config.data_dir, config.database_url), key)
    recorder = Recorder(config.data_dir / "spool", store.write, metrics, Options(mode=config.spool_mode))
    admin = settings.admin_key.get_secret_value() if settings.admin_key else None
    state = State()
    context = Context(
        settings=settings,
        config=config,
        store=store,
        recorder=recorder,
        keyring=Keyring(admin, closed=keys),
        guard=guard,
        guard_label=guard.policy.label,
        key=key,
        router=Router(config, providers(config)),
        vaults=vaults(key, config.redis_url, config.vault_ttl_s),
        metrics=metrics,
        ready=state.missing,
    )
    return App(context, recorder, state)


def load_policy(source: PolicySource) -> Policy:
    """The policy that a configuration names. Raises PolicyError."""
    if source.kind == "builtin":
        return policies.builtin(source.value)
    if source.kind == "inline":
        return policies.parse(source.value, file=source.file)
    return policies.load(source.value)


def providers(config: Config) -> Mapping[str, Provider]:
    """The providers that a configuration uses, each imported only if it is used."""
    made: dict[str, Provider] = {}
    for name in {deployment.provider for deployment in config.deployments}:
        if name == "openai_wire":
            from proxy.providers.openai_wire import OpenAIWire

            made[name] = OpenAIWire()
        elif name == "litellm":
            from proxy.providers.litellm import LiteLLM

            made[name] = LiteLLM()
        else:
            from proxy.providers.fake import FakeProvider

            made[name] = FakeProvider()
    return made


def version() -> str:
    """The version that is installed, or `0` where it runs from its sources."""
    try:
        return metadata.version("guardhouse")
    except metadata.PackageNotFoundError:
        return "0"


class State:
    """Whether the app has started."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started = False

    def missing(self) -> dict[str, str]:
        """What keeps it from serving, by part; empty when nothing does."""
        return {} if self.started else {"app": "is starting or stopping"}


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
            if path == CHAT and scope["method"] == "POST":
                await pipeline.serve(self.context, Connection(scope, receive, send))
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

    # --- the rest of /v1

    async def _other(self, connection: Connection) -> None:
        try:
            body = self._answer(connection)
        except ProxyError as error:
            headers = header_pairs({**error.headers, "content-type": "application/json"})
            await connection.reply(error.status, headers, openai_body(error))
        else:
            await connection.reply(200, [(b"content-type", b"application/json")], body)

    def _answer(self, connection: Connection) -> bytes:
        path, method = connection.path, connection.method
        if path == CHAT:
            raise _wrong_method(method, "POST")
        if path != MODELS and not path.startswith(MODELS + "/"):
            raise NotFound(
                f"There is no {method} {path[:200]} here. docs/reference/http-api.md lists the routes.",
                code=Code.UNKNOWN_URL,
            )
        if method not in ("GET", "HEAD"):
            raise _wrong_method(method, "GET")
        self.context.keyring.principal(connection.header(b"authorization"))
        if path == MODELS:
            return orjson.dumps(
                {"object": "list", "data": [_model(name) for name in self.context.router.models()]}
            )
        name = path.removeprefix(MODELS + "/")
        self.context.router.resolve(name)
        return orjson.dumps(_model(name))

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
        self._state.started = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._state.started = False
        refreshing.cancel()
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

    pages = FastAPI(title="Guardhouse", version=version(), docs_url=None, redoc_url=None, openapi_url=None)
    for name in ("proxy.api.routes", "proxy.review.routes"):
        if find_spec(name) is not None:
            pages.include_router(import_module(name).build_router(context))
    return pages


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "guardhouse"}


def _wrong_method(method: str, allowed: str) -> MethodNotAllowed:
    return MethodNotAllowed(f"{method} is not allowed here. Use {allowed}.", headers={"allow": allowed})
