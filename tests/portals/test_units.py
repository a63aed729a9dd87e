"""Parts of the portals on their own: drawings, pseudonyms, colours, vendored files."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

import rempart.portals
from rempart.kernel.instants import to_ms
from rempart.portals import design
from rempart.portals.api_docs import describe_api
from rempart.portals.charts import (
    HEIGHT,
    WIDTH,
    Point,
    Series,
    draw_columns,
    draw_shares,
    measure,
    round_up,
)
from rempart.portals.pseudonyms import format_account, format_session
from rempart.portals.times import in_paris
from rempart.portals.watching import parse_watch

STATIC = Path(rempart.portals.__file__).parent / "static"
DOCS = Path(__file__).parents[2] / "docs"
ONE = Series(name="one", css="fill-lawful")
TWO = Series(name="two", css="fill-attributed", hatched=True)


@pytest.mark.parametrize(
    ("value", "top"),
    [
        *((0, 1), (1, 1), (2, 2), (3, 4), (4, 4), (5, 5), (6, 10), (10, 10), (11, 20), (99, 100)),
        *((101, 200), (999, 1000), (3001, 4000)),
    ],
)
def test_an_axis_ends_on_a_round_figure(value, top):
    assert round_up(value) == top


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=200))
def test_no_column_leaves_its_drawing_and_none_is_lost(counts):
    points = [Point(label=str(at), counts=pair) for at, pair in enumerate(counts)]
    chart = draw_columns(points, [ONE, TWO])
    assert len(chart.columns) == len(counts)
    for column, pair in zip(chart.columns, counts, strict=True):
        assert len(column.blocks) == sum(count > 0 for count in pair)
        for block in column.blocks:
            assert -0.01 <= block.y <= HEIGHT
            assert block.y + block.height <= HEIGHT + 0.01
            assert 0 <= block.x <= block.x + block.width <= WIDTH + 0.01


def test_a_column_stacks_its_series_from_the_bottom():
    [column] = draw_columns([Point(label="noon", counts=(1, 3))], [ONE, TWO]).columns
    low, high = column.blocks
    assert (low.y, low.height) == (225, 75)
    assert (high.y, high.height) == (0, 225)
    assert column.title == "noon : one 1, two 3"


def test_the_ticks_keep_the_first_and_the_last():
    points = [Point(label=str(at), counts=(at,)) for at in range(60)]
    assert draw_columns(points, [ONE]).x_ticks == ("0", "15", "30", "44", "59")
    assert not draw_columns(points, [ONE]).names_each
    # Of a few columns none loses its name: a name would stand under another's column.
    few = draw_columns(points[:6], [ONE])
    assert few.x_ticks == ("0", "1", "2", "3", "4", "5")
    assert few.names_each


@pytest.mark.parametrize("points", [[], [Point(label="x", counts=(1, 2))]])
def test_a_chart_without_points_or_with_a_count_too_many_is_refused(points):
    with pytest.raises(ValueError, match="a chart needs points"):
        draw_columns(points, [ONE])


def test_shares_fill_the_bar_and_nothing_is_nothing():
    shares = draw_shares([(ONE, 1), (TWO, 3)])
    assert [(share.x, share.width, share.percent) for share in shares] == [
        (0, 250, 25),
        (250, 750, 75),
    ]
    assert [share.width for share in draw_shares([(ONE, 0), (TWO, 0)])] == [0, 0]


def test_a_small_count_is_seen_and_none_is_not():
    assert measure(1, 1_000_000) > 0
    assert measure(0, 10) == 0
    assert measure(0, 0) == 0
    assert measure(10, 10) == WIDTH


def test_a_pseudonym_tells_accounts_apart_and_never_repeats_the_reference():
    assert format_account(31) == "C-0000-000Z"
    assert format_session(1 << 40) == "S-0000-0000"
    names = {format_account(ref * 7919 + 5) for ref in range(10_000)}
    assert len(names) == 10_000


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_are_exact(t_ms):
    assert to_ms(in_paris(t_ms)) == t_ms


def test_paris_time_follows_the_season():
    assert f"{in_paris(1_767_225_600_000):%H:%M}" == "01:00"
    assert f"{in_paris(1_782_864_000_000):%H:%M}" == "02:00"


@given(
    st.dictionaries(
        st.sampled_from(["periode", "page", "tri", "sens", "compte", "mode"]), st.text()
    )
)
def test_any_address_of_the_live_page_is_a_watch(bench_desk, query):
    address = QueryDict(mutable=True, encoding="utf-8")
    address.update(query)
    watch = parse_watch(address)
    assert watch.page >= 1
    assert watch.minutes in (15, 60, 1440, 10080)


def test_contrast_is_that_of_the_published_examples():
    assert design.compute_contrast("#000000", "#ffffff") == 21
    assert design.compute_contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert design.compute_contrast("#ffffff", "#ffffff") == 1


@pytest.mark.parametrize(
    "swatch", design.read_design(), ids=lambda s: f"{s.pair.front}/{s.pair.back}"
)
def test_every_pair_of_colours_has_the_contrast_its_use_asks_for(swatch):
    assert swatch.passes


def test_the_rule_sees_a_pair_that_is_too_pale():
    pale = design.Swatch(pair=design.PAIRS[0], front="#999999", back="#ffffff", contrast=2.8)
    assert not pale.passes


def test_the_design_page_of_the_docs_has_the_same_figures():
    page = (DOCS / "explanation" / "interface.md").read_text("utf-8")
    for swatch in design.read_design():
        line = f"| `{swatch.pair.front}` | `{swatch.pair.back}` | {swatch.contrast} |"
        assert line in page


def test_every_colour_of_the_style_sheet_is_a_token():
    """Outside the tokens, only white, print black and a few tints of drawings are written down."""
    text = (STATIC / "rempart.css").read_text("utf-8")
    rules = text.split("}", 1)[1].split("@media print")[0]
    tints = {"#fff", "#eaf4f6", "#d6e6e9", "#0b3f4a", "#7fb0b9", "#c9a227", "#e9b5a3", "#eef2f2"}
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", rules)) <= tints | {"#f8fafa"}


def test_vendored_files_are_those_that_were_published():
    readme = (STATIC / "vendor" / "README.md").read_text("utf-8")
    for name in ("pico.min.css", "htmx.min.js"):
        digest = hashlib.sha256((STATIC / "vendor" / name).read_bytes()).digest()
        assert f"`{name}` sha256-{base64.b64encode(digest).decode()}" in readme


def test_a_choice_of_the_api_lists_what_is_common_once():
    def shape(name: str, extra: str) -> dict[str, object]:
        text = {"type": "string"}
        return {
            "properties": {"kind": {"enum": [name]}, "same": text, extra: text},
            "required": ["kind", "same", extra],
        }

    document = {
        "paths": {
            "/x": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/X"}}
                        }
                    }
                }
            }
        },
        "components": {"schemas": {"X": {"anyOf": [shape("a", "only_a"), shape("b", "only_b")]}}},
    }
    [operation] = describe_api(document).operations
    assert [(field.path, field.type, field.shape) for field in operation.fields] == [
        ("kind", '"a" | "b"', ""),
        ("same", "string", ""),
        ("only_a", "string", '"a"'),
        ("only_b", "string", '"b"'),
    ]


def test_a_schema_that_refers_to_itself_ends():
    loop = {"properties": {"child": {"$ref": "#/components/schemas/X"}}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}
    document = {
        "paths": {"/x": {"post": {"requestBody": {"content": content}}}},
        "components": {"schemas": {"X": loop}},
    }
    [operation] = describe_api(document).operations
    assert 1 <= len(operation.fields) < 20
