"""Prompt files, and how a run refers to them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from evals.errors import SuiteError
from evals.prompts import read_prompt, read_template
from evals.run import PromptRef
from proxy.prompt_file import read_version


def test_a_prompt_is_named_by_folder_and_file(tmp_path: Path) -> None:
    """And identified by the hash of what is sent."""
    path = tmp_path / "support" / "v2.txt"
    path.parent.mkdir()
    path.write_text("Be brief.\n")

    assert read_prompt(path) == (
        "Be brief.",
        PromptRef("support", "v2", hashlib.sha256(b"Be brief.").hexdigest()),
    )
    assert read_prompt(None)[0] == ""
    with pytest.raises(SuiteError, match="cannot be read"):
        read_prompt(tmp_path / "none.txt")


def test_a_template_is_named_by_its_path_and_hashed_as_the_proxy_does(tmp_path: Path) -> None:
    """So that a run can tell whether the proxy rendered that file."""
    path = tmp_path / "support-answer" / "2.1.yaml"
    path.parent.mkdir()
    path.write_text("# comment\nprompt: 'Ä {{ b }}'\n")

    ref = read_template(path)

    assert (ref.name, ref.version) == ("support-answer", "2.1")
    assert ref.sha256 == read_version(path).use.hash
    for broken in ("a: [", "a: 2026-01-01"):
        path.write_text(broken)
        with pytest.raises(SuiteError, match="guardhouse prompts check"):
            read_template(path)
    with pytest.raises(SuiteError, match="cannot be read"):
        read_template(tmp_path / "none.yaml")
