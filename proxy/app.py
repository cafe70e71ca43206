"""The app: `/v1` is answered by plain ASGI, everything else by a FastAPI app built when first asked for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import orjson

from proxy import faults, models, permits, pipeline, stored
from proxy.auth import Keyring
from proxy.cache import Replies
from proxy.config import Config, load_config
from proxy.context import Context
from proxy.dialects.served import ROUTES, dialect_of, error_body, why_not_served
from proxy.dialects.stored import find, methods
from proxy.errors import FAILED, Code, MethodNotAllowed, NotFound, ProxyError
from proxy.exchange import new_id
from proxy.forgetting import forget_erased
from proxy.lag import Lag
from proxy.limiting import make_limiter, seed
from proxy.maintenance import Maintenance
from proxy.objects import Objects
from proxy.otlp import serve as otlp
from proxy.outside import outside
from proxy.policies import Policies
from proxy.prices import Prices
from proxy.prompts import load_prompts
from proxy.providers.base import Provider
from proxy.recorder import Options, Recorder
from proxy.reload import Reloads, exported, stamped, started
from proxy.routing import Router, no_model, open_provider, speakers
from proxy.runs import runs
from proxy.settings import Settings
from proxy.shadow import Shadows
from proxy.store.db import url_of
from proxy.store.keys import active_keys, create_key
from proxy.store.objects import made, makers
from proxy.store.rotation import open_rooted
from proxy.store.spool_seal import Seal
from proxy.strangers import Strangers
from proxy.telemetry import Metrics
from proxy.vaults import vaults
from proxy.version import version
from proxy.wire import Connection, Receive, Scope, Send, answer_ids, header_pairs, identified

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.exceptions import HTTPException

MODELS = "/v1/models"
KEYS_SECONDS = 3.0
"""How long a key that was made or revoked may take to be known."""
READ_SECONDS = 10.0
"""How long the database may take to tell the keys, before it is asked again on another connection."""

_log = logging.getLogger(__name__)


def create_app(settings: Settings, *, keys: bool = True) -> App:
    """The proxy as an ASGI app, everything in it built and checked.

    Args:
        settings: what the environment says; names the configuration file.
        keys: whether callers need a key. Without, serve it where nobody else can reach it.

    Raises ConfigError, PolicyError or StoreError, saying what is wrong, where, and what to do.
    """
    config = load_config(settings.config, settings)
    reached = providers(config)
    prompts = load_prompts(config.prompts)
    router = Router(config, reached)
    world = outside(config.redis_url, router)
    url = url_of(config.data_dir, config.database_url)
    anchors = config.audit.file(config.data_dir)
    store = open_rooted(url, config.data_dir, settings.data_key, search=config.search, anchors=anchors)
    key = store.key
    policies = Policies(config, key, world)
    metrics = Metrics(version(), policies.label)
    kept = Options(config.spool_mode, config.spool_max_bytes, config.spool_on_full)
    recorder = Recorder(config.data_dir / "spool", store.write, metrics, Seal(key), kept)
    admin = settings.admin_key.get_secret_value() if settings.admin_key else None
    limiter = make_limiter(config)
    metrics.watch_limits(lambda: limiter.trouble() is not None, lambda: limiter.leases)
    state = State()
    context = Context(
        settings=settings,
        config=stamped(config, policies, prompts),
        store=store,
        recorder=recorder,
        keyring=Keyring(admin, closed=keys),
        policies=policies,
        key=key,
        router=router,
        shadows=Shadows(config, reached),
        vaults=vaults(key, config.redis_url, config.vault_ttl_s),
        replies=Replies(config.cache_ttl_s),
        limiter=limiter,
        objects=Objects(partial(made, store), partial(makers, store)),
        runs=runs(key, config.redis_url, config.run_idle_s, metrics.run),
        prompts=prompts,
        prices=Prices(config.deployments),
        metrics=metrics,
        strangers=Strangers(metrics),
        spans=exported(config, metrics),
        ready=state.missing,
    )
    return App(context, recorder, state)


def providers(config: Config) -> Mapping[str, Provider]:
    """The providers that a configuration uses, each imported only if it is used."""
    made: dict[str, Provider] = {}
    for name in {name for deployment in config.deployments for name in speakers(deployment)}:
        made[name] = open_provider(name)
    return made


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
        self.reloads = context.reloads
        self.reloads.begin(context)
        self._recorder, self._state = recorder, state
        self._pages: FastAPI | None = None
        self._building = asyncio.Lock()
        self._reloading: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's lifespan."""
        if scope["type"] == "http":
            await faults.told(self._answered, scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        dialect = dialect_of(path) if path in ROUTES else None
        if dialect is not None and scope["method"] == "POST":
            with self.reloads.held() as context:
                await pipeline.serve(context, Connection(scope, receive, send), dialect)
        elif (asked := find(scope["method"], path)) is not None:
            with self.reloads.held() as context:
                await stored.serve(context, Connection(scope, receive, send), *asked)
        elif path == otlp.PATH and scope["method"] == "POST":
            with self.reloads.held() as context:
                await otlp.serve(context, Connection(scope, receive, send))
        elif path == "/v1" or path.startswith("/v1/"):
            await self._other(Connection(scope, receive, send))
        else:
            await (await self._fastapi())(scope, receive, identified(send, new_id()))

    @property
    def context(self) -> Context:
        """The context in force."""
        return self.reloads.context

    def bootstrap_key(self) -> str | None:
        """The admin key made for a first start, to be shown once; None when there was a key already."""
        if self.context.settings.admin_key is not None or active_keys(self.context.store):
            return None
        return create_key(self.context.store, "made at the first start", admin=True).secret

    def reload_soon(self) -> None:
        """Read the configuration again, as soon as the event loop comes to it. What comes of it is logged."""
        self._reloading = asyncio.ensure_future(self.reloads.told())

    def stopping(self) -> None:
        """Say at /readyz that it stops soon. Requests are served as before."""
        self._state.stopping = True

    # --- the rest of /v1

    async def _other(self, connection: Connection) -> None:
        id_ = new_id()
        headers = {"content-type": "application/json", **answer_ids(id_)}
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
        if path == otlp.PATH:
            raise _wrong_method(method, "POST")
        if path != MODELS and not path.startswith(MODELS + "/"):
            raise NotFound(why_not_served(method, path), code=Code.UNKNOWN_URL)
        if method not in ("GET", "HEAD"):
            raise _wrong_method(method, "GET")
        who = self.context.keyring.principal(connection.credentials())
        permits.check_caller(self.context, who)
        anthropic = _is_anthropic(connection)
        served = permits.permitted(who, self.context.router.models())
        if path == MODELS:
            return orjson.dumps(models.page(served, anthropic))
        if (name := path.removeprefix(MODELS + "/")) not in served:
            raise no_model()
        return orjson.dumps(models.model(name, anthropic))

    # --- everything that is not /v1

    async def _fastapi(self) -> FastAPI:
        if self._pages is None:
            async with self._building:
                if self._pages is None:
                    self._pages = await asyncio.to_thread(compose, cast(Context, InForce(self.reloads)))
        return self._pages

    # --- life

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._recorder.start()
        await self.context.limiter.start()
        self.context.keyring.unread = True
        await self._refresh_keys()
        await asyncio.to_thread(started, self.context)
        lag, metrics = Lag(), self.context.metrics
        metrics.watch_app(self.reloads, lag)
        maintenance = metrics.running.maintenance = Maintenance(lambda: self.context)
        beside = (
            *(self._keep_refreshing(), self.reloads.watch(), lag.watch(), metrics.share()),
            maintenance.keep(),
        )
        tasks = [asyncio.create_task(each) for each in beside]
        self._state.started = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._state.stopping = True
        maintenance.stop()
        for task in tasks:
            task.cancel()
        await self.context.shadows.aclose()
        await self.context.limiter.aclose()
        await self.reloads.aclose()
        await self.context.policies.aclose()
        await self.context.router.aclose()
        await self.context.vaults.aclose()
        await self.context.runs.aclose()
        self.context.strangers.tell(self._recorder)
        await asyncio.to_thread(self._recorder.close)
        if self.context.spans is not None:
            await asyncio.to_thread(self.context.spans.close)
        await asyncio.to_thread(maintenance.close)
        await asyncio.to_thread(self.context.store.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep_refreshing(self) -> None:
        erased_us = time.time_ns() // 1000 - self.context.config.vault_ttl_s * 1_000_000
        while True:
            await asyncio.sleep(KEYS_SECONDS)
            await self._refresh_keys()
            if self.context.keyring.trouble is None:
                erased_us = await forget_erased(self.context, erased_us)

    async def _refresh_keys(self) -> None:
        """Take over the keys as stored; while the store is away, those known before go on working."""
        read = partial(permits.known_keys, self.context)
        reading = asyncio.wait_for(asyncio.to_thread(self.context.keyring.refresh, read), READ_SECONDS)
        failed = (await asyncio.gather(reading, return_exceptions=True))[0]
        if isinstance(failed, BaseException):
            trouble = f"the keys cannot be read from the store ({type(failed).__name__})"
            if self.context.keyring.trouble is None:
                _log.warning("%s; those known before go on working", trouble)
            self.context.keyring.trouble = trouble
            if isinstance(failed, TimeoutError):
                # Other connections hang like that one: the next reading opens its own.
                self.context.store.close()
        else:
            await seed(self.context)


class InForce:
    """A context for the pages, which are built once: whatever it is asked for is that of the context in force."""

    __slots__ = ("_reloads",)

    def __init__(self, reloads: Reloads) -> None:
        self._reloads = reloads

    def __getattr__(self, name: str) -> Any:
        """The part of that name."""
        return getattr(self._reloads.context, name)


def compose(context: Context) -> FastAPI:
    """The FastAPI app with the management API and the review pages; it keeps no part that follows the configuration."""
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException

    from proxy.api.deps import problem
    from proxy.review.pages import HEADERS
    from proxy.review.session import HOME

    pages = FastAPI(
        title="Guardhouse",
        version=version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A redirect would tell whoever asks which paths there are, and under which name the proxy is reached.
        redirect_slashes=False,
    )

    @pages.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        """What no route answers, in the one envelope for errors."""
        if error.status_code == 405:
            allowed = (error.headers or {}).get("allow", "GET")
            return problem(_wrong_method(request.method, allowed))
        return problem(NotFound(why_not_served(request.method, request.url.path), code=Code.UNKNOWN_URL))

    @pages.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        """A fault of ours: told in the envelope, and on its way to the server's log."""
        answer = problem(ProxyError(FAILED))
        if request.url.path.startswith(HOME):
            answer.headers.update(HEADERS)
        return answer

    for name in ("proxy.api.routes", "proxy.review.routes"):
        if find_spec(name) is not None:
            pages.include_router(import_module(name).build_router(context))
    return pages


def _is_anthropic(connection: Connection) -> bool:
    """Whether a client of Anthropic's asks: what both families have is told in its own shape."""
    return connection.header(b"anthropic-version") is not None


def _wrong_method(method: str, allowed: str) -> MethodNotAllowed:
    return MethodNotAllowed(f"{method} is not allowed here. Use {allowed}.", headers={"allow": allowed})
