"""Every identifier of a state: found as people write it, refused when its check or its context is missing."""

from __future__ import annotations

from functools import cache

import pytest

from guardrails.check import Scanner
from guardrails.checks.pii import STRUCTURED, pii
from tests.guardrails.test_patterns import assert_cuts_hold

FOUND = {
    "US_SSN": ["ssn >219-09-9999<", "SSN#>219099999<", "social security no. >219 09 9999<", '"socialSecurityNumber":">219099999<"'],
    "US_ITIN": [">912-70-1234<", "itin >912701234<", "tax id: >978-88-1234<"],
    "US_NPI": ["NPI >1234567893<", "npi: >1245319599<", "provider id >1003000126<"],
    "US_MBI": [">1EG4-TE5-MK73<", "medicare >1EG4TE5MK73<", "MBI >1EG4-TE5-MK72<"],
    "UK_NHS": ["NHS >943 476 5919<", "nhs number >9434765919<", "NHS no >401-023-2137<"],
    "UK_NINO": [">AB123456C<", "NINO >AB 12 34 56 C<", "national insurance >ab123456c<"],
    "IE_PPS": ["PPS >1234567T<", "pps number >1234567FA<", "PPSN >6433435F<"],
    "CA_SIN": ["SIN >130 692 544<", "social insurance number >130692544<", "NAS: >453-201-725<"],
    "AU_TFN": ["TFN >123 456 782<", "tax file number >876543210<", "tfn: >112 474 082<"],
    "AU_ABN": ["ABN >51 824 753 556<", "abn >53004085616<", "Business Number: >83 914 571 673<"],
    "AU_ACN": ["ACN >004 085 616<", "acn >005749986<", "company number >000 000 019<"],
    "AU_MEDICARE": ["Medicare >2123 45670 1<", "medicare card >2123456701<", "Medicare no >3501 55113 1<"],
    "ZA_ID_NUMBER": ["ID number >8001015009087<", "South African ID >7503305044089<", "sa id >800101 5009 087<"],
    "IN_AADHAAR": ["Aadhaar >3123 4567 8909<", "aadhaar: >399876543211<", "UID >3123-4567-8909<"],
    "IN_PAN": [">ABCPE1234F<", "PAN >AAPFU0939F<", "pan >abcpe1234f<"],
    "SG_NRIC_FIN": [">S1234567D<", "NRIC >S0000001I<", ">T0000001E<"],
    "DE_TAX_ID": ["Steuer-ID >86095742719<", "IdNr. >65 929 970 489<", "steueridentifikationsnummer: >47036892816<"],
    "FR_NIR": [">1 84 12 76 451 089 46<", "NIR >255081416802538<", "sécurité sociale >295109912611193<"],
    "IT_FISCAL_CODE": [">RCCMNL83S18D969H<", "codice fiscale >MRTMTT91D08F205J<", "cf >mrtmtt91d08f205j<"],
    "ES_NIF": [">54362315K<", "NIF >55555555-K<", "dni >12345678z<"],
    "ES_NIE": [">X2482300W<", "NIE >X-2482300-W<", ">Y1234567X<"],
    "PL_PESEL": ["PESEL >44051401359<", "pesel: >02070803628<", "Pesel nr >90090515836<"],
    "NL_BSN": ["BSN >111222333<", "burgerservicenummer >123456782<", "bsn >1112.22.333<"],
    "SE_PERSONNUMMER": [">811228-9874<", ">19811228-9874<", "personnummer >8112289874<"],
    "NO_FODSELSNUMMER": ["fødselsnummer >15108695088<", "personnummer >151086 95088<", "D-nummer: >15108695088<"],
    "DK_CPR": ["CPR >211062-5629<", "cpr >2110625629<", "personnummer >010190-1234<"],
    "FI_PERSONAL_IDENTITY_CODE": [">131052-308T<", "henkilötunnus >131052A308T<", "(>131052-308T<)"],
    "BE_NRN": [">85.07.30-033.28<", "rijksregisternummer >85073003328<", "numéro national: >85.07.30-033.28<"],
    "CH_AHV": [">756.9217.0769.85<", "AHV >7569217076985<", "avs >7569217076985<"],
    "PT_NIF": ["NIF >501964843<", "contribuinte >501 964 843<", "nif: >501-964-843<"],
    "RO_CNP": ["CNP >1630615123457<", "cnp: >1800101221144<", "cod numeric personal >1630615123457<"],
    "CZ_BIRTH_NUMBER": ["rodné číslo >710319/2745<", "rodne cislo >7103192745<", "birth number >710319/2745<"],
    "HR_OIB": ["OIB >33392005961<", "oib: >69435151530<", "osobni identifikacijski broj >33392005961<"],
    "BR_CPF": [">390.533.447-05<", "CPF >39053344705<", ">529.982.247-25<"],
    "BR_CNPJ": [">16.727.230/0001-97<", "CNPJ >16727230000197<", ">12.ABC.345/01DE-35<"],
    "AR_CUIT": [">20-05536168-2<", "CUIT >20055361682<", "cuil: >20-05536168-2<"],
    "CL_RUT": [">76.086.428-5<", "RUT >76086428-5<", ">12.531.909-2<"],
    "MX_CURP": [">BOXW310820HNERXN09<", "CURP >HEGG560427MVZRRL04<", "curp >boxw310820hnerxn09<"],
    "KR_RRN": ["주민등록번호 >900101-1234567<", "RRN >900101-1234567<", "resident registration >9001011234567<"],
    "JP_MY_NUMBER": ["My Number >123456789018<", "マイナンバー >1234-5678-9018<", "個人番号：>1234 5678 9018<"],
    "CN_RESIDENT_ID": [">11010519491231002X<", ">440524188001010014<", "身份证 >11010519491231002x<"],
    "HK_ID": [">A123456(3)<", ">AB987654(3)<", "HKID >A123456(3)<."],
    "TW_ID": [">A123456789<", ">F131104093<", "id >A123456789<."],
    "TH_TNIN": [">1-2345-45678-78-1<", "Thai ID >1234545678781<", "citizen id >1234545678781<"],
    "TR_NATIONAL_ID": ["TCKN >10000000146<", "T.C. Kimlik No: >17291716060<", "kimlik numarası >10000000146<"],
    "IL_ID": ["Teudat Zehut >123456782<", "תעודת זהות >039337423<", "Israeli ID >123456782<"],
    "RU_SNILS": [">112-233-445 95<", "СНИЛС >11223344595<", "snils >112-233-445-95<"],
    "RU_INN": ["ИНН >500100732259<", "INN >526317984689<", "инн: >500100732259<"],
    "NG_NIN": ["NIN >{nin}<", "national identification >{nin}<", "national identity number >{nin}<"],
    "EU_VAT_NUMBER": [">DE136695976<", ">FR40303265045<", "VAT >NL004495445B01<"],
}  # fmt: skip
"""Texts with the identifier between angle brackets: numbers published as examples by those who give them out."""

