"""Deployments: what an entry of `model_list` becomes. `tests/proxy/test_config.py` reads whole files."""

from __future__ import annotations

import pytest

from proxy.config_deployments import IDLE_SECONDS, Deployment, Timeouts, with_deadlines
from proxy.config_schema import Deadlines, Params, Router

MADE = Deployment("openai/m", "m", "openai_wire", "openai", "m", api_key="a-secret-key")


@pytest.mark.parametrize(
    ("params", "own", "whole", "first_byte"),
    [
        ({}, {}, 600.0, 600.0),
        ({"timeout": 5}, {}, 5.0, 5.0),
        ({"timeout": 5, "stream_timeout": 9}, {}, 5.0, 9.0),
        ({"timeout": 50}, {"stream_total": 20}, 50.0, 20.0),
    ],
)
def test_the_nearest_deadline_holds(
    params: dict[str, float], own: dict[str, float], whole: float, first_byte: float
) -> None:
    """A deployment's own before the router's; no wait outlasts the whole."""
    made = with_deadlines(MADE, Params(model="openai/m", **params), Router(timeout=600), Deadlines(**own))

    assert (made.whole.total, made.streamed.first_byte) == (whole, first_byte)
    assert made.whole.connect <= whole and made.whole.idle <= whole


def test_a_stream_has_no_end_by_default_and_no_key_is_shown() -> None:
    """Streams may take as long as they bring something; a deployment's repr holds no secret."""
    assert Deployment("a", "a", "fake", "fake", "a").streamed == Timeouts(first_byte=IDLE_SECONDS, total=None)
    assert "a-secret-key" not in repr(MADE) and MADE.secrets == ("a-secret-key",)
