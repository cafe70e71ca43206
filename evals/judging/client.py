"""A model as a judge: asked with a rubric, read strictly, asked once more where it could not be read, remembered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from evals.errors import JudgeError
from evals.facts import plain
from evals.golden import canonical
from evals.judging import parser, rubrics
from evals.judging.endpoint import Answer, Endpoint, Settled
from evals.judging.kept import FILE, Kept, Rulings
from evals.judging.purse import Purse, Tally
from evals.judging.spec import JudgeSpec, checked, refuse_own_model
from evals.judging.types import Rubric, Ruling
from evals.run import Grading, JudgeRef
from evals.types import Usage

UNCALIBRATED = "the judge was not calibrated: run `guardhouse eval calibrate`"
OWN_MODEL = "the judge is the model under test"
MOST_KEPT = 2000
"""Characters that are kept of a reply without a verdict."""
REPAIR = "Your reply could not be used: {reason}. Reply again, with nothing but the JSON object that was asked for."


def open_judge(
    spec: JudgeSpec,
    key: str = "",
    cache: Path | None = None,
    *,
    folder: Path | None = None,
    under_test: Iterable[tuple[str, str]] = (),
    today: date | None = None,
) -> ChatJudge:
    """The judge. Close it with `aclose`.

    Args:
        spec: which one, and how it is asked.
        key: its API key.
        cache: file in which runs share their rulings.
        folder: the run's, where its rulings are kept, so that a run that goes on does not pay for them again.
        under_test: base URL and model of each target; a judge that is one of them is refused unless the spec allows it.
        today: by which a calibration's age is told.

    Raises JudgeError for a judge that may not be asked, RunError for a file that cannot be used.
    """
    own = refuse_own_model(checked(spec), under_test)
    calibrations = _calibrations(spec.calibration) if spec.calibration else None
    purse = Purse(spec.limit_calls, spec.limit_usd, spec.prices)
    with ExitStack() as unless_open:
        files = []
        for path in (folder / FILE if folder else None, cache):
            if path is not None:
                files.append(Rulings(path))
                unless_open.callback(files[-1].close)
        ours = files[0] if folder else None
        tallies = dict(ours.tallies()) if ours is not None else {}
        for tally in tallies.values():
            purse.spent(tally.calls, Usage(tally.prompt_tokens, tally.completion_tokens))
            purse.spent(0, tally.expected)
        shared = files[-1] if cache is not None else None
        desk = _Desk(spec, Endpoint(spec, key, purse), ours, shared, tallies)
        unless_open.pop_all()
    desk.own_model = own
    return ChatJudge(desk, calibrations, today or datetime.now(UTC).date())


def identity(spec: JudgeSpec, rubric: Rubric) -> str:
    """SHA-256 of what a verdict depends on: provider, model, rubric, parser and sampling."""
    told = [spec.base_url.rstrip("/"), spec.model, rubrics.sha256(rubric), parser.VERSION, spec.temperature]
    return hashlib.sha256(canonical(told).encode()).hexdigest()


@dataclass(slots=True)
class _Desk:
    """What all sides of an eval share: the endpoint, what it has said, and what it has cost."""

    spec: JudgeSpec
    endpoint: Endpoint
    ours: Rulings | None
    """Of this run."""
    shared: Rulings | None
    """Of several runs."""
    tallies: dict[str, Tally]
    own_model: bool = False
    broken: JudgeError | None = None
    """Why no request can succeed any more."""
    withdrawn: str = ""
    """Why nothing that it ever said counts."""
    answered: set[str] = field(default_factory=set)
    under_way: dict[str, asyncio.Task[Ruling]] = field(default_factory=dict)


class ChatJudge:
    """A judge behind an OpenAI-compatible endpoint, as one side of an eval has it.

    Equal material is asked once, whoever wants to know; sides share connections and limits, and each tells its costs.
    """

    def __init__(self, desk: _Desk, calibrations: Any, today: date, side: str = "") -> None:
        self._desk, self._calibrations, self._today, self._side = desk, calibrations, today, side
        self._tally = desk.tallies.setdefault(side, Tally())

    def aside(self, name: str) -> ChatJudge:
        """The same judge for another side of the eval, which has costs of its own."""
        return ChatJudge(self._desk, self._calibrations, self._today, name)

    def identity(self, rubric: Rubric) -> str:
        """As in Judge."""
        return identity(self._desk.spec, rubric)

    def advisory(self, rubric: Rubric) -> str:
        """As in Judge. A model that was exchanged under its name is only known by its replies."""
        if self._desk.own_model:
            return OWN_MODEL
        if self._calibrations is None:
            return UNCALIBRATED
        desk = self._desk
        told: str = self._calibrations.advisory(
            self.identity(rubric), self._today, desk.spec.max_age_days, desk.answered
        )
        return told

    def ref(self, identities: Mapping[str, str]) -> JudgeRef:
        """How a run refers to it, with its identity by scorer."""
        spec = self._desk.spec
        return JudgeRef(spec.base_url, spec.model, tuple(sorted(self._desk.answered)), dict(identities))

    @property
    def grading(self) -> Grading:
        """What this side's rulings cost, those of an earlier try that was broken off included."""
        return self._tally.grading(self._desk.spec.prices)

    async def probe(self) -> None:
        """Returns when it can be asked. Raises JudgeError."""
        await self._desk.endpoint.probe()

    def meet(self, model: str) -> None:
        """A reply named this model, and so did an answer that it judges. Raises JudgeError unless that is allowed."""
        if not self._desk.spec.allow_model_under_test:
            fix = "choose another with --judge-model, or set `allow_model_under_test`"
            what = f"the judge answered as {plain(model, 100)!r}, and so did the model under test"
            self._desk.broken = JudgeError(what, fix=fix)
            self._desk.withdrawn = str(self._desk.broken)
            raise self._desk.broken
        self._desk.own_model = True

    @property
    def withdrawn(self) -> str:
        """Why none of its verdicts counts, those given before that was known included; empty when they do."""
        return self._desk.withdrawn

    async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
        """As in Judge."""
        desk = self._desk
        if desk.broken is not None:
            raise desk.broken
        told = [self.identity(rubric), rubrics.material_sha256(rubric, material), repeat]
        key = hashlib.sha256(canonical(told).encode()).hexdigest()
        count = len(rubrics.numbered(rubric, material))
        known = self._known(key, rubric, count)
        if known is not None:
            if known.side != self._side:
                self._tally.cached.add(key)
            desk.answered.update({known.ruling.answered_model} - {""})
            return known.ruling
        if (task := desk.under_way.get(key)) is not None:
            ruling = await asyncio.shield(task)
            (self._tally.cached if ruling.verdict else self._tally.unreadable).add(key)
            return replace(ruling, cached=True, calls=0)
        task = desk.under_way[key] = asyncio.ensure_future(self._asked(key, rubric, material))
        task.add_done_callback(partial(_forget, desk.under_way, key))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Lets go of connections and files, for every side."""
        desk = self._desk
        tasks = list(desk.under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await desk.endpoint.aclose()
        for file in (desk.ours, desk.shared):
            if file is not None:
                file.close()

    def _known(self, key: str, rubric: Rubric, count: int) -> Kept | None:
        """A ruling of this run, or one of another, which is this run's too from now on."""
        desk = self._desk
        if desk.ours is not None and (kept := desk.ours.get(key, rubric, count)) is not None:
            return kept
        kept = desk.shared.get(key, rubric, count) if desk.shared is not None else None
        if kept is None:
            return None
        if desk.ours is not None:
            desk.ours.put(key, kept.ruling, ELSEWHERE)
        return replace(kept, side=ELSEWHERE)

    async def _asked(self, key: str, rubric: Rubric, material: Mapping[str, str]) -> Ruling:
        try:
            ruling = await self._ruled(key, rubric, material)
        except JudgeError as error:
            self._desk.broken = error
            raise
        if ruling.answered_model:
            self._desk.answered.add(ruling.answered_model)
        if not ruling.verdict:
            self._tally.unreadable.add(key)
            return ruling
        self._tally.unreadable.discard(key)
        if self._desk.ours is not None:
            self._desk.ours.put(key, ruling, self._side)
        if self._desk.shared is not None:
            self._desk.shared.put(key, ruling, ELSEWHERE)
        return ruling

    async def _ruled(self, key: str, rubric: Rubric, material: Mapping[str, str]) -> Ruling:
        """The ruling on a reply; where that cannot be read, on a second one."""
        endpoint, form = self._desk.endpoint, rubrics.response_format(rubric)
        count = len(rubrics.numbered(rubric, material))
        said = rubrics.messages(rubric, material)
        first = await endpoint.ask(said, form, key, self._paid)
        if first.reason:
            return _failed(first)
        reading = parser.read(first.text, rubric, count, material.values())
        if reading.verdict:
            return _ruling(reading, first)
        if reading.reason == parser.REFUSED:
            return _unread(reading.reason, first)
        said.append({"role": "assistant", "content": first.text[:MOST_KEPT] or "(nothing)"})
        said.append({"role": "user", "content": REPAIR.format(reason=reading.reason)})
        second = await endpoint.ask(said, form, key, self._paid)
        both = _together(first, second)
        if second.reason:
            return _unread(f"{reading.reason}, and the repair failed: {second.reason}", both)
        again = parser.read(second.text, rubric, count, material.values())
        if again.verdict:
            return _ruling(again, both)
        return _unread(f"{again.reason}, after a repair", both)

    def _paid(self, expected: Usage) -> Settled:
        """Keeps the books of one request: that it is sent, and then what it took."""
        tally, ours = self._tally, self._desk.ours
        tally.calls += 1
        number = 0 if ours is None else ours.sent(self._side, expected)

        def settled(usage: Usage | None, answered: bool) -> None:
            if usage is not None:
                tally.prompt_tokens += usage.prompt_tokens
                tally.completion_tokens += usage.completion_tokens
            tally.uncounted += answered and usage is None
            if ours is not None:
                ours.settled(number, usage, answered)

        return settled


