"""A management API over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from guardrails.engine import Guard
from guardrails.policy import parse
from proxy.api.routes import build_router
from proxy.auth import Keyring
from proxy.config import Config
from proxy.recorder import Recorder
from proxy.settings import Settings
from proxy.store.db import Store, open_store
from proxy.store.keys import active_keys, create_key
from proxy.store.spool_seal import Seal
from proxy.telemetry import Metrics
from tests.proxy.contexts import context_of
from tests.proxy.policies import policy

METRICS_KEY = "only-for-prometheus"


@dataclass
class Api:
    """The API as an administrator reaches it, and what stands behind it."""

    client: TestClient
    store: Store
    recorder: Recorder
    reasons: dict[str, str]
    plain_key: str
    admin_key: str


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A running API with an empty store; the client sends the admin key."""
    store = open_store(f"sqlite:///{tmp_path / 'traces.sqlite3'}", b"k" * 32)
    metrics = Metrics("1.2.3", "default@abc")
    recorder = Recorder(tmp_path / "spool", store.write, metrics, Seal(store.key))
    recorder.start()
    keyring = Keyring("the-admin-key")
    plain, admin = create_key(store, "app"), create_key(store, "reviewer", admin=True)
    keyring.replace(active_keys(store))
    reasons: dict[str, str] = {}
    guard = Guard(parse(policy()), store.key)
    context = context_of(
        settings=Settings(metrics_key=SecretStr(METRICS_KEY)),
        config=Config(tmp_path / "guardhouse.yaml", (), data_dir=tmp_path, revision="0123456789ab"),
        store=store,
        key=store.key,
        recorder=recorder,
        keyring=keyring,
        policies=SimpleNamespace(
            label="default@abc", labels=lambda: ["default@abc"], use=list, guard_for=lambda *_: guard
        ),
        router=SimpleNamespace(standing=list),
        metrics=metrics,
        ready=lambda: reasons,
    )
    app = FastAPI()
    app.include_router(build_router(context))
    with TestClient(
        app, headers={"authorization": "Bearer the-admin-key"}, client=("203.0.113.9", 1)
    ) as client:
        yield Api(client, store, recorder, reasons, plain.secret, admin.secret)
    recorder.close()
    store.close()
