"""Which policy judges whom, and what happens when its file changes while the proxy serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guardrails.conversation import Outside
from guardrails.errors import PolicyError
from proxy.config import load_config
from proxy.errors import Unavailable
from proxy.exchange import Principal
from proxy.policies import Policies
from proxy.settings import Settings
from tests.proxy.policies import FORBIDDEN
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, make_app, raw, served, whole

KEY = b"k" * 32


def _deny(name: str, word: str) -> str:
    rule = {
        "id": f"no-{word}",
        "check": "words",
        "with": {"deny": [word]},
        "stages": ["input"],
        "action": "block",
    }
    return json.dumps({"name": name, "rules": [rule]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with a default policy and one for a model, each in its file."""
    (tmp_path / "all.yaml").write_text(_deny("all", "apple"))
    (tmp_path / "some.yaml").write_text(_deny("some", "pear"))
    config = {
        "model_list": [{"model_name": m, "litellm_params": {"model": "fake/assistant"}} for m in ("m", "n")],
        "guardhouse": {
            "policy": "./all.yaml",
            "scopes": [{"policy": "./some.yaml", "models": ["n"]}],
        },
    }
    (tmp_path / "guardhouse.yaml").write_text(json.dumps(config))
    return tmp_path


@pytest.fixture
def loaded(folder: Path) -> Policies:
    """Its policies at work."""
    file = folder / "guardhouse.yaml"
    return Policies(load_config(file, Settings(config=file)), KEY, Outside())


def test_the_first_scope_that_covers_an_exchange_gives_its_policy(loaded: Policies) -> None:
    """Everybody else has the default."""
    who = Principal("k1", name="app")
    assert loaded.guard_for(who, "n", "/v1/chat/completions").policy.name == "some"
    assert loaded.guard_for(who, "m", "/v1/chat/completions") is loaded.guard
    assert [label.split("@")[0] for label in loaded.labels()] == ["all", "some"]
    assert loaded.rules() == ["no-apple", "no-pear"]


def test_others_keep_the_guards_of_what_did_not_change(folder: Path, loaded: Policies) -> None:
    """What did not change also keeps what it remembers; what changed is dropped."""
    some = loaded.guard_for(Principal("k"), "n", "/")
    (folder / "all.yaml").write_text(_deny("all", "plum"))

    file = folder / "guardhouse.yaml"
    later = loaded.renewed(load_config(file, Settings(config=file)))

    assert (loaded.rules(), later.rules()) == (["no-apple", "no-pear"], ["no-plum", "no-pear"])
    assert later.guard_for(Principal("k"), "n", "/") is some
    assert loaded.dropped(later) == [loaded.guard]
    assert later.files == (str(folder / "all.yaml"), str(folder / "some.yaml"))


def test_another_configuration_may_have_other_scopes(folder: Path, loaded: Policies) -> None:
    """Scopes belong to the configuration, like the policies they name."""
    file = folder / "guardhouse.yaml"
    config = json.loads(file.read_text())
    config["guardhouse"]["scopes"][0]["models"] = ["m"]
    file.write_text(json.dumps(config))

    later = loaded.renewed(load_config(file, Settings(config=file)))

    assert later.guard_for(Principal("k"), "m", "/").policy.name == "some"
    assert later.guard_for(Principal("k"), "n", "/").policy.name == "all"


# --- as callers see it


