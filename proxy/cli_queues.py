"""Commands for whoever organises reviews: `guardhouse queues ...`."""

from __future__ import annotations

from pathlib import Path

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, fail, opened, plain, said

TENANT = typer.Option("default", "--tenant", help="The tenant.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    queues = typer.Typer(help="Which traces are to be reviewed, by how many.", no_args_is_help=True)
    queues.command("list")(queues_list)
    queues.command("add")(queues_add)
    queues.command("close")(queues_close)
    app.add_typer(queues, name="queues")


def queues_list(as_json: bool = JSON, data_dir: Path | None = DATA_DIR, config: Path | None = CONFIG) -> None:
    """List the queues, and how each stands."""
    from proxy.store import queues
    from proxy.store.queue_figures import queue_figures

    with opened(config, data_dir) as store:
        rows = queues.queues(store, None)
        found = queue_figures(store, [row["id"] for row in rows])
    if as_json:
        said([{**row, "open": found[row["id"]].open, "disputed": found[row["id"]].disputed} for row in rows])
        return
    for row in rows:
        state = "closed" if row["closed_us"] else f"{found[row['id']].open} open"
        takes = f"{row['share'] * 100:g} %, {row['reviews']} each{', blind' if row['blind'] else ''}"
        typer.echo(f"{row['id']:32}  {plain(row['name']):20}  {state:12}  {takes:22}  {plain(row['filter'])}")


def queues_add(
    name: str = typer.Argument(help="What reviewers call it."),
    filter: str = typer.Argument("", help="Which traces, in the filter grammar, without times."),
    share: float = typer.Option(
        1.0, "--share", help="Which part of them, by chance: 0.01 is one in a hundred."
    ),
    reviews: int = typer.Option(1, "--reviews", help="How many reviewers look at each."),
    blind: bool = typer.Option(
        False, "--blind", help="Nobody sees what others said before having said something."
    ),
    priority: int = typer.Option(0, "--priority", help="Queues with a higher one come first."),
    tenant: str = TENANT,
    as_json: bool = JSON,
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Make a queue: traces of the last 24 hours, and what comes."""
    from proxy.store import queues
    from proxy.store.audit import CLI

    with opened(config, data_dir) as store:
        try:
            new = queues.NewQueue(name, filter, share, reviews, blind, priority)
            row = queues.add_queue(store, new, tenant, CLI)
        except queues.QueueError as error:
            fail(str(error))
    if as_json:
        said(row)
    else:
        typer.echo(f"{row['id']} takes what comes from now on, and the traces of the last 24 hours")


def queues_close(
    id: str = typer.Argument(help="Id or name of the queue, as `list` tells it."),
    data_dir: Path | None = DATA_DIR,
    config: Path | None = CONFIG,
) -> None:
    """Have nothing more come into a queue, nor be taken from it."""
    from proxy.store import queues
    from proxy.store.audit import CLI

    with opened(config, data_dir) as store:
        if queues.find_queue(store, id, None) is None:
            fail(f"there is no queue {id}", "`guardhouse queues list` tells them")
        closed = queues.close_queue(store, id, None, CLI)
    typer.echo("closed" if closed else "it was closed already")
