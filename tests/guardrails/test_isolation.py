"""Checks in processes of their own: whatever they do, the verdict says so and everybody else goes on."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrails.arming import arm
from guardrails.check import Scanner
from guardrails.engine import Guard, load_guard
from guardrails.errors import CheckError, CheckRaised, PolicyError, WorkerDied
from guardrails.isolation import DEATHS, REST, Isolated, isolate
from guardrails.policy import parse
from guardrails.types import Action, CheckFailure, Segment, Stage, Verdict
from tests.guardrails.installed import installed


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("installed")):
        yield


def ruled(rest: str, timeout_ms: int = 500, check: str = "trouble") -> Guard:
    """A guard with one rule on input."""
    rule = f"{{id: a, check: {check}, stages: [input], timeout_ms: {timeout_ms}, {rest}}}"
    return load_guard(parse(f"name: p\nrules:\n  - {rule}\n"), b"test")


def segment(text: str) -> Segment:
    """What a user wrote."""
    return Segment(text, "/messages/0/content", Stage.INPUT)


def check_of(guard: Guard) -> Isolated:
    """The check of a guard's only rule."""
    [armed] = guard._asking
    assert isinstance(armed.check, Isolated)
    return armed.check


def patient() -> Isolated:
    """The check with all the time it wants."""
    made = isolate("trouble", {}, limit=30)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def check() -> Iterator[Isolated]:
    """One such check for tests that leave it alive, and kill its process once at most."""
    made = patient()
    yield made
    asyncio.run(made.aclose())


async def process(check: Isolated) -> int:
    """The number of the process that answers now."""
    [[span]] = await check([segment("secret")])
    return int(span.entity)


def gone(pid: int) -> bool:
    """Whether a process ends, or has ended."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").is_file() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.02)
    return False


async def recovered(guard: Guard) -> Verdict:
    """The verdict on a text with a finding, asked for until the check's process is there again."""
    until = time.monotonic() + 30
    while (verdict := await guard.inspect([segment("a secret")])).failures and time.monotonic() < until:
        await asyncio.sleep(0.05)
    return verdict


OUTCOMES = [
    ("hang", "timeout", "TimeoutError"),
    ("regex", "timeout", "TimeoutError"),
    ("sleep", "timeout", "TimeoutError"),
    ("stop", "timeout", "TimeoutError"),
    ("kill", "unavailable", "WorkerDied"),
    ("exit", "unavailable", "WorkerDied"),
    ("raise", "error", "ValueError"),
    ("model", "unavailable", "ModelError"),
    ("deep", "error", "RecursionError"),
    ("nothing", "error", "BadResult"),
    ("few", "error", "BadResult"),
    ("many", "error", "BadResult"),
    ("strange", "error", "BadResult"),
    ("generator", "error", "BadResult"),
    ("unsendable", "error", "BadResult"),
    ("outside", "error", "BadResult"),
    ("fraction", "error", "BadResult"),
    ("nameless", "error", "BadResult"),
    ("giant", "error", "BadResult"),
    ("endless", "error", "BadResult"),
]


@pytest.fixture(scope="module")
def enforcing() -> dict[str, Guard]:
    """Guards for many kinds of trouble, each of which leaves them as good as they were: hasty ones and patient."""
    return {"timeout": ruled("action: flag"), "": ruled("action: flag", timeout_ms=20_000)}


@pytest.mark.parametrize(("act", "kind", "reason"), OUTCOMES)
async def test_trouble_is_an_entry_in_the_verdict_and_blocks(
    enforcing: dict[str, Guard], act: str, kind: str, reason: str
) -> None:
    """Each kind has its outcome and tells no text; the event loop turns meanwhile, the next request is answered."""
    guard, ticks = enforcing.get(kind, enforcing[""]), 0
    inspecting = asyncio.create_task(guard.inspect([segment(f"{act} 4111 1111")]))
    while not inspecting.done():
        await asyncio.sleep(0.01)
        ticks += 1
    verdict = await inspecting

    assert ticks >= 10 or kind != "timeout"
    assert verdict.failures == (CheckFailure("a", "trouble", kind, reason, Action.BLOCK),)
    assert (verdict.action, verdict.blocked_by, verdict.edits) == (Action.BLOCK, "a", ())
    assert "4111" not in repr(verdict)
    after = await recovered(guard)
    assert [(found.start, found.end) for found in after.findings] == [(2, 8)]
    assert after.failures == ()


