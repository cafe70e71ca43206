"""`guardhouse traces export`: traces to a file, to standard output, or to a collector."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, chosen, fail, opened, plain, told_filter

if TYPE_CHECKING:
    from proxy.config_schema import Otlp
    from proxy.store.exports import Export

_BATCH = 100
_BATCH_BYTES = 1 << 20
_TRIES = 5
"""Times that a batch is sent before the export gives up; each by itself tries for some seconds."""


def register(traces: typer.Typer) -> None:
    """Add the command."""
    traces.command("export")(traces_export)


def traces_export(
    filter: str = typer.Argument(
        "", help="Which traces, e.g. 'outcome:blocked since:24h'.", show_default=False
    ),
    format: str = typer.Option("jsonl", "--format", help="jsonl, openinference, otlp or parquet."),
    since: str | None = typer.Option(None, help="RFC 3339 time, or an age such as 24h."),
    output: Path | None = typer.Option(None, "--output", "-o", help="File to write [default: stdout]."),
    to: str | None = typer.Option(None, "--to", help="OTLP/HTTP endpoint to send spans to."),
    header: list[str] = typer.Option([], "--header", help="name=value to send along. May be given again."),
    content: bool = typer.Option(False, "--content", help="With OTLP: send the texts, as stored."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Write or send traces, newest first."""
    from proxy.export.formats import MEDIA_TYPES, encoded
    from proxy.store.audit import CLI
    from proxy.store.exports import Export

    if format not in MEDIA_TYPES:
        fail(f"--format takes one of {', '.join(MEDIA_TYPES)}")
    collector = None if to is None else _collector(to, header, content)
    if collector is not None and (output is not None or format not in ("jsonl", "otlp")):
        fail("--to sends OTLP: leave out --output and --format")
    if collector is None and (header or (content and format != "otlp")):
        fail("--header needs --to, and --content needs --to or --format otlp")
    if collector is None and output is None and format == "parquet" and sys.stdout.isatty():
        fail("Parquet is not for a terminal", "name a file with -o")
    wanted = chosen(filter, since=since)
    with opened(config, data_dir) as store:
        to_url = None if collector is None else collector.url
        export = Export(store, CLI, "otlp" if to else format, wanted, to_url)
        if collector is not None:
            with told_filter(filter):
                export.begin()
            _tell(export, lambda traces: _send(traces, collector))
            return
        with _target(output) as file:
            with told_filter(filter):
                export.begin()
            _tell(export, lambda traces: file.writelines(encoded(traces, format, content)))


def _collector(to: str, headers: list[str], content: bool) -> Otlp:
    from pydantic import ValidationError

    from proxy.config_schema import Otlp

    pairs = [each.partition("=") for each in headers]
    if not all(name and sign for name, sign, _ in pairs):
        fail("--header takes name=value")
    try:
        return Otlp(endpoint=to, headers={name: value for name, _, value in pairs}, content=content)
    except ValidationError:
        fail("--to takes an http or https URL without a query, and --header a name and a printable value")


def _tell(export: Export, write: Callable[[Iterable[Any]], None]) -> None:
    """Run an export that has begun, with progress on a terminal; the audit log has how it ends."""
    from proxy.store.db import AWAY

    complete = False
    try:
        with _progress(export) as traces:
            write(traces)
        complete = True
    except BrokenPipeError:
        # Whoever reads our output has enough. Nothing more can be written there, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except AWAY as error:
        fail(f"the database does not answer ({type(error).__name__})", "nothing was left half written")
    except OSError as error:
        fail(
            f"the export stopped after {export.count} traces ({error.strerror})",
            "nothing was left half written",
        )
    finally:
        export.end(complete)


@contextmanager
def _progress(export: Export) -> Iterator[Iterator[dict[str, Any]]]:
    """The traces, counted on a terminal as they go."""
    if not sys.stderr.isatty():
        yield export.traces()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("traces"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("export", total=export.total())

        def counted() -> Iterator[dict[str, Any]]:
            for trace in export.traces():
                progress.advance(task)
                yield trace

        yield counted()


@contextmanager
def _target(output: Path | None) -> Iterator[BinaryIO]:
    """Where the bytes go. A file has its name once it is whole; an export that stops leaves what was there before."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if output.is_dir():
        fail(f"{output} is a folder", "name a file")
    output = output.resolve()
    if output.exists() and not output.is_file():
        # A device or a pipe is written, not replaced.
        with output.open("wb") as file:
            yield file
        return
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        # What is in it is for this user alone.
        file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")
    except OSError as error:
        fail(f"{output} cannot be written ({error.strerror})", "name a file in a folder that exists")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _send(traces: Iterable[dict[str, Any]], collector: Otlp) -> None:
    """Send traces in batches. Exit code 1 when the collector does not take one."""
    from proxy.telemetry_otlp import sending
    from proxy.version import version

    send, sent = sending(collector, version()), 0
    for batch in _batches(traces, collector.content):
        for attempt in range(_TRIES):
            if send(batch):
                break
            time.sleep(min(2**attempt, 10) if attempt + 1 < _TRIES else 0)
        else:
            typer.echo(
                f"guardhouse: the collector took {sent} spans and not the next {len(batch)}: see that "
                f"{plain(collector.url)} answers, and export again. A span that is sent twice is the same one.",
                err=True,
            )
            raise typer.Exit(1)
        sent += len(batch)
    typer.echo(f"{sent} spans sent.", err=True)


def _batches(traces: Iterable[dict[str, Any]], content: bool) -> Iterator[list[tuple[Any, dict[str, Any]]]]:
    """Spans, as many as a collector takes at once: fewer where their texts are long."""
    from proxy.export.spans import seen, told

    batch: list[tuple[Any, dict[str, Any]]] = []
    size = 0
    for trace in traces:
        batch.append((seen(trace), told(trace, content)))
        size += sum(len(batch[-1][1].get(name, "")) for name in ("input.value", "output.value"))
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
