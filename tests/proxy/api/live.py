"""A whole proxy with its own database, and callers with keys of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from proxy.app import App, create_app
from proxy.settings import Settings
from proxy.store.keys import active_keys, create_key
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import Answer, ask, chat
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served


class Live:
    """The proxy, and two keys: of an app and of a stranger."""

    def __init__(self, running: Running) -> None:
        self.running = running
        app: App = running.app
        store = app.context.store
        self.key, self.stranger = create_key(store, "app").secret, create_key(store, "stranger").secret
        app.context.keyring.replace(active_keys(store))

    def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> Answer:
        """One request with the app's key, or another."""
        given = {"authorization": f"Bearer {key or self.key}", **headers}
        return ask(self.running, body, path=path, headers=given)  # type: ignore[no-any-return]

    def chat(self, **options: Any) -> str:
        """One exchange of the app's; its id."""
        headers = {"authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return ask(self.running, chat(**options), headers=headers).headers["x-guardhouse-trace-id"]

    def trace(self, id: str, until: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The trace, as soon as it is as it should be."""
        end = time.monotonic() + 10
        while True:
            found = ask(self.running, method="GET", path=f"/api/traces/{id}")
            if found.status == 200 and until(document := orjson.loads(found.body)):
                return document  # type: ignore[no-any-return]
            assert time.monotonic() < end, found.body[:500]
            time.sleep(0.02)


@contextmanager
def live(folder: Path, upstream: Upstream, **keys: Any) -> Iterator[Live]:
    """A proxy in front of the provider."""
    make_app(folder, f"http://127.0.0.1:{upstream.port}/v1", policy(), **keys)
    with served(create_app(Settings(config=folder / "guardhouse.yaml", admin_key=ADMIN_KEY))) as running:
        yield Live(running)
