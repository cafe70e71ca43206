"""Commands for operators: `guardhouse data-key ...`, the key that protects everything that is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, located, opened, said

if TYPE_CHECKING:
    from proxy.settings import Settings
    from proxy.store.db import Store


def register(app: typer.Typer) -> None:
    """Add the `data-key` commands."""
    group = typer.Typer(
        help="See, rotate and apply the key that encrypts what is stored.", no_args_is_help=True
    )
    group.command("status")(status)
    group.command("rotate")(rotate)
    group.command("reencrypt")(reencrypt)
    app.add_typer(group, name="data-key")


def status(as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG) -> None:
    """How much is encrypted under which key, and what is not."""
    from proxy.store import reencryption

    with opened(config, data_dir) as store:
        rows = reencryption.status(store)
        todo = reencryption.left(store)
    if as_json:
        said({"keys": rows, "left": todo})
        return
    typer.echo(f"{'key':24}  {'blobs':>12}  {'runs':>8}  state")
    for row in rows:
        state = "not encrypted" if row["id"] is None else "retired" if row["retired_us"] else "in use"
        if row["id"] is not None or row["blobs"] or row["runs"]:
            typer.echo(f"{row['id'] or '-':24}  {row['blobs']:>12}  {row['runs']:>8}  {state}")
    if todo:
        typer.echo(f"{todo} pieces are not under a key in use: guardhouse data-key reencrypt", err=True)


def rotate(
    new_key_env: str | None = typer.Option(
        None, help="Variable that holds the new key [default: a random one, for the file in the data folder]."
    ),
    also: bool = typer.Option(
        False, "--reencrypt", help="Also encrypt all that is stored again, under new data keys."
    ),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Put another data key in place. Stop nothing; restart afterwards what this tells."""
    from proxy.errors import ConfigError
    from proxy.settings import load_settings
    from proxy.store import keyfile, rotation
    from proxy.store.anchors import Anchors
    from proxy.store.data_keys import WrongKey
    from proxy.store.db import StoreError, open_store, url_of

    try:
        settings = load_settings()
        folder, url, _, anchors = located(config, data_dir, settings)
        new = _new_key(settings, new_key_env)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with rotation.alone(folder):
            with opened(config, data_dir) as store:
                old = keyfile.load_key(folder, settings.data_key)
                if new == old:
                    fail(
                        f"{new_key_env} holds the key that is in use already",
                        "make another: openssl rand -hex 32",
                    )
                count = rotation.rotate(store, folder, old, new, renew=also)
            typer.echo(f"{count} data keys are wrapped under the new key.", err=True)
        if also:
            key = new or keyfile.load_key(folder)
            store = open_store(url_of(folder, url), key, anchors=Anchors(anchors))
            _reencrypted(store)
            store.close()
    except BlockingIOError:
        fail("another rotation is under way in this data folder", "wait for it")
    except (ConfigError, StoreError, WrongKey) as error:
        fail(str(error))
    except OSError as error:
        fail(
            f"the key file cannot be written ({error.strerror})", "make data_dir a folder this user can write"
        )
    if settings.data_key is not None:
        typer.echo(
            f"Now set {keyfile.VARIABLE} to the new key, and restart every proxy of this database.", err=True
        )
    else:
        text = "Proxies that use this data folder go on by themselves; restart those that have a copy of the file."
        typer.echo(f"{text} Put the file `key` into your backup.", err=True)


def reencrypt(data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG) -> None:
    """Encrypt what is not encrypted, or under a retired key. Can be stopped and started again at any time."""
    with opened(config, data_dir) as store:
        _reencrypted(store)


def _new_key(settings: Settings, name: str | None) -> bytes | None:
    """The key that a variable holds; None where a random one is to be made. Exit code 2 where there must be one."""
    from proxy.store.keyfile import VARIABLE, read_key

    if name is not None:
        return read_key(settings.variable(name) or "", name)
    if settings.data_key is not None:
        fail(
            f"the data key comes from {VARIABLE}",
            "put the new key into another variable and name it: --new-key-env",
        )
    return None


def _reencrypted(store: Store) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from proxy.store import reencryption

    total, moved = reencryption.left(store), 0
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("encrypting", total=total)
        for step in reencryption.reencrypt(store):
            moved += step
            bar.update(task, completed=moved)
    typer.echo(f"{moved} pieces were encrypted again.", err=True)
    if left := reencryption.left(store):
        typer.echo(
            f"{left} cannot be: their keys were deleted, or they came meanwhile. Run it again.", err=True
        )
