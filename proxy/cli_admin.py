"""Commands for operators: `guardhouse traces ...`, and what the others share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from proxy.store.db import Store
    from proxy.store.queries import SpanFilter

DATA_DIR = typer.Option(None, "--data-dir", help="Folder with the database; else as configured.")
CONFIG = typer.Option(None, "--config", help="Configuration file [default: guardhouse.yaml].")
JSON = typer.Option(False, "--json", help="Print JSON.")


def register(app: typer.Typer) -> None:
    """Add the `traces` commands."""
    traces = typer.Typer(help="Look at stored traces.", no_args_is_help=True)
    traces.command("list")(traces_list)
    traces.command("show")(traces_show)
    traces.command("export")(traces_export)
    app.add_typer(traces, name="traces")


def traces_list(
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

    filters = chosen(outcome=outcome, rule=rule, model=model, team=team, since=since, flagged=flagged or None)
    with opened(config, data_dir) as store:
        found = list_spans(store, filters, limit).items
    if as_json:
        said(found)
    for span in () if as_json else found:
        what = (",".join(span["rules"]) or "-") + ("  shadow" if span["shadow_of"] else "")
        typer.echo(
            f"{span['id']}  {_time(span['started_us'])}  {span['outcome']:9}  {plain(span['model'])}  {what}"
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


def traces_export(
    since: str | None = typer.Option(None, help="RFC 3339 time, or an age such as 24h."),
    output: Path | None = typer.Option(None, "--output", "-o", help="File to write [default: stdout]."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Write trace documents as JSON lines, newest first."""
    filters = chosen(since=since)
    with opened(config, data_dir) as store:
        if output is None:
            for found in documents(store, filters):
                sys.stdout.write(_line(found))
            return
        try:
            with output.open("w", encoding="utf-8") as file:
                file.writelines(map(_line, documents(store, filters)))
        except OSError as error:
            fail(f"{output} cannot be written ({error.strerror})", "name a file in a folder that exists")


def documents(store: Store, filters: SpanFilter, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Trace documents, newest first, read as they are asked for; at most `limit`."""
    from proxy.store.queries import MOST, get_trace, list_spans

    before, left = None, limit
    while left is None or left > 0:
        page = list_spans(store, filters, MOST if left is None else min(left, MOST), before)
        for span in page.items:
            if (found := get_trace(store, span["id"])) is not None:
                yield found
        left = None if left is None else left - len(page.items)
        if (before := page.next) is None:
            return


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=True) + "\n"


@contextmanager
def opened(config: Path | None, data_dir: Path | None, *, tell: bool = False) -> Iterator[Store]:
    """The configured store, closed at the end; a clear line and exit code 2 when there is none.

    `tell` says on standard error when its file was not there yet: it may not be the one that was meant.
    """
    from proxy.config import load_config
    from proxy.errors import ConfigError
    from proxy.settings import load_settings
    from proxy.store.db import StoreError, open_store, url_of
    from proxy.store.keyfile import load_key

    try:
        settings = load_settings()
        path = config or settings.config
        url = None if settings.database_url is None else settings.database_url.get_secret_value()
        folder = data_dir or settings.data_dir
        if data_dir is not None:
            url = None
        elif config is not None or path.exists():
            loaded = load_config(path, settings)
            folder, url = loaded.data_dir, loaded.database_url
        folder = folder or Path("data")
        if data_dir is not None and not folder.is_dir():
            raise ConfigError(f"there is no folder {folder}.", fix="Name the proxy's data_dir.")
        file = folder / "guardhouse.sqlite3"
        made = url is None and not file.exists()
        store = open_store(url_of(folder, url), load_key(folder, settings.data_key))
    except (ConfigError, StoreError) as error:
        fail(str(error))
    try:
        yield store
        if made and tell:
            typer.echo(f"There was no database yet: {file.absolute()} was made.", err=True)
    finally:
        store.close()


def chosen(**values: Any) -> SpanFilter:
    """The traces that options name. A clear line and exit code 2 when one of them cannot be meant."""
    from proxy.store.queries import QueryError, SpanFilter, moment

    since = values.pop("since")
    try:
        return SpanFilter(**values, since_us=None if since is None else moment("since", since))
    except QueryError as error:
        fail(str(error))


def fail(what: str, fix: str = "") -> NoReturn:
    """A clear line on stderr, and exit code 2."""
    typer.echo(f"guardhouse: {what}" + (f": {fix}" if fix else ""), err=True)
    raise typer.Exit(2)


def said(value: Any) -> None:
    """Writes a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=True, indent=2))


def plain(text: str) -> str:
    """A caller's text with nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text[:60])


def _time(microseconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
