"""Texts of the policies in force, and drafts of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guardrails.errors import PolicyError
from guardrails.policy import builtin, load, parse
from proxy.policy_sources import MOST_BYTES, MOST_RULES, draft, editable, texts
from proxy.store.policy_texts import File
from tests.proxy.policies import policy
from tests.servers import make_app


def test_the_text_in_force_is_told_and_a_changed_file_is_not(tmp_path: Path) -> None:
    """Of an inline policy too; what was changed since it was loaded is not what is in force."""
    file = tmp_path / "mine.yaml"
    file.write_text(policy().replace('"test"', '"mine"'))
    app = make_app(tmp_path, "http://127.0.0.1:1/v1", policy(), policies={"mine": "./mine.yaml"})
    found = texts(app.context.policies)
    labels = {label.partition("@")[0]: label for label in found}

    assert labels.keys() == {"test", "mine"}
    assert found[labels["mine"]] == [File("mine.yaml", file.read_text())]
    assert json.loads(found[labels["test"]][0].text)["name"] == "test"
    file.write_text(policy(block_style="refusal").replace('"test"', '"mine"'))
    assert texts(app.context.policies).keys() == {labels["test"]}


def test_a_draft_begins_with_what_means_the_same(tmp_path: Path) -> None:
    """The file itself, or all of its meaning where it inherits another file."""
    (tmp_path / "base.yaml").write_text(policy())
    heir = tmp_path / "heir.yaml"
    heir.write_text("inherit: base.yaml\nname: heir\nunscannable: block\n")
    for found in (builtin("strict"), load(heir)):
        files = [File("x", Path(name).read_text("utf-8")) for name in found.files]
        assert draft(editable(found, files), [found]).revision == found.revision


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: x\nrules: []\nnonsense: 1\n", 3),
        ("name: [", None),
        ("inherit: /etc/passwd\n", 1),
        ("name: x\nrules:\n- {id: a, check: pii, with: {recognizers: ['os:system']}, stages: [input], action: flag}\n", 3),
        ("name: x\nrules:\n- {id: a, check: pii, with: {recognizers_file: /etc/passwd}, stages: [input], action: flag}\n", 3),
        ("#" * (MOST_BYTES + 1), None),
    ],
)  # fmt: skip
def test_a_draft_that_cannot_be_is_refused_with_its_line(text: str, line: int | None) -> None:
    """Above all one that names code or files of the machine."""
    with pytest.raises(PolicyError) as refused:
        draft(text, [parse(policy())])
    assert line is None or refused.value.line == line


@pytest.mark.parametrize("text", ["[" * 60_000, "name: x\nrules: " + "{a: " * 20_000, "- [" * 2_000])
def test_a_draft_that_would_take_the_parser_long_is_not_parsed(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets within brackets cost more than their number."""
    monkeypatch.setattr("proxy.policy_sources.parse", None)
    with pytest.raises(PolicyError, match="nested too deeply"):
        draft(text, [])


def test_a_draft_has_so_many_rules() -> None:
    """Each looks at every text that the draft is tried on."""
    rule = {"check": "secrets", "stages": ["input"], "action": "flag"}
    rules = [{"id": f"r{n}", **rule} for n in range(MOST_RULES + 1)]
    with pytest.raises(PolicyError, match="over 100 rules"):
        draft(json.dumps({"name": "x", "rules": rules}), [])
    assert len(draft(json.dumps({"name": "x", "rules": rules[1:]}), []).rules) == MOST_RULES
