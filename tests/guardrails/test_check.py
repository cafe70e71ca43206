"""Finding checks by name, and building them from options."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrails.check import Scanner, TextScanner, build, factory, names
from guardrails.engine import load_guard
from guardrails.errors import CheckError
from guardrails.policy import load
from guardrails.types import Segment, Span, Stage
from tests.guardrails.samples import Digits, registered

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "add-a-check.md"


@pytest.fixture(autouse=True)
def _checks() -> Iterator[None]:
    with registered():
        yield


def test_a_check_is_built_from_its_factorys_signature() -> None:
    """Options are the factory's parameters, with its defaults."""
    check = build("digits", {"least": 6})

    assert isinstance(check, Scanner)
    assert check.scan("12345 123456") == [Span(6, 12, "NUMBER", 0.9)]


BAD = [
    ("nowhere", {}, "there is no check named 'nowhere'. Known checks: "),
    ("digits", {"least": "many"}, "option 'least'"),
    ("digits", {"lest": 3}, "option 'lest': Extra inputs are not permitted. It takes: least, entity."),
    ("literal", {}, "option 'text': Field required"),
]


@pytest.mark.parametrize(("name", "options", "message"), BAD)
def test_a_check_that_cannot_be_built_says_why(name: str, options: dict[str, object], message: str) -> None:
    """Unknown names and options are refused, naming the ones there are."""
    with pytest.raises(CheckError, match=re.escape(message)):
        build(name, options)


async def test_a_scanner_is_a_check_too() -> None:
    """Called with segments it scans each of them."""
    segments = [Segment("1234", "/0", Stage.INPUT), Segment("x", "/1", Stage.INPUT)]

    assert await Digits()(segments) == [[Span(0, 4, "NUMBER", 0.9)], []]


def test_a_scanner_without_scan_or_hold_cannot_be_made() -> None:
    """A base class that is only half filled in fails when it is built, not in the middle of a stream."""
    with pytest.raises(TypeError, match=r"hold.*scan"):
        TextScanner()  # type: ignore[abstract]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The guide's package, as pip would install it; yields the guide's policy file."""
    blocks = dict(re.findall(r"```(python|toml|yaml)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL))
    (tmp_path / "house_checks.py").write_text(blocks["python"], "utf-8")
    project = tomllib.loads(blocks["toml"])["project"]
    entries = project["entry-points"]["guardhouse.checks"]
    info = tmp_path / f"house_checks-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = "".join(f"{name} = {target}\n" for name, target in entries.items())
    (info / "entry_points.txt").write_text(f"[guardhouse.checks]\n{lines}")
    policy = tmp_path / "house.yaml"
    policy.write_text(blocks["yaml"], "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield policy
    factory.cache_clear()
    sys.modules.pop("house_checks", None)


async def test_the_guides_checks_run_as_printed(installed: Path) -> None:
    """Installed through its entry point, the example loads, and its policy's tests hold."""
    policy = load(installed)
    guard = load_guard(policy, b"test")

    assert {"tickets", "shouting"} <= set(names())
    for test in policy.tests:
        verdict = await guard.inspect([Segment(test.text, "/0", test.stage)])
        assert verdict.action is test.action
        assert [found.rule for found in verdict.findings] == [each.rule for each in test.findings or ()]
    stream = guard.stream("/0")
    assert [stream.push(piece) for piece in ("see DE", "SK-1234", "!")] == ["see ", "", "[TICKET]!"]
