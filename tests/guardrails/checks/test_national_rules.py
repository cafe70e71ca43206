"""The rules that Presidio has no recogniser for, against every wrong check digit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guardrails.checks import national_rules as rules


@pytest.mark.parametrize(
    ("valid", "number"),
    [
        (rules.de_tax_id, "86095742719"),
        (rules.fr_nir, "255081416802538"),
        (rules.br_cpf, "39053344705"),
        (rules.br_cnpj, "16727230000197"),
        (rules.nl_bsn, "111222333"),
        (rules.se_personnummer, "8112289874"),
        (rules.no_fodselsnummer, "15108695088"),
        (rules.ch_ahv, "7569217076985"),
        (rules.pt_nif, "501964843"),
        (rules.ro_cnp, "1630615123457"),
        (rules.hr_oib, "33392005961"),
        (rules.ca_sin, "130692544"),
        (rules.jp_my_number, "123456789018"),
        (rules.cn_resident_id, "440524188001010014"),
        (rules.tw_id, "A123456789"),
        (rules.mx_curp, "BOXW310820HNERXN09"),
        (rules.za_id, "8001015009087"),
        (rules.tr_national_id, "10000000146"),
        (rules.il_id, "039337423"),
        (rules.ar_cuit, "20055361682"),
        (rules.cl_rut, "12531909-2"),
        (rules.ru_snils, "11223344595"),
        (rules.ru_inn, "500100732259"),
        (rules.pl_pesel, "44051401359"),
    ],
)
def test_the_last_digit_checks_the_others(valid: Callable[[str], bool], number: str) -> None:
    """Of ten last digits exactly one is right."""
    assert [digit for digit in "0123456789" if valid(number[:-1] + digit)] == [number[-1]]


@pytest.mark.parametrize(
    ("valid", "number"),
    [
        (rules.fr_nir, "1 84 12 2A 451 089 47"),
        (rules.be_nrn, "17073003385"),
        (rules.no_fodselsnummer, "55108600000"),
        (rules.dk_cpr, "3113903456"),
        (rules.kr_rrn_dated, "9013011234567"),
        (rules.hk_id, "A123456(4)"),
        (rules.ie_pps, "1234567A"),
        (rules.sg_nric, "M1234567A"),
        (rules.us_ssn, "219-09 9999"),
        (rules.cz_birth_number, "7113192745"),
    ],
)
def test_others_have_more_than_a_digit(valid: Callable[[str], bool], number: str) -> None:
    """Letters, days and ranges."""
    assert not valid(number)


def test_years_are_read_as_the_numbers_write_them() -> None:
    """A leap day counts where its year has one."""
    assert rules.is_date(2000, 2, 29)
    assert not rules.is_date(1900, 2, 29)
    assert rules.digits_of("1-2 3") == "123"
