"""A YAML file whose every value can be traced back to its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from proxy.errors import ConfigError

KeyPath = tuple[str | int, ...]


class YamlSource:
    """A parsed YAML mapping that knows the line of each key and item.

    Raises ConfigError with file and line for what is not YAML, not a mapping, or holds a key twice.
    """

    def __init__(self, text: str, file: str, begins: str = "model_list:") -> None:
        self.text, self.file = text, file
        self._lines: dict[KeyPath, int] = {}
        self._nodes: dict[KeyPath, yaml.Node] = {}
        self._walked: set[int] = set()
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            data = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise self.error(
                f"this is not YAML: {error.problem or 'it cannot be read'}.",
                fix="Check indentation, colons and quotes around this line.",
                line=None if mark is None else mark.line + 1,
            ) from None
        except (yaml.YAMLError, ValueError, RecursionError):
            raise self.error("this is not YAML.", fix="Save it as plain UTF-8 text.") from None
        if not isinstance(data, dict):
            raise self.error("the file holds no settings.", fix=f"Start it with `{begins}`.", line=1)
        self.data: dict[str, Any] = data
        if root is not None:
            self._walk(root, ())

    @classmethod
    def read(cls, path: Path, begins: str = "model_list:") -> YamlSource:
        """The file at path, which begins with a key. Raises ConfigError when it cannot be read."""
        try:
            return cls(path.read_text(encoding="utf-8"), str(path), begins)
        except FileNotFoundError:
            raise ConfigError(
                "there is no such file.",
                fix="Write one with `guardhouse init`, or name yours with --config or GUARDHOUSE_CONFIG.",
                file=str(path),
            ) from None
        except UnicodeDecodeError:
            raise ConfigError(
                "the file is not UTF-8 text.", fix="Save it as UTF-8.", file=str(path)
            ) from None
        except OSError as error:
            raise ConfigError(
                f"the file cannot be read ({error.strerror}).", fix="Check its permissions.", file=str(path)
            ) from None

    def line(self, path: Sequence[str | int]) -> int | None:
        """The 1-based line of the value at path, or of the nearest thing around it."""
        at = tuple(path)
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at)

    def error(self, what: str, *, fix: str = "", line: int | None = None) -> ConfigError:
        """A ConfigError in this file."""
        return ConfigError(what, fix=fix, file=self.file, line=line)

    def error_at(self, path: Sequence[str | int], what: str, *, fix: str = "") -> ConfigError:
        """A ConfigError at the line of the value at path."""
        return self.error(what, fix=fix, line=self.line(path))

    def excerpt(self, path: Sequence[str | int]) -> str:
        """The YAML text of the value at path, moved to its own line and column so that lines stay right."""
        node = self._nodes[tuple(path)]
        start, end = node.start_mark, node.end_mark
        return "\n" * start.line + " " * start.column + self.text[start.index : end.index]

    def _walk(self, node: yaml.Node, path: KeyPath) -> None:
        """Note the line of everything below node; an alias is walked once, where it was first used."""
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._nodes.setdefault(path, node)
        if id(node) in self._walked:
            return
        self._walked.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in seen and name != "<<":
                    raise self.error(
                        f"the key {name!r} stands here twice.", fix="Remove one of them.", line=line
                    )
                seen.add(name)
                self._lines[(*path, name)] = line
                self._walk(value, (*path, name))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, index))
