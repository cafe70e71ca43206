"""The shipped corpus, golden set and prompts are what their manifests and README say they are."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import math
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

DATASETS = Path(__file__).parents[2] / "datasets"
CORPUS = DATASETS / "corpora" / "harbor"
GOLDEN = DATASETS / "golden" / "support"
PROMPTS = DATASETS / "prompts" / "support"

CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){14,15}(?![\d-])")
EMAIL = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})")
PHONE = re.compile(r"(?<!\d)\d{3}[)]?[ -](\d{3}-\d{4})(?!\d)")
NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
STOP_WORDS = re.findall(
    r"\w+",
    "a an the is are i you we my our your it to of for on in at and or do does what how when which can will with from by"
    " be if have has any me am was not that this than",
)
SENSITIVE = {
    "EMAIL_ADDRESS": EMAIL,
    "PHONE_NUMBER": PHONE,
    "CREDIT_CARD": CARD,
    "US_SSN": re.compile(r"\b219-09-9999\b"),
    "IBAN_CODE": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b"),
    "IP_ADDRESS": re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"),
    "AWS_ACCESS_KEY_ID": re.compile(r"\bAKIA[A-Z2-7]{16}\b"),
    "PRIVATE_KEY": re.compile(r"-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/\n]+\n-----END PRIVATE KEY-----"),
    "JWT": re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+"),
}


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def manifest(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return loaded


ITEMS = rows(GOLDEN / "items.jsonl")
DOCUMENTS = {row["id"]: row for row in rows(CORPUS / "docs.jsonl")}


def tagged(tag: str) -> list[dict[str, Any]]:
    return [item for item in ITEMS if tag in item["tags"]]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in strings(part)]


def written(item: dict[str, Any]) -> str:
    """The text of an item's messages."""
    return "\n".join(message["content"] or "" for message in item["input"]["messages"])


def cards(text: str) -> list[str]:
    """What looks like a card number, and is not a part of an IBAN."""
    return CARD.findall(SENSITIVE["IBAN_CODE"].sub("", text))


def luhn(number: str) -> bool:
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    return sum(d if at % 2 == 0 else sum(divmod(2 * d, 10)) for at, d in enumerate(digits)) % 10 == 0


def iban(text: str) -> bool:
    bare = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


@pytest.mark.parametrize("path", [CORPUS / "docs.jsonl", GOLDEN / "items.jsonl"], ids=lambda path: path.stem)
def test_lines_are_canonical_and_sorted_by_unique_id(path: Path) -> None:
    """A set has one possible text: canonical JSON, one object a line, ids rising, a line feed at the end."""
    read = rows(path)
    ids = [row["id"] for row in read]

    assert path.read_text("utf-8") == "".join(canonical(row) + "\n" for row in read)
    assert ids == sorted(set(ids))


def test_corpus_manifest_matches_the_file() -> None:
    """The corpus hash is the SHA-256 of the file's bytes."""
    told = manifest(CORPUS)

    assert told["content_sha256"] == hashlib.sha256((CORPUS / "docs.jsonl").read_bytes()).hexdigest()
    assert told["n"] == len(DOCUMENTS)


def test_golden_manifest_matches_the_items() -> None:
    """The set's hash is over the item hashes; an item's hash is over input, expected and relevant."""
    told = manifest(GOLDEN)
    hashes = {
        item["id"]: sha256(canonical({field: item[field] for field in ("input", "expected", "relevant")}))
        for item in ITEMS
    }

    assert told["items"] == hashes
    assert told["content_sha256"] == sha256("\n".join(f"{name}:{hashes[name]}" for name in sorted(hashes)))
    assert told["n"] == len(ITEMS)
    assert told["clusters"] == len({item["cluster"] for item in ITEMS})
    assert told["label_kinds"] == sorted({item["label"]["kind"] for item in ITEMS})
    assert (GOLDEN / "CHANGELOG.md").read_text("utf-8").count(f"## {told['version']} ") == 1


@pytest.mark.parametrize(
    ("tag", "least"),
    [("rag", 44), ("unanswerable", 6), ("guardrail", 17), ("look-alike", 5), ("tool", 8)],
)
def test_every_kind_of_case_is_there_in_number(tag: str, least: int) -> None:
    """No kind of case may shrink to a handful."""
    assert len(tagged(tag)) >= least


def test_documents_are_short_and_enough() -> None:
    """A document is one passage: at least 80 words and never over 260."""
    sizes = {name: len(row["text"].split()) for name, row in DOCUMENTS.items()}

    assert len(sizes) >= 44
    assert {name: size for name, size in sizes.items() if not 80 <= size <= 260} == {}


