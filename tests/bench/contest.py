"""Proxies in front of one provider, asked in turn: who answers how much, at what cost, and how that compares."""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.chats import MODELS, SMALL, Chat
from tests.bench.load import Address, Load, Refused, late, load
from tests.bench.mock_provider import texts
from tests.bench.processes import Process, cores, free_port, module, pinned, wait_for
from tests.bench.report import number, share

KEY = "sk-bench-7d1f20c4a8e95b63"
"""Both the administrator's key of ours and what each caller sends."""
BARE, OURS, DIRECT = "pass-through", "ours", "direct"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A proxy that takes part: how it is started for a port, and how it is asked."""

    name: str
    command: Callable[[int], Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=lambda: AUTHORIZED)
    extra: Mapping[str, object] = field(default_factory=dict)
    folder: Path | None = None
    """Where it runs; where it is not ours, nothing of this repository is on its path."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One window of load on one proxy."""

    load: Load
    cpu: float
    """Seconds of the proxy's whole process tree, the work it left for afterwards included."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.load.count / self.load.elapsed

    @property
    def cost(self) -> float:
        """CPU seconds an answer."""
        return self.cpu / self.load.count


Samples = Mapping[str, Sequence[Sample]]
"""One sample a round of each proxy."""


def ours(provider: int, folder: Path) -> Entry:
    """Guardhouse with the default policy both ways, its keys and its recording on; nothing but the provider is configured."""
    config = folder / "guardhouse.yaml"
    models = [
        {
            "model_name": model,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": f"http://127.0.0.1:{provider}/v1",
                "api_key": "k",
            },
        }
        for model in MODELS
    ]
    config.write_text(json.dumps({"model_list": models}))
    start = "import typer; from proxy.cli import register; a = typer.Typer(); register(a); a()"

    def command(port: int) -> list[str]:
        data = tempfile.mkdtemp(dir=folder)
        return [
            *(sys.executable, "-c", start, "serve", "--port", str(port)),
            *("--config", str(config), "--data-dir", data),
        ]

    return Entry(OURS, command, {"GUARDHOUSE_ADMIN_KEY": KEY})


def bare(provider: int) -> Entry:
    """The pass-through."""
    return Entry(BARE, lambda port: module("pass_through", port, provider))


class Contest:
    """The provider and the proxies, all running: proxies on one core, provider and load on the other."""

    def __init__(self, provider: int, running: Process) -> None:
        self.provider, self.provider_process = provider, running
        self.processes: dict[str, Process] = {}
        self.addresses = {DIRECT: Address(provider)}
        self.failed: dict[str, str] = {}
        """What could not be started or asked, and why."""

    def add(self, entry: Entry, log: Path | None = None) -> float:
        """Start a proxy; seconds until its first good answer. One that cannot is left out and noted in `failed`."""
        port = free_port()
        began = time.perf_counter()
        process = Process(entry.command(port), cores()[0], entry.environment, log, entry.folder)
        try:
            wait_for(port, process)
            address = Address(port, entry.headers, entry.extra)
            _first_answer(address, process)
        except RuntimeError as problem:
            process.stop()
            self.failed[entry.name] = str(problem)[:200]
            return float("nan")
        self.processes[entry.name], self.addresses[entry.name] = process, address
        return time.perf_counter() - began

    def remove(self, name: str) -> None:
        """Stop a proxy."""
        self.addresses.pop(name, None)
        if process := self.processes.pop(name, None):
            process.stop()

    def turn(
        self, name: str, chat: Chat, connections: int, seconds: float, most: int | None = None
    ) -> Sample:
        """Load on one proxy alone."""
        process = self.processes.get(name, self.provider_process)
        before = process.cpu()
        came = load(self.addresses[name], chat, connections, seconds, most)
        sent, said = json.loads(self.asked("/sent")), texts("behind" in chat.name)
        for stream, steps in came.arrived.items():
            moments = sent.get(stream, ())
            came.sent += len(moments)
            came.delays += late(steps, moments, said)
        return Sample(came, (process.cpu() if chat.paced else process.settled()) - before)

    def rounds(
        self, chat: Chat, connections: int, seconds: float, count: int, names: Sequence[str]
    ) -> dict[str, list[Sample]]:
        """Each proxy in turn (A B C, B C A, ...) after a round that warms up; one that refuses is left out of the result."""
        found: dict[str, list[Sample]] = {name: [] for name in names if name in self.addresses}
        for each in range(count + 1):
            order = list(found)
            at = each % max(len(order), 1)
            for name in (*order[at:], *order[:at]):
                try:
                    found[name].append(self.turn(name, chat, connections, seconds))
                except (Refused, OSError) as problem:
                    self.failed[f"{name}, {chat.name}"] = str(problem)[:200]
                    del found[name]
        return {name: samples[1:] for name, samples in found.items()}

    def asked(self, path: str) -> str:
        """What the provider tells about itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.provider}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text


