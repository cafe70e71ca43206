"""The server: uvicorn on uvloop and httptools around the app, one process or several."""

from __future__ import annotations

import functools
import gc
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.app import App, create_app
from proxy.errors import ConfigError
from proxy.settings import Settings
from proxy.telemetry import setup_logging

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 30
"""How long requests under way may take to finish when the server is told to stop."""


_COLLECT_AFTER = 20_000
"""New objects that may pile up before cycles among them are looked for: a request makes hundreds, few cyclic."""

_SWITCH_SECONDS = 0.001
"""How long a thread that writes traces or scans a long text may keep the event loop waiting for its turn."""


def run(settings: Settings, *, keys: bool, say: Callable[[str], None]) -> None:
    """Serve until told to stop.

    Args:
        settings: where to listen, and which configuration to load.
        keys: whether callers need a key.
        say: takes each line that is for the person who started it.

    Raises ConfigError, PolicyError, StoreError or SpoolError when it cannot start.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    setup_logging(settings.log_level)
    app = create_app(settings, keys=keys)
    # The address first: a key that is shown once must not be lost to a start that fails.
    listening = _listen(settings.host, settings.port)
    secret = app.bootstrap_key() if keys else None
    if secret is not None:
        say(f"Admin key, shown this once: {secret}")
    host, port = listening.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    for note in app.context.config.notes:
        say(note)
    if not keys:
        say("Nobody is asked for a key: only programs on this machine can reach this proxy.")
    say(f"Guardhouse listens on http://{address} ({app.context.policies.label})")
    if settings.workers == 1:
        _settle()
        uvicorn.Server(uvicorn_config(app)).run(sockets=[listening])
        return
    app.context.store.close()
    config = uvicorn_config(functools.partial(_worker, settings, keys), workers=settings.workers)
    Multiprocess(config, sockets=[listening]).run()


def _worker(settings: Settings, keys: bool) -> App:
    """The app of one of several processes."""
    setup_logging(settings.log_level)
    app = create_app(settings, keys=keys)
    _settle()
    return app


def _settle() -> None:
    """Set the interpreter up for serving: what is loaded stays, and the event loop goes first."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)


def uvicorn_config(app: object, *, workers: int = 1) -> uvicorn.Config:
    """How the app is served: uvloop (which sets TCP_NODELAY) and httptools, no access log."""
    import uvicorn

    from proxy.http_protocol import HTTPConnection

    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        factory=isinstance(app, functools.partial),
        workers=workers,
        loop="uvloop",
        http=HTTPConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ConfigError when the address cannot be had."""
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}.", fix="Choose another --host or --port."
        ) from None
    return listening
