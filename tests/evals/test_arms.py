"""What an arm asks, and two of them compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.arms import Arm, Place, alike, arm, compare_arms, layered, measure
from evals.errors import SuiteError
from evals.golden import load as load_golden
from evals.opening import TargetSpec
from evals.run import GateVerdict, PromptRef
from evals.session import Setup
from evals.suite import Suite, default
from evals.variants import Variant, read
from tests.evals.commands import knows
from tests.evals.conftest import ChatServer, completion

HTTP = {"base_url": "http://x/v1", "model": "m"}


@pytest.fixture
def suite(place: Path) -> Suite:
    """Thirty cases that gate on exact."""
    return default(place / "golden")


def test_later_layers_win_and_name_the_kind() -> None:
    """A policy or a function makes the target one of its kind; what is None says nothing."""
    assert layered({"model": "a", "k": 1}, {"model": "b", "base_url": None}) == {"model": "b", "k": 1}
    assert layered({"kind": "http"}, {"policy": "strict"})["kind"] == "policy"
    assert layered({"policy": "strict"}, {"call": "m:f"})["kind"] == "callable"
    assert layered({}, {"call": "m:f", "kind": "rag"})["kind"] == "rag"


@pytest.mark.parametrize(
    ("asked", "changes", "expected"),
    [
        (HTTP, {"model": "n"}, TargetSpec(base_url="http://x/v1", model="n")),
        (HTTP | {"seed": 3}, {"temperature": 0.0}, TargetSpec(**HTTP, seed=3, temperature=0.0)),
        (HTTP, {"policy": Path("p.yaml")}, TargetSpec("policy", **HTTP, policy="p.yaml")),
        ({}, {"index": Path("i")}, TargetSpec("index", index="i")),
        (HTTP, {"index": Path("i")}, TargetSpec(**HTTP, index="i")),
        (HTTP, {"call": "m:f"}, TargetSpec("callable", **HTTP, call="m:f")),
        (HTTP | {"k": 9}, {}, TargetSpec(**HTTP)),
    ],
)
def test_a_variant_changes_what_is_asked(
    suite: Suite, asked: dict[str, Any], changes: dict[str, Any], expected: TargetSpec
) -> None:
    """And nothing else of it."""
    made = arm(asked, Variant("x", changes), suite, Path("o"))

    assert replace(made.spec, base_url="", model="") == replace(expected, base_url="", model="")
    if made.spec.kind == "http":
        assert (made.spec.base_url, made.spec.model) == (expected.base_url, expected.model)


def test_a_prompt_is_the_text_or_a_template_of_the_proxy(suite: Suite, tmp_path: Path) -> None:
    """By the ending of its file; the run refers to it by folder and version."""
    folder = tmp_path / "support"
    folder.mkdir()
    (folder / "v1.txt").write_text("Be brief.\n")
    (folder / "v2.yaml").write_text("prompt: 'Be brief, {{ name }}.'\n")

    plain, template = (
        arm(HTTP, Variant("x", {"prompt": folder / name}), suite, Path("o")) for name in ("v1.txt", "v2.yaml")
    )

    assert (plain.spec.system_prompt, plain.spec.prompt, plain.prompt.version) == ("Be brief.", None, "v1")
    assert (template.spec.system_prompt, template.spec.prompt) == ("", template.prompt)
    assert (template.prompt.name, template.prompt.version) == ("support", "v2")


def test_a_variant_that_changes_nothing_that_is_used_is_refused(suite: Suite) -> None:
    """Both arms would be the same, and pass."""
    with pytest.raises(
        SuiteError, match=r"'n' changes the model, which a target of kind 'policy' does not use"
    ):
        arm({"policy": "strict", "kind": "policy"}, Variant("n", {"model": "n"}), suite, Path("o"))


def test_scoring_retrieval_without_an_index_is_refused(suite: Suite, tmp_path: Path) -> None:
    """With the command that makes one."""
    searching = replace(suite, scorers=("recall@5",), corpus=tmp_path / "docs.jsonl")

    with pytest.raises(SuiteError, match=r"scores recall@5 but there is no index: `guardhouse index build "):
        arm(HTTP, None, searching, Path("o"))


def two(place: Path, chat: ChatServer, suite: Suite) -> tuple[Setup, Arm, Arm]:
    """A careful arm, a careless one, and what to measure."""
    asked = {"base_url": chat.base_url, "model": "m"}
    good, bad = (
        arm(asked, read(f"{name}.txt", replace(suite, home=place)), suite, place / name)
        for name in ("good", "bad")
    )
    setup = Setup(
        suite, load_golden(place / "golden"), PromptRef("", "", ""), place / "o", repeats=3, screen=1
    )
    return setup, good, bad


async def test_the_candidate_is_judged_against_the_baseline(
    place: Path, chat: ChatServer, suite: Suite
) -> None:
    """Both runs say what was asked of them, and how often at first."""
    chat.script = knows
    setup, good, bad = two(place, chat, suite)

    worse, base = await compare_arms(setup, bad, good, Place())

    assert (worse.gate.verdict, base.gate.verdict) == (GateVerdict.BLOCK, GateVerdict.NONE)
    assert worse.baseline is not None
    assert (worse.baseline.id, worse.prompt.version, base.prompt.version) == (base.id, "bad", "good")
    assert (worse.screen, worse.repeats, len(worse.items), len(base.items)) == (1, 3, 90, 90)


async def test_a_run_tells_which_variant_it_asked(place: Path, chat: ChatServer, suite: Suite) -> None:
    """And at what temperature; the comparison lists both."""
    chat.script = knows
    varied = replace(suite, home=place, variants={"cold": {"temperature": 0.0}})
    setup, good, _ = two(place, chat, suite)
    asked = {"base_url": chat.base_url, "model": "m", "prompt": place / "good.txt"}
    cold = arm(asked, read("cold", varied), varied, place / "cold")

    run, base = await compare_arms(setup, cold, good, Place())

    assert (run.target.variant, run.target.temperature) == ("cold", 0.0)
    assert (base.target.variant, base.target.temperature) == ("", None)
    assert run.baseline is not None
    assert run.baseline.differences == ("variant: none -> cold", "temperature: the server's -> 0")


async def test_another_first_repeat_asks_afresh(place: Path, chat: ChatServer, suite: Suite) -> None:
    """In the same folder; the runs count from 0 all the same."""
    chat.script = knows
    setup, good, bad = two(place, chat, suite)
    await compare_arms(setup, bad, good, Place())
    asked = len(chat.requests)

    run, _ = await compare_arms(setup, bad, good, Place(), first=3)
    await compare_arms(setup, bad, good, Place(), first=3)

    assert len(chat.requests) == 2 * asked
    assert (run.gate.verdict, {item.repeat for item in run.items}) == (GateVerdict.BLOCK, {0, 1, 2})


def test_arms_that_ask_the_same_are_known(suite: Suite, tmp_path: Path) -> None:
    """Whatever their prompts are called: only what is asked counts."""
    (tmp_path / "prompts").mkdir(exist_ok=True)
    asked, made = HTTP, []
    for name, text in (("one", "Be kind."), ("same", "Be kind."), ("other", "Be brief.")):
        (tmp_path / f"prompts/{name}.txt").write_text(text)
        variant = Variant(name, {"prompt": tmp_path / f"prompts/{name}.txt"})
        made.append(arm(asked, variant, suite, tmp_path / name))

    assert [alike(made[0], each) for each in made] == [True, True, False]
    another = Variant("one", {"prompt": tmp_path / "prompts/one.txt"})
    assert not alike(made[0], arm(asked | {"model": "n"}, another, suite, tmp_path))


async def test_canaries_are_asked_as_often_as_may_be(place: Path, chat: ChatServer, suite: Suite) -> None:
    """A failure in any repeat blocks, so there must be repeats, though the arms agree."""
    chat.script = lambda request: (200, completion("the same"), {})
    setup, good, bad = two(place, chat, suite)
    held = replace(setup, suite=replace(suite, canaries=replace(suite.canaries, ids=("c04",))))

    run, _ = await compare_arms(held, bad, good, Place())

    assert [item.id for item in run.items if item.repeat] == ["c04", "c04"]
    assert len(run.items) == 32


async def test_one_arm_is_measured_by_itself(place: Path, chat: ChatServer, suite: Suite) -> None:
    """In its own folder, with its own prompt."""
    chat.script = knows
    setup, good, _ = two(place, chat, suite)

    run = await measure(setup, good, Place())

    assert (run.prompt.version, len(run.items)) == ("good", 90)
    assert (place / "good" / "journal.jsonl").is_file()
