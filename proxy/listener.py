"""uvicorn's server, that stops in order and does not bear with every client for ever."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
import time
from types import FrameType
from typing import cast

import uvicorn

from proxy.app import App
from proxy.http_protocol import HTTPConnection
from proxy.patience import Patience

TOLD_SECONDS = 2.0
"""How long exchanges that are broken off may take to tell their callers, and to be recorded."""
_LOOK_EVERY = 10
"""Ticks, of a tenth of a second each, between two looks at slow clients."""

_log = logging.getLogger(__name__)


class Listener(uvicorn.Server):
    """Serves an app until a signal comes.

    The first signal stops in order: /readyz says no while requests are taken as before (after SIGTERM, for
    `notice_s`), then none are taken and those under way may finish (for `drain_s`), then they are broken off.
    The second signal breaks off at once. Each way, everything is recorded.
    """

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app
        self._patience = Patience(app.context.config.clients)
        self._closes: float | None = None
        """From when on no requests are taken (time.monotonic); None until a signal comes."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal. uvicorn raises again what it noted itself; ours end the process with 0."""
        if self._closes is not None:
            self.should_exit = self.force_exit = True
            return
        # Whoever presses Ctrl-C has no load balancer that must notice.
        self._closes = time.monotonic() + (
            0.0 if sig == signal.SIGINT else self._app.context.config.shutdown.notice_s
        )
        self._app.stopping()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app and listen; from then on SIGHUP reads the configuration again."""
        await super().startup(sockets)
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._app.reload_soon)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; whether to stop now."""
        done = await super().on_tick(counter)
        if counter % _LOOK_EVERY == 0:
            connections = cast(set[HTTPConnection], self.server_state.connections)
            clients = self._app.context.config.clients
            self.config.timeout_keep_alive = clients.idle_s
            self._patience.clients = clients
            late = self._patience.look(connections, time.monotonic())
            if late:
                _log.info("%d clients took too long and were dropped", late)
        if self._closes is None:
            return done
        close = (b"connection", b"close")
        if close not in self.server_state.default_headers:
            self.server_state.default_headers = [*self.server_state.default_headers, close]
        return done or time.monotonic() >= self._closes

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, let what is under way finish, break off the rest, and end the app."""
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._finished(self._app.context.config.shutdown.drain_s)
        left = list(self.server_state.tasks)
        if left:
            _log.warning("%d requests under way were broken off", len(left))
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=TOLD_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        self.force_exit = False  # else uvicorn would not end the app, and what it has to record would be lost
        await super().shutdown(sockets)

    async def _finished(self, seconds: float) -> None:
        """Returns when no request is under way, after so many seconds, or at a second signal."""
        until = time.monotonic() + seconds
        while self.server_state.tasks or self.server_state.connections:
            if self.force_exit or time.monotonic() >= until:
                return
            await asyncio.sleep(0.05)
