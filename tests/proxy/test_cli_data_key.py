"""`guardhouse data-key`: seen, rotated, applied; with what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from proxy.cli_data_key import register
from proxy.store.keyfile import load_key
from tests.proxy.store.test_rotation import filled, opened, whole


def run(folder: Path, *arguments: str, **variables: str) -> Result:
    """A command on a data folder."""
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["data-key", *arguments, "--data-dir", str(folder)], env=variables)


@pytest.mark.parametrize("also", [[], ["--reencrypt"]])
def test_the_file_is_replaced(tmp_path: Path, also: list[str]) -> None:
    """And everything reads as before."""
    id, old = filled(tmp_path), load_key(tmp_path)
    done = run(tmp_path, "rotate", *also)

    assert done.exit_code == 0, done.output
    assert "go on by themselves" in done.output and ("encrypted again" in done.output) == bool(also)
    assert load_key(tmp_path) != old
    assert old.hex() not in done.output
    told = json.loads(run(tmp_path, "status", "--json").stdout)
    assert told["left"] == 0
    assert any(each["retired_us"] for each in told["keys"]) == bool(also)
    assert "in use" in run(tmp_path, "status").stdout
    assert whole(tmp_path, id)


def test_a_key_from_the_environment_takes_a_new_one_from_there(tmp_path: Path) -> None:
    """It is told what to do, and no file is made."""
    old, new = {"GUARDHOUSE_DATA_KEY": "11" * 32}, {"NEXT": "22" * 32}
    assert run(tmp_path, "status", **old).exit_code == 0
    without = run(tmp_path, "rotate", **old)
    assert (without.exit_code, "--new-key-env" in without.output) == (2, True)
    same = run(tmp_path, "rotate", "--new-key-env", "NEXT", **old, NEXT="11" * 32)
    assert (same.exit_code, "in use already" in same.output) == (2, True)
    bad = run(tmp_path, "rotate", "--new-key-env", "NEXT", **old, NEXT="11")
    assert (bad.exit_code, "NEXT" in bad.output) == (2, True)
    done = run(tmp_path, "rotate", "--reencrypt", "--new-key-env", "NEXT", **old, **new)
    assert done.exit_code == 0, done.output
    assert "set GUARDHOUSE_DATA_KEY to the new key, and restart every proxy" in done.output
    assert run(tmp_path, "status", **old).exit_code == 2
    assert run(tmp_path, "status", GUARDHOUSE_DATA_KEY="22" * 32).exit_code == 0
    assert not (tmp_path / "key").exists() and not (tmp_path / "key.new").exists()


def test_what_is_left_is_told_and_done(tmp_path: Path) -> None:
    """After a rotation whose second half was cut off."""
    from proxy.store.rotation import rotate

    id = filled(tmp_path)
    store = opened(tmp_path)
    rotate(store, tmp_path, load_key(tmp_path), None, renew=True)
    store.close()
    assert "guardhouse data-key reencrypt" in run(tmp_path, "status").output
    assert run(tmp_path, "reencrypt").exit_code == 0
    assert json.loads(run(tmp_path, "status", "--json").stdout)["left"] == 0
    assert whole(tmp_path, id)
