"""Synthetic claims: the same for one seed, of people and professionals of the set, some wrong."""

import csv
import json
from collections import Counter
from datetime import date
from itertools import islice

import pytest
from click.testing import CliRunner

from rempart.claims.claim import Beneficiary, Biller, Claim
from rempart.claims.controls import Known, Right, control_claim, list_rejected
from rempart.cli.synth import synth
from rempart.exchange.b2_file import read_lots
from rempart.exchange.claim_json import read_claim
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import NotFound
from rempart.kernel.synthetic import make_synthetic_amc_number, make_synthetic_nir
from rempart.rights.lookup import TypedIdentifiers
from rempart.synth import Parameters, read_members, write_data_set
from rempart.synth.billing_parameters import WRONG
from rempart.synth.claim_desk import Desk, Member
from rempart.synth.claims import (
    CLAIMS,
    LOTS,
    TRUTH,
    ClaimParameters,
    to_message,
    write_claims,
)
from rempart.synth.dice import make_dice
from rempart.tariffs.care import ACTS, find_ceiling_cents

SET = Parameters(members=400, seed=11, insurers=4, professionals=60)
CLAIMS_ASKED = ClaimParameters(claims=3_000, seed=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("set")
    write_data_set(SET, out)
    return out


@pytest.fixture(scope="module")
def written(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("claims")
    return out, write_claims(CLAIMS_ASKED, data, out)


def read_messages(out):
    return [json.loads(line) for line in (out / CLAIMS).read_text("utf-8").splitlines()]


def read_truth(out):
    with (out / TRUTH).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter=";"))


def read_claims_of_lots(out):
    for path in sorted((out / LOTS).iterdir()):
        with path.open("rb") as lines:
            for lot in read_lots(lines):
                assert lot.is_whole
                assert not lot.findings
                yield from lot.claims


def test_as_many_claims_are_written_as_asked_and_each_has_its_truth(written):
    out, counts = written
    truth = read_truth(out)
    assert len(truth) == counts["claims"] == CLAIMS_ASKED.claims
    assert len(read_messages(out)) == counts["messages"]
    assert len(list(read_claims_of_lots(out))) == counts["claims"] - counts["messages"]
    assert [row["line"] for row in truth if row["line"]] == [
        str(number + 1) for number in range(counts["messages"])
    ]


def test_the_same_parameters_give_the_same_bytes_and_another_seed_others(data, written, tmp_path):
    out, _ = written
    write_claims(CLAIMS_ASKED, data, tmp_path / "again")
    write_claims(ClaimParameters(claims=3_000, seed=4), data, tmp_path / "other")
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes()
    assert (tmp_path / "other" / CLAIMS).read_bytes() != (out / CLAIMS).read_bytes()


