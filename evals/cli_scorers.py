"""The command `guardhouse eval scorers`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from evals.cli_options import told

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object a scorer.")]


def scorers_command(as_json: AsJson = False) -> None:
    """List every scorer: name, version, what it measures, what a case has to say, which values are better."""
    with told():
        from evals.scorer_list import described
        from guardrails.cli_show import shown

        found = described()
        if as_json:
            typer.echo(json.dumps([asdict(each) for each in found], indent=2))
            return
        for each in found:
            better = "higher is better" if each.higher_is_better else "lower is better"
            judge = ", asks a judge" if each.asks_judge else ""
            default = "" if each.by_default else ", on request"
            version = f" {each.version}" if each.version else ""
            typer.echo(f"{shown(each.name)}{shown(version)} ({better}{judge}{default})")
            typer.echo(f"  {shown(each.measures)}")
            if each.needs:
                typer.echo(f"  needs: {shown(each.needs)}")
