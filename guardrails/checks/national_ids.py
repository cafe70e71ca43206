"""Identifiers that states give to people and firms: their shapes, and the words that stand before bare digits.

A shape that hardly anything else has (letters in fixed places, dots and slashes, or a strong check) is found as it
is. Bare digits need one of the words within `REACH` to their left, however good their check digit: one random
number in ten has a right one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from guardrails.checks import national_rules as rules
from guardrails.checks.context import REACH, Beside, alone, ends, near, starts
from guardrails.checks.vat import VAT, is_vat
from guardrails.patterns import Pattern

_CLEAR = 0.9
_TOLD = 0.85


class _Shape(NamedTuple):
    """One way to write an identifier."""

    entity: str
    regex: str
    valid: Beside
    words: str = ""
    """Words, with | between them, of which one must stand to the left; none for a shape that is clear as it is."""
    starts: Beside = starts
    """Whether it may begin after a text, where no words are asked for."""


def national_ids(wanted: Container[str], decide: Mapping[str, Beside]) -> list[Pattern]:
    """The candidate patterns of the wanted entities; `decide` holds Presidio's decision, by entity."""
    shapes = [shape for table in (_anglophone, _european, _worldwide) for shape in table(decide)]
    return [_pattern(shape) for shape in shapes if shape.entity in wanted]


def _pattern(shape: _Shape) -> Pattern:
    """The pattern of one way to write an identifier."""
    return Pattern(
        shape.entity,
        shape.regex,
        _TOLD if shape.words else _CLEAR,
        before=near(shape.words) if shape.words else shape.starts,
        reach=REACH if shape.words else 8,
        after=ends,
        validate=shape.valid,
    )


_NINE = r"\b\d{3}[ -]?\d{3}[ -]?\d{3}\b"
_TEN = r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b"
_ELEVEN = r"\b\d{11}\b"
_TWELVE = r"\b\d{4}[ -]?\d{4}[ -]?\d{4}\b"
_THIRTEEN = r"\b\d{13}\b"
_SIX_FOUR = r"\b\d{6}-\d{4}\b"


def _anglophone(decide: Mapping[str, Beside]) -> list[_Shape]:
    """United States, United Kingdom, Ireland, Canada, Australia, South Africa, Nigeria, India, Singapore."""
    letter, sign = "[AC-HJKMNP-RT-Y]", "[AC-HJKMNP-RT-Y0-9]"
    mbi = rf"\b[1-9]{letter}{sign}\d-{letter}{sign}\d-{letter}{{2}}\d{{2}}\b"
    itin, nhs = decide["US_ITIN"], decide["UK_NHS"]
    itin_words = "itin|taxpayer|tax id|tin"
    ssn_words = "ssn|ssns|social security|soc sec|ss#|ss no"
    return [
        _Shape("US_SSN", r"\b\d{3}[- .]\d{2}[- .]\d{4}\b", rules.us_ssn, starts=alone),
        _Shape("US_SSN", r"\b\d{9}\b", rules.us_ssn, ssn_words),
        _Shape("US_ITIN", r"\b9\d{2}[- ]\d{2}[- ]\d{4}\b", itin),
        _Shape("US_ITIN", r"\b9\d{8}\b", itin, itin_words),
        _Shape("US_NPI", r"\b[12]\d{9}\b", decide["US_NPI"], "npi|national provider|provider id"),
        _Shape("US_MBI", mbi, bool),
        _Shape("US_MBI", mbi.replace("-[AC", "[AC"), bool, "medicare|mbi|beneficiary"),
        _Shape("UK_NHS", _TEN, nhs, "nhs|national health"),
        _Shape(
            "UK_NINO",
            r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
            decide["UK_NINO"],
        ),
        _Shape(
            "UK_NINO",
            r"(?i:\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b)",
            decide["UK_NINO"],
            "nino|national insurance|ni number|ni no",
        ),
        _Shape("IE_PPS", r"\b\d{7}[A-W][A-IW]?\b", rules.ie_pps, "pps|ppsn|personal public service"),
        _Shape("CA_SIN", _NINE, rules.ca_sin, "sin|social insurance|nas|assurance sociale"),
        _Shape("AU_TFN", _NINE, decide["AU_TFN"], "tfn|tax file"),
        _Shape("AU_ACN", _NINE, decide["AU_ACN"], "acn|company number"),
        _Shape(
            "AU_ABN",
            r"\b\d{2}[ -]?\d{3}[ -]?\d{3}[ -]?\d{3}\b",
            decide["AU_ABN"],
            "abn|australian business|business number",
        ),
        _Shape("AU_MEDICARE", r"\b[2-6]\d{3}[ -]?\d{5}[ -]?\d\b", decide["AU_MEDICARE"], "medicare"),
        _Shape(
            "ZA_ID_NUMBER",
            r"\b\d{6} ?\d{4} ?\d{3}\b",
            rules.za_id,
            "id number|id no|identity number|rsa id|sa id|identity document|south african",
        ),
        _Shape("NG_NIN", _ELEVEN, decide["NG_NIN"], "nin|national identification|national identity"),
        _Shape(
            "IN_AADHAAR",
            _TWELVE,
            decide["IN_AADHAAR"],
            "aadhaar|aadhar|adhaar|uidai|uid|आधार",
        ),
        _Shape("IN_PAN", r"\b[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]\b", bool),
        _Shape(
            "IN_PAN",
            r"\b[a-z]{3}[abcfghljpt][a-z]\d{4}[a-z]\b",
            bool,
            "pan|permanent account|income tax",
        ),
        _Shape("SG_NRIC_FIN", r"\b[STFGM]\d{7}[A-Z]\b", rules.sg_nric),
        _Shape("SG_NRIC_FIN", r"\b[stfgm]\d{7}[a-z]\b", rules.sg_nric, "nric|fin|singapore id"),
    ]


