"""YAML with line numbers."""

from pathlib import Path

import pytest

from proxy.errors import ConfigError
from proxy.yaml_source import YamlSource

TEXT = """a:
  b: 1
  c:
    - x
    - {d: 2,
       e: 3}
base: &base
  k: v
copy: *base
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 1),
        (("a", "b"), 2),
        (("a", "c", 0), 4),
        (("a", "c", 1), 5),
        (("a", "c", 1, "e"), 6),
        (("copy", "k"), 9),
    ],
)
def test_knows_the_line_of_every_value(path: tuple[str | int, ...], line: int) -> None:
    """Of the value itself, or of the nearest thing around it."""
    source = YamlSource(TEXT, "f.yaml")
    assert source.line(path) == line
    assert str(source.error_at(path, "bad.")) == f"f.yaml:{line}: bad."


def test_an_excerpt_keeps_its_lines() -> None:
    """A part parsed alone reports the lines of the whole file."""
    part = YamlSource(YamlSource(TEXT, "f.yaml").excerpt(("a",)), "f.yaml")
    assert part.data == {"b": 1, "c": ["x", {"d": 2, "e": 3}]}
    assert part.line(("b",)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2\n", r"^f\.yaml:2: this is not YAML"),
        ("a: 1\n  b: 2\n", r"^f\.yaml:2: this is not YAML"),
        ("a: 1\na: 2\n", r"^f\.yaml:2: the key 'a' stands here twice"),
        ("", r"^f\.yaml:1: the file holds no settings"),
        ("- 1\n", r"^f\.yaml:1: the file holds no settings"),
        ("a: \x00\n", r"^f\.yaml: this is not YAML"),
        ("a: 2024-99-99\n", r"^f\.yaml: this is not YAML"),
        ("a: !!python/object:os.system x\n", r"^f\.yaml:1: this is not YAML"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_line(text: str, message: str) -> None:
    """Broken YAML, doubled keys, other documents."""
    with pytest.raises(ConfigError, match=message):
        YamlSource(text, "f.yaml")


def test_a_knot_of_aliases_is_walked_once() -> None:
    """Ten levels of ten aliases are ten thousand million values, but few lines."""
    text = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    assert YamlSource(text, "f.yaml").line(("a9",)) == 10


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    """The path, and what to do."""
    with pytest.raises(ConfigError, match=r"no such file.*guardhouse init"):
        YamlSource.read(tmp_path / "none.yaml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Never guessed at."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        YamlSource.read(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Told, not crashed upon."""
    with pytest.raises(ConfigError, match="cannot be read"):
        YamlSource.read(tmp_path)
