"""Hostile text in every field that somebody else writes: each reader gets it as text, and it does nothing."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

from proxy import cli
from proxy.logs import setup_logging
from proxy.settings import Settings
from proxy.store import queries, reviews
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key
from proxy.store.keys import create_key
from tests.proxy.policies import policy
from tests.proxy.review import documents
from tests.proxy.review.site import ADMIN_KEY, Site, sign_in, site
from tests.proxy.review.test_routes import hostile_trace
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, make_app, raw, served, whole

PAYLOADS = {
    "script": "<script>alert(1)</script>",
    "handlers": "<img src=x onerror=alert(1)><svg/onload=alert(1)><body onpageshow=alert(1)>",
    "attribute": '" onmouseover="alert(1)" x=\'" autofocus onfocus=alert(1) \'',
    "closing": "</title></textarea></script></style></select></table></main><form action=//evil.example>",
    "comment": "<!--><img src=x onerror=alert(1)>-->]]><![CDATA[<b>",
    "links": "javascript:alert(1) data:text/html,<script>alert(1)</script> [x](javascript:alert(1))",
    "template": "{{ 7*7 }} {% raw %} ${7*7} #{7*7} <%= 7*7 %> {{ config.items() }} %s %(id)s {0.__class__}",
    "ansi": "\x1b[31mred\x1b[0m \x1b[2J\x1b[H \x9b31m \x1b]0;title\x07 \x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "carriage": "real line\r\x1b[1Afake line\r\nx: y\n\n\v\f\x85\u2028\u2029next",
    "bidi": "\u202egnp.exe\u202c \u2066isolated\u2069 \u061c\u200f",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\U000e0041\u00ad\ufff9",
    "rtl": "مرحبا שלום <b>",
    "formula": '=cmd|\' /C calc\'!A0 +1+1 -1 @SUM(1) \t=1 "=HYPERLINK(""http://evil.example"")',
    "paths": "../../../etc/passwd C:\\Windows\\..\\.. /dev/stdout con.txt %2e%2e%2f ~root $(id) `id` ; rm -rf /",
    "nul": "nul bytes: a\0b\0",
    "half a pair": "a\ud800b\udfffc",
    "sql": "'; DROP TABLE span; -- \" OR 1=1 /*",
    "metrics": 'x"} 1\nguardhouse_fake{a="b"} 1\n# HELP x',
    "long": "<b>" * 20_000,
}
EVERY = pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)


def storable(text: str) -> str:
    """The text as columns that people fill in take it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


# --- pages


@dataclass
class Structure(HTMLParser):
    """Every element of a page with the names of its attributes, and every address in it."""

    elements: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """As a parser."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.add((tag, tuple(sorted({name for name, _ in attrs}))))
        self.addresses |= {
            value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")
        }

    def handle_data(self, data: str) -> None:
        """Text between elements."""
        self.text.append(data)


def read(client: TestClient, path: str) -> Structure:
    """A page, taken apart."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not {"unsafe-inline", "unsafe-eval", "*", "data:"} & set(
        answer.headers["content-security-policy"].split()
    )
    found = Structure()
    found.feed(answer.text)
    return found


