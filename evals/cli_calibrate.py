"""The command `guardhouse eval calibrate`: may this judge gate?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from evals import cli_judge as who
from evals.cli_options import told
from guardrails.cli_show import shown

if TYPE_CHECKING:
    from evals.judging.calibration import Calibration
    from evals.judging.calibration_run import Hearing, Record
    from evals.judging.spec import JudgeSpec

Folder = Annotated[Path, typer.Option(help="Folder with labels.jsonl and the labelling policy.")]
RubricName = Annotated[str, typer.Option(help="Rubric that the judge is asked by: NAME or NAME@VERSION.")]
SuiteFile = Annotated[Path | None, typer.Option(help="Suite whose judge it is.")]
Repeats = Annotated[int, typer.Option(min=1, max=100, help="Times to ask about each item.")]
Concurrency = Annotated[int, typer.Option(min=1, max=1024, help="Rulings at a time.")]
Out = Annotated[
    Path | None, typer.Option(help="File of calibrations to write to; default: the suite's judge's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the calibration as JSON.")]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
MOST_REASONS = 3
MOST_SLICES = 20
RATES = (0.25, 0.5, 0.75)
"""Rates of positive verdicts whose meaning is told."""
ANSWERS = 100
"""Answers that those are of."""


def calibrate_command(
    labels: Folder,
    rubric: RubricName,
    suite: SuiteFile = None,
    judge_url: who.Url = "",
    judge_model: who.Model = "",
    judge_key: who.Key = "",
    judge_limit_calls: who.Limit = None,
    repeats: Repeats = 3,
    concurrency: Concurrency = 8,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Hold a judge against people's labels. Exits 0 may gate, 1 measured but unfit, 2 could not be measured."""
    with told():
        from evals.judging import labels as people
        from evals.judging import rubrics
        from evals.judging.calibration_run import Hearing

        spec = who.limited(_spec(suite, judge_url, judge_model, concurrency), judge_limit_calls)
        place = _place(out, spec)
        name, _, version = rubric.partition("@")
        hearing = Hearing(people.load(labels), rubrics.load(name, version), repeats, concurrency)
        people.check(hearing.labels, hearing.rubric, spec.model)
        _announce(hearing, spec)
        identity, record = _heard(hearing, spec, judge_key)
        entry = _entry(hearing, spec, identity, record, place)
        _written(entry, place)
    _tell(entry, record, place, as_json)


def _spec(suite: Path | None, url: str, model: str, concurrency: int) -> JudgeSpec:
    """Whom to ask. No calibration is needed to make one. Raises EvalsError."""
    from evals import suite as suites
    from evals.errors import JudgeError
    from evals.judging.spec import read_spec

    found = read_spec(suites.load(suite).judge if suite else {}, url, model)
    if found is None:
        fix = "give --judge-url and --judge-model, or --suite with a `judge`"
        raise JudgeError("there is no judge to calibrate", fix=fix)
    return replace(found, concurrency=concurrency)


def _place(out: Path | None, spec: JudgeSpec) -> Path:
    """The file to write to, once it is known that it can be added to. Raises JudgeError."""
    from evals.errors import JudgeError
    from evals.judging.calibration import load

    if out is None and not spec.calibration:
        fix = "give --out FILE, or `judge: {calibration: FILE}` in the suite"
        raise JudgeError("there is no place for the calibration", fix=fix)
    place = out or Path(spec.calibration)
    if place.is_dir():
        raise JudgeError(f"{place} is a folder", fix="give --out a file")
    if place.exists():
        load(place)
    return place


def _announce(hearing: Hearing, spec: JudgeSpec) -> None:
    """Says what it may cost before anything is asked, and what it cannot come to."""
    from evals.judging.labels import ENOUGH

    typer.echo(f"guardhouse: {shown(hearing.estimate(spec).sentence(spec))}", err=True)
    if hearing.labels.few:
        n = len(hearing.labels.items)
        what = f"{n} items are measured, and are too few to gate by: a judge needs {ENOUGH}"
        typer.echo(f"guardhouse: warning: {what}", err=True)
    if hearing.repeats < 2:
        what = "asked once, a judge cannot disagree with itself: it needs --repeats 3 to gate"
        typer.echo(f"guardhouse: warning: {what}", err=True)


