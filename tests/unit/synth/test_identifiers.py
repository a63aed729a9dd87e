"""Every identifier is well formed, means what it says, and can be nobody's."""

import re
from collections import Counter

import pytest

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.finess import Finess
from rempart.kernel.iban import Iban
from rempart.kernel.nir import Nir, NirKind
from rempart.kernel.rpps import Rpps
from rempart.kernel.siret import Siret
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.rights.lookup import CardCode
from rempart.synth.dice import make_dice
from rempart.synth.folders import draw_card_code
from rempart.synth.nirs import NIRS_PER_MOVE, MoverNirs, NirBook, to_waiting_number


def test_every_nir_of_a_feed_is_valid_and_can_be_nobodys(data_set):
    numbers = {
        line[column]
        for line in data_set.lines()
        for column in ("insured_nir", "own_nir", "previous_nir")
        if line[column]
    }
    assert len(numbers) > 4_000
    assert all(Nir.parse(number).is_synthetic for number in numbers)


def test_a_nir_is_what_the_kernel_makes_from_the_same_facts():
    book = NirBook(first=7)
    for place in ("2A004", "2B033", "97411", "99352"):
        nir = book.issue(sex=2, year=1984, month=5, place=place)
        made = make_synthetic_nir(sex=2, year=1984, month=5, place=place)
        assert nir == made.format_compact()
    nir = book.issue(sex=1, year=2003, month=31)
    made = make_synthetic_nir(sex=1, year=2003, month=31, serial=int(nir[7:13]))
    assert nir == made.format_compact()


def test_the_nir_of_an_insured_person_says_the_sex_year_and_month_of_birth(data_set):
    for line in data_set.lines():
        if line["quality"] == "1":
            nir = Nir.parse(line["insured_nir"])
            assert nir.year_of_century == int(line["birth_date"][2:4])
            assert nir.birth_month in (int(line["birth_date"][4:6]), *range(20, 43))


def test_a_nir_is_never_given_twice_even_when_a_place_is_full_or_serials_start_again():
    book = NirBook(first=999_000)
    numbers = [
        book.issue(sex=1, year=1990, month=month, place="97411")
        for _ in range(1_000)
        for month in (3, 31)
    ]
    book._next += 998_000  # as if 998 000 other people had come
    numbers += [book.issue(sex=1, year=1990, month=3) for _ in range(2_000)]
    assert len(set(numbers)) == len(numbers)
    assert all(Nir.parse(number).is_synthetic for number in numbers)


def test_a_book_that_forgets_what_it_gave_gives_it_twice(monkeypatch):
    monkeypatch.setattr(NirBook, "_take", lambda *_: True)
    book = NirBook(first=0)
    before = book.issue(sex=1, year=1990, month=3)
    book._next += 999_999
    assert book.issue(sex=1, year=1990, month=3) == before


def test_a_nir_brought_by_a_moving_household_is_never_given_to_somebody_else():
    mover = MoverNirs(0, 12).issue(sex=1, year=1990, month=3)
    book = NirBook(first=12 * NIRS_PER_MOVE)
    book.reserve(mover)
    assert book.issue(sex=1, year=1990, month=3) != mover


def test_moving_households_never_share_a_nir():
    numbers = []
    for move in range(500):
        source = MoverNirs(3, move)
        numbers += [source.issue(sex=1, year=1990, month=3) for _ in range(NIRS_PER_MOVE)]
        with pytest.raises(IndexError):
            source.issue(sex=1, year=1990, month=3)
    assert len(set(numbers)) == len(numbers)
    assert all(Nir.parse(number).is_synthetic for number in numbers)


def test_a_nir_known_by_two_insurers_is_one_person_that_of_a_far_place_aside(data_set):
    people = {}
    for line in data_set.lines():
        nir = line["insured_nir"]
        if line["quality"] == "1" and nir[5:7] == "00":
            assert people.setdefault(nir, line["birth_date"]) == line["birth_date"]
    assert len(people) > 3_000


def test_a_waiting_number_keeps_everything_of_the_nir_but_its_first_digit():
    nir = make_synthetic_nir(sex=2, year=1991, month=2, place="99352").format_compact()
    waiting = Nir.parse(to_waiting_number(nir))
    assert waiting.kind is NirKind.NIA
    assert waiting.sex == 2
    assert waiting.number[1:] == nir[1:13]


def test_birth_dates_and_ranks_are_readable_even_those_no_calendar_has(data_set):
    lunar = 0
    for line in data_set.lines():
        BirthRank.parse(line["birth_rank"])
        lunar += BirthDate.parse(line["birth_date"]).calendar_date is None
    assert lunar > 0


def test_card_codes_are_readable_and_each_belongs_to_one_person_and_contract(data_set):
    owners = {}
    for line in data_set.lines():
        if line["card_code"]:
            code = CardCode.parse(line["card_code"])
            assert code.format() == line["card_code"]
            owner = (line["amc_number"], line["contract_number"], *data_set.key_of(line))
            assert owners.setdefault(code.code, owner) == owner
    assert len(owners) > 7_000


def test_a_card_code_uses_every_letter():
    rng = make_dice(1)
    letters = Counter("".join(draw_card_code(rng) for _ in range(2_000)))
    assert len(letters) == 33
    assert min(letters.values()) > 1_000


def test_every_insurer_has_its_own_synthetic_number_and_name(data_set):
    insurers = data_set.table("insurers.csv")
    assert len({row["amc_number"] for row in insurers}) == len(insurers) == 40
    assert len({row["name"] for row in insurers}) == 40
    assert all(AmcNumber.parse(row["amc_number"]).is_synthetic for row in insurers)


def test_professionals_have_valid_synthetic_numbers_each_their_own_rpps(data_set):
    rows = data_set.table("professionals.csv")
    assert len({row["rpps"] for row in rows}) == len(rows) == 300
    for row in rows:
        assert Rpps.parse(row["rpps"]).is_synthetic
        assert Siret.parse(row["siret"]).is_synthetic
        assert Iban.parse(row["iban"]).is_synthetic
        assert not row["finess"] or Finess.parse(row["finess"]).is_synthetic


def test_contact_data_reaches_nobody(data_set):
    reachable = Counter()
    streets = re.compile(r"\d{1,3} (rue|avenue|chemin|impasse|allée) \S.*")
    for line in data_set.lines():
        assert not line["email"] or line["email"].endswith(".invalid")
        assert not line["phone"] or re.fullmatch(r"(063998|019900)\d{4}", line["phone"])
        assert streets.fullmatch(line["address"])
        reachable[bool(line["email"]), line["quality"] == "3"] += 1
    assert reachable[True, True] == 0
    assert reachable[True, False] > 3_000


def test_emails_are_plain_ascii_words(data_set):
    pattern = re.compile(r"[a-z0-9-]+\.[a-z0-9]+@[a-z]+\.invalid")
    emails = {line["email"] for line in data_set.lines()} - {""}
    assert all(pattern.fullmatch(email) for email in emails)