def fill(pages: Site, text: str, number: int) -> list[str]:
    """Store the text in every field of a trace, its review, its feedback and a run; the pages that show them."""
    trace = hostile_trace(text) | {"id": f"{0xBAD0 + number:032x}", "started_us": number + 1, "team": text, "tags": {text: text},
                                   "prompt": text, "prompt_version": text, "config": text, "session_id": text}  # fmt: skip
    assert pages.store.write([trace]) == []
    reviews.add_review(pages.store, trace["id"], reviews.NewReview("unsure", storable(text), storable(text)))
    feedback = {
        "kind": "feedback", "id": f"f{number}", "tenant": trace["tenant"], "key_id": trace["key_id"], "target": trace["id"],
        "name": text, "value": 1.0, "comment": text, "created_us": 1,
    }  # fmt: skip
    pages.store.write([feedback])
    named = storable(text)[:200]
    run = documents.run(f"hostile{number}", suite=named, items=[
        {"id": named, "repeat": 0, "output": {"text": named, "error": named, "trace_id": named, "tool_calls": [{"name": named, "arguments": named}]},
         "scores": {named: {"status": "unscored", "value": None, "reason": named}}},
    ], summary={named: {"mean": named, "n": 1}}, gate={"verdict": named, "reason": named, "metrics": [{"metric": named, "verdict": named, "reason": named}]})  # fmt: skip
    queries.save_run(pages.store, run)
    return [
        "/review?outcome=any", f"/review/traces/{trace['id']}", "/review/runs", f"/review/runs/hostile{number}"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> list[Structure]:
    """The same pages where every field holds words, and characters that the pages mark."""
    with (
        site(tmp_path_factory.mktemp("harmless")) as pages,
        TestClient(pages.app, follow_redirects=False) as client,
    ):
        sign_in(client, ADMIN_KEY)
        paths = [*fill(pages, "plain words", 0), *fill(pages, "marked \u200b words", 1)]
        return [read(client, path) for path in paths]


@EVERY
def test_no_element_of_a_page_comes_from_data(
    tmp_path: Path, harmless: list[Structure], payload: str
) -> None:
    """The pages have the elements and attributes that they have with harmless words, and lead nowhere else."""
    known = set().union(*(page.elements for page in harmless))
    with site(tmp_path) as pages, TestClient(pages.app, follow_redirects=False) as client:
        sign_in(client, ADMIN_KEY)
        for path in fill(pages, payload, 0):
            page = read(client, path)
            assert page.elements - known == set(), path
            assert not [each for each in page.addresses if not each.startswith(("/review", "?", "#"))], path
            assert not any(
                name.startswith("on") or name == "style" for _, names in page.elements for name in names
            )
        shown = json.loads(client.get("/review/traces/" + f"{0xBAD0:032x}.json").text)
    assert shown["request"]["messages"][0]["content"] == payload, "nothing of it is lost"


# --- the command line


@EVERY
def test_a_terminal_is_told_nothing_but_text(tmp_path: Path, payload: str) -> None:
    """Whatever the commands print is printable, and as JSON it is what was stored."""
    store = open_store(url_of(tmp_path, None), load_key(tmp_path))
    trace = hostile_trace(payload) | {"id": f"{0xBAD0:032x}", "started_us": 1_000_000}
    assert store.write([trace]) == []
    reviews.add_review(store, trace["id"], reviews.NewReview("unsure", storable(payload), storable(payload)))
    create_key(store, storable(payload)[:100] or "x", storable(payload)[:100] or "x")
    store.close()
    app = typer.Typer()
    cli.register(app)

    def said(*words: str) -> str:
        told = CliRunner().invoke(app, [*words, "--data-dir", str(tmp_path)])
        assert told.exit_code == 0, (words, told.output)
        assert all(each.isprintable() for each in (told.stdout + told.stderr).replace("\n", "")), words
        return told.stdout

    commands = (
        ("traces", "list"), ("traces", "list", "--json"), ("keys", "list"), ("keys", "list", "--json"),
        ("usage", "--by", "key"), ("usage", "--by", "model"), ("usage", "--by", "model", "--json"),
    )  # fmt: skip
    for command in commands:
        said(*command)
    assert len(said("traces", "list").splitlines()) == 1, "one line a trace"
    shown = json.loads(said("traces", "show", trace["id"]))
    [exported] = said("traces", "export").splitlines()
    assert shown["request"]["messages"][0]["content"] == payload
    assert json.loads(exported)["request"] == shown["request"]


# --- the wire: replies, logs, metrics


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The provider."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy in front of it."""
    app = make_app(tmp_path_factory.mktemp("wire"), f"http://127.0.0.1:{upstream.port}/v1", policy())
    with served(app) as running:
        yield running


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as JSON lines."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    told = io.StringIO()
    setup_logging(Settings(log_format="json", access_log=True), told)
    yield told
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)


@EVERY
def test_what_a_model_or_a_caller_says_stays_out_of_logs_and_metrics(
    proxy: Running, upstream: Upstream, lines: io.StringIO, payload: str
) -> None:
    """One line a request that is JSON, no label of theirs in the metrics, and the reply as it was said."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": json.dumps({"a": storable(payload)})},
    }
    text = storable(payload)
    upstream.script = whole({"content": text, "tool_calls": [call]}, model=text)
    headers = {"x-guardhouse-session": "s", "user-agent": "".join(c for c in text if 31 < ord(c) < 127)[:200]}

    answer = ask(proxy, chat({"role": "user", "content": text}, user=text[:100]), headers=headers)
    unknown = ask(proxy, chat(model=text or "x"), headers=headers)
    metrics = ask(proxy, method="GET", path="/metrics").body.decode()
    row = next(
        each for each in proxy.recorder.documents if each["id"] == answer.headers["x-guardhouse-trace-id"]
    )

    assert (answer.status, unknown.status) == (200, 404)
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == text
    assert row["response"]["choices"][0]["message"]["content"] == text
    logged = lines.getvalue().splitlines()
    assert len([json.loads(line) for line in logged if "exchange" in line]) == 2
    assert all(line.isprintable() for line in logged)
    mark = text.strip()[:12]
    assert mark not in lines.getvalue() and mark not in metrics
    assert mark not in str(sorted(answer.headers.items())), "no header repeats it"


def test_errors_of_providers_are_text(proxy: Running, upstream: Upstream) -> None:
    """A provider's own words of refusal reach the caller as JSON, and the record only as our words."""
    for payload in PAYLOADS.values():
        text = storable(payload)
        upstream.script = raw(
            json.dumps({"error": {"message": text, "type": text, "code": text}}).encode(), 400
        )
        proxy.recorder.forget()
        answer = ask(proxy, chat())
        row: dict[str, Any] = proxy.recorder.last()

        assert answer.headers["content-type"].startswith("application/json")
        assert json.loads(answer.body)["error"]["message"] == text
        assert row["error"]["message"] == "The provider answered with HTTP 400."
        assert row["http_status"] == answer.status