ELSEWHERE = "elsewhere"
"""The side that paid for a ruling of another run."""


def _forget(under_way: dict[str, asyncio.Task[Ruling]], key: str, task: asyncio.Task[Ruling]) -> None:
    under_way.pop(key, None)
    # Whoever waited may be gone: an error that nobody asks for is not worth a line on stderr.
    with suppress(asyncio.CancelledError):
        task.exception()


def _together(first: Answer, second: Answer) -> Answer:
    """Two answers as one, with the second's text; where it has none the first's."""
    counts = [answer.usage for answer in (first, second) if answer.text or answer.usage]
    known = [usage for usage in counts if usage is not None]
    total = Usage(sum(one.prompt_tokens for one in known), sum(one.completion_tokens for one in known))
    usage = total if len(known) == len(counts) else None
    model = second.model or first.model
    return Answer(second.text or first.text, second.reason, usage, model, first.calls + second.calls)


def _ruling(reading: parser.Reading, answer: Answer) -> Ruling:
    return Ruling(
        reading.verdict,
        reading.explanation,
        usage=answer.usage,
        answered_model=answer.model,
        calls=answer.calls,
        verdicts=reading.verdicts,
    )


def _unread(reason: str, answer: Answer) -> Ruling:
    kept = answer.text[:MOST_KEPT]
    return Ruling(
        "", reason=reason, reply=kept, usage=answer.usage, answered_model=answer.model, calls=answer.calls
    )


def _failed(answer: Answer) -> Ruling:
    """What no reply came to. A limit speaks for itself."""
    reason = answer.reason if answer.reason.startswith("the judge") else f"the judge failed: {answer.reason}"
    return Ruling("", reason=reason, usage=answer.usage, answered_model=answer.model, calls=answer.calls)


def _calibrations(path: str) -> Any:
    """What a calibration file says. Raises JudgeError."""
    return import_module("evals.judging.calibration").load(Path(path))
