"""Finds personal data: Presidio's recognisers, asked only about places where something may stand.

Presidio's own engine runs every recogniser over the whole text. Here one linear pass finds candidates, and
the recogniser decides on the candidate alone. This module is the only one that imports Presidio.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from guardrails.check import Check, in_process
from guardrails.checks.pii_patterns import patterns
from guardrails.errors import CheckError
from guardrails.patterns import PatternSet, joined
from guardrails.types import Segment, Span

STRUCTURED = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "US_SSN",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "US_ITIN",
    "CRYPTO",
    "UK_NHS",
)
"""Entities with a shape: found by candidate patterns, in streams too."""

NAMED = ("PERSON", "LOCATION", "ORGANIZATION", "NRP")
"""Entities without a shape: found by a language model of spaCy."""

DEFAULT = STRUCTURED[:6]
_LANGUAGE = "en"


def _shaped(entities: Sequence[str], **options: object) -> bool:
    """Whether every entity has a shape: then no recogniser reads whole texts, and the check is linear."""
    return all(entity in STRUCTURED for entity in entities)


@in_process(when=_shaped)
def pii(entities: Sequence[str] = DEFAULT, spacy_model: str | None = None) -> Check:
    """A check for personal data: a scanner when every entity has a shape, else a check of whole texts.

    Args:
        entities: what to look for, in Presidio's names.
        spacy_model: installed spaCy model, by name or path; needed for people, places and organisations.

    Raises CheckError naming an entity that nothing here can find, and what to do about it.
    """
    if not entities:
        raise CheckError("pii: `entities` is empty. Name at least one, such as EMAIL_ADDRESS.")
    shaped = [entity for entity in entities if entity in STRUCTURED]
    named = [entity for entity in entities if entity in NAMED]
    other = [entity for entity in entities if entity not in STRUCTURED and entity not in NAMED]
    _stay_offline()
    whole: list[_Recognise] = [_recogniser(entity) for entity in other]
    if named:
        whole.append(_language_model(spacy_model, named))
    scanner = PatternSet(patterns(shaped, _decisions()))
    return _WholeText(scanner, whole) if whole else scanner


_Recognise = Callable[[str], list[Span]]


class _WholeText:
    """A scanner, and recognisers that must see the whole text; runs off the event loop."""

    def __init__(self, scanner: PatternSet, recognisers: Sequence[_Recognise]) -> None:
        self._scanner, self._recognisers = scanner, tuple(recognisers)

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""
        return await asyncio.to_thread(lambda: [self._spans(segment.text) for segment in segments])

    def _spans(self, text: str) -> list[Span]:
        """What the scanner and every recogniser see in one text, overlaps joined."""
        found = self._scanner.scan(text)
        for recognise in self._recognisers:
            found.extend(recognise(text))
        return joined(found)


def _decisions() -> dict[str, Callable[[str], bool]]:
    """What Presidio's recognisers say about one candidate, by entity."""
    from presidio_analyzer import predefined_recognizers as presidio

    email, iban = presidio.EmailRecognizer(), presidio.IbanRecognizer()
    ip, mac, crypto = presidio.IpRecognizer(), presidio.MacAddressRecognizer(), presidio.CryptoRecognizer()
    nhs, itin = presidio.NhsRecognizer(), presidio.UsItinRecognizer()
    return {
        "EMAIL_ADDRESS": lambda value: bool(email.validate_result(value)),
        "IBAN_CODE": lambda value: bool(iban.validate_result(value)),
        "IP_ADDRESS": lambda value: not ip.invalidate_result(value),
        "MAC_ADDRESS": lambda value: not mac.invalidate_result(value),
        "CRYPTO": lambda value: bool(crypto.validate_result(value)),
        "UK_NHS": lambda value: bool(nhs.validate_result(value)),
        "US_ITIN": lambda value: bool(itin.analyze(value, ["US_ITIN"], None)),
    }


def _stay_offline() -> None:
    """Makes Presidio's recognisers ask the bundled suffix list: the default one is downloaded at first use.

    Reads the list now, as that takes longer than all else a first request would wait for.
    """
    import tldextract.tldextract as suffixes

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(cache_dir=None, suffix_list_urls=())
    suffixes.TLD_EXTRACTOR("example.com")


def _recogniser(entity: str) -> _Recognise:
    """Presidio's own recogniser of an entity, run over whole texts. Raises CheckError when there is none."""
    known: dict[str, Any] = {}
    for kind in _recogniser_classes():
        recogniser = kind()
        for name in recogniser.supported_entities:
            known.setdefault(name, recogniser)
    if entity not in known:
        everything = ", ".join(sorted({*known, *STRUCTURED, *NAMED}))
        raise CheckError(f"pii: nothing here finds the entity {entity!r}. Known entities: {everything}.")
    recogniser = known[entity]

    def recognise(text: str) -> list[Span]:
        results = recogniser.analyze(text, [entity], None)
        return [Span(result.start, result.end, entity, result.score) for result in results]

    return recognise


def _recogniser_classes() -> list[Any]:
    """Presidio's recogniser classes that work by pattern and need no configuration."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    found = []
    for _, kind in inspect.getmembers(predefined_recognizers, inspect.isclass):
        needed = [
            parameter
            for parameter in inspect.signature(kind).parameters.values()
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        ]
        if issubclass(kind, PatternRecognizer) and not needed:
            found.append(kind)
    return found


def _language_model(name: str | None, entities: Sequence[str]) -> _Recognise:
    """Presidio's spaCy recogniser over an installed model. Raises CheckError when the model cannot do it."""
    asked = ", ".join(entities)
    if name is None:
        raise CheckError(
            f"pii: {asked} needs a language model and none is configured. Install a spaCy model "
            "with named entities (such as en_core_web_sm) and name it in the option `spacy_model`, "
            "or leave the entity out."
        )
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    if not (spacy.util.is_package(name) or Path(name).exists()):
        raise CheckError(
            f"pii: the spaCy model {name!r} is not installed, and nothing is downloaded. Install it "
            f"(`pip install` its wheel) or give the path of its folder; {asked} needs it."
        )
    engine = SpacyNlpEngine(models=[{"lang_code": _LANGUAGE, "model_name": name}])
    try:
        engine.load()
    except OSError:
        raise CheckError(
            f"pii: {name!r} is not a spaCy model. Give a folder that `spacy.load` opens."
        ) from None
    _require_labels(engine, name, entities)
    recogniser = SpacyRecognizer(supported_entities=list(entities))

    def recognise(text: str) -> list[Span]:
        results = recogniser.analyze(text, list(entities), engine.process_text(text, _LANGUAGE))
        return [Span(result.start, result.end, result.entity_type, result.score) for result in results]

    return recognise


def _require_labels(engine: Any, name: str, entities: Sequence[str]) -> None:
    """Refuses a model whose pipeline cannot produce one of the entities."""
    labels = {label for found in engine.nlp[_LANGUAGE].pipe_labels.values() for label in found}
    mapping = engine.ner_model_configuration.model_to_presidio_entity_mapping
    offered = {mapping.get(label, label) for label in labels}
    missing = [entity for entity in entities if entity not in offered]
    if missing:
        raise CheckError(
            f"pii: the spaCy model {name!r} finds no {', '.join(missing)}. Use a model with a named-entity "
            "component, or leave the entity out."
        )
