"""Readiness: what takes a proxy out of the load balancer, what does not, and how often anybody is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy import readiness
from proxy.auth import Keyring
from proxy.errors import Unauthorized, Unavailable
from proxy.readiness import KNOWN_SECONDS, PATIENCE_SECONDS, ROOM_BYTES, Readiness
from proxy.routing import Standing


class Parts:
    """A proxy whose parts are in the state that a test wants."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.asked = 0
        self.database: Callable[[], str | None] = lambda: None
        self.standing: list[Standing] = []
        self.keyring = Keyring("k", clock=lambda: self.now)
        self.lag = 0.0
        self.maintenance: str | None = None
        self.reloads: Any = SimpleNamespace(trouble=None, needs_restart=())
        self.config: Any = SimpleNamespace(data_dir=folder, redis_url=None)
        self.state: dict[str, str] = {}

    def trouble(self) -> str | None:
        """What the database says."""
        self.asked += 1
        return self.database()

    def readiness(self) -> Readiness:
        """What looks at them."""
        lag = SimpleNamespace(seconds=lambda: self.lag)
        kept = SimpleNamespace(trouble=lambda: self.maintenance)
        context: Any = SimpleNamespace(
            ready=lambda: self.state,
            recorder=None,
            keyring=self.keyring,
            store=self,
            reloads=self.reloads,
            config=self.config,
            router=SimpleNamespace(standing=lambda: self.standing),
            metrics=SimpleNamespace(running=SimpleNamespace(lag=lag, maintenance=kept)),
        )
        return Readiness(context, lambda: self.now)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """All is well."""
    return Parts(tmp_path)


def test_all_is_well(parts: Parts) -> None:
    """Nothing to tell."""
    found = parts.readiness().look()

    assert (found.reasons, found.degraded) == ({}, {})


def test_what_every_proxy_would_say_at_once_is_no_reason(parts: Parts) -> None:
    """A mistake in a file, providers that are down, a busy loop: told, and the proxy goes on."""
    parts.reloads.trouble, parts.reloads.needs_restart = "guardhouse.yaml:3: no", ("data_dir",)
    parts.standing = [Standing("a", "m", True, 1), Standing("b", "m", True, 1)]
    parts.lag, parts.keyring.trouble = 2.0, "away"
    found = parts.readiness().look()

    assert found.reasons == {}
    assert set(found.degraded) == {"config", "restart", "models", "event_loop", "keys"}
    assert "guardhouse.yaml:3" in found.degraded["config"]


def test_a_model_is_told_when_all_its_deployments_rest(parts: Parts) -> None:
    """One that is awake is enough."""
    parts.standing = [Standing("a", "m", True, 1), Standing("b", "m", False, 0), Standing("c", "n", True, 1)]

    assert parts.readiness().look().degraded["models"].endswith(": n")


def test_a_full_disk_and_an_absent_redis_are_told(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before the spool fails, and without a word of the URL."""
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM_BYTES - 1))
    parts.config.redis_url = "redis://:s3cret@127.0.0.1:1/0"
    found = parts.readiness().look()

    assert set(found.degraded) == {"disk", "redis"}
    assert "s3cret" not in str(found)


def test_probes_do_not_reach_the_database_each_time(parts: Parts) -> None:
    """A thousand of them within a second ask it once; a state of our own is told at once all the same."""
    looking = parts.readiness()
    for _ in range(1000):
        looking.look()
    assert parts.asked == 1
    parts.state = {"app": "is stopping"}
    assert looking.look().reasons == {"app": "is stopping"}
    parts.now += KNOWN_SECONDS + 0.1
    parts.database = lambda: "the database does not answer"
    assert "store" in looking.look().reasons
    assert parts.asked == 2


def test_a_database_that_hangs_holds_one_probe_and_turns_the_others_red(parts: Parts) -> None:
    """The others tell what was known, and after a while that it does not answer."""
    looking = parts.readiness()
    looking.look()
    hangs, asked = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        hangs.wait(30)

    parts.database = hang
    parts.now += KNOWN_SECONDS + 0.1
    probe = threading.Thread(target=looking.look)
    probe.start()
    assert asked.wait(10)

    assert looking.look().reasons == {}
    parts.now += PATIENCE_SECONDS + 0.1
    assert "has not answered" in looking.look().reasons["store"]
    hangs.set()
    probe.join(10)
    assert looking.look().reasons == {}


def test_a_database_that_hangs_from_the_start_holds_no_probe_for_good(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every prober is answered, the first one too, and one alone asks the database."""
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.05)
    looking, hangs = parts.readiness(), threading.Event()
    parts.database = lambda: None if hangs.wait(60) else "nobody came"

    for _ in range(3):
        assert "has not answered" in looking.look().reasons["store"]
    assert parts.asked == 1

    hangs.set()
    assert looking._answered.wait(20)
    assert looking.look().reasons == {}


def test_keys_that_nobody_reads_any_more_are_told(parts: Parts) -> None:
    """Computed when asked: also when whoever reads them hangs and notes nothing."""
    parts.keyring.refresh(list)
    parts.now = readiness.KEYS_SECONDS
    assert parts.readiness().look().degraded == {}

    parts.now += 1
    found = parts.readiness().look()

    assert (found.reasons, found.degraded) == ({}, {"keys": "the keys were last read 16 s ago"})


def test_keys_that_were_never_read_refuse_nobody_for_good(parts: Parts) -> None:
    """Not ready, and 503 for a key that may be valid; once they are read, an unknown key is 401."""
    parts.keyring.unread = True
    assert "keys" in parts.readiness().look().reasons
    with pytest.raises(Unavailable):
        parts.keyring.lookup("gh-perhaps")
    assert parts.keyring.lookup("k").admin

    parts.keyring.replace([])

    assert parts.readiness().look().reasons == {}
    with pytest.raises(Unauthorized):
        parts.keyring.lookup("gh-perhaps")


def test_maintenance_that_fails_is_told_and_is_no_reason(parts: Parts) -> None:
    """Requests are served as before."""
    parts.maintenance = "retention failed (OperationalError)"
    found = parts.readiness().look()

    assert found.reasons == {} and found.degraded == {"maintenance": parts.maintenance}
