"""What a configuration says of shadows, hedging and deadlines."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import Config, load_config
from proxy.config_routing import Shadow
from proxy.errors import ConfigError
from proxy.settings import Settings

MODELS = """model_list:
  - {model_name: m, litellm_params: {model: fake/assistant}}
  - {model_name: n, litellm_params: {model: fake/assistant}}
  - {model_name: o, litellm_params: {model: openai/x, api_key: sk-x, silent_model: n}}
"""


def read(folder: Path, own: str, models: str = MODELS) -> Config:
    """A configuration with these keys of our own."""
    file = folder / "guardhouse.yaml"
    file.write_text(models + own)
    return load_config(file, Settings(config=file))


def test_a_share_is_given_in_percent_and_a_silent_model_gets_all(tmp_path: Path) -> None:
    """As LiteLLM spells it; our own spelling has the last word. No provider is sent either."""
    config = read(tmp_path, "guardhouse:\n  shadow: [{model: m, to: n, percent: 12.5}, {model: m, to: o}]\n")
    assert config.shadows == (Shadow("m", "n", 0.125), Shadow("m", "o", 1.0), Shadow("o", "n", 1.0))
    assert "silent_model" not in {**config.deployments[2].defaults, **config.deployments[2].params}
    ours = read(tmp_path, "guardhouse:\n  shadow: [{model: o, to: n, percent: 1}]\n")
    assert ours.shadows == (Shadow("o", "n", 0.01),)
    assert read(tmp_path, "").shadows == (Shadow("o", "n", 1.0),)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ("[{model: m, to: q}]", r":6: a shadow names 'q', which is not in model_list"),
        ("[{model: q, to: m}]", r"a shadow names 'q'"),
        ("[{model: m, to: m}]", r"'m' is its own shadow"),
        ("[{model: m, to: n}, {model: m, to: n, percent: 5}]", r"'n' shadows 'm' twice"),
        ("[{model: m, to: n, percent: 0}]", r"percent: input should be greater than 0"),
        ("[{model: m, to: n, percent: 101}]", r"percent: input should be less than or equal to 100"),
        ("[{model: m, to: n, share: 1}]", r"unknown key guardhouse.shadow.0.share"),
        ("{m: n}", r"shadow: input should be a valid list"),
    ],
)
def test_a_shadow_that_cannot_be_is_refused(tmp_path: Path, own: str, says: str) -> None:
    """With file and line."""
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, f"guardhouse:\n  shadow: {own}\n")


def test_a_silent_model_that_is_not_served_is_refused(tmp_path: Path) -> None:
    """At its own line."""
    with pytest.raises(ConfigError, match=r":4: a shadow names 'q'"):
        read(tmp_path, "", MODELS.replace("silent_model: n", "silent_model: q"))


def test_hedging_is_off_by_default(tmp_path: Path) -> None:
    """And takes seconds."""
    assert read(tmp_path, "").router.hedge_after_s is None
    assert read(tmp_path, "guardhouse: {hedge_after_s: 1.5}\n").router.hedge_after_s == 1.5
    with pytest.raises(ConfigError, match="hedge_after_s"):
        read(tmp_path, "guardhouse: {hedge_after_s: 0}\n")


def test_every_deadline_can_be_set(tmp_path: Path) -> None:
    """Beside LiteLLM's two: connect, idle, and the whole of a stream, which has no end of its own."""
    settings = "router_settings: {timeout: 40, stream_timeout: 15}\n"
    usual = read(tmp_path, settings).deployments[0]
    assert (usual.whole.connect, usual.whole.first_byte, usual.whole.idle, usual.whole.total) == (
        10,
        40,
        40,
        40,
    )
    assert (usual.streamed.connect, usual.streamed.first_byte) == (10, 15)
    assert (usual.streamed.idle, usual.streamed.total) == (15, None)
    own = "guardhouse: {timeouts: {connect: 2, idle: 90, stream_total: 300}}\n"
    set_ = read(tmp_path, settings + own).deployments[0]
    assert (set_.whole.connect, set_.whole.first_byte, set_.whole.idle, set_.whole.total) == (2, 40, 40, 40)
    assert (set_.streamed.connect, set_.streamed.first_byte) == (2, 15)
    assert (set_.streamed.idle, set_.streamed.total) == (90, 300)
    with pytest.raises(ConfigError, match=r"unknown key guardhouse\.timeouts\.first"):
        read(tmp_path, "guardhouse: {timeouts: {first: 1}}\n")
