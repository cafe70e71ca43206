"""The data key: made once, for its owner alone."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from proxy.errors import ConfigError
from proxy.store.keyfile import load_key


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """The first start makes it; later ones find it."""
    key = load_key(tmp_path / "data")

    assert len(key) == 32
    assert load_key(tmp_path / "data") == key
    assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["key"]


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    """Whoever is first wins."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(load_key, [tmp_path] * 8))) == 1


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    """Going on with another key would orphan what is stored, so it says so instead."""
    (tmp_path / "key").write_bytes(b"short")

    with pytest.raises(ConfigError, match="5 bytes instead of 32"):
        load_key(tmp_path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """The operator learns where and what to do."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="data_dir"):
        load_key(tmp_path / "file")


KEY = bytes(range(224, 256))
WRITTEN = [KEY.hex(), KEY.hex().upper(), b64encode(KEY).decode(), urlsafe_b64encode(KEY).decode() + "\n"]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_key_that_is_given_needs_no_file(tmp_path: Path, written: str) -> None:
    """Hex or base64, in either alphabet; nothing is put on disk."""
    assert load_key(tmp_path / "data", SecretStr(written)) == KEY
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "written", ["short", KEY.hex()[:-2], KEY.hex() + "00", "!" * 44, b64encode(KEY[1:]).decode()]
)
def test_a_given_key_of_another_form_is_refused_unrepeated(tmp_path: Path, written: str) -> None:
    """The message names the variable, says how to make a key, and does not show what was given."""
    with pytest.raises(ConfigError, match=r"^GUARDHOUSE_DATA_KEY: .*openssl") as raised:
        load_key(tmp_path, SecretStr(written))
    assert written not in str(raised.value)


def test_a_given_key_must_be_the_one_in_the_file(tmp_path: Path) -> None:
    """A folder that has another key already is a mistake, found before anything is written."""
    own = load_key(tmp_path)

    assert load_key(tmp_path, SecretStr(own.hex())) == own
    with pytest.raises(ConfigError, match="is not the one in GUARDHOUSE_DATA_KEY"):
        load_key(tmp_path, SecretStr(KEY.hex()))
