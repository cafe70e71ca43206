"""Answers that are kept across runs stay honest: a policy that changed since then is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evals import gate
from evals.cache import Cache
from evals.compare import differences
from evals.run import GateVerdict, TargetRef
from evals.types import Case, Output
from tests.evals.conftest import make_run
from tests.evals.test_runner import CASES, go


class Guarded:
    """Answers under a policy, as a Guardhouse proxy tells it."""

    def __init__(self, policy: str) -> None:
        self.ref = TargetRef("http", "http://x/v1", "m", signature="s")
        self.asked: list[str] = []
        self._policy = policy

    async def probe(self) -> None:
        """There is nothing to reach."""

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """The same words, whatever the policy."""
        self.asked.append(case.id)
        return Output(text="fine", policy=self._policy)

    async def aclose(self) -> None:
        """Nothing to do."""


async def test_some_cases_are_asked_afresh_where_a_policy_was_told(tmp_path: Path) -> None:
    """The others come from the cache; without a policy all do."""
    fresh = CASES[0].id
    for told, asked in (("default@1", [fresh]), ("", [])):
        first, second = Guarded(told), Guarded(told)
        with Cache(tmp_path / f"cache{told}") as cache:
            await go(first, tmp_path / f"a{told}", cache=cache)
            await go(second, tmp_path / f"b{told}", cache=cache, fresh=[fresh])

        assert (len(first.asked), second.asked) == (len(CASES), asked)


def test_answers_under_two_revisions_of_a_policy_are_no_run() -> None:
    """It is told which; two policies of other names may stand side by side, as with a fallback."""
    run = make_run({"exact": {"a": [1], "b": [1]}})

    def under(*policies: str) -> gate.Run:
        items = [
            replace(item, output=replace(item.output, policy=policy))
            for item, policy in zip(run.items, policies, strict=True)
        ]
        return gate.judge(replace(run, items=tuple(items)))

    mixed = under("default@1", "default@2").gate
    assert mixed.verdict is GateVerdict.INVALID and "default@1, default@2" in mixed.reason
    assert under("default@1", "strict@1").gate.verdict is GateVerdict.NONE
    assert "policy of the proxy: default@1 -> default@2" in differences(
        under("default@1", "default@1"), under("default@2", "default@2")
    )
