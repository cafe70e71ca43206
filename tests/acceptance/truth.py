"""What a record has to say of an exchange, worked out from the wire alone: what went out, and what came back.

Nothing here asks the proxy for its verdict. Whether a value was masked is whether it is missing where it was planted;
whether a rule refused is what the caller can read; which rule looks where is what the policy's own text says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from guardrails.pseudonyms import INSTRUCTION
from proxy.app import create_app
from proxy.document import at
from proxy.settings import Settings
from tests.acceptance.truth_places import VALUE, Cut, Place, Spoken
from tests.acceptance.truth_wire import Received, received, said, strings
from tests.proxy.policies import EMAIL
from tests.proxy.test_pipeline import Answer, ask
from tests.servers import ADMIN_KEY, Running, Upstream, make_app, served

STAGES = ["input", "tool_definition", "tool_call", "tool_result", "retrieval", "output"]
RULE = "mail"
WAIT_SECONDS = 60
TOKEN = re.compile("EMAIL_[0-9a-f]{10}")
_HIT = re.compile("/guardhouse/retrieval/([0-9]+)/text")


@dataclass(frozen=True, slots=True)
class Judged:
    """A policy, as its author means it: one rule for addresses."""

    action: str
    mode: str = "enforce"
    style: str = "error"
    capture: str = "redacted"

    @property
    def name(self) -> str:
        """Also the name of the models that it is for."""
        return f"{self.action}-{self.mode}-{self.style}-{self.capture}"

    def text(self) -> dict[str, Any]:
        """The policy as it is written."""
        stages = [stage for stage in STAGES if self.action != "pseudonymize" or stage != "output"]
        rule = {"id": RULE, "check": "words", "with": {"patterns": [EMAIL]}, "stages": stages}
        told = {"name": self.name, "block_style": self.style, "capture": self.capture}
        return {**told, "rules": [{**rule, "action": self.action, "mode": self.mode}]}

    def looks_at(self, place: Place) -> bool:
        """Whether its rule looks where the place is."""
        return self.action != "pseudonymize" or place.stage != "output"


ACTIONS = ("allow", "flag", "pseudonymize", "redact", "block")
POLICIES = (
    *(Judged(action, mode) for action in ACTIONS for mode in ("enforce", "shadow")),
    Judged("block", style="refusal"),
    Judged("redact", capture="none"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the table."""

    policy: Judged
    spoken: Spoken
    place: Place
    side: str
    """`request` or `reply`: where the place is."""
    cut: Cut | None
    """How the reply is streamed; None for a whole one."""
    how: str

    def __str__(self) -> str:
        """Names it in a failure."""
        return f"{self.spoken.name} {self.side}/{self.place.name} {self.policy.name} {self.how}"

    @property
    def model(self) -> str:
        """Model that it is asked of."""
        return f"{self.spoken.vendor}-{self.policy.name}"

    @property
    def request(self) -> dict[str, Any]:
        """What the caller sends."""
        told = self.place.body if self.side == "request" else self.spoken.harmless
        return {"model": self.model, **told, **({"stream": True} if self.cut else {})}


@dataclass
class Seen:
    """One exchange as both ends of it saw it."""

    cell: Cell
    sent: list[dict[str, Any]]
    """What the provider was sent, request by request."""
    got: Received
    document: dict[str, Any] = field(default_factory=dict)


@contextmanager
def world(folder: Path, upstream: Upstream) -> Iterator[Running]:
    """A proxy with its own database, under which each policy has a model of each vendor."""
    base = f"http://127.0.0.1:{upstream.port}"
    models, scopes = [], []
    for each in POLICIES:
        names = {f"gpt-{each.name}": ("openai/gpt-real", f"{base}/v1"),
                 f"claude-{each.name}": ("anthropic/claude-real", base)}  # fmt: skip
        for name, (model, at_) in names.items():
            params = {"model": model, "api_base": at_, "api_key": "sk-upstream-secret"}
            models.append({"model_name": name, "litellm_params": params})
        scopes.append({"models": list(names), "policy": each.text()})
    make_app(folder, "", json.dumps(POLICIES[0].text()), models, scopes=scopes)
    with served(create_app(Settings(config=folder / "guardhouse.yaml", admin_key=ADMIN_KEY))) as running:
        yield running


def exchanged(proxy: Running, upstream: Upstream, cell: Cell) -> Seen:
    """The cell's exchange."""
    upstream.reset()
    answer = cell.place.body if cell.side == "reply" else cell.spoken.nothing
    upstream.script = cell.spoken.answer(answer, cell.cut)
    told = ask(proxy, orjson.dumps(cell.request), path=cell.spoken.path)
    return Seen(cell, upstream.requests, read(cell.spoken.dialect, told))


