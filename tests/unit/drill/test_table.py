"""The README's table is what the report file says."""

import json

import pytest
from scripts.drill_table import BEGIN, END, README, REPORT, format_table, write_table

from rempart.drill.report import FIGURES


@pytest.fixture
def report():
    return json.loads(REPORT.read_text("utf-8"))


def test_the_readme_says_what_the_report_file_says(report):
    text = README.read_text("utf-8")
    assert write_table(text, report) == text, "run `make fix`"


def test_another_figure_makes_another_table(report):
    changed = json.loads(json.dumps(report))
    changed["attacks"][-1]["guard"]["worst"] += 1
    assert format_table(changed) != format_table(report)


def test_what_is_around_the_table_stays(report):
    text = f"a\n{BEGIN}\nold\n{END}\nb\n"
    written = write_table(text, report)
    assert written.startswith(f"a\n{BEGIN}\n")
    assert written.endswith(f"\n{END}\nb\n")
    assert "old" not in written


def test_the_report_file_has_figures_only_and_names_nobody(report):
    assert set(report) == set(FIGURES)
    assert report["days"]["attacked"] == 7
    assert report["policy"]["guard"] is True
