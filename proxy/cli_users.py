"""Commands for operators: `guardhouse users ...`. Passwords are asked for or read, never arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, opened, plain, said, time_of
from proxy.roles import Role

if TYPE_CHECKING:
    from proxy.store.accounts import Account, Change
    from proxy.store.db import Store

NAME = typer.Argument(help="What the person signs in with.")
ROLE = typer.Option(None, help=f"What the person is there for: {', '.join(Role)}.")
DISPLAY = typer.Option(None, help="What pages call the person [default: the name].")
_SEE = "see guardhouse users list"


def register(app: typer.Typer) -> None:
    """Add the `users` commands."""
    users = typer.Typer(
        help="Let people in to the review pages, change and shut them out.", no_args_is_help=True
    )
    users.command("add")(add)
    users.command("list")(list_)
    users.command("update")(update)
    users.command("disable")(disable)
    users.command("enable")(enable)
    users.command("password")(password)
    app.add_typer(users, name="users")


def add(
    name: str = NAME,
    role: str = typer.Option("reviewer", help=f"What the person is there for: {', '.join(Role)}."),
    tenant: str = typer.Option("default", help="Tenant whose records the person sees."),
    display: str | None = DISPLAY,
    no_password: bool = typer.Option(
        False, "--no-password", help="Give no password: the person comes through the identity provider."
    ),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Let somebody in. The password is asked for, or read from standard input."""
    from proxy.passwords import Hashing
    from proxy.store.accounts import AccountError, NewAccount, Taken, create, is_name, plain_name

    name = plain_name(name)
    if not is_name(name):
        _bad_name()
    wanted = _role(role)
    secret = None if no_password else _password(name)
    with opened(config, data_dir, tell=True) as store:
        try:
            hashed = Hashing().hashed(secret) if secret is not None else None
            made = create(store, NewAccount(name, wanted, tenant, display or "", hashed))
        except AccountError as error:
            fail(str(error))
        except Taken:
            fail("there is an account with this name already", _SEE)
    if as_json:
        said(made.document())
    else:
        typer.echo(f"{plain(made.name)} may sign in to /review as {made.role}.")


def list_(as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG) -> None:
    """List the people who may sign in, by name."""
    from proxy.store.accounts import accounts

    after, rows = "", []
    with opened(config, data_dir, tell=True) as store:
        while page := accounts(store, after=after):
            rows += page
            after = page[-1].name
    if as_json:
        said([each.document() for each in rows])
    for each in () if as_json else rows:
        seen = f"signed in {time_of(each.signed_in_us)}" if each.signed_in_us else "never signed in"
        words = [
            plain(each.name),
            each.state,
            str(each.role or "unknown"),
            plain(each.tenant),
            plain(each.display),
        ]
        typer.echo("  ".join([*words, seen]))


def update(
    name: str = NAME,
    role: str | None = ROLE,
    display: str | None = DISPLAY,
    tenant: str | None = typer.Option(None, help="Tenant whose records the person sees."),
    no_password: bool = typer.Option(
        False, "--no-password", help="Take the password away: the person comes through the identity provider."
    ),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Change what a person is there for, from the very next request on. What is not named stays."""
    from proxy.store.accounts import Change

    wanted = Change(
        role=None if role is None else _role(role), display=display, tenant=tenant, no_password=no_password
    )
    if wanted == Change():
        fail("nothing is to be changed", "name another option; see guardhouse users update --help")
    with opened(config, data_dir) as store:
        _tell(_changed(store, name, wanted), as_json)


def disable(
    name: str = NAME, as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG
) -> None:
    """Shut somebody out at once, and sign them out everywhere."""
    from proxy.store.accounts import Change

    with opened(config, data_dir) as store:
        _tell(_changed(store, name, Change(disabled=True)), as_json)


def enable(
    name: str = NAME, as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG
) -> None:
    """Let somebody in again who was shut out."""
    from proxy.store.accounts import Change

    with opened(config, data_dir) as store:
        _tell(_changed(store, name, Change(disabled=False)), as_json)


def password(
    name: str = NAME, as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG
) -> None:
    """Give a person another password, asked for or read from standard input. Signs them out everywhere."""
    from proxy.passwords import Hashing
    from proxy.store.accounts import Change, find, plain_name

    with opened(config, data_dir) as store:
        if find(store, plain_name(name)) is None:
            fail("there is no account with this name", _SEE)
        hashed = Hashing().hashed(_password(plain_name(name)))
        _tell(_changed(store, name, Change(password=hashed)), as_json)


def _changed(store: Store, name: str, wanted: Change) -> Account:
    """The account as it is now. Who may read the data folder always gets in: of the last admin there is a warning."""
    from proxy.store.accounts import AccountError, LastWay, Under, change, plain_name

    name = plain_name(name)
    try:
        try:
            found = change(store, name, wanted)
        except LastWay:
            found = change(store, name, wanted, Under(other_way=True))
            typer.echo(
                "Nobody who signs in manages people any more, unless GUARDHOUSE_ADMIN_KEY is set: "
                "make somebody else admin with guardhouse users update NAME --role admin.",
                err=True,
            )
    except AccountError as error:
        fail(str(error))
    if found is None:
        fail("there is no account with this name", _SEE)
    return found


def _tell(account: Account, as_json: bool) -> None:
    if as_json:
        said(account.document())


def _role(name: str) -> Role:
    if name not in tuple(Role):
        fail(f"--role takes one of {', '.join(Role)}, not {plain(name)!r}")
    return Role(name)


def _password(name: str) -> str:
    """A password that may be kept: asked for twice at a terminal, else the first line of standard input."""
    from proxy.passwords import LONGEST_BYTES, PasswordError, checked

    if sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline(LONGEST_BYTES + 2).rstrip("\r\n")
    try:
        return checked(given, name)
    except PasswordError as error:
        fail(str(error))


def _bad_name() -> None:
    from proxy.store.accounts import NAME_RULE

    fail(f"a name takes {NAME_RULE}")
