"""The drawing of what growth costs is of the figures that are kept."""

import defusedxml.ElementTree as ElementTree
import pytest
from scripts.cost_drawing import DRAWING, FIGURES, Panel, draw, read_panels


def test_the_drawing_is_of_the_kept_figures():
    assert DRAWING.read_text() == draw(read_panels(FIGURES.read_text()))


def test_a_drawing_is_xml_and_says_its_last_figures_to_whoever_cannot_see_it():
    text = draw([Panel("Title", "across", "up", [(1, 2.5), (10, 20)])])
    root = ElementTree.fromstring(text)
    assert root[0].text == "Title: 20 up at 10 across"


@pytest.mark.parametrize(("points", "most"), [([(1, 0.7)], (1, 0.8)), ([(33, 52)], (40, 60))])
def test_axes_end_at_the_next_value_that_is_short_to_write(points, most):
    assert Panel("", "", "", points).most == pytest.approx(most)
