"""The server: uvicorn on uvloop and httptools around the app, one process or several."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from guardrails.errors import GuardrailsError
from proxy import limiting
from proxy.app import App, create_app
from proxy.errors import ConfigError
from proxy.logs import guard_crashes, setup_logging
from proxy.settings import Settings
from proxy.spool import SpoolError, claim
from proxy.store.db import StoreError
from proxy.workers import Workers

if TYPE_CHECKING:
    import uvicorn

BACKLOG = 2048
"""Connections that may wait to be accepted."""
_COLLECT_AFTER = 20_000
"""New objects that may pile up before cycles among them are looked for: a request makes hundreds, few cyclic."""

_log = logging.getLogger(__name__)

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
    _prepare(settings)
    app = create_app(settings, keys=keys)
    # The address and the spool first: a key that is shown once must not be lost to a start that fails.
    listening = _listen(settings.host, settings.port)
    claim(app.context.config.data_dir / "spool").release()
    secret = app.bootstrap_key() if keys else None
    if secret is not None:
        say(f"Admin key, shown this once: {secret}")
    host, port = listening.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    for told in (*settings.notes(), *app.context.config.notes, limiting.note(app.context, settings.workers)):
        if told is not None:
            say(told)
    if not keys:
        say("Nobody is asked for a key: only programs on this machine can reach this proxy.")
    say(f"Guardhouse listens on http://{address} ({app.context.policies.label})")
    _raise_open_files()
    if settings.workers == 1:
        _serve(app, listening)
        return
    app.context.store.close()
    with _meeting(app.context.config.data_dir) as folder:
        status = Workers(_work, listening, (settings, keys, folder), settings.workers).run()
    if status:
        sys.exit(status)


def _work(listening: socket.socket, settings: Settings, keys: bool, folder: Path) -> None:
    """One of several processes. Exits with 1 when it cannot start: later it may, and the others go on meanwhile."""
    _prepare(settings)
    try:
        app = create_app(settings, keys=keys)
        claim(app.context.config.data_dir / "spool").release()
    except (ConfigError, GuardrailsError, StoreError, SpoolError) as error:
        _log.error("a worker cannot start: %s", error)
        sys.exit(1)
    app.context.metrics.join(folder)
    _serve(app, listening)


def _prepare(settings: Settings) -> None:
    # A SIGHUP that comes before anybody listens for it must not end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Whatever is written from now on (database, spool, numbers of workers) is for this user alone.
    os.umask(0o077)
    setup_logging(settings)
    guard_crashes()


@contextlib.contextmanager
def _meeting(data_dir: Path) -> Iterator[Path]:
    """A folder in which the workers of one proxy leave their numbers; those of proxies that were killed are removed."""
    root = data_dir / "workers"
    for left in root.glob("*"):
        if left.name.isdigit() and not _runs(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    folder = root / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _serve(app: App, listening: socket.socket) -> None:
    from proxy.listener import Listener

    _settle()
    Listener(uvicorn_config(app), app).run(sockets=[listening])


def _raise_open_files() -> None:
    """Take as many open files as the system allows: each stream needs two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _settle() -> None:
    """Set the interpreter up for serving: what is loaded stays, and the event loop goes first."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)


def uvicorn_config(app: App) -> uvicorn.Config:
    """How the app is served: uvloop (which sets TCP_NODELAY) and httptools, no access log."""
    import uvicorn

    from proxy.http_protocol import HTTPConnection

    return uvicorn.Config(
        app,
        loop="uvloop",
        http=HTTPConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=app.context.config.clients.idle_s,
        timeout_graceful_shutdown=1,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError when the address cannot be had."""
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            # Whoever comes from now on waits for the server to be up, and nobody else can have the address.
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}.", fix="Choose another --host or --port."
        ) from None
    return listening
