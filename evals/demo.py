"""The tour: a real proxy on the scripted provider, an app that talks through it, an eval gate, the review pages."""

from __future__ import annotations

import asyncio
import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from evals.demo_review import review
from evals.errors import DemoError

if TYPE_CHECKING:
    from openai import OpenAI

    from evals.run import GateMetric, Run

DATASETS = Path(__file__).resolve().parents[1] / "datasets"
BASELINE = DATASETS / "baselines" / "support.json"
INDEX = "harbor"
"""Name of the index's folder, which a run mentions."""
START_SECONDS = 120
"""How long the proxy may take to start while its process lives: a first start on a busy machine is slow."""
TOLD_SECONDS = 15
"""How often the tour says that it still waits."""
ARRIVE_SECONDS = 60
"""How long a trace may take to be in the database."""

CONFIG = """\
model_list:
  - model_name: demo
    litellm_params: {model: fake/assistant}
  - model_name: slow-card
    litellm_params: {model: fake/card, chunk_chars: 5, chunk_ms: 40}
guardhouse:
  policy: policy.yaml
  data_dir: data
"""

POLICY = """\
name: demo
rules:
  - {id: secrets, check: secrets, stages: [input], action: block}
  - {id: leaked-secrets, check: secrets, stages: [tool_call, tool_result, retrieval, output], action: redact}
  - id: pii
    check: pii
    with: {entities: [EMAIL_ADDRESS, PHONE_NUMBER, CREDIT_CARD, US_SSN, IBAN_CODE, IP_ADDRESS]}
    stages: [input, tool_call, tool_result, retrieval]
    action: pseudonymize
  - id: cards-in-replies
    check: pii
    with: {entities: [CREDIT_CARD, US_SSN, IBAN_CODE]}
    stages: [output]
    action: redact
"""

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "get_order_status",
            "description": "Where an order is and who it belongs to.",
            "parameters": {
                "type": "object",
                "properties": {"order_id": {"type": "string", "pattern": "^HL-[0-9]{5}$"}},
                "required": ["order_id"],
            },
        },
    }
]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is running for the tour."""

    url: str
    key: str
    folder: Path

    def trace(self, trace_id: str) -> dict[str, Any]:
        """The stored trace; waits until it is there. Raises DemoError when it does not come."""
        request = urllib.request.Request(  # noqa: S310  (our own address)
            f"{self.url}/api/traces/{trace_id}", headers={"authorization": f"Bearer {self.key}"}
        )
        end = time.monotonic() + ARRIVE_SECONDS
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                    document: dict[str, Any] = json.load(reply)
                    return document
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != 404:
                    raise DemoError(f"the proxy answers HTTP {error.code} for a trace") from None
            time.sleep(0.05)
        raise DemoError("a trace did not arrive in the database")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a document. Raises DemoError."""
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                document: dict[str, Any] = json.load(reply)
                return document
        except urllib.error.HTTPError as error:
            error.close()
            raise DemoError(f"the proxy answers HTTP {error.code} to POST {path}") from None


@dataclass(frozen=True, slots=True)
class Scene:
    """One exchange: what the app sent and got. The provider's side is read from the trace."""

    title: str
    sent: str
    got: str
    trace_id: str


