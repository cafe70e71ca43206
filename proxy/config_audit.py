"""`guardhouse.audit`: where the ends of the audit log are anchored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

FILE = "audit-anchors.jsonl"
"""The file in the data folder, unless another one is configured."""
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_HERE = ("127.0.0.1", "::1", "localhost")


def _seconds(value: object) -> object:
    """An age such as `1h` in seconds; a number is taken for seconds."""
    if isinstance(value, str) and value[:-1].isascii() and value[:-1].isdigit() and value[-1] in _UNITS:
        return int(value[:-1]) * _UNITS[value[-1]]
    if isinstance(value, str):
        raise ValueError("takes an age such as 30m or 1h")
    return value


Age = Annotated[int, BeforeValidator(_seconds), Field(ge=60, le=86_400)]


class Audit(BaseModel):
    """Where the end of the audit log is written down, so that nobody can shorten the log unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    anchor_file: Annotated[str, Field(min_length=1)] | None = None
    """None: `audit-anchors.jsonl` in the data folder. Relative to the configuration's folder."""
    anchor_url: str | None = Field(None, repr=False)
    """Where the newest end is posted to."""
    anchor_secret: Annotated[str, Field(min_length=16)] | None = Field(None, repr=False)
    """Signs what is posted."""
    anchor_every: Age = 3_600
    """Seconds between two posts when nothing happens."""
    anchor_at_most_every: Age = 300
    """Seconds between two posts when much happens."""
    anchor_plain_http: bool = False
    """Whether the URL may be plain http to another machine."""

    @field_validator("anchor_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None:
            url = urlsplit(value)
            if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or url.fragment:
                raise ValueError("takes an http or https URL without credentials")
        return value

    @model_validator(mode="after")
    def _is_signed(self) -> Audit:
        if self.anchor_url is None:
            return self
        if self.anchor_secret is None:
            raise ValueError("anchor_url needs anchor_secret, which signs what is posted")
        url = urlsplit(self.anchor_url)
        if url.scheme == "http" and url.hostname not in _HERE and not self.anchor_plain_http:
            raise ValueError(
                "anchor_url is plain http to another machine; use https, or set anchor_plain_http: true"
            )
        return self

    def beside(self, folder: Path) -> Audit:
        """The same with a relative file taken from the configuration's folder."""
        return (
            self
            if self.anchor_file is None
            else self.model_copy(update={"anchor_file": str(folder / self.anchor_file)})
        )

    def file(self, data_dir: Path) -> Path:
        """The file with the anchors."""
        return data_dir / FILE if self.anchor_file is None else Path(self.anchor_file)
