"""The shape of the configuration's sections."""

import datetime

import pytest
from pydantic import ValidationError

from proxy.config_schema import Clients, Entry, Guardhouse, Params, Router, Shutdown


def test_a_bare_date_is_read_as_an_api_version() -> None:
    """YAML turns 2024-06-01 into a date; Azure wants the text."""
    assert (
        Params.model_validate({"model": "m", "api_version": datetime.date(2024, 6, 1)}).api_version
        == "2024-06-01"
    )


def test_unknown_parameters_are_kept_and_unknown_keys_of_ours_are_not() -> None:
    """`litellm_params` is LiteLLM's; `guardhouse` is ours."""
    assert Params.model_validate({"model": "m", "temperature": 1}).model_extra == {"temperature": 1}
    for model, value in (
        (Guardhouse, {"x": 1}),
        (Clients, {"sends": 1}),
        (Shutdown, {"drain_s": -1}),
        (Entry, {"model_name": "m", "litellm_params": {"model": "m"}, "x": 1}),
    ):
        with pytest.raises(ValidationError):
            model.model_validate(value)


def test_numbers_from_the_environment_are_numbers() -> None:
    """`timeout: os.environ/TIMEOUT` arrives as text."""
    assert Router.model_validate({"timeout": "12.5", "num_retries": "1"}).timeout == 12.5
