"""The commands `guardhouse golden diff | release | quarantine`: what changed in a set, and making it count."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from evals.errors import EvalsError, GoldenError
from guardrails.cli_show import shown

if TYPE_CHECKING:
    from evals.releasing import Released
    from evals.versioning import Difference, FieldChange

Folder = Annotated[
    Path, typer.Argument(help="Folder with items.jsonl and manifest.json.", show_default=False)
]
Place = Annotated[str, typer.Argument(help="Folder of a golden set, or REF:PATH in git.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

AROUND = 60
"""Characters that are shown of a value, on either side of where it begins to differ."""


def register(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    app.command("diff")(diff_command)
    app.command("release")(release_command)
    app.command("quarantine")(quarantine_command)


def fail(error: EvalsError) -> NoReturn:
    """One line on standard error, and exit code 2."""
    typer.echo(f"guardhouse: {shown(str(error))}", err=True)
    raise typer.Exit(2) from None


def diff_command(before: Place, after: Place, as_json: AsJson = False) -> None:
    """Say what changed from one set to another, field by field, and the version step it asks for."""
    from evals import versioning
    from evals.golden_source import snapshot

    try:
        old, new = (snapshot(where) for where in (before, after))
    except EvalsError as error:
        fail(error)
    changes = versioning.difference(old.items, new.items)
    sides = [{str(item["id"]): item for item in side.items} for side in (old, new)]
    touched = sorted((*changes.changed, *changes.retouched))
    fields = {name: versioning.fields(sides[0][name], sides[1][name]) for name in touched}
    if as_json:
        told = {name: [asdict(change) for change in differ] for name, differ in fields.items()}
        typer.echo(json.dumps({**asdict(changes), "step": changes.step, "fields": told}))
        return
    for verb in ("added", "removed", "changed", "retouched"):
        for name in getattr(changes, verb):
            typer.echo(f"{verb} {name}")
            for change in fields.get(name, ()):
                typer.echo(f"  {shown(_told(change))}")
    typer.echo(f"step: {changes.step}")


def release_command(
    directory: Folder,
    version: Annotated[str, typer.Option(help="Version to release; default: what the changes ask for.")] = "",
    since: Annotated[
        str, typer.Option(help="Parent: a folder, or a git ref; default: the last commit, else the manifest.")
    ] = "",
    licence: Annotated[str, typer.Option(help="Licence of the set, as an SPDX identifier.")] = "",
    created_by: Annotated[str, typer.Option(help="Who made the set.")] = "",
    reviewed_by: Annotated[str, typer.Option(help="Who has reviewed this version.")] = "",
    note: Annotated[str, typer.Option(help="A sentence for the changelog.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make edits by hand count: step the version as they demand, hash, scan for personal data, tell the changelog."""
    from evals import golden_scan, releasing

    wish = releasing.Wish(version, since, licence, created_by, reviewed_by, note)
    try:
        done = releasing.release(directory, wish)
    except EvalsError as error:
        fail(error)
    if found := golden_scan.told(done.pii_scan or {}):
        typer.echo(f"guardhouse: warning: {found}: take it out and release again", err=True)
    typer.echo(json.dumps(asdict(done)) if as_json else "\n".join(_released(directory, done)))


def quarantine_command(
    directory: Folder,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Items.", show_default=False)],
    owner: Annotated[str, typer.Option(help="Who sees to them. Needed, but with --lift.")] = "",
    until: Annotated[
        str, typer.Option(help="Last day, YYYY-MM-DD, at most 90 days ahead. Needed, but with --lift.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why they cannot be relied on.")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="Make them active again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep items out of runs for a while. After the last day they are run again, and `golden check` complains."""
    from evals import quarantine

    try:
        if lift and (owner or until or reason):
            raise GoldenError("--lift takes no owner, end or reason", fix="leave them out")
        if lift:
            version, changes = quarantine.lift(directory, ids)
        else:
            version, changes = quarantine.begin(directory, ids, owner, until, reason)
    except EvalsError as error:
        fail(error)
    if as_json:
        typer.echo(json.dumps({"version": version, **asdict(changes), "step": changes.step}))
        return
    done = "active again" if lift else f"quarantined until {until}"
    typer.echo(f"{directory}: {version} ({changes.step}: {', '.join(ids)} {done})")


def _released(directory: Path, done: Released) -> list[str]:
    """What a release did, in words."""
    told = [f"{directory}: a change that was cut off was {done.mended}"] if done.mended else []
    if not done.written:
        return [*told, f"{directory}: {done.version}, nothing changed"]
    if done.version == done.before:
        return [*told, f"{directory}: {done.version} written anew; no item changed"]
    after = f" after {done.before}" if done.before else ""
    what = _counts(done.changes) or (
        "the manifest alone" if done.step == "patch" else "what hashes do not tell"
    )
    return [*told, f"{directory}: {done.version}{after} ({done.step}: {what})"]


def _counts(changes: Difference) -> str:
    """How many items came, went and changed."""
    counts = [
        f"{len(ids)} {verb}"
        for verb in ("added", "removed", "changed", "retouched")
        if (ids := getattr(changes, verb))
    ]
    return ", ".join(counts)


def _told(change: FieldChange) -> str:
    """A field and its values, shortened to where they begin to differ."""
    from evals.golden import canonical

    sides = ["none" if value is None else canonical(value) for value in (change.before, change.after)]
    same = next(
        (at for at, pair in enumerate(zip(*sides, strict=False)) if len({*pair}) > 1), min(map(len, sides))
    )
    return f"{change.field}: {' → '.join(_around(side, same) for side in sides)}"


def _around(text: str, at: int) -> str:
    if len(text) <= 2 * AROUND:
        return text
    start, end = max(0, at - AROUND), at + AROUND
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
