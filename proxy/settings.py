"""What the environment says: the only place in the product that reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from proxy.errors import ConfigError

REFERENCE = "os.environ/"
"""LiteLLM's prefix for a value that stands in an environment variable: `os.environ/OPENAI_API_KEY`."""

ADMIN_KEY_LENGTH = 16
"""Characters that an admin key should have at least."""


class Settings(BaseSettings):
    """The `GUARDHOUSE_*` variables. What is set here wins over the configuration file."""

    model_config = SettingsConfigDict(env_prefix="GUARDHOUSE_", extra="ignore", env_ignore_empty=True)

    admin_key: SecretStr | None = None
    """Key that may do everything; without one, a first start makes one and prints it once."""
    config: Path = Path("guardhouse.yaml")
    """The configuration file."""
    data_dir: Path | None = None
    """Folder for the database, the spool and the keys."""
    data_key: SecretStr | None = None
    """The data key itself, for proxies that share a database; else the file `key` in the data folder holds it."""
    database_url: SecretStr | None = None
    """SQLAlchemy URL of the trace store."""
    metrics_key: SecretStr | None = Field(default=None, min_length=16)
    """Key that may read /metrics and nothing else, for Prometheus."""
    redis_url: SecretStr | None = None
    """URL of the Redis that holds what several processes share: the pseudonyms of sessions."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=4000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=256)
    """Server processes."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe message that is logged."""
    log_format: Literal["text", "json"] = "text"
    """How a log line is written."""
    access_log: bool = False
    """Whether each exchange leaves a line in the log."""
    spool_mode: Literal["strict", "group"] | None = None
    """Whether a trace is on disk before the reply's last byte leaves (`strict`) or within 20 ms (`group`)."""

    def notes(self) -> list[str]:
        """What an operator should know of these settings. Holds no secret."""
        key = self.admin_key.get_secret_value() if self.admin_key else None
        if key is None or len(key) >= ADMIN_KEY_LENGTH:
            return []
        why = f"GUARDHOUSE_ADMIN_KEY has less than {ADMIN_KEY_LENGTH} characters: it may be guessed."
        return [f"{why} Make one with `openssl rand -hex 32`."]

    def secret(self, value: str) -> str:
        """The value itself, or what stands in the variable it names as `os.environ/NAME`.

        Raises ConfigError naming the variable when that is unset or empty.
        """
        if not value.startswith(REFERENCE):
            return value
        name = value.removeprefix(REFERENCE)
        found = self.variable(name)
        if not found:
            raise ConfigError(
                f"the environment variable {name} is not set.",
                fix=f"Set it (export {name}=...) or write the value in its place.",
            )
        return found

    def variable(self, name: str) -> str | None:
        """The value of any environment variable, or None; for the keys that providers are known to use."""
        return os.environ.get(name)


def load_settings() -> Settings:
    """The settings of this process. Raises ConfigError naming the variable that does not fit."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "GUARDHOUSE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(
            f"{first['msg']}.", fix="See docs/reference/settings.md for what it takes.", file=name
        ) from None


def prepare_litellm() -> None:
    """Keep litellm from downloading its price table and what callers name, and from reporting, when it is imported.

    It reads these once, at import, so this must run before.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # A caller names images by URL: fetched here, they would come from inside the operator's network.
    os.environ["MAX_IMAGE_URL_DOWNLOAD_SIZE_MB"] = "0"
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
