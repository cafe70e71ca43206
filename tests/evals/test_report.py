"""Reports of any run: none fails, each is well-formed, and what a model wrote stays text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from evals import html
from evals.gate import judge
from evals.report import junit, markdown, terminal
from evals.run import GateResult, GateVerdict, Gating, Run
from tests.evals.conftest import make_run
from tests.evals.strange_runs import RUNS

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\ud800-\udfff]"
)
VOID = {"meta", "br", "img", "input", "link", "hr"}
TAGS = (
    "html head meta title style body header main footer section h1 h2 h3 h4 p small span b ul li details summary "
    "div table thead tbody tr th td dl dt dd pre ins del mark code a svg line rect circle text fieldset legend "
    "label input br"
)
ATTRIBUTES = (
    "charset lang http-equiv content name class scope width height viewbox role aria-label x y x1 x2 y1 y2 cx cy r "
    "text-anchor data-label open title id type checked href rel"
)


class Reader(HTMLParser):
    """Reads a page and holds it to what our templates put there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Known tags and attributes only; links to web addresses only."""
        assert tag in TAGS.split(), tag
        assert {name for name, _ in attrs} <= {*ATTRIBUTES.split()}, attrs
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID and not (
            tag in {"line", "rect", "circle"} and self.get_starttag_text().endswith("/>")
        ):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that holds nothing."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Closes what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data + " "


def read(page: str) -> Reader:
    """The parsed page; fails where it is not well-formed."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def shown(run: Run, width: int = 200, encoding: str = "utf-8") -> str:
    """What a terminal shows."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding, write_through=True)
    terminal(run, Console(file=file, width=width, force_terminal=False))
    return raw.getvalue().decode(encoding)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(RUNS)
def test_any_run_has_all_its_reports(run: Run) -> None:
    """Whatever is missing or absurd in it: well-formed, without control characters, verdict first, of bounded size."""
    page, text = read(html.render(run)), markdown(run)
    texts = [page.text, text, shown(run, 80), shown(run, 80, "ascii")]
    root = ElementTree.fromstring(junit(run).encode())

    assert [text for text in texts if FORBIDDEN.search(text)] == []
    assert all(link.startswith(("http://", "https://")) for link in page.links)
    assert len(text) < 60_000
    assert text.startswith(f"## Eval: {run.gate.verdict.value} (exit code {run.gate.verdict.exit_code}")
    assert texts[2].startswith(run.gate.verdict.value.upper())
    red = [*root.iter("failure"), *root.iter("error")]
    assert bool(red) == (run.gate.verdict.exit_code in {1, 2})


def every_verdict() -> Iterator[Run]:
    """A run that ended in each way there is, with as little in it as can be."""
    bare = make_run({"exact": {"a": [1.0]}}, gating=[Gating("exact")])
    nothing = replace(bare, items=(), cases=(), summary={}, scorers=())
    for verdict in GateVerdict:
        for run in (bare, nothing):
            yield replace(run, gate=GateResult(verdict, "for a reason"))
    yield replace(
        nothing, gate=GateResult(GateVerdict.INVALID, "interrupted"), unfinished="interrupted: 0 of 1"
    )
    yield judge(nothing)
    yield judge(bare, bare)


@pytest.mark.parametrize(
    "run", list(every_verdict()), ids=lambda run: run.gate.verdict.value + run.unfinished[:5]
)
def test_every_way_to_end_has_reports_that_say_so(run: Run) -> None:
    """Verdict, reason and exit code in each; why it is unfinished where it is."""
    texts = [shown(run), markdown(run), read(html.render(run)).text]

    for text in texts:
        assert run.gate.verdict.value in text.lower()
        assert run.gate.reason in text
        assert f"exit code {run.gate.verdict.exit_code}" in text
        assert not run.unfinished or "0 of 1" in text
