"""The clocks of retention in the configuration."""

from __future__ import annotations

import pytest

from proxy.config_retention import DEFAULT, Clocks, retention
from proxy.errors import ConfigError
from proxy.yaml_source import YamlSource


def _read(own: str) -> Clocks:
    source = YamlSource(f"guardhouse:\n  retention: {own}\n", "g.yaml")
    return retention(source, source.data["guardhouse"]["retention"])


def test_clocks_are_read_as_they_are_written() -> None:
    """Days, weeks, months and years; what is left out never contradicts what is given."""
    assert _read("{metadata: 90d, content: 2w, raw: 1, runs: 1y, rollups: 6m, audit: 2y}") == Clocks(
        90, 14, 1, 365, 180, 730
    )
    assert _read("") == DEFAULT
    assert _read("{metadata: 14d}") == Clocks(14, 14, 7)
    assert _read("{content: 200d}") == Clocks(200, 200, 7)
    assert _read("{metadata: 3y}") == Clocks(1095, 30, 7, 730, 1095, 1095)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("{content: 100d, metadata: 90d}", "g.yaml:2.*content \\(100 days\\) is kept longer than metadata"),
        ("{raw: 40d, content: 30d}", "raw .40 days. is kept longer than content"),
        ("{metadata: 90d, audit: 30d}", "metadata .90 days. is kept longer than audit"),
        ("{metadata: 0}", "retention.metadata takes 1 to 36500 days"),
        ("{metadata: yes}", "retention.metadata takes 1 to 36500 days"),
        ("{metadata: forever}", "retention.metadata takes 1 to 36500 days"),
        ("{texts: 3d}", "unknown key guardhouse.retention.texts"),
        ("30d", "must be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_told(own: str, told: str) -> None:
    """With its line."""
    with pytest.raises(ConfigError, match=told):
        _read(own)
