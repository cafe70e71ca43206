"""`/api/policies` and `/api/reload`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from proxy.api.policies import router
from starlette.testclient import TestClient

from guardrails.errors import PolicyError
from proxy.auth import Keyring
from proxy.exchange import Principal

ADMIN = {"authorization": "Bearer the-admin-key"}


class _Policies:
    """Policies whose next reload goes as it is told."""

    trouble: str | None = None
    outcome: bool | PolicyError = True

    def labels(self) -> list[str]:
        return ["default@abc"]

    async def reload(self) -> bool:
        if isinstance(self.outcome, PolicyError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def api() -> Any:
    """A client and the policies behind it."""
    policies = _Policies()
    context: Any = SimpleNamespace(policies=policies, keyring=Keyring("the-admin-key"))
    app = FastAPI()
    app.include_router(router(context))
    return SimpleNamespace(http=TestClient(app), policies=policies, keyring=context.keyring)


def test_a_reload_says_what_is_in_force_and_whether_it_changed(api: Any) -> None:
    """The labels are the same that every reply carries."""
    for changed in (True, False):
        api.policies.outcome = changed
        answer = api.http.post("/api/reload", headers=ADMIN)
        assert answer.json() == {"in_force": ["default@abc"], "changed": changed}
    assert api.http.get("/api/policies", headers=ADMIN).json() == {
        "in_force": ["default@abc"],
        "trouble": None,
    }


def test_a_reload_that_fails_tells_file_and_line(api: Any) -> None:
    """400 with the code `invalid_policy`."""
    api.policies.outcome = PolicyError("is empty.", file="p.yaml", line=1)
    answer = api.http.post("/api/reload", headers=ADMIN)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_policy"
    assert "p.yaml:1" in error["message"]


def test_only_administrators_may(api: Any) -> None:
    """No key: 401. A key without rights: 403."""
    api.keyring.replace([])
    assert api.http.post("/api/reload").status_code == 401
    api.keyring._keys = {
        next(iter([__import__("hashlib").sha256(b"gh-app").hexdigest()])): Principal("k1", "default")
    }
    answer = api.http.post("/api/reload", headers={"authorization": "Bearer gh-app"})
    assert answer.status_code == 403
