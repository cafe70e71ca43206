"""`/api/config`, `/api/policies` and `/api/reload`: what is in force, and reading it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.test_pipeline import ask
from tests.servers import Running, make_app, served

RULE = {"id": "no", "check": "words", "with": {"deny": ["xyzzy"]}, "stages": ["input"], "action": "block"}
POLICY = {"name": "p", "rules": [RULE]}


@pytest.fixture
def served_here(tmp_path: Path) -> Iterator[tuple[Path, Running]]:
    """The file of a proxy that serves, and the proxy."""
    app = make_app(tmp_path, "http://127.0.0.1:9/v1", json.dumps(POLICY))
    with served(app) as proxy:
        yield tmp_path / "guardhouse.yaml", proxy


def get(proxy: Running, path: str, method: str = "GET") -> Any:
    """The status and the JSON of an answer."""
    answer = ask(proxy, b"", method=method, path=path)
    return answer.status, json.loads(answer.body)


def test_what_is_in_force_can_be_read(served_here: tuple[Path, Running]) -> None:
    """Revision, file, when it was read, and the configuration itself with its secrets only named."""
    file, proxy = served_here
    status, told = get(proxy, "/api/config")

    assert status == 200
    assert told["revision"] == proxy.app.context.config.revision
    assert told["file"] == str(file)
    assert told["trouble"] is None and told["needs_restart"] == []
    assert told["config"]["deployments"][0]["api_key"] == "set"
    assert "sk-upstream-secret" not in json.dumps(told)


def test_a_reload_says_what_is_in_force_and_whether_it_changed(served_here: tuple[Path, Running]) -> None:
    """The labels are the same that every reply carries."""
    file, proxy = served_here
    status, told = get(proxy, "/api/reload", "POST")
    assert (status, told["changed"]) == (200, False)

    config = json.loads(file.read_text())
    config["guardhouse"]["default_model"] = "gpt-test"
    file.write_text(json.dumps(config))
    status, told = get(proxy, "/api/reload", "POST")

    assert (status, told["changed"], told["needs_restart"]) == (200, True, [])
    assert told["in_force"] == proxy.app.context.policies.labels()
    assert get(proxy, "/api/policies")[1] == {"in_force": told["in_force"], "trouble": None}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"polciy": "default"}, "invalid_config"), ({"policy": {"name": "p", "rules": [{"id": "x"}]}}, "invalid_policy")],
)  # fmt: skip
def test_a_reload_that_fails_tells_file_and_line(
    served_here: tuple[Path, Running], change: dict[str, Any], code: str
) -> None:
    """400; the reason also stands in /api/config and in the body of /readyz, which stays green."""
    file, proxy = served_here
    config = json.loads(file.read_text())
    config["guardhouse"] |= change
    file.write_text(json.dumps(config))

    status, told = get(proxy, "/api/reload", "POST")

    assert (status, told["error"]["code"]) == (400, code)
    assert "guardhouse.yaml:1" in told["error"]["message"]
    assert "guardhouse.yaml:1" in get(proxy, "/api/config")[1]["trouble"]
    status, ready = get(proxy, "/readyz")
    assert status == 200 and "guardhouse.yaml:1" in ready["degraded"]["config"]
