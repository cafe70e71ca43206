"""Reload: another configuration comes into force whole or not at all, and no request notices."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guardrails.errors import PolicyError
from proxy import reload
from proxy.app import App, create_app
from proxy.errors import ConfigError
from proxy.reload import files
from proxy.settings import Settings
from proxy.store.audit import acts
from tests.servers import ADMIN_KEY

RULE = {"id": "no", "check": "words", "stages": ["input"], "action": "block"}


def rule(word: str) -> dict[str, Any]:
    """A rule that blocks a word."""
    return {**RULE, "with": {"deny": [word]}}


class Files:
    """A configuration and its policy, to be changed."""

    def __init__(self, folder: Path, api_base: str = "http://127.0.0.1:9/v1") -> None:
        self.folder, self.file = folder, folder / "guardhouse.yaml"
        self.config: dict[str, Any] = {
            "model_list": [self.model("m", api_base)],
            "router_settings": {"num_retries": 0, "timeout": 20},
            "guardhouse": {"policy": "./policy.yaml"},
        }
        self.policy("apple")
        self.write()

    @staticmethod
    def model(name: str, api_base: str) -> dict[str, Any]:
        """A deployment."""
        params = {"model": f"openai/{name}", "api_base": api_base, "api_key": "sk-upstream-secret"}
        return {"model_name": name, "litellm_params": params}

    def policy(self, word: str) -> None:
        """Forbid a word."""
        self._put(self.folder / "policy.yaml", json.dumps({"name": "p", "rules": [rule(word)]}))

    def write(self, text: str | None = None) -> None:
        """Write the configuration, or any text in its place."""
        self._put(self.file, json.dumps(self.config) if text is None else text)

    def _put(self, file: Path, text: str) -> None:
        fresh = file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(file)

    def app(self) -> App:
        """The app of this configuration."""
        return create_app(Settings(config=self.file, admin_key=ADMIN_KEY))


@pytest.fixture
def given(tmp_path: Path) -> Files:
    """A configuration whose policy is in a file."""
    return Files(tmp_path)


async def test_a_change_comes_into_force_as_a_whole(given: Files) -> None:
    """Models, policy, limits and revision are all of the new file; what nothing changed stays."""
    app = given.app()
    before = app.context
    assert not (await app.reloads.reload()).changed
    assert app.context is before

    given.config["model_list"].append(given.model("n", "http://127.0.0.1:9/v1"))
    given.config["guardhouse"] |= {
        "default_model": "n",
        "max_body_bytes": 2048,
        "cache_ttl_s": 9,
        "vault_ttl_s": 7,
    }
    given.policy("pear")
    given.write()
    done = await app.reloads.reload()

    after = app.context
    assert done.changed and done.needs_restart == ()
    assert (before.router.models(), after.router.models()) == (["m"], ["m", "n"])
    assert (after.config.default_model, after.config.max_body_bytes) == ("n", 2048)
    assert after.policies.label != before.policies.label
    assert after.config.revision != before.config.revision
    assert after.replies is not before.replies
    assert after.store is before.store and after.recorder is before.recorder and after.key == before.key
    assert after.router.providers["openai_wire"] is before.router.providers["openai_wire"]
    await app.reloads.aclose()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("model_list: [", "guardhouse.yaml"),
        ("model_list: []\n", "guardhouse.yaml:1: model_list is empty"),
        ("guardhouse: {polciy: default}\n", "guardhouse.yaml:1: unknown key guardhouse.polciy"),
        ("model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: os.environ/NOT_THERE_9}\n", "guardhouse.yaml:3"),
        ("\ufeff\x00", "guardhouse.yaml"),
    ],
    ids=["no yaml", "no models", "unknown key", "no variable", "binary"],
)  # fmt: skip
async def test_what_cannot_be_used_leaves_the_last_good_one(given: Files, broken: str, told: str) -> None:
    """The reason is kept with file and line, and counted, until a load succeeds."""
    app = given.app()
    before = app.context
    given.write(broken)

    with pytest.raises(ConfigError):
        await app.reloads.reload()

    assert app.context is before
    assert told in str(app.reloads.trouble)
    assert "NOT_THERE_9" in told or "sk-upstream-secret" not in str(app.reloads.trouble)
    assert _value(app, "config_reloads_total", result="failed") == 1
    given.write()
    assert not (await app.reloads.reload()).changed
    assert app.reloads.trouble is None


@pytest.mark.parametrize("broken", ["", "name: x\nrules: [{id: a, check: wrods}]\n", "{", None])
async def test_a_policy_that_cannot_be_enforced_holds_all_of_it_back(
    given: Files, broken: str | None
) -> None:
    """A good configuration with a bad policy changes nothing."""
    app = given.app()
    before = app.context
    given.config["guardhouse"]["default_model"] = "m"
    given.write()
    if broken is None:
        (given.folder / "policy.yaml").unlink()
    else:
        (given.folder / "policy.yaml").write_text(broken)

    with pytest.raises((PolicyError, ConfigError)):
        await app.reloads.reload()

    assert app.context is before
    assert "policy.yaml" in str(app.reloads.trouble)


async def test_what_cannot_change_at_run_time_is_told_and_the_rest_goes_through(
    given: Files, tmp_path: Path
) -> None:
    """The database, the data folder, Redis and the spool stay as they were at the start."""
    app = given.app()
    before = app.context.config
    given.config["guardhouse"] |= {
        "data_dir": str(tmp_path / "elsewhere"),
        "database_url": f"sqlite:///{tmp_path / 'other.sqlite3'}",
        "redis_url": "redis://127.0.0.1:1/0",
        "spool": {"mode": "strict"},
        "default_model": "m",
    }
    given.write()

    done = await app.reloads.reload()

    assert done.needs_restart == ("data_dir", "database_url", "redis_url", "spool.mode")
    after = app.context.config
    assert after.default_model == "m"
    assert (after.data_dir, after.spool_mode) == (before.data_dir, before.spool_mode)
    assert (after.database_url, after.redis_url) == (before.database_url, before.redis_url)
    assert not (tmp_path / "elsewhere").exists()
    del given.config["guardhouse"]["data_dir"]
    given.write()
    assert (await app.reloads.reload()).needs_restart == ("database_url", "redis_url", "spool.mode")


async def test_what_is_known_of_an_unchanged_deployment_is_kept(given: Files) -> None:
    """One that rests goes on resting, also when another one is changed; a changed one begins anew."""
    given.config["model_list"].append(given.model("n", "http://127.0.0.1:9/v1"))
    given.write()
    app = given.app()
    health = app.context.router._health
    for name in ("openai/m", "openai/n"):
        health.failed(name, time.monotonic(), 30.0)
    given.config["model_list"][1] = given.model("n", "http://127.0.0.1:10/v1")
    given.write()

    await app.reloads.reload()

    assert [(each.model, each.resting) for each in app.context.router.standing()] == [
        ("m", True),
        ("n", False),
    ]


async def test_an_applied_reload_leaves_an_event(given: Files) -> None:
    """Who did it, from which revision to which; one that changed nothing leaves none."""
    app = given.app()
    before = app.context.config.revision
    await app.reloads.reload()
    given.policy("pear")
    await app.reloads.reload(app.context.keyring.lookup(ADMIN_KEY))
    given.policy("plum")
    await app.reloads.reload()

    found = [event for event in acts(app.context.store) if event["action"] == "config.reload"]
    assert [event["actor"] for event in found] == ["proxy", "admin"]
    assert found[0]["object"] == app.context.config.revision
    assert found[1]["detail"]["before"] == before
    app.context.store.close()


async def test_guards_are_ended_when_the_last_request_of_their_configuration_has(given: Files) -> None:
    """Not before, and not those that are still in force."""
    app = given.app()
    old = app.context.policies.guard
    with app.reloads.held() as context:
        given.policy("pear")
        await app.reloads.reload()
        for _ in range(5):
            await asyncio.sleep(0)
        assert context.policies.guard is old
        verdict = await context.policies.guard.inspect([])
        assert not verdict.blocked_by
        closing = app.reloads._closing
        assert closing is not None and not closing.done()
        assert app.reloads.requests == 1
    await closing
    assert old._threads._shutdown
    assert not app.context.policies.guard._threads._shutdown
    assert app.reloads.requests == 0


async def until(reached: Callable[[], bool]) -> None:
    """Returns when that holds."""
    async with asyncio.timeout(20):
        while not reached():
            await asyncio.sleep(0.01)


async def test_files_are_watched(given: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration, its policy, and files that are named for the first time; a broken one is logged once."""
    monkeypatch.setattr(reload, "WATCH_SECONDS", 0.01)
    app = given.app()
    watching = asyncio.create_task(app.reloads.watch())
    first = app.context

    given.policy("pear")
    await until(lambda: app.context is not first)
    second = app.context
    other = given.folder / "other.yaml"
    other.write_text(json.dumps({"name": "other", "rules": [rule("fig")]}))
    given.config["guardhouse"]["policy"] = "./other.yaml"
    given.write()
    await until(lambda: app.context is not second)
    assert files(app.context) == [str(given.file), str(other)]
    third = app.context
    other.write_text("{")
    await until(lambda: app.reloads.trouble is not None)
    assert app.context is third
    failed = app.context.metrics.running.results["failed"]
    other.write_text(json.dumps({"name": "other", "rules": [rule("date")]}))
    await until(lambda: app.context is not third and app.reloads.trouble is None)
    assert failed == 1
    watching.cancel()


