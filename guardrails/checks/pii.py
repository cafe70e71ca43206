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

from guardrails.check import Check
from guardrails.checks.pii_patterns import patterns
from guardrails.errors import CheckError
from guardrails.patterns import PatternSet, joined
from guardrails.types import Segment, Span

DEFAULT = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "IBAN_CODE", "IP_ADDRESS")
"""What is looked for when nothing is named."""

_ACCOUNTS = ("ABA_ROUTING_NUMBER", "US_BANK_NUMBER", "SWIFT_CODE", "CRYPTO", "EU_VAT_NUMBER")
_DEVICES = ("MAC_ADDRESS", "IMEI", "VIN", "URL_CREDENTIALS")
_DOCUMENTS = ("DATE_OF_BIRTH", "PASSPORT", "US_PASSPORT", "UK_PASSPORT")
_NATIONAL = (
    *("US_ITIN", "US_NPI", "US_MBI", "UK_NHS", "UK_NINO", "IE_PPS", "CA_SIN", "AU_TFN", "AU_ABN", "AU_ACN"),
    *("AU_MEDICARE", "ZA_ID_NUMBER", "NG_NIN", "IN_AADHAAR", "IN_PAN", "SG_NRIC_FIN", "DE_TAX_ID", "FR_NIR"),
    *(
        "IT_FISCAL_CODE",
        "ES_NIF",
        "ES_NIE",
        "PL_PESEL",
        "NL_BSN",
        "SE_PERSONNUMMER",
        "NO_FODSELSNUMMER",
        "DK_CPR",
    ),
    *(
        "FI_PERSONAL_IDENTITY_CODE",
        "BE_NRN",
        "CH_AHV",
        "PT_NIF",
        "RO_CNP",
        "CZ_BIRTH_NUMBER",
        "HR_OIB",
        "BR_CPF",
    ),
    *(
        "BR_CNPJ",
        "AR_CUIT",
        "CL_RUT",
        "MX_CURP",
        "KR_RRN",
        "JP_MY_NUMBER",
        "CN_RESIDENT_ID",
        "HK_ID",
        "TW_ID",
    ),
    *("TH_TNIN", "TR_NATIONAL_ID", "IL_ID", "RU_SNILS", "RU_INN"),
)
STRUCTURED = (*DEFAULT, *_ACCOUNTS, *_DEVICES, *_DOCUMENTS, *_NATIONAL)
"""Entities with a shape: found by candidate patterns, in streams too."""

NAMED = ("PERSON", "LOCATION", "ORGANIZATION", "NRP")
"""Entities without a shape: found by a language model of spaCy."""

_LANGUAGE = "en"


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


_VALIDATED = {
    "EMAIL_ADDRESS": "EmailRecognizer",
    "IBAN_CODE": "IbanRecognizer",
    "CRYPTO": "CryptoRecognizer",
    "ABA_ROUTING_NUMBER": "AbaRoutingRecognizer",
    "US_NPI": "UsNpiRecognizer",
    "UK_NHS": "NhsRecognizer",
    "AU_TFN": "AuTfnRecognizer",
    "AU_ABN": "AuAbnRecognizer",
    "AU_ACN": "AuAcnRecognizer",
    "AU_MEDICARE": "AuMedicareRecognizer",
    "NG_NIN": "NgNinRecognizer",
    "IN_AADHAAR": "InAadhaarRecognizer",
    "IT_FISCAL_CODE": "ItFiscalCodeRecognizer",
    "ES_NIF": "EsNifRecognizer",
    "ES_NIE": "EsNieRecognizer",
    "FI_PERSONAL_IDENTITY_CODE": "FiPersonalIdentityCodeRecognizer",
    "KR_RRN": "KrRrnRecognizer",
    "TH_TNIN": "ThTninRecognizer",
}
"""Entities on whose candidates a validator of Presidio decides."""


def _decisions() -> dict[str, Callable[[str], bool]]:
    """What Presidio's recognisers say about one candidate, by entity."""
    from presidio_analyzer import predefined_recognizers as presidio

    ip, mac = presidio.IpRecognizer(), presidio.MacAddressRecognizer()
    itin, nino = presidio.UsItinRecognizer(), presidio.UkNinoRecognizer()
    return {
        **{entity: _validator(getattr(presidio, kind)()) for entity, kind in _VALIDATED.items()},
        "IP_ADDRESS": lambda value: not ip.invalidate_result(value),
        "MAC_ADDRESS": lambda value: not mac.invalidate_result(value),
        "US_ITIN": lambda value: bool(itin.analyze(value, ["US_ITIN"], None)),
        "UK_NINO": lambda value: bool(nino.analyze(value, ["UK_NINO"], None)),
    }


def _validator(recogniser: Any) -> Callable[[str], bool]:
    """A recogniser's own test of the text it matched; spaces are not part of a number."""
    return lambda value: bool(
        recogniser.validate_result(compact := value.replace(" ", ""))
        and not recogniser.invalidate_result(compact)
    )


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
