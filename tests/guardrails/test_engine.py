"""The guard on whole texts."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from guardrails import redact
from guardrails.arguments import rewrite, segments
from guardrails.engine import Guard, load_guard
from guardrails.policy import BUILT_IN, builtin, parse
from guardrails.pseudonyms import Vault
from guardrails.types import ALLOWED, Action, CheckFailure, Segment, Stage, Style, Verdict
from tests.cost import slowness
from tests.guardrails.samples import KEY, Digits, Pure, guard, registered


@pytest.fixture(autouse=True)
def _checks() -> Iterator[None]:
    with registered():
        yield


def segment(text: str, stage: Stage = Stage.INPUT, channel: str = "user", pointer: str = "/0") -> Segment:
    """A segment of a request."""
    return Segment(text, pointer, stage, channel)


def edited(text: str, verdict: Verdict) -> str:
    """The text as the verdict leaves it."""
    return redact.apply(text, verdict.edits)


def vault() -> Vault:
    """A fresh vault."""
    return Vault(KEY, "t", "s")


DIGITS = "{id: digits, check: digits, stages: [input, tool_call], action: redact}"


async def test_a_finding_says_everything_but_the_value() -> None:
    """Rule, check, entity, place, score and a keyed fingerprint; never the matched text."""
    verdict = await guard(DIGITS).inspect([segment("😀 pin 1234!")])

    found = verdict.findings[0]
    assert (found.rule, found.check, found.entity) == ("digits", "digits", "NUMBER")
    assert (found.pointer, found.start, found.end, found.score) == ("/0", 6, 10, 0.9)
    assert (found.action, found.stage) == (Action.REDACT, Stage.INPUT)
    assert found.fingerprint == redact.fingerprint(KEY, "NUMBER", "1234")
    assert "1234" not in repr(verdict)
    assert edited("😀 pin 1234!", verdict) == "😀 pin [NUMBER]!"
    assert set(verdict.timings) == {"digits"}


async def test_rules_look_at_their_stages_only() -> None:
    """A rule for input does not touch tool results."""
    judge = guard(DIGITS)

    assert (await judge.inspect([segment("1234", Stage.TOOL_RESULT)])) is ALLOWED
    assert [judge.covers(stage) for stage in (Stage.INPUT, Stage.TOOL_CALL, Stage.OUTPUT)] == [
        True,
        True,
        False,
    ]


async def test_text_seen_before_is_not_scanned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat resends its history each turn; only what is new costs a scan, and the findings are the same."""
    scanned: list[str] = []
    scan = Digits.scan
    monkeypatch.setattr(
        Digits, "scan", lambda self, text, start=0: scanned.append(text) or scan(self, text, start)
    )
    judge = guard(DIGITS)
    history = [segment(f"message {n} pin 1234", pointer=f"/{n}") for n in range(5)]

    first = await judge.inspect(history)
    second = await judge.inspect([*history, segment("new", pointer="/5")])

    assert scanned == [*(each.text for each in history), "new"]
    assert first.findings == second.findings
    assert await judge.inspect([segment("new")]) is ALLOWED


async def test_the_cache_is_bounded_and_keeps_no_text() -> None:
    """After many texts the guard holds a bounded number of entries, none of which is text."""
    judge = guard(DIGITS)
    for n in range(9000):
        await judge.inspect([segment(f"value {n:06}")])

    entries = judge._seen._entries
    assert len(entries) == 8192
    assert not any("value" in repr(entry) for entry in entries.items())


MERGES = [
    ("redact over pseudonymize", "pseudonymize", "redact", "[B]"),
    ("pseudonymize alone", "pseudonymize", "flag", "TOKEN x"),
    ("redact over flag", "flag", "redact", "id [B]"),
    ("flags change nothing", "flag", "allow", "id 1234 x"),
]


@pytest.mark.parametrize(("why", "first", "second", "expected"), MERGES)
async def test_the_strictest_rule_decides(why: str, first: str, second: str, expected: str) -> None:
    """Two rules on one value: the stricter action is taken, both findings are kept."""
    verdict = await guard(
        f"""{{id: a, check: literal, with: {{text: "id 1234", entity: A}}, stages: [input], action: {first}}}
        {{id: b, check: literal, with: {{text: "1234 x", entity: B}}, stages: [input], action: {second}}}"""
    ).inspect([segment("id 1234 x")], safe := vault())

    assert edited("id 1234 x", verdict) == expected.replace("TOKEN", safe.mint("A", "id 1234"))
    assert [found.rule for found in verdict.findings] == ["a", "b"]
    assert verdict.action == max((Action(first), Action(second)), key=lambda action: action.rank)