def run(leave: bool, port: int) -> None:
    """Walks the tour on a temporary data folder; stays up until Ctrl-C unless told to leave. Raises DemoError."""
    console = Console(highlight=False)
    if not DATASETS.is_dir():
        raise DemoError("the datasets are not here", fix="run the demo from a checkout of the repository")
    started = time.perf_counter()
    console.print("A proxy starts on a scripted provider: no key, no network, no model.")
    with tempfile.TemporaryDirectory(prefix="guardhouse-demo-") as name, _proxy(Path(name), port) as process:
        from openai import OpenAI

        # What takes seconds to import and to build is done while the proxy starts.
        index = _index(Path(name))
        proxy = _started(process, Path(name), console.print)
        console.rule("[bold]1. An app talks through the proxy")
        client = OpenAI(base_url=f"{proxy.url}/v1", api_key=proxy.key, max_retries=0)
        traces: dict[str, dict[str, Any]] = {}
        for number, scene in enumerate(_scenes(client, index), 1):
            trace = proxy.trace(scene.trace_id)
            _show(console, number, scene, trace)
            traces[scene.trace_id] = trace
        console.rule("[bold]2. An eval gates two changes of the prompt")
        first, second = (
            _evaluate(console, proxy, index, f"2.{number}", prompt)
            for number, prompt in enumerate(("v2", "degraded"), 1)
        )
        console.rule("[bold]3. A reviewer looks")
        _reviewed(console, proxy, traces, f"/review/runs/compare?a={first}&b={second}")
        console.print(f"[dim]The tour took {time.perf_counter() - started:.0f} seconds.[/]")
        if leave:
            console.print(
                "\nThe proxy ends here. `guardhouse demo` in a terminal keeps it up for these pages."
            )
            return
        console.print("\nThe proxy stays up; its model is called `demo`. Ctrl-C ends it.")
        _wait()


@contextmanager
def _proxy(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The process of a proxy that is about to start, configured in a folder."""
    (folder / "guardhouse.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    command = [sys.executable, "-m", "guardhouse", "serve", "--config", str(folder / "guardhouse.yaml")]
    process = subprocess.Popen(
        [*command, "--data-dir", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _told_to_end)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # at once: nobody has to notice first
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _started(process: subprocess.Popen[str], folder: Path, tell: Callable[[str], None]) -> Proxy:
    """The proxy of a process, once it is ready. Raises DemoError with what it said if it does not start."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    assert process.stderr is not None
    stderr = process.stderr

    def read() -> None:
        for line in stderr:
            lines.put(line.strip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    said: list[str] = []
    key = ""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < START_SECONDS:
        try:
            line = lines.get(timeout=min(TOLD_SECONDS, START_SECONDS - waited))
        except queue.Empty:
            tell(f"It is still starting, after {time.monotonic() - begun:.0f} seconds.")
            continue
        if line is None:
            break
        said.append(line)
        if line.startswith("Admin key"):
            key = line.rpartition(" ")[2]
        if "listens on" in line:
            if not key:
                raise DemoError("the proxy has a key already", fix="unset GUARDHOUSE_ADMIN_KEY for the demo")
            url = line.partition("listens on ")[2].split()[0]
            _ready(url, begun + START_SECONDS)
            return Proxy(url, key, folder)
    if process.poll() is None and waited >= START_SECONDS:
        raise DemoError(
            f"the proxy did not start within {START_SECONDS} seconds", fix="try again on a quieter machine"
        )
    raise _unstarted(said)


def _unstarted(said: Sequence[str]) -> DemoError:
    """Why the proxy did not start, from what it said: its last words, or that the port is taken."""
    last = next((line for line in reversed(said) if line), "it said nothing")
    if "cannot listen on" in last and "in use" in last:
        address = last.partition("cannot listen on ")[2].partition(": ")[0]
        fix = "end what listens there, or give --port 0 for a free port"
        return DemoError(f"{address} is taken", fix=fix)
    return DemoError(f"the proxy did not start: {last.removeprefix('guardhouse: ')}")


def _ready(url: str, until: float) -> None:
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=30):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        time.sleep(0.05)
    raise DemoError("the proxy started but does not become ready")


def _index(folder: Path) -> Any:
    from evals.retrieval import build, open_index

    build(DATASETS / "corpora" / "harbor" / "docs.jsonl", folder / INDEX)
    return open_index(folder / INDEX)


def _scenes(client: OpenAI, index: Any) -> Iterator[Scene]:
    yield _chat(client, "Plain chat", "Hello! Is anybody there?")
    yield _chat(
        client,
        "Personal data is masked on the way in, restored on the way out",
        "I am at ada.lovelace@example.com or 415-555-0132. Please confirm both.",
    )
    yield _blocked(client)
    yield _tool(client)
    yield _rag(client, index)
    yield _stream(client)


def _chat(client: OpenAI, title: str, text: str) -> Scene:
    raw = client.chat.completions.with_raw_response.create(
        model="demo", messages=[{"role": "user", "content": text}]
    )
    answer = raw.parse().choices[0].message.content or ""
    return Scene(title, text, answer, raw.headers["x-guardhouse-trace-id"])


def _blocked(client: OpenAI) -> Scene:
    from openai import BadRequestError

    key = "AKIA" + "Q3EGRVW6" + "XY2PLM4N"
    text = f"Deploy with {key} please."
    try:
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": text}])
    except BadRequestError as error:
        said = f"HTTP {error.status_code}, code {error.code}: {error.body['message']}"  # type: ignore[index]
        return Scene("A secret is blocked", text, said, error.response.headers["x-guardhouse-trace-id"])
    raise DemoError("a secret was not blocked")


def _tool(client: OpenAI) -> Scene:
    messages: list[Any] = [{"role": "user", "content": "What is the status of order HL-20417?"}]
    first = client.chat.completions.create(model="demo", messages=messages, tools=TOOLS)  # type: ignore[arg-type]
    calls = first.choices[0].message.tool_calls or []
    if not calls:
        raise DemoError("the scripted provider called no tool")
    result = '{"order": "HL-20417", "state": "packed", "customer": "grace@example.org"}'
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": calls[0].id, "content": result},
    ]
    raw = client.chat.completions.with_raw_response.create(model="demo", messages=messages, tools=TOOLS)  # type: ignore[arg-type]
    call = calls[0].function  # type: ignore[union-attr]
    sent = f"{messages[0]['content']}  then the tool's result: {result}"
    got = f"calls {call.name}({call.arguments})  then: {raw.parse().choices[0].message.content}"
    return Scene(
        "A tool is called; its result is masked too", sent, got, raw.headers["x-guardhouse-trace-id"]
    )