def test_no_question_is_asked_twice() -> None:
    """Two items never have the same input."""
    assert [text for text, n in Counter(canonical(item["input"]) for item in ITEMS).items() if n > 1] == []


def test_every_quote_occurs_once_in_its_document() -> None:
    """A relevant passage is found word for word, in one place."""
    wrong = [
        (item["id"], passage["doc_id"])
        for item in ITEMS
        for passage in item["relevant"]
        if DOCUMENTS[passage["doc_id"]]["text"].count(passage["quote"]) != 1 or passage["grade"] not in (1, 2)
    ]

    assert wrong == []


def test_every_question_has_a_passage_that_is_needed() -> None:
    """A question with an answer has a passage of grade 2; one without has none."""
    assert all(any(passage["grade"] == 2 for passage in item["relevant"]) for item in tagged("rag"))
    assert all(item["relevant"] == [] for item in ITEMS if "rag" not in item["tags"])


def test_numbers_in_an_answer_stand_in_its_quotes() -> None:
    """An answer invents no figure, unless the item says that it is calculated."""
    invented = []
    for item in tagged("rag"):
        known = set(
            NUMBER.findall(" ".join(p["quote"] for p in item["relevant"]) + item["input"]["question"])
        )
        for answer in [item["expected"]["answer"], *item["expected"]["aliases"]]:
            if "derived" not in item["tags"] and set(NUMBER.findall(answer)) - known:
                invented.append((item["id"], answer))

    assert invented == []


def test_refusals_are_worded_as_the_prompts_demand() -> None:
    """What an unanswerable case expects is what the good prompts tell the model to say."""
    answers = {(item["expected"]["answer"], item["expected"]["refusal"]) for item in tagged("unanswerable")}

    assert answers == {("I do not know.", True)}
    assert not any(item["expected"]["refusal"] for item in tagged("rag"))


def test_guardrail_cases_hold_exactly_the_entities_they_name() -> None:
    """Each value that looks sensitive is expected, each expected one is there, and a look-alike has none."""
    for item in tagged("guardrail"):
        text = written(item)
        found = {name for name, shape in SENSITIVE.items() if shape.search(text)}
        if not any(map(luhn, cards(text))):
            found.discard("CREDIT_CARD")

        assert sorted(found) == item["expected"]["guardrail"]["entities"], item["id"]


def test_guardrail_actions_follow_the_default_policy() -> None:
    """Personal data is pseudonymised, a secret redacted, the stricter of the two wins, nothing else is touched."""
    secrets = {"AWS_ACCESS_KEY_ID", "PRIVATE_KEY", "JWT"}
    for item in tagged("guardrail"):
        entities = set(item["expected"]["guardrail"]["entities"])
        action = "redact" if entities & secrets else "pseudonymize" if entities else "allow"

        assert item["expected"]["guardrail"]["action"] == action, item["id"]


def test_sensitive_values_are_valid_in_form_and_fictional() -> None:
    """A detector that validates must find them; nobody real must be behind them."""
    text = "\n".join(strings([item["input"] for item in ITEMS]) + strings(list(DOCUMENTS.values())))
    real = "\n".join(written(item) for item in tagged("guardrail") if "look-alike" not in item["tags"])
    documentation = ipaddress.ip_network("203.0.113.0/24")

    assert cards(real) and all(map(luhn, cards(real)))
    ibans = SENSITIVE["IBAN_CODE"].findall(real)
    assert ibans and all(map(iban, ibans))
    assert all(re.search(r"(^|\.)example\.(com|org|net)$", domain) for domain in EMAIL.findall(text))
    assert all(local.startswith("555-01") for local in PHONE.findall(text))
    assert all(local.startswith("555-01") for local in re.findall(r"\b555-\d{4}\b", text))
    addresses = SENSITIVE["IP_ADDRESS"].findall(text)
    assert addresses and all(ipaddress.ip_address(address) in documentation for address in addresses)
    assert "EXAMPLE" not in text


def test_personal_data_stays_in_guardrail_cases() -> None:
    """Questions and tool cases hold nothing that a guardrail would change; the manifest says so."""
    for item in ITEMS:
        if "guardrail" not in item["tags"]:
            text = "\n".join(strings([item["input"], item["expected"]]))
            assert [name for name, shape in SENSITIVE.items() if shape.search(text)] == [], item["id"]

    told = manifest(GOLDEN)
    assert told["pii_scan"]["hits"] == 0
    assert told["pii_scan"]["of"] == told["lines_sha256"]


