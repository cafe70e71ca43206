"""Settings: what the environment says."""

import os
from pathlib import Path

import pytest

from proxy.errors import ConfigError
from proxy.settings import Settings, load_settings, prepare_litellm


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts without any GUARDHOUSE_ variable."""
    for name in list(os.environ):
        if name.startswith("GUARDHOUSE_"):
            monkeypatch.delenv(name)


def test_defaults_are_local_and_safe() -> None:
    """Nothing set: loopback, port 4000, one worker, no key."""
    settings = load_settings()
    assert (settings.host, settings.port, settings.workers, settings.admin_key) == (
        "127.0.0.1",
        4000,
        1,
        None,
    )


def test_reads_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field is the variable of its name with the prefix."""
    monkeypatch.setenv("GUARDHOUSE_PORT", "8080")
    monkeypatch.setenv("GUARDHOUSE_ADMIN_KEY", "gh-secret-key")
    monkeypatch.setenv("GUARDHOUSE_SPOOL_MODE", "strict")
    settings = load_settings()
    assert settings.port == 8080
    assert settings.spool_mode == "strict"
    assert settings.admin_key is not None and settings.admin_key.get_secret_value() == "gh-secret-key"
    assert "gh-secret-key" not in repr(settings)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files set variables to the empty string."""
    monkeypatch.setenv("GUARDHOUSE_ADMIN_KEY", "")
    assert load_settings().admin_key is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUARDHOUSE_PORT", "many"),
        ("GUARDHOUSE_PORT", "70000"),
        ("GUARDHOUSE_WORKERS", "0"),
        ("GUARDHOUSE_LOG_LEVEL", "x"),
    ],
)
def test_a_value_that_does_not_fit_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The message starts with the variable."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}: "):
        load_settings()


def test_a_reference_is_resolved_and_a_plain_value_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.environ/NAME` is the value of NAME; everything else is itself."""
    monkeypatch.setenv("SOME_KEY", "sk-1")
    settings = Settings()
    assert settings.secret("os.environ/SOME_KEY") == "sk-1"
    assert settings.secret("sk-2") == "sk-2"
    assert settings.variable("SOME_KEY") == "sk-1"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Unset and empty are the same mistake."""
    if value is None:
        monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    else:
        monkeypatch.setenv("NO_SUCH_KEY", value)
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        Settings().secret("os.environ/NO_SUCH_KEY")


def test_litellm_is_kept_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the import: local price table, no .env file."""
    for name in ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOG", "LITELLM_MODE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare_litellm()
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert os.environ["LITELLM_MODE"] == "PRODUCTION"


def test_every_variable_is_documented() -> None:
    """docs/reference/settings.md has a row for each variable."""
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text()
    assert [name for name in Settings.model_fields if f"| `GUARDHOUSE_{name.upper()}` |" not in page] == []