def _rag(client: OpenAI, index: Any) -> Scene:
    question = "What deposit is held for a pressure washer?"
    hits = index.search(question, 3)
    passages = "\n".join(f"[{hit.doc_id}] {hit.text}" for hit in hits)
    raw = client.chat.completions.with_raw_response.create(
        model="demo",
        messages=[
            {"role": "system", "content": (DATASETS / "prompts" / "support" / "v2.txt").read_text("utf-8")},
            {"role": "user", "content": f"{passages}\nQuestion: {question}"},
        ],
        extra_body={
            "guardhouse": {
                "retrieval": [{"doc_id": hit.doc_id, "score": hit.score, "text": hit.text} for hit in hits]
            }
        },
    )
    answer = raw.parse().choices[0].message.content or ""
    sent = f"{question}  (with {len(hits)} passages: {', '.join(hit.doc_id for hit in hits)})"
    return Scene("An answer from retrieved passages", sent, answer, raw.headers["x-guardhouse-trace-id"])


def _stream(client: OpenAI) -> Scene:
    text = "Which card do you have on file?"
    with client.chat.completions.with_streaming_response.create(
        model="slow-card", messages=[{"role": "user", "content": text}], stream=True
    ) as raw:
        trace_id = raw.headers["x-guardhouse-trace-id"]
        pieces = [
            chunk.choices[0].delta.content
            for chunk in raw.parse()
            if chunk.choices and chunk.choices[0].delta.content
        ]
    return Scene(
        "The provider streams a card number in pieces; it never gets out",
        text,
        f"{' | '.join(pieces)}  (| divides the chunks)",
        trace_id,
    )


