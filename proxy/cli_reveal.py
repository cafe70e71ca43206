"""`guardhouse traces reveal`: what was said before masking, for whoever may read the data folder; on record."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, fail, fresh_file, opened


def register(traces: typer.Typer) -> None:
    """Add the command to the `traces` commands."""
    traces.command("reveal")(reveal)


def reveal(
    id: str = typer.Argument(help="Trace id, as the reply's x-guardhouse-trace-id says."),
    part: str = typer.Option(help="request or response."),
    reason: str = typer.Option(help="Why, in 10 to 500 characters. It is kept in the audit log."),
    output: Path | None = typer.Option(None, "--output", "-o", help="File to write [default: stdout]."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Print a part of a trace as it was before masking, where its policy keeps that."""
    from proxy.raw import PARTS
    from proxy.store import reveals
    from proxy.store.audit import CLI

    if part not in PARTS:
        fail(f"--part takes {' or '.join(PARTS)}")
    wanted = reveals.Wanted(id, part, CLI, None)
    try:
        why = reveals.checked_reason(reason)
        # A file that cannot be made is told before anything is revealed.
        with opened(config, data_dir) as store, fresh_file(output) if output else nullcontext() as file:
            grant = reveals.ask(store, wanted, why, ttl_s=60, per_hour=sys.maxsize)
            found = reveals.read(store, wanted, grant.id, per_hour=sys.maxsize)
            if file is not None:
                file.write(found.data)
    except ValueError as error:
        fail(f"--{error}")
    except reveals.NotThere:
        fail("there is no such trace, or nothing was kept of this part from before masking", "see `capture`")
    except reveals.Gone:
        fail("what was kept of this part is gone: its time was over, or it was erased")
    if found.cut:
        typer.echo("It was longer: only its beginning was kept.", err=True)
    if output is not None:
        return
    if sys.stdout.isatty():
        typer.echo(_inert(found.data))
    else:
        sys.stdout.buffer.write(found.data)


def _inert(data: bytes) -> str:
    """A stranger's bytes with nothing in them that a terminal would obey."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
