"""The app: what it serves under /v1, what it refuses, and what it is built from."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from guardrails.errors import PolicyError
from proxy.app import create_app
from proxy.config_policies import PolicySource
from proxy.errors import ConfigError, Unauthorized
from proxy.policies import load_policy
from proxy.settings import Settings
from proxy.store.keys import active_keys, create_key, revoke_key
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask
from tests.servers import Running, make_app


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/v1/models/gpt-test", 405, "method_not_allowed"),
        ("POST", "/v1/files", 404, "unknown_url"),
        ("POST", "/v1/batches", 404, "unknown_url"),
        ("GET", "/v1/files/f/content", 404, "unknown_url"),
        ("POST", "/v1/audio/speech", 404, "unknown_url"),
        ("GET", "/v1/embeddings", 405, "method_not_allowed"),
        ("GET", "/v1", 404, "unknown_url"),
        ("GET", "/v1/modelsx", 404, "unknown_url"),
        ("POST", "/v1/chat/completions/", 404, "unknown_url"),
        ("GET", "/v1/models/nobody", 404, "model_not_found"),
    ],
)
def test_what_is_not_served_is_refused_in_the_envelope(
    proxy: Running, method: str, path: str, status: int, code: str
) -> None:
    """Nothing under /v1 is relayed unscanned: an unknown route is 404, a wrong method 405, in OpenAI's shape."""
    answer = ask(proxy, b"{}", method=method, path=path)

    assert (answer.status, answer.error["code"]) == (status, code)
    assert status != 405 or answer.headers["allow"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-test"])
def test_models_ask_for_a_key(proxy: Running, path: str) -> None:
    """The list of models is for callers, not for everybody."""
    assert ask(proxy, method="GET", path=path, headers={"authorization": ""}).status == 401


def test_a_model_is_told_as_openai_tells_it(proxy: Running) -> None:
    """`id`, `object`, `created`, `owned_by`."""
    answer = ask(proxy, method="GET", path="/v1/models/org/model")

    assert json.loads(answer.body) == {
        "id": "org/model",
        "object": "model",
        "created": 0,
        "owned_by": "guardhouse",
    }


def test_the_rest_is_served_too(proxy: Running) -> None:
    """Outside /v1 the management routes answer, built when first asked for."""
    assert ask(proxy, method="GET", path="/healthz").status == 200
    assert ask(proxy, method="GET", path="/readyz").status == 200


@pytest.mark.parametrize("path", ["/healthz/", "/api/traces/", "/metrics/", "//healthz"])
def test_no_path_is_redirected(proxy: Running, path: str) -> None:
    """A slash too many is an unknown path, to everybody."""
    answer = ask(proxy, method="GET", path=path)

    assert (answer.status, answer.error["code"]) == (404, "unknown_url")
    assert "location" not in answer.headers


def test_a_first_start_makes_one_admin_key(tmp_path: Path) -> None:
    """Without a key a first start makes one and stores its hash; the next start makes none."""
    app = make_app(tmp_path, "http://127.0.0.1:9/v1", policy())
    given = Settings(config=tmp_path / "guardhouse.yaml")
    first = create_app(given)

    secret = first.bootstrap_key()

    [row] = active_keys(first.context.store)
    assert secret is not None
    assert row["admin"]
    assert secret not in repr(row)
    first.context.keyring.replace([row])
    assert first.context.keyring.principal(f"Bearer {secret}").key_id == row["key_id"]
    assert create_app(given).bootstrap_key() is None
    assert app.bootstrap_key() is None


async def test_new_and_revoked_keys_become_known(proxy: Running) -> None:
    """The ring follows the store, without any request reading it."""
    app = proxy.app
    made = create_key(app.context.store, "shop")
    header = {"authorization": f"Bearer {made.secret}"}
    before = ask(proxy, method="GET", path="/v1/models", headers=header).status
    await app._refresh_keys()
    during = ask(proxy, method="GET", path="/v1/models", headers=header).status
    revoke_key(app.context.store, made.stored.key_id)
    await app._refresh_keys()
    after = ask(proxy, method="GET", path="/v1/models", headers=header).status

    assert (before, during, after) == (401, 200, 401)


async def test_keys_survive_a_store_that_is_away(proxy: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database does not answer, known keys go on working."""
    ring = proxy.app.context.keyring
    made = create_key(proxy.app.context.store, "shop")
    await proxy.app._refresh_keys()

    def away(store: Any) -> Any:
        raise OSError

    monkeypatch.setattr("proxy.permits.active_keys", away)
    await proxy.app._refresh_keys()

    assert ring.lookup(made.secret).key_id == made.stored.key_id


async def test_a_reading_of_the_keys_that_hangs_ends_no_later_one(
    proxy: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted, and the next round knows of new keys and of revoked ones while the first still hangs."""
    monkeypatch.setattr("proxy.app.READ_SECONDS", 0.05)
    app, go_on = proxy.app, threading.Event()
    old = create_key(app.context.store, "old")
    hung = active_keys(app.context.store)

    def hangs(store: Any) -> Any:
        assert go_on.wait(60)
        return hung

    with monkeypatch.context() as frozen:
        frozen.setattr("proxy.permits.active_keys", hangs)
        await app._refresh_keys()
    assert "TimeoutError" in str(app.context.keyring.trouble)
    revoke_key(app.context.store, old.stored.key_id)
    new = create_key(app.context.store, "new")
    monkeypatch.setattr("proxy.app.READ_SECONDS", 20)
    await app._refresh_keys()
    assert app.context.keyring.trouble is None
    go_on.set()
    # Whatever the thread that hung does now has happened when the executor has nothing left to do.
    await asyncio.get_running_loop().shutdown_default_executor()

    assert app.context.keyring.lookup(new.secret).key_id == new.stored.key_id
    with pytest.raises(Unauthorized):
        app.context.keyring.lookup(old.secret)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (PolicySource("builtin", "strict"), "strict"),
        (PolicySource("inline", policy(), "guardhouse.yaml"), "test"),
    ],
)
def test_a_policy_comes_from_where_it_is_said_to_be(source: PolicySource, name: str, tmp_path: Path) -> None:
    """Built in, inline, or a file."""
    file = tmp_path / "p.yaml"
    file.write_text(policy())

    assert load_policy(source).name == name
    assert load_policy(PolicySource("file", str(file))).name == "test"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("model_list: []", ConfigError),
        ('{"model_list": [{"model_name": "a", "litellm_params": {"model": "fake/echo"}}], "guardhouse": {"policy": "nope"}}', PolicyError),
    ],
)  # fmt: skip
def test_what_cannot_be_enforced_does_not_start(tmp_path: Path, text: str, error: type[Exception]) -> None:
    """A configuration or policy that cannot be used is refused at the start, with its reason."""
    file = tmp_path / "guardhouse.yaml"
    file.write_text(text)

    with pytest.raises(error):
        create_app(Settings(config=file, data_dir=tmp_path / "data"))
