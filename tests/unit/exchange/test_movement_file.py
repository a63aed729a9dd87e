"""Files of movements as payroll software writes them."""

import pytest
from tests.feed_samples import make_nir

from rempart.employers.movements import Join, Leave, Rule, Structure
from rempart.exchange.movement_file import COLUMNS, MOST_LINES, read_movements

HEADER = ";".join(COLUMNS)
NIR = make_nir(7)
JOIN = f"A-1;entrée;01/12/2026;;isolé;{NIR};12/05/1984;1;DURAND;Claire;;"
LEAVE = "A-2;sortie;2026-11-30;;;;;;;;;oui"


def read(*lines: str, encoding: str = "utf-8"):
    return read_movements("\r\n".join([HEADER, *lines]).encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_whatever_its_encoding(encoding):
    found = read(JOIN, LEAVE, encoding=encoding)
    assert found.findings == ()
    join, leave = (one.movement for one in found.movements)
    assert isinstance(join, Join)
    assert isinstance(leave, Leave)
    assert (join.structure, join.work_from) == (Structure.SINGLE, join.joined_on)
    assert leave.ported
    assert found.movements[0].joiner.first_names == "Claire"


def test_columns_come_in_any_order_and_in_english():
    found = read_movements(b"ported,date,movement,staff_number\nno,2026-11-30,leave,A1\n")
    assert found.findings == ()
    assert not found.movements[0].movement.ported


@pytest.mark.parametrize(
    ("line", "field", "rule"),
    [
        (JOIN.replace("A-1", ""), "staff_number", Rule.STAFF_NUMBER),
        (JOIN.replace("A-1", NIR), "staff_number", Rule.LOOKS_LIKE_NIR),
        (JOIN.replace("entrée", "mutation"), "movement", Rule.MOVEMENT),
        (JOIN.replace("01/12/2026", "31/11/2026"), "date", Rule.DATE),
        (JOIN.replace("isolé", "trio"), "structure", Rule.STRUCTURE),
        (JOIN.replace(NIR, NIR[:-1]), "nir", Rule.NIR),
        (JOIN.replace("12/05/1984", "mai 84"), "birth_date", Rule.BIRTH_DATE),
        (JOIN.replace("DURAND", ""), "family_name", Rule.NAME),
        (LEAVE.replace("oui", ""), "ported", Rule.YES_OR_NO),
    ],
)
def test_a_mistake_is_told_by_line_and_column(line, field, rule):
    found = read(LEAVE, line)
    assert [(one.line, one.field, one.rule) for one in found.findings] == [(3, field, rule)]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", Rule.HEADER),
        (b"nom;prenom\nDURAND;Claire\n", Rule.HEADER),
        (HEADER.encode(), Rule.EMPTY),
        ((HEADER + "\n" + (LEAVE + "\n") * (MOST_LINES + 1)).encode(), Rule.TOO_LONG),
    ],
)
def test_a_file_that_is_none_is_refused_whole(content, rule):
    found = read_movements(content)
    assert found.movements == ()
    assert [one.rule for one in found.findings] == [rule]


def test_who_joins_is_never_printed():
    found = read(JOIN)
    assert NIR[:13] not in repr(found)
    assert "DURAND" not in repr(found)
