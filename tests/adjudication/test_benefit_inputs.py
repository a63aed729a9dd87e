"""What amounts depend on besides claims is loaded from files, line by line, again and again."""

from datetime import date

import pytest
from click.testing import CliRunner
from tests.adjudication.practice import CARE, Mill

from rempart.cli.main import cli
from rempart.exchange.benefit_inputs import EVER, read_outside, read_standing
from rempart.kernel.errors import FeedRefused
from rempart.kernel.synthetic import make_synthetic_amc_number, make_synthetic_nir
from rempart.workflows.claims.benefit_tables import Proposal, install_benefits
from rempart.workflows.claims.load_benefit_inputs import (
    OutsideLoad,
    load_outside_uses,
    load_standing,
)
from rempart.workflows.feeds.keys import FeedKeys

AMC = make_synthetic_amc_number(1).number
NIR = make_synthetic_nir(sex=2, year=1970, month=1)
KEYS = FeedKeys(AMC, bytes(32), bytes(32))
STANDING = "establishment;since;optam;networks\n"
OUTSIDE = (
    "number;insured_nir;birth_date;birth_rank;contract_number;limit;period_start;care_date;amount;"
    "units\n"
)
PLACE = "00000000000000"
TABLES = """
[[table]]
code = "CONFORT"
from = 2026-01-01
responsible = true

[[table.limit]]
name = "consultations"
label = "Consultations par an"
per = "year"
amount = "30,00"

[[table.benefit]]
label = "Dans le réseau"
acts = ["G"]
pays = "rate_with_amo"
rate = "200"
circuit = "KALI"

[[table.benefit]]
label = "Consultations"
acts = ["G"]
pays = "rate_with_amo"
rate = "150"
limits = ["consultations"]

[[choice]]
convention_type = "RP"
table = "CONFORT"
from = 2026-01-01
"""


def write_use(number="R1", contract="C1", limit="consultations", amount="25,00", nir="") -> str:
    who = f"{nir or NIR.format_compact()};19700101;1;{contract}"
    return f"{number};{who};{limit};2026-01-01;2026-02-01;{amount};1\n"


class Desk:
    """One insurer with benefit tables and a member of known identifiers."""

    def __init__(self, mill: Mill) -> None:
        self.mill = mill
        mill.run("UPDATE rights.insurer SET amc_number = %s", AMC)
        self.person = mill.add_member()
        mill.run(
            "UPDATE rights.coverage SET contract_ref = ARRAY[%s]::bigint[]", KEYS.contract("C1")
        )
        mill.run(
            "INSERT INTO rights.lookup (lookup_key, person_ref) VALUES (%s, %s)",
            KEYS.typed(NIR.number, "19700101", "1").hex(),
            self.person,
        )
        with mill.database.transaction("settler") as tx:
            install_benefits(tx, Proposal(insurer_id=1, content=TABLES.encode()))

    def load(self, text: str):
        orders = OutsideLoad(
            insurer_id=1, amc_number=AMC, lookup_key=bytes(32), contract_key=bytes(32)
        )
        with self.mill.database.transaction("settler") as tx:
            return load_outside_uses(tx, orders, text.splitlines(keepends=True), "en")

    def load_standing(self, text: str):
        with self.mill.database.transaction("settler") as tx:
            return load_standing(tx, (STANDING + text).splitlines(keepends=True), "en")

    def pay(self) -> int | None:
        claim = self.mill.bill(self.person, {"billed_cents": 6000})
        self.mill.share()
        return self.mill.amc(claim)


@pytest.fixture
def desk(mill: Mill) -> Desk:
    return Desk(mill)


def told(report):
    return [(one.line, one.field, one.rule) for one in report.findings]


# ---------------------------------------------------------------- what is read

LINES = {
    "a network and the agreement": (f"{PLACE};2026-01-01;oui;KALI IS\n", ("IS", "KALI"), True),
    "nothing known any more": (f"{PLACE};2026-01-01;;\n", (), None),
    "neither yes nor no": (f"{PLACE};2026-01-01;perhaps;\n", "optam", "standing_optam"),
    "a sentence": (f"{PLACE};2026-01-01;no;the-net\n", "networks", "standing_networks"),
    "no day": (f"{PLACE};;no;\n", "since", "required"),
    "no place": (";2026-01-01;no;\n", "establishment", "required"),
}


@pytest.mark.parametrize("story", LINES)
def test_each_line_of_standing_is_read_or_told(story):
    text, first, second = LINES[story]
    [read] = read_standing((STANDING + text).splitlines(keepends=True))
    if isinstance(read, list):
        assert [(one.line, one.field, one.rule) for one in read] == [(2, first, second)]
    else:
        assert (read.networks, read.optam) == (first, second)


def test_a_use_is_read_and_shows_nobody():
    [read] = read_outside([OUTSIDE, write_use(amount="-3.50").replace("2026-01-01", "ever")], AMC)
    assert not isinstance(read, list)
    assert (read.cents, read.units, read.since, read.care_on) == (-350, 1, EVER, date(2026, 2, 1))
    assert repr(read) == "<OutsideRow line 2>"


