import pytest

from rempart.kernel.findings import BadValue
from rempart.tariffs.domains import DOMAINS, SOURCE, Domain


def test_codes_and_numbers_lead_to_the_same_domains():
    for code, domain in DOMAINS.items():
        assert Domain.parse(code) is domain
        assert Domain.from_number(domain.number) is domain


def test_the_numbers_the_ledger_commits_to_never_change():
    assert {domain.number: code for code, domain in DOMAINS.items()} == {
        1: "PHAR",
        2: "MEDG",
        3: "MEDS",
        4: "SVIL",
        5: "LABO",
        6: "RADL",
        7: "AUXM",
        8: "SAGE",
        9: "DENT",
        10: "OPTI",
        11: "AUDI",
        12: "HOSP",
        13: "CSTE",
        14: "EXTE",
        15: "TRAN",
    }


@pytest.mark.parametrize("code", ["", "phar", "XXXX", "PHAR "])
def test_an_unknown_code_is_refused(code):
    with pytest.raises(BadValue, match="domaine"):
        Domain.parse(code)


@pytest.mark.parametrize("number", [0, 16, -1])
def test_an_unknown_number_is_refused(number):
    with pytest.raises(BadValue, match="domaine"):
        Domain.from_number(number)


def test_labels_are_french_first():
    assert Domain.parse("OPTI").label() == "Optique"
    assert Domain.parse("OPTI").label("en") == "Optics"


def test_the_list_says_where_it_comes_from():
    assert SOURCE
