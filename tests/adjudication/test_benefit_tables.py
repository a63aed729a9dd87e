"""What contracts pay is proposed by one person, approved by another, and tried before."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner
from tests.adjudication.practice import TERMS, Mill
from tests.benefit_samples import BASIC, C2S, COMFORT, FREE

from rempart.claims.book import ApprovedFile, TableBook, TableChoice
from rempart.cli.main import cli
from rempart.exchange.benefit_file import read_benefit_tables
from rempart.exchange.regression_file import read_regression_pack
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed
from rempart.kernel.periods import Period
from rempart.workflows.claims.benefit_tables import (
    Proposal,
    approve_benefits,
    install_benefits,
    judge_tables,
    list_benefit_files,
    load_book,
    propose_benefits,
    simulate_benefits,
)
from rempart.workflows.claims.explain_claim import count_claims, explain_claim

NOW = datetime(2026, 3, 20, tzinfo=UTC)
TODAY = date(2026, 3, 20)
TABLES = """
[[table]]
code = "CONFORT"
from = 2026-01-01
responsible = true

[[table.benefit]]
label = "Consultations"
acts = ["G"]
pays = "rate_with_amo"
rate = "{rate}"

[[choice]]
convention_type = "RP"
table = "{table}"
from = 2026-01-01
"""
PACK = b"""
[[case]]
name = "Consultation"
table = "CONFORT"
born = "19700101"
joined = 2020-01-01

