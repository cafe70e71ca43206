"""The dialect of `/v1/moderations`: texts in, judgements out, from a provider or from the policy itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from guardrails.types import Action, Finding, Mode, Segment, Verdict
from proxy.dialects import chat_reply
from proxy.dialects.base import Reply, Request
from proxy.dialects.chat_words import reply_texts
from proxy.dialects.request_body import wrong_type
from proxy.dialects.texts import MEMBER
from proxy.dialects.unstreamed import UnstreamedDialect, check_input
from proxy.errors import UpstreamError
from proxy.verdicts import UNSCANNABLE_RULE

CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors"),
    *("violence", "violence/graphic"),
)
"""OpenAI's own categories."""
OURS = "guardhouse/"
"""What the name of a category begins with that is a rule of the policy."""

_MEMBERS = frozenset({*CATEGORIES, "results", "flagged", "categories", "category_scores"}) | {
    "category_applied_input_types"
}
_KINDS = frozenset({"text", "image"})


class Moderations(UnstreamedDialect):
    """The moderations dialect. See `proxy.dialects.base.Dialect`."""

    name = "moderations"

    def check(self, request: Request) -> None:
        """As in Dialect. The model may be left out."""
        if not isinstance(request.get("model"), str | None):
            raise wrong_type("model", "a string")
        check_input(request, parts=True)

    def reply(self, body: bytes) -> Reply:
        """As in Dialect."""
        reply = chat_reply.parse_object(body)
        results = reply.get("results")
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            raise UpstreamError("The provider's answer has no array of results.")
        return reply

    def reply_texts(self, reply: Reply) -> list[Segment]:
        """As in Dialect."""
        return [text for text in reply_texts(reply, "") if not _is_word(text)]

    def stored_reply(self, reply: Reply) -> Reply:
        """As in Dialect."""
        return reply


def _is_word(text: Segment) -> bool:
    """Whether a text is a name of a category or of a member, or says what kind of input it applies to."""
    if text.within == MEMBER:
        return text.text in _MEMBERS
    return text.text in _KINDS and "/category_applied_input_types/" in text.pointer


# --- the policy's own judgement


def judgement(id: str, policy: str, request: Request, verdict: Verdict) -> Reply:
    """What a verdict on a request's inputs amounts to, as OpenAI writes moderations: one result for each input."""
    inputs = request["input"]
    single = isinstance(inputs, str) or isinstance(inputs[0], dict)
    places = ["/input"] if single else [f"/input/{place}" for place in range(len(inputs))]
    found: dict[str, list[Finding]] = {place: [] for place in places}
    for finding in verdict.findings:
        place = "/input" if single else "/".join(finding.pointer.split("/")[:3])
        if place in found and finding.pointer.startswith("/input") and finding.mode is Mode.ENFORCE:
            found[place].append(finding)
    results = [_result(each) for each in found.values()]
    return {"id": f"modr-{id}", "model": f"{OURS}{policy}", "results": results}


def _result(findings: Iterable[Finding]) -> dict[str, Any]:
    """One input's result: OpenAI's categories, which nobody judged, and each rule that fired."""
    categories: dict[str, bool] = dict.fromkeys(CATEGORIES, False)
    scores: dict[str, float] = dict.fromkeys(CATEGORIES, 0.0)
    kinds: dict[str, list[str]] = {name: [] for name in CATEGORIES}
    for finding in findings:
        name = f"{OURS}{finding.rule}"
        acts = finding.action is not Action.ALLOW
        categories[name] = categories.get(name, False) or acts
        scores[name] = max(scores.get(name, 0.0), finding.score)
        kinds[name] = ["image" if finding.rule == UNSCANNABLE_RULE else "text"]
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": kinds,
    }


MODERATIONS = Moderations()
"""The one moderations dialect."""