@pytest.mark.parametrize(
    ("rest", "act", "kind"),
    [
        ("action: block, mode: shadow", "hang", "timeout"),
        ("action: block, mode: shadow", "kill", "unavailable"),
        ("action: flag, on_error: allow", "kill", "unavailable"),
    ],
)
async def test_where_trouble_may_pass_it_is_recorded(rest: str, act: str, kind: str) -> None:
    """A shadow rule and one with `on_error: allow` never stop a request, whatever their check does."""
    verdict = await ruled(rest, timeout_ms=2000).inspect([segment(act)])

    assert (verdict.action, verdict.failures[0].action, verdict.failures[0].kind) == (
        Action.ALLOW,
        Action.ALLOW,
        kind,
    )


async def test_what_a_check_prints_goes_nowhere(capfd: pytest.CaptureFixture[str], check: Isolated) -> None:
    """Neither its prints nor its writes reach our output, nor do they garble its answers."""
    [[span]] = await check([segment("print secret")])

    assert (span.start, span.end) == (6, 12)
    assert capfd.readouterr() == ("", "")


async def test_a_check_that_garbles_its_answers_is_replaced(check: Isolated) -> None:
    """What is no answer counts as a death: nothing after it could be trusted."""
    before = await process(check)

    with pytest.raises(WorkerDied):
        await check([segment("scribble")])

    assert await process(check) != before
    assert gone(before)


async def test_a_killed_process_is_replaced(check: Isolated) -> None:
    """Also when it is killed between two requests, which costs one of them."""
    before = await process(check)
    os.kill(before, signal.SIGKILL)

    with pytest.raises(WorkerDied):
        await process(check)

    assert await process(check) != before


async def test_who_dies_often_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some deaths within a minute nothing is asked for some seconds; then all is as before."""
    check = patient()
    loop = asyncio.get_running_loop()
    clock = loop.time
    for _ in range(DEATHS):
        with pytest.raises(WorkerDied):
            await check([segment("kill")])

    with pytest.raises(WorkerDied, match="times within"):
        await process(check)

    monkeypatch.setattr(loop, "time", lambda: clock() + REST)
    assert await process(check) > 0


async def test_a_caller_who_leaves_does_not_cost_the_others_their_process(check: Isolated) -> None:
    """What it was asked is finished, unless that takes far too long."""
    before = await process(check)
    leaving = asyncio.create_task(check([segment("nap")]))
    await asyncio.sleep(0.05)

    leaving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await process(check) == before


async def test_what_is_only_slow_is_late_and_lives() -> None:
    """A check that is done soon after its limit has failed; killing it would cost the others longer still."""
    slow = isolate("trouble", {}, limit=0.001)
    assert slow is not None
    before = await process(slow)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await slow([segment("tick")])

    assert await process(slow) == before
    await slow.aclose()


async def test_each_question_gets_its_own_answer() -> None:
    """Many at once wait in order; what is sent arrives as it is: half surrogates, NUL, pointers, channels."""
    check = isolate("echo", {}, limit=30)
    assert check is not None
    odd = ["\ud83d\ude00", "\ud800", "😀\0\r\n", '"\\u0041', "é" * 70_000, "\udfff\ud83d"]
    asked = [
        [Segment(f"{text}{n}", f"/m/{n}/{text[:2]}", stage, "tool:é", "/a~1b#") for stage in Stage]
        for n, text in enumerate(odd * 3)
    ]

    answers = await asyncio.gather(*(check(segments) for segments in asked))

    assert [[span.entity for [span] in answer] for answer in answers] == [
        [repr(each) for each in segments] for segments in asked
    ]
    await check.aclose()


def test_a_guard_works_in_one_event_loop_after_another() -> None:
    """A command may run each of its requests in a loop of its own."""
    guard = ruled("action: flag", timeout_ms=20_000)

    found = [asyncio.run(guard.inspect([segment("secret")])).findings for _ in range(2)]

    assert len(found[0]) == 1
    assert found[0] == found[1]


async def test_a_closed_check_answers_no_more() -> None:
    """Whoever is still waiting is told, and the process is gone."""
    check = patient()
    pid = await process(check)
    waiting = asyncio.create_task(check([segment("sleep")]))
    await asyncio.sleep(0.05)

    await check.aclose()
    await check.aclose()

    with pytest.raises(WorkerDied):
        await waiting
    with pytest.raises(WorkerDied):
        await check([segment("secret")])
    assert gone(pid)


async def test_a_guard_that_is_dropped_takes_its_processes_along() -> None:
    """As when a policy is read anew."""
    guard = ruled("action: flag", timeout_ms=20_000)
    pid = await process(check_of(guard))

    del guard
    gc.collect()

    assert gone(pid)


def test_a_process_does_not_outlive_its_parent() -> None:
    """Not even a parent that had no time to say so."""
    code = (
        "import asyncio, os, sys; from guardrails.isolation import isolate; "
        "from guardrails.types import Segment, Stage; check = isolate('trouble', {}, 30); "
        "[[span]] = asyncio.run(check([Segment('secret', '', Stage.INPUT)])); "
        "print(span.entity, flush=True); os.kill(os.getpid(), 9)"
    )
    path = f"import sys; sys.path[:] = {sys.path!r}; "

    done = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True)

    assert done.returncode == -signal.SIGKILL
    assert gone(int(done.stdout))


UNBUILDABLE = [
    ("trouble", "{greeting: refuse}", "trouble: `greeting` is rude."),
    ("trouble", "{greeting: [1]}", "check 'trouble', option 'greeting': Input should be a valid string"),
    ("trouble", "{greeting: 2026-01-01}", "its options must be text, numbers, lists and mappings of them; quote a date."),
    ("misses", "{}", "ModuleNotFoundError: No module named 'no_such_package'"),
    ("gone", "{}", "ModuleNotFoundError: No module named 'nowhere'"),
    ("dies", "{}", "check 'dies': the process that was to build it died."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "message"), UNBUILDABLE)
def test_a_check_that_cannot_be_built_is_refused_when_the_policy_is_loaded(
    name: str, options: str, message: str
) -> None:
    """With the rule's line and the reason, as if it had been built here."""
    with pytest.raises(PolicyError) as caught:
        ruled(f"action: flag, with: {options}", check=name)

    assert caught.value.line == 3
    assert message in caught.value.what


