"""What a key may do: as it is given, stored and told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Config
from proxy.config_deployments import Deployment
from proxy.key_terms import FREE, Terms, check_terms, expired, expiry, merged, parse_terms, stored_terms
from proxy.limits import Limits, parse_limits

EVERYTHING: dict[str, Any] = {
    "team": "search",
    "models": ["small"],
    "policy": "strict",
    "tags": {"env": "prod"},
    "limits": {"rpm": 5, "budgets": {"day": 2.5}},
    "expires": "2999-12-31",
    "role": "reviewer",
}


def test_what_is_given_is_what_is_told_and_stored() -> None:
    """A document becomes terms, a row and a document again without loss."""
    terms = parse_terms(EVERYTHING)

    assert terms.document() == {**EVERYTHING, "expires": "3000-01-01T00:00:00Z"}
    assert stored_terms(terms.row()) == terms
    assert stored_terms({}) == FREE == stored_terms(FREE.row())


def test_a_patch_changes_what_it_names() -> None:
    """Null takes away, limits and tags are merged, the rest stays; also the microseconds of the end."""
    was = Terms(team="a", limits=Limits(rpm=5, tpm=6), tags=(("x", "1"),), expires_us=2_000_000_000_123_456)

    now = parse_terms({"limits": {"rpm": None, "max_parallel_requests": 2}, "tags": {"y": "2"}}, was)

    assert now == Terms(
        "a", None, None, (("x", "1"), ("y", "2")), Limits(tpm=6, max_parallel_requests=2), was.expires_us
    )
    assert parse_terms({"team": None, "limits": None, "tags": None, "expires": None}, was) == FREE


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_a_merge_patch_once(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """As RFC 7396 has it: what was merged stays as it is when the same patch comes again."""
    once = merged(document, patch)

    assert merged(once, patch) == once
    assert {name for name, value in patch.items() if value is None}.isdisjoint(once)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"teams": "a"}, "'teams' is unknown. Known: team, models"),
        ({"team": ""}, "team takes a name"),
        ({"team": 5}, "team takes a name"),
        ({"policy": "a\nb"}, "policy takes a name"),
        ({"models": []}, "models takes a list of 1"),
        ({"models": "small"}, "models takes a list"),
        ({"models": [1]}, "models takes a list"),
        ({"tags": ["a"]}, "tags takes"),
        ({"tags": {"a": 1}}, "tags takes"),
        ({"tags": {"a": "x" * 129}}, "tags takes"),
        ({"limits": 5}, "limits takes an object"),
        ({"limits": {"rpm": 0}}, "rpm takes a whole number"),
        ({"expires": "yesterday"}, "expires takes an age"),
        ({"expires": "0d"}, "expires is not in the future"),
        ({"expires": "2020-01-01"}, "expires is not in the future"),
        ({"expires": "2999-01-01T00:00:00"}, "expires takes an age"),
        ({"expires": "999999w"}, "expires is too far away"),
        ({"expires": "9999-12-31"}, "expires takes an age"),
        ({"expires": 30}, "expires takes an age"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(given: dict[str, Any], told: str) -> None:
    """Which member it is, and what it takes."""
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        parse_terms(given)

    assert str(error.value).startswith(told)


@pytest.mark.parametrize(
    "row",
    [
        {"limits": "{"},
        {"limits": "[]"},
        {"limits": '{"rpm": -1}'},
        {"models": '{"a": 1}'},
        {"models": "[]"},
        {"tags": "5"},
        {"team": "\n"},
        {"expires_us": -1},
        {"expires_us": 1 << 62},
    ],
)
def test_a_row_that_cannot_be_read_is_no_free_key(row: dict[str, Any]) -> None:
    """It raises: what a key may do is then not known."""
    with pytest.raises((ValueError, TypeError)):
        stored_terms(row)


@pytest.mark.parametrize(
    ("given", "seconds"), [("30d", 30 * 86400), ("12h", 12 * 3600), ("5m", 300), ("2w", 14 * 86400)]
)
def test_an_age_counts_from_now(given: str, seconds: int) -> None:
    """In minutes, hours, days and weeks."""
    before = time.time()

    assert before <= expiry(given) / 1e6 - seconds + 1e-3
    assert expiry(given) / 1e6 - seconds <= time.time() + 1e-3


def test_the_clock_alone_says_whether_a_key_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    """From that very moment on; and not any more when the clock is set back."""
    for now, over in ((99.999999, False), (100.0, True), (101.0, True), (50.0, False)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        assert expired(100_000_000) is over
    assert not expired(None)


def _config() -> Config:
    deployment = Deployment("fake/m", "small", "fake", "fake", "m")
    teams = {"search": parse_limits({"rpm": 10, "budgets": {"day": 5}})}
    return Config(Path("g.yaml"), (deployment,), teams=teams)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"team": "nope"}, "there is no team 'nope'. Known: search."),
        ({"models": ["small", "nope"]}, "there is no model 'nope'. Known: small."),
        ({"policy": "nope"}, "there is no policy 'nope'. Known: agents, default, strict."),
        ({"team": "search", "limits": {"rpm": 11}}, "rpm of 11 is more than the team's 10 (team 'search')"),
        ({"team": "search", "limits": {"budgets": {"day": 6}}}, "the budget of 6 USD a day is more than"),
    ],
)
def test_terms_fit_the_configuration(given: dict[str, Any], told: str) -> None:
    """What the configuration does not have, or a team does not allow, is refused with what there is."""
    with pytest.raises(ValueError, match=r"Known|more than") as error:
        check_terms(_config(), parse_terms(given))

    assert str(error.value).startswith(told)


def test_terms_that_fit_are_taken() -> None:
    """Also without a configuration, where nothing of it is named."""
    check_terms(_config(), parse_terms(EVERYTHING))
    check_terms(None, parse_terms({"limits": {"rpm": 1}}))
    with pytest.raises(ValueError, match="name its file"):
        check_terms(None, parse_terms({"team": "search"}))
