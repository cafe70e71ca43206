"""The pieces of the tour that go wrong, and how it words what it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evals import demo
from evals.errors import DemoError
from evals.run import GateMetric, GateVerdict


def says(*lines: str) -> subprocess.Popen[str]:
    """A process that says lines on stderr and ends."""
    code = "import sys; sys.stderr.write(sys.argv[1])"
    return subprocess.Popen([sys.executable, "-c", code, "\n".join(lines)], stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "it said nothing"),
        (("Traceback:", "", "guardhouse: the database is locked"), "did not start: the database is locked"),
        (
            ("guardhouse: cannot listen on 127.0.0.1:4000: Address already in use.: Choose another --port.",),
            r"127\.0\.0\.1:4000 is taken: .*--port 0",
        ),
        (("Guardhouse listens on http://127.0.0.1:1 (demo)",), "unset GUARDHOUSE_ADMIN_KEY"),
    ],
)
def test_a_proxy_that_does_not_start_is_explained(
    lines: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """Its last words in one line; for a taken port, what to do."""
    with says(*lines) as process, pytest.raises(DemoError, match=message) as raised:
        demo._started(process, tmp_path, print)
    assert "\n" not in str(raised.value)


def test_a_proxy_that_starts_slowly_is_waited_for_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it lives, with a word now and then; then that the time is over, and never that it said nothing."""
    monkeypatch.setattr(demo, "START_SECONDS", 0.3)
    monkeypatch.setattr(demo, "TOLD_SECONDS", 0.1)
    told: list[str] = []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, stderr=-1, text=True) as process:
        with pytest.raises(DemoError, match=r"did not start within 0\.3 seconds"):
            demo._started(process, tmp_path, told.append)
        process.kill()
    assert told and all(line.startswith("It is still starting, after") for line in told)


@pytest.mark.parametrize(
    ("message", "brief"),
    [
        ({"content": "short"}, "short"),
        ({"content": "a" * 300 + "b" * 300}, "a" * 220 + " … " + "b" * 90),
        ({"content": [{"type": "text", "text": "x"}]}, '[{"type": "text", "text": "x"}]'),
        ({"tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]}, 'f({"a":1})'),
        ({"content": None}, ""),
    ],
)
def test_a_message_is_shown_in_brief(message: dict[str, object], brief: str) -> None:
    """Its start and its end when it is long; the calls when it says nothing."""
    assert demo._brief(message) == brief


def test_what_is_shown_is_no_markup() -> None:
    """Square brackets of an answer stay."""
    assert demo._plain("is\n [CREDIT_CARD] [bold]") == r"is [CREDIT_CARD] \[bold]"


@pytest.mark.parametrize(
    ("low", "high", "line"),
    [
        (-0.3, -0.1, "contains      0.55 -> 0.35   -0.20 (between -0.30 and -0.10)"),
        (None, None, "contains      0.55 -> 0.35   -0.20"),
    ],
)
def test_a_change_is_one_line(low: float | None, high: float | None, line: str) -> None:
    """Before, after, difference, and the interval if there is one."""
    metric = GateMetric(
        "contains", GateVerdict.BLOCK, "", 0.05, baseline=0.55, candidate=0.35, delta=-0.2, low=low, high=high
    )
    assert demo._change(metric) == line