def test_a_check_that_is_never_built_is_given_up() -> None:
    """Loading a policy ends."""
    with pytest.raises(CheckError, match=r"'hangs': the process that was to build it took over 1 seconds"):
        isolate("hangs", {}, limit=1, patience=1)


@pytest.mark.parametrize(("name", "isolated"), [("vouched", False), ("handmade", True)])
async def test_only_what_is_known_to_end_runs_here(name: str, isolated: bool) -> None:
    """What its author vouches for runs in this process and in streams; other scanners do neither."""
    policy = "name: p\nrules:\n  - {id: a, check: %s, stages: [%s], action: redact}\n"
    [armed] = arm(parse(policy % (name, "input")))

    assert isinstance(armed.check, Isolated) is isolated
    assert isinstance(armed.check, Scanner) is not isolated
    if isolated:
        with pytest.raises(PolicyError, match=r"hold: full.*`guardrails.check.in_process`"):
            arm(parse(policy % (name, "output")))
    else:
        assert arm(parse(policy % (name, "output")))[0].scanner is not None
    await armed.aclose()
    if isolated:
        with pytest.raises(WorkerDied):
            await armed.check([segment("x")])


@pytest.mark.slow
async def test_presidios_recognisers_run_apart_and_the_shaped_entities_here() -> None:
    """A recogniser reads whole texts with regexes of its own; the entities with a shape are linear."""
    policy = "name: p\nrules:\n  - {id: a, check: pii, with: {entities: [%s]}, stages: [input], action: redact, timeout_ms: 20000}\n"
    shaped, other = (load_guard(parse(policy % names), b"k") for names in ("US_SSN", "URL, US_SSN"))

    verdict = await other.inspect([segment("see https://a.example.com/x and SSN 219-09-9999")])

    assert [found.entity for found in verdict.findings] == ["URL", "US_SSN"]
    assert check_of(other).could_stream is False
    assert shaped._asking == ()


async def test_what_a_check_says_when_it_raises_stays_where_it_was_raised(check: Isolated) -> None:
    """The class of an exception comes across, its text does not."""
    with pytest.raises(CheckRaised) as caught:
        await check([segment("raise 4111 1111")])

    assert (caught.value.reason, str(caught.value)) == ("ValueError", "ValueError")
