"""Eval runs on their pages."""

from __future__ import annotations

import json

from starlette.testclient import TestClient

from evals.document import dump
from proxy.store import queries
from tests.evals.blocked import blocked
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, seed


def test_runs_are_listed_and_told(pages: Site, client: TestClient) -> None:
    """The list has verdict and means with n; the page begins with the gate and links to traces."""
    [id] = seed(pages, documents.agent())
    for run in documents.runs(id):
        queries.save_run(pages.store, run)
    listed, page = client.get("/review/runs").text, client.get("/review/runs/0199a4c2d1c07a1f8e20").text

    assert listed.index("block") < listed.index("pass")
    assert "n 23, 1 unscored" in listed
    for text in (
        "beyond the margin of 0.03",
        "−0.140 to −0.031",
        "unscored",
        "timed out after 60 s",
        f"/review/traces/{id}",
    ):
        assert text in page, text
    assert client.get("/review/runs/0199a4c2d1c07a1f8e20.json").json()["id"] == "0199a4c2d1c07a1f8e20"
    assert len(client.get("/review/runs.json").json()["data"]) == 2


def test_a_run_of_any_shape_has_a_page(pages: Site, client: TestClient) -> None:
    """Fields that are missing, of another type or hostile neither break the page nor run."""
    odd = {"id": "odd", "created_at": "2026-01-01T00:00:00Z", "suite": HOSTILE.replace("\ud800", ""), "items": [{"id": 1, "output": HOSTILE, "scores": {HOSTILE: 3}}, None], "gate": HOSTILE, "golden": [HOSTILE], "summary": {HOSTILE: HOSTILE}, "cases": [HOSTILE, {"id": {}}]}  # fmt: skip
    queries.save_run(pages.store, odd)

    paths = (
        "/review/runs",
        "/review/runs/odd",
        "/review/runs/odd?first=99",
        "/review/runs/compare?a=odd&b=odd",
    )
    for path in (*paths, *(f"/review/runs/odd?show={kind}" for kind in ("failed", "unstable", "unscored"))):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img" not in page.text
    assert client.get("/review/runs/odd?first=x").status_code == 400


def test_a_comparison_says_what_it_counts(pages: Site, client: TestClient) -> None:
    """Pairs of a case and a metric, cases under one metric; latency is in milliseconds."""
    good, bad = documents.runs("a" * 32)
    good["id"] = "good"
    for run, spent in ((good, 640.4), (bad, 812.4)):
        run["scorers"].append({"name": "latency", "version": "1", "higher_is_better": False})
        for item in run["items"]:
            item["scores"]["latency"] = {"status": "scored", "value": spent, "reason": ""}
        queries.save_run(pages.store, run)
    path = f"/review/runs/compare?a=good&b={bad['id']}"

    page = client.get(path).text

    assert "1 to 20 of 72 pairs of a case and a metric" in page
    assert "1 to 20 of 24 cases under f1" in client.get(f"{path}&metric=f1").text
    assert "640 ms" in page and "812 ms" in page and "+172 ms" in page


def test_two_runs_are_compared(pages: Site, client: TestClient) -> None:
    """Changes with intervals and n, flips first, outputs word by word, links to the traces that are there."""
    [id] = seed(pages, documents.agent())
    good, bad = documents.runs(id)
    good["id"], bad["items"][3]["output"]["trace_id"] = "good", id
    for place in (3, 8, 15):
        good["items"][place]["scores"]["groundedness"]["value"] = 0.97
        good["items"][place]["output"]["text"] = "All parts are covered for two years."
    for run in (good, bad):
        queries.save_run(pages.store, run)
    path = f"/review/runs/compare?a=good&b={bad['id']}"

    page = client.get(path).text
    for text in (
        "pass → fail",
        "cluster-robust",
        "<del>",
        "<ins>",
        f"/review/traces/{id}",
        "warranty-03",
        "support 7",
    ):
        assert text in page, text
    told = client.get(path.replace("compare", "compare.json") + "&show=lost").json()
    assert [row["id"] for row in told["data"]] == ["warranty-03", "warranty-08", "warranty-15"]
    assert told["counts"]["lost"] == 3 and told["method"]
    assert client.get(path + "&show=won").status_code == 200
    for wrong in ("/review/runs/compare?a=good", path + "&show=x", path + "&first=x", path + "&q=1"):
        assert client.get(wrong).status_code == 400, wrong
    assert client.get("/review/runs/compare?a=good&b=nothing").status_code == 404


def test_items_and_suites_can_be_narrowed(pages: Site, client: TestClient) -> None:
    """To what failed, is unstable or has no score; runs to those of a suite, which then has a trend."""
    first, second = documents.runs("")
    for run in (first, second, documents.run("other", suite="another")):
        queries.save_run(pages.store, run)
    path = f"/review/runs/{second['id']}"

    unscored = client.get(path + "?show=unscored").text
    assert "warranty-05" in unscored and "warranty-06" not in unscored
    assert "No item is unstable" in client.get(path + "?show=unstable").text
    assert "compare side by side" in client.get(path).text
    assert client.get(path + "?show=x").status_code == 400
    listed = client.get("/review/runs", params={"suite": "another"}).text
    assert "/review/runs/other" in listed and second["id"] not in listed
    assert '<polyline class="line"' in client.get("/review/runs?suite=support-answers").text


def test_a_run_says_which_of_its_traces_are_gone(pages: Site, client: TestClient) -> None:
    """And what an erasure took of it."""
    run = documents.run()
    run["items"][0]["output"]["trace_id"] = "0" * 32
    run["items"][1]["erased"] = True
    queries.save_run(pages.store, run)

    page = client.get(f"/review/runs/{run['id']}").text

    assert "1 of 1 traces that this run names are not here" in page
    assert "1 item says no text any more" in page and "trace not here" in page


def test_a_run_as_evals_writes_it_has_its_pages(pages: Site, client: TestClient) -> None:
    """With slices, costs, flaky and quarantined cases, of which these pages know nothing, and hostile texts."""
    run = json.loads(json.dumps(dump(blocked()), ensure_ascii=False).encode("utf-8", "replace"))
    queries.save_run(pages.store, run)

    for path in ("/review/runs", "/review/runs/run-1", "/review/runs/compare?a=run-1&b=run-1"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert "Refunds take" in client.get("/review/runs/run-1").text
