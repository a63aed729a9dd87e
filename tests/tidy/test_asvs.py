"""The ASVS page has a line for every requirement of level 2, and the tests it names exist."""

import re

from tests.tidy.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "asvs.md"
# The requirements of levels 1 and 2 by section, as the standard numbers them (version 5.0).
REQUIREMENTS = {
    "6.1": range(1, 4),
    "6.2": range(1, 13),
    "6.3": range(1, 5),
    "6.4": range(1, 5),
    "6.5": range(1, 6),
    "6.6": range(1, 4),
    "6.8": range(1, 5),
    "7.1": range(1, 4),
    "7.2": range(1, 5),
    "7.3": range(1, 3),
    "7.4": range(1, 6),
    "7.5": range(1, 3),
    "7.6": range(1, 3),
    "8.1": range(1, 3),
    "8.2": range(1, 4),
    "8.3": range(1, 2),
    "8.4": range(1, 2),
    "9.1": range(1, 4),
    "9.2": range(1, 5),
    "10.1": range(1, 3),
    "10.2": range(1, 3),
    "10.3": range(1, 5),
    "10.4": range(1, 12),
    "10.5": range(1, 6),
    "10.6": range(1, 3),
    "10.7": range(1, 4),
    "12.1": range(1, 4),
    "12.2": range(1, 3),
    "12.3": range(1, 5),
}
STATES = {"held", "partly", "deployer", "not applicable"}
_ROW = re.compile(r"^\| (\d[^|]*) \| [^|]+ \| ([^|]+) \| (.+) \|$", re.MULTILINE)


def expand(numbers: str) -> list[str]:
    """Return the requirements of a first cell: `10.4.1 – 10.4.3, 10.4.6` is four of them."""
    found = []
    for part in numbers.split(","):
        ends = [end.strip() for end in part.split("–")]
        section, first = ends[0].rsplit(".", 1)
        last = ends[-1].rsplit(".", 1)[1]
        found += [f"{section}.{n}" for n in range(int(first), int(last) + 1)]
    return found


def read_rows() -> list[tuple[list[str], str, str]]:
    """Return the rows of the page: requirements, state, where."""
    text = PAGE.read_text("utf-8")
    return [(expand(a), b.strip(), c) for a, b, c in _ROW.findall(text)]


def test_every_requirement_of_level_two_has_one_line():
    listed = [number for numbers, _, _ in read_rows() for number in numbers]
    wanted = [f"{section}.{n}" for section, all_ in REQUIREMENTS.items() for n in all_]
    assert len(listed) == len(set(listed))
    missing = set(wanted) - set(listed)
    # Level 3 may be told too: it is never owed.
    assert not missing, sorted(missing)


def test_every_line_has_a_state_and_what_is_held_names_its_test_or_its_page(every_path):
    for numbers, state, where in read_rows():
        assert state in STATES, numbers
        tests = re.findall(r"`(tests/[\w/]+\.py)`", where)
        for path in tests:
            assert path in every_path, f"{numbers}: {path} does not exist"
        for page in re.findall(r"\]\(([\w./-]+\.md)\)", where):
            assert (PAGE.parent / page).resolve().is_file(), f"{numbers}: {page} does not exist"


def test_the_numbers_of_a_cell_are_read():
    assert expand("10.4.1 – 10.4.3, 10.4.6") == ["10.4.1", "10.4.2", "10.4.3", "10.4.6"]
    assert expand("6.1.1") == ["6.1.1"]
