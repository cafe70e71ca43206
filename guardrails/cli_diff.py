"""The command `guardhouse policy diff`: what a change of policy changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from guardrails.cli_io import POLICY_HELP, decoded, opened, policy_named, progress, say
from guardrails.cli_show import shown

if TYPE_CHECKING:
    from guardrails.policy_diff import Case, Change, Difference
    from guardrails.trial import Trial


def register(app: typer.Typer) -> None:
    """Adds the command to an app."""
    app.command("diff")(diff)


def diff(
    old: Annotated[str, typer.Argument(help=POLICY_HELP)],
    new: Annotated[str, typer.Argument(help="The policy that is to take its place.")],
    jsonl: Annotated[
        str | None, typer.Option(help="More texts to try both on, as for `guardhouse check --jsonl`.")
    ] = None,
    fail_on: Annotated[
        Literal["weaker", "any"], typer.Option(help="What ends with exit code 1: weaker, or any difference.")
    ] = "weaker",
    show: Annotated[bool, typer.Option("--show", help="Also print the texts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Says what differs between two policies, and for which texts. Exits 1 when something gets weaker."""
    told = asyncio.run(_compared(old, new, jsonl, show))
    say(json.dumps(told, ensure_ascii=False) if as_json else _in_words(told))
    changed = told["changes"] or told["differences"]
    if changed if fail_on == "any" else told["counts"]["weaker"]:
        raise typer.Exit(1)


async def _compared(old: str, new: str, jsonl: str | None, show: bool) -> dict[str, Any]:
    """The comparison, as the JSON document tells it."""
    from guardrails.policy_diff import Direction, cases, changes, differences
    from guardrails.trial import guard_for

    guards = guard_for(policy_named(old)), guard_for(policy_named(new))
    policies = guards[0].policy, guards[1].policy
    tried = cases(*policies, _lines(jsonl))
    found: list[Difference] = []
    with progress("texts", len(tried)) as step:
        async for _, difference in differences(*guards, tried):
            found += [difference] if difference else []
            step()
    for guard in guards:
        await guard.aclose()
    counts = Counter(each.direction for each in found)
    return {
        "old": policies[0].label,
        "new": policies[1].label,
        "changes": [_change(each) for each in changes(*policies)],
        "texts": len(tried),
        "counts": {kind.value: counts[kind] for kind in Direction},
        "differences": [_difference(each, show) for each in found],
    }


def _lines(name: str | None) -> list[Case]:
    """The samples of a JSONL file, each with its place."""
    from guardrails.policy_diff import Case
    from guardrails.trial import samples

    if name is None:
        return []
    with opened(name) as lines:
        return [Case(f"{name}:{number}", given) for number, given in samples(decoded(lines, name))]


def _change(change: Change) -> dict[str, Any]:
    return {"path": change.path, "old": change.old, "new": change.new}


def _difference(each: Difference, show: bool) -> dict[str, Any]:
    given = each.case.sample.call.arguments if each.case.sample.call else each.case.sample.text
    return {
        "place": each.case.place,
        "direction": each.direction.value,
        **({"text": given} if show else {}),
        "old": _made(each.old, show),
        "new": _made(each.new, show),
    }


def _made(trial: Trial, show: bool) -> dict[str, Any]:
    findings = [
        {
            "rule": found.rule,
            "entity": found.entity,
            "start": found.start,
            "end": found.end,
            **({"pointer": found.pointer, "within": found.within} if trial.sample.call else {}),
            "action": found.action,
            "mode": found.mode,
        }
        for found in trial.verdict.findings
    ]
    released = {"released": trial.released} if show else {}
    return {"action": trial.verdict.action, "findings": findings, **released}


def _in_words(told: dict[str, Any]) -> str:
    """The comparison for people: a line a change, one a text with what was found before and is now, and the counts."""
    lines = [f"{told['old']} -> {told['new']}"]
    lines += [f"  {_changed(each)}" for each in told["changes"]] or ["  means the same"]
    for each in told["differences"]:
        old, new = each["old"], each["new"]
        lines.append(f"{each['place']}: {each['direction']}: {old['action']} -> {new['action']}")
        before, after = ([_finding(found) for found in side["findings"]] for side in (old, new))
        lines += [f"  - {found}" for found in before if found not in after]
        lines += [f"  + {found}" for found in after if found not in before]
        if "text" in each:
            for name, text in (("text", each["text"]), ("was", old["released"]), ("is", new["released"])):
                lines.append(f"  {name}: {text!r}")
    counts = ", ".join(f"{count} {kind}" for kind, count in told["counts"].items())
    lines.append(f"{counts}, of {told['texts']} texts")
    return "\n".join(map(shown, lines))


def _changed(each: dict[str, Any]) -> str:
    path, old, new = each["path"], each["old"], each["new"]
    if old is None or new is None:
        return f"{path}: " + (f"added {_short(new)}" if old is None else f"removed {_short(old)}")
    if isinstance(old, list) and isinstance(new, list) and sorted(map(str, old)) != sorted(map(str, new)):
        added = [f"+{_short(item)}" for item in new if item not in old]
        removed = [f"-{_short(item)}" for item in old if item not in new]
        return f"{path}: {' '.join((*added, *removed))}"
    return f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _finding(found: dict[str, Any]) -> str:
    where = f" in {found['within']}" if found.get("within") else ""
    shadow = " (shadow)" if found["mode"] == "shadow" else ""
    return (
        f"{found['rule']}/{found['entity']} {found['start']}-{found['end']}{where}, {found['action']}{shadow}"
    )
