"""`/api/prompts`: what may be named, for administrators."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from proxy.api.prompts import router
from proxy.auth import Keyring
from proxy.prompts import NO_PROMPTS
from tests.proxy.templates import prompts

ADMIN = {"authorization": "Bearer the-admin-key"}


def client(known: Any) -> TestClient:
    """The route over some prompts."""
    app = FastAPI()
    app.include_router(router(SimpleNamespace(prompts=known, keyring=Keyring("the-admin-key"))))  # type: ignore[arg-type]
    return TestClient(app)


def test_prompts_are_listed_with_what_each_version_gets(tmp_path: Path) -> None:
    """Names, versions, hashes, weights and where they were read; never their texts."""
    known = prompts(tmp_path, {"2": 90, "3": 30})

    told = client(known).get("/api/prompts", headers=ADMIN).json()

    [prompt] = told["prompts"]
    assert told["folder"] == str(tmp_path)
    assert (prompt["name"], prompt["rollout"]) == ("p", {"2": 0.75, "3": 0.25})
    assert [each["version"] for each in prompt["versions"]] == ["1", "2", "3"]
    assert prompt["versions"][0]["hash"] == known.versions("p")["1"].use.hash
    assert prompt["versions"][0]["file"] == str(tmp_path / "p" / "1.yaml")
    assert "Version 1." not in str(told)


def test_nobody_else_is_told() -> None:
    """And where there are none, that is said."""
    assert client(NO_PROMPTS).get("/api/prompts").status_code == 401
    assert client(NO_PROMPTS).get("/api/prompts", headers=ADMIN).json() == {"folder": None, "prompts": []}