@pytest.fixture(scope="module")
def scoped(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy in which `gpt-real` stands under a policy of its own, and is where `gpt-test` falls back to."""
    everybody = json.loads(_deny("everybody", FORBIDDEN))
    saw = {**everybody["rules"][0], "id": "saw", "with": {"deny": ["orange"]}, "action": "flag"}
    everybody["rules"].append(saw)
    app = make_app(
        tmp_path_factory.mktemp("scoped"),
        f"http://127.0.0.1:{_upstream.port}/v1",
        json.dumps(everybody),
        scopes=[{"policy": json.loads(_deny("careful", "kiwi")), "models": ["gpt-real"]}],
    )
    fallbacks = {"gpt-test": ("gpt-real",)}
    object.__setattr__(app.context.router._settings, "fallbacks", fallbacks)
    with served(app) as running:
        yield running


def test_each_model_is_judged_by_its_policy(scoped: Running, upstream: Upstream) -> None:
    """The reply and the trace name the one that judged."""
    for model, text, status in (
        ("gpt-test", "a kiwi", 200),
        ("gpt-real", "a kiwi", 400),
        ("gpt-test", FORBIDDEN, 400),
        ("gpt-real", FORBIDDEN, 200),
    ):
        scoped.recorder.forget()
        answer = ask(scoped, chat({"role": "user", "content": text}, model=model))
        assert answer.status == status, (model, text)
        name = "careful" if model == "gpt-real" else "everybody"
        assert answer.headers["x-guardhouse-policy"].startswith(f"{name}@")
        assert scoped.recorder.last()["policy"] == answer.headers["x-guardhouse-policy"]


def test_a_fallback_is_judged_by_the_policy_of_its_model(scoped: Running, upstream: Upstream) -> None:
    """What that policy forbids does not reach the fallback; what it allows does, under its name."""

    def down_once(body: dict[str, Any]) -> Any:
        return raw(b'{"error":{"message":"x"}}', 503) if len(upstream.bodies) == 1 else whole()

    for text, status in (("a kiwi", 400), ("an orange", 200)):
        upstream.reset()
        scoped.recorder.forget()
        upstream.script = down_once
        answer = ask(scoped, chat({"role": "user", "content": text}, model="gpt-test"))
        assert answer.status == status
        assert answer.headers["x-guardhouse-policy"].startswith("careful@")
        assert len(upstream.bodies) == (1 if status == 400 else 2)
        found = [found["rule"] for found in scoped.recorder.last()["findings"]]
        assert found == (["no-kiwi"] if status == 400 else ["saw"])


def _with_named(folder: Path) -> Policies:
    file = folder / "guardhouse.yaml"
    config = json.loads(file.read_text())
    config["guardhouse"]["policies"] = {"own": "./some.yaml", "here": json.loads(_deny("here", "plum"))}
    file.write_text(json.dumps(config))
    return Policies(load_config(file, Settings(config=file)), KEY, Outside())


def test_the_policy_of_a_key_wins_over_scopes(folder: Path) -> None:
    """A named one, or a built-in one once it is in use; equal policies share a guard."""
    loaded = _with_named(folder)
    own, here = Principal("k", policy="own"), Principal("k", policy="here")

    assert loaded.guard_for(own, "m", "/") is loaded.guard_for(Principal("k"), "n", "/")
    assert loaded.guard_for(here, "n", "/").policy.name == "here"
    assert [label.split("@")[0] for label in loaded.labels()] == ["all", "some", "here"]


def test_a_built_in_policy_is_loaded_when_a_key_names_it(folder: Path, loaded: Policies) -> None:
    """Not before; then it is in force, and a reload keeps it."""
    who = Principal("k", policy="strict")
    with pytest.raises(Unavailable):
        loaded.guard_for(who, "m", "/")

    loaded.use(["strict", "all", "nope"])
    guard = loaded.guard_for(who, "m", "/")
    loaded.use(["strict"])
    loaded = loaded.renewed(load_config(folder / "guardhouse.yaml", Settings()))

    assert guard.policy.name == "strict"
    assert loaded.guard_for(who, "m", "/") is guard
    assert loaded.labels()[-1] == guard.policy.label


def test_a_key_whose_policy_is_gone_is_refused_by_name(loaded: Policies) -> None:
    """503, and never the default policy in its place."""
    with pytest.raises(Unavailable, match="'gone'") as error:
        loaded.guard_for(Principal("k", policy="gone"), "m", "/")

    assert (error.value.status, error.value.code) == (503, "guardrail_unavailable")


def test_a_named_policy_that_cannot_be_enforced_stops_the_start(folder: Path) -> None:
    """With its file and line, though no key names it yet."""
    (folder / "some.yaml").write_text(
        "name: some\nrules:\n- {id: a, check: nope, stages: [input], action: flag}\n"
    )
    with pytest.raises(PolicyError, match=r"some\.yaml:3"):
        _with_named(folder)