def _european(decide: Mapping[str, Beside]) -> list[_Shape]:
    """The European Union, Norway, Switzerland."""
    codice = r"(?i:\b[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]\b)"
    nir = r"\b[123478]{0}\d{{2}}{0}(?:0[1-9]|1[0-2]|[2-9]\d){0}(?:\d{{2}}|2[ABab]){0}\d{{3}}{0}\d{{3}}{0}\d{{2}}\b"
    tax_words = "steuer id|steuer idnr|steueridentifikationsnummer|idnr|steuernummer|tin"
    nif = r"\b\d{8}-?[A-Z]\b"
    return [
        _Shape(
            "DE_TAX_ID",
            r"\b[1-9]\d ?\d{3} ?\d{3} ?\d{3}\b",
            rules.de_tax_id,
            tax_words + "|tax id|tax number",
        ),
        _Shape("FR_NIR", nir.format(" "), rules.fr_nir),
        _Shape(
            "FR_NIR",
            nir.format("[ .]?"),
            rules.fr_nir,
            "nir|insee|securite sociale|sécurité sociale|social security|secu|sécu|vitale",
        ),
        _Shape("IT_FISCAL_CODE", codice, decide["IT_FISCAL_CODE"]),
        _Shape("ES_NIF", nif, decide["ES_NIF"]),
        _Shape("ES_NIF", nif.replace("A-Z", "a-z"), lambda value: decide["ES_NIF"](value.upper()), "nif|dni"),
        _Shape("ES_NIE", r"\b[XYZ]-?\d{7}-?[A-Z]\b", decide["ES_NIE"]),
        _Shape("PL_PESEL", _ELEVEN, rules.pl_pesel, "pesel"),
        _Shape(
            "NL_BSN",
            r"\b\d{4}[. ]?\d{2}[. ]?\d{3}\b",
            rules.nl_bsn,
            "bsn|burgerservicenummer|sofinummer|sofi nummer|citizen service",
        ),
        _Shape("SE_PERSONNUMMER", r"\b(?:19|20)?\d{6}[-+]\d{4}\b", rules.se_personnummer),
        _Shape(
            "SE_PERSONNUMMER",
            r"\b(?:19|20)?\d{10}\b",
            rules.se_personnummer,
            "personnummer|samordningsnummer|personal identity|pnr",
        ),
        _Shape(
            "NO_FODSELSNUMMER",
            r"\b\d{6} ?\d{5}\b",
            rules.no_fodselsnummer,
            "fødselsnummer|fodselsnummer|personnummer|d nummer|national identity",
        ),
        _Shape("DK_CPR", _SIX_FOUR, rules.dk_cpr, "cpr|personnummer"),
        _Shape("DK_CPR", r"\b\d{10}\b", rules.dk_cpr, "cpr"),
        _Shape(
            "FI_PERSONAL_IDENTITY_CODE",
            r"\b\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]\b",
            decide["FI_PERSONAL_IDENTITY_CODE"],
        ),
        _Shape("BE_NRN", r"\b\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}\b", rules.be_nrn),
        _Shape(
            "BE_NRN",
            _ELEVEN,
            rules.be_nrn,
            "rijksregister|registre national|numero national|insz|niss|national register",
        ),
        _Shape("CH_AHV", r"\b756\.\d{4}\.\d{4}\.\d{2}\b", rules.ch_ahv),
        _Shape("CH_AHV", r"\b756\d{10}\b", rules.ch_ahv, "ahv|avs|versichertennummer|social security"),
        _Shape(
            "PT_NIF",
            _NINE,
            rules.pt_nif,
            "nif|contribuinte|identificação fiscal|identificacao fiscal",
        ),
        _Shape("RO_CNP", r"\b[1-9]\d{12}\b", rules.ro_cnp, "cnp|cod numeric personal"),
        _Shape(
            "CZ_BIRTH_NUMBER",
            r"\b\d{6}/?\d{4}\b",
            rules.cz_birth_number,
            "rodné číslo|rodne cislo|birth number|rč",
        ),
        _Shape("HR_OIB", _ELEVEN, rules.hr_oib, "oib|osobni identifikacijski"),
        _Shape("EU_VAT_NUMBER", VAT, is_vat),
    ]


