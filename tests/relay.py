"""A relay whose connections can fall silent without ending."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Relay:
    """Passes connections on to a server; `freeze` makes those there are now silent, and leaves them open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[tuple[socket.socket, threading.Event]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """No byte of a connection that is open now goes through any more."""
        for _, frozen in self._open:
            frozen.set()

    def close(self) -> None:
        """End all of it."""
        self._listening.close()
        for each, _ in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                frozen = threading.Event()
                self._open.append((client, frozen))
                threading.Thread(target=self._pass_on, args=(client, frozen), daemon=True).start()

    def _pass_on(self, client: socket.socket, frozen: threading.Event) -> None:
        with client, socket.create_connection(self._target) as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        if not frozen.is_set():
                            key.data.sendall(data)
