"""`guardhouse policy diff`: what it says, and the code it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guardrails.ordinary import prompts
from tests.command import POLICY, Run


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five prompts of each corpus are enough here."""
    monkeypatch.setattr("guardrails.policy_diff.prompts", lambda kind: prompts(kind)[:5])


CHANGES = [
    ("", "", 0, 0),
    ("redact}", "block}", 0, 1),
    ("redact}", "flag}", 1, 1),
    ("name: p", "name: q", 0, 1),
]


@pytest.mark.parametrize(("old", "new", "weaker", "any_"), CHANGES)
def test_the_exit_code_says_whether_something_gets_weaker_or_differs(
    run: Run, tmp_path: Path, old: str, new: str, weaker: int, any_: int
) -> None:
    """What a change of policy has to pass in CI."""
    tests = "tests: [{text: a bluebird, expect: {action: redact}}]\n"
    (tmp_path / "a.yaml").write_text(POLICY + tests)
    (tmp_path / "b.yaml").write_text((POLICY + tests).replace(old, new, 1))

    assert run("policy", "diff", "a.yaml", "b.yaml").code == weaker
    assert run("policy", "diff", "a.yaml", "b.yaml", "--fail-on", "any").code == any_


def test_a_difference_is_told_by_its_place_and_never_by_its_text(run: Run, tmp_path: Path) -> None:
    """Unless the texts are asked for."""
    (tmp_path / "a.yaml").write_text(POLICY)
    (tmp_path / "b.yaml").write_text(POLICY.replace("deny: [bluebird]", "deny: [jay]"))
    (tmp_path / "in.jsonl").write_text(
        '{"text": "one bluebird"}\n{"call": {"name": "x", "arguments": {"a": "jay"}}}\n'
    )
    command = ("policy", "diff", "a.yaml", "b.yaml", "--jsonl", "in.jsonl")
    plain, shown = run(*command), run(*command, "--show")

    assert plain.out.splitlines()[1:] == [
        "  rules.mask.with.deny: +jay -bluebird",
        "in.jsonl:1: weaker: redact -> allow",
        "  - mask/DENIED_WORD 4-12, redact",
        "in.jsonl:2: stricter: allow -> redact",
        "  + mask/DENIED_WORD 0-3 in /a, redact",
        "1 stricter, 1 weaker, 0 other, of 12 texts",
    ]
    assert "one bluebird" not in json.dumps(json.loads(run(*command, "--json").out))
    assert "  was: 'one [DENIED_WORD]'" in shown.out.splitlines()
    assert "  is: 'one bluebird'" in shown.out.splitlines()


def test_the_document_for_machines(run: Run, tmp_path: Path) -> None:
    """Labels, changes, counts and differences."""
    (tmp_path / "a.yaml").write_text(POLICY)
    (tmp_path / "b.yaml").write_text("inherit: a.yaml\nrules: [{id: stop, remove: true}]\n")
    (tmp_path / "in.jsonl").write_text('{"text": "kryptonite"}\n')
    ran = run("policy", "diff", "a.yaml", "b.yaml", "--jsonl", "in.jsonl", "--json")
    told = json.loads(ran.out)

    assert ran.code == 1
    assert (told["counts"], told["texts"]) == ({"stricter": 0, "weaker": 1, "other": 0}, 11)
    assert [(each["path"], each["new"]) for each in told["changes"]] == [("rules.stop", None)]
    [difference] = told["differences"]
    assert (difference["place"], difference["old"]["action"], difference["new"]["action"]) == (
        "in.jsonl:1",
        "block",
        "allow",
    )
    assert set(difference["old"]) == {"action", "findings"}


REFUSED = [
    (("a.yaml", "none.yaml"), "none.yaml: cannot be read"),
    (("a.yaml", "a.yaml", "--jsonl", "none"), "cannot read none: No such file"),
    (("a.yaml", "a.yaml", "--jsonl", "bad.jsonl"), "line 1: the line needs either 'text' or 'call'."),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_cannot_be_compared_is_one_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and what to mend."""
    (tmp_path / "a.yaml").write_text(POLICY)
    (tmp_path / "bad.jsonl").write_text("{}\n")
    ran = run("policy", "diff", *arguments)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert message in ran.err
