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

from guardrails.engine import Guard
from guardrails.policy import builtin
from guardrails.policy import parse as policy_text
from proxy.auth import Keyring
from proxy.config_policies import PolicySource
from proxy.config_schema import Reveal
from proxy.config_sign_in import Oidc
from proxy.passwords import Hashing
from proxy.policies import Placed
from proxy.review.routes import build_router
from proxy.roles import Role
from proxy.store import accounts
from proxy.store.accounts import Account, NewAccount
from proxy.store.db import Store, open_store
from proxy.store.keys import active_keys, create_key
from proxy.telemetry import Metrics
from tests.proxy.contexts import context_of
from tests.proxy.policies import policy as words
from tests.proxy.store.databases import prepared

ADMIN_KEY = "the-admin-key"
SECRET = b"k" * 32
HOSTILE = "</td></table><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\ud800\0"


@dataclass
class Site:
    """A store, the pages over it, and keys."""

    app: FastAPI
    store: Store
    keyring: Keyring
    reviewer_key: str
    """A virtual key with --admin."""
    plain_key: str
    config: Any = None
    """The configuration, of which a test may change a part."""


@contextmanager
def site(
    folder: Path, *, closed: bool = True, oidc: Oidc | None = None, admin_key: str | None = ADMIN_KEY
) -> Iterator[Site]:
    """The pages over an empty store."""
    store = open_store(prepared(folder / "traces.sqlite3"), SECRET)
    reviewer, plain = create_key(store, "reviewer", admin=True), create_key(store, "app")
    keyring = Keyring(admin_key, closed=closed)
    keyring.replace(active_keys(store))
    policy = builtin("default")
    golden = folder / "golden"
    golden.mkdir()
    config: Any = SimpleNamespace(run_idle_s=60, reveal=Reveal(), oidc=oidc, golden_dir=golden)
    guard = Guard(policy_text(words()), SECRET)
    policies: Any = SimpleNamespace(
        label=policy.label,
        rules=lambda: [rule.id for rule in policy.rules],
        guard_for=lambda *_: guard,
        placed=lambda: [Placed(guard, PolicySource("inline", words(), "guardhouse.yaml"), "everybody")],
    )
    router: Any = SimpleNamespace(models=lambda: ["gpt-4o-mini", "claude-sonnet"])
    context = context_of(
        config=config,
        store=store,
        keyring=keyring,
        policies=policies,
        key=SECRET,
        router=router,
        metrics=Metrics("0", "p"),
    )
    app = FastAPI()
    app.include_router(build_router(context))
    yield Site(app, store, keyring, reviewer.secret, plain.secret, config)
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


PASSWORD = "four plain words here"


def let_in(pages: Site, name: str, role: Role, **more: Any) -> Account:
    """Make an account with PASSWORD."""
    given = {"password": Hashing().hashed(PASSWORD), **more}
    return accounts.create(pages.store, NewAccount(name, role, **given))


def sign_in_as(client: TestClient, name: str, password: str = PASSWORD, next: str = "") -> Any:
    """Fill in the sign-in form with a name and send it."""
    page = client.get("/review/login", params={"next": next} if next else None).text
    form = {"name": name, "password": password, "key": "", "token": hidden(page, "token")}
    return client.post("/review/login", data={**form, "next": hidden(page, "next")})


def seed(pages: Site, *given: dict[str, Any]) -> list[str]:
    """Store documents; their ids."""
    assert pages.store.write(list(given)) == []
    return [document["id"] for document in given]


def rows(page: str) -> list[str]:
    """The ids that a queue page links to, in order."""
    return re.findall(r'class="open" href="/review/traces/(\w+)', page)
