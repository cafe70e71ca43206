"""Whether an identifier that a state gives to a person or firm can be one: check digits, dates, number ranges.

Each function takes the identifier as written, separators included. Only rules that Presidio has no recogniser
for, or has wrong, stand here.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

from guardrails.checks.checksums import luhn, mod_11_2, mod_11_10, weighted

_NO_DIGIT = re.compile(r"\D")
_SIGNS = str.maketrans("", "", " -./()+\u00a0")
_CURP_LETTERS = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def digits_of(text: str) -> str:
    """The digits of a text, in order."""
    return _NO_DIGIT.sub("", text)


def is_date(year: int, month: int, day: int) -> bool:
    """Whether a day is in the calendar."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _is_short_date(year: str, month: str, day: str) -> bool:
    """Whether a day is in the calendar of some century; the century is not written."""
    return 1 <= int(month) <= 12 and is_date(2000 + int(year), int(month), int(day))


def _mod_11_digit(digits: str, weights: range | tuple[int, ...]) -> int:
    """Check digit that brings the weighted sum to a multiple of 11; 10 where none does."""
    return -weighted(digits, weights) % 11


def us_ssn(text: str) -> bool:
    """Nine digits in the range that is given out: no 000, 666 or 9xx area, no group of zeros.

    Presidio also refuses numbers known from advertisements, 123-45-6789 among them. They are found here:
    people type them where a real one would stand.
    """
    digits = digits_of(text)
    given = not digits.startswith(("000", "666", "9")) and digits[3:5] != "00" and digits[5:] != "0000"
    return given and len({sign for sign in text if not sign.isdigit()}) <= 1 and len(set(digits)) > 1


def de_tax_id(text: str) -> bool:
    """Steuer-ID: eleven digits, MOD 11,10; of the first ten exactly one occurs twice or three times."""
    digits = digits_of(text)
    often = [count for count in Counter(digits[:10]).values() if count > 1]
    return digits[0] != "0" and len(often) == 1 and often[0] <= 3 and mod_11_10(digits)


