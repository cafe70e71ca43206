"""A provider that keeps what it answers, proxies in front of it that share a record, and clients with keys of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from proxy.app import App, create_app
from proxy.settings import Settings
from proxy.store.keys import create_key
from proxy.store.queries import list_spans
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, make_app, served

QUIET = policy(
    [{"id": "none", "check": "words", "with": {"deny": ["zzzz"]}, "stages": ["input"], "action": "flag"}]
)


@dataclass
class Keeping:
    """What keeps objects, and how to get at them."""

    folder: Path
    provider: Running
    keys: dict[str, str]

    def app(self, rules: str | None = None, **more: Any) -> App:
        """One more proxy on the same record."""
        config = {
            "model_list": [
                *(_model(name, self.provider.url) for name in ("gpt-test", "gpt-real")),
                {
                    "model_name": "claude",
                    "litellm_params": {"model": "anthropic/claude-x", "api_key": "none"},
                },
            ],
            "router_settings": {"num_retries": 0, "timeout": 10},
            "guardhouse": {
                "data_dir": str(self.folder / "data"),
                "policy": json.loads(rules or policy()),
                **more,
            },
        }
        file = self.folder / "guardhouse.yaml"
        file.write_text(json.dumps(config))
        app = create_app(Settings(config=file, admin_key=ADMIN_KEY))
        if not self.keys:
            self.keys |= {name: create_key(app.context.store, name).secret for name in ("ada", "bob")}
        return app

    @contextmanager
    def client(self, name: str = "ada", rules: str | None = None, **more: Any) -> Iterator[openai.OpenAI]:
        """The official client of one key, before a proxy that is started for it."""
        with served(self.app(rules, **more)) as proxy, self.of(proxy, name) as client:
            yield client

    def of(self, proxy: Running, name: str = "ada") -> openai.OpenAI:
        """The official client of one key."""
        return openai.OpenAI(base_url=proxy.url, api_key=self.keys[name], max_retries=0)


@contextmanager
def keeping(folder: Path) -> Iterator[Keeping]:
    """A provider that repeats what it is told and keeps it."""
    with ExitStack() as stack:
        (folder / "provider").mkdir()
        models = [{"model_name": "gpt-real", "litellm_params": {"model": "fake/echo"}}]
        app = make_app(folder / "provider", "", QUIET, models)
        yield Keeping(folder, stack.enter_context(served(app)), {})


def traces(app: App) -> list[dict[str, Any]]:
    """What the proxies recorded, newest first."""
    return list_spans(app.context.store).items


def _model(name: str, url: str) -> dict[str, Any]:
    params = {"model": "openai/gpt-real", "api_base": url, "api_key": ADMIN_KEY}
    return {"model_name": name, "litellm_params": params}
