"""`guardhouse users`: for people and for scripts; a password is never an argument."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from proxy.cli_users import register
from proxy.passwords import Hashing
from proxy.store import accounts
from proxy.store.db import open_store, url_of
from proxy.store.keyfile import load_key

Run = Callable[..., Result]
PASSWORD = "four plain words here"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command line over a folder of its own; `typed` is standard input."""
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)

    def run(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, ["users", *arguments, "--data-dir", str(tmp_path)], input=typed)

    return run


def kept(folder: Path, name: str) -> accounts.Account:
    """The account as it is stored."""
    store = open_store(url_of(folder, None), load_key(folder, None))
    try:
        found = accounts.find(store, name)
        assert found is not None
        return found
    finally:
        store.close()


def test_somebody_is_let_in(run: Run, tmp_path: Path) -> None:
    """The password comes from standard input, and is in no output."""
    done = run("add", "Ada@example.com", "--role", "reviewer", "--tenant", "acme", typed=PASSWORD + "\n")
    assert done.exit_code == 0 and PASSWORD not in done.output
    ada = kept(tmp_path, "ada@example.com")
    assert Hashing().fits(ada.password, PASSWORD) and (ada.tenant, ada.role) == ("acme", "reviewer")
    listed = run("list")
    assert "ada@example.com  active  reviewer  acme" in listed.stdout and "argon2" not in listed.output
    (row,) = json.loads(run("list", "--json").stdout)
    assert row["password"] is True and row["signed_in_us"] is None


def test_an_account_is_changed(run: Run, tmp_path: Path) -> None:
    """Role, name, password, shut out and let in again; each at once."""
    run("add", "root", "--role", "admin", typed=PASSWORD)
    run("add", "ada", typed=PASSWORD)
    assert run("update", "ada", "--role", "editor", "--display", "Ada").exit_code == 0
    assert json.loads(run("disable", "ada", "--json").stdout)["state"] == "disabled"
    assert json.loads(run("enable", "ada", "--json").stdout)["state"] == "active"
    assert run("password", "ada", typed="another good password\n").exit_code == 0
    ada = kept(tmp_path, "ada")
    assert (ada.role, ada.display) == ("editor", "Ada") and Hashing().fits(
        ada.password, "another good password"
    )
    assert json.loads(run("update", "ada", "--no-password", "--json").stdout)["state"] == "invited"


def test_the_last_admin_is_warned_of(run: Run) -> None:
    """Whoever may read the data folder can undo it."""
    run("add", "root", "--role", "admin", typed=PASSWORD)
    done = run("disable", "root")
    assert done.exit_code == 0 and "Nobody who signs in manages people any more" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "typed", "word"),
    [
        (("add", "a b"), PASSWORD, "a name takes"), (("add", "ada"), "short", "at least 12"), (("add", "ada"), "", "at least 12"),
        (("add", "ada", "--role", "root"), PASSWORD, "--role takes"), (("add", "ada", "--tenant", ""), PASSWORD, "tenant takes"),
        (("add", "known"), PASSWORD, "already"), (("update", "known"), "", "nothing is to be changed"), (("update", "nobody", "--role", "viewer"), "", "no account"),
        (("password", "nobody"), PASSWORD, "no account"), (("disable", "n\x07"), "", "no account"), (("update", "known", "--display", "\x07"), "", "display takes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(run: Run, arguments: tuple[str, ...], typed: str, word: str) -> None:
    """On standard error, with exit code 2."""
    run("add", "known", "--no-password")
    done = run(*arguments, typed=typed)
    assert done.exit_code == 2 and word in done.stderr and done.stderr.count("\n") == 1 and not done.stdout


def test_no_option_takes_a_password(run: Run) -> None:
    """It would stand in the shell's history and in every list of processes."""
    assert run("add", "ada", "--password", PASSWORD).exit_code == 2
    assert "--password" not in run("add", "--help").stdout.replace("--no-password", "")
