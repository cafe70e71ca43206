"""Policies that change another one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.arming import arm
from guardrails.errors import PolicyError
from guardrails.inheritance import MAX_DEPTH
from guardrails.policy import builtin, load, parse
from guardrails.types import Action, Mode, Stage

BASE = """name: base
block_style: refusal
rules:
  - {id: words, check: words, with: {deny: [bluebird], leet: false}, stages: [input], action: flag}
  - id: swap
    check: pii
    with: {entities: [EMAIL_ADDRESS]}
    stages: [input]
    action: pseudonymize
    style: surrogate
tests:
  - {text: a bluebird, expect: {action: flag}}
"""


def write(folder: Path, **files: str) -> Path:
    """Policies in a folder, and the path of the first."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def test_a_childs_keys_override_and_the_rest_is_inherited(tmp_path: Path) -> None:
    """Of the policy and of each rule; `with` is replaced as a whole; new rules come last."""
    child = write(
        tmp_path,
        child="""name: child
inherit: base.yaml
unscannable: block
rules:
  - {id: new, check: words, with: {deny: [x]}, stages: [output], action: block}
  - {id: words, with: {deny: [redbird]}, mode: shadow}
""",
        base=BASE,
    )
    policy = load(child)
    words, swap, new = policy.rules

    assert (policy.name, policy.block_style, policy.unscannable) == ("child", "refusal", Action.BLOCK)
    assert [words.id, swap.id, new.id] == ["words", "swap", "new"]
    assert (words.options, words.mode, words.on_error) == ({"deny": ["redbird"]}, Mode.SHADOW, Action.ALLOW)
    assert (words.check, words.stages, words.action) == ("words", {Stage.INPUT}, Action.FLAG)
    assert policy.files == (str(child), str(tmp_path / "base.yaml"))


def test_one_key_is_enough_to_change_a_shipped_rule() -> None:
    """An inline policy inherits a shipped one; a way to write pseudonyms goes when no more are made."""
    policy = parse("inherit: default\nrules: [{id: pii, action: redact}]")
    default = builtin("default")
    changed = [
        rule.id for rule, old in zip(policy.rules, default.rules, strict=True) if rule.action != old.action
    ]

    assert changed == ["pii"]
    assert policy.name == "default"
    assert policy.revision != default.revision
    assert [Path(path).name for path in policy.files] == ["default.yaml"]


def test_a_changed_action_drops_the_style_that_only_pseudonyms_have(tmp_path: Path) -> None:
    """Else `action: redact` would not be enough."""
    child = write(tmp_path, child="inherit: base.yaml\nrules: [{id: swap, action: redact}]", base=BASE)

    assert load(child).rules[1].style == "token"


def test_the_revision_is_that_of_the_merged_meaning(tmp_path: Path) -> None:
    """A policy that changes nothing means what its parent means; one written out means the same as one inherited."""
    same = write(tmp_path, same="inherit: base.yaml\n", base=BASE)
    changed = write(tmp_path, changed="inherit: base.yaml\nrules: [{id: swap, remove: true}]", base=BASE)
    written = BASE[: BASE.index("  - id: swap")]

    assert load(same).revision == parse(BASE).revision
    assert load(changed).revision == parse(written).revision != parse(BASE).revision


def test_inherited_tests_run_unless_they_are_dropped(tmp_path: Path) -> None:
    """Each knows the file it stands in; one of a removed rule is no reason to refuse the policy."""
    own = "tests: [{text: x, expect: {action: allow}}]\n"
    kept = load(write(tmp_path, kept=f"inherit: base.yaml\n{own}", base=BASE))
    dropped = load(write(tmp_path, dropped=f"inherit: base.yaml\ninherit_tests: false\n{own}", base=BASE))

    assert [(Path(test.file).name, test.line) for test in kept.tests] == [("base.yaml", 12), ("kept.yaml", 2)]
    assert [Path(test.file).name for test in dropped.tests] == ["dropped.yaml"]


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    """Through folders, and on to a shipped policy."""
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "mid.yaml").write_text("inherit: ../top.yaml\n")
    top = write(tmp_path, top="inherit: strict\nname: top\n")
    leaf = write(tmp_path, leaf="inherit: team/mid.yaml\nname: leaf\n")

    assert load(leaf).rules == tuple(load(top).rules)
    assert [Path(path).name for path in load(leaf).files] == [
        "leaf.yaml",
        "mid.yaml",
        "top.yaml",
        "strict.yaml",
    ]


