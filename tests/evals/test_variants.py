"""What a spec on the command line means, and the lists that a bisection walks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import SuiteError
from evals.run import PromptRef
from evals.suite import Suite, load
from evals.variants import Variant, baseline, natural, read, read_list, spec_of, versions

SUITE = """
scorers: [exact]
variants:
  small: {model: tiny-1}
  cold: {temperature: 0, model: m}
  short: {prompt: prompts/support@v1}
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite with prompts, policies and indices beside it, and some under `datasets` of the working directory."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "evals"
    for name in ("v1.txt", "v2.txt", "v10.txt", "README.md"):
        write(home / "prompts" / "support" / name)
    write(home / "policies" / "v1.yaml")
    write(home / "policies" / "v2.yaml")
    for name in ("a", "b"):
        write(home / "indices" / name / "manifest.json")
    write(tmp_path / "datasets" / "prompts" / "faq" / "2.1.yaml")
    write(home / "suite.yaml", SUITE)
    return load(home / "suite.yaml")


def write(path: Path, text: str = "x") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_prompt_is_named_by_folder_and_version(suite: Suite) -> None:
    """Beside the suite, in the working directory, or under its `datasets`; versions may have dots."""
    here = read("prompts/support@v2", suite)
    there = read("prompts/faq@2.1", suite)

    assert (here.name, here.kind) == ("support@v2", "prompt")
    assert here.changes == {"prompt": suite.home / "prompts" / "support" / "v2.txt"}
    assert there.changes["prompt"] == Path("datasets/prompts/faq/2.1.yaml")
    assert read("prompts/support/v1.txt", suite).name == "support@v1"


def test_a_baseline_is_a_version_beside_its_candidate(suite: Suite) -> None:
    """Of whatever kind the candidate is; a file ending in .json is a stored run."""
    policy = read("policy:policies@v2", suite)
    index = read("index:indices/b", suite)

    assert baseline("v1", suite, read("prompts/support@v2", suite)) == read("prompts/support@v1", suite)
    assert baseline("v1", suite, policy) == Variant(
        "policies@v1", {"policy": suite.home / "policies/v1.yaml"}
    )
    assert baseline("strict", suite, policy) == Variant("strict", {"policy": "strict"})
    assert baseline("a", suite, index).changes["index"] == suite.home / "indices" / "a"  # type: ignore[union-attr]
    assert baseline("gpt-4o:mini", suite, read("model:big", suite)) == Variant(
        "gpt-4o:mini", {"model": "gpt-4o:mini"}
    )
    assert baseline("small", suite, None) == Variant("small", {"model": "tiny-1"})
    assert baseline("runs/v1/run.json", suite, read("model:big", suite)) is None
    assert baseline("anything", suite, None) is None


def test_a_variant_of_the_suite_comes_before_everything_else(suite: Suite) -> None:
    """Its paths are found as those of a spec are."""
    assert read("short", suite).changes == read("prompts/support@v1", suite).changes
    assert read("cold", suite).kind == ""


