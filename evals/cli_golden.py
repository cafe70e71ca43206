"""The commands `guardhouse golden …`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.errors import EvalsError, GoldenError

golden_app = typer.Typer(no_args_is_help=True, help="Check and change golden sets.")

Folder = Annotated[
    Path, typer.Argument(help="Folder with items.jsonl and manifest.json.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    app.add_typer(golden_app, name="golden")


@golden_app.command("check")
def check_command(directory: Folder, as_json: AsJson = False) -> None:
    """Check that a set is what its manifest says, and in canonical form. Exit code 2 when it is not."""
    from evals import golden, versioning

    try:
        complaints = versioning.check(directory)
        ref = golden.load(directory).ref
    except EvalsError as error:
        _fail(error)
    for complaint in complaints:
        typer.echo(f"guardhouse: {complaint}: rewrite it with `guardhouse golden add`", err=True)
    if complaints:
        raise typer.Exit(2)
    told = {"name": ref.name, "version": ref.version, "n": ref.n, "content_sha256": ref.content_sha256}
    typer.echo(
        json.dumps(told) if as_json else f"{ref.name} {ref.version}: {ref.n} active items, hash agrees"
    )


@golden_app.command("add")
def add_command(
    directory: Folder,
    from_json: Annotated[
        str, typer.Option(help="File, or - for standard input: items as JSON or JSON Lines.")
    ],
    replace: Annotated[bool, typer.Option(help="Let an item take the place of one with its id.")] = False,
    note: Annotated[str, typer.Option(help="A sentence for the changelog.")] = "",
) -> None:
    """Add items, re-hash the set, step its version as the change demands, and write the changelog."""
    from evals import versioning

    try:
        version, changes = versioning.add(directory, _items(from_json), replace=replace, note=note)
    except EvalsError as error:
        _fail(error)
    counts = f"{len(changes.added)} added, {len(changes.changed)} changed, {len(changes.retouched)} retouched"
    typer.echo(f"{directory}: {version} ({changes.step}: {counts})")


@golden_app.command("diff")
def diff_command(before: Folder, after: Folder, as_json: AsJson = False) -> None:
    """Say what changed from one set to another, and the version step it asks for."""
    from dataclasses import asdict

    from evals import golden, versioning

    try:
        sets = [golden.read_items(directory / golden.ITEMS) for directory in (before, after)]
    except EvalsError as error:
        _fail(error)
    changes = versioning.difference(*sets)
    if as_json:
        typer.echo(json.dumps({**asdict(changes), "step": changes.step}))
        return
    for verb in ("added", "removed", "changed", "retouched"):
        for name in getattr(changes, verb):
            typer.echo(f"{verb} {name}")
    typer.echo(f"step: {changes.step}")


def _items(source: str) -> list[Any]:
    """The items of a JSON array, a JSON object or JSON Lines. Raises GoldenError."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or "not UTF-8"
        raise GoldenError(f"cannot be read ({detail})", fix="check --from-json", file=source) from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _lines(text, source)
    return value if isinstance(value, list) else [value]


def _lines(text: str, source: str) -> list[Any]:
    items = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                items.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                fix = "write a JSON array, or one JSON object a line"
                raise GoldenError(f"not JSON ({error})", fix=fix, file=source, line=number) from None
    return items


def _fail(error: EvalsError) -> Any:
    typer.echo(f"guardhouse: {error}", err=True)
    raise typer.Exit(2) from None
