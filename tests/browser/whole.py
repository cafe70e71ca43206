"""A whole proxy with its pages, as an operator starts it, for a browser to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI

from proxy.app import create_app
from proxy.review.routes import build_router
from proxy.settings import Settings
from tests.evals.conftest import item, write_golden
from tests.proxy.review.site import ADMIN_KEY, Site
from tests.servers import served

CONFIG = {
    "model_list": [{"model_name": "gpt-4o-mini", "litellm_params": {"model": "fake/echo"}}],
    "guardhouse": {"data_dir": "data", "golden_dir": "golden", "run_idle_s": 60},
}


@contextmanager
def whole(folder: Path) -> Iterator[tuple[Site, str]]:
    """The pages of a running proxy with an empty store, and their address."""
    (folder / "golden" / "support").mkdir(parents=True)
    write_golden(folder / "golden" / "support", [item("warranty-00"), item("warranty-01")], name="support")
    file = folder / "guardhouse.yaml"
    file.write_text(json.dumps(CONFIG), encoding="utf-8")
    app = create_app(Settings(config=file, admin_key=ADMIN_KEY))
    routes = FastAPI()
    routes.include_router(build_router(app.context))
    with served(app) as running:
        context = app.context
        yield Site(routes, context.store, context.keyring, "", ""), f"http://127.0.0.1:{running.port}"