def _first_answer(address: Address, process: Process, limit: float = 60) -> None:
    until = time.perf_counter() + limit
    while True:
        try:
            load(address, SMALL, 1, 10, 1)
            return
        except (Refused, OSError) as problem:
            if process.ended or time.perf_counter() > until:
                raise RuntimeError(f"no good answer: {problem}") from problem
            time.sleep(0.02)


@contextlib.contextmanager
def contest() -> Iterator[Contest]:
    """A contest with nobody in it yet; in the end all processes are gone."""
    core = cores()[1]
    with pinned(core):
        port = free_port()
        running = Process(module("mock_provider", port), core)
        all_of_it = Contest(port, running)
        try:
            wait_for(port, running)
            yield all_of_it
        finally:
            for name in list(all_of_it.processes):
                all_of_it.remove(name)
            running.stop()


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure against another, round by round."""

    value: float
    """The median; NaN when it could not be measured."""
    note: str


def ratio(
    samples: Samples, of: str, to: str, figure: Callable[[Sample], float], unit: str, scale: float = 1
) -> Ratio:
    """A figure of one proxy over that of another in the same round: median, and in the note least, most and the figures."""
    pairs = [
        (figure(one), figure(other))
        for one, other in zip(samples.get(of, ()), samples.get(to, ()), strict=False)
    ]
    return ratio_of(pairs, unit, scale)


def cost(samples: Samples, of: str, to: str) -> Ratio:
    """CPU an answer of one against another."""
    return ratio(samples, of, to, lambda sample: sample.cost, "µs", 1e6)


def added(samples: Samples, of: str, to: str, figure: Callable[[Sample], float]) -> Ratio:
    """The same of what each adds to asking the provider directly."""
    there = samples.get(DIRECT, ())
    pairs = [
        (figure(one) - figure(none), figure(other) - figure(none))
        for one, other, none in zip(samples.get(of, ()), samples.get(to, ()), there, strict=False)
    ]
    return ratio_of(pairs, "ms", 1000)


def ratio_of(pairs: Sequence[tuple[float, float]], unit: str, scale: float) -> Ratio:
    """The median of ratios. A pair that cannot be divided (nothing measured, less than nothing added) does not count."""
    good = [(one, other) for one, other in pairs if other > 0 and one == one]
    if not good:
        return Ratio(float("nan"), "not measured")
    each = [one / other for one, other in good]
    figures = [statistics.median(column) * scale for column in zip(*good, strict=True)]
    told = f"{number(min(each))} to {number(max(each))}; {number(figures[0])} against {number(figures[1])} {unit}"
    return Ratio(statistics.median(each), told)


def at(part: float, of: str) -> Callable[[Sample], float]:
    """A figure: the value that `part` of a window's waits, first texts or delays do not exceed, in seconds."""
    return lambda sample: share(getattr(sample.load, of), part)
