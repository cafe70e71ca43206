"""The version is told as it is installed."""

from __future__ import annotations

from importlib import metadata

import pytest

from proxy.version import version


def test_the_version_is_the_installed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its sources alone, it is `0`."""
    monkeypatch.setattr(metadata, "version", lambda name: f"{name} 1.2")
    assert version() == "guardhouse 1.2"

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert version() == "0"
