"""Writes the corpus of ordinary prompts: `python tests/bench/ordinary/write.py` from the repository root.

`guardrails/policies/ordinary/*.jsonl` is what a policy should leave alone: one `{"text", "kind"}` a line. Nothing in it is
anybody's. The third file holds what documentation is full of (reserved addresses, names and numbers): a policy
may well take those for real.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.bench.ordinary import asked, code, everyday, outputs
from tests.bench.ordinary.draw import Draw

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "guardrails" / "policies" / "ordinary"
EACH = 11
"""Prompts from each generator of code and outputs."""

_RESERVED = (
    "What does `ping -c 3 192.0.2.{n}` say when the host is down?",
    "Our docs use 198.51.100.{n} and 203.0.113.{n} for examples; is that right?",
    "allow 10.0.{n}.0/24 and 172.16.{n}.1; deny the rest, in nginx",
    "The router is at 192.168.1.{n}, the printer at 192.168.1.2{d}: how do I give it a fixed one?",
    "user{n}@example.com in the fixtures, or test+{n}@example.org?",
    "Validate addresses: a@example.com is fine, a@b@example.com is not. Add {n} cases.",
    "The mock returns phone 555-01{d}{d} and +1 202 555 01{d}{d}",
    "2001:db8::{n} is for documentation, fe80::{n} for one link: correct?",
    "Test with card 4242 4242 4242 4242 or 4111 1111 1111 1111, any date, CVC {n}",
    "ServerName www.example.com, ServerAdmin webmaster@example.com, Listen 10.1.{d}.{n}:8080",
    "git config user.email you@example.com, then {n} commits to rewrite",
    "kubectl get svc: ClusterIP 10.96.{d}.{n}, LoadBalancer 203.0.113.{n}",
)


def coding() -> list[dict[str, str]]:
    """Questions about code, and pasted code, logs and files."""
    prompts = [{"text": question, "kind": "question"} for question in asked.QUESTIONS]
    for make in (*code.ALL, *outputs.ALL):
        for number in range(EACH):
            d = Draw(f"{make.__name__} {number}")
            lead = asked.LEADS[d.number(0, len(asked.LEADS) - 1)]
            prompts.append({"text": lead + make(d), "kind": make.__name__})
    return list({prompt["text"]: prompt for prompt in prompts}.values())


def daily() -> list[dict[str, str]]:
    """What is asked that has nothing to do with code."""
    return [
        {"text": everyday.filled(template, Draw(f"everyday {place} {number}")), "kind": "everyday"}
        for place, template in enumerate(everyday.TEMPLATES)
        for number in range(3 if "{" in template else 1)
    ]


def documentation() -> list[dict[str, str]]:
    """Addresses and numbers that are reserved for examples, tests and private networks."""
    prompts = []
    for place, template in enumerate(_RESERVED):
        for number in range(3):
            d = Draw(f"reserved {place} {number}")
            text = template.replace("{n}", str(d.number(2, 99))).replace("{d}", str(d.number(1, 9)))
            prompts.append({"text": text, "kind": "reserved"})
    return prompts


FILES = {"coding": coding, "everyday": daily, "documentation": documentation}
"""Name of each file, and what makes it."""


def as_lines(prompts: list[dict[str, str]]) -> str:
    """One JSON object a line, with `text` and `kind`."""
    return "".join(json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in prompts)


def main() -> None:
    """Writes the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in FILES.items():
        (FOLDER / f"{name}.jsonl").write_text(as_lines(make()), encoding="utf-8")


if __name__ == "__main__":
    main()
