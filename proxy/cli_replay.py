"""`guardhouse policy replay`: what a new policy would have made of the traffic that the store holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from proxy.cli_admin import CONFIG, DATA_DIR, JSON, chosen, inert, opened, said

if TYPE_CHECKING:
    from guardrails.policy import Policy
    from proxy.replay import Replayed, Summary

_SHOWN = 50
_FAIL_ON = {"never": (), "weaker": ("weaker",), "any": ("weaker", "stricter", "other")}


def register(app: typer.Typer, read: Callable[[str], Policy]) -> None:
    """Adds the command; `read` gives the policy of a file or a shipped name."""

    @app.command("replay")
    def replay(
        old: str = typer.Argument(help="The policy as it was: a file or a shipped name."),
        new: str = typer.Argument(help="The policy as it is to be."),
        filter: str = typer.Option("", "--filter", help="Only traces of this filter, e.g. 'team:search'."),
        since: str = typer.Option("7d", help="RFC 3339 time, or an age such as 24h."),
        limit: int = typer.Option(1000, min=1, help="Traces to look at, the newest first."),
        reviewed: bool = typer.Option(False, "--reviewed", help="Only traces that a reviewer judged."),
        fail_on: str = typer.Option("never", help="Exit 1 for traces that become: never, weaker, any."),
        as_json: bool = JSON,
        data_dir: Path | None = DATA_DIR,
        config: Path | None = CONFIG,
    ) -> None:
        """Show which stored traffic would be judged otherwise. Masked values are replaced by stand-ins."""
        from guardrails.engine import load_guard
        from proxy.store.filters import where
        from proxy.store.reading import documents

        if fail_on not in _FAIL_ON:
            raise typer.BadParameter(f"use one of: {', '.join(_FAIL_ON)}.", param_hint="--fail-on")
        guards = [load_guard(read(name), b"guardhouse replay") for name in (old, new)]
        filters = chosen(filter, since=since, reviewed=reviewed or None, shadow=False)
        with opened(config, data_dir) as store:
            found = documents(store, where(filters, store.key, search=store.search), limit)
            summary, changed = asyncio.run(_run(found, *guards))
        labels = [guard.policy.label for guard in guards]
        if as_json:
            said(_as_json(labels, summary, changed))
        else:
            typer.echo(inert("\n".join(_in_words(labels, summary, changed))))
        if any(summary.changes[kind] for kind in _FAIL_ON[fail_on]):
            raise typer.Exit(1)


async def _run(found: Iterator[dict[str, Any]], old: Any, new: Any) -> tuple[Summary, list[Replayed]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from proxy.replay import Summary, replay

    summary, changed = Summary(), []
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed} traces"),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("replay", total=None)
        async for told in replay(found, old, new, summary):
            progress.advance(task)
            if told.change != "same":
                changed.append(told)
    return summary, changed


def _as_json(labels: list[str], summary: Summary, changed: list[Replayed]) -> dict[str, Any]:
    return {
        "old": labels[0],
        "new": labels[1],
        "traces": summary.traces,
        "skipped": summary.skipped,
        "changes": dict(summary.changes),
        "rules": dict(summary.rules),
        "without_stand_in": dict(summary.left),
        "failures": dict(summary.failures),
        "changed": [
            {
                "id": told.id,
                "change": told.change,
                "sides": [
                    {
                        "side": side.side,
                        "old": side.old,
                        "new": side.new,
                        "gone": side.gone,
                        "come": side.come,
                    }
                    for side in told.sides
                ],
            }
            for told in changed
        ],
    }


def _in_words(labels: list[str], summary: Summary, changed: list[Replayed]) -> Iterator[str]:
    counts = ", ".join(f"{summary.changes[kind]} {kind}" for kind in ("stricter", "weaker", "other", "same"))
    yield f"{labels[0]} to {labels[1]}: {summary.traces} traces: {counts}"
    for name, count in sorted(summary.rules.items(), key=lambda each: (-each[1], each[0])):
        yield f"  {name}: {count}"
    for told in changed[:_SHOWN]:
        actions = ", ".join(f"{side.side} {side.old} to {side.new}" for side in told.sides)
        yield f"  {told.id}  {told.change:8}  {actions}"
    if len(changed) > _SHOWN:
        yield f"  and {len(changed) - _SHOWN} more; --json lists all"
    if summary.skipped:
        yield f"  {summary.skipped} traces without kept texts were skipped"
    if summary.left:
        kinds = json.dumps(dict(summary.left.most_common(10)))[1:-1].replace('"', "")
        yield f"  masked values for which there is no stand-in, so that no policy finds them: {kinds}"
    for rule, count in summary.failures.items():
        yield f"  rule {rule} could not be asked {count} times"
