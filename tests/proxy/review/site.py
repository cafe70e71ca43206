"""The pages as a real server serves them, over a real store."""

from __future__ import annotations

import html
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from guardrails.policy import builtin
from proxy.auth import Keyring
from proxy.context import Context
from proxy.review.routes import build_router
from proxy.store.db import Store, open_store
from proxy.store.keys import active_keys, create_key

ADMIN_KEY = "the-admin-key"
SECRET = b"k" * 32


@dataclass
class Site:
    """A store, the pages over it, and keys."""

    app: FastAPI
    store: Store
    keyring: Keyring
    reviewer_key: str
    """A virtual key with --admin."""
    plain_key: str


@contextmanager
def site(folder: Path, *, closed: bool = True) -> Iterator[Site]:
    """The pages over an empty store."""
    store = open_store(f"sqlite:///{folder / 'traces.sqlite3'}", SECRET)
    reviewer, plain = create_key(store, "reviewer", admin=True), create_key(store, "app")
    keyring = Keyring(ADMIN_KEY, closed=closed)
    keyring.replace(active_keys(store))
    policy = builtin("default")
    unused: Any = None
    config: Any = SimpleNamespace(run_idle_s=60)
    policies: Any = SimpleNamespace(label=policy.label, rules=lambda: [rule.id for rule in policy.rules])
    router: Any = SimpleNamespace(models=lambda: ["gpt-4o-mini", "claude-sonnet"])
    context = Context(
        settings=unused, config=config, store=store, recorder=unused, keyring=keyring, policies=policies,
        key=SECRET, router=router, metrics=unused, shadows=unused, vaults=unused, replies=unused, spans=None, objects=unused, runs=unused, ready=dict,
    )  # fmt: skip
    app = FastAPI()
    app.include_router(build_router(context))
    yield Site(app, store, keyring, reviewer.secret, plain.secret)
    store.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of a real server around the app."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(5)
    listening.close()


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"the page has no field {name}"
    return html.unescape(found[1])


def sign_in(client: TestClient, key: str, next: str = "") -> Any:
    """Fill in the sign-in form and send it."""
    page = client.get("/review/login", params={"next": next} if next else None).text
    form = {"key": key, "token": hidden(page, "token"), "next": hidden(page, "next")}
    return client.post("/review/login", data=form)