async def test_a_block_edits_nothing_and_names_rule_and_place() -> None:
    """A blocked text goes nowhere, so there is nothing to edit; nothing is minted for it either."""
    verdict = await guard(
        """{id: a, check: digits, stages: [input], action: pseudonymize}
        {id: b, check: literal, with: {text: bomb}, stages: [input], action: block}"""
    ).inspect([segment("pin 1234"), segment("a bomb", pointer="/1")], safe := vault())

    assert (verdict.action, verdict.blocked_by, verdict.blocked_at) == (Action.BLOCK, "b", "/1")
    assert verdict.edits == ()
    assert len(safe) == 0


async def test_a_shadow_rule_records_and_changes_nothing() -> None:
    """What it would have done is in `decided`."""
    verdict = await guard("{id: a, check: digits, stages: [input], action: block, mode: shadow}").inspect(
        [segment("pin 1234")]
    )

    assert (verdict.action, verdict.decided, verdict.edits) == (Action.ALLOW, Action.BLOCK, ())
    assert len(verdict.findings) == 1


async def test_findings_below_the_threshold_are_dropped() -> None:
    """The score must reach the rule's threshold."""
    rule = (
        "{id: a, check: literal, with: {text: x, score: 0.7}, stages: [input], action: redact, threshold: %s}"
    )

    assert len((await guard(rule % 0.7).inspect([segment("x")])).findings) == 1
    assert (await guard(rule % 0.71).inspect([segment("x")])).findings == ()


FAILURES = [
    ("{id: a, check: broken, stages: [input], action: flag%s}", "error", "ValueError"),
    ("{id: a, check: broken, with: {asynchronous: true}, stages: [input], action: flag%s}", "error", "ValueError"),
    ("{id: a, check: broken, with: {error: ModelError}, stages: [input], action: flag%s}", "unavailable", "ModelError"),
    ("{id: a, check: broken, with: {error: TimeoutError, asynchronous: true}, stages: [input], action: flag%s}", "error", "TimeoutError"),
    ("{id: a, check: sleeper, with: {seconds: 5}, timeout_ms: 10, stages: [input], action: flag%s}", "timeout", "TimeoutError"),
    ("{id: a, check: nonsense, with: {answer: nothing}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: too few}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: not spans}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: outside}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: negative}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: empty}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: backwards}, stages: [input], action: flag%s}", "error", "BadResult"),
    ("{id: a, check: nonsense, with: {answer: fractions}, stages: [input], action: flag%s}", "error", "BadResult"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "kind", "reason"), FAILURES)
async def test_a_failing_check_is_data_and_follows_on_error(rule: str, kind: str, reason: str) -> None:
    """It blocks by default, lets pass where the rule says so, and tells its class but no text."""
    text = segment("my secret text")

    blocked = await guard(rule % "").inspect([text])
    allowed = await guard(rule % ", on_error: allow").inspect([text])
    shadowed = await guard(rule % ", mode: shadow").inspect([text])

    assert blocked.failures == (CheckFailure("a", blocked.failures[0].check, kind, reason, Action.BLOCK),)
    assert (blocked.action, blocked.blocked_by, blocked.edits) == (Action.BLOCK, "a", ())
    assert [(each.action, each.failures[0].action) for each in (allowed, shadowed)] == [
        (Action.ALLOW, Action.ALLOW)
    ] * 2
    assert "secret" not in repr(blocked)


async def test_one_failing_text_does_not_keep_a_rule_from_the_others() -> None:
    """A rule that may fail open fails for the one text only, and is reported once."""
    judge = guard("{id: a, check: digits, stages: [input], action: redact, on_error: allow}")
    scanner = judge._groups[Stage.INPUT][0].rules[0].scanner
    assert scanner is not None
    scan = scanner.scan

    def fragile(text: str, start: int = 0):
        if "poison" in text:
            raise ValueError(text)
        return scan(text, start)

    scanner.scan = fragile  # type: ignore[method-assign]
    verdict = await judge.inspect([segment("poison"), segment("poison 2"), segment("1234")])

    assert len(verdict.findings) == 1
    assert len(verdict.failures) == 1


