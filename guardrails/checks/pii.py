"""Finds personal data: Presidio's recognisers, asked only about places where something may stand.

Presidio's own engine runs every recogniser over the whole text. Here one linear pass finds candidates, and
the recogniser decides on the candidate alone. This module is the only one that imports Presidio.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from guardrails.check import Check, in_process
from guardrails.checks.names import ENTITIES as TAGGED
from guardrails.checks.names import tagger
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
"""Entities without a shape: found by the tagger that ships (but for NRP), or by a language model of spaCy."""

_LANGUAGE = "en"


def _ours(
    entities: Sequence[str],
    spacy_model: str | None,
    recognizers: Sequence[str],
    recognizers_file: str | None,
) -> bool:
    """Whether only the patterns and the tagger that ship are asked for: they end on every text, in linear time."""
    own = all(entity in STRUCTURED or entity in TAGGED for entity in entities)
    return own and not recognizers and spacy_model is None and recognizers_file is None


@in_process(when=_ours)
def pii(
    entities: Sequence[str] = DEFAULT,
    spacy_model: str | None = None,
    recognizers: Sequence[str] = (),
    recognizers_file: str | None = None,
) -> Check:
    """A check for personal data: a scanner when every entity has a shape, else a check of whole texts.

    Args:
        entities: what to look for, in Presidio's names.
        spacy_model: installed spaCy model, by name or path, to find people, places and organisations in place of the
            tagger that ships.
        recognizers: your own Presidio recognisers, each as `package.module:name` of a class or an instance.
        recognizers_file: path of a YAML file of pattern recognisers, as Presidio reads it.

    Raises CheckError naming an entity that nothing here can find or a recogniser that cannot be used, and what to do.
    """
    if not entities:
        raise CheckError("pii: `entities` is empty. Name at least one, such as EMAIL_ADDRESS.")
    _stay_offline()
    own = [_imported(name) for name in recognizers]
    if recognizers_file is not None:
        own.extend(_from_file(recognizers_file))
    owned = {entity for recogniser in own for entity in recogniser.supported_entities}
    tagged = [
        entity
        for entity in entities
        if entity in TAGGED and entity not in owned and (spacy_model is None or entity not in NAMED)
    ]
    named = [entity for entity in entities if entity in NAMED and entity not in tagged]
    needed = bool(set(named) - owned) or (spacy_model is not None and bool(own))
    engine = _language_model(spacy_model, named) if needed else None
    whole = [_own(recogniser, entities, engine) for recogniser in own]
    if engine is not None and named:
        whole.append(_names(named))
    shaped = [entity for entity in entities if entity in STRUCTURED]
    whole.extend(
        _recogniser(entity) for entity in entities if entity not in {*STRUCTURED, *NAMED, *TAGGED, *owned}
    )
    scanner = PatternSet(patterns(shaped, _decisions()), proven=True)
    names = tagger(tagged) if tagged else None
    return _WholeText(scanner, whole, engine, names) if whole or names else scanner


class _Recogniser(NamedTuple):
    """One of Presidio's recognisers, and how it is asked."""

    name: str
    find: Callable[[str, Any], list[Span]]
    """Given a text and its NLP artefacts (None without a language model), the spans."""


class _WholeText:
    """A scanner, and recognisers and a tagger that must see the whole text; runs off the event loop."""

    pure = True

    def __init__(
        self,
        scanner: PatternSet,
        recognisers: Sequence[_Recogniser],
        engine: Any,
        names: Check | None = None,
    ) -> None:
        self._scanner, self._recognisers, self._engine = scanner, tuple(recognisers), engine
        self._names = names

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """Spans found in each segment, in the order of the segments."""
        found = await asyncio.to_thread(lambda: [self._spans(segment.text) for segment in segments])
        if self._names is None:
            return found
        named = await self._names(segments)
        return [joined([*spans, *more]) for spans, more in zip(found, named, strict=True)]

    def cost(self, text: str) -> dict[str, float]:
        """Milliseconds that one look at a text takes, by recogniser; `patterns` is the scanner's share."""
        begin = perf_counter()
        self._scanner.scan(text)
        taken = {"patterns": (perf_counter() - begin) * 1000}
        begin = perf_counter()
        artefacts = self._artefacts(text)
        if self._engine is not None:
            taken["language model"] = (perf_counter() - begin) * 1000
        for recogniser in self._recognisers:
            begin = perf_counter()
            recogniser.find(text, artefacts)
            taken[recogniser.name] = taken.get(recogniser.name, 0.0) + (perf_counter() - begin) * 1000
        return taken

    def _artefacts(self, text: str) -> Any:
        """What the language model says about a text; None without one."""
        return None if self._engine is None else self._engine.process_text(text, _LANGUAGE)

    def _spans(self, text: str) -> list[Span]:
        """What the scanner and every recogniser see in one text, overlaps joined."""
        found = self._scanner.scan(text)
        artefacts = self._artefacts(text)
        for recogniser in self._recognisers:
            found.extend(recogniser.find(text, artefacts))
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


