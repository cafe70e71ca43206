"""The pii check: Presidio's decisions at a fraction of its cost, and clear words where it cannot help."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guardrails.check import Scanner, build
from guardrails.checks.pii import DEFAULT, STRUCTURED, pii
from guardrails.errors import CheckError
from guardrails.types import Segment, Stage

BENIGN = (Path(__file__).parent / "benign.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    """The check with every entity that has a shape."""
    check = pii(STRUCTURED)
    assert isinstance(check, Scanner)
    return check


@pytest.mark.parametrize("text", BENIGN)
def test_ordinary_code_and_logs_are_left_alone(scanner: Scanner, text: str) -> None:
    """Clocks, versions, ids, digests and order numbers are not personal data."""
    assert scanner.scan(text) == []


@pytest.mark.parametrize(
    ("text", "entity", "found"),
    [
        ("mail ada.lovelace+x@example.com.", "EMAIL_ADDRESS", "ada.lovelace+x@example.com"),
        ("mail ada@example.com.Then wait", "EMAIL_ADDRESS", "ada@example.com"),
        ("email=josé@exämple.de;", "EMAIL_ADDRESS", "josé@exämple.de"),
        ("<ada@corp.internal>", "EMAIL_ADDRESS", "ada@corp.internal"),
        ("call +44 20 7946 0958 now", "PHONE_NUMBER", "+44 20 7946 0958"),
        ("(212) 555-0187", "PHONE_NUMBER", "(212) 555-0187"),
        ("4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("ssn 123-45-6789", "US_SSN", "123-45-6789"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("from 203.0.113.7 to", "IP_ADDRESS", "203.0.113.7"),
        ("from 2001:db8::8a2e:370:7334 to", "IP_ADDRESS", "2001:db8::8a2e:370:7334"),
        ("mac 3c:22:fb:1a:2b:3c", "MAC_ADDRESS", "3c:22:fb:1a:2b:3c"),
        ("912-70-1234 itin", "US_ITIN", "912-70-1234"),
        ("pay 1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "CRYPTO", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
    ],
)
def test_every_structured_entity_is_found_whole(scanner: Scanner, text: str, entity: str, found: str) -> None:
    """The span is exactly the entity, whatever stands around it."""
    spans = [(span.entity, text[span.start : span.end]) for span in scanner.scan(text)]

    assert spans == [(entity, found)]


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.nosuchtld",
        "a@b",
        "GB29 NWBK 6016 1331 9268 18",
        "1BoatSLRHtKNngkdXEeobR76b53LETtpyU",
        "00:00:00:00:00:00",
        "NHS 9434765918",
    ],
)
def test_what_the_recogniser_refuses_is_left_alone(scanner: Scanner, text: str) -> None:
    """A wrong check digit or an unknown domain is no finding."""
    assert scanner.scan(text) == []


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither building the check nor its first e-mail address touches the network."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check = pii(["EMAIL_ADDRESS"])
    assert isinstance(check, Scanner)

    assert len(check.scan("ada@example.com")) == 1


def test_presidio_is_imported_when_the_check_is_built() -> None:
    """Importing the module costs nothing; the factory pays."""
    code = "import sys; import guardrails.checks.pii; sys.exit('presidio_analyzer' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_default_is_six_everyday_entities() -> None:
    """Without options the six everyday entities are looked for, in streams too."""
    check = build("pii", {})

    assert isinstance(check, Scanner)
    assert DEFAULT == ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "IBAN_CODE", "IP_ADDRESS")
    assert check.scan("mac 3c:22:fb:1a:2b:3c") == []


async def test_another_entity_runs_presidios_recogniser_over_whole_texts() -> None:
    """Any entity that one of Presidio's pattern recognisers knows can be asked for, but not in a stream."""
    check = build("pii", {"entities": ["US_DRIVER_LICENSE", "EMAIL_ADDRESS"]})
    assert not isinstance(check, Scanner)
    text = "licence H12345678, ada@example.com"

    [spans] = await check([Segment(text, "/x", Stage.INPUT)])

    assert [(span.entity, text[span.start : span.end]) for span in spans] == [
        ("US_DRIVER_LICENSE", "H12345678"),
        ("EMAIL_ADDRESS", "ada@example.com"),
    ]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny spaCy model that knows two names."""
    import spacy

    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": "Ada Lovelace"}, {"label": "GPE", "pattern": "London"}]
    )
    path = tmp_path_factory.mktemp("model") / "tiny"
    nlp.to_disk(path)
    return str(path)


async def test_names_come_from_the_configured_model(model: str) -> None:
    """PERSON and LOCATION go through Presidio's spaCy recogniser, beside the structured entities."""
    check = build("pii", {"entities": ["PERSON", "LOCATION", "EMAIL_ADDRESS"], "spacy_model": model})
    assert not isinstance(check, Scanner)
    texts = ["Zoë says Ada Lovelace of London wrote ada@example.com", "nothing"]

    first, second = await check([Segment(text, "/x", Stage.INPUT) for text in texts])

    assert [(span.entity, texts[0][span.start : span.end]) for span in first] == [
        ("PERSON", "Ada Lovelace"),
        ("LOCATION", "London"),
        ("EMAIL_ADDRESS", "ada@example.com"),
    ]
    assert second == []