def test_everything_wrong_on_a_line_is_told_and_no_value_is():
    [read] = read_outside([OUTSIDE, ";1;x;0;;;y;z;3;many\n"], AMC)
    assert isinstance(read, list)
    assert len(read) == len(OUTSIDE.split(";"))
    assert "many" not in repr(read)


def test_a_file_without_its_header_is_refused():
    with pytest.raises(FeedRefused, match="the header lacks"):
        list(read_standing(["establishment;since\n"]))


def test_a_cell_that_does_not_end_refuses_the_file():
    lines = ["establishment;since;optam;networks\n", '"99000001800012;2026-01-01;;\n' * 6_000]
    with pytest.raises(FeedRefused, match="a quote that is not closed"):
        list(read_standing(lines))


# ---------------------------------------------------------------- what is loaded


def test_a_use_elsewhere_leaves_less_of_the_limit(desk):
    assert desk.load(OUTSIDE + write_use()).changed == 1
    assert desk.pay() == 500


def test_mutation_without_it_the_limit_is_whole(desk):
    assert desk.pay() == 2400


def test_the_same_file_twice_counts_once_and_another_content_is_told(desk):
    text = OUTSIDE + write_use() + write_use("R2", amount="-5,00") + write_use()
    first, again = desk.load(text), desk.load(text)
    assert [(one.changed, one.known, one.refused) for one in (first, again)] == [
        (2, 1, 0),
        (0, 3, 0),
    ]
    assert told(desk.load(OUTSIDE + write_use(amount="9,00"))) == [(2, "number", "outside_differs")]
    assert desk.pay() == 1000


def test_lines_that_lead_nowhere_are_told_and_the_others_loaded(desk):
    stranger = make_synthetic_nir(sex=1, year=1980, month=2).format_compact()
    text = write_use("R1", nir=stranger) + write_use("R2", "C2") + write_use("R3", limit="soins")
    report = desk.load(OUTSIDE + text + write_use("R4"))
    assert told(report) == [
        (2, "insured_nir", "member_unknown"),
        (3, "contract_number", "contract_unknown"),
        (4, "limit", "limit_unknown"),
    ]
    assert (report.changed, report.refused) == (1, 3)
    assert stranger not in repr(report)


def test_another_insurers_member_is_as_unknown_as_nobody(desk):
    desk.mill.run("UPDATE rights.coverage SET insurer_id = 2")
    assert told(desk.load(OUTSIDE + write_use())) == [(2, "insured_nir", "member_unknown")]


def test_a_place_in_the_network_is_paid_as_such_from_its_day_on(desk):
    numbered = desk.mill.place % 10**14
    desk.mill.run("UPDATE accounts.establishment SET siret = %s", f"{numbered:014d}")
    assert told(desk.load_standing(f"{PLACE};2026-01-01;no;KALI\n")) == [
        (2, "establishment", "establishment_unknown")
    ]
    desk.mill.run("UPDATE accounts.establishment SET siret = %s", PLACE)
    later = f"{PLACE};{CARE.replace(day=28)};no;KALI\n"
    assert desk.load_standing(later).changed == 1
    assert desk.pay() == 2400
    assert desk.load_standing(f"{PLACE};2026-01-01;no;KALI\n").changed == 1
    assert desk.load_standing(f"{PLACE};2026-01-01;no;KALI\n").known == 1
    assert desk.mill.fetch("SELECT since, optam, circuits FROM claims.standing ORDER BY 1") == [
        (date(2026, 1, 1), False, ["KALI"]),
        (date(2026, 3, 28), False, ["KALI"]),
    ]


def test_a_line_that_takes_everything_back_is_kept_as_nothing_known(desk):
    desk.load_standing(f"{PLACE};2026-01-01;oui;KALI\n")
    assert desk.load_standing(f"{PLACE};2026-01-01;;\n").changed == 1
    assert desk.mill.fetch("SELECT optam, circuits FROM claims.standing") == [(None, [])]


def test_commands_load_files_and_say_what_was_refused(mill, environment, tmp_path, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    mill.run("UPDATE rights.insurer SET amc_number = %s", AMC)
    place, use = tmp_path / "standing.csv", tmp_path / "outside.csv"
    place.write_text(f"{STANDING}{PLACE};2026-01-01;oui;\n")
    use.write_text(OUTSIDE + write_use())
    runner = CliRunner()
    done = runner.invoke(cli, ["standing", "load", str(place)])
    assert (done.exit_code, done.stdout) == (0, "1 lines loaded, 0 known already, 0 refused\n")
    done = runner.invoke(cli, ["claims", "outside", "load", str(use), "--insurer", AMC])
    assert (done.exit_code, done.stdout) == (1, "0 lines loaded, 0 known already, 1 refused\n")
    assert "line 2, insured_nir" in done.stderr
