"""Whatever is wrong with what an eval is given: a clear message, the right exit code, and no number that misleads."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals import document
from evals.run import GateVerdict, PromptRef, Run
from evals.scorer import BUILT_IN
from tests.evals.commands import call, knows
from tests.evals.conftest import ChatServer, completion, item, write_golden

Spoil = Callable[[Path], Any]


@pytest.fixture
def suite(place: Path, chat: ChatServer) -> Path:
    """A suite that works, with its golden set, its target, a prompt in two versions, and an accepted run."""
    chat.script = knows
    for version in ("v1", "v2"):
        path = place / "golden" / "prompts" / "support" / f"{version}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Be careful, {version}.")
    file = place / "golden" / "suite.yaml"
    file.write_text(file.read_text() + f"target: {{base_url: {chat.base_url}, model: m}}\nrepeats: 1\n")
    return file


def run(suite: Path, *options: object) -> Any:
    """`guardhouse eval run` with a prompt's second version."""
    told = ("--suite", suite, "--candidate", "prompts/support@v2", "--out", suite.parent / "out")
    return call("eval", "run", *told, *options)


def accepted(suite: Path, change: Callable[[Run], Run] = lambda run: run) -> Path:
    """An accepted run of the first version, changed."""
    call(
        "eval", "run", "--suite", suite, "--candidate", "prompts/support@v1", "--out", suite.parent / "first"
    )
    path = suite.parent / "accepted.json"
    document.save(change(document.load(suite.parent / "first" / "run.json")), path)
    return path


def items(suite: Path, change: Callable[[list[str]], list[str]]) -> None:
    """The set's lines, changed behind its back."""
    path = suite.parent / "items.jsonl"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def other_schema(line: str) -> str:
    """An item whose question is a number."""
    told = json.loads(line)
    return json.dumps(told | {"input": {"question": 5}})


GOLDEN: dict[str, tuple[Spoil, str]] = {
    "edited by hand": (
        lambda suite: items(suite, lambda lines: [line.replace("about c07.", "about c7.") for line in lines]),
        "items.jsonl: the content hash is not the one in the manifest",
    ),
    "duplicate id": (
        lambda suite: items(suite, lambda lines: [*lines[:-1], lines[3]]),
        "items.jsonl:30: id: 'c03' is already on line 4",
    ),
    "wrong schema": (
        lambda suite: items(suite, lambda lines: [*lines[:6], other_schema(lines[6]), *lines[7:]]),
        "items.jsonl:7: input.question: ",
    ),
    "NaN in an item": (
        lambda suite: items(suite, lambda lines: [*lines[:2], lines[2].replace("{", '{"weight":NaN,', 1)]),
        "items.jsonl:3: not JSON: NaN is not a JSON number",
    ),
    "empty": (lambda suite: write_golden(suite.parent, []), "the set has no active item"),
    "no set": (lambda suite: (suite.parent / "manifest.json").unlink(), "manifest.json: cannot be read"),
    "NaN in the suite": (
        lambda suite: suite.write_text(suite.read_text().replace("0.1", ".nan")),
        "suite.yaml: gating.0.margin",
    ),
    "empty variant": (
        lambda suite: suite.write_text(suite.read_text() + "variants: {a: {}}\n"),
        "suite.yaml: variants.a: Value error, a variant changes at least one key",
    ),
    "unknown kind": (
        lambda suite: suite.write_text(suite.read_text().replace("model: m", "model: m, kind: oracle")),
        "suite.yaml: target.kind",
    ),
}


@pytest.mark.parametrize("spoil", GOLDEN)
def test_a_set_or_suite_that_is_not_whole_is_refused_before_the_first_call(
    suite: Path, chat: ChatServer, spoil: str
) -> None:
    """File, line and field are named."""
    change, says = GOLDEN[spoil]
    change(suite)

    result = run(suite)

    assert (result.exit_code, result.stdout, chat.requests) == (2, "", [])
    assert result.stderr.startswith("guardhouse: ") and result.stderr.count("\n") == 1
    assert says in result.stderr


OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown version": (
        ("--candidate", "prompts/support@v9"),
        "prompt 'prompts/support' has no version 'v9': choose from v1, v2",
    ),
    "unknown version of the baseline": (("--baseline", "v7"), "no version 'v7': choose from v1, v2"),
    "unknown variant": (("--candidate", "cheap"), "there is no prompt 'cheap'"),
    "idle variant": (
        ("--candidate", "model:n", "--target", "policy", "--policy", "default"),
        "changes the model, which a target of kind 'policy' does not use",
    ),
    "unknown target": (("--target", "oracle"), "there is no target of kind 'oracle'"),
    "unknown executor": (("--executor", "slurm"), "there is no executor 'slurm'"),
    "workers without Ray": (("--workers", "2"), "are for Ray: add --executor ray"),
    "unknown split": (("--split", "test"), "no case of the golden set is in split 'test'"),
    "NaN price": (("--price", "nan:1"), "--price 'nan:1' is not IN:OUT"),
    "NaN margin": (("--gate", "exact:nan"), "'nan' is not a margin"),
    "NaN temperature": (("--temperature", "nan"), "is not a finite number"),
    "no such baseline": (("--baseline", "none.json"), "none.json cannot be read"),
    "no index": (("--target", "rag"), "needs --index"),
    "no call": (("--target", "callable"), "needs --call"),
    "a key in the address": (("--base-url", "http://user:s3cret@127.0.0.1:9/v1"), "has a user or a password"),
    "a key in the query": (("--base-url", "http://127.0.0.1:9/v1?api_key=s3cret"), "key with --api-key"),
    "a key after the address": (("--base-url", "http://127.0.0.1:9/v1#s3cret"), "has a fragment"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_that_do_not_fit_are_refused(suite: Path, chat: ChatServer, option: str) -> None:
    """One line that says what there is."""
    options, says = OPTIONS[option]

    result = run(suite, *options)

    assert (result.exit_code, result.stdout, chat.requests) == (2, "", []), result.stderr
    assert result.stderr.startswith("guardhouse: ") and result.stderr.count("\n") == 1
    assert says in result.stderr
    assert "s3cret" not in result.stderr and not (suite.parent / "out").exists()


def test_a_key_in_a_variants_address_is_refused_before_the_other_arm_is_asked(
    suite: Path, chat: ChatServer
) -> None:
    """Nothing is written and nothing asked, whichever arm it is."""
    suite.write_text(suite.read_text() + 'variants: {eu: {base_url: "http://127.0.0.1:9/v1?key=s3cret"}}\n')

    result = run(suite, "--candidate", "prompts/support@v1", "--baseline", "eu")

    assert (result.exit_code, result.stdout, chat.requests) == (2, "", []), result.stderr
    assert "has a query" in result.stderr and "s3cret" not in result.stderr
    assert not (suite.parent / "out").exists()


@pytest.mark.parametrize("more", [(), ("--baseline", "v1")])
def test_a_target_that_cannot_be_reached_leaves_reports_that_say_so(
    suite: Path, chat: ChatServer, more: tuple[str, ...]
) -> None:
    """Exit code 2 and one line; the reports have the reason on top, and no metric."""
    result = run(suite, "--base-url", "http://127.0.0.1:9/v1", *more)
    said = document.load(suite.parent / "out" / "run.json")

    assert (result.exit_code, chat.requests) == (2, [])
    assert result.stderr.startswith("guardhouse: the target at ") and result.stderr.count("\n") == 1
    assert result.stdout.startswith("INVALID  unfinished: the target at ") and "mean" not in result.stdout
    assert (said.gate.verdict, said.items, said.summary) == (GateVerdict.INVALID, (), {})
    assert "cannot be reached" in said.unfinished
    page = (suite.parent / "out" / "report.html").read_text()
    assert "cannot be reached" in page
    assert all(f"<h2>{part}" not in page for part in ("Scores", "What it cost", "All cases"))
    markdown = (suite.parent / "out" / "summary.md").read_text()
    assert markdown.startswith("## Eval: invalid (exit code 2)") and "| Metric" not in markdown
    assert 'errors="1"' in (suite.parent / "out" / "junit.xml").read_text()
    assert call("eval", "gate", suite.parent / "out" / "run.json").exit_code == 2


def test_a_key_that_is_refused_at_once_leaves_reports_too(suite: Path, chat: ChatServer) -> None:
    """The same, with what to do."""
    chat.models_status = 401

    result = run(suite)

    assert (result.exit_code, chat.requests) == (2, [])
    assert "refuses the key: give it with --api-key" in result.stderr
    assert "refuses the key" in document.load(suite.parent / "out" / "run.json").unfinished


def test_what_every_call_failed_of_is_told_with_what_to_do(suite: Path, chat: ChatServer) -> None:
    """An address without /v1, and a model that there is not."""
    chat.script = lambda request: (404, {"error": {"code": "model_not_found"}}, {})
    model = run(suite)
    elsewhere = run(suite, "--base-url", chat.base_url.removesuffix("/v1"))

    assert (model.exit_code, elsewhere.exit_code) == (2, 2)
    assert model.stderr.endswith("(HTTP 404 model_not_found): correct --model\n")
    assert elsewhere.stderr.endswith("(HTTP 404): end the address in /v1\n")


def _of_another_scorer(run: Run) -> Run:
    return replace(run, scorers=tuple(replace(scorer, version="0") for scorer in run.scorers))


BASELINES: dict[str, tuple[Callable[[Run], Run], str]] = {
    "other data": (
        lambda run: replace(run, items=tuple(replace(item, sha256="0" * 64) for item in run.items)),
        "only 0 of 30 cases are as in the baseline",
    ),
    "another scorer": (
        _of_another_scorer,
        "scored by exact 0, which is now 2: ask both now, with --baseline prompts/support@v1",
    ),
    "other repeats": (
        lambda run: replace(run, repeats=3),
        "asked each case 3 times, this run would 1 time: add --repeats 3, or ask both now",
    ),
    "adaptive": (
        lambda run: replace(run, repeats=5, screen=1),
        "asked each case 1 to 5 times, this run would 1 time: ask both now",
    ),
    "prompt that is gone": (
        lambda run: _of_another_scorer(replace(run, prompt=PromptRef("support", "v0", "0" * 64))),
        "run the baseline again, and accept that run",
    ),
}


@pytest.mark.parametrize("kind", BASELINES)
def test_a_baseline_that_cannot_be_compared_with_is_refused_before_the_first_call(
    suite: Path, chat: ChatServer, kind: str
) -> None:
    """And what to do is said: its prompt is named where it can be asked again."""
    change, says = BASELINES[kind]
    path = accepted(suite, change)
    chat.requests.clear()

    result = run(suite, "--baseline", path)

    assert (result.exit_code, result.stdout, chat.requests) == (2, "", [])
    assert says in result.stderr


def test_a_baseline_with_nan_is_refused(suite: Path) -> None:
    """Python's JSON would read it."""
    path = accepted(suite)
    path.write_text(path.read_text().replace('"value": 1.0', '"value": NaN', 1))

    result = run(suite, "--baseline", path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "accepted.json is not JSON" in result.stderr


@pytest.mark.parametrize("name", ["raises", "nan"])
def test_a_scorer_that_does_not_work_makes_the_run_invalid(
    suite: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No mean is shown for it, and no zero; the reports are there."""
    monkeypatch.setitem(BUILT_IN, name, f"tests.evals.faulty:{name}")

    result = run(suite, "--gate", name)
    alone = suite.parent / "alone.yaml"
    alone.write_text(
        suite.read_text().replace("[exact, f1]", f"[{name}]").replace("metric: exact", f"metric: {name}")
    )
    unscored = call(
        "eval", "run", "--suite", alone, "--candidate", "prompts/support@v2", "--out", suite.parent / "b"
    )

    told = document.load(suite.parent / "out" / "run.json")
    assert (result.exit_code, unscored.exit_code, told.gate.verdict) == (2, 2, GateVerdict.INVALID)
    assert (told.summary[name].mean, told.summary[name].unscored) == (None, 30)
    assert "the scorer failed" in (suite.parent / "out" / "report.html").read_text()
    assert "nothing was scored" in unscored.output


def test_a_target_that_only_fails_leaves_a_report(suite: Path, chat: ChatServer) -> None:
    """Nothing was measured but the failures; they are told, and no mean."""
    chat.script = lambda request: (404, {"error": {"code": "model_not_found"}}, {})

    result = run(suite, "--baseline", "v1")

    told = document.load(suite.parent / "out" / "run.json")
    assert result.exit_code == 2
    assert "none of 30 calls (HTTP 404 model_not_found)" in result.stderr
    assert (told.gate.verdict, told.summary["exact"].mean) == (GateVerdict.INVALID, None)
    assert (suite.parent / "out" / "report.html").is_file()


def test_replies_with_numbers_that_are_none_do_no_harm(suite: Path, chat: ChatServer) -> None:
    """A provider that counts NaN tokens has told no tokens."""

    def script(request: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        body = json.dumps(
            completion("All about it.") | {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}
        )
        return 200, body.replace('"prompt_tokens": 1', '"prompt_tokens": NaN'), {}

    chat.script = script

    run(suite, "--price", "1:1")

    text = (suite.parent / "out" / "run.json").read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert json.loads(text)["ledger"]["usd"] in (0.0, None)


def test_a_disk_that_is_full_from_the_start_is_told(suite: Path) -> None:
    """Nothing was kept, so nothing is shown."""
    out = suite.parent / "out"
    out.mkdir()
    (out / "journal.jsonl").symlink_to("/dev/full")

    result = run(suite)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "No space left on device" in result.stderr
    assert "free space there, or choose another --out" in result.stderr


def test_a_disk_that_fills_up_leaves_what_was_measured_on_the_screen(suite: Path) -> None:
    """The reports cannot be written: that is said, beside what ended the run; the verdict is that there is none."""

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    script = "import typer; from evals.cli import register; app = typer.Typer(); register(app); app()"
    told = [
        "--suite",
        suite,
        "--candidate",
        "prompts/support@v2",
        "--out",
        suite.parent / "out",
        "--concurrency",
        2,
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, "eval", "run", *map(str, told)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=small,
    )

    assert done.returncode == 2
    assert done.stdout.startswith("INVALID  unfinished: ")
    assert [line.partition(" cannot be written")[0] for line in done.stderr.splitlines()] == [
        f"guardhouse: {suite.parent / 'out' / name}" for name in ("journal.jsonl", "run.json")
    ]
    assert "Traceback" not in done.stderr


def test_ray_that_is_not_installed_is_told(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what installs it."""
    monkeypatch.setitem(sys.modules, "ray", None)

    result = run(suite, "--executor", "ray")

    assert (result.exit_code, result.stderr) == (
        2,
        "guardhouse: Ray is not installed: pip install 'guardhouse[ray]'\n",
    )


def test_a_canary_that_the_target_cannot_tell_of_is_invalid(tmp_path: Path) -> None:
    """A function that gives a text says nothing of tool calls: that none is expected is not known to hold."""
    cases = [item(f"c{at}", expected={"tool_calls": []}, tags=["canary"]) for at in range(3)]
    golden = write_golden(tmp_path / "golden", cases)

    result = call("eval", "run", "--golden", golden, "--call", "builtins:str", "--out", tmp_path / "out")
    told = document.load(tmp_path / "out" / "run.json")

    assert result.exit_code == 2, result.stderr
    assert "could not be measured: c0, c1, c2" in told.gate.metrics[0].reason
    assert {each.output.tool_calls for each in told.items} == {None}