KEYS = {
    "check": st.sampled_from(["words"]),
    "with": st.sampled_from([{"deny": ["x"]}, {"deny": ["y"], "leet": False}]),
    "stages": st.sampled_from([["input"], ["tool_result", "retrieval"]]),
    "action": st.sampled_from(["flag", "redact", "block"]),
    "mode": st.sampled_from(["enforce", "shadow"]),
    "threshold": st.floats(0, 1),
    "hold": st.sampled_from(["auto", "full"]),
}
WHOLE = st.fixed_dictionaries({**KEYS, "id": st.sampled_from("abc")})
PART = st.fixed_dictionaries({"id": st.sampled_from("abc")}, optional=KEYS)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(WHOLE, min_size=1, unique_by=lambda rule: rule["id"]),
    st.lists(PART, min_size=1, unique_by=lambda rule: rule["id"]),
)
def test_merging_is_what_writing_it_out_by_hand_would_be(
    parent: list[dict[str, Any]], child: list[dict[str, Any]]
) -> None:
    """For every way to spread keys over two files; a new rule that is not whole is refused."""
    flat = {rule["id"]: rule for rule in parent}
    for rule in child:
        flat[rule["id"]] = {**flat.get(rule["id"], {}), **rule}
    with TemporaryDirectory() as folder:
        (Path(folder) / "p.yaml").write_text(yaml.safe_dump({"name": "p", "rules": parent}))
        heir = Path(folder) / "c.yaml"
        heir.write_text(yaml.safe_dump({"inherit": "p.yaml", "rules": child}))
        try:
            written = parse(yaml.safe_dump({"name": "p", "rules": list(flat.values())}))
        except PolicyError:
            with pytest.raises(PolicyError):
                load(heir)
        else:
            assert load(heir).revision == written.revision


RULES = "name: p\nrules: [{id: a, check: words, with: {deny: [x]}, stages: [input], action: flag}]\n"
BAD = [
    ({"a": "inherit: a.yaml\n"}, "a.yaml:1: the policy inherits itself: {}a.yaml -> {}a.yaml."),
    (
        {"a": "name: a\ninherit: b.yaml\n", "b": "inherit: a.yaml\n"},
        "b.yaml:1: the policy inherits itself: {}a.yaml -> {}b.yaml -> {}a.yaml. Take one `inherit` out."
        " This file is inherited by {}a.yaml:2.",
    ),
    ({"a": "inherit: b.yaml\n"}, "a.yaml:1: inherits {}b.yaml, which cannot be read: No such file"),
    ({"a": "inherit: sloppy\n"}, "a.yaml:1: there is no shipped policy 'sloppy'. Use one of: default, strict, agents, or the path"),
    ({"a": 'inherit: "a\\0b/c.yaml"\n'}, "a.yaml:1: 'a\\x00b/c.yaml' is no path."),
    ({"a": "inherit: sub/none\n"}, "a.yaml:1: inherits {}sub/none, which cannot be read: No such file"),
    ({"a": "inherit: 3\n"}, "a.yaml:1: inherit must be text, not a whole number"),
    ({"a": "inherit: b.yaml\n", "b": "name: b\n"}, "b.yaml:1: the policy has no 'rules'. Add `rules:` to it. This file is inherited by {}a.yaml:1."),
    (
        {"a": "inherit: b.yaml\n", "b": "\ninherit: c.yaml\n", "c": RULES + "capture: all\n"},
        "c.yaml:3: capture cannot be 'all'. Use one of: none, redacted, flagged, raw. This file is inherited by {}b.yaml:2,"
        " which is inherited by {}a.yaml:1.",
    ),
    ({"a": "inherit: b.yaml\n", "b": "name: [\n"}, "b.yaml:2: is not valid YAML"),
    ({"a": "inherit: default\nrules:\n  - {id: pii, theshold: 1}\n"}, "a.yaml:3: rules[0] has no key 'theshold'. Did you mean 'threshold'?"),
    ({"a": "inherit: default\nrules:\n  - {id: pii, threshold: 1.5}\n"}, "a.yaml:3: threshold is 1.5. Use a number from 0 to 1."),
    ({"a": "inherit: default\nrules:\n  - {id: pil, threshold: 1}\n"}, "a.yaml:3: rules[0] has no 'check'. Add `check:` to it. To change the inherited rule 'pii', use its id."),
    ({"a": "inherit: default\nrules:\n  - id: pii\n    stages: [output]\n"}, "a.yaml:4: rule 'pii' pseudonymizes at stage output"),
    ({"a": "inherit: default\nrules:\n  - {id: pil, remove: true}\n"}, "a.yaml:3: there is no rule 'pil' to remove. Rules inherited here: secrets, pii, pii-output."),
    ({"a": "inherit: default\nrules:\n  - {id: pii, remove: false}\n"}, "a.yaml:3: `remove` can only be true."),
    ({"a": "inherit: default\nrules:\n  - {id: pii, remove: true, mode: shadow}\n"}, "a.yaml:3: rule 'pii' is removed and changed at once."),
    ({"a": "inherit: b.yaml\nrules: [{id: a, remove: true}]\n", "b": RULES}, "a.yaml:2: no rule is left."),
    ({"a": RULES + "inherit_tests: false\n"}, "a.yaml:3: there is nothing to inherit."),
    ({"a": "inherit: default\ninherit_tests: maybe\n"}, "a.yaml:2: inherit_tests must be true or false, not text."),
    ({"a": "inherit: default\nrules: [{id: pii, mode: shadow}, {id: pii, mode: enforce}]\n"}, "a.yaml:2: rule id 'pii' is used twice (first in line 2)"),
    ({"a": "inherit: default\ntests:\n  - {text: x, expect: {findings: [{rule: pil}]}}\n"}, "a.yaml:3: there is no rule 'pil'. Rules here: secrets, pii, pii-output."),
]  # fmt: skip