REFUSED = {
    "US_SSN": ["000-12-3456", "666-12-3456", "912-12-3456", "219-00-9999", "219-09-0000", "219099999", "219-09 9999",
               "1219-09-9999", "a-219-09-9999", "ssn" + " " * 64 + "219099999"],
    "US_ITIN": ["912-40-1234", "912701234", "9127012345"],
    "US_NPI": ["1234567893", "NPI 1234567894", "NPI 12345678933"],
    "US_MBI": ["1EG4TE5MK73", "MBI 1SG4-TE5-MK73", "MBI 1EG4-TE5-MK734"],
    "UK_NHS": ["9434765919", "NHS 9434765918", "NHS 94347659199"],
    "UK_NINO": ["GB123456C", "AB123456E", "ab123456c", "XAB123456C"],
    "IE_PPS": ["1234567T", "PPS 1234567A", "PPS 12345678T"],
    "CA_SIN": ["130692544", "SIN 130 692 545", "SIN 046 454 286", "using 130692544"],
    "AU_TFN": ["123456782", "TFN 123 456 783", "TFN 1234567820"],
    "AU_ABN": ["51824753556", "ABN 51 824 753 557", "ABN 518247535561"],
    "AU_ACN": ["004085616", "ACN 004 085 617", "ACN 0040856160"],
    "AU_MEDICARE": ["2123456701", "Medicare 2123 45671 1", "Medicare 1123 45670 1"],
    "ZA_ID_NUMBER": ["8001015009087", "ID number 8001015009088", "ID number 8013015009087"],
    "IN_AADHAAR": ["3123 4567 8909", "Aadhaar 3123 4567 8908", "Aadhaar 1123 4567 8909"],
    "IN_PAN": ["ABCDE1234F", "ABCPE12345", "XABCPE1234F", "abcpe1234f"],
    "SG_NRIC_FIN": ["S1234567A", "A1234567D", "S12345678D"],
    "DE_TAX_ID": ["86095742719", "Steuer-ID 86095742718", "Steuer-ID 12345678903"],
    "FR_NIR": ["255081416802538", "1 84 12 76 451 089 47", "NIR 1 84 13 76 451 089 46"],
    "IT_FISCAL_CODE": ["RCCMNL83S18D969A", "RCCMNL83S18D969", "XRCCMNL83S18D969H"],
    "ES_NIF": ["54362315A", "12345678z", "543623155K"],
    "ES_NIE": ["X2482300A", "W2482300W", "X24823000W"],
    "PL_PESEL": ["44051401359", "PESEL 44051401358", "PESEL 44131401359"],
    "NL_BSN": ["111222333", "BSN 111222334", "BSN 1112223330"],
    "SE_PERSONNUMMER": ["811228-9873", "8112289874", "811328-9874", "811228-98745"],
    "NO_FODSELSNUMMER": ["15108695088", "personnummer 15108695089", "personnummer 15138695088"],
    "DK_CPR": ["211062-5629", "CPR 211362-5629", "CPR 211062-56290"],
    "FI_PERSONAL_IDENTITY_CODE": ["131052-308U", "311152-308T", "131052-3080T"],
    "BE_NRN": ["85.07.30-033.29", "85073003328", "85.07.30-033.281"],
    "CH_AHV": ["756.9217.0769.84", "7569217076985", "757.9217.0769.85"],
    "PT_NIF": ["501964843", "NIF 501964844", "NIF 401964843"],
    "RO_CNP": ["1630615123457", "CNP 1630615123458", "CNP 1631315123457"],
    "CZ_BIRTH_NUMBER": ["710319/2745", "rodné číslo 710319/2746", "rodné číslo 711519/2745"],
    "HR_OIB": ["33392005961", "OIB 33392005962", "OIB 333920059611"],
    "BR_CPF": ["390.533.447-06", "39053344705", "111.111.111-11"],
    "BR_CNPJ": ["16.727.230/0001-98", "16727230000197", "16.727.230/0001-977"],
    "AR_CUIT": ["20-05536168-3", "20055361682", "21-05536168-2"],
    "CL_RUT": ["76.086.428-6", "76086428-5", "76.086.4281-5"],
    "MX_CURP": ["BOXW310820HNERXN08", "BOXW311320HNERXN09", "BOXW310820HNERXN099"],
    "KR_RRN": ["900101-1234567", "RRN 901301-1234567", "RRN 900101-9234567"],
    "JP_MY_NUMBER": ["123456789018", "My Number 123456789019", "My Number 1234567890188"],
    "CN_RESIDENT_ID": ["110105194912310021", "11010519491331002X", "211010519491231002X"],
    "HK_ID": ["A123456(4)", "A123456", "ABC123456(3)"],
    "TW_ID": ["A123456788", "A323456789", "A1234567890"],
    "TH_TNIN": ["1-2345-45678-78-2", "1234545678781", "9-2345-45678-78-1"],
    "TR_NATIONAL_ID": ["10000000146", "TCKN 10000000147", "TCKN 100000001460"],
    "IL_ID": ["123456782", "Israeli ID 123456783", "Israeli ID 1234567820"],
    "RU_SNILS": ["112-233-445 96", "11223344595", "112-233-4455 95"],
    "RU_INN": ["500100732259", "INN 500100732258", "INN 5001007322590"],
    "NG_NIN": ["{nin}", "NIN {nin}1", "NIN 12345678900"],
    "EU_VAT_NUMBER": ["DE136695977", "FR41303265045", "XDE136695976", "NL004495446B01"],
}  # fmt: skip


