"""`guardhouse.prompts`: the folder, and weights that mean something."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import load_config
from proxy.config_prompts import PromptSource, Share
from proxy.errors import ConfigError
from proxy.settings import Settings


def loaded(tmp_path: Path, prompts: str) -> PromptSource:
    """The configuration with some lines about prompts."""
    (tmp_path / "prompts").mkdir(exist_ok=True)
    file = tmp_path / "guardhouse.yaml"
    file.write_text(
        "model_list:\n- {model_name: m, litellm_params: {model: fake/assistant}}\nguardhouse:\n" + prompts
    )
    return load_config(file, Settings(config=file)).prompts


def test_the_folder_starts_at_the_file(tmp_path: Path) -> None:
    """A version may be written as a number; each weight knows its line."""
    lines = '  prompts:\n    dir: prompts\n    rollout:\n      p: {2: 90, "2.10": 10}\n'

    assert loaded(tmp_path, lines) == PromptSource(
        tmp_path / "prompts",
        {"p": {"2": Share(90, 7), "2.10": Share(10, 7)}},
        str(tmp_path / "guardhouse.yaml"),
    )
    assert loaded(tmp_path, "  data_dir: data\n") == PromptSource()


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ("  prompts: {dir: nowhere}\n", 4, "no folder"),
        ("  prompts: {}\n", 4, "dir is missing"),
        ("  prompts: {dir: prompts, role: x}\n", 4, "unknown key guardhouse.prompts.role"),
        ("  prompts:\n    dir: prompts\n    rollout: {p: {2.1: 5}}\n", 6, "quotes"),
        ("  prompts:\n    dir: prompts\n    rollout: {p: {'1': 0}}\n", 6, "weight"),
        ("  prompts:\n    dir: prompts\n    rollout: {p: {}}\n", 6, "weight"),
        ("  prompts:\n    dir: prompts\n    rollout: {p: {'1': -1}}\n", 6, "greater than"),
        ("  prompts:\n    dir: prompts\n    rollout: {p: {'1': .inf}}\n", 6, "finite"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, lines: str, line: int, words: str) -> None:
    """With its line."""
    with pytest.raises(ConfigError, match=words) as error:
        loaded(tmp_path, lines)

    assert error.value.line == line