[[case.line]]
act = "G"
day = 2026-03-02
billed = "60,00"
expected = "24,00"
"""


def make_file(rate: str = "150", table: str = "CONFORT") -> bytes:
    return TABLES.format(rate=rate, table=table).encode()


@pytest.fixture
def tx(mill: Mill):
    with mill.database.connect("settler") as connection:
        yield connection
        connection.commit()


def test_a_claim_is_paid_by_the_table_its_card_leads_to(mill: Mill, tx):
    install_benefits(tx, Proposal(insurer_id=1, content=make_file()))
    tx.commit()
    claim = mill.bill(mill.add_member(), {"billed_cents": 6000})
    mill.share()
    assert mill.amc(claim) == 2400
    told = explain_claim(tx, None, claim, "fr")
    assert "Consultations : 150\N{NO-BREAK SPACE}% de la base" in " ".join(told.lines[0].sentences)
    assert told.lines[0].sentences[-1].startswith("Participation forfaitaire")
    assert (
        explain_claim(tx, None, claim, "en").lines[0].label == "general practitioner's consultation"
    )
    assert [row.state for row in count_claims(tx, None, date(2026, 3, 1))] == ["adjudicated"]


def test_what_the_card_says_holds_where_no_table_does(mill: Mill, tx):
    install_benefits(tx, Proposal(insurer_id=1, content=make_file()))
    tx.commit()
    before = mill.bill(mill.add_member(), {"care_on": date(2025, 12, 31), "billed_cents": 6000})
    mill.share()
    assert mill.amc(before) == 3900


def test_tables_change_by_two_people_and_none_alone(tx):
    install_benefits(tx, Proposal(insurer_id=1, content=make_file()))
    with pytest.raises(Conflict):
        install_benefits(tx, Proposal(insurer_id=1, content=make_file("200")))
    proposed = propose_benefits(tx, None, Proposal(insurer_id=1, content=make_file("200")))
    with pytest.raises(NotAllowed):
        approve_benefits(tx, None, proposed, now=NOW)
    assert [row.state for row in list_benefit_files(tx, 1)] == ["proposed", "approved"]


def test_the_database_refuses_that_one_person_approves_their_own(mill: Mill):
    with pytest.raises(Exception, match="benefit_file"):
        mill.run(
            "INSERT INTO claims.benefit_file (file_ref, insurer_id, content, state, proposed_by,"
            " decided_by, decided_at) VALUES (1, 1, 'x', 'approved', 7, 7, now())"
        )


def test_a_file_that_leads_nowhere_is_refused(tx):
    with pytest.raises(InvalidRequest, match="there is no table LUXE"):
        propose_benefits(tx, None, Proposal(insurer_id=1, content=make_file(table="LUXE")))
    with pytest.raises(InvalidRequest):
        propose_benefits(tx, None, Proposal(insurer_id=1, content=b"[[table]]\ncode = 3"))


def test_a_proposal_is_tried_line_by_line_before_it_is_approved(tx):
    install_benefits(tx, Proposal(insurer_id=1, content=make_file()))
    book, cases = load_book(tx, 1), read_regression_pack(PACK)
    [same] = simulate_benefits(book, make_file(), cases, now=NOW)
    [more] = simulate_benefits(book, make_file("200"), cases, now=NOW)
    assert (same.differs, same.is_right) == (False, True)
    assert (more.now_cents, more.then_cents, more.differs, more.is_right) == (
        2400,
        3900,
        True,
        False,
    )


@pytest.mark.parametrize("wrong", [b"case = 3", b"[[case]]\nname = 'x'", PACK + b"when = 1\n"])
def test_a_pack_that_cannot_be_read_says_where(wrong: bytes):
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_regression_pack(wrong)


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(2025, 12, 31), None),
        (date(2026, 1, 1), 15_000),
        (date(2026, 6, 30), 15_000),
        (date(2026, 7, 1), 20_000),
    ],
)
def test_the_table_that_began_last_holds_and_then_the_one_approved_last(day, rate):
    files = [
        (make_file("100"), 1),
        (make_file("150"), 2),
        (make_file("200").replace(b"from = 2026-01-01\nresp", b"from = 2026-07-01\nresp"), 3),
    ]
    book = TableBook(
        ApprovedFile(
            approved_at=datetime(2026, 1, number, tzinfo=UTC),
            tables=read_benefit_tables(content).tables,
            choices=read_benefit_tables(content).choices,
        )
        for content, number in files
    )
    table = book.find(TERMS, day)
    assert (None if table is None else table.benefits[0].rate_bp) == rate


def test_a_choice_that_names_the_secondary_criterion_comes_first():
    read = read_benefit_tables(make_file())
    named = TableChoice(convention_type="RP", csr="", table="AUTRE", starts_on=date(2025, 1, 1))
    file = ApprovedFile(approved_at=NOW, tables=read.tables, choices=(*read.choices, named))
    assert TableBook([file]).find(TERMS, date(2026, 3, 2)) is None


@pytest.mark.parametrize(
    ("first", "last", "asked"),
    [
        (date(2019, 1, 1), date.max, TODAY),
        (date(2026, 7, 1), date.max, date(2026, 7, 1)),
        (date(2019, 1, 1), date(2025, 12, 31), date(2025, 12, 31)),
        (date(2019, 1, 1), date(2021, 1, 1), date(2021, 1, 1)),
        (date(2099, 12, 31), date.max, date(2099, 12, 31)),
        (date(9999, 12, 31), date.max, None),
        (date(2019, 1, 1), date(2020, 12, 31), None),
    ],
)
def test_a_table_is_asked_about_a_day_it_holds(first, last, asked):
    table = replace(BASIC, period=Period(first, last))
    found = judge_tables([table, FREE], today=TODAY)
    assert [one.day for one in found.judged] == ([] if asked is None else [asked])
    assert (found.unknown, found.left) == (asked is None, 0)
    assert found.total == (0 if asked is None else 4)


def test_tables_are_asked_by_code_until_a_page_has_asked_enough():
    found = judge_tables([COMFORT, C2S, BASIC], today=TODAY, most=600)
    assert [one.table.code for one in found.judged] == ["BASE", "C2S"]
    assert [one.table.code for one in found.wrong] == ["BASE"]
    [(wrong, acts)] = found.wrong[0].faults.items()
    assert (wrong[2], acts) == ("responsible_full_basket", ["PDT", "MON", "VER", "PAU"])
    assert found.left == 1


def test_commands_check_load_try_and_share_out(mill: Mill, environment, tmp_path, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file, pack = tmp_path / "t.toml", tmp_path / "p.toml"
    file.write_bytes(make_file())
    pack.write_bytes(PACK)
    mill.bill(mill.add_member(), {"billed_cents": 6000})
    runner = CliRunner()

    def call(*arguments: str) -> tuple[int, str]:
        result = runner.invoke(cli, [*arguments])
        return result.exit_code, result.output

    of = ("--insurer", "0000000001")
    for arguments in (
        ("check", str(file)),
        ("simulate", str(file), str(pack), *of),
        ("load", str(file), *of, "--first"),
    ):
        code, told = call("benefits", *arguments, "--language", "en")
        assert code == 0
        assert "Fees outside the tariff agreement" in told
        assert "G (general practitioner's consultation)" in told
        assert "in 1 of 1 tables; nothing is refused, the insurer decides" in told
    file.write_bytes(make_file().replace(b"responsible = true", b"responsible = false"))
    assert "no table calls itself responsible" in call("benefits", "check", str(file))[1]
    assert "approved" in call("benefits", "list", *of)[1]
    assert "1 claims shared out" in call("claims", "adjudicate")[1]
    assert "adjudicated" in call("claims", "counts", "--days", "3660")[1]
