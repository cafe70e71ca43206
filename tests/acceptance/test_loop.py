"""The loop closes: a flagged trace is judged and promoted, becomes a case, and the next eval run asks it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from proxy.app import create_app
from proxy.settings import Settings
from tests.command import Run
from tests.command import run as run  # (a fixture)
from tests.evals.conftest import item, write_golden
from tests.proxy.review.site import hidden
from tests.servers import ADMIN_KEY, served

CONFIG = {
    "model_list": [{"model_name": "echo", "litellm_params": {"model": "fake/echo"}}],
    "guardhouse": {
        "data_dir": "data",
        "golden_dir": "golden",
        "policy": {
            "name": "p",
            "rules": [
                {
                    "id": "mail", "check": "pii", "with": {"entities": ["EMAIL_ADDRESS"]},
                    "stages": ["input"], "action": "redact",
                }
            ],
        },
    },
}  # fmt: skip
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A proxy with the fake provider, a store of its own, and a golden set beside its configuration."""
    (tmp_path / "golden" / "toy").mkdir(parents=True)
    write_golden(tmp_path / "golden" / "toy", [item("a")])
    file = tmp_path / "guardhouse.yaml"
    file.write_text(json.dumps(CONFIG))
    with served(create_app(Settings(config=file, admin_key=ADMIN_KEY))) as running:
        yield f"http://127.0.0.1:{running.port}"


def signed_in(url: str) -> httpx.Client:
    """A browser at the pages."""
    client = httpx.Client(base_url=url, follow_redirects=False, timeout=30)
    page = client.get("/review/login").text
    form = {"key": ADMIN_KEY, "token": hidden(page, "token"), "next": ""}
    assert client.post("/review/login", data=form, headers={"origin": url}).status_code == 303
    return client


def sent(url: str, text: str) -> str:
    """The id of the trace that a request with this text leaves."""
    asked = {"model": "echo", "messages": [{"role": "user", "content": text}]}
    reply = httpx.post(f"{url}/v1/chat/completions", json=asked, headers=KEY, timeout=30)
    id: str = reply.headers["x-guardhouse-trace-id"]
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if httpx.get(f"{url}/api/traces/{id}", headers=KEY).status_code == 200:
            break
        time.sleep(0.05)
    return id


def test_a_flagged_trace_becomes_a_case_that_the_next_run_asks(url: str, tmp_path: Path, run: Run) -> None:
    """Review, promote, `golden add`, `eval run`, publish; the case's item leads back to a trace."""
    trace = sent(url, "please write to ada.lovelace@example.com today")
    verdict = {"verdict": "true_positive", "finding": 0}
    assert httpx.post(f"{url}/api/traces/{trace}/reviews", json=verdict, headers=KEY).status_code == 201
    with closing(signed_in(url)) as browser:
        token = hidden(browser.get(f"/review/traces/{trace}").text, "token")
        form = {"token": token, "dataset": "toy", "expected": ""}
        promoted = browser.post(f"/review/traces/{trace}/promote", data=form, headers={"origin": url})
        assert promoted.status_code == 303
        where = promoted.headers["location"]
        page = browser.get(where).text
        assert f"guardhouse golden add datasets/golden/toy --from {url}/api/golden/candidates/" in page

        folder, key = str(tmp_path / "golden" / "toy"), ("--key", ADMIN_KEY)
        dry = run("golden", "add", folder, "--from", f"{url}{where}", *key, "--dry-run")
        assert dry.code == 0 and json.loads(dry.out)["provenance"]["trace"] == trace
        added = run("golden", "add", folder, "--from", f"{url}{where}", *key)
        assert (added.code, added.err) == (0, "") and "1.1.0" in added.out
        again = run("golden", "add", folder, "--from", f"{url}{where}", *key)
        assert again.code == 2 and "is already in the set" in again.err
        assert ">taken<" in browser.get(where).text
        assert run("golden", "check", folder).code == 0

        case = json.loads((tmp_path / "golden" / "toy" / "items.jsonl").read_text().splitlines()[-1])
        assert case["expected"]["guardrail"] == {"action": "redact", "entities": ["EMAIL_ADDRESS"]}
        assert "ada.lovelace" not in json.dumps(case) and "morgan.reed@example.com" in json.dumps(case)
        assert case["provenance"]["verdicts"][0]["verdicts"] == {"true_positive": 1}

        suite = tmp_path / "golden" / "toy" / "suite.yaml"
        suite.write_text("name: toy\ngolden: .\nscorers: [guardrail]\n")
        out = tmp_path / "out"
        target = ("--base-url", f"{url}/v1", "--model", "echo", "--api-key", ADMIN_KEY)
        ran = run("eval", "run", "--suite", str(suite), "--golden", folder, *target, "--out", str(out))
        assert ran.code == 0, ran.err
        published = run("eval", "publish", str(out / "run.json"), "--url", url, "--key", ADMIN_KEY)
        assert published.code == 0, published.err
        told = browser.get("/review/golden/sets/toy.json").json()
        [mine] = [each for each in told["items"] if each["id"] == case["id"]]
        assert mine["last"]["passed"] is True and mine["trace"] == trace
        led_to = _trace_of(browser, mine["last"]["run"])
        assert browser.get(f"/review/traces/{led_to}").status_code == 200


def _trace_of(browser: httpx.Client, run: str) -> str:
    """The last trace that a run's page leads to, once it is in the database."""
    until = time.monotonic() + 30
    while True:
        found: list[str] = re.findall(
            r'href="/review/traces/(\w{32})', browser.get(f"/review/runs/{run}").text
        )
        if found or time.monotonic() > until:
            return found[-1]
        time.sleep(0.1)
