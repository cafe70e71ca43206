"""The guard on streams: the same result as on the whole text, however it is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardrails import redact
from guardrails.arming import acts
from guardrails.engine import Guard
from guardrails.errors import GuardrailsError
from guardrails.policy import BUILT_IN, builtin
from guardrails.pseudonyms import Vault
from guardrails.stream import MAX_HELD, MAX_WHOLE, StreamGuard
from guardrails.types import Action, Edit, Finding, Segment, Stage, Style, Verdict
from tests.guardrails.samples import KEY, cut, guard, registered


@pytest.fixture(autouse=True, scope="module")
def _checks() -> Iterator[None]:
    with registered():
        yield


@cache
def shipped(name: str) -> Guard:
    """The guard of a policy that ships with the product."""
    return Guard(builtin(name), KEY)


def vault() -> Vault:
    """A vault with an e-mail address, an address and a number in it, and one value that does not come back."""
    safe = Vault(KEY, "t", "s")
    for entity, value in (
        ("EMAIL_ADDRESS", "ada@example.com 1234"),
        ("ADDRESS", "sesame 77777"),
        ("E", "😀"),
    ):
        safe.mint(entity, value)
    safe.mint("SECRET", "boss", restorable=False)
    for value, restorable in (("bob@x.org", True), ("hidden@x.org", False)):
        safe.mint("EMAIL_ADDRESS", value, restorable, Style.SURROGATE)
    safe.mint("PERSON", "Ada Byron", style=Style.SURROGATE)
    return safe


def played(stream: StreamGuard, pieces: list[str]) -> tuple[str, list[str]]:
    """Everything that leaves, and the text after each push."""
    out, after = "", []
    for piece in pieces:
        out += stream.push(piece)
        after.append(out)
    return out + stream.flush(), after


def whole_of(text: str, verdict: Verdict) -> tuple[str, list[Edit], list[Finding]]:
    """What a stream is to record for a text, its edits and acting findings: for all of it, or up to a block."""
    edits: list[Edit] = []
    findings = [each for each in verdict.findings if acts(each.mode, each.action)]
    for mark in redact.clusters(redact.marks(findings)):
        if mark.action is Action.BLOCK:
            text = text[: mark.start]
            findings = [each for each in findings if each.start < mark.end]
            break
        edits.append(Edit("/p", mark.start, mark.end, redact.redaction(mark.entity)))
    return redact.apply(text, edits), edits, findings


def told(text: str, recorded: str, edits: list[Edit], safe: Vault) -> str:
    """What the client is to read: pseudonyms are judged where they stand in what the model wrote."""
    if len(recorded) == len(text) and not edits:
        return safe.restore(text)
    end = len(text) if redact.apply(text, edits) == recorded else _blocked_at(text, recorded, edits)
    answers = [Edit("/p", one.start, one.end, one.value) for one in safe.restores(text) if one.end <= end]
    return redact.apply(text[:end], redact.beside(edits, answers))


def _blocked_at(text: str, recorded: str, edits: list[Edit]) -> int:
    return next(
        end
        for end in range(len(text))
        if redact.apply(text[:end], edits) == recorded and (not edits or end >= edits[-1].end)
    )


async def judged(judge: Guard, text: str, safe: Vault | None) -> Verdict:
    """The verdict on the whole text."""
    return await judge.inspect([Segment(text, "/p", Stage.OUTPUT, "assistant")], safe)


def check_cut(judge: Guard, pieces: list[str], safe: Vault | None, verdict: Verdict) -> None:
    """One way to cut a text gives what the whole text gives."""
    text = "".join(pieces)
    recorded, edits, findings = whole_of(text, verdict)
    client = told(text, recorded, edits, safe) if safe else recorded
    stream = judge.stream("/p", safe)

    out, after = played(stream, pieces)

    assert out == client
    assert all(client.startswith(seen) for seen in after)
    assert stream.recorded == recorded
    assert stream.verdict.edits == tuple(edits)
    assert stream.blocked == bool(verdict.blocked_by)
    assert (stream.verdict.action, stream.verdict.blocked_by) == (verdict.action, verdict.blocked_by)
    assert [each for each in stream.verdict.findings if acts(each.mode, each.action)] == findings
    if not stream.blocked:
        assert stream.verdict.findings == verdict.findings
        assert stream.verdict.decided == verdict.decided
        assert verdict.edits == tuple(edits)


TOKENS = [Vault(KEY, "t", "s").mint("EMAIL_ADDRESS", "ada@example.com 1234"),
          Vault(KEY, "t", "s").mint("ADDRESS", "sesame 77777"), Vault(KEY, "t", "s").mint("E", "😀"),
          Vault(KEY, "t", "s").mint("SECRET", "boss")]  # fmt: skip
SURROGATES = [
    Vault(KEY, "t", "s").mint(entity, value, style=Style.SURROGATE)
    for entity, value in (
        ("EMAIL_ADDRESS", "bob@x.org"),
        ("EMAIL_ADDRESS", "hidden@x.org"),
        ("PERSON", "Ada Byron"),
    )
]
FRAGMENTS = [
    *(
        "1234",
        "12345678",
        "12",
        "9",
        " ",
        "x",
        "sesame",
        "sesa",
        "me",
        "s",
        "sese",
        "abab",
        "ab",
        "open sesame 1234",
    ),
    *(
        "stop!",
        "sto",
        "p!",
        "1234stop!",
        "hi",
        "\n",
        "é",
        "e\u0301",
        "😀",
        "👩‍👩‍👧",
        "\U0001f1e6",
        "_",
        "\\",
        "E",
    ),
    *(token for token in TOKENS),
    *(token.replace("_", "\\_") for token in TOKENS[:2]),
    *("EMAIL_ADDRESS_", "EMAIL_", TOKENS[0][:-1], TOKENS[1][:9], TOKENS[0].upper()),
    *(
        TOKENS[0].lower(),
        TOKENS[1].replace("_", " "),
        TOKENS[0][:-3] + "\n" + TOKENS[0][-3:],
        TOKENS[1].title(),
    ),
    *SURROGATES,
    *(SURROGATES[0][:9], SURROGATES[0][9:], SURROGATES[2].split()[0], "a", "."),
]
CHECKS = [
    "check: literal, with: {text: sesame}",
    "check: literal, with: {text: abab, entity: PAIR}",
    'check: literal, with: {text: "sesame 1", entity: LONGER}',
    'check: literal, with: {text: "p!", entity: END}',
    "check: literal, with: {text: DDRESS, entity: INNER}",
    "check: literal, with: {text: 😀, score: 0.3}",
    "check: digits",
    "check: digits, with: {least: 1, entity: DIGIT}",
]
ACTS = [
    "action: redact",
    "action: redact",
    "action: flag",
    "action: block, mode: shadow",
    "action: redact, mode: shadow",
]
BLOCKS = [
    '{id: stop, check: literal, with: {text: "stop!", entity: STOP}, stages: [output], action: block}',
    "",
]

POLICIES = st.tuples(
    st.lists(st.tuples(st.sampled_from(CHECKS), st.sampled_from(ACTS)), max_size=4), st.sampled_from(BLOCKS)
).map(
    lambda drawn: "\n".join(
        [f"{{id: r{n}, {check}, stages: [output], {act}}}" for n, (check, act) in enumerate(drawn[0])]
        + [drawn[1] or "{id: last, check: literal, with: {text: never}, stages: [output], action: redact}"]
    )
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, POLICIES, st.booleans(), st.randoms(use_true_random=False))
async def test_however_a_text_is_cut_the_result_is_that_of_the_whole(
    text: str, rules: str, with_vault: bool, chance: random.Random
) -> None:
    """Client text, record, edits, findings and verdict do not depend on where the pieces end."""
    judge, safe = guard(rules), vault() if with_vault else None
    verdict = await judged(judge, text, safe)

    check_cut(judge, [text], safe, verdict)
    check_cut(judge, list(text), safe, verdict)
    for place in range(1, len(text)) if len(text) <= 40 else chance.sample(range(1, len(text)), 20):
        check_cut(judge, cut(text, place), safe, verdict)
    for _ in range(5):
        places = chance.sample(range(len(text) + 1), min(len(text), chance.randint(0, 8)))
        check_cut(judge, cut(text, *places), safe, verdict)


REAL = [
    *(
        "4111 1111 1111 1111",
        "4111-1111",
        "123-45-6789",
        "DE89 3704 0044 0532 0130 00",
        "AKIAIOSFODNN7EXAMPLE",
    ),
    *("ghp_" + "a1B2" * 9, "sk-proj-", "ada@example.com", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
    *(
        "-----END RSA PRIVATE KEY-----",
        "password=",
        "hunter2!x",
        " ",
        ", ",
        "x",
        "1",
        "-",
        "@",
        "é",
        "😀",
        *TOKENS,
        *SURROGATES,
    ),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(REAL), max_size=8).map("".join),
    st.sampled_from(BUILT_IN),
    st.randoms(use_true_random=False),
)
async def test_the_shipped_policies_keep_the_promise_too(text: str, name: str, chance: random.Random) -> None:
    """The real checks, with cards, accounts, keys and tokens in any order, cut at any place."""
    judge, safe = shipped(name), vault()
    verdict = await judged(judge, text, safe)

    check_cut(judge, list(text), safe, verdict)
    for _ in range(4):
        places = chance.sample(range(len(text) + 1), min(len(text), chance.randint(0, 8)))
        check_cut(judge, cut(text, *places), safe, verdict)


CHAIN = """{id: a, check: literal, with: {text: abcd, entity: A}, stages: [output], action: redact}
    {id: b, check: literal, with: {text: cdef, entity: B}, stages: [output], action: redact}
    {id: c, check: literal, with: {text: efgh, entity: C}, stages: [output], action: redact}
    {id: d, check: literal, with: {text: "h!!", entity: D}, stages: [output], action: redact}"""
LAZY = """{id: a, check: lazy, with: {text: DDRESS}, stages: [output], action: flag}
    {id: b, check: lazy, with: {text: DDRESS}, stages: [output], action: redact, mode: shadow}"""
SLOPPY = "{id: a, check: sloppy, with: {text: sesame}, stages: [output], action: redact}"
THRESHOLD = "{id: a, check: literal, with: {text: sesame, score: 0.4}, stages: [output], action: redact}"
CASES = [
    ("a chain of overlaps is released as one", CHAIN, "x abcdefgh y"),
    ("a chain that ends in a block", CHAIN.replace("redact", "block"), "x abcdefgh y abcd z abcd z"),
    (
        "an onlooker that lags behind still knows our tokens",
        LAZY,
        f"x {TOKENS[0]} ADDRESS {TOKENS[1]} sesame y",
    ),
    ("scores below the threshold", THRESHOLD, "x sesame y"),
]


@pytest.mark.parametrize(("why", "rules", "text"), CASES, ids=[why for why, _, _ in CASES])
async def test_every_way_to_cut_in_two_or_three_gives_the_same(why: str, rules: str, text: str) -> None:
    """The same promise, for cases that chance seldom meets."""
    judge, safe = guard(rules), vault()
    verdict = await judged(judge, text, safe)

    check_cut(judge, list(text), safe, verdict)
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1, 5):
            check_cut(judge, cut(text, first, second), safe, verdict)


def test_a_finding_is_not_cut_in_two_by_a_careless_scanner() -> None:
    """Even where a scanner calls settled what is in the middle of its finding, the finding is kept whole."""
    stream = guard(SLOPPY).stream("/p")

    assert played(stream, ["open sesame", " now"])[0] == "open [SLOPPY] now"


SECRET = "4111111111111111"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["word ", "7 ", "a1234b ", "émigré ", "😀 ", "12-34 "]), max_size=4).map(
        "".join
    ),
    st.sampled_from(["redact", "block"]),
    st.integers(1, 7),
)
async def test_no_prefix_of_the_wire_holds_any_of_a_forbidden_value(
    prose: str, action: str, size: int
) -> None:
    """Not the value, and not its first digits either, at any moment of the stream."""
    text = f"{prose}card {SECRET} {prose}"
    stream = guard(f"{{id: a, check: digits, stages: [output], action: {action}}}").stream("/p")

    out, after = played(stream, [text[at : at + size] for at in range(0, len(text), size)])

    assert not any(SECRET[:2] in seen for seen in (*after, out))
    assert stream.blocked == (action == "block")
    assert out == f"{prose}card " + ("" if stream.blocked else f"[NUMBER] {prose}")


def test_prose_leaves_at_once() -> None:
    """Only what could still become a match waits: plain words do not."""
    stream = guard("{id: a, check: digits, stages: [output], action: redact}").stream("/p")

    assert [stream.push(word) for word in ("Hello ", "world, ", "pin ", "12", "34", ".", " bye")] == [
        *("Hello ", "world, ", "pin ", "", "", "[NUMBER].", " bye")
    ]


def test_flags_and_shadows_never_delay() -> None:
    """A rule that changes nothing does not change when text leaves either."""
    stream = guard("""{id: a, check: digits, stages: [output], action: flag}
        {id: b, check: digits, stages: [output], action: block, mode: shadow}""").stream("/p")

    assert [stream.push(piece) for piece in ("pin 12", "34", " ok")] == ["pin 12", "34", " ok"]
    assert stream.flush() == ""
    assert [(found.rule, found.start, found.end) for found in stream.verdict.findings] == [
        ("a", 4, 8),
        ("b", 4, 8),
    ]
    assert (stream.verdict.action, stream.verdict.decided) == (Action.FLAG, Action.BLOCK)


def test_after_a_block_nothing_leaves() -> None:
    """What stood before the blocked value has left; nothing after it does, whatever is pushed."""
    stream = guard("{id: stop, check: literal, with: {text: stop!}, stages: [output], action: block}").stream(
        "/p"
    )

    assert stream.push("it is sto") == "it is "
    assert not stream.blocked
    assert stream.push("p! and more") == ""
    assert stream.blocked
    assert (stream.push("more"), stream.flush()) == ("", "")
    assert (stream.verdict.blocked_by, stream.verdict.blocked_at, stream.recorded) == ("stop", "/p", "it is ")


async def test_a_stream_ends_once() -> None:
    """After the end nothing comes out, however it is asked for."""
    stream = guard("{id: a, check: digits, stages: [output], action: redact}").stream("/p")

    assert stream.push("pin 1234") == "pin "
    assert await stream.finish() == "[NUMBER]"
    assert (stream.push("x"), stream.flush(), await stream.finish()) == ("", "", "")
    assert stream.recorded == "pin [NUMBER]"


def test_a_stream_that_nobody_guards_passes_as_it_is() -> None:
    """Without rules for output each push comes back whole; tokens are still restored."""
    judge = guard("{id: a, check: digits, stages: [input], action: redact}")
    plain, restoring = judge.stream("/p"), judge.stream("/p", safe := vault())

    assert plain.push("pin 1234") == "pin 1234"
    assert restoring.push(f"mail {TOKENS[0][:-3]}") == "mail "
    assert restoring.push(TOKENS[0][-3:]) == "ada@example.com 1234"
    assert restoring.recorded == f"mail {TOKENS[0]}"
    assert len(safe) == 7


WHOLE = "{id: w, check: whole, with: {text: bad}, stages: [output], action: %s, hold: full}"


@pytest.mark.parametrize(
    ("action", "out", "recorded"), [("redact", "so [WHOLE] ada@example.com 1234", None), ("block", "", "")]
)
async def test_hold_full_keeps_everything_until_it_is_checked(
    action: str, out: str, recorded: str | None
) -> None:
    """A rule that needs the whole reply gets it before any of it leaves."""
    judge = guard(WHOLE % action)
    stream = judge.stream("/p", vault())

    pushed = [stream.push(piece) for piece in ("so ba", "d ", TOKENS[0])]

    assert judge.needs_whole
    assert pushed == ["", "", ""]
    with pytest.raises(GuardrailsError, match="finish"):
        stream.flush()
    assert await stream.finish() == out
    assert stream.recorded == (f"so [WHOLE] {TOKENS[0]}" if recorded is None else recorded)
    assert stream.blocked == (action == "block")
    assert len(stream.verdict.findings) == 1


@pytest.mark.parametrize("how", ["action: flag", "action: block, mode: shadow"])
async def test_checks_of_whole_texts_can_look_on(how: str) -> None:
    """Beside the stream they delay nothing, and their findings are in the verdict at the end."""
    judge = guard(f"""{{id: w, check: whole, with: {{text: bad}}, stages: [output], {how}}}
        {{id: a, check: digits, stages: [output], action: redact}}""")
    stream = judge.stream("/p")

    assert [stream.push(piece) for piece in ("so ba", "d ", "12")] == ["so ba", "d ", ""]
    assert await stream.finish() == "12"
    assert not judge.needs_whole
    assert stream.verdict == await judged(judge, "so bad 12", None) or stream.verdict.findings == (
        (await judged(judge, "so bad 12", None)).findings
    )
    assert [found.rule for found in stream.verdict.findings] == ["w"]


async def test_a_failing_onlooker_keeps_back_what_has_not_left() -> None:
    """on_error: block holds at the end too; on_error: allow lets the rest go."""
    rule = """{{id: w, check: broken, with: {{asynchronous: true}}, stages: [output], action: flag{}}}
        {{id: a, check: digits, stages: [output], action: redact}}"""
    for extra, rest, blocked in (("", "", True), (", on_error: allow", "12", False)):
        stream = guard(rule.format(extra)).stream("/p")
        assert stream.push("so 12") == "so "
        assert await stream.finish() == rest
        assert stream.blocked is blocked
        assert [failure.reason for failure in stream.verdict.failures] == ["ValueError"]


def test_a_scanner_that_fails_follows_on_error() -> None:
    """By default nothing leaves; with on_error: allow the rule stands down and the text passes."""
    rule = "{id: a, check: broken, stages: [output], action: redact%s}"
    blocked, allowed = guard(rule % "").stream("/p"), guard(rule % ", on_error: allow").stream("/p")

    assert played(blocked, ["some", "text"])[0] == ""
    assert (blocked.blocked, blocked.verdict.blocked_by) == (True, "a")
    assert played(allowed, ["some", "text"])[0] == "sometext"
    assert [failure.kind for failure in allowed.verdict.failures] == ["error"]


def test_text_that_cannot_be_decided_in_bounds_is_blocked() -> None:
    """An endless run of digits does not fill the memory, and does not leave unchecked."""
    stream = guard("{id: a, check: digits, stages: [output], action: redact, on_error: allow}").stream("/p")

    out = "".join(stream.push("1" * 4096) for _ in range(MAX_HELD // 4096 + 1))

    assert (out, stream.blocked) == ("", True)
    assert [(each.kind, each.rule) for each in stream.verdict.failures] == [("hold_overflow", "a")]


def test_an_onlooker_that_cannot_decide_stands_down() -> None:
    """A flag that would need unbounded text is given up and reported; the text is not touched."""
    stream = guard("{id: a, check: digits, stages: [output], action: flag}").stream("/p")

    out = "".join(stream.push("1" * 4096) for _ in range(MAX_HELD // 4096 + 2)) + stream.flush()

    assert len(out) == MAX_HELD + 8192
    assert (stream.blocked, [each.kind for each in stream.verdict.failures]) == (False, ["hold_overflow"])


@pytest.mark.parametrize(("rule", "blocked"), [(WHOLE % "redact", True), (WHOLE % "flag", False)])
async def test_a_reply_beyond_all_bounds_is_not_kept_whole(rule: str, blocked: bool) -> None:
    """Rules that need the whole reply get so much of it and no more."""
    stream = guard(rule).stream("/p")

    out = "".join(stream.push("x" * 262_144) for _ in range(MAX_WHOLE // 262_144 + 1)) + await stream.finish()

    assert stream.blocked is blocked
    assert len(out) == (0 if blocked else MAX_WHOLE + 262_144)
    assert [(each.kind, each.rule) for each in stream.verdict.failures] == [("hold_overflow", "w")]


def test_the_verdict_so_far_can_be_read_midway() -> None:
    """What has left is accounted for while the stream still runs."""
    stream = guard("{id: a, check: digits, stages: [output], action: redact}").stream(
        "/choices/1/message/content"
    )
    stream.push("pin 1234, pin 56")

    assert [(found.pointer, found.start) for found in stream.verdict.findings] == [
        ("/choices/1/message/content", 4)
    ]
    assert stream.recorded == "pin [NUMBER], pin "