def _worldwide(decide: Mapping[str, Beside]) -> list[_Shape]:
    """South America, Mexico, Asia, Turkey, Israel, Russia."""
    rrn = decide["KR_RRN"]
    cnpj = r"\b[0-9A-Z]{{2}}{0}[0-9A-Z]{{3}}{0}[0-9A-Z]{{3}}{1}[0-9A-Z]{{4}}{2}\d{{2}}\b"
    return [
        _Shape("BR_CPF", r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b", rules.br_cpf),
        _Shape("BR_CPF", _ELEVEN, rules.br_cpf, "cpf|pessoas físicas|pessoas fisicas"),
        _Shape("BR_CNPJ", cnpj.format(r"\.", "/", "-"), rules.br_cnpj),
        _Shape("BR_CNPJ", cnpj.format("", "", ""), rules.br_cnpj, "cnpj"),
        _Shape("AR_CUIT", r"\b(?:2[0347]|3[034])-\d{8}-\d\b", rules.ar_cuit),
        _Shape("AR_CUIT", _ELEVEN, rules.ar_cuit, "cuit|cuil"),
        _Shape("CL_RUT", r"\b\d{1,2}\.\d{3}\.\d{3}-[\dkK]\b", rules.cl_rut),
        _Shape("CL_RUT", r"\b\d{7,8}-[\dkK]\b", rules.cl_rut, "rut|rol único|rol unico"),
        _Shape("MX_CURP", r"(?i:\b[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d\b)", rules.mx_curp),
        _Shape("KR_RRN", r"\b\d{6}-[1-8]\d{6}\b", lambda value: rules.kr_rrn_dated(value) and rrn(value)),
        _Shape(
            "KR_RRN",
            r"\b\d{6}-?[1-8]\d{6}\b",
            rules.kr_rrn_dated,
            "rrn|resident registration|주민등록번호|주민번호|외국인등록번호",
        ),
        _Shape(
            "JP_MY_NUMBER",
            _TWELVE,
            rules.jp_my_number,
            "my number|individual number|マイナンバー|個人番号|kojin bango",
        ),
        _Shape(
            "CN_RESIDENT_ID",
            r"\b[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]\b",
            rules.cn_resident_id,
        ),
        _Shape("HK_ID", r"\b[A-Z]{1,2}\d{6}\([0-9A]\)", rules.hk_id),
        _Shape("TW_ID", r"\b[A-Z][1289]\d{8}\b", rules.tw_id),
        _Shape(
            "TH_TNIN",
            r"\b[1-8]-\d{4}-\d{5}-\d{2}-\d\b",
            lambda value: decide["TH_TNIN"](rules.digits_of(value)),
        ),
        _Shape(
            "TH_TNIN",
            r"\b[1-8]\d{12}\b",
            decide["TH_TNIN"],
            "thai id|citizen id|tnin|บัตรประชาชน|national id",
        ),
        _Shape(
            "TR_NATIONAL_ID",
            r"\b[1-9]\d{10}\b",
            rules.tr_national_id,
            "tckn|tc kimlik|kimlik no|kimlik numarası|turkish id|tc no|turkish identity",
        ),
        _Shape("IL_ID", _NINE, rules.il_id, "teudat zehut|israeli id|תעודת זהות|ת.ז"),
        _Shape("RU_SNILS", r"\b\d{3}-\d{3}-\d{3}[ -]\d{2}\b", rules.ru_snils),
        _Shape("RU_SNILS", _ELEVEN, rules.ru_snils, "snils|снилс"),
        _Shape("RU_INN", r"\b\d{12}\b", rules.ru_inn, "inn|инн"),
    ]
