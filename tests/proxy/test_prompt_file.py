"""A version's file: what it says, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import ConfigError
from proxy.prompt_file import NOT_DEFAULTS, read_version, rendered
from proxy.prompt_template import Unrenderable
from proxy.prompt_variables import Variable
from tests.proxy.templates import GREETING, saying, version


def test_a_file_says_all_of_a_version(tmp_path: Path) -> None:
    """Name and version are its path; its messages are rendered in order."""
    made = version(tmp_path, {**GREETING, "model": "gpt", "defaults": {"temperature": 0}})

    assert (made.use.name, made.use.version, made.model) == ("one", "1", "gpt")
    assert (made.description, made.defaults) == ("Greets.", {"temperature": 0})
    assert made.variables["style"] == Variable(False, "briefly", "string", 20)
    assert made.variables["name"] == Variable(True, None, "string")
    result = rendered(made, {"style": "warmly", "name": "Ada", "items": [1]}, 100)
    assert result.messages == (
        {"role": "system", "content": "You greet warmly."},
        {"role": "user", "content": "I am Ada. 1"},
    )
    with pytest.raises(Unrenderable):
        rendered(made, {"style": "warmly", "name": "Ada", "items": [1]}, 20)


def test_what_renders_to_nothing_is_left_out(tmp_path: Path) -> None:
    """Messages and parts alike."""
    parts = [{"type": "text", "text": "{{ a }}"}, {"type": "text", "text": "{{ b }}"}]
    messages = [{"role": "user", "content": " {{ a }}\n"}, {"role": "user", "content": parts}]
    made = version(tmp_path, {"messages": messages})

    assert made.variables == {"a": Variable(), "b": Variable()}
    assert rendered(made, {"a": "", "b": "x"}, 100).messages == (
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
    )
    assert rendered(made, {"a": "", "b": ""}, 100).messages == ()


def test_the_hash_is_of_what_is_said(tmp_path: Path) -> None:
    """Comments, order and quotes do not count; a word does."""
    texts = [
        "messages:\n- role: user\n  content: Hi {{ x }}\n",
        "# a comment\nmessages: [{content: 'Hi {{ x }}', role: user}]\n",
        "messages:\n- role: user\n  content: Ho {{ x }}\n",
    ]
    hashes = []
    for text in texts:
        file = tmp_path / "p" / "1.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        hashes.append(read_version(file).use.hash)

    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 64


BROKEN = [
    ("messages: [\n", 2, "not YAML"),
    ("- a\n", 1, "messages:"),
    ("description: x\n", 1, "neither messages"),
    ("messages: []\n", 1, "neither messages"),
    ("prompt: a\nmessages: [{role: user, content: b}]\n", 1, "either messages"),
    ("messages:\n- role: user\n  content: |\n    one\n    {{ two }\n", 5, "messages.0.content"),
    ("messages:\n- role: user\n  content: '{{ a() }}'\n", 3, "a call"),
    ("messages:\n- role: user\n  content:\n  - {type: text, text: a}\n  - {type: text, text: '{% set b = 1 %}'}\n", 5, "set"),
    ("messages:\n- role: tool\n  content: a\n", 2, "role"),
    ("messages:\n- role: user\n", 2, "content is missing"),
    ("messages:\n- role: user\n  content: 5\n", 3, "content"),
    ("messages:\n- role: user\n  content: [{type: image, text: a}]\n", 3, "type"),
    ("messages:\n- {role: user, content: a}\n- {role: system, content: b}\n", 3, "behind"),
    ("messages:\n- {role: user, content: '{{ a }}'}\nvariables: {b: {}}\n", 2, "'a' is not declared"),
    ("messages: [{role: user, content: a}]\nvariables:\n  b: {default: 1, required: true}\n", 3, "required and has"),
    ("messages: [{role: user, content: a}]\nvariables:\n  b: {default: 1, type: string}\n", 3, "default of b"),
    ("messages: [{role: user, content: a}]\nvariables:\n  B: {}\n", 3, "variables"),
    ("messages: [{role: user, content: a}]\nvariables:\n  b: {typ: string}\n", 3, "unknown key variables.b.typ"),
    ("messages: [{role: user, content: a}]\ncolour: red\n", 2, "unknown key colour"),
    ("messages: [{role: user, content: a}]\nvariables: {b: {default: 2026-01-01}}\n", None, "quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words"), BROKEN)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    """When it is read, never when a request comes."""
    file = tmp_path / "p" / "1.yaml"
    file.parent.mkdir()
    file.write_text(text)

    with pytest.raises(ConfigError) as error:
        read_version(file)

    assert words in str(error.value)
    assert (error.value.file, error.value.line) == (str(file), line)


@pytest.mark.parametrize("name", sorted(NOT_DEFAULTS))
def test_defaults_never_say_what_a_prompt_says_otherwise(tmp_path: Path, name: str) -> None:
    """Nor what would change whose conversation it is."""
    with pytest.raises(ConfigError, match=name):
        version(tmp_path, saying("Hi", defaults={name: "x"}))


@pytest.mark.parametrize("path", ["P/1.yaml", "p/V1.yaml", "-p/1.yaml", "p q/1.yaml", f"{'p' * 65}/1.yaml"])
def test_names_can_stand_in_headers_and_labels(tmp_path: Path, path: str) -> None:
    """Small letters, digits and three signs."""
    file = tmp_path / path
    file.parent.mkdir()
    file.write_text("prompt: a\n")

    with pytest.raises(ConfigError, match="no usable name"):
        read_version(file)