def _show(console: Console, number: int, scene: Scene, trace: dict[str, Any]) -> None:
    messages = (trace.get("request") or {}).get("messages") or []
    saw = "nothing: the request was not sent"
    if trace["upstream_called"]:
        saw = " / ".join(
            _brief(message) for message in messages if message.get("role") not in ("system", "developer")
        )
    table = Table(show_header=False, box=None, padding=(0, 1), expand=True)
    table.add_column(style="bold cyan", width=14, no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for label, text in (("app sent", scene.sent), ("provider saw", saw), ("app got", scene.got)):
        table.add_row(label, _plain(text))
    hits = f", {len(trace['retrieval'])} retrieval hits kept" if trace["retrieval"] else ""
    found = ", ".join(sorted({f"{each['rule']}:{each['entity']}" for each in trace["findings"]})) or "nothing"
    table.add_row("trace", f"[bold]{trace['outcome']}[/], found {found}{hits}")
    console.print(f"\n[bold]1.{number} {scene.title}[/]")
    console.print(table)


def _brief(message: dict[str, Any]) -> str:
    content = message.get("content")
    if content:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        return text if len(text) <= 320 else f"{text[:220]} … {text[-90:]}"
    return ", ".join(
        f"{call['function']['name']}({call['function']['arguments']})"
        for call in message.get("tool_calls") or ()
    )


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(" ".join(text.split()))


def _evaluate(console: Console, proxy: Proxy, index: Any, number: str, prompt: str) -> str:
    """Runs the golden set with one prompt, compares it with the accepted baseline, publishes the run; its id."""
    from evals import document, prompts, publish, session
    from evals.golden import load as load_golden
    from evals.retrieval import identity
    from evals.suite import load as load_suite
    from evals.target import Ask, HttpTarget

    suite = load_suite(DATASETS / "golden" / "support" / "suite.yaml")
    text, ref = prompts.read_prompt(DATASETS / "prompts" / "support" / f"{prompt}.txt")
    how = Ask("demo", text, k=suite.k, send_hits=True, index=identity(proxy.folder / INDEX))
    setup = session.Setup(suite, load_golden(suite.golden), ref, proxy.folder / "runs" / prompt)
    baseline = document.load(BASELINE)

    async def measure() -> Run:
        target = HttpTarget(f"{proxy.url}/v1", proxy.key, how, index)
        try:
            return await session.evaluate(setup, target, baseline)
        finally:
            await target.aclose()

    judged = asyncio.run(measure())
    if judged.unfinished:
        raise DemoError(f"the eval broke off ({judged.unfinished})")
    session.write_reports(judged, setup.out)
    publish.publish(judged, proxy.url, proxy.key)
    verdict = judged.gate.verdict
    color = {0: "green", 1: "red"}.get(verdict.exit_code, "yellow")
    console.print(
        f"\n[bold]{number} Prompt {prompt}[/] on {len(judged.items)} cases, compared with the accepted run of"
        f" prompt {baseline.prompt.version}: [bold {color}]{verdict.value}[/] (exit code {verdict.exit_code})"
    )
    console.print(f"   {_plain(judged.gate.reason)}")
    for metric in judged.gate.metrics:
        if metric.gating and metric.delta is not None:
            console.print(f"   [dim]{_change(metric)}[/]", highlight=False)
    return judged.id


def _reviewed(console: Console, proxy: Proxy, traces: dict[str, dict[str, Any]], compared: str) -> None:
    """Judges and promotes the agent's trace, and prints where everything is to be seen."""
    flagged = next(id for id, trace in traces.items() if trace["findings"])
    agent = next(trace for trace in traces.values() if trace["tool_calls"])
    stops = review(proxy.post, agent)
    # Browsers keep what stands behind `#` to themselves: the sign-in form takes it from there. It is good once.
    for label, path in (
        ("First flagged", f"/review/traces/{flagged}#link={stops.link}"),
        ("Flagged traces", "/review"),
        ("Review queues", "/review/queues"),
        ("Judged", stops.judged),
        ("Candidate", stops.candidate),
        ("Agent run", stops.run),
        ("Eval runs", "/review/runs"),
        ("Compared", compared),
    ):
        console.print(f"{label:<16} {proxy.url}{path}", soft_wrap=True)
    console.print(f"Sign in with     {proxy.key}", soft_wrap=True)
    console.print("[dim]The first link signs you in by one click; it is good once, for ten minutes.[/]")


def _change(metric: GateMetric) -> str:
    """One line: before, after, the paired difference and its interval where it has one."""
    line = (
        f"{metric.metric:<13} {metric.baseline or 0:.2f} -> {metric.candidate or 0:.2f}   {metric.delta:+.2f}"
    )
    if metric.low is None or metric.high is None:
        return line
    return f"{line} (between {metric.low:+.2f} and {metric.high:+.2f})"


def _told_to_end(number: int, frame: object) -> None:
    """Ends the tour as an error would, so that its proxy ends too."""
    raise SystemExit(128 + number)


def _wait() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