def fr_nir(text: str) -> bool:
    """Numéro de sécurité sociale: the last two digits are 97 less the rest modulo 97; 2A and 2B are Corsica."""
    compact = text.translate(_SIGNS).upper()
    number = compact[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(compact[13:])


def br_cpf(text: str) -> bool:
    """Cadastro de Pessoas Físicas: two check digits modulo 11."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and all(
        weighted(digits[:size], range(size + 1, 1, -1)) * 10 % 11 % 10 == int(digits[size])
        for size in (9, 10)
    )


def br_cnpj(text: str) -> bool:
    """Cadastro Nacional da Pessoa Jurídica, also the one with letters: two check digits modulo 11."""
    compact = text.translate(_SIGNS).upper()
    values = [ord(sign) - 48 for sign in compact]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)

    def check(size: int) -> int:
        total = sum(value * weight for value, weight in zip(values, weights[13 - size :], strict=False))
        return 0 if total % 11 < 2 else 11 - total % 11

    return len(set(compact)) > 1 and check(12) == values[12] and check(13) == values[13]


def nl_bsn(text: str) -> bool:
    """Burgerservicenummer: weights 9 to 2, the last digit counts -1, modulo 11."""
    digits = digits_of(text)
    return int(digits) > 9_999_999 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def se_personnummer(text: str) -> bool:
    """Personnummer or samordningsnummer (day plus 60): a day, and Luhn over ten digits."""
    digits = digits_of(text)[-10:]
    day = int(digits[4:6])
    born = _is_short_date(digits[:2], digits[2:4], str(day - 60 if day > 60 else day))
    return born and luhn(digits)


def no_fodselsnummer(text: str) -> bool:
    """Fødselsnummer or D-nummer (day plus 40): a day, and two check digits modulo 11."""
    digits = digits_of(text)
    day = int(digits[:2])
    born = _is_short_date(digits[4:6], digits[2:4], str(day - 40 if day > 40 else day))
    first, second = (3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    return (
        born
        and _mod_11_digit(digits[:9], first) == int(digits[9])
        and _mod_11_digit(digits[:10], second) == int(digits[10])
    )


def dk_cpr(text: str) -> bool:
    """CPR-nummer: a day. Its check digit was given up in 2007."""
    digits = digits_of(text)
    return _is_short_date(digits[4:6], digits[2:4], digits[:2]) and digits[6:] != "0000"


def be_nrn(text: str) -> bool:
    """Rijksregisternummer: 97 less the rest modulo 97, with a 2 before it for births from 2000 on."""
    digits = digits_of(text)
    check = int(digits[9:])
    return int(digits[2:4]) <= 52 and check in (
        97 - int(digits[:9]) % 97,
        97 - int("2" + digits[:9]) % 97,
    )


def ch_ahv(text: str) -> bool:
    """AHV-Nummer: thirteen digits with the check digit of EAN-13."""
    digits = digits_of(text)
    return weighted(digits, (1, 3) * 7) % 10 == 0


def pt_nif(text: str) -> bool:
    """Número de identificação fiscal: weights 9 to 2, modulo 11."""
    digits = digits_of(text)
    check = _mod_11_digit(digits[:8], range(9, 1, -1))
    return digits[0] in "1235689" and (0 if check == 10 else check) == int(digits[8])


def ie_pps(text: str) -> bool:
    """Personal Public Service Number: a letter of 23 for the weighted sum of the rest."""
    compact = text.translate(_SIGNS).upper()
    extra = compact[8:9]
    total = weighted(compact[:7], range(8, 1, -1)) + (9 * (ord(extra) - 64) if extra not in ("", "W") else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == compact[7]


def ro_cnp(text: str) -> bool:
    """Cod numeric personal: a day, and a check digit modulo 11."""
    digits = digits_of(text)
    check = weighted(digits[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return _is_short_date(digits[1:3], digits[3:5], digits[5:7]) and check % 10 + check // 10 == int(
        digits[12]
    )


def cz_birth_number(text: str) -> bool:
    """Rodné číslo with ten digits: a day (month plus 50 for women, plus 20 in a full year), and 11 divides it."""
    digits = digits_of(text)
    month = int(digits[2:4]) % 50
    born = _is_short_date(digits[:2], str(month - 20 if month > 20 else month), digits[4:6])
    return born and (int(digits) % 11 == 0 or (int(digits[:9]) % 11 == 10 and digits[9] == "0"))


def hr_oib(text: str) -> bool:
    """Osobni identifikacijski broj: MOD 11,10."""
    return mod_11_10(digits_of(text)) and len(set(text)) > 1


def ca_sin(text: str) -> bool:
    """Social Insurance Number: Luhn; numbers that begin with 0 or 8 are not given out."""
    digits = digits_of(text)
    return digits[0] not in "08" and luhn(digits)


def sg_nric(text: str) -> bool:
    """NRIC and FIN: a letter of eleven for the weighted sum. Presidio has the pattern and no check."""
    kind, digits, letter = text[0].upper(), text[1:8], text[8].upper()
    total = weighted(digits, (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(kind, 0)
    if kind == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == letter
    return ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[total % 11] == letter


def kr_rrn_dated(text: str) -> bool:
    """Resident registration number without a check: a day and a century. Since October 2020 the rest is random."""
    digits = digits_of(text)
    return digits[6] in "12345678" and _is_short_date(digits[:2], digits[2:4], digits[4:6])


def jp_my_number(text: str) -> bool:
    """My Number: the twelfth digit checks the others modulo 11."""
    digits = digits_of(text)
    remainder = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return len(set(digits)) > 1 and (0 if remainder < 2 else 11 - remainder) == int(digits[11])


def cn_resident_id(text: str) -> bool:
    """Resident identity number: a day, and MOD 11-2."""
    born = is_date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    return born and mod_11_2(text[:17]) == text[17].upper()


def hk_id(text: str) -> bool:
    """Hong Kong identity card: weights 9 to 2 over letters and digits, modulo 11."""
    compact = text.translate(_SIGNS).upper()
    letters, digits, check = compact[:-7], compact[-7:-1], compact[-1]
    head = [36, *(ord(letter) - 55 for letter in letters)][-2:]
    total = head[0] * 9 + head[1] * 8 + weighted(digits, range(7, 1, -1))
    return (total + (10 if check == "A" else int(check))) % 11 == 0


def tw_id(text: str) -> bool:
    """Taiwan identity card: the letter counts as a two-digit number, modulo 10."""
    head = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0].upper()) + 10
    return (head // 10 + head % 10 * 9 + weighted(text[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def mx_curp(text: str) -> bool:
    """Clave Única de Registro de Población: a day, and a check digit over the other seventeen signs."""
    compact = text.upper()
    total = sum(_CURP_LETTERS.index(sign) * (18 - place) for place, sign in enumerate(compact[:17]))
    return _is_short_date(compact[4:6], compact[6:8], compact[8:10]) and -total % 10 == int(compact[17])


def za_id(text: str) -> bool:
    """South African identity number: a day, 0 or 1 for citizenship, Luhn."""
    digits = digits_of(text)
    return _is_short_date(digits[:2], digits[2:4], digits[4:6]) and digits[10] in "012" and luhn(digits)


def tr_national_id(text: str) -> bool:
    """T.C. kimlik numarası: the tenth digit checks the first nine, the eleventh the first ten."""
    digits = [int(digit) for digit in text]
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[0] != 0 and tenth == digits[9] and sum(digits[:10]) % 10 == digits[10]


def il_id(text: str) -> bool:
    """Israeli identity number: Luhn."""
    return luhn(digits_of(text))


def ar_cuit(text: str) -> bool:
    """CUIT or CUIL: a check digit modulo 11."""
    digits = digits_of(text)
    return _mod_11_digit(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) == int(digits[10])


def cl_rut(text: str) -> bool:
    """RUT: a check sign (0 to 9 or K) modulo 11."""
    compact = text.translate(_SIGNS).upper()
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(compact[:-1])))
    return "0123456789K"[-total % 11] == compact[-1]


def ru_snils(text: str) -> bool:
    """SNILS: the weighted sum of nine digits modulo 101."""
    digits = digits_of(text)
    return weighted(digits[:9], range(9, 0, -1)) % 101 % 100 == int(digits[9:])


def ru_inn(text: str) -> bool:
    """INN of a person: twelve digits, the last two check modulo 11."""
    digits = digits_of(text)
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    first = weighted(digits[:10], weights[1:]) % 11 % 10
    return first == int(digits[10]) and weighted(digits[:11], weights) % 11 % 10 == int(digits[11])


def pl_pesel(text: str) -> bool:
    """A day (months plus 20 for each century) and a check digit, which Presidio's validator computes wrong."""
    month = int(text[2:4]) % 20
    born = _is_short_date(text[:2], str(month), text[4:6])
    return born and weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