async def test_slow_checks_run_beside_each_other() -> None:
    """Three checks of 50 ms take little more than one."""
    rule = "{id: %s, check: sleeper, with: {seconds: 0.05}, stages: [input], action: flag, timeout_ms: 2000}"
    judge = guard("\n".join(rule % name for name in "abc"))

    began = time.perf_counter()
    verdict = await judge.inspect([segment("text")])

    spent_ms = (time.perf_counter() - began) * 1000
    assert spent_ms < sum(verdict.timings.values())
    assert verdict.action is Action.ALLOW
    assert all(verdict.timings[name] >= 49 for name in "abc")


@pytest.mark.parametrize("names", ["a", "ab"])
async def test_cancelling_reaches_the_checks(names: str) -> None:
    """A caller that leaves is not kept waiting, and leaving is not a failed check."""
    rule = "{id: %s, check: sleeper, with: {seconds: 60}, stages: [input], action: flag, timeout_ms: 60000}"
    task = asyncio.ensure_future(guard("\n".join(rule % name for name in names)).inspect([segment("text")]))
    await asyncio.sleep(0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_checks_of_whole_texts_see_only_their_stages() -> None:
    """Findings come back to the right segment although others stand between."""
    verdict = await guard(
        "{id: a, check: whole, with: {text: bad}, stages: [input], action: redact}"
    ).inspect([segment("bad", Stage.TOOL_RESULT), segment("x"), segment("so bad", pointer="/2")])

    assert [(found.pointer, found.start) for found in verdict.findings] == [("/2", 3)]


PSEUDONYMIZE = "{id: p, check: digits, stages: [input, tool_call, tool_result], action: pseudonymize}"


async def test_pseudonyms_come_back() -> None:
    """What the model repeats is turned back; equal values share a token across segments."""
    texts = [segment("pin 1234 and 5678"), segment("again 1234", Stage.TOOL_RESULT, "tool:x", "/1")]
    verdict = await guard(PSEUDONYMIZE).inspect(texts, safe := vault())

    first = edited(texts[0].text, Verdict(edits=verdict.edits[:2]))
    assert first == f"pin {safe.mint('NUMBER', '1234')} and {safe.mint('NUMBER', '5678')}"
    assert verdict.edits[2].replacement == verdict.edits[0].replacement
    assert safe.restore(first) == texts[0].text
    assert verdict.action is Action.PSEUDONYMIZE


async def test_without_a_vault_pseudonyms_are_redacted() -> None:
    """There is nowhere to keep the value, so it does not come back."""
    verdict = await guard(PSEUDONYMIZE).inspect([segment("pin 1234")])

    assert edited("pin 1234", verdict) == "pin [NUMBER]"


async def test_values_of_the_system_prompt_stay_hidden() -> None:
    """Masked for the model and not given back, unless the user wrote the same value."""
    judge, hidden, shared = guard(PSEUDONYMIZE), vault(), vault()
    system = segment("boss 1234", channel="system")

    await judge.inspect([system], hidden)
    await judge.inspect([system, segment("I know 1234")], shared)

    token = vault().mint("NUMBER", "1234")
    assert hidden.restore(token) == token
    assert shared.restore(token) == "1234"


@pytest.mark.parametrize(
    "spelling",
    [
        lambda t: t,
        lambda t: t.replace("_", "\\_"),
        lambda t: t[:7] + t[7:].upper(),
        str.lower,
        lambda t: t.replace("_", " "),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_a_token_that_the_caller_wrote_comes_back_as_written(spelling, first: bool) -> None:
    """It is never answered with the value that the same token stands for elsewhere in the request."""
    token = vault().mint("NUMBER", "1234")
    texts = [segment("pin 1234"), segment(f"Say: {spelling(token)}", pointer="/1")]
    if first:
        texts.reverse()
    verdict = await guard(PSEUDONYMIZE).inspect(texts, safe := vault())

    sent = {
        text.pointer: redact.apply(
            text.text, [edit for edit in verdict.edits if edit.pointer == text.pointer]
        )
        for text in texts
    }
    assert sent["/0"] == f"pin {token}"
    assert sent["/1"].startswith("Say: TOKEN_")
    assert safe.restore(sent["/1"]) == f"Say: {spelling(token)}"


async def test_a_token_of_a_token_comes_back_as_written_too() -> None:
    """Writing the look-alike's own token gains nothing either."""
    token = vault().mint("NUMBER", "1234")
    outer = vault().mint("TOKEN", token)
    texts = [segment("pin 1234"), segment(f"{token} {outer}", pointer="/1")]
    verdict = await guard(PSEUDONYMIZE).inspect(texts, safe := vault())

    sent = redact.apply(texts[1].text, [edit for edit in verdict.edits if edit.pointer == "/1"])
    assert token not in sent
    assert safe.restore(sent) == texts[1].text


async def test_tokens_in_a_reply_are_ours() -> None:
    """In tool arguments that the model wrote, a token is left to be restored, whatever a rule sees in it."""
    judge = guard("""{id: p, check: digits, with: {least: 1}, stages: [input], action: pseudonymize}
        {id: hex, check: literal, with: {text: "NUMBER_"}, stages: [tool_call, output], action: redact}""")
    await judge.inspect([segment("pin 1234")], safe := vault())
    token = safe.mint("NUMBER", "1234")
    call = f'{{"pin": "{token}", "other": "NUMBER_"}}'

    reply = await judge.inspect(segments(call, "/c", Stage.TOOL_CALL, "assistant"), safe, reply=True)
    output = await judge.inspect([segment(f"it is {token}", Stage.OUTPUT)], safe)

    assert rewrite(call, reply.edits) == f'{{"pin": "{token}", "other": "[LITERAL]"}}'
    assert output.findings == ()
    assert output.edits == ()


async def test_a_long_text_does_not_stop_the_loop() -> None:
    """While a long text that is all candidates is looked at, whoever else waits for the loop gets it."""
    judge = load_guard(builtin("default"), KEY)
    text = " ".join(f"{number % 100:02d}" for number in range(60_000))
    await judge.inspect([segment("warm 01 02 03 04 05 06")], vault())

    inspecting = asyncio.create_task(judge.inspect([segment(text)], vault()))
    pauses: list[float] = []
    longest = 0.05 * slowness()
    before = time.process_time()
    while len(pauses) < 40 and not inspecting.done():
        await asyncio.sleep(0.001)
        now = time.process_time()
        pauses.append(now - before)
        before = now

    assert not inspecting.done()
    assert sorted(pauses)[-2] < longest, "one pause is the machine's own"
    inspecting.cancel()


async def test_long_and_short_texts_are_judged_alike() -> None:
    """Where a text is scanned makes no difference to what is found, nor to what is remembered."""
    judge = guard(DIGITS)
    texts = [segment("pin 1234", pointer="/0"), segment("a " * 40_000 + "5678", pointer="/1")]
    texts += [segment("pin 1234", pointer="/2")]

    first, again = await judge.inspect(texts), await judge.inspect(texts)

    assert [(found.pointer, found.start) for found in first.findings] == [
        ("/0", 4),
        ("/1", 80_000),
        ("/2", 4),
    ]
    assert again.findings == first.findings
    assert not again.timings


async def test_arguments_are_edited_in_place() -> None:
    """Findings inside tool arguments carry the inner pointer, and the JSON stays valid."""
    call = '{"to": "ada", "pins": [1, 12345]}'
    verdict = await guard(DIGITS).inspect(segments(call, "/calls/0", Stage.TOOL_CALL, "assistant"))

    assert [(found.pointer, found.within) for found in verdict.findings] == [("/calls/0", "/pins/1")]
    assert rewrite(call, verdict.edits) == '{"to": "ada", "pins": [1, "[NUMBER]"]}'


async def test_lone_surrogates_are_text_like_any_other() -> None:
    """What JSON can hold must not crash a check."""
    verdict = await guard(PSEUDONYMIZE).inspect([segment("\ud800 1234")], vault())

    assert len(verdict.edits) == 1


@pytest.mark.parametrize("name", BUILT_IN)
async def test_a_shipped_policy_does_what_its_own_tests_say(name: str) -> None:
    """Each example of the file gives the action and the findings that it names."""
    policy = builtin(name)
    judge = load_guard(policy, KEY)

    for test in policy.tests:
        verdict = await judge.inspect([segment(test.text, test.stage)], vault())
        assert test.action in (None, verdict.action), test.line
        expected = [(each.rule, each.entity, each.text) for each in test.findings or ()]
        found = [(each.rule, each.entity, test.text[each.start : each.end]) for each in verdict.findings]
        assert len(found) == len(expected), test.line
        for (rule, entity, text), (its_rule, its_entity, its_text) in zip(found, expected, strict=True):
            assert (rule, entity, text) == (its_rule, its_entity or entity, its_text or text), test.line


def test_load_guard_gives_a_guard_for_the_policy() -> None:
    """The guard names its policy, so that each verdict can be stamped with it."""
    policy = parse(f"name: p\nrules: [{DIGITS}]")

    assert load_guard(policy, KEY).policy is policy
    assert isinstance(load_guard(policy, KEY), Guard)


SURROGATES = "{id: p, check: literal, with: {text: ada@x.org, entity: EMAIL_ADDRESS}, stages: [input, tool_call], action: pseudonymize, style: surrogate}"
OUTPUT = "{id: o, check: literal, with: {text: '@', entity: AT}, stages: [output], action: redact}"


async def test_a_rule_can_ask_for_surrogates() -> None:
    """The model reads a stand-in of the same shape, the caller the value; a rule for output leaves it alone."""
    judge = guard(f"{SURROGATES}\n{OUTPUT}")
    text = segment("mail ada@x.org")
    sent = edited(text.text, await judge.inspect([text], safe := vault()))

    assert re.fullmatch(r"mail [a-z.]+\.[a-z0-9]{4}@example\.(com|org|net)", sent)
    assert safe.restore(sent) == text.text
    verdict = await judge.inspect([segment(f"{sent} a@b", Stage.OUTPUT)], safe)
    assert edited(f"{sent} a@b", verdict) == f"{sent} a[AT]b"


async def test_a_text_of_the_callers_that_is_a_surrogate_comes_back_as_written() -> None:
    """It is masked itself, so nobody's value is given for it; where a rule finds it, it has its own stand-in."""
    made = vault().mint("EMAIL_ADDRESS", "ada@x.org", style=Style.SURROGATE)
    texts = [segment("mail ada@x.org"), segment(f"and {made}", pointer="/1")]
    verdict = await guard(SURROGATES).inspect(texts, safe := vault())

    sent = redact.apply(texts[1].text, [edit for edit in verdict.edits if edit.pointer == "/1"])
    assert sent.startswith("and TOKEN_")
    assert safe.restore(sent) == f"and {made}"


async def test_a_surrogate_is_never_a_value_of_the_request() -> None:
    """Wherever in the request the value stands, the stand-in that equals it is passed over."""
    made = vault().mint("EMAIL_ADDRESS", "ada@x.org", style=Style.SURROGATE)
    found = f"{{id: q, check: literal, with: {{text: '{made}', entity: EMAIL_ADDRESS}}, stages: [input], action: pseudonymize}}"
    texts = [segment("mail ada@x.org"), segment(f"and {made}", pointer="/1")]
    verdict = await guard(f"{SURROGATES}\n{found}").inspect(texts, safe := vault())

    sent = [
        redact.apply(text.text, [e for e in verdict.edits if e.pointer == text.pointer]) for text in texts
    ]
    assert made not in " ".join(sent)
    assert [safe.restore(text) for text in sent] == [text.text for text in texts]


async def test_a_surrogate_of_the_system_prompt_is_shown_as_a_token() -> None:
    """A reader could take the stand-in for true; the value itself does not come back."""
    text = segment("boss ada@x.org", channel="system")
    sent = edited(text.text, await guard(SURROGATES).inspect([text], safe := vault()))

    assert "ada@x.org" not in sent and "EMAIL_ADDRESS" not in sent
    assert safe.restore(sent) == f"boss {vault().mint('EMAIL_ADDRESS', 'ada@x.org')}"


async def test_a_pure_check_is_asked_once_about_a_segment() -> None:
    """A text seen before costs nothing; the same text from somebody else is another matter."""
    judge = guard("{id: a, check: pure, with: {text: cat}, stages: [input], action: flag}")
    check = judge._asking[0].check
    assert isinstance(check, Pure)

    for _ in range(2):
        verdict = await judge.inspect([segment("a cat"), segment("a dog"), segment("cats")])
        assert [(found.start, found.pointer) for found in verdict.findings] == [(2, "/0"), (0, "/0")]
    await judge.inspect([Segment("a cat", "/p", Stage.INPUT, "tool:search")])

    assert [(each.text, each.channel) for each in check.asked] == [
        ("a cat", "user"),
        ("a dog", "user"),
        ("cats", "user"),
        ("a cat", "tool:search"),
    ]