async def test_a_file_that_only_the_changed_configuration_names_is_tried_again(
    given: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It appears later, or is mended later: every worker comes to use it, and says once what was wrong."""
    monkeypatch.setattr(reload, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(reload, "RETRY_SECONDS", 0.02)
    workers = [given.app(), given.app()]
    watching = [asyncio.create_task(each.reloads.watch()) for each in workers]
    new = given.folder / "policy2.yaml"
    given.config["guardhouse"]["policy"] = "./policy2.yaml"
    given.write()
    missing = [each.context for each in workers]
    await until(lambda: all(each.context.metrics.running.results["failed"] > 2 for each in workers))
    assert sum("cannot be used" in line for line in caplog.messages) == len(workers)

    new.write_text("{")
    await until(lambda: all("policy2.yaml" in str(each.reloads.trouble) for each in workers))
    new.write_text(json.dumps({"name": "second", "rules": [rule("fig")]}))
    await until(lambda: all(each.reloads.trouble is None for each in workers))

    assert all(each.context.policies.label.startswith("second@") for each in workers)
    assert len({each.context.config.revision for each in workers}) == 1
    assert not any(each.context in missing for each in workers)
    for each in watching:
        each.cancel()


async def test_a_folder_of_prompts_that_appears_later_is_tried_again(
    given: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a prompt in it that is mended later."""
    monkeypatch.setattr(reload, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(reload, "RETRY_SECONDS", 0.02)
    app = given.app()
    watching = asyncio.create_task(app.reloads.watch())
    given.config["guardhouse"]["prompts"] = {"dir": "./prompts"}
    given.write()
    await until(lambda: app.reloads.trouble is not None)
    prompt = given.folder / "prompts" / "greet" / "1.yaml"
    prompt.parent.mkdir(parents=True)
    prompt.write_text("{")
    await until(lambda: "1.yaml" in str(app.reloads.trouble))

    prompt.write_text("messages: [{role: user, content: hello}]\n")
    await until(lambda: app.reloads.trouble is None)

    assert [each["name"] for each in app.context.prompts.listed()] == ["greet"]
    watching.cancel()


def test_the_revision_is_of_all_that_is_in_force(given: Files) -> None:
    """The same files give the same revision; another text or another policy gives another. It holds no secret."""
    one, same = given.app().context.config, given.app().context.config
    assert one.revision == same.revision and len(one.revision) == 12
    given.policy("pear")
    assert given.app().context.config.revision != one.revision


def _value(app: App, name: str, **labels: str) -> float | None:
    return app.context.metrics.registry.get_sample_value(f"guardhouse_{name}", labels)


def test_pages_keep_no_part_that_follows_the_configuration(given: Files) -> None:
    """They are built once: what they take from the context while they are built must be there for good."""
    from proxy.app import compose

    app = given.app()
    taken: set[str] = set()

    class Noted:
        def __getattr__(self, name: str) -> Any:
            taken.add(name)
            return getattr(app.context, name)

    compose(Noted())  # type: ignore[arg-type]

    assert taken <= {
        "store",
        "key",
        "keyring",
        "settings",
        "recorder",
        "metrics",
        "objects",
        "ready",
        "reloads",
    }
