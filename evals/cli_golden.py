"""The commands `guardhouse golden …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals import cli_golden_places, cli_golden_release
from evals.cli_golden_release import AsJson, Folder, fail
from evals.errors import EvalsError, GoldenError
from guardrails.cli_show import shown

if TYPE_CHECKING:
    from evals.adding import Plan
    from evals.golden import Item
    from evals.golden_check import Complaint
    from evals.versioning import Difference

golden_app = typer.Typer(no_args_is_help=True, help="Check and change golden sets.")


def register(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    cli_golden_release.register(golden_app)
    cli_golden_places.register(golden_app)
    app.add_typer(golden_app, name="golden")


@golden_app.command("check")
def check_command(
    directory: Folder,
    corpus: Annotated[
        Path | None, typer.Option(help="Documents that the relevant passages must be found in.")
    ] = None,
    prompt: Annotated[
        list[Path] | None, typer.Option(help="File that no input may stand in. May be given more than once.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 for warnings too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that a set can be trusted: as its manifest says, labelled, split cleanly, nobody's data. Else exits 2."""
    from evals import golden_check

    try:
        report = golden_check.check(directory, prompts=prompt or ())
        complaints = [*report.complaints, *(_borne_out(directory, corpus) if corpus else ())]
    except EvalsError as error:
        if as_json:
            typer.echo(
                json.dumps({"complaints": [{"level": "error", "what": str(error), "fix": "", "ids": []}]})
            )
        fail(error)
    for complaint in complaints:
        mark = "" if complaint.level == "error" else "warning: "
        typer.echo(f"guardhouse: {mark}{shown(str(complaint))}", err=True)
    is_bad = any(complaint.level == "error" or strict for complaint in complaints)
    head = {"name": report.name, "version": report.version, "n": report.n}
    if as_json:
        told = [asdict(complaint) for complaint in complaints]
        typer.echo(json.dumps(head | {"content_sha256": report.content_sha256, "complaints": told}))
    elif not is_bad:
        typer.echo(f"{report.name} {report.version}: {report.n} active items, hash agrees")
    if is_bad:
        raise typer.Exit(2)


def _borne_out(directory: Path, corpus: Path) -> Iterator[Complaint]:
    """Complaints about passages that a corpus does not bear out."""
    from evals import golden, places
    from evals.golden_check import Complaint

    items, _ = golden.survey_items(golden.read_text(directory / golden.ITEMS), str(directory))
    for what in places.check(items, corpus):
        yield Complaint("error", what, "")


