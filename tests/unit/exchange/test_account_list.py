"""A list of stolen accounts: what is read, and what is told of each line that cannot be."""

import pytest

from rempart.exchange.account_list import read_account_list, tell_unknown

RPPS = "99000000010"


def read(text: str) -> tuple[list[tuple[int, str]], list[tuple[int | None, str]]]:
    listed, findings = read_account_list(text.splitlines(keepends=True))
    return [(one.line, one.number) for one in listed], [(f.line, f.rule) for f in findings]


FILES = {
    "numbers alone": (f"{RPPS}\n750000012\n", [(1, RPPS), (2, "750000012")], []),
    "with a header": (f"rpps;name\n{RPPS};x\n", [(2, RPPS)], []),
    "in another column": (f"name,rpps\nx,{RPPS}\n", [(2, RPPS)], []),
    "with tabs, and a mark at its beginning": (f"\ufeffname\tRPPS\nx\t{RPPS}\n", [(2, RPPS)], []),
    "written with spaces": ("99 0000 00010\n", [(1, RPPS)], []),
    "twice the same": (f"{RPPS}\n\n{RPPS}\n", [(1, RPPS)], []),
    "a reference of ours": ("4611686018427387903\n", [(1, "4611686018427387903")], []),
    "a Corsican place": ("2A0000014\n", [(1, "2A0000014")], []),
    "a wrong key": ("99000000016\n", [], [(1, "rpps_key")]),
    "a letter for a digit": ("9900000001O\n", [], [(1, "account_letters")]),
    "rounded by a spreadsheet": ("9,9E+10\n", [], [(1, "account_rounded")]),
    "rounded, with a point": ("9.9E+10;x\n", [], [(1, "account_rounded")]),
    "a name": ("Officine\n", [], [(1, "account_letters")]),
    "nothing where a number should be": ("x;rpps\ny;\n", [], [(2, "account_missing")]),
    "bytes of nothing": (f"{RPPS}\x00\n", [(1, RPPS)], []),
    "one wrong line among others": (
        f"{RPPS}\nabc\n750000012\n",
        [(1, RPPS), (3, "750000012")],
        [(2, "account_format")],
    ),
}


@pytest.mark.parametrize("story", FILES)
def test_each_line_is_read_or_told(story):
    text, numbers, findings = FILES[story]
    assert read(text) == (numbers, findings)


def test_a_finding_says_where_and_what_to_do_and_repeats_no_number():
    _, [finding] = read_account_list(["99000000016\n"])
    assert finding.advice
    assert "99000000016" not in f"{finding}"
    [listed], _ = read_account_list([RPPS])
    assert RPPS not in f"{listed!r} {tell_unknown(listed)}"