@cache
def _stay_offline() -> None:
    """Makes Presidio's recognisers ask the bundled suffix list: the default one is downloaded at first use.

    Reads the list now, as that takes longer than all else a first request would wait for.
    """
    import tldextract.tldextract as suffixes

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(cache_dir=None, suffix_list_urls=())
    suffixes.TLD_EXTRACTOR("example.com")


def _asked(recogniser: Any, entities: Sequence[str]) -> _Recogniser:
    """A recogniser of Presidio, asked for some of its entities over whole texts."""
    wanted = list(entities)

    def find(text: str, artefacts: Any) -> list[Span]:
        results = recogniser.analyze(text, wanted, artefacts) or ()
        return [
            Span(result.start, result.end, result.entity_type, result.score)
            for result in results
            if result.entity_type in wanted and result.start < result.end
        ]

    return _Recogniser(str(recogniser.name), find)


def _recogniser(entity: str) -> _Recogniser:
    """Presidio's own recogniser of an entity, run over whole texts. Raises CheckError when there is none."""
    known: dict[str, Any] = {}
    for kind in _recogniser_classes():
        recogniser = kind()
        for name in recogniser.supported_entities:
            known.setdefault(name, recogniser)
    if entity not in known:
        everything = ", ".join(sorted({*known, *STRUCTURED, *NAMED, *TAGGED}))
        raise CheckError(
            f"pii: nothing here finds the entity {entity!r}. Known entities: {everything}. "
            "Bring a recogniser of your own with the option `recognizers`."
        )
    return _asked(known[entity], [entity])


def _imported(name: str) -> Any:
    """The recogniser at `package.module:name`. Raises CheckError when there is none or it cannot be built."""
    from presidio_analyzer import EntityRecognizer

    where, _, attribute = name.partition(":")
    if not where or not attribute:
        raise CheckError(f"pii: {name!r} names no recogniser. Write `package.module:ClassOrInstance`.")
    try:
        found = getattr(import_module(where), attribute)
    except Exception as error:
        raise CheckError(
            f"pii: the recogniser {name!r} cannot be imported ({type(error).__name__}). Install its package in "
            "this environment and check the spelling."
        ) from None
    if isinstance(found, type) and issubclass(found, EntityRecognizer):
        try:
            found = found()
        except Exception as error:
            raise CheckError(
                f"pii: the recogniser {name!r} cannot be built without arguments ({type(error).__name__}). Name an "
                "instance instead: `NAME = YourRecognizer(...)` in its module."
            ) from None
    if not isinstance(found, EntityRecognizer):
        raise CheckError(
            f"pii: {name!r} is no presidio_analyzer.EntityRecognizer, neither a class nor an instance."
        )
    return found


def _from_file(path: str) -> list[Any]:
    """The pattern recognisers of a YAML file, read by Presidio. Raises CheckError when it cannot read it."""
    from presidio_analyzer import RecognizerRegistry

    registry = RecognizerRegistry(recognizers=[])
    try:
        with redirect_stdout(StringIO()):  # Presidio prints why a file cannot be read
            registry.add_recognizers_from_yaml(path)
    except Exception as error:
        raise CheckError(
            f"pii: {path!r} is no file of Presidio recognisers ({type(error).__name__}). It is YAML with a list "
            "`recognizers`, each with `name`, `supported_entity` and `patterns` (or `deny_list`)."
        ) from None
    return list(registry.recognizers)


def _own(recogniser: Any, entities: Sequence[str], engine: Any) -> _Recogniser:
    """A user's recogniser, tried once. Raises CheckError when it is asked for nothing or fails."""
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    wanted = [entity for entity in entities if entity in recogniser.supported_entities]
    if not wanted:
        raise CheckError(
            f"pii: the recogniser {recogniser.name} finds {', '.join(recogniser.supported_entities)}, and none of "
            "them is in `entities`. Add one, or leave the recogniser out."
        )
    asked = _asked(recogniser, wanted)
    needed = isinstance(recogniser, SpacyRecognizer) and engine is None
    try:
        asked.find("Ada", None if engine is None else engine.process_text("Ada", _LANGUAGE))
    except Exception as error:
        if engine is None:
            needed = True
        else:
            raise CheckError(
                f"pii: the recogniser {recogniser.name} fails ({type(error).__name__})."
            ) from None
    if needed:
        raise CheckError(
            f"pii: the recogniser {recogniser.name} fails on a text without NLP artefacts. If it needs them, name an "
            "installed spaCy model in the option `spacy_model`."
        )
    return asked


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


def _language_model(name: str | None, entities: Sequence[str]) -> Any:
    """Presidio's engine over an installed spaCy model. Raises CheckError when the model cannot do it."""
    asked = ", ".join(entities) or "it"
    if name is None:
        raise CheckError(
            f"pii: {asked} needs a language model and none is configured. Install a spaCy model "
            "with named entities (such as en_core_web_sm) and name it in the option `spacy_model`, "
            "or leave the entity out."
        )
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

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
    return engine


def _names(entities: Sequence[str]) -> _Recogniser:
    """Presidio's recogniser of what the language model names."""
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    return _asked(SpacyRecognizer(supported_entities=list(entities)), entities)


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
