"""The fixed folder names are also names of other distributions: ours must win, `datasets` must stay invisible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT


@pytest.mark.parametrize("package", [*PACKAGES, "guardhouse"])
def test_our_names_resolve_inside_the_repository(package: str, tmp_path: Path) -> None:
    """From any folder, the installed name is this repository's."""
    code = f"import importlib.util as u; print(u.find_spec({package!r}).origin)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert Path(done.stdout.strip()).is_relative_to(ROOT)


def test_the_datasets_folder_is_not_importable(tmp_path: Path) -> None:
    """An importable `datasets` would mask Hugging Face's library."""
    code = "import importlib.util as u; s = u.find_spec('datasets'); print(s and list(s.submodule_search_locations or []))"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert str(ROOT) not in done.stdout
    assert not list((ROOT / "datasets").rglob("__init__.py"))


def test_every_test_folder_is_a_package() -> None:
    """Without `__init__.py` a mirrored test folder shadows the package it tests."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}

    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_package_is_listed_for_setuptools() -> None:
    """Packages are listed by name, so a new one must be added to the list."""
    listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = [
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for name in PACKAGES
        for path in (ROOT / name).rglob("__init__.py")
    ]

    assert [name for name in found if f'"{name}"' not in listed] == []
