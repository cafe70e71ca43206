"""The texts on which the injection model is fitted: own sentences written as small grammars, and public sets.

A line of `injection/*.jsonl` is {"kind", "lang", "text"}; in its text, `[[one|two]]` stands for any one of the
alternatives. Kinds: `override` (turns a model against its instructions); `request` (asks an assistant for
something: harmless from a user, an injection inside a document); `task` (the same, for the request head alone);
`benign` (a user's message with words that attacks use); `prose` and `document` (what stands in mails, notes, pages
and tool results); `talk` (sentences of mails, for the request head alone); `asking` (mails in which people are
asked for what assistants are asked for too: homework, briefs, handovers).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWN = Path(__file__).resolve().parent / "injection"

OVERRIDE = {
    "override": 1,
    "request": 0,
    "task": None,
    "benign": 0,
    "prose": 0,
    "talk": None,
    "document": 0,
    "asking": 0,
}
REQUEST = {
    "override": 1,
    "request": 1,
    "task": 1,
    "benign": 1,
    "prose": 0,
    "talk": 0,
    "document": 0,
    "asking": 0,
}

DOCUMENTS = (
    "own-document",
    "own-asking",
    "own-page",
    "ragtruth-qa",
    "ragtruth-summary",
    "ragtruth-data2txt",
    "encyclopaedia",
)
"""Sources of clean documents."""

_INNERMOST = re.compile(r"\[\[((?:(?!\[\[|\]\]).)*)\]\]", re.DOTALL)
_SHINGLE = 8


@dataclass(frozen=True, slots=True)
class Example:
    """One text and what it is for the two heads: 1, 0, or None where it says nothing about it."""

    text: str
    source: str
    group: str
    """Texts of one group never stand on both sides of a split."""
    override: int | None
    request: int | None
    weight: float = 1.0
    lang: str = "en"


def own(variants: int, seed: int = 0, folder: Path = OWN) -> list[Example]:
    """Up to that many different expansions of each own line."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n")):
            row = json.loads(line)
            group = f"{path.stem}:{number}"
            pick = random.Random(f"{seed}:{group}")  # noqa: S311  (not a secret)
            texts = dict.fromkeys(expanded(row["text"], pick) for _ in range(variants))
            kind, lang = row["kind"], row["lang"]
            source = f"own-{kind}"
            found += [
                Example(text, source, group, OVERRIDE[kind], REQUEST[kind], 1.0, lang) for text in texts
            ]
    return found


def expanded(grammar: str, pick: random.Random) -> str:
    """One text that the grammar allows."""
    while slot := _INNERMOST.search(grammar):
        chosen = pick.choice(slot[1].split("|"))
        grammar = grammar[: slot.start()] + chosen + grammar[slot.end() :]
    return grammar


def public(path: Path) -> list[Example]:
    """Labelled prompts: {"text", "label" (1 = injection or jailbreak), "source"} a line. Benign ones are
    requests."""
    rows = _rows(path)
    groups = clusters([row["text"] for row in rows])
    # Many rows of this set ask for what only its own system prompts forbid.
    return [
        Example(
            row["text"],
            row["source"],
            f"public:{group}",
            row["label"],
            None if row["label"] else 1,
            0.3 if row["source"].startswith("purplellama") else 1.0,
            "xx" if "multilingual" in row["source"] else "en",
        )
        for row, group in zip(rows, groups, strict=True)
    ]


def answers(path: Path) -> list[Example]:
    """Contexts, questions and answers of a RAGTruth file: documents without injections, and requests."""
    found: dict[str, Example] = {}
    for row in _rows(path):
        group, source = f"ragtruth:{row['source_id']}", row["source"]
        if row["task"] == "qa":
            passages = re.sub(r"passage \d+:", "", source["passages"])
            found[passages] = Example(passages, "ragtruth-qa", group, 0, 0)
            found[source["question"]] = Example(source["question"], "ragtruth-question", group, 0, None)
        else:
            text = json.dumps(source, ensure_ascii=False) if isinstance(source, dict) else source
            found[text] = Example(text, f"ragtruth-{row['task']}", group, 0, 0)
    return list(found.values())


def pages(root: Path = OWN.parent.parent.parent) -> list[Example]:
    """This project's own documentation and some of its code, as technical documents; not what speaks of injections."""
    paths = [*sorted((root / "docs").rglob("*.md")), *sorted((root / "guardrails").glob("*.py"))]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    return [
        Example(text, "own-page", f"page:{name}", 0, 0)
        for name, text in texts.items()
        if "injection" not in text.lower()
    ]


def posts(path: Path, count: int, seed: int = 0) -> list[Example]:
    """Some short texts of the net: {"text"} a line."""
    chosen = random.Random(seed).sample(_rows(path), count)  # noqa: S311  (not a secret)
    return [Example(row["text"], "posts", f"posts:{at}", 0, 0, 0.5) for at, row in enumerate(chosen)]


def passages(path: Path) -> list[Example]:
    """Encyclopaedia paragraphs: {"text"} a line."""
    return [
        Example(row["text"], "encyclopaedia", f"encyclopaedia:{at}", 0, 0)
        for at, row in enumerate(_rows(path))
    ]


def clusters(texts: Sequence[str]) -> list[int]:
    """A number for each text; texts that share a run of eight words, or are equal, have the same."""
    parent = list(range(len(texts)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[tuple[str, ...], int] = {}
    for at, text in enumerate(texts):
        for shingle in _shingles(text):
            parent[root(at)] = root(first.setdefault(shingle, at))
    return [root(at) for at in range(len(texts))]


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    if len(words) < _SHINGLE:
        yield tuple(words)
    for at in range(len(words) - _SHINGLE + 1):
        yield tuple(words[at : at + _SHINGLE])


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
