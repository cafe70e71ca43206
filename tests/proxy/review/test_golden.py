"""The pages of golden sets: where items came from, and whether they last passed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from proxy.store import queries
from tests.evals.conftest import item, write_golden
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, seed


def folder(pages: Site) -> Path:
    """Where the pages look for sets."""
    return Path(str(pages.store.engine.url.database)).parent / "golden"


def published(pages: Site, one: dict[str, Any], sha256: str, value: float) -> str:
    """A run of the set `toy` with one item; its id."""
    score = {"exact": {"status": "scored", "value": value, "reason": ""}}
    run = documents.run(
        golden={"name": "toy", "version": "1.0.0", "content_sha256": "x", "n": 1},
        items=[{"id": one["id"], "sha256": sha256, "repeat": 0, "scores": score, "output": {"text": ""}}],
    )
    assert queries.save_run(pages.store, run)
    return str(run["id"])


def test_an_item_leads_to_its_trace_and_its_last_run(pages: Site, client: TestClient) -> None:
    """By id and hash: an item that changed since has no result."""
    [id] = seed(pages, documents.agent())
    mine, gone = item("a") | {"provenance": {"trace": id}}, item("b") | {"provenance": {"trace": "0" * 32}}
    (folder(pages) / "toy").mkdir()
    write_golden(folder(pages) / "toy", [mine, gone])
    told = client.get("/review/golden/sets/toy.json").json()
    assert [one["last"] for one in told["items"]] == [None, None]
    run = published(pages, mine, told["items"][0]["sha256"], 0.2)
    page = client.get("/review/golden/sets/toy").text

    assert f"/review/traces/{id}" in page and "a trace that is not here" in page
    assert f'href="/review/runs/{run}"' in page and "failed" in page
    assert "another content" in client.get("/review/golden").text
    only = client.get("/review/golden/sets/toy?from=traces").text
    assert only.count('id="item-') == 2
    assert client.get("/review/golden/sets/nope").status_code == 404
    assert client.get("/review/golden/sets/toy?first=x").status_code == 400


def test_sets_known_from_runs_alone_are_listed(pages: Site, client: TestClient) -> None:
    """And without any, the page says what to do."""
    assert (
        "golden_dir" in client.get("/review/golden").text
        or "The folder has none" in client.get("/review/golden").text
    )
    queries.save_run(pages.store, documents.run())

    assert "Known from runs alone" in client.get("/review/golden").text
    assert client.get("/review/golden.json").json()["elsewhere"][0]["name"] == "support"


def test_a_hostile_set_stands_as_text(pages: Site, client: TestClient) -> None:
    """In every field, of any type."""
    text = HOSTILE.replace("\ud800", "")
    odd = dict.fromkeys(("version", "licence", "content_sha256"), text) | {
        "name": "odd",
        "pii_scan": {"engine": text, "version": [text]},
    }
    row = {"id": text, "input": {"question": text}, "expected": {"answer": text}, "tags": [text, 3], "status": text,
           "label": {"by": text, "at": text, "kind": text}, "provenance": {"trace": text, "subject": text}}  # fmt: skip
    (folder(pages) / "odd").mkdir()
    (folder(pages) / "odd" / "manifest.json").write_text(json.dumps(odd))
    (folder(pages) / "odd" / "items.jsonl").write_text(json.dumps(row))
    (folder(pages) / "odd" / "CHANGELOG.md").write_text(text.replace("\0", ""))

    for path in ("/review/golden", "/review/golden/sets/odd", "/review/golden/sets/odd.json"):
        page = client.get(path)
        assert page.status_code == 200
        assert path.endswith(".json") or ("<script>alert" not in page.text and "<img" not in page.text)
