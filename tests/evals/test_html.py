"""The HTML report: one file, no script, everything escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from evals.gate import judge
from evals.html import histogram, render, whiskers
from evals.types import GateMetric, GateVerdict, Gating, RunCase
from tests.evals.conftest import make_run, missing
from tests.evals.test_report import HOSTILE, blocked


class Reader(HTMLParser):
    """Collects what the page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Tags and attributes."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data + " "


def read(page: str) -> Reader:
    """The parsed page."""
    reader = Reader()
    reader.feed(page)
    return reader


def test_hostile_text_stays_text() -> None:
    """No script, no handler, no outside reference, no raw control character."""
    reader = read(render(blocked()))

    assert "script" not in reader.tags
    assert not [
        name for name, _ in reader.attributes if name.startswith("on") or name in {"src", "href", "action"}
    ]
    assert "<script>alert(1)</script>" in reader.text
    assert not re.search("[\x00\x1b\u202e]", reader.text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes


def test_the_page_shows_verdict_flips_and_what_is_missing() -> None:
    """Verdict, differences, both texts of a flip, unscored scores, flaky cases."""
    before = make_run({"exact": {f"c{n}": [1.0, 1.0] for n in range(30)}}, texts={"c0": "old text"})
    values: dict[str, list[object]] = {f"c{n}": [float(n >= 10)] * 2 for n in range(30)}
    values["c29"] = [missing(), 1.0]
    values["c28"] = [0.0, 1.0]
    after = make_run(
        {"exact": values},  # type: ignore[dict-item]
        texts={"c0": "new text"},
        gating=[Gating("exact")],
        cases=(RunCase("c0", "sha-c0", HOSTILE, "forty-two"),),
    )

    text = " ".join(read(render(judge(after, before))).text.split())

    assert text.index("BLOCK") < text.index("Gate") < text.index("Scores")
    assert "pass → fail" in text
    assert "old text" in text
    assert "new text" in text
    assert "expected: forty-two" in text
    assert "c29 0 exact target gone" in text
    assert "c28: exact" in text


def test_a_histogram_counts_every_value_once() -> None:
    """Ten bins; 1 falls into the last."""
    run = make_run({"f1": {"a": [0.0, 1.0], "b": [0.05, 0.95]}})

    bars = histogram(run, "f1")

    assert [bar.label.split(": ")[1] for bar in bars] == ["2", *["0"] * 8, "2"]
    assert max(bar.height for bar in bars) == 48
    assert histogram(run, "none") == []


def test_differences_share_an_axis_around_zero() -> None:
    """A loss lies left of the line, whole interval included."""
    metrics = [
        GateMetric("a", GateVerdict.BLOCK, "", 0.0, delta=-0.2, low=-0.3, high=-0.1),
        GateMetric("b", GateVerdict.PASS, "", 0.0, delta=0.0, low=-0.1, high=0.1),
        GateMetric("c", GateVerdict.NONE, "", 0.0),
    ]

    worse, same = whiskers(metrics, {"a", "b", "c"})

    assert worse.low < worse.middle < worse.high < worse.zero
    assert same.middle == same.zero == worse.zero
    assert (worse.worse, same.worse) == (True, False)
