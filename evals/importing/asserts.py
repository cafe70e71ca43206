"""What promptfoo's assertions say, in the words of golden items; what items cannot say is noted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evals.golden import canonical
from evals.importing.drafts import Draft, Notes

_REFERENCES = {
    "equals": 0,
    "factuality": 1,
    "model-graded-factuality": 1,
    "similar": 2,
    "similar:cosine": 2,
    "similar:dot": 2,
    "similar:euclidean": 2,
    "levenshtein": 3,
    "rouge-n": 3,
    "bleu": 3,
    "gleu": 3,
    "meteor": 3,
}
"""Assertions whose value is a reference answer, the most telling first."""
_CONTAINED = {"contains": 4, "icontains": 4, "contains-any": 4, "icontains-any": 4}
"""Assertions whose value is a part of the answer; of several values any will do."""
_ALL = ("contains-all", "icontains-all")
_JUDGED = ("llm-rubric", "g-eval", "model-graded-closedqa", "human", "context-recall", "agent-rubric", "pi")
"""Assertions that say in words what a judge should look at."""
_CODE = ("javascript", "python", "ruby", "webhook")

_SHORT = re.compile(
    r"(?P<type>(?:not-)?[a-z][a-z0-9:-]*?)(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?", re.S
)
_PREFIXES = {"fn:": "javascript", "eval:": "javascript", "grade:": "llm-rubric"}
_KNOWN = {
    *_REFERENCES,
    *_CONTAINED,
    *_ALL,
    *_JUDGED,
    *_CODE,
    *("answer-relevance", "classifier", "contains-html", "contains-json", "contains-sql", "contains-xml"),
    *("context-faithfulness", "context-relevance", "conversation-relevance", "cost", "finish-reason"),
    *("guardrails", "is-html", "is-json", "is-refusal", "is-sql", "is-valid-function-call", "is-xml"),
    *("is-valid-openai-function-call", "is-valid-openai-tools-call", "latency", "moderation", "perplexity"),
    *("perplexity-score", "regex", "starts-with", "tool-call-f1", "word-count", "max-score", "select-best"),
}
_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_][\w]*)\s*\}\}")


def from_cell(cell: str) -> dict[str, Any]:
    """The assertion that a cell of a `__expected` column says; a text without a type is to be equalled."""
    cell = cell.strip()
    for prefix, kind in _PREFIXES.items():
        if cell.startswith(prefix):
            return {"type": kind, "value": cell.removeprefix(prefix).strip()}
    if cell.startswith("file://"):
        return {"type": "python" if ".py" in cell else "javascript", "value": cell}
    match = _SHORT.fullmatch(cell)
    if match is None or match["type"].removeprefix("not-") not in _KNOWN:
        return {"type": "equals", "value": cell}
    value: Any = match["value"]
    if match["type"].endswith(("-all", "-any")):
        value = [part.strip() for part in (value or "").split(",") if part.strip()]
    return {"type": match["type"], "value": value.strip() if isinstance(value, str) else value}


def apply(asserts: Iterable[Any], draft: Draft, variables: Mapping[str, Any], notes: Notes) -> None:
    """Put what assertions expect into a draft. Raises GoldenError for what is no assertion."""
    answers: list[tuple[int, list[str], str]] = []
    for told in _flat(asserts, draft, notes):
        kind = str(told.get("type"))
        value = rendered(told.get("value"), variables)
        if kind in ("is-refusal", "not-is-refusal"):
            draft.expected["refusal"] = kind == "is-refusal"
        elif kind in _JUDGED and value:
            notes.add(f"`{kind}` needs a judge: kept under `criteria`, no scorer reads it", draft.record)
            draft.criteria += [_text(each) for each in (value if isinstance(value, list) else [value])]
        elif kind in _CODE or _is_code(value):
            notes.add(f"`{kind}` is code or stands elsewhere: not run, not imported", draft.record)
        elif (rank := {**_REFERENCES, **_CONTAINED}.get(kind)) is not None and _texts(value):
            answers.append((rank, _texts(value), kind))
        elif kind in _ALL and len(_texts(value)) == 1:
            answers.append((4, _texts(value), kind))
        else:
            notes.add(f"`{kind}` has no counterpart here, not imported", draft.record)
    _answer(answers, draft, notes)


def rendered(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value whose `{{name}}` are filled in where a variable of that name is a text or a number."""
    if isinstance(value, list):
        return [rendered(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def filled(match: re.Match[str]) -> str:
        known = variables.get(match[1])
        is_plain = isinstance(known, str | int | float) and not isinstance(known, bool)
        return str(known) if is_plain else match[0]

    return _TEMPLATE.sub(filled, value)


def _flat(asserts: Iterable[Any], draft: Draft, notes: Notes) -> Iterator[Mapping[str, Any]]:
    """The assertions one by one, those of sets too where all of them must hold."""
    for told in asserts:
        if not isinstance(told, dict) or not isinstance(told.get("type", told.get("$ref")), str):
            raise draft.record.error("an assertion has no type", "assert", "write `type:` and `value:`")
        if "type" not in told:
            notes.add("an assertion by `$ref` names no template of the file, not imported", draft.record)
        elif told["type"] != "assert-set":
            yield told
        elif told.get("threshold") is None and isinstance(told.get("assert"), list):
            yield from _flat(told["assert"], draft, notes)
        else:
            notes.add("`assert-set` with a threshold has no counterpart here, not imported", draft.record)


def _answer(answers: list[tuple[int, list[str], str]], draft: Draft, notes: Notes) -> None:
    """The most telling assertion is the answer, its other values aliases; the rest is noted."""
    if not answers:
        return
    answers.sort(key=lambda each: each[0])
    _, values, kind = answers[0]
    draft.expected["answer"] = values[0]
    if values[1:]:
        draft.expected["aliases"] = values[1:]
    if kind in ("contains", "contains-any", "contains-all"):
        notes.add(f"`{kind}` minds upper and lower case, the scorer `contains` does not", draft.record)
    for _, others, other in answers[1:]:
        if not set(others) <= set(values):
            notes.add(
                f"`{other}` beside a stronger assertion or another of its kind, not imported", draft.record
            )


def _texts(value: Any) -> list[str]:
    """The texts that an assertion names; an object is one, as JSON."""
    found = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(text for each in found if (text := _text(each)) and "{{" not in text))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else canonical(value)


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("file://")
