"""A chat resends its history with every turn: what turn 200 costs beside turn 1, and that nothing goes stale.

    python tests/bench/bench_turns.py             about a minute
    python tests/bench/bench_turns.py --quick     under 20 seconds

Each turn is inspected as the proxy does it: the segments of the whole request, a vault of its own, one guard.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.pseudonyms import Vault
from guardrails.types import Action, Verdict
from proxy.dialects import chat
from tests.bench import values
from tests.bench.guards import KEY, at_once, guard, looped
from tests.bench.report import Row, command, median, one_core
from tests.bench.texts import prose

TURNS = 200


def conversation(seed: int, size: int, turns: int = TURNS) -> list[dict[str, Any]]:
    """The last turn's request: a user's and a model's message for each turn, of `size` characters each.

    Every fifth message of the user holds a personal value.
    """
    chance = Random(f"chat {seed}")
    messages: list[dict[str, Any]] = [{"role": "system", "content": f"Be brief. {prose(chance, 200)}"}]
    for turn in range(turns):
        value = values.personal(chance)
        text = prose(chance, size)
        if turn % 5 == 0:
            text = f"{text[: size - len(value.text) - 20]} It is {value.lead}{value.text} here."
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": prose(chance, size)}]
    return messages[:-1]


def inspected(judge: Guard, messages: list[dict[str, Any]]) -> Verdict:
    """The verdict on a request, as the proxy asks for it."""
    return at_once(
        judge.inspect(chat.segments({"model": "m", "messages": messages}), Vault(KEY, "t", "chat"))
    )


def chatted(judge: Guard, messages: list[dict[str, Any]]) -> list[float]:
    """CPU seconds of each turn of a conversation."""
    spent = []
    for end in range(2, len(messages) + 1, 2):
        began = time.process_time()
        inspected(judge, messages[:end])
        spent.append(time.process_time() - began)
    return spent


def costs(rounds: int, size: int) -> Row:
    """The last turn against the first, in medians over conversations that share no text."""
    judge = guard("default")
    turns = [chatted(judge, conversation(each, size)) for each in range(rounds + 1)][1:]
    first, last = median([spent[0] for spent in turns]), median([median(spent[-3:]) for spent in turns])
    note = f"{first * 1e3:.2f} ms, then {last * 1e3:.2f} ms; turn 20 {median([spent[19] for spent in turns]) * 1e3:.2f} ms"
    return Row(
        f"turn {TURNS} against turn 1, messages of {size} characters", last / first, "x", 1.3, note=note
    )


def stale() -> int:
    """Verdicts that do not follow a change of the policy: each text is asked under one policy, then another."""
    wrong = 0
    rule = "name: p\nrules: [{{id: r, check: {check}, stages: [input], action: {action}}}]"
    policies = [
        Guard(parse(rule.format(check=check, action=action)), KEY)
        for check in ("pii", "secrets")
        for action in ("redact", "block", "pseudonymize", "flag")
    ]
    chance = Random(5)
    for place in range(40):
        value = values.personal(chance, "EMAIL_ADDRESS") if place % 2 else values.secret(chance, place)
        messages = [{"role": "user", "content": f"Look: {value.lead}{value.text}{values.after(value)}"}]
        for judge in policies:
            [rule_of] = judge.policy.rules
            found = (rule_of.check == "secrets") == value.secret
            verdict = inspected(judge, messages)
            wrong += verdict.action is not (rule_of.action if found else Action.ALLOW)
    return wrong


def missed_edits() -> int:
    """Values that are not found when the caller writes them into an old message of a chat that was seen before."""
    judge, missed = guard("default"), 0
    chance = Random(6)
    messages = conversation(77, 300, 40)
    for end in range(2, len(messages) + 1, 2):
        inspected(judge, messages[:end])
    for place in range(1, len(messages), 2):
        value = values.personal(chance, "EMAIL_ADDRESS")
        edited = [dict(message) for message in messages]
        edited[place]["content"] += f" {value.text}"
        start = len(edited[place]["content"]) - len(value.text)
        found = [
            (each.pointer, each.start, each.end)
            for each in inspected(judge, edited).findings
            if each.pointer == f"/messages/{place}/content"
        ]
        missed += (f"/messages/{place}/content", start, start + len(value.text)) not in found
        gone = inspected(judge, messages).findings
        missed += (f"/messages/{place}/content", start, start + len(value.text)) in [
            (each.pointer, each.start, each.end) for each in gone
        ]
    return missed


def measure(quick: bool = False) -> list[Row]:
    """The figures."""
    one_core()
    looped(guard("default").inspect([]))
    rounds = 3 if quick else 15
    return [
        costs(rounds, 400),
        costs(rounds, 2000),
        Row("stale verdicts after a change of policy", stale(), "", 0, must=True),
        Row("misses after an edit of an old message", missed_edits(), "", 0, must=True),
    ]


if __name__ == "__main__":
    command(__doc__, measure)
