"""The command `guardhouse eval rescore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals import cli_options as given
from evals.cli_options import AsJson, told


def rescore_command(
    run: Annotated[Path, typer.Argument(help="A run.json.", show_default=False)],
    golden: Annotated[Path, typer.Option(help="Folder of the golden set that the run is about.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            callback=given.filled,
            help="A proxy's address, from whose stored traces the hits are taken.",
        ),
    ] = "",
    scorer: Annotated[
        list[str] | None,
        typer.Option(help="Scorer; default: the run's, with --from those of retrieval."),
    ] = None,
    out: given.Out = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", "--api-key", envvar="GUARDHOUSE_API_KEY", help="API key, with --from.", show_envvar=True
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Score a run's stored outputs again. Exits 0 pass, 1 block, 2 invalid, 3 inconclusive."""
    with told():
        import asyncio

        from evals import document
        from evals import golden as sets
        from evals.cli_watch import finish
        from evals.rescoring import Stored, chosen, rescore
        from evals.traces import fetch

        before = document.load(run)
        cases = sets.load(golden)
        scorers = chosen(before, scorer or (), bool(source))
        stored = None
        if source:
            ids = [item.output.trace_id for item in before.items]
            stored = Stored(source.rstrip("/").removesuffix("/v1"), fetch(ids, source, key))
        again = asyncio.run(rescore(before, cases, scorers, stored))
        finish(
            again, out or run.resolve().parent / ("rescored-from-traces" if source else "rescored"), as_json
        )
