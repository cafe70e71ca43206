"""What the doctor finds out about disk, keys, clocks and providers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from proxy import doctor_state, prices, redis_client
from proxy.config import Config
from proxy.config_deployments import Deployment
from proxy.doctor_state import BACKLOG_BYTES, ROOM_BYTES, folder, priced, reached, shared, stored
from proxy.key_terms import Terms
from proxy.limits import Limits
from proxy.store.db import Store, open_store
from proxy.store.keys import create_key
from tests.servers import Upstream


def levels(found: Iterator[Any]) -> dict[str, str]:
    """Level and text by subject."""
    return {subject: f"{level}: {text}" for level, subject, text in found}


def test_a_folder_that_others_can_read_is_told(tmp_path: Path) -> None:
    """It, and the key in it, with the command that mends them."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    assert "chmod go-rwx" in levels(folder(data))["permissions"]
    data.chmod(0o700)
    assert list(levels(folder(data))) == ["disk"]
    (data / "key").write_bytes(b"k" * 32)
    (data / "key").chmod(0o640)
    assert "mode 640" in levels(folder(data))["permissions"]


def test_a_full_disk_and_a_spool_that_waits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are warnings: nothing is lost yet."""
    tmp_path.chmod(0o700)
    (tmp_path / "spool" / "0").mkdir(parents=True)
    with (tmp_path / "spool" / "0" / "segment").open("wb") as sparse:
        sparse.truncate(BACKLOG_BYTES + 1)
    monkeypatch.setattr(doctor_state.shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM_BYTES - 1))

    found = levels(folder(tmp_path))
    assert found["disk"].startswith("warn") and found["spool"].startswith("warn")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    made = open_store(f"sqlite:///{tmp_path / 'traces.sqlite3'}", b"k" * 32)
    yield made
    made.close()


def test_a_key_that_soon_expires_is_told(store: Store) -> None:
    """With the day; one that has expired, one that expires next year and one that never does are not."""
    for name, days in (("soon", 3), ("gone", -3), ("later", 300), ("never", None)):
        key = create_key(store, name).stored.key_id
        if days is not None:
            at = int((time.time() + days * 86_400) * 1e6)
            with store.begin() as connection:
                connection.execute(
                    text("UPDATE api_key SET expires_us = :at WHERE id = :id"), {"at": at, "id": key}
                )

    found = list(stored(store))
    assert len(found) == 1 and "(soon)" in found[0][2]


def test_a_clock_that_differs_is_told(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The database's, and that of Redis; SQLite has none of its own."""
    assert list(stored(store)) == []
    monkeypatch.setattr(type(store), "clock", lambda _: time.time() - 60)
    assert "-60." in levels(stored(store))["clock"] or "-59." in levels(stored(store))["clock"]
    monkeypatch.setattr(redis_client, "clock", lambda _: time.time() + 60)
    config = Config(tmp_path / "c", (), redis_url="redis://127.0.0.1:1/0")
    assert levels(shared(config, 1))["clock"].startswith("warn")


def test_models_without_a_price_are_told_where_money_is_limited(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By team, by default or by a key in use; without a budget it is no warning. A missing table is named."""
    budget = Limits(budgets={"day": 1})
    deployments = (
        Deployment("own", "own", "openai_wire", "openai", "own"),
        Deployment("f", "f", "fake", "fake", "f"),
    )
    config = Config(tmp_path / "c", deployments)

    assert levels(priced(replace(config, deployments=deployments[1:]), store)) == {
        "prices": "ok: every deployment has a price"
    }
    create_key(store, "free")
    assert levels(priced(config, store))["prices"].startswith("ok: own: no price is known")
    create_key(store, "bounded", terms=Terms(limits=budget))
    assert levels(priced(config, store))["prices"].startswith("warn: own: no price is known")
    assert levels(priced(replace(config, teams={"eng": budget}), None))["prices"].startswith("warn")
    assert levels(priced(replace(config, default_limits=budget), None))["prices"].startswith("warn")
    monkeypatch.setattr(prices, "_shipped", lambda: tmp_path / "none.json")
    assert "cannot be read" in levels(priced(config, store))["prices"]


def test_several_workers_want_a_redis(tmp_path: Path) -> None:
    """One does not."""
    config = Config(tmp_path / "c", ())
    assert list(shared(config, 1)) == []
    assert "2 workers" in levels(shared(config, 2))["redis"]


def test_providers_are_connected_to_once_each(upstream: Upstream) -> None:
    """By place, not by deployment; nothing is sent, and what does not answer is told with its deployments."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        closed = bound.getsockname()[1]
    deployments = [
        Deployment("a", "m", "openai_wire", "openai", "a", f"http://127.0.0.1:{upstream.port}/v1"),
        Deployment("b", "m", "openai_wire", "openai", "b", f"http://127.0.0.1:{upstream.port}/v2"),
        Deployment("c", "m", "openai_wire", "openai", "c", f"http://127.0.0.1:{closed}/v1"),
        Deployment("d", "m", "openai_wire", "openai", "d", f"https://127.0.0.1:{upstream.port}/v1"),
        Deployment("e", "m", "litellm", "bedrock", "bedrock/e"),
        Deployment("f", "m", "fake", "fake", "assistant"),
        Deployment("g", "m", "openai_wire", "openai", "g", "http://[broken/v1"),
    ]
    found = list(reached(deployments))

    told = {level: [text for at, _, text in found if at == level] for level in ("ok", "warn", "error")}
    assert [text.endswith("(a, b) answers") for text in told["ok"]] == [True]
    assert ["e:" in text for text in told["warn"]] == [True]
    assert sorted(text.partition(":")[0] for text in told["error"]) == ["127.0.0.1", "127.0.0.1", "g"]
    assert upstream.bodies == []


def test_what_keeps_people_from_coming_in_is_told() -> None:
    """No provider, nothing to say; no role for anybody, an address that leads elsewhere, a provider that is away."""
    from types import SimpleNamespace

    from proxy.config_sign_in import Oidc

    def told(reach: bool = False, **more: Any) -> list[tuple[str, str]]:
        oidc = Oidc(
            issuer="http://127.0.0.1:9",
            client_id="x",
            timeout_s=1,
            **{"public_url": "https://g.example", **more},
        )
        found = doctor_state.signing_in(SimpleNamespace(oidc=oidc), reach=reach)  # type: ignore[arg-type]
        return [(level, text) for level, _, text in found]

    assert list(doctor_state.signing_in(SimpleNamespace(oidc=None), reach=True)) == []  # type: ignore[arg-type]
    (good,) = told(default_role="viewer")
    assert good[0] == "ok" and "https://g.example/review/oidc/callback" in good[1]
    assert "invited" in told()[0][1]
    assert "this machine" in told(public_url="http://localhost:4000", default_role="viewer")[0][1]
    assert told(reach=True, default_role="viewer")[-1][0] == "error"
