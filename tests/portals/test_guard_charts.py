"""Pictures of the guard: nothing leaves its drawing, a gap stays a gap; signs in plain words."""

import re

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from rempart.guard import SignalKind
from rempart.portals.charts import HEIGHT, WIDTH
from rempart.portals.guard_charts import (
    StoryDay,
    draw_gauge,
    draw_lines,
    draw_spark,
    draw_story,
)
from rempart.portals.guard_wording import (
    EVENT_NAMES,
    SIGNAL_NAMES,
    SeenSignal,
    describe_signal,
)

PRICES = st.floats(0, 10_000)


def make_day(typed: float = 1.0, *, is_known: bool = True, allowance: float = 5.0) -> StoryDay:
    return StoryDay(
        label="01/11",
        low=0,
        expected=1.5,
        high=4,
        allowance=allowance,
        typed=typed,
        title="x",
        is_known=is_known,
    )


def read_corners(points: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in points.split())]


@given(st.lists(st.tuples(PRICES, PRICES, st.booleans()), min_size=1, max_size=12))
def test_no_day_leaves_the_drawing(days):
    chart = draw_story(
        [make_day(typed, allowance=allowed, is_known=known) for typed, allowed, known in days]
    )
    for bar in chart.bars:
        assert -0.01 <= bar.y <= HEIGHT
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.01
    for line in (*chart.bands, *chart.allowances, *chart.expected):
        for x, y in read_corners(line):
            assert 0 <= x <= WIDTH + 0.01
            assert -0.01 <= y <= HEIGHT
    assert len(chart.bars) == sum(known for *_, known in days)


def test_days_without_work_leave_a_gap_in_the_band():
    days = [make_day(), make_day(), make_day(is_known=False), make_day()]
    chart = draw_story(days)
    assert len(chart.bands) == len(chart.allowances) == 2
    assert len(chart.bars) == 3


def test_a_day_above_its_allowance_is_told_apart():
    inside, above = draw_story([make_day(5.0), make_day(5.1)]).bars
    assert (inside.css, above.css) == ("fill-lawful", "fill-attributed")


def test_small_columns_show_a_single_one_among_thousands():
    spark = draw_spark([1, 0, 5000], ["a", "b", "c"], css="x")
    assert spark.bars[0].height >= 4
    assert spark.bars[1].height == 0
    assert (spark.total, spark.top, spark.last) == (5001, 5000, 5000)


def test_a_gauge_is_half_full_at_its_threshold_and_never_more_than_full():
    assert draw_gauge(5, 5).width == WIDTH / 2
    assert not draw_gauge(5, 5).is_over
    assert draw_gauge(5.01, 5).is_over
    assert draw_gauge(500, 5).width == WIDTH
    assert draw_gauge(3, 0).width == 0


def test_a_line_of_tenths_has_an_axis_of_tenths():
    chart = draw_lines(["a", "b"], [("x", "c", [0.3, 0.4])], least_top=0.5)
    assert chart.y_ticks == (0.5, 0.25, 0.0)
    assert read_corners(chart.lines[0].corners)[-1] == (WIDTH, 60)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_spark([], [], css="x"),
        lambda: draw_spark([1], [], css="x"),
        lambda: draw_story([]),
        lambda: draw_lines([], [], least_top=1),
        lambda: draw_lines(["a"], [("x", "c", [])], least_top=1),
    ],
)
def test_a_picture_of_nothing_is_refused(draw):
    with pytest.raises(ValueError, match="need"):
        draw()


@pytest.mark.parametrize("kind", list(SignalKind))
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_sign_has_a_name_and_a_sentence(bench_desk, kind, language):
    with translation.override(language):
        words = describe_signal(SeenSignal(kind=kind, observed=7, expected=0.25, weight=1.3))
        assert words.name != kind
        assert words.sentence.endswith(".")
        assert re.search(r"3[,.]7|28[,.]0", words.likelihood)


def test_a_sign_counts_by_its_weight(bench_desk):
    def strength(weight: float) -> str:
        seen = SeenSignal(kind="network", observed=1, expected=0, weight=weight)
        return describe_signal(seen).strength

    assert [strength(w) for w in (0.2, 0.5, 1.2, 25.0)] == ["faible", "moyen", "fort", "décisif"]


def test_faces_are_said_as_counts_beside_what_is_usual(bench_desk):
    seen = SeenSignal(kind="typed_faces", observed=37.2, expected=5.4, weight=0.3)
    assert describe_signal(seen).sentence == (
        "37 visages nouveaux saisis aujourd’hui, d’habitude moins de 6."
    )


def test_a_sign_without_words_still_says_its_figures(bench_desk):
    seen = SeenSignal(kind="unheard", observed=2, expected=1, weight=1)
    assert "2,0 observé" in describe_signal(seen).sentence


def test_every_kind_of_sign_and_event_is_named():
    assert set(SIGNAL_NAMES) == set(SignalKind)
    assert set(EVENT_NAMES) == {"refused", "contained", "canary", "released", "late"}
