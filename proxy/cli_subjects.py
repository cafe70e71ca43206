"""Commands about the people whom traces are about: `guardhouse traces erase` and `guardhouse traces subject`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, fresh_file, opened, said

if TYPE_CHECKING:
    from proxy.store.db import Store
    from proxy.store.erasures import Meant, Who

Find = Callable[[Path, Mapping[str, Any]], Iterable[tuple[Path, Sequence[Mapping[str, Any]]]]]
"""The items of golden sets below a folder that belong to an erasure's receipt, by set."""
Remove = Callable[[Path, Mapping[str, Any]], Any]
"""Takes these items out of their sets."""

USER = typer.Option(
    None, help="The person, as the apps name them: user, safety_identifier, metadata.user_id …"
)
VALUE = typer.Option(None, help="A value that a rule found, as it was written. May be given again.")
SESSION = typer.Option(None, help="A session by its name.")
TRACE = typer.Option(None, help="Id of a trace. May be given again.")
TENANT = typer.Option("default", help="Whose traces.")
SCAN = typer.Option(False, "--scan", help="With --user or --value: also read every stored text for it. Slow.")

_NOTHING = "nothing is held under this name: look at how it is written, and at --tenant"


def register(traces: typer.Typer, find: Find, remove: Remove) -> None:
    """Add the commands; golden sets are the business of the two functions."""
    _add_erase(traces, find, remove)
    _add_subject(traces, find)


def _add_erase(traces: typer.Typer, find: Find, remove: Remove) -> None:
    @traces.command("erase")
    def erase_(
        filter: str | None = typer.Argument(None, help="Traces by a filter instead."),
        user: str | None = USER,
        value: list[str] | None = VALUE,
        session: str | None = SESSION,
        trace: list[str] | None = TRACE,
        tenant: str = TENANT,
        scan: bool = SCAN,
        resume: bool = typer.Option(False, "--resume", help="Only go on with erasures that were cut off."),
        reason: str = typer.Option("", help="Why, for the record. Name nobody here. Needed to erase."),
        dry_run: bool = typer.Option(False, "--dry-run", help="Only count."),
        yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
        golden: Path | None = typer.Option(None, help="Also erase in the golden sets below this folder."),
        receipt: Path | None = typer.Option(None, help="File for the receipt [default: erasure-ID.json]."),
        rewrite: bool = typer.Option(
            True, help="Write the database's files anew, so that no byte of what went is left."
        ),
        as_json: bool = JSON,
        data_dir: Path | None = DATA_DIR,
        config: Path | None = CONFIG,
    ) -> None:
        """Erase traces with everything that belongs to them. Exits 1 when a legal hold kept some."""
        from proxy.store import erasing

        who = None if resume else _who(filter, user, value, session, trace, tenant, scan)
        if who is not None and not dry_run and not reason.strip():
            fail("an erasure needs a reason", "give one with --reason")
        _check_writable(receipt or Path("erasure-ID.json"), unless=dry_run)
        with opened(config, data_dir) as store, _told_of_holds():
            if who is not None:
                meant = _meant(store, who)
                told = _counted(store, meant, golden, find)
                if dry_run or not _agreed(told, yes, as_json):
                    _shown(told, as_json)
                    raise typer.Exit(0 if dry_run else 1)
                if not _any(told):
                    typer.echo(_NOTHING, err=True)
            begun = _begun(store, None if who is None else meant, reason)
            held = False
            for id in begun:
                told = erasing.erase(store, id, partial(_told, id), rewritten=rewrite)
                held = held or bool(told["held"])
                _handed(store, told, golden, remove, receipt if id == begun[-1] else None, as_json)
            if who is None and not _gone_on(store, begun, golden, remove, as_json) and not begun:
                typer.echo("nothing to go on with: no erasure was cut off", err=as_json)
        if held:
            raise typer.Exit(1)


