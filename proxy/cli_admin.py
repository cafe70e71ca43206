"""Commands for operators: `guardhouse traces ...`, and what the others share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import typer

if TYPE_CHECKING:
    from proxy.settings import Settings
    from proxy.store.db import Store
    from proxy.store.filters import Filter

DATA_DIR = typer.Option(None, "--data-dir", help="Folder with the database; else as configured.")
CONFIG = typer.Option(None, "--config", help="Configuration file [default: guardhouse.yaml].")
JSON = typer.Option(False, "--json", help="Print JSON.")
_PATIENCE_S = 3_600.0
"""How long a command waits for one page: what it prints is whole."""


traces_app = typer.Typer(help="Look at stored traces, and erase them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the `traces` commands."""
    from proxy import cli_audit, cli_export, cli_retention, cli_reveal

    traces_app.command("list")(traces_list)
    traces_app.command("show")(traces_show)
    cli_audit.register(traces_app)
    cli_export.register(traces_app)
    cli_retention.register(traces_app)
    cli_reveal.register(traces_app)
    app.add_typer(traces_app, name="traces")


def traces_list(
    filter: str = typer.Argument("", help="Filter, such as 'outcome:blocked since:24h'."),
    outcome: str | None = typer.Option(None, help="passed, flagged, masked, blocked, failed or cancelled."),
    rule: str | None = typer.Option(None, help="Only where this rule found something."),
    model: str | None = typer.Option(None, help="Only for this model."),
    team: str | None = typer.Option(None, help="Only of this team's keys."),
    since: str | None = typer.Option(None, help="RFC 3339 time, or an age such as 24h."),
    flagged: bool = typer.Option(False, "--flagged", help="Only what awaits a reviewer's eye."),
    limit: int = typer.Option(20, min=1, max=200),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """List traces, newest first."""
    from proxy.store.queries import list_spans

    asked = chosen(
        filter, outcome=outcome, rule=rule, model=model, team=team, since=since, flagged=flagged or None
    )
    with opened(config, data_dir) as store, told_filter(filter):
        page = list_spans(store, asked, limit, within_s=_PATIENCE_S)
    found = page.items
    if as_json:
        said(found)
    for span in () if as_json else found:
        what = (",".join(map(plain, span["rules"])) or "-") + ("  shadow" if span["shadow_of"] else "")
        typer.echo(
            f"{span['id']}  {time_of(span['started_us'])}  {plain(span['outcome']):9}  {plain(span['model'])}  {what}"
        )


def traces_show(
    id: str = typer.Argument(help="Trace id, as the reply's x-guardhouse-trace-id says."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Print one trace document with its reviews, as JSON."""
    from proxy.store.queries import get_trace

    with opened(config, data_dir) as store:
        trace = get_trace(store, id)
    if trace is None:
        fail("there is no trace with this id", "see guardhouse traces list")
    said(trace)


@contextmanager
def opened(config: Path | None, data_dir: Path | None, *, tell: bool = False) -> Iterator[Store]:
    """The configured store, closed at the end; a clear line and exit code 2 when there is none.

    `tell` says on standard error when its file was not there yet: it may not be the one that was meant.
    """
    from proxy.errors import ConfigError
    from proxy.settings import load_settings
    from proxy.store.db import StoreError, url_of
    from proxy.store.rotation import open_rooted

    try:
        settings = load_settings()
        folder, url, search, anchors = located(config, data_dir, settings)
        file = folder / "guardhouse.sqlite3"
        made = url is None and not file.exists()
        store = open_rooted(url_of(folder, url), folder, settings.data_key, search=search, anchors=anchors)
    except (ConfigError, StoreError) as error:
        fail(str(error))
    try:
        yield store
        if made and tell:
            typer.echo(f"There was no database yet: {file.absolute()} was made.", err=True)
    finally:
        store.close()


def located(
    config: Path | None, data_dir: Path | None, settings: Settings
) -> tuple[Path, str | None, bool, Path]:
    """The data folder that is meant, the database URL (None: the file in it), whether words are indexed, the anchors.

    Raises ConfigError.
    """
    from proxy.config import load_config
    from proxy.config_audit import Audit
    from proxy.errors import ConfigError

    path = config or settings.config
    url = None if settings.database_url is None else settings.database_url.get_secret_value()
    folder, search, audit = data_dir or settings.data_dir, True, Audit()
    if data_dir is not None:
        url = None
    elif config is not None or path.exists():
        loaded = load_config(path, settings)
        folder, url, search = loaded.data_dir, loaded.database_url, loaded.search
        audit = loaded.audit
    folder = folder or Path("data")
    if data_dir is not None and not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}.", fix="Name the proxy's data_dir.")
    return folder, url, search, audit.file(folder)


def chosen(filter: str = "", **values: Any) -> Filter:
    """The traces that a filter and options name. A clear line and exit code 2 when one of them cannot be meant."""
    from proxy.store.filters import FilterError, of, parse

    with told_filter(filter):
        found = parse(filter)
    try:
        return found + of(**{name: value for name, value in values.items() if value is not None})
    except FilterError as error:
        fail(str(error))


@contextmanager
def told_filter(filter: str) -> Iterator[None]:
    """What is wrong with a filter is told where it stands, with exit code 2."""
    from proxy.store.filters import FilterError

    try:
        yield
    except FilterError as error:
        fail(error.pointed(filter))


def fail(what: str, fix: str = "") -> NoReturn:
    """A clear line on stderr, and exit code 2."""
    typer.echo(inert(f"guardhouse: {what}" + (f": {fix}" if fix else "")), err=True)
    raise typer.Exit(2)


@contextmanager
def fresh_file(path: Path) -> Iterator[BinaryIO]:
    """A new file for this user alone, gone again when writing it fails. What is there is never written over."""
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fail(
            f"{path} cannot be written ({error.strerror})",
            "name a file that is not there, in a folder that is",
        )
    whole = False
    try:
        with os.fdopen(made, "wb") as file:
            yield file
        whole = True
    except OSError as error:
        fail(f"{path} cannot be written ({error.strerror})", "nothing was left half written")
    finally:
        if not whole:
            path.unlink(missing_ok=True)


def said(value: Any) -> None:
    """Writes a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=True, indent=2))


def plain(text: str) -> str:
    """The beginning of a caller's text, on one line, with nothing in it that a terminal would obey."""
    return inert(text[:60].replace("\n", "?"))


def inert(text: str) -> str:
    """A text, line by line, with nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def time_of(microseconds: int) -> str:
    """A moment as people read it, UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
