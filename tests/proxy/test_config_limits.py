"""Limits in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.auth import ADMIN, ANYONE
from proxy.config import Config, parse_config
from proxy.config_limits import scopes_of
from proxy.errors import ConfigError, Forbidden
from proxy.exchange import Principal
from proxy.limits import Limits, parse_limits
from proxy.settings import Settings
from proxy.yaml_source import YamlSource

MODELS = "model_list:\n- {model_name: m, litellm_params: {model: fake/echo}}\nguardhouse:\n"


def config(own: str) -> Config:
    return parse_config(YamlSource(MODELS + own, "g.yaml"), Settings())


def test_reads_teams_and_default_limits() -> None:
    """Teams and the limits of keys without their own are read as they are written."""
    read = config(
        "  teams:\n    search: {rpm: 600, tpm: 100000, max_parallel_requests: 32, budgets: {day: 50}}\n"
        "    free:\n  default_limits: {rpm: 60}\n"
    )

    search = parse_limits({"rpm": 600, "tpm": 100_000, "max_parallel_requests": 32, "budgets": {"day": 50}})
    assert dict(read.teams) == {"search": search, "free": Limits()}
    assert read.default_limits == Limits(rpm=60)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("  teams:\n    search:\n      rpm: 0\n", "g.yaml:6: guardhouse.teams.search.rpm: rpm takes a whole"),
        ("  teams:\n    search: {rps: 1}\n", "g.yaml:5: guardhouse.teams.search.rps: 'rps' is no limit"),
        ("  teams:\n    search: 5\n", "g.yaml:5: guardhouse.teams.search must be a mapping"),
        ("  teams:\n    a/b: {rpm: 1}\n", "g.yaml:5: 'a/b' is no name for a team"),
        ("  teams: [a]\n", "g.yaml:4: guardhouse.teams"),
        ("  teams: {s: {budgets: {hour: 1}}}\n", "a budget is for a day, week, month, total, not for 'hour'"),
        ("  default_limits: 5\n", "g.yaml:4: guardhouse.default_limits must be a mapping"),
        ("  default_limits: {tpm: -1}\n", "g.yaml:4: guardhouse.default_limits.tpm: tpm takes"),
    ],
)
def test_refuses_what_cannot_be_meant(own: str, told: str) -> None:
    """What cannot be meant is refused with its line and what it takes."""
    with pytest.raises(ConfigError) as error:
        config(own)

    assert told in str(error.value)


@pytest.mark.parametrize(
    ("who", "scopes"),
    [
        (Principal("k"), [("key:k", Limits(rpm=60))]),
        (Principal("k", limits=Limits(tpm=5)), [("key:k", Limits(tpm=5))]),
        (
            Principal("k", "shop", team="search"),
            [("key:k", Limits(rpm=60)), ("team:shop/search", Limits(rpm=600))],
        ),
        (Principal("k", team="free", limits=Limits(rpm=1)), [("key:k", Limits(rpm=1))]),
        (ADMIN, []),
        (ANYONE, []),
    ],
)
def test_names_every_bound_on_a_caller(who: Principal, scopes: list[tuple[str, Limits]]) -> None:
    """A key's own limits, else the default ones, and its team's; what bounds nothing is left out."""
    read = config("  teams: {search: {rpm: 600}, free: }\n  default_limits: {rpm: 60}\n")

    assert list(scopes_of(read, who)) == scopes


def test_a_team_that_is_not_configured_any_more_is_refused_by_name() -> None:
    """A key of a team that was removed may do nothing, and is told which team."""
    with pytest.raises(Forbidden, match="'gone'"):
        scopes_of(Config(Path("g.yaml"), ()), Principal("k", team="gone"))