def _add_subject(traces: typer.Typer, find: Find) -> None:
    @traces.command("subject")
    def subject_(
        user: str | None = USER,
        value: list[str] | None = VALUE,
        session: str | None = SESSION,
        trace: list[str] | None = TRACE,
        tenant: str = TENANT,
        scan: bool = SCAN,
        raw: bool = typer.Option(
            False, "--raw", help="With texts as they were before the guardrails, where kept."
        ),
        reason: str = typer.Option(
            "", help="Why, in 10 to 500 characters, for the audit log. Needed for --raw."
        ),
        golden: Path | None = typer.Option(None, help="Also look into the golden sets below this folder."),
        output: Path | None = typer.Option(None, "--output", "-o", help="File to write [default: stdout]."),
        data_dir: Path | None = DATA_DIR,
        config: Path | None = CONFIG,
    ) -> None:
        """Write everything that is held about somebody, as JSON lines."""
        from proxy.store.audit import CLI
        from proxy.store.subject_data import records

        who = _who(None, user, value, session, trace, tenant, scan)
        why = _why(reason) if raw or reason else ""
        with opened(config, data_dir) as store, _told_of_holds():
            meant = _meant(store, who)
            with fresh_file(output) if output else nullcontext(sys.stdout.buffer) as file:
                file.writelines(
                    _line(one).encode() for one in records(store, meant, CLI, raw=raw, reason=why)
                )
                for folder, items in _golden(store, meant, golden, find) if golden else ():
                    told = ({"kind": "golden_item", "set": str(folder), "item": item} for item in items)
                    file.writelines(_line(one).encode() for one in told)


def _why(reason: str) -> str:
    from proxy.store.reveals import checked_reason

    try:
        return checked_reason(reason)
    except ValueError as error:
        fail(f"--{error}")


@contextmanager
def _told_of_holds() -> Iterator[None]:
    """While a hold cannot be read nobody knows what it keeps: a clear line, and nothing is erased."""
    from proxy.store.holds import HoldError

    try:
        yield
    except HoldError as error:
        fail(str(error), "release that hold and make it anew")


def _who(
    filter: str | None,
    user: str | None,
    value: list[str] | None,
    session: str | None,
    trace: list[str] | None,
    tenant: str,
    scan: bool,
) -> Who:
    from proxy.store.erasures import Kind, Who

    given: dict[Kind, Sequence[str] | None] = {
        "user": user and [user],
        "value": value,
        "session": session and [session],
        "traces": trace,
        "filter": filter and [filter],
    }
    named = [(kind, tuple(names)) for kind, names in given.items() if names]
    if len(named) != 1 or not all(name.strip() for name in named[0][1]):
        fail("say whose traces are meant", "give one of --user, --value, --session, --trace or a filter")
    kind, names = named[0]
    if scan and kind not in ("user", "value"):
        fail("--scan reads for a name or a value", "give --user or --value")
    return Who(kind, names, tenant, scan)


def _meant(store: Store, who: Who) -> Meant:
    from proxy.store.erasures import meant
    from proxy.store.filters import FilterError

    try:
        return meant(store, who)
    except FilterError as error:
        fail(f"the filter cannot be read at character {error.at + 1}", str(error))


def _counted(store: Store, meant: Meant, golden: Path | None, find: Find) -> dict[str, Any]:
    from proxy.store.erasures import count
    from proxy.store.subject_data import refused_records

    told = count(store, meant)
    told["refused"] = sum(one["document"] is not None for one in refused_records(store, meant, set()))
    if golden is not None:
        found = _golden(store, meant, golden, find)
        told["golden_items"] = {str(folder): [item["id"] for item in items] for folder, items in found}
    return told


def _golden(
    store: Store, meant: Meant, golden: Path, find: Find
) -> list[tuple[Path, Sequence[Mapping[str, Any]]]]:
    """The golden items that belong to what is meant, as if it were erased already."""
    from proxy.store.erasures import ids

    as_if = {
        "traces": ids(store, meant),
        "kind": meant.kind,
        "subject": meant.subject,
        "tenant": meant.tenant,
    }
    return list(find(golden, _with_earlier(store, as_if)))


def _agreed(told: Mapping[str, Any], yes: bool, as_json: bool) -> bool:
    if yes:
        return True
    if as_json or not sys.stdin.isatty():
        fail("nobody can be asked whether this is meant", "look with --dry-run, then give --yes")
    _shown(told, False)
    return typer.confirm("Erase them for good?")


