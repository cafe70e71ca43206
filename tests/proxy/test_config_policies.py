"""For whom a policy is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import Config, load_config
from proxy.config_policies import DEFAULT, Scope
from proxy.errors import ConfigError
from proxy.settings import Settings

MODELS = "model_list:\n  - {model_name: m, litellm_params: {model: fake/assistant}}\n"


def _config(folder: Path, own: str) -> Config:
    file = folder / "guardhouse.yaml"
    file.write_text(MODELS + "guardhouse:\n" + own)
    return load_config(file, Settings(config=file))


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(DEFAULT, keys=("support-*",)), [True, True, False, False]),
        (Scope(DEFAULT, keys=("id2",)), [False, False, True, False]),
        (Scope(DEFAULT, models=("gpt-4*",)), [True, False, True, False]),
        (Scope(DEFAULT, keys=("support-*",), models=("gpt-4*",)), [True, False, False, False]),
        (Scope(DEFAULT, routes=("/v1/emb*",)), [False, True, False, False]),
        (Scope(DEFAULT, models=("GPT-4O",)), [False, False, False, False]),
    ],
    ids=["name of a key", "id of a key", "model", "both", "route", "case counts"],
)
def test_a_scope_covers_what_all_its_conditions_hold_for(scope: Scope, covered: list[bool]) -> None:
    """A condition that is left out holds for everything."""
    asked = [
        (("id1", "support-a"), "gpt-4o", "/v1/chat/completions"),
        (("id1", "support-a"), "small", "/v1/embeddings"),
        (("id2", "billing"), "gpt-4o", "/v1/chat/completions"),
        (("id3",), "small", "/v1/chat/completions"),
    ]
    assert [scope.covers(*one) for one in asked] == covered


def test_scopes_are_read_with_policies_of_every_kind(tmp_path: Path) -> None:
    """A shipped one, a file beside the configuration, and one written in place, whose lines stay right."""
    (tmp_path / "own.yaml").write_text("name: own\nrules: []\n")
    config = _config(
        tmp_path,
        "  scopes:\n"
        "    - {policy: strict, keys: [a]}\n"
        "    - {policy: ./own.yaml, models: [m]}\n"
        "    - policy: {name: here, rules: [{id: w, check: words, with: {deny: [x]}, stages: [input], action: flag}]}\n"
        "      routes: [/v1/chat/completions]\n",
    )
    assert [scope.policy.kind for scope in config.scopes] == ["builtin", "file", "inline"]
    assert config.scopes[2].policy.value.count("\n") == 6


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("  scopes: [{policy: strict}]\n", [":4:", "meant for everybody"]),
        ("  scopes: [{policy: gone.yaml, keys: [a]}]\n", [":4:", "no policy file"]),
        ("  scopes: [{policy: strict, key: [a]}]\n", [":4:", "unknown key", "key"]),
        ("  scopes: [{keys: [a]}]\n", [":4:", "policy is missing"]),
        ("  scopes: {a: 1}\n", [":4:", "scopes"]),
    ],
    ids=["everybody", "no file", "typo", "no policy", "no list"],
)
def test_a_scope_that_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, own: str, words: list[str]
) -> None:
    """One line: where, what, and what to do."""
    with pytest.raises(ConfigError) as caught:
        _config(tmp_path, own)
    assert all(word in str(caught.value) for word in words), str(caught.value)
