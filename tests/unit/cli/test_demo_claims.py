"""The demo's claims: who bills whom, the papers it writes, and runs as they end."""

import tomllib
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.settlement.practice import DAY, MASTER, Till

from rempart.claims.states import ClaimState
from rempart.cli import demo, demo_claims
from rempart.cli.demo_claims import prepare_payments
from rempart.cli.demo_desks import draw_billings
from rempart.exchange.benefit_file import read_benefit_tables
from rempart.exchange.sepa_files import read_payer
from rempart.kernel.errors import SetupError
from rempart.kernel.iban import SYNTHETIC_BANK
from rempart.synth import DEFAULT_TODAY, Parameters, write_data_set
from rempart.synth.data_set import read_members
from rempart.wiring.database import Installation
from rempart.wiring.settings import Settings

OPERATOR = 41


@pytest.fixture(scope="module")
def synth(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "synth"
    write_data_set(Parameters(members=400, insurers=2, professionals=40, seed=3), path, jobs=1)
    return path


@pytest.fixture
def member(synth):
    """The insurer and the card of somebody covered."""
    amc_number = (synth / "insurers.csv").read_text("utf-8").splitlines()[1].split(";")
    numbers = [one for one in amc_number if len(one) == 10 and one.isdecimal()]
    for row in read_members(synth, numbers[0]):
        if row["card_code"] and not row["period_end"]:
            return numbers[0], row["card_code"]
    pytest.fail("nobody is covered")


def test_every_desk_bills_and_the_shown_member_is_known_to_them(synth, member):
    amc_number, card = member
    crowd, billings = draw_billings(
        synth, amc_numbers=[amc_number], card=card, until=DEFAULT_TODAY, claims=120
    )
    [shown] = [who for who, code in crowd.cards.items() if code == card]
    sent = [one for billing in billings for batch in billing.batches for one in batch]
    assert 120 <= len(sent) < 120 + len(billings)
    assert all(any(one.identifiers == shown for one in b.patients) for b in billings)
    assert any(one.claim.identifiers == shown for one in sent)
    assert any(b.professional["profession"] == "optician" for b in billings)
    oldest = min(one.checked_on for one in sent)
    assert DEFAULT_TODAY - timedelta(days=40) <= oldest < DEFAULT_TODAY


def test_a_second_drawing_gives_the_same_claims(synth, member):
    amc_number, card = member

    def draw():
        _, billings = draw_billings(
            synth, amc_numbers=[amc_number], card=card, until=DEFAULT_TODAY, claims=30
        )
        return [one.claim for billing in billings for one in billing.batches[0]]

    assert draw() == draw()


def test_a_card_that_no_feed_has_is_refused_in_words(synth, member):
    with pytest.raises(SetupError, match="make clean"):
        draw_billings(synth, amc_numbers=[member[0]], card="NONE", until=DEFAULT_TODAY)


def test_the_demo_pays_from_an_account_nobody_holds(tmp_path):
    names = prepare_payments(tmp_path)
    assert names == prepare_payments(tmp_path)
    payer = read_payer(tomllib.loads(Path(names["REMPART_PAYER_FILE"]).read_text("utf-8")))
    assert payer.iban.number[4:9] == SYNTHETIC_BANK
    assert Path(names["REMPART_PAYMENTS_TO"]).is_dir()


def test_the_benefit_table_of_the_demo_can_be_read_to_its_end():
    read = read_benefit_tables(demo_claims.make_benefit_file())
    assert read.findings == ()
    assert len(read.tables) == 1
    assert {choice.table for choice in read.choices} == {read.tables[0].code}


def test_claims_are_billed_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(demo, "_run", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(demo, "_find_card", lambda _: ("1", "11", "CARD-1", "19500101"))
    monkeypatch.setattr(demo, "_find_psc", lambda: "http://psc.invalid")
    (tmp_path / "synth").mkdir()
    (tmp_path / "synth" / "insurers.csv").write_text("amc_number;insurer_id\n2;12\n")
    demo._bill_and_pay(tmp_path, "http://localhost:1")
    demo._bill_and_pay(tmp_path, "http://localhost:1")
    [command] = calls
    assert command[:6] == ("dev", "claims", "--insurer", "1", "--insurer", "2")


@pytest.fixture
def at(database, settings: Settings, tmp_path, monkeypatch):
    for name, value in prepare_payments(tmp_path).items():
        monkeypatch.setenv(name, value)
    home = SimpleNamespace(path=tmp_path, key=lambda _: MASTER)
    actor = SimpleNamespace(actor_ref=OPERATOR)
    monkeypatch.setattr(demo_claims.professional_accounts, "find_linked_actor", lambda *_: actor)
    return Installation(settings=Settings.from_environment(), home=home, database=database)


def test_one_run_is_paid_by_the_bank_and_the_next_one_waits_for_a_second_person(at, database):
    till = Till(database, at.home.path)
    till.add_insurer()
    place = till.add_establishment()
    till.plan()  # what the worker planned before anything was due
    till.bill(place, 1_200)
    demo_claims.settle(at, DAY)
    till.bill(place, 3_400)
    demo_claims.agree(at, demo_claims.plan(at, DAY))
    demo_claims.agree(at, demo_claims.plan(at, DAY))

    runs = till.fetch(
        "SELECT state, cents, second_by, first_at IS NOT NULL FROM claims.run ORDER BY run_id"
    )
    assert runs == [
        ("empty", 0, None, False),
        ("sent", 1_200, OPERATOR, True),
        ("planned", 3_400, None, True),
    ]
    states = till.fetch("SELECT state FROM claims.claim ORDER BY amc_cents")
    assert states == [(ClaimState.PAID,), (ClaimState.ADJUDICATED,)]
    movements = till.fetch("SELECT state, cents FROM claims.bank_line ORDER BY cents")
    assert movements == [("paid", -1_200), ("funds", 1_200)]