def test_expected_calls_fit_the_schemas_offered() -> None:
    """A call names an offered tool and gives every argument in the form its schema asks for."""
    for item in tagged("tool"):
        offered = {
            tool["function"]["name"]: tool["function"]["parameters"] for tool in item["input"]["tools"]
        }
        for call in item["expected"]["tool_calls"]:
            schema = offered[call["name"]]

            assert sorted(call["arguments"]) == sorted(schema["required"]) == sorted(schema["properties"])
            for name, value in call["arguments"].items():
                assert fits(schema["properties"][name], value), (item["id"], name)


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value is as a property's schema says: the few keywords that the set uses."""
    if schema["type"] == "integer":
        return type(value) is int and schema["minimum"] <= value <= schema["maximum"]
    if not isinstance(value, str) or value not in schema.get("enum", [value]):
        return False
    if schema.get("format") == "date":
        return date.fromisoformat(value).isoformat() == value
    return re.search(schema.get("pattern", ""), value) is not None


def test_arguments_stand_in_the_text_but_mostly_not_as_json() -> None:
    """Every argument can be read off the conversation; at most half of the cases hand them over ready-made."""
    verbatim = [item for item in tagged("tool") if "args: {" in written(item)]

    assert len(verbatim) * 2 <= len(tagged("tool"))
    for item in tagged("tool"):
        for call in item["expected"]["tool_calls"]:
            assert all(str(value) in written(item) for value in call["arguments"].values()), item["id"]


def test_retrieval_by_words_is_possible_and_not_trivial() -> None:
    """BM25 finds most documents in the top five, a healthy share at once, and no more than that."""
    texts = {name: stems(f"{row['title']} {row['text']}") for name, row in DOCUMENTS.items()}
    first = fifth = 0.0
    for item in tagged("rag"):
        ranked = bm25(item["input"]["question"], texts)
        wanted = {passage["doc_id"] for passage in item["relevant"]}
        first += len(wanted & set(ranked[:1])) / len(wanted) / len(tagged("rag"))
        fifth += len(wanted & set(ranked[:5])) / len(wanted) / len(tagged("rag"))

    assert 0.6 <= first <= 0.95
    assert fifth >= 0.85


def bm25(question: str, texts: dict[str, list[str]], k1: float = 0.9, b: float = 0.4) -> list[str]:
    """Document ids, best first."""
    counts = {name: Counter(words) for name, words in texts.items()}
    spread = Counter(word for count in counts.values() for word in count)
    average = sum(map(len, texts.values())) / len(texts)

    def score(name: str) -> float:
        norm = k1 * (1 - b + b * len(texts[name]) / average)
        return sum(
            math.log(1 + (len(texts) - spread[word] + 0.5) / (spread[word] + 0.5)) * count / (count + norm)
            for word in set(stems(question))
            if (count := counts[name][word])
        )

    return sorted(texts, key=lambda name: (-score(name), name))


def stems(text: str) -> list[str]:
    words = re.findall(r"[a-z0-9$]+", text.lower())
    return [re.sub(r"(?<=\w{3})(ing|ed|es|s)$", "", word) for word in words if word not in STOP_WORDS]


@pytest.mark.parametrize("name", ["v1", "v2", "degraded"])
def test_a_prompt_is_one_line(name: str) -> None:
    """A prompt file holds one line of prompt and nothing else."""
    text = (PROMPTS / f"{name}.txt").read_text("utf-8")

    assert text.endswith("\n") and text.count("\n") == 1 and not text.startswith("#")


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_good_prompts_ground_the_answer(name: str) -> None:
    """A good prompt ties answers to the passages, asks for the passage id, and words the refusal."""
    text = (PROMPTS / f"{name}.txt").read_text("utf-8")

    assert re.search(r"\bonly\b", text) and "passage" in text and "id" in text.split()
    assert "I do not know." in text


def test_the_degraded_prompt_does_not_ground_the_answer() -> None:
    """The careless edit lost the rule, the citation and the refusal."""
    text = (PROMPTS / "degraded.txt").read_text("utf-8").lower()

    assert not re.search(r"\bonly\b|passage|do not know", text)


def test_the_readme_states_the_sizes() -> None:
    """The table of sets says how large each one is."""
    readme = (DATASETS / "README.md").read_text("utf-8")

    assert f"{len(DOCUMENTS)} documents" in readme
    assert f"{len(ITEMS)} items" in readme
    for tag in ("rag", "unanswerable", "guardrail", "tool"):
        assert re.search(rf"^\| `{tag}` \| {len(tagged(tag))} \|", readme, re.MULTILINE)
