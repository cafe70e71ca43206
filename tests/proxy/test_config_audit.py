"""Where the audit log is anchored, as the configuration says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config_audit import FILE, Audit

SECRET = "s" * 16


def test_a_file_is_in_the_data_folder_or_where_the_configuration_says(tmp_path: Path) -> None:
    """Relative to the configuration's own folder."""
    assert Audit().beside(tmp_path).file(tmp_path / "data") == tmp_path / "data" / FILE
    assert Audit(anchor_file="a/b").beside(tmp_path).file(tmp_path / "data") == tmp_path / "a/b"
    assert Audit(anchor_file="/mnt/x").beside(tmp_path).file(tmp_path) == Path("/mnt/x")


def test_ages_are_written_as_elsewhere() -> None:
    """`30m`, `1h`, or seconds."""
    assert Audit.model_validate({"anchor_every": "30m"}).anchor_every == 1_800
    assert (
        Audit.model_validate({"anchor_every": 7_200, "anchor_at_most_every": "1d"}).anchor_at_most_every
        == 86_400
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"anchor_every": "soon"}, "an age such as"),
        ({"anchor_every": "2s"}, "greater than or equal to 60"),
        ({"anchor_url": "https://a/"}, "needs anchor_secret"),
        ({"anchor_url": "https://u:p@a/", "anchor_secret": SECRET}, "without credentials"),
        ({"anchor_url": "ftp://a/", "anchor_secret": SECRET}, "http or https"),
        ({"anchor_url": "http://a.example/", "anchor_secret": SECRET}, "plain http to another machine"),
        ({"anchor_url": "https://a/", "anchor_secret": "short"}, "at least 16"),
        ({"file": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], why: str) -> None:
    """With the reason, and without the secret."""
    with pytest.raises(ValidationError, match=why):
        Audit.model_validate(given)


def test_what_is_secret_is_not_shown() -> None:
    """Neither the secret nor the URL, which may hold a token."""
    audit = Audit(anchor_url="http://127.0.0.1:9/?token=abc", anchor_secret=SECRET)
    assert SECRET not in repr(audit) and "abc" not in repr(audit)
    plain = {"anchor_url": "http://a.example/", "anchor_secret": SECRET, "anchor_plain_http": True}
    assert Audit.model_validate(plain).anchor_url
