"""Measures the names tagger: `python tests/bench/bench_names.py` from the repository root.

Prints, for PERSON, the share of its characters that are covered and the share of what was covered that is one, on
sentences written for this file (no template or sentence of the training) filled with names by a fixed seed; the share of
coding prompts in which anything was found; and milliseconds for 128 word pieces on one thread. `--model DIR` measures
another model; `--jsonl FILE` adds a set of {"text", "spans": [{"start", "end", "entity"}]} lines; `--show` prints what
was missed or found wrongly.
"""

from __future__ import annotations

import argparse
import inspect
import json
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy

from guardrails.checks.names import SHIPPED, NameModel, encode

ORDINARY = Path(__file__).resolve().parents[2] / "guardrails" / "policies" / "ordinary"
FULL = (
    """
Oksana Hrytsenko|Tobias Lindqvist|Mei-Ling Hsu|Juan Pablo Echeverría|Rasheed Olatunji|Siobhán O'Rourke|Dmitri Volkov|Priyanka Deshmukh
Anne-Sophie Girard|Jan van den Heuvel|Kwame Boateng|Yusuf al-Qadiri|Birgit Schröder|Lars Pettersen|Giulia Bianchi|Chukwuemeka Eze
Hyejin Kwon|Thu Trang Bui|Marek Wiśniewski|Eszter Fodor|Ioana Dragomir|Nikos Papadakis|Elif Yıldırım|Tamar Gelashvili|Sanna Korhonen
Rui Figueira|Magnús Eiríksson|Zanele Dube|Aroha Ngata|Leilani Kealoha|Consuelo de la Cruz|Ravi Subramaniam|Nasrin Ahmadi|Bohdan Kovalchuk
Grace Wainwright|Will Parsons|Rose Marlowe|Mark Penny|April Summers|Chase Hunter|Dawn Rivers|Frank Stone|Ken Watanabe|D'Angelo Freeman
J. R. Whitlock|T. S. Abernathy|María José Ibáñez|Fatou Diallo|Ngozi Umeh|Wei Zhang|Sun-hee Paik|Takeshi Mori|Hafsa Malik|Colm Tierney
Imogen Blackwood|Percy Ashdown|Luca Moretti|Aleksandra Zielińska|Torbjørn Haugen|Xóchitl Ramírez|Blessing Adeyemi|Shu Fen Lim|Arjun Kapadia
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
SENTENCES = """
we just heard back from {p} about the second interview
{p} will be out of office until Tuesday, please contact {p} instead.
Does {f} still have the spare key?
When I asked {f} about it she only laughed.
The lease was signed by {p} and countersigned by {p} the same evening.
Ticket opened by {p}: cannot print from the second floor.
{p}, a retired bus driver, won the raffle.
It was {p} who first noticed the leak, not the caretaker.
Could somebody give {f} a lift home after practice?
Record of conversation with {p} (mother of the pupil).
Attached is the scan that {f} promised to send.
The keynote by {p} starts at nine, followed by a panel with {p} and {p}.
so {f} goes "no way" and I'm like yes way
Prescription issued to {p}, to be collected by her son {f}.
In loving memory of {p}, who never missed a match.
Passport no. 558201934, holder {p}, issued 12 March 2019
{p} paints boats; {p} repairs them.
Under the will, the house goes to {p}.
Hiya {f}, just checking you got my last message?
Visitor badge printed for {p} at 08:41.
Our accountant {p} says the receipts are missing.
Mr {l} refused to comment.
The complaint by Mrs {l} was upheld.
Thank you for your patience, {f}. Your order has shipped.
Payee {p} - amount 45.00 - reference RENT
I'd recommend {p} for this role without hesitation.
Can you rewrite this so it sounds less angry? "{f}, you never return my calls."
Who did {p} defeat in the final?
Please transfer the domain to {p}; she will pay the fee.
{f} and I broke up in June.
Lab results for {p} are ready.
owner: {p}\nbackup: {p}\non-call: {f}
student,grade\n{p},B+\n{p},A-
{{"guest": "{p}", "nights": 3, "room": "204"}}
{p} | Tenor\n{p} | Alto\n{p} | Bass
Chorus: {p}, {p}, {p}, {p}
Reply from {f}:\nI can do Thursday.
Greetings from Lisbon! Yours, {f}
cc {p}, {p}
{f}'s dog bit the postman.
The portrait shows {p} with a parrot.
According to her diary, {p} left Trieste in winter.
Statement of {p}: I was at home all night.
Caller ID: {p}
Translate into German: {f} is late again.
Ask {f} whether the boiler man came.
""".strip().splitlines()
NOTHING = """
The Jenkins job for the Mercury release failed in the Darwin stage.
Ruby on Rails or Django? I know some Java and a little Pascal.
Could you compare Grafana with Kibana for a small team?
Happy Easter and see you in May!
Dear colleague, the canteen is closed on Good Friday.
STRICTLY CONFIDENTIAL - DO NOT COPY
Quarterly Business Review And Outlook
Preheat the oven and grease a Bundt tin.
Explain the Coriolis effect to a ten-year-old.
My Roomba keeps bumping into the Christmas tree.
Vitamin K, omega 3 and Coenzyme Q10: do they work?
The Passat needs new tyres before winter.
{"jobTitle": "Welder", "startDate": null, "department": "Paint Shop"}
ERROR 2031 OrderRouter: retry budget exhausted for queue billing-eu
Turn left at the roundabout, then straight on.
Roll a d20 and add your Charisma modifier.
To Whom It May Concern
Best,
Cheers everyone, great sprint!
Is Esperanto easier than Latin?
Set the thermostat to 19 degrees on weekdays.
Which is bigger, Neptune or Uranus?
The Magna Carta was sealed in 1215.
Our Slack bot posts to Teams via a Lambda.
Alexa, turn off the lights. Hey Siri, what time is it?
Chapter 4: Storms And Silence
Use Occam's razor here.
Earl Grey or English Breakfast?
The Nikon Z6 versus the Canon R6
Grade 8 Trumpet Syllabus
""".strip().splitlines()
CODING = """
Write a python function that returns the n-th Lucas number.
Why does my React component render twice in Strict Mode?
Convert this Java class to Kotlin: public class Invoice { private final String customerName; }
Refactor: for i in range(len(items)): total += items[i].price
How do I rebase my feature branch onto main without losing the merge commits?
Implement Dijkstra's shortest path with a heap in Rust.
Create a Dockerfile for a Flask app behind Gunicorn and Nginx.
Explain what `SELECT first_name, last_name FROM employees WHERE city = ?` does.
TypeError: Cannot read properties of undefined (reading 'map') - what is wrong?
Write unit tests for a Stack class with push, pop and peek using JUnit.
Given a string s, return the longest palindromic substring. Manacher's algorithm is preferred.
def add(a, b):\n    \"\"\"Return the sum of a and b.\"\"\"
Use Newton's method to compute the square root of 2 in C.
What is the difference between Pandas merge and join?
Fix: java.lang.NullPointerException at com.acme.billing.InvoiceService.render(InvoiceService.java:88)
Write a Bash script that renames all JPG files by EXIF date.
Generate a regex for ISO 8601 dates.
Implement the Knuth-Morris-Pratt search in Go and explain the failure table.
My Kubernetes pod is in CrashLoopBackOff after upgrading Helm.
Build a REST endpoint in Spring Boot that returns JSON.
Write a function to check whether a number is a Woodall number or not.
Sort a list of dictionaries by the key 'age' in Python.
In Swift, how do I decode a nested JSON with Codable?
class Node:\n    def __init__(self, value, next=None):\n        self.value = value
Compute the Pearson correlation of two columns with NumPy.
Solve the Josephus problem for n people and step k.
How can I speed up a Postgres query that uses a Hash Join on orders and customers?
Write a Haskell function that merges two sorted lists.
Translate this pseudo code to Julia: while lo < hi do mid := (lo + hi) div 2
Implement a Bloom filter with murmur hashing.
Which Terraform resource creates an S3 bucket with versioning?
Add type hints: def parse(line): name, _, value = line.partition("=")
Write a Cypress test for the login form with email and password.
Use Prim's algorithm to find the minimum spanning tree.
Please review this pull request: it adds Redis caching to the session store.
Explain the Liskov substitution principle with an example in C#.
Write SQL for the second highest salary in the table Employee.
Why is Babel not transpiling my optional chaining?
Plot a Gaussian with mean 0 and sigma 1 using Matplotlib.
Write a Makefile with targets build, test and clean.
""".strip().splitlines()


class Case(NamedTuple):
    """A text and where its people stand."""

    text: str
    people: tuple[tuple[int, int], ...]


class Figures(NamedTuple):
    """Characters of people found, found at all, and there."""

    both: int
    said: int
    true: int

    def __str__(self) -> str:
        recall, precision = self.both / max(1, self.true), self.both / max(1, self.said)
        return f"covered {recall:.1%}, precision {precision:.1%} ({self.true} characters)"


def written(seed: int = 20240817, rounds: int = 6) -> list[Case]:
    """The sentences of this file, each filled a few times."""
    pick = random.Random(seed)
    made = [Case(text, ()) for text in NOTHING]
    for template in SENTENCES * rounds:
        parts = template.replace("{{", "\x01").replace("}}", "\x02").replace("\\n", "\n")
        text, people = "", []
        while "{" in parts:
            before, _, rest = parts.partition("{")
            slot, _, parts = rest.partition("}")
            name = pick.choice(FULL)
            name = {"p": name, "f": name.split()[0], "l": name.split()[-1]}[slot]
            if name.endswith("."):
                name = pick.choice(FULL[:40]).split()[0]
            text += before
            people.append((len(text), len(text) + len(name)))
            text += name
        text = (text + parts).replace("\x01", "{").replace("\x02", "}")
        style = pick.random()
        text = text.lower() if style < 0.1 else text.upper() if style < 0.13 else text
        made.append(Case(text, tuple(people)))
    return made


def coding() -> list[str]:
    """Prompts of this file, and what numpy's functions say of themselves, as tasks."""
    prompts = [line.replace("\\n", "\n") for line in CODING]
    for module in (numpy, numpy.linalg, numpy.fft, numpy.random, numpy.polynomial, numpy.ma, numpy.char):
        for name, member in inspect.getmembers(module, callable):
            text = inspect.getdoc(member) or ""
            if len(text) > 80 and not name.startswith("_"):
                paragraphs = text.split("\n\n")
                prompts.append(f"Implement `{name}` in Python.\n\n" + "\n\n".join(paragraphs[:3])[:700])
    return sorted(set(prompts))


def ordinary() -> dict[str, list[str]]:
    """The prompts that a policy should leave alone, by file."""
    return {
        path.stem: [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(ORDINARY.glob("*.jsonl"))
    }


def rows(path: Path) -> list[Case]:
    """A file of labelled texts."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        people = tuple((span["start"], span["end"]) for span in row["spans"] if span["entity"] == "PERSON")
        found.append(Case(row["text"], people))
    return found


def measure(model: NameModel, cases: Iterable[Case], show: bool = False) -> Figures:
    """Counts over characters, all cases together."""
    both = said = true = 0
    for case in cases:
        spans = [(span.start, span.end) for span in model.find(case.text) if span.entity == "PERSON"]
        found, there = _positions(spans), _positions(case.people)
        both, said, true = both + len(found & there), said + len(found), true + len(there)
        if show and found != there:
            wrong = [case.text[start:end] for start, end in spans if not _positions([(start, end)]) <= there]
            missed = [
                case.text[start:end] for start, end in case.people if not _positions([(start, end)]) <= found
            ]
            print(f"  {case.text[:160]!r} missed {missed} wrong {wrong}")
    return Figures(both, said, true)


def _positions(ranges: Sequence[tuple[int, int]]) -> set[int]:
    return {at for start, end in ranges for at in range(start, end)}


def changed(model: NameModel, prompts: Sequence[str], show: bool = False) -> float:
    """Share of texts in which a person was found."""
    hits = 0
    for prompt in prompts:
        names = [prompt[span.start : span.end] for span in model.find(prompt) if span.entity == "PERSON"]
        hits += bool(names)
        if show and names:
            print(f"  {prompt[:80]!r}: {names}")
    return hits / len(prompts)


def milliseconds(model: NameModel, pieces: int = 126) -> tuple[float, float]:
    """Least and median time of one full window."""
    words = "The order of the second customer was late, so we sent another one on Tuesday from Leeds. " * 20
    read = encode(model.tokenizer, words)
    cut = type(read)(read.ids[:pieces], read.kinds[:pieces], read.word[:pieces], read.words)
    taken = []
    for _ in range(60):
        begin = time.perf_counter()
        model.probabilities(cut)
        taken.append((time.perf_counter() - begin) * 1000)
    return min(taken), statistics.median(taken)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--jsonl", type=Path, action="append", default=[])
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    model = NameModel(options.model)
    print(f"written for this file: {measure(model, written(), options.show)}")
    for path in options.jsonl:
        print(f"{path.name}: {measure(model, rows(path), options.show)}")
    for name, prompts in {"tasks in Python": coding(), **ordinary()}.items():
        share = changed(model, prompts, options.show)
        print(f"changed of {len(prompts)} prompts without people ({name}): {share:.2%}")
    least, median = milliseconds(model)
    print(f"128 word pieces on one thread: least {least:.1f} ms, median {median:.1f} ms")


if __name__ == "__main__":
    main()
