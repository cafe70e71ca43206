"""A prompt that the proxy renders is measured before it goes out: two versions, one golden set, one verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals import document
from tests.command import Ran, Run, run
from tests.evals.conftest import item, write_golden
from tests.fixtures import _upstream, upstream
from tests.proxy.policies import policy
from tests.proxy.templates import folder
from tests.servers import ADMIN_KEY, Running, Script, Upstream, make_app, served, whole

__all__ = ["_upstream", "run", "upstream"]


def asking(opening: str) -> dict[str, Any]:
    """A prompt that puts a question."""
    question = {"role": "user", "content": "{{ tone }}: {{ question }}"}
    return {
        "messages": [{"role": "system", "content": opening}, question],
        "variables": {"question": {"type": "string"}, "tone": {"default": "plainly"}},
    }


def knows(body: dict[str, Any]) -> Script:
    """Answers every question rightly, unless the prompt is careless."""
    name = body["messages"][-1]["content"].partition("What about ")[2].removesuffix("?")
    careful = "careful" in body["messages"][0]["content"]
    return whole({"content": f"All about {name}." if careful else "Hello there!"})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two versions of a prompt, and a golden set of thirty cases with a suite that names the first."""
    folder(tmp_path / "prompts", p__2=asking("Be careful."), p__3=asking("Be quick."))
    items = [item(f"c{n:02}") for n in range(30)]
    items[0]["input"]["variables"] = {"tone": "kindly"}
    golden = write_golden(tmp_path / "golden", items)
    suite = "prompt: ../prompts/p/2.yaml\nscorers: [exact]\ngating: [{metric: exact, margin: 0.1}]\n"
    (golden / "suite.yaml").write_text(suite)
    return tmp_path


def measured(run: Run, place: Path, proxy: Running, out: str, *more: str) -> Ran:
    """`guardhouse eval run` against the proxy."""
    golden, folder = str(place / "golden"), str(place / out)
    target = ("--base-url", proxy.url, "--model", "gpt-test", "--api-key", ADMIN_KEY)
    return run("eval", "run", "--golden", golden, "--out", folder, *target, *more)


def test_a_worse_version_is_blocked(run: Run, place: Path, upstream: Upstream) -> None:
    """Version 2 against version 3, each by its file; the run names what was rendered, and the cases fill it."""
    upstream.script = knows
    app = make_app(place, f"http://127.0.0.1:{upstream.port}/v1", policy(), prompts={"dir": "prompts"})
    with served(app) as proxy:
        assert measured(run, place, proxy, "two").code == 0
        asked = [body["messages"][-1]["content"] for body in upstream.requests]
        worse = ("--prompt", str(place / "prompts/p/3.yaml"), "--baseline", str(place / "two/run.json"))
        assert measured(run, place, proxy, "three", *worse).code == 1
    kept = {each["prompt_version"] for each in proxy.recorder.documents if each["prompt"] == "p"}

    two, three = (document.load(place / name / "run.json") for name in ("two", "three"))
    known = app.context.prompts.versions("p")
    assert (two.prompt.name, two.prompt.version, three.prompt.version) == ("p", "2", "3")
    assert (two.prompt.sha256, three.prompt.sha256) == (known["2"].use.hash, known["3"].use.hash)
    assert {"kindly: What about c00?", "plainly: What about c01?"} < set(asked)
    assert kept == {"2", "3"}


def test_another_text_is_not_measured(run: Run, place: Path, upstream: Upstream) -> None:
    """When the proxy renders something else than the file, the run is invalid instead of wrong."""
    upstream.script = knows
    app = make_app(place, f"http://127.0.0.1:{upstream.port}/v1", policy(), prompts={"dir": "prompts"})
    folder(place / "prompts", p__2=asking("Be very careful."))
    with served(app) as proxy:
        ran = measured(run, place, proxy, "two")

    assert ran.code == 2
    assert "the proxy renders another text for p@2" in ran.out + ran.err
