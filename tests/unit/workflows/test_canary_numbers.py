"""Numbers of canaries: whatever else, nobody can hold one."""

from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from rempart.kernel.errors import SetupError
from rempart.kernel.nir import Nir
from rempart.storage.sealing import PersonRecord
from rempart.workflows.guard.canary_lives import (
    Donors,
    Member,
    Workshop,
    draw_free,
    invent_household,
)
from rempart.workflows.guard.canary_numbers import (
    REACH,
    ImpossibleNumbers,
    NumbersPastRegisters,
    find_first_order,
    read_registers,
)
from rempart.workflows.guard.plant_canaries import choose_numbers

# Places of communes; the number of somebody there is put together when a test runs.
SHORT, LONG, FAR = "29" + "155", "75" + "111", "35" + "300"


def write(folder: Path, text: str) -> Path:
    path = folder / "registers.csv"
    path.write_text(text, encoding="utf-8")
    return path


def make_member(number: str) -> Member:
    record = PersonRecord(number, "19800101", "1", "MARTIN", "Alix", 1, "2024-01-01", ())
    return Member(1, 1, (), record)


@given(
    births=st.integers(0, 600),
    head=st.sampled_from(["18405", "25012", "19920"]),
    seed=st.integers(0, 9),
)
def test_an_order_past_a_register_is_past_its_end_by_half_of_it_at_least(
    births: int, head: str, seed: int
):
    nir = NumbersPastRegisters({SHORT: births}).draw(Random(seed), head=head, place=LONG)
    order = int(nir.number[10:])
    assert nir.place == SHORT
    assert births * 1.5 < order <= 999
    assert order > births + 10
    assert order < find_first_order(births) + REACH


def test_whoever_counts_up_meets_a_canary_soon_after_the_last_birth():
    drawn = {
        int(NumbersPastRegisters({SHORT: 4}).draw(Random(n), head="18405", place=SHORT).number[10:])
        for n in range(500)
    }
    assert drawn == set(range(15, 55))


def test_a_canary_is_born_in_the_department_of_whom_it_resembles_when_one_is_known():
    registers = NumbersPastRegisters({SHORT: 2, FAR: 2})
    places = {registers.draw(Random(n), head="18405", place="29" + "019").place for n in range(20)}
    assert places == {SHORT}
    elsewhere = {registers.draw(Random(n), head="18405", place=LONG).place for n in range(20)}
    assert elsewhere == {SHORT, FAR}


def test_a_canary_like_somebody_born_on_29_february_has_a_day_of_its_year():
    born = make_member("1840200000001")
    model = structs.replace(born.record, birth_date="19840229")
    models = [Member(1, 1, (), model)]
    for seed in range(20):
        workshop = Workshop(
            donors=Donors(models),
            numbers=ImpossibleNumbers(),
            chance=Random(seed),
            refer=len,
            taken=set(),
            today=date(2026, 11, 22),
        )
        [canary] = invent_household(models, workshop)
        assert date.fromisoformat(canary.record.birth_date).month == 2


def test_a_register_that_may_fill_the_month_gives_no_number():
    with pytest.raises(SetupError, match="name small communes"):
        NumbersPastRegisters({LONG: 640})


def test_among_invented_people_numbers_are_those_of_no_department():
    for seed in range(20):
        nir = ImpossibleNumbers().draw(Random(seed), head="25012", place=SHORT)
        assert nir.is_synthetic
        assert nir.number[:5] == "25012"


def test_the_people_around_decide_which():
    invented = make_member("1840500000001")
    real = make_member("18405" + SHORT + "003")
    registers = NumbersPastRegisters({SHORT: 2})
    assert isinstance(choose_numbers([invented], registers), ImpossibleNumbers)
    assert choose_numbers([invented, real], registers) is registers
    with pytest.raises(SetupError, match="give --registers FILE"):
        choose_numbers([invented, real], None)


def test_registers_are_read_from_a_file(tmp_path: Path):
    file = write(tmp_path, f"place;births\n{SHORT};3\n2a004;40\n97411;12\n")
    places = {
        read_registers(file).draw(Random(n), head="18405", place="99").place for n in range(50)
    }
    assert places == {SHORT, "2A" + "004", "97" + "411"}


@pytest.mark.parametrize(
    "row", ["29155", "29155;many", "29155;-1", "00123;3", "99109;3", "29;3", ";"]
)
def test_a_row_that_is_no_register_is_named(row: str, tmp_path: Path):
    with pytest.raises(SetupError, match=r"registers\.csv, line 3: write place;births"):
        read_registers(write(tmp_path, f"place;births\n{SHORT};3\n{row}\n"))


def test_mutation_a_number_within_the_register_would_be_somebodys():
    class Careless(NumbersPastRegisters):
        def draw(self, chance: Random, *, head: str, place: str) -> Nir:
            return Nir(f"{head}{SHORT}{chance.randrange(1, 60):03d}")

    orders = [
        int(Careless({SHORT: 40}).draw(Random(n), head="18405", place=SHORT).number[10:])
        for n in range(50)
    ]
    assert any(order <= 40 for order in orders)


def test_a_free_number_lies_among_those_given_already_when_there_is_one():
    taken = {f"C0000{n:02d}" for n in range(100)} - {"C000042"}
    assert draw_free("C000017", Random(1), taken.__contains__) in {"C000042"} | {
        f"C{n:06d}" for n in range(100, 1_000_000)
    }
    assert draw_free("C000017", Random(1), {"C000017"}.__contains__).startswith("C00001")
    with pytest.raises(ValueError, match="No number of this form"):
        draw_free("ABC", Random(1), taken.__contains__)