@pytest.mark.parametrize(
    ("spec", "like", "says"),
    [
        ("prompts/support@v9", "", r"no version 'v9': choose from v1, v2, v10$"),
        ("v9", "prompts/support@v1", r"no version 'v9': choose from v1, v2, v10$"),
        ("prompts/none@v1", "", r"no folder 'prompts/none': it is looked for in "),
        ("nothing", "", r"no prompt 'nothing': .*or a variant of the suite: small, cold, short"),
        ("index:nowhere", "", r"there is no index 'nowhere'"),
        ("policy:lax", "", r"there is no policy 'lax'"),
        ("policy:house/lax.yaml", "", r"path of one, or default, strict, agents"),
        ("v9", "policy:policies@v1", r"policy 'policies' has no version 'v9': choose from v1, v2"),
        ("model:", "", r"names no model"),
        ("m2", "cold", r"changes several things: write KIND:VALUE"),
        ("@v1", "", r"names no folder"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(suite: Suite, spec: str, like: str, says: str) -> None:
    """One sentence with the choice."""
    with pytest.raises(SuiteError, match=says):
        read(spec, suite, read(like, suite) if like else None)


def test_two_files_of_one_version_are_told(suite: Suite) -> None:
    """Nobody guesses which is meant."""
    write(suite.home / "prompts" / "support" / "v1.yaml")

    with pytest.raises(SuiteError, match=r"has v1\.txt and v1\.yaml: name the file"):
        read("prompts/support@v1", suite)


def names(text: str, suite: Suite) -> list[str]:
    """The names in a list."""
    return [variant.name for variant in read_list(text, suite)]


def test_a_list_is_a_range_or_names_or_a_file(suite: Suite) -> None:
    """v2 comes before v10; a later name may leave out its folder."""
    listed = write(suite.home / "versions.txt", "# oldest first\nprompts/support@v1\n\nv10\n")

    assert names("prompts/support@v1..v10", suite) == ["support@v1", "support@v2", "support@v10"]
    assert names("prompts/support@v1,v10", suite) == ["support@v1", "support@v10"]
    assert names(str(listed), suite) == ["support@v1", "support@v10"]
    assert names("model:a,b,vendor/c:free", suite) == ["a", "b", "vendor/c:free"]
    assert names("policy:policies@v1..v2", suite) == ["policies@v1", "policies@v2"]
    assert names("index:indices@a..b", suite) == ["indices@a", "indices@b"]
    assert names("small,cold", suite) == ["small", "cold"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompts/support@v1", "names 1 version"),
        ("prompts/support@v1..v9", "no version 'v9': choose from v1, v2, v10"),
        ("prompts/support@v2..v1", "v2 comes after v1"),
        ("prompts/none@v1..v2", "no version 'v1': the folder holds no prompt"),
        ("prompts/support@v1,v2,v1", "'support@v1' is named twice"),
        ("model:a@1..2", "models have no order"),
    ],
)
def test_a_list_that_cannot_be_walked_is_refused(suite: Suite, text: str, says: str) -> None:
    """Before anything is asked."""
    with pytest.raises(SuiteError, match=says):
        read_list(text, suite)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbers_in_names_are_ordered_as_numbers(numbers: list[int]) -> None:
    """Whatever stands around them."""
    assert sorted((f"v{number}-x" for number in numbers), key=natural) == [f"v{n}-x" for n in sorted(numbers)]


def test_the_versions_of_a_folder_are_its_files_of_that_kind(suite: Suite) -> None:
    """Each once, in natural order; a folder that is not there has none."""
    assert versions(suite.home / "prompts" / "support") == ["v1", "v2", "v10"]
    assert versions(suite.home / "indices", "index") == ["a", "b"]
    assert versions(suite.home / "none") == []


def test_the_prompt_of_a_run_is_found_again_while_its_text_is_the_same(suite: Suite) -> None:
    """Else it could not be asked again as it was."""
    same = hashlib.sha256(b"x").hexdigest()

    assert spec_of(PromptRef("support", "v2", same), suite) == "prompts/support@v2"
    assert spec_of(PromptRef("support", "v2", "0" * 64), suite) == ""
    assert spec_of(PromptRef("none", "", same), suite) == ""


DOCUMENTED = """
golden: .
gating: [{metric: contains, margin: 0.05}]
target: {base_url: "http://127.0.0.1:4000/v1", model: gpt-4o-mini, price: {input: 0.15, output: 0.60}}
variants:
  cheap: {model: gpt-4o-nano}
  terse: {prompt: prompts/support@v3, temperature: 0}
"""


def test_the_documented_suite_is_compared_as_documented(tmp_path: Path) -> None:
    """A variant of several things beside a prompt's version, and one of a model beside a model."""
    text = (Path(__file__).resolve().parents[2] / "docs/reference/golden-format.md").read_text("utf-8")
    assert DOCUMENTED.strip() in text
    for version in ("v2", "v3"):
        write(tmp_path / "prompts" / "support" / f"{version}.txt")
    suite = load(write(tmp_path / "suite.yaml", DOCUMENTED))

    for candidate, other, changes in (
        ("terse", "prompts/support@v2", {"prompt": tmp_path / "prompts/support/v2.txt"}),
        ("cheap", "model:gpt-4o-mini", {"model": "gpt-4o-mini"}),
    ):
        assert f"--candidate {candidate} --baseline {other}" in text
        found = baseline(other, suite, read(candidate, suite))
        assert found is not None
        assert found.changes == changes


def test_an_empty_folder_hides_no_full_one(suite: Suite) -> None:
    """A folder beside the suite without a version, and the working directory's."""
    (suite.home / "prompts" / "faq").mkdir()
    write(suite.home / "prompts" / "faq" / "README.md")

    assert read("prompts/faq@2.1", suite).changes["prompt"] == Path("datasets/prompts/faq/2.1.yaml")
    write(Path("prompts") / "faq" / "3.txt")
    assert read("prompts/faq@3", suite).changes["prompt"] == Path("prompts/faq/3.txt")