def read(dialect: str, answer: Answer) -> Received:
    """An answer as its caller reads it."""
    return received(dialect, answer.status, answer.headers, answer.body)


def recorded(proxy: Running, ids: list[str]) -> dict[str, dict[str, Any]]:
    """The traces of these ids, read through the API, as soon as all are there."""
    found: dict[str, dict[str, Any]] = {}
    until = time.monotonic() + WAIT_SECONDS
    for id in ids:
        while id not in found:
            told = ask(proxy, method="GET", path=f"/api/traces/{id}")
            if told.status == 200:
                found[id] = orjson.loads(told.body)
            else:
                assert time.monotonic() < until, f"no row for {id}"
                time.sleep(0.05)
    return found


# --- the oracle


def differences(seen: Seen) -> list[str]:
    """Where the record says something other than what was seen."""
    wrong = [
        f"{name} is {seen.document.get(name)!r}, not {expected!r}"
        for name, expected in _plain(seen).items()
        if seen.document.get(name) != expected
    ]
    return [f"{seen.cell}: {each}" for each in (*wrong, *_findings(seen), *_texts(seen))]


def _plain(seen: Seen) -> dict[str, Any]:
    """What the record has to say in single values."""
    cell, got = seen.cell, seen.got
    became, action = _became(seen)
    looked = _was_looked_at(seen)
    return {
        "outcome": became,
        "action": action,
        "decided": cell.policy.action if looked else "allow",
        "http_status": got.status,
        "upstream_called": bool(seen.sent),
        "attempts": len(seen.sent),
        "stream": cell.cut is not None,
        "path": cell.spoken.path,
        "model": cell.model,
        "shadow_of": None,
        "error": _error(seen),
        "failures": [],
        "usage": seen.document.get("usage") if _has_usage(seen) else None,
    }


def _was_looked_at(seen: Seen) -> bool:
    """Whether the rule came to see the value."""
    return seen.cell.policy.looks_at(seen.cell.place)


def _became(seen: Seen) -> tuple[str, str]:
    """What became of it, and the strictest action that was applied."""
    cell = seen.cell
    if seen.got.refused:
        return "blocked", "block"
    if seen.got.error is not None:
        return "failed", "allow"
    if is_masked(seen):
        return "masked", cell.policy.action
    if not _was_looked_at(seen) or cell.policy.action == "allow":
        return "passed", "allow"
    return "flagged", "flag" if (cell.policy.action, cell.policy.mode) == ("flag", "enforce") else "allow"


def is_masked(seen: Seen) -> bool:
    """Whether the value is missing where it would stand."""
    cell = seen.cell
    if cell.side == "reply":
        missing = VALUE not in "\n".join(seen.got.lanes.values())
        # A pseudonym is for the provider and the record: the caller has the value back.
        return _keeps_tokens(seen) if cell.policy.action == "pseudonymize" and not missing else missing
    if not cell.place.reaches_provider:
        # It is told to the proxy alone: what was made of it shows in what is kept of it.
        if cell.policy.capture == "none":
            return cell.policy.action == "redact"
        return seen.document["retrieval"] != [] and VALUE not in seen.document["retrieval"][0]["text"]
    return bool(seen.sent) and not any(VALUE in text for text in strings(seen.sent[-1]))


def _keeps_tokens(seen: Seen) -> bool:
    """Whether the reply is kept with a token for the value."""
    kept = [*strings(seen.document["response"])]
    return any(TOKEN.search(text) for text in kept) and not any(VALUE in text for text in kept)


def _error(seen: Seen) -> dict[str, Any] | None:
    """The error as the caller was told it."""
    told = seen.got.error
    if told is None:
        return None
    kept = seen.document.get("error") or {}
    if "code" in told:
        return {name: told[name] for name in ("type", "code", "message", "param")}
    # Anthropic's shape has neither code nor param.
    shown = {"message": told["message"]}
    return {**kept, **shown}


def _has_usage(seen: Seen) -> bool:
    """Whether the provider told its caller how much was used."""
    if not seen.sent:
        return False
    return seen.cell.cut is None or seen.cell.spoken.dialect in ("responses", "messages")