def _heard(hearing: Hearing, spec: JudgeSpec, key: str) -> tuple[str, Record]:
    """The judge's identity and what it said. Ctrl-C ends the command, and nothing is written."""
    import asyncio

    from evals.judging.calibration_run import hear
    from evals.judging.client import open_judge
    from evals.progress import shown as progress

    async def whole() -> tuple[str, Record]:
        judge = open_judge(replace(spec, calibration=""), key)
        try:
            await judge.probe()
            with progress(hearing.rulings, spec.prices) as heard:
                return judge.identity(hearing.rubric), await hear(judge, hearing, heard)
        finally:
            await judge.aclose()

    try:
        return asyncio.run(whole())
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("guardhouse: interrupted: nothing was written", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _entry(hearing: Hearing, spec: JudgeSpec, identity: str, record: Record, place: Path) -> Calibration:
    """The calibration. Raises JudgeError where nothing was measured."""
    from datetime import UTC, datetime

    from evals.errors import JudgeError
    from evals.judging import rubrics
    from evals.judging.agreement import measure
    from evals.judging.calibration import Calibration

    labels, rubric = hearing.labels, hearing.rubric
    figures = measure(record.items, rubric.verdicts)
    if figures.kappa is None:
        why = "no ruling has a verdict" if not figures.n else "what has a ruling is all of one kind"
        reasons = "; ".join(_reasons(record))
        raise JudgeError(f"could not be measured: {why} ({reasons})", fix="see to the judge, and ask again")
    return Calibration(
        identity=identity,
        base_url=spec.base_url,
        model=spec.model,
        answered_models=record.answered_models,
        rubric=rubric.name,
        rubric_version=rubric.version,
        rubric_sha256=rubrics.sha256(rubric),
        policy=Path(os.path.relpath(labels.policy, place.parent)).as_posix(),
        policy_sha256=labels.policy_sha256,
        labels_sha256=labels.sha256,
        n=len(labels.items),
        created=datetime.now(UTC).date().isoformat(),
        figures=figures,
    )


def _written(entry: Calibration, place: Path) -> None:
    """Adds it to the file. Raises EvalsError."""
    from evals.judging.calibration import Calibrations, load, save

    known = load(place) if place.exists() else Calibrations(folder=place.parent)
    save(known.with_entry(entry), place)


def _tell(entry: Calibration, record: Record, place: Path, as_json: bool) -> NoReturn:
    """Prints the calibration, for people or as JSON, and exits by what it says."""
    unfit = entry.unfit()
    if as_json:
        document = {**asdict(entry), "may_gate": not unfit, "unfit": unfit, "file": str(place)}
        typer.echo(json.dumps(document, indent=1, allow_nan=False))
    else:
        for line in (*_lines(entry, record), f"wrote {place}"):
            typer.echo(shown(line))
    raise typer.Exit(1 if unfit else 0)


def _lines(entry: Calibration, record: Record) -> Iterator[str]:
    """What people are told: the verdict first."""
    figures, unfit = entry.figures, entry.unfit()
    yield f"{'ADVISORY' if unfit else 'MAY GATE'}  {'; '.join(unfit) or 'every bar is reached'}"
    answered = f" (answered as {', '.join(record.answered_models)})" if record.answered_models else ""
    yield f"{entry.rubric} {entry.rubric_version}, judged by {entry.model}{answered}, identity {entry.identity[:12]}"
    yield (
        f"  {entry.n:,} labelled items x {figures.repeats}: "
        f"{figures.unreadable:,} of {figures.rulings:,} rulings without a verdict"
    )
    for reason in _reasons(record):
        yield f"    {reason}"
    yield f"  kappa             {_of(figures.kappa)}  (95 %: {_of(figures.kappa_low)} … {_of(figures.kappa_high)})"
    if figures.human_kappa is not None:
        yield f"  kappa of people   {_of(figures.human_kappa)}  ({figures.human_pairs:,} pairs of ratings)"
    yield f"  self-consistency  {_of(figures.self_consistency)}  (Krippendorff's alpha {_of(figures.alpha)})"
    yield f"  accuracy          {_of(figures.accuracy)}  (always the same verdict: {_of(figures.constant_accuracy)})"
    yield f"  TPR, TNR          {_of(figures.tpr)}, {_of(figures.tnr)}  (base rate {_of(figures.base_rate)})"
    yield from _table(entry)
    for part in figures.slices[:MOST_SLICES]:
        yield f"  kappa of {part.tag}: {_of(part.kappa)} ({part.n:,} items)"
    if len(figures.slices) > MOST_SLICES:
        yield f"  … and {len(figures.slices) - MOST_SLICES} more tags (see the file)"
    yield from _meaning(entry)


def _table(entry: Calibration) -> Iterator[str]:
    """What people said, by row, and what the judge said, by column."""
    table = entry.figures.confusion
    width = max(map(len, table)) + 2
    first = max(width, len("people, judge"))
    yield f"  {'people, judge':<{first}}" + "".join(f"{name:>{width}}" for name in table)
    for label, row in table.items():
        yield f"  {label:<{first}}" + "".join(f"{row[name]:>{width},}" for name in table)


def _meaning(entry: Calibration) -> Iterator[str]:
    """What a rate by this judge means once its errors are taken out."""
    from evals.errors import JudgeError
    from evals.judging.agreement import corrected

    try:
        found = [(rate, corrected(rate, ANSWERS, entry.figures)) for rate in RATES]
    except JudgeError as error:
        yield f"  {error}"
        return
    yield f"  a rate that it gives to {ANSWERS} answers, and what that means:"
    for rate, meant in found:
        yield f"    {rate:.0%}  {meant.value:.0%}  (95 %: {meant.low:.0%} … {meant.high:.0%})"


def _reasons(record: Record) -> list[str]:
    """Why rulings have no verdict, the most frequent first."""
    found = [f"{count:,} x {reason}" for reason, count in record.failures[:MOST_REASONS]]
    others = sum(count for _, count in record.failures[MOST_REASONS:])
    return [*found, *([f"{others:,} for other reasons"] if others else [])]


def _of(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
