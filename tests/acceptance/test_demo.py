"""The tour as a stranger takes it: one command, one process, no terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOUR_SECONDS = 300
"""When the tour counts as stuck: no bound on how fast it is, which is the machine's affair."""
RAW = (
    "ada.lovelace@example.com",
    "415-555-0132",
    "grace@example.org",
    "AKIA" + "Q3EGRVW6" + "XY2PLM4N",
    "4111 1111 1111 1111",
)


@pytest.fixture(scope="module")
def tour() -> subprocess.CompletedProcess[str]:
    """One run; the lines are long enough that no value is broken over two."""
    return subprocess.run(
        [sys.executable, "-m", "guardhouse", "demo", "--exit", "--port", "0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "1000", "PYTHONUTF8": "1"},
        timeout=TOUR_SECONDS,
    )


def rows(tour: subprocess.CompletedProcess[str], label: str) -> list[str]:
    """What stands beside a label, scene by scene."""
    return re.findall(rf"^ *{label} +(.*?) *$", tour.stdout, re.MULTILINE)


def test_it_ends_well(tour: subprocess.CompletedProcess[str]) -> None:
    """Exit code 0 and nothing on stderr."""
    assert (tour.returncode, tour.stderr) == (0, "")


def test_no_raw_value_reaches_the_provider(tour: subprocess.CompletedProcess[str]) -> None:
    """Six scenes; what the app sent was raw, what the provider saw was not."""
    saw, sent = rows(tour, "provider saw"), "\n".join(rows(tour, "app sent"))
    assert len(saw) == 6
    assert not [raw for raw in RAW for line in saw if raw in line]
    assert [raw for raw in RAW if raw in sent] == list(RAW[:4])
    assert re.search(r"EMAIL_ADDRESS_\w{10} or PHONE_NUMBER_\w{10}", saw[1])
    assert "EMAIL_ADDRESS_" in saw[3]


def test_the_app_gets_its_own_values_back_and_no_card(tour: subprocess.CompletedProcess[str]) -> None:
    """Tokens are restored; the provider's card number is redacted in the stream."""
    got = rows(tour, "app got")
    assert RAW[0] in got[1] and RAW[1] in got[1] and RAW[2] in got[3]
    assert "HTTP 400" in got[2]
    assert "[CREDIT_CARD]" in got[5] and RAW[4] not in got[5]


def test_one_prompt_passes_and_one_is_blocked(tour: subprocess.CompletedProcess[str]) -> None:
    """Against the accepted baseline."""
    assert re.search(r"Prompt v2 .* pass \(exit code 0\)", tour.stdout)
    assert re.search(r"Prompt degraded .* block \(exit code 1\)", tour.stdout)


def test_it_says_where_to_review(tour: subprocess.CompletedProcess[str]) -> None:
    """The pages and the key for them."""
    assert re.search(r"http://127\.0\.0\.1:\d+/review$", tour.stdout, re.MULTILINE)
    assert re.search(r"^Sign in with +gh-", tour.stdout, re.MULTILINE)


def test_the_first_flagged_trace_is_one_click_away(tour: subprocess.CompletedProcess[str]) -> None:
    """Its address carries a link's secret where the sign-in form takes it from, and the key stands in no address."""
    [key] = re.findall(r"^Sign in with +(gh-\S+)$", tour.stdout, re.MULTILINE)

    assert re.search(
        r"^First flagged +http://127\.0\.0\.1:\d+/review/traces/[0-9a-f]{32}#link=ghl-[\w-]{43}$",
        tour.stdout,
        re.MULTILINE,
    )
    assert tour.stdout.count(key) == 1


def test_it_shows_the_whole_loop(tour: subprocess.CompletedProcess[str]) -> None:
    """A page for each step: what waits, what was judged, what became of it, an agent run, two runs compared."""
    paths = (
        "queues", r"traces/[0-9a-f]{32}", r"golden/candidates/[0-9a-f]{32}", r"sessions/\w+", r"runs/compare\?a=\S+&b=\S+"
    )  # fmt: skip
    for path in paths:
        assert re.search(rf"http://127\.0\.0\.1:\d+/review/{path}$", tour.stdout, re.MULTILINE), path