def test_claims_are_for_people_and_by_professionals_of_the_set(data, written):
    out, _ = written
    insured = set()
    with (data / "insurers.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            for line in read_members(data, row["amc_number"]):
                insured.add((row["amc_number"], line["insured_nir"][:13], line["birth_date"]))
    for message in read_messages(out):
        who = message["beneficiary"]
        assert (who["amc_number"], who["insured_nir"][:13], who["birth_date"]) in insured
    with (data / "professionals.csv").open(encoding="utf-8", newline="") as lines:
        known = {row["rpps"] for row in csv.DictReader(lines, delimiter=";")}
    assert {row["rpps"] for row in read_truth(out)} <= known


def test_a_claim_follows_the_check_and_care_is_not_after_it(written):
    out, _ = written
    by_line = {row["line"]: row for row in read_truth(out)}
    for number, message in enumerate(read_messages(out), 1):
        row = by_line[str(number)]
        sent_on, checked_on = (
            date.fromisoformat(row["sent_on"]),
            date.fromisoformat(row["checked_on"]),
        )
        assert checked_on <= sent_on
        last = max(date.fromisoformat(line["care_date"]) for line in message["lines"])
        assert (last > sent_on) == (row["fault"] == "future")


def test_faults_are_there_and_few(written):
    out, _ = written
    faults = Counter(row["fault"] for row in read_truth(out))
    assert set(faults) >= {"", *WRONG} - {"ceiling"}
    assert faults[""] > 0.95 * CLAIMS_ASKED.claims


def draw_desk(profession, count):
    """Draw the claims of one professional whom one person visits."""
    who = TypedIdentifiers(
        amc_number=make_synthetic_amc_number(1),
        insured_nir=make_synthetic_nir(sex=2, year=1970, month=5),
        birth_date=BirthDate("19700512"),
        birth_rank=BirthRank(1),
    )
    member = Member(identifiers=who, department="75", woman=True, periods=[(date.min, date.max)])
    desk = Desk(make_dice(1, profession), profession, [member], date(2026, 11, 22), 365)
    return list(islice(desk.draw(), count))


def test_an_optician_passes_the_ceiling_now_and_then():
    wrong = [one.claim for one in draw_desk("optician", 1_000) if one.fault == "ceiling"]
    assert wrong
    for claim in wrong:
        assert any(is_above_ceiling(line) for line in to_message(claim)["lines"])


@pytest.mark.parametrize("profession", ["optician", "hospital", "nurse"])
def test_a_message_is_read_as_the_claim_it_was_written_from(profession):
    for one in draw_desk(profession, 200):
        assert read_claim(json.dumps(to_message(one.claim)).encode()) == one.claim


RULES = {
    "future": "claim_future", "too_late": "claim_too_late", "ceiling": "claim_ceiling",
    "base": "claim_base",
}  # fmt: skip


@pytest.mark.parametrize("profession", ["optician", "general_practitioner", "pharmacy", "dentist"])
def test_controls_speak_of_a_fault_and_reject_nothing_else(profession):
    for one in draw_desk(profession, 400):
        billed = one.claim
        known = Known(today=one.sent_on, rights={n.number: Right.OPEN for n in billed.lines})
        born = Beneficiary(born=BirthDate(billed.birth_date))
        claim = Claim(beneficiary=born, biller=Biller(), lines=billed.lines)
        findings = list(control_claim(claim, known))
        spoken = {finding.control.refusal.rule for finding in findings}
        if one.fault in RULES:
            assert RULES[one.fault] in spoken
        else:
            assert not list_rejected(claim, findings)


def is_above_ceiling(line):
    name = {"MON": "frame_class_a", "PAU": "hearing_class_1"}.get(line["act"])
    if name is None or line.get("basket") != "full":
        return False
    ceiling = find_ceiling_cents(name, date.fromisoformat(line["care_date"]))
    return line["billed_cents"] > ceiling * line["quantity"]


def test_acts_of_every_domain_are_billed(written):
    out, _ = written
    codes = Counter(line["act"] for message in read_messages(out) for line in message["lines"])
    codes.update(line.act.code for claim in read_claims_of_lots(out) for line in claim.lines)
    assert {ACTS[code].domain for code in codes} >= {
        "PHAR", "MEDG", "MEDS", "LABO", "RADL", "AUXM", "DENT", "OPTI", "AUDI", "HOSP",
    }  # fmt: skip


def test_the_command_writes_claims_and_says_how_many_are_wrong(data, tmp_path):
    result = CliRunner().invoke(
        synth, ["claims", "--data", str(data), "--out", str(tmp_path), "--claims", "200"]
    )
    assert result.exit_code == 0, result.output
    assert "200 claims of" in result.output
    assert len(read_truth(tmp_path)) == 200


def test_an_empty_directory_and_impossible_options_are_refused(tmp_path):
    with pytest.raises(NotFound):
        write_claims(CLAIMS_ASKED, tmp_path, tmp_path / "out")
    for wrong in (("--claims", "0"), ("--days", "0"), ("--seed", "-1")):
        arguments = ["claims", "--data", str(tmp_path), "--out", str(tmp_path / "o"), *wrong]
        assert CliRunner().invoke(synth, arguments).exit_code == 2
