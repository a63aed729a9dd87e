"""No number that a real person could hold, in any file."""

import re

import pytest

from rempart.kernel.findings import BadValue
from rempart.kernel.nir import Nir, is_valid_nir
from rempart.kernel.synthetic import make_synthetic_nir

GAP = "[ \u00a0\u202f]?"
DIGITS = GAP.join([r"[1278]", *[r"\d"] * 4, r"(?:\d{2}|2[ABab])", *[r"\d"] * 6])
KEYED = re.compile(rf"(?<![\w.-])(?={DIGITS}{GAP}\d{GAP}\d(?![\w]))", re.ASCII)
BARE = re.compile(rf"(?<![\w.-])({DIGITS})(?![\w])", re.ASCII)
NAMED = re.compile(r"\b(nir|nia|ssn|sécurité sociale|social security)\b", re.IGNORECASE)


def find_real_nirs(text: str) -> list[int]:
    """Return the lines that hold a NIR which somebody could have.

    Fifteen characters with the right key are enough; thirteen, which any clock in milliseconds
    also has, only on a line that speaks of a NIR.
    """
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        shown = [compact(line[found.start() :])[:15] for found in KEYED.finditer(line)]
        if any(is_valid_nir(one) and not Nir.parse(one).is_synthetic for one in shown) or (
            NAMED.search(line) and any(is_real(one[1]) for one in BARE.finditer(line))
        ):
            lines.append(number)
    return lines


def compact(text: str) -> str:
    return re.sub("[ \u00a0\u202f]", "", text[:40]).upper()


def is_real(thirteen: str) -> bool:
    try:
        return not Nir(compact(thirteen)).is_synthetic
    except BadValue:
        return False


def real_number() -> Nir:
    """A number somebody may hold, put together here so that it is written nowhere."""
    return Nir("1" + "80" + "01" + "75" + "056" + "123")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda nir: nir.format_compact(), id="as files carry it"),
        pytest.param(lambda nir: nir.format(), id="with spaces"),
        pytest.param(lambda nir: f'"{nir.format()}",', id="in quotes"),
        pytest.param(lambda nir: f"a;{nir.format_compact()};b", id="in a row"),
        pytest.param(lambda nir: f"nir = {nir.number}", id="without key, named"),
    ],
)
def test_the_rule_sees_a_real_number(write):
    assert find_real_nirs(f"first line\n{write(real_number())}\n") == [2]


def test_the_rule_lets_synthetic_numbers_clocks_and_hashes_pass():
    synthetic = make_synthetic_nir(sex=1, year=1980, month=1, serial=7)
    text = f"{synthetic.format()}\nnir {synthetic.number}\n1732233600123\n"
    text += f"t_ms {real_number().number}\n{'ab' + real_number().format_compact() + 'cd'}\n"
    assert find_real_nirs(text) == []


def test_no_file_holds_a_number_that_a_real_person_could_have(repository, expect_none):
    found = [f"{file.path}:{line}" for file in repository for line in find_real_nirs(file.text)]
    expect_none(found, "build synthetic numbers with kernel/synthetic.py")