def _any(told: Mapping[str, Any]) -> bool:
    names = ("traces", "held", "outside_spans", "written", "refused", "golden_items")
    return any(told.get(name) for name in names)


def _shown(told: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        said(told)
        return
    typer.echo(f"{told['traces']} traces, and {told['outside_spans']} spans of apps that name the person")
    if told.get("written"):
        typer.echo(f"{told['written']} comments, saved filters, queues and jobs that name them")
    if not _any(told):
        typer.echo(_NOTHING)
    if told["held"]:
        typer.echo(f"{told['held']} more are under a legal hold and stay")
    for folder, items in told.get("golden_items", {}).items():
        typer.echo(f"{folder}: {len(items)} golden items")


def _begun(store: Store, meant: Meant | None, reason: str) -> list[str]:
    """Ids of the erasures that were cut off before, and of the one that is asked for, which comes last."""
    from proxy.store import erasures
    from proxy.store.audit import CLI

    ids = erasures.unfinished(store)
    if meant is not None:
        ids.append(erasures.request(store, meant, erasures.Asked(CLI, reason.strip())))
    return ids


def _gone_on(store: Store, begun: Sequence[str], golden: Path | None, remove: Remove, as_json: bool) -> bool:
    """Hand over what is erased and was not told, and do golden sets for every erasure; whether there was any."""
    from proxy.store import erasures

    some = False
    for id, open in erasures.finished(store):
        if id in begun or not (open or golden):
            continue
        one = erasures.receipt(store, id)
        assert one is not None
        if open:
            _handed(store, one, golden, remove, None, as_json)
        elif golden is not None:
            sets = remove(golden, _with_earlier(store, one))
            _golden_told(sets, as_json)
            open = bool(sets)
        some = some or open
    return some


def _handed(
    store: Store,
    one: dict[str, Any],
    golden: Path | None,
    remove: Remove,
    receipt: Path | None,
    as_json: bool,
) -> None:
    """Save the receipt first: whoever is cut off in the golden sets can go on with it, or with `--resume`."""
    from proxy.store import erasures

    _kept(one, receipt, as_json)
    if golden is not None:
        _golden_told(remove(golden, _with_earlier(store, one)), as_json)
    erasures.handed(store, one["id"])


def _with_earlier(store: Store, one: Mapping[str, Any]) -> dict[str, Any]:
    """A receipt, with the traces of the same that went before: golden items may be left of those."""
    from proxy.store.erasures import erased_of

    return {**one, "traces": [*one["traces"], *erased_of(store, one["tenant"], one["subject"])]}


def _golden_told(sets: Any, as_json: bool) -> None:
    for each in sets:
        typer.echo(f"{each.directory}: {each.version}, without {', '.join(each.ids)}", err=as_json)


def _told(id: str, gone: int, every: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{id}: {gone} of {every} traces", err=True, nl=gone == every)


def _kept(one: dict[str, Any], receipt: Path | None, as_json: bool) -> None:
    """Save a receipt, and tell of it."""
    path = receipt or Path(f"erasure-{one['id']}.json")
    _write(path, [json.dumps(one, indent=2) + "\n"])
    if as_json:
        said(one)
        return
    typer.echo(f"{one['id']}: {len(one['traces'])} traces erased; the receipt is {path}")
    if one["held"]:
        typer.echo(f"{one['held']} traces stay under a legal hold; the receipt names them")
    if not one["rewritten"]:
        typer.echo("bytes of what was deleted may be left in the database's files: see --rewrite")


def _check_writable(path: Path, *, unless: bool) -> None:
    """Tell of a receipt that could not be written before anything is erased."""
    there = path if path.exists() else path.parent
    if not unless and (path.is_dir() or not path.parent.is_dir() or not os.access(there, os.W_OK)):
        fail(f"{path} cannot be written; nothing is erased", "name a file in a folder that can be written")


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        fail(f"{path} cannot be written ({error.strerror})", "name a file in a folder that exists")


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True, default=str) + "\n"
