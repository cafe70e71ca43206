"""The command `guardhouse golden locate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(golden_app: typer.Typer) -> None:
    """Adds the command to the `golden` commands."""
    golden_app.command("locate")(locate)


def locate(
    directory: Annotated[
        Path, typer.Argument(help="Folder with items.jsonl and manifest.json.", show_default=False)
    ],
    corpus: Annotated[Path, typer.Option(help='JSONL, one {"id", "title"?, "text"} a line.')],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fill in where the quotes of relevant passages stand in a corpus, with their hashes."""
    from evals import golden, places, versioning
    from evals.errors import EvalsError

    version = ""
    try:
        golden.load(directory)
        before = golden.read_items(directory / golden.ITEMS)
        after = places.locate(before, corpus)
        complaints = places.check(after, corpus)
        changed = [new for old, new in zip(before, after, strict=True) if new != old]
        if changed and not dry_run:
            note = f"Passages located in {corpus.name}."
            version, _ = versioning.add(directory, changed, replace=True, note=note)
    except EvalsError as error:
        typer.echo(f"guardhouse: {error}", err=True)
        raise typer.Exit(2) from None
    located = [item["id"] for item in changed]
    left = places.unplaced(after)
    if as_json:
        typer.echo(
            json.dumps({"version": version, "located": located, "left": left, "complaints": complaints})
        )
    else:
        typer.echo(
            f"{directory}: {version or 'unchanged'}, {len(located)} items located, {len(left)} texts left"
        )
    for each in complaints + ([] if as_json else left):
        typer.echo(f"guardhouse: {each}", err=True)