@pytest.mark.parametrize(("files", "message"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_inherited_is_refused_with_file_line_and_chain(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    """The error stands where the offending key stands, and says through which files it came."""
    path = write(tmp_path, **files)

    with pytest.raises(PolicyError) as caught:
        load(path)

    assert str(caught.value).startswith(
        f"{tmp_path}/" + message.format(*[f"{tmp_path}/"] * message.count("{}"))
    )


ARMING = [
    ("{id: words, with: {deny: []}}", "child.yaml:3: rule 'words': its check cannot be built."),
    ("{id: swap, with: {entities: [EMAIL_ADRESS]}}", "child.yaml:3: rule 'swap': its check cannot be built."),
    ("{id: words, with: {patterns: [{name: X, regex: 'a(?=b)'}]}}", "child.yaml:3: rule 'words': its check"),
    ("{id: words, with: {patterns: [{name: X, regex: '(?:a+)+$'}]}, stages: [output], action: block}", "child.yaml:3: "),
    ("{id: words, check: topics}", "base.yaml:4: rule 'words': its check cannot be built."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), ARMING)
def test_a_merged_rule_that_cannot_be_enforced_is_blamed_where_the_key_stands(
    tmp_path: Path, rule: str, message: str
) -> None:
    """`with` of the child is the child's fault, also when all else is inherited."""
    policy = load(write(tmp_path, child=f"inherit: base.yaml\nrules:\n  - {rule}\n", base=BASE))

    with pytest.raises(PolicyError) as caught:
        arm(policy)

    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_inheritance_has_a_depth(tmp_path: Path) -> None:
    """Eight over one another, not nine."""
    (tmp_path / "p0.yaml").write_text(RULES)
    for number in range(1, MAX_DEPTH + 2):
        (tmp_path / f"p{number}.yaml").write_text(f"inherit: p{number - 1}.yaml\n")

    assert len(load(tmp_path / f"p{MAX_DEPTH}.yaml").files) == MAX_DEPTH + 1
    with pytest.raises(PolicyError, match=r"more than 8 policies are inherited: .*p9.yaml -> .*p0.yaml"):
        load(tmp_path / f"p{MAX_DEPTH + 1}.yaml")


def test_a_policy_without_a_file_inherits_shipped_ones_only() -> None:
    """There is nothing that a path could be relative to."""
    with pytest.raises(
        PolicyError, match=r"^policy:1: a policy that is not in a file of its own can inherit"
    ):
        parse("inherit: base.yaml\n")