MODULE = """
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

class Badge(PatternRecognizer):
    def __init__(self):
        super().__init__("BADGE", patterns=[Pattern("badge", r"B-[0-9]{4}", 0.6)])

class Words(EntityRecognizer):
    def load(self): pass
    def analyze(self, text, entities, nlp_artifacts):
        return [RecognizerResult("WORD", 0, len(token), 0.5) for token in list(nlp_artifacts.tokens)[:1]]

class Needy(EntityRecognizer):
    def __init__(self, something): super().__init__(["NEED"])
    def load(self): pass
    def analyze(self, text, entities, nlp_artifacts): return []

badge, words, spacy = Badge(), Words(["WORD"]), SpacyRecognizer
number = 7
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with recognisers somebody wrote."""
    name = f"own_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize("name", ["Badge", "badge"])
async def test_any_presidio_recogniser_can_be_registered(own: str, name: str) -> None:
    """A class or an instance, by import path; it runs beside the structured entities, and its cost is told."""
    check: Any = build("pii", {"entities": ["BADGE", "EMAIL_ADDRESS"], "recognizers": [f"{own}:{name}"]})
    text = "badge B-1234 of ada@example.com"

    [spans] = await check([Segment(text, "/x", Stage.INPUT)])

    assert [(span.entity, text[span.start : span.end]) for span in spans] == [
        ("BADGE", "B-1234"),
        ("EMAIL_ADDRESS", "ada@example.com"),
    ]
    assert set(check.cost(text)) == {"patterns", "Badge"}
    assert all(taken >= 0 for taken in check.cost(text).values())


async def test_a_recogniser_gets_what_the_language_model_says(own: str, model: str) -> None:
    """NLP artefacts are computed once for each text and handed to every recogniser."""
    check: Any = build("pii", {"entities": ["WORD"], "recognizers": [f"{own}:words"], "spacy_model": model})

    [spans] = await check([Segment("Hello there", "/x", Stage.INPUT)])

    assert [(span.entity, span.start, span.end) for span in spans] == [("WORD", 0, 5)]
    assert set(check.cost("Hello")) == {"patterns", "language model", "Words"}


async def test_recognisers_come_from_presidios_yaml(tmp_path: Path) -> None:
    """The file that Presidio's registry reads."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "recognizers:\n- name: Zip\n  supported_language: en\n  supported_entity: ZIP\n"
        "  patterns: [{name: zip, regex: '(?<!\\d)[0-9]{5}(?!\\d)', score: 0.4}]\n"
        "- name: Title\n  supported_entity: TITLE\n  deny_list: [Mr, Mrs]\n"
    )
    check = build("pii", {"entities": ["ZIP", "TITLE"], "recognizers_file": str(path)})
    text = "Mr Smith, 12345 Springfield"

    [spans] = await check([Segment(text, "/x", Stage.INPUT)])

    assert [(span.entity, text[span.start : span.end]) for span in spans] == [
        ("TITLE", "Mr"),
        ("ZIP", "12345"),
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"entities": ["BADGE"], "recognizers": ["Badge"]}, "package.module:ClassOrInstance"),
        ({"entities": ["BADGE"], "recognizers": ["no_such_module:X"]}, "cannot be imported"),
        ({"entities": ["BADGE"], "recognizers": ["{own}:Nothing"]}, "cannot be imported"),
        ({"entities": ["BADGE"], "recognizers": ["{own}:number"]}, "no presidio_analyzer.EntityRecognizer"),
        ({"entities": ["NEED"], "recognizers": ["{own}:Needy"]}, "without arguments"),
        ({"entities": ["VIN"], "recognizers": ["{own}:Badge"]}, "finds BADGE, and none"),
        ({"entities": ["WORD"], "recognizers": ["{own}:words"]}, "spacy_model"),
        ({"entities": ["PERSON"], "recognizers": ["{own}:spacy"]}, "spacy_model"),
        ({"entities": ["ZIP"], "recognizers_file": "/no/such.yaml"}, "no file of Presidio recognisers"),
        ({"entities": ["BADGE"]}, "option `recognizers`"),
    ],
)
def test_recognisers_that_cannot_be_used_are_refused(own: str, options: dict[str, Any], says: str) -> None:
    """When the policy loads, with what to do about it."""
    if "recognizers" in options:
        options = options | {"recognizers": [name.format(own=own) for name in options["recognizers"]]}
    with pytest.raises(CheckError, match=says):
        build("pii", options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"entities": ["NRP"]}, "spacy_model"),
        ({"entities": ["PERSON"], "spacy_model": "no_such_model"}, "not installed"),
        ({"entities": ["NO_SUCH"]}, "NO_SUCH.*EMAIL_ADDRESS"),
        ({"entities": []}, "empty"),
    ],
)
def test_what_nothing_can_find_is_refused(options: dict[str, Any], says: str) -> None:
    """The refusal names the entity and what to do."""
    with pytest.raises(CheckError, match=says):
        build("pii", options)


def test_a_model_without_the_entity_is_refused(model: str, tmp_path: Path) -> None:
    """A model that cannot find organisations is not taken for one that finds none; a folder that is no model is said to be none."""
    with pytest.raises(CheckError, match="finds no ORGANIZATION"):
        build("pii", {"entities": ["ORGANIZATION"], "spacy_model": model})
    with pytest.raises(CheckError, match="not a spaCy model"):
        build("pii", {"entities": ["PERSON"], "spacy_model": str(tmp_path)})