@golden_app.command("add")
def add_command(
    directory: Folder,
    from_json: Annotated[
        str, typer.Option(help="File, or - for standard input: items as JSON or JSON Lines.")
    ] = "",
    from_: Annotated[
        str, typer.Option("--from", help="Address of a candidate at a proxy, or of their list.")
    ] = "",
    import_: Annotated[
        Path | None, typer.Option("--import", help="File of another tool: promptfoo, DeepEval, Ragas, CSV.")
    ] = None,
    format: Annotated[
        str, typer.Option(help="With --import: auto, promptfoo, deepeval, ragas or csv.")
    ] = "auto",
    replace: Annotated[bool, typer.Option(help="Let an item take the place of one with its id.")] = False,
    note: Annotated[str, typer.Option(help="A sentence for the changelog.")] = "",
    key: Annotated[
        str, typer.Option(envvar="GUARDHOUSE_API_KEY", help="API key, with --from.", show_envvar=True)
    ] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Let --from ask without encryption.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be added.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add items, re-hash the set, step its version as the change demands, and write the changelog."""
    try:
        if [bool(from_json), bool(from_), import_ is not None].count(True) != 1:
            raise GoldenError(
                "nothing to add, or two sources", fix="give --from URL, --from-json FILE or --import FILE"
            )
        if from_:
            _add_promoted(
                directory,
                from_,
                key or _asked_key(),
                insecure=insecure,
                dry_run=dry_run,
                as_json=as_json,
                note=note,
            )
            return
        items = _imported(import_, format) if import_ else _items(from_json)
        version, changes = _added(directory, items, replace=replace, note=note, dry_run=dry_run)
    except EvalsError as error:
        fail(error)
    if as_json:
        told = {"version": "" if dry_run else version, **asdict(changes), "step": changes.step}
        typer.echo(json.dumps(told))
        return
    counts = f"{len(changes.added)} added, {len(changes.changed)} changed, {len(changes.retouched)} retouched"
    summary = f"{version} ({changes.step}: {counts})"
    if not dry_run:
        typer.echo(f"{directory}: {summary}")
        return
    typer.echo("\n".join(_written(items, {*changes.added, *changes.changed, *changes.retouched})))
    typer.echo(f"guardhouse: {directory} would be {summary}; nothing was written", err=True)


def _added(
    directory: Path, items: list[Any], *, replace: bool, note: str, dry_run: bool
) -> tuple[str, Difference]:
    """Add items to a set, which is made where there is none; warn of what it lacks or holds. Raises GoldenError."""
    from evals import golden, golden_scan, starting, versioning

    is_new = starting.is_new(directory)
    if is_new:
        version, changes = starting.start(directory, items, note=note, dry_run=dry_run)
    else:
        version, changes = versioning.add(directory, items, replace=replace, note=note, dry_run=dry_run)
    scan = golden_scan.scan(items).document() if dry_run else golden.read_manifest(directory).pii_scan
    if found := golden_scan.told(scan or {}):
        fix = "take it out" if dry_run else "take it out, then run `guardhouse golden release`"
        typer.echo(f"guardhouse: warning: {shown(found)}: {fix}", err=True)
    if is_new and not dry_run:
        what = "a new set, without a licence: run `guardhouse golden release` with --licence"
        typer.echo(f"guardhouse: warning: {directory} is {what}", err=True)
    return version, changes


def _written(items: list[Item], ids: set[str]) -> Iterator[str]:
    """Those items that have one of the ids, as lines of a set."""
    from evals.golden import canonical

    yield from (shown(canonical(item)) for item in items if item["id"] in ids)


def _imported(path: Path, format: str) -> list[Any]:
    """The items in another tool's file. What could not be taken over is told. Raises GoldenError."""
    from evals import importing

    imported = importing.read(path, format)
    for note in imported.notes:
        typer.echo(f"guardhouse: {shown(note)}", err=True)
    return list(imported.items)


def _asked_key() -> str:
    """The key that somebody at a terminal types. Raises GoldenError where nobody is there."""
    if not sys.stdin.isatty():
        raise GoldenError("--from needs a key", fix="give it with --key or GUARDHOUSE_API_KEY")
    return str(typer.prompt("API key", hide_input=True, err=True))


def _add_promoted(
    directory: Path, url: str, key: str, *, insecure: bool, dry_run: bool, as_json: bool, note: str
) -> None:
    """Take candidates into a set. Exits with 2 when none of them can be taken."""
    from evals import adding, golden, versioning

    golden.agree(golden.read_manifest(directory), golden.read_items(directory / golden.ITEMS), directory)
    asked = adding.address(url, insecure=insecure)
    plan = adding.plan(directory, adding.fetch(asked, key))
    version, untold = "", list[str]()
    if plan.items and not dry_run:
        version, _ = versioning.add(directory, plan.items, note=note)
        untold = adding.tell(asked, key, plan.taken)
    told = {
        "version": version,
        "added": [item["id"] for item in plan.items],
        "left": [asdict(each) for each in plan.left],
        "untold": untold,
    }
    typer.echo(json.dumps(told) if as_json else "\n".join(_in_words(directory, plan, version)))
    for each in plan.left:
        typer.echo(f"guardhouse: candidate {shown(each.id)} is left out: {shown(each.reason)}", err=True)
    if untold:
        typer.echo(
            f"guardhouse: the proxy could not be told of {len(untold)}; its page lists them as open", err=True
        )
    if not plan.items:
        raise typer.Exit(2)


def _in_words(directory: Path, plan: Plan, version: str) -> Iterator[str]:
    """What was added, or would be: each line as it stands in the file."""
    if not plan.items:
        yield f"{directory}: nothing was added"
    elif version:
        yield f"{directory}: {version} (minor: {len(plan.items)} added)"
        yield from (f"added {item['id']}" for item in plan.items)
    else:
        yield from _written(list(plan.items), {item["id"] for item in plan.items})


@golden_app.command("erase")
def erase_command(
    receipt: Annotated[Path, typer.Argument(help="The receipt that `guardhouse traces erase` wrote.")],
    directory: Annotated[Path, typer.Argument(help="A golden set, or a folder of them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take out the items that were made from erased traces; each set gets a new hash and version."""
    from evals import erasing

    try:
        told = erasing.read_receipt(receipt)
        if dry_run:
            found = erasing.items_of(directory, told)
            erased = [erasing.Erased(folder, tuple(item["id"] for item in items)) for folder, items in found]
        else:
            erased = erasing.erase(directory, told)
    except EvalsError as error:
        fail(error)
    if as_json:
        sets = [{"set": str(each.directory), "version": each.version, "items": each.ids} for each in erased]
        typer.echo(json.dumps(sets))
        return
    for each in erased:
        typer.echo(f"{each.directory}: {each.version or 'would lose'} {', '.join(each.ids)}")
    if not erased:
        typer.echo("nothing there was made from these traces")


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