def nigerian() -> str:
    """Eleven digits with a Verhoeff check digit, which the group of the pentagon's turns and flips defines."""

    def product(a: int, b: int) -> int:
        turned = (a + b) % 5 if a < 5 else (a - b) % 5
        return turned if (a < 5) == (b < 5) else turned + 5

    moved = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    state = 0
    for place, digit in enumerate(reversed("1234567890"), 1):
        value = int(digit)
        for _ in range(place % 8):
            value = moved[value]
        state = product(state, value)
    return "1234567890" + next(
        str(last) for last in range(10) if product(state, last) == 0 or product(last, state) == 0
    )


@cache
def scanner(entity: str) -> Scanner:
    """The check for one entity."""
    built = pii([entity])
    assert isinstance(built, Scanner)
    return built


@pytest.mark.parametrize(
    ("entity", "text"), [(entity, text) for entity, texts in FOUND.items() for text in texts]
)
def test_identifiers_are_found_whole(entity: str, text: str) -> None:
    """The span is exactly the identifier."""
    text = text.replace("{nin}", nigerian())
    before, rest = text.split(">")
    value, after = rest.split("<")
    whole = before + value + after

    spans = [whole[span.start : span.end] for span in scanner(entity).scan(whole)]

    assert spans == [value]


@pytest.mark.parametrize(
    "row", ["{}", "Ada,{},x", "42,{},1", "{},,", "Ada;{};x", "Ada\t{}\tx", "Ada|{}|x", '"Ada","{}",""']
)
@pytest.mark.parametrize(
    ("entity", "value"),
    [(entity, text[1:-1]) for entity, texts in FOUND.items() for text in texts if text[0] + text[-1] == "><"],
)
def test_identifiers_are_found_in_rows_of_a_table(entity: str, value: str, row: str) -> None:
    """Whatever the cells are cut by, and whatever stands in the one before."""
    whole = "\n" + row.format(value) + "\n"

    assert [whole[span.start : span.end] for span in scanner(entity).scan(whole)] == [value]


@pytest.mark.parametrize(
    ("entity", "text"), [(entity, text) for entity, texts in REFUSED.items() for text in texts]
)
def test_near_misses_are_left_alone(entity: str, text: str) -> None:
    """A wrong check digit, a day that is none, a wrong length, letters beside it, no word before bare digits."""
    assert scanner(entity).scan(text.replace("{nin}", nigerian())) == []


def test_a_stream_finds_what_the_whole_text_holds() -> None:
    """Whatever of a text has come, what stands before the hold is final: with every kind of identifier at once."""
    every = pii(STRUCTURED)
    assert isinstance(every, Scanner)
    for texts in FOUND.values():
        text = texts[-1].replace("{nin}", nigerian()).replace(">", "").replace("<", "")
        assert_cuts_hold(every, f"a {text}, b")