def _findings(seen: Seen) -> Iterator[str]:
    """What is wrong with the findings."""
    cell, found = seen.cell, seen.document["findings"]
    if not _was_looked_at(seen):
        if found:
            yield f"found {found} where nobody looked"
        return
    if not found:
        yield "nothing was found"
    side = "input" if cell.side == "request" else "output"
    expected = {
        "side": side,
        "rule": RULE,
        "entity": "EMAIL",
        "action": cell.policy.action,
        "mode": cell.policy.mode,
        "stage": cell.place.stage,
    }
    for one in found:
        told = {name: one[name] for name in expected}
        if told != expected:
            yield f"finding says {told}, not {expected}"
        if side == "input" and not one["within"]:
            original = at(cell.request, one["pointer"])
            if not isinstance(original, str) or original[one["start"] : one["end"]] != VALUE:
                yield f"finding points to {one['pointer']}[{one['start']}:{one['end']}], where no value is"
        yield from _placed(seen, one)


def _placed(seen: Seen, one: Mapping[str, Any]) -> Iterator[str]:
    """Whether a finding is placed on what stands for the value in the stored text."""
    document = seen.document
    if one["masked_start"] is None or one["within"]:
        return
    if hit := _HIT.fullmatch(one["pointer"]):
        text = document["retrieval"][int(hit[1])]["text"] if document["retrieval"] else None
    else:
        text = at(document["request" if one["side"] == "input" else "response"], one["pointer"])
    shown = text[one["masked_start"] : one["masked_end"]] if isinstance(text, str) else None
    if shown is None or (shown != VALUE and not shown.strip("[]").startswith("EMAIL")):
        yield f"finding is placed on {shown!r} at {one['pointer']} of the stored text"


def _texts(seen: Seen) -> Iterator[str]:
    """What is wrong with the request and the reply as they are stored."""
    cell, document = seen.cell, seen.document
    if cell.policy.capture == "none":
        if document["request"] or document["response"] or document["retrieval"] or document["tool_calls"]:
            yield "texts are kept where none may be"
        return
    acts = cell.policy.mode == "enforce" and cell.policy.action in ("pseudonymize", "redact", "block")
    # What a later request brought as the result of a call was judged there.
    calls = [call for call in document["tool_calls"] if "answered_by" not in call]
    kept = "\n".join(strings([document["request"], document["response"], calls]))
    if acts and _was_looked_at(seen) and VALUE in kept:
        yield "the value is stored, and a rule that acts has seen it"
    if seen.sent and (away := _other_request(seen)):
        yield away
    if not seen.sent and document["request"] is None:
        yield "what was blocked is not kept in its masked form"
    stored, finish = said(cell.spoken.dialect, document["response"])
    heard = {name: VALUE.join(TOKEN.split(text)) for name, text in stored.items()}
    if heard != seen.got.lanes and not (seen.got.refused and not seen.sent):
        yield f"the reply is kept as {stored}, but the caller got {seen.got.lanes}"
    if (
        document["response"] is not None
        and cell.spoken.dialect != "embeddings"
        and finish != [*seen.got.finish]
    ):
        yield f"the reply is kept as ended by {finish}, but the caller was told {seen.got.finish}"
    if document["finish_reasons"] != [*seen.got.finish]:
        yield f"finish reasons are {document['finish_reasons']}, but the caller was told {seen.got.finish}"


def _other_request(seen: Seen) -> str:
    """How the stored request differs from what the provider was sent; empty when it does not.

    It is kept under the alias that was asked for and in the words of the caller's dialect; the line about pseudonyms
    and the wish for token counts, which the proxy adds, are not kept.
    """
    sent, kept = dict(seen.sent[-1]), dict(seen.document["request"])
    instructed = seen.cell.policy.action == "pseudonymize" and INSTRUCTION in "\n".join(strings(sent))
    if seen.cell.spoken.name == "translated" or instructed:
        away = set(_texts_of(sent)) ^ set(_texts_of(kept))
        away = {text for text in away - _FRAME if text[:1] not in "{["}
        return f"only sent or only kept: {away}" if away else ""
    names = (sent.keys() | kept.keys()) - {"model", "stream_options"}
    away = [name for name in sorted(names) if sent.get(name) != kept.get(name)]
    return f"{away} differ: sent {sent}, kept {kept}" if away else ""


def _texts_of(request: dict[str, Any]) -> Iterator[str]:
    """What a request says, without the line about pseudonyms and the model's name."""
    said = ({name: told for name, told in request.items() if name != "model"},)
    for text in strings(list(said)):
        if plain := text.replace(INSTRUCTION, "").strip():
            yield plain


_WORDS = """system user assistant message text type role content input tool function tool_use tool_result tools id
    name tool_call_id tool_use_id tool_calls arguments parameters input_schema object stream_options include_usage stop
    properties description messages max_tokens max_completion_tokens"""
_FRAME = frozenset(_WORDS.split())
"""Words of the formats themselves."""
