"""Commands for operators: `guardhouse traces prune` and `guardhouse traces hold ...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, opened, plain, said

if TYPE_CHECKING:
    from proxy.config_retention import Clocks
    from proxy.store.retention import Tally


def register(traces: typer.Typer) -> None:
    """Add the commands to `traces`."""
    traces.command("prune")(traces_prune)
    hold = typer.Typer(help="Keep traces that no retention and no erasure may take.", no_args_is_help=True)
    hold.command("add")(hold_add)
    hold.command("list")(hold_list)
    hold.command("release")(hold_release)
    traces.add_typer(hold, name="hold")


def traces_prune(
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go, and what is held."),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Delete what the clocks of guardhouse.retention have run out for, now."""
    from proxy.store import retention
    from proxy.store.audit import CLI
    from proxy.store.holds import HoldError

    clocks = _clocks(config, dry_run)
    with opened(config, data_dir) as store:
        try:
            planned = retention.plan(store, clocks)
            if dry_run:
                _told(planned, as_json, clocks, done=False)
                return
            total = planned.rows

            def tell(tally: Tally) -> None:
                typer.echo(f"\r{tally.rows} of {total} rows", err=True, nl=False)

            limits = retention.Limits(actor=CLI, tell=(lambda tally: None) if as_json else tell)
            tally = retention.run(store, clocks, limits)
        except HoldError as error:
            fail(str(error), "release that hold and make it anew")
        except retention.ClockError as error:
            fail(str(error), "set both right")
    tally.held = planned.held
    if not as_json:
        typer.echo("", err=True)
    _told(tally, as_json, clocks, done=True)


def _clocks(config: Path | None, dry_run: bool) -> Clocks:
    from proxy.config import load_config
    from proxy.config_retention import DEFAULT
    from proxy.errors import ConfigError
    from proxy.settings import load_settings

    try:
        settings = load_settings()
        path = config or settings.config
        if config is not None or path.exists():
            return load_config(path, settings).retention
    except ConfigError as error:
        fail(str(error))
    if not dry_run:
        # The proxy's own clocks may run longer.
        fail(f"there is no {path}, which says how long things are kept", "name it with --config")
    typer.echo(f"There is no {path}: these are the default clocks.", err=True)
    return DEFAULT


def _told(tally: Tally, as_json: bool, clocks: Clocks, done: bool) -> None:
    if as_json:
        said({"deleted" if done else "would_delete": tally.counts, "held": tally.held, "run": tally.id})
        return
    for clock, by_table in tally.counts.items():
        for table, rows in by_table.items():
            typer.echo(f"{clock:9} {getattr(clocks, clock):>6} days  {table:15} {rows:>12}")
    for table, rows in tally.held.items():
        typer.echo(f"{'held':9} {'':>11}  {table:15} {rows:>12}")
    if not tally.rows:
        typer.echo("Nothing is old enough to go.")


def hold_add(
    filter: str = typer.Argument(help="Which traces, in the filter grammar, e.g. 'rule:pii since:30d'."),
    reason: str = typer.Option(..., "--reason", help="Why; kept with the hold."),
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Hold the traces that a filter names, and will name."""
    from proxy.store import holds
    from proxy.store.audit import CLI
    from proxy.store.filters import FilterError

    with opened(config, data_dir) as store:
        try:
            made = holds.add(store, filter, reason, CLI)
        except (holds.HoldError, FilterError) as error:
            fail(str(error))
    if as_json:
        said(made)
    else:
        typer.echo(f"{made['id']} holds {made['traces']} traces now")


def hold_list(as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG) -> None:
    """List holds, newest first, with the number of traces that each has now."""
    from proxy.cli_admin import time_of
    from proxy.store import holds

    with opened(config, data_dir) as store:
        found = holds.listed(store)
    if as_json:
        said(found)
        return
    for row in found:
        state = "released" if row["released_us"] else f"{row['traces']} traces"
        told = f"{row['id']}  {time_of(row['created_us'])}  {state:14}  {plain(row['filter'])}  {plain(row['reason'])}"
        typer.echo(told)


def hold_release(
    id: str = typer.Argument(help="Id of the hold, as `list` tells it."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """End a hold: the next retention takes what its clocks say."""
    from proxy.store import holds
    from proxy.store.audit import CLI

    with opened(config, data_dir) as store:
        try:
            holds.release(store, id, CLI)
        except holds.HoldError as error:
            fail(str(error), "see guardhouse traces hold list")
    typer.echo(f"{plain(id)} is released")
