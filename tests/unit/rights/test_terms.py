import json

import pytest

from rempart.kernel.errors import InconsistentRecord
from rempart.rights.coverage import Forfait, Rate, Terms, TicketModerateur
from rempart.rights.terms import (
    format_domain_terms,
    format_domains,
    format_terms,
    parse_domain_terms,
    parse_domains,
    parse_terms,
)

TERMS = Terms(
    convention_type="VI",
    csr="",
    responsible=True,
    domains={
        "OPTI": Forfait(amount_cents=20_000, circuit="IT", conditions=("one_per_two_years",)),
        "PHAR": Rate(rate_bp=10_000, circuit="IS"),
        "MEDG": TicketModerateur(),
    },
)


def test_a_guarantee_is_read_back_as_written():
    assert parse_terms(json.loads(json.dumps(format_terms(TERMS)))) == TERMS


def test_a_stored_row_is_read_whatever_else_it_holds():
    assert parse_terms({"terms_id": 7, **format_terms(TERMS)}) == TERMS


def test_domains_are_written_in_the_order_of_the_card():
    assert list(format_domains(TERMS.domains)) == ["PHAR", "MEDG", "OPTI"]


@pytest.mark.parametrize(
    ("terms", "record"),
    [
        (
            Rate(rate_bp=10_000, circuit="IS"),
            {"kind": "rate", "rate_bp": 10_000, "circuit": "IS", "conditions": []},
        ),
        (
            Forfait(amount_cents=20_000),
            {"kind": "forfait", "amount_cents": 20_000, "circuit": None, "conditions": []},
        ),
        (
            TicketModerateur(),
            {"kind": "ticket_moderateur", "circuit": None, "conditions": []},
        ),
    ],
)
def test_each_kind_has_its_figure_and_no_other(terms, record):
    assert format_domain_terms(terms) == record
    assert parse_domain_terms(record) == terms


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({}, id="no kind"),
        pytest.param({"kind": "unlimited"}, id="an unknown kind"),
        pytest.param({"kind": "rate"}, id="a rate without figure"),
        pytest.param({"kind": "rate", "rate_bp": 0}, id="a rate of nothing"),
        pytest.param({"kind": "rate", "rate_bp": 100_001}, id="a rate beyond any card"),
        pytest.param({"kind": "rate", "rate_bp": "100"}, id="a rate in letters"),
        pytest.param({"kind": "forfait", "amount_cents": -1}, id="a negative forfait"),
        pytest.param({"kind": "forfait", "amount_cents": 10_000_001}, id="a forfait beyond any"),
    ],
)
def test_terms_that_are_not_understood_are_never_promised(record):
    with pytest.raises(InconsistentRecord, match="Stored terms"):
        parse_domain_terms(record)


def test_an_unknown_domain_is_never_promised():
    with pytest.raises(InconsistentRecord, match="XXXX"):
        parse_domains({"XXXX": {"kind": "ticket_moderateur"}})
