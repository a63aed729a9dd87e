"""How far an answer reaches: every entry of the window is in exactly one stretch, gaps included."""

from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure import reach as module
from rempart.disclosure.reach import LogSpan, Place, Reach, SealedSegment, decide_stretches

EVER = {"from_ms": 0, "to_ms": 1 << 50}


def make_segment(number: int, state: str = "cold", *, first_ms: int = 10, last_ms: int = 20):
    return SealedSegment(1, number, state, first_ms, last_ms, f"{number}.a", f"{number}.p")


def decide(span: LogSpan, *segments: SealedSegment, **window: int):
    known = {(one.log_id, one.segment): one for one in segments}
    return decide_stretches([span], known, **{**EVER, **window})


def test_a_span_is_cut_at_the_borders_of_segments():
    found = decide(LogSpan(1, 8, 100, 600), make_segment(1))
    assert [(one.segment, one.start, one.stop, one.place) for one in found] == [
        (0, 100, 256, Place.HOT),
        (1, 256, 512, Place.COLD),
        (2, 512, 600, Place.HOT),
    ]


def test_a_segment_that_ends_where_the_span_starts_is_not_in_it():
    [one] = decide(LogSpan(1, 8, 256, 512), make_segment(0), make_segment(2))
    assert (one.segment, one.start, one.stop) == (1, 256, 512)


def test_an_empty_span_has_no_stretch():
    assert decide(LogSpan(1, 8, 256, 256)) == ()


def test_sealed_and_still_in_the_database_is_read_there_only():
    [one] = decide(LogSpan(1, 8, 0, 256), make_segment(0, "sealed"))
    assert one.place is Place.HOT


def test_a_window_touches_a_segment_by_its_first_and_its_last_instant():
    span, segment = LogSpan(1, 8, 0, 256), make_segment(0, first_ms=10, last_ms=20)
    assert decide(span, segment, from_ms=20, to_ms=30)
    assert decide(span, segment, from_ms=0, to_ms=11)
    assert not decide(span, segment, from_ms=21, to_ms=30)
    assert not decide(span, segment, from_ms=0, to_ms=10)


def test_mutation_forgetting_the_times_opens_every_file(monkeypatch):
    monkeypatch.setattr(module, "_meets", lambda *_: True)
    assert decide(LogSpan(1, 8, 0, 256), make_segment(0), from_ms=21, to_ms=30)


@given(
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.dictionaries(st.integers(0, 11), st.sampled_from(["sealed", "cold", "dropped"])),
)
def test_every_entry_is_in_exactly_one_stretch(start, stop, states):
    found = decide(LogSpan(1, 8, start, stop), *(make_segment(n, s) for n, s in states.items()))
    assert [idx for one in found for idx in range(one.start, one.stop)] == list(range(start, stop))
    reach = Reach(**EVER, stretches=found, erased={})
    hot = {idx for _, first, last in reach.list_hot_ranges() for idx in range(first, last)}
    gone = {idx for one in reach.missing for idx in range(one.start, one.stop)}
    for idx in range(start, stop):
        state = states.get(idx >> 8)
        assert (idx in hot) == (state in (None, "sealed"))
        assert (idx in gone) == (state == "dropped")
    assert reach.is_complete == (not gone)


def test_neighbouring_ranges_are_joined_and_logs_kept_apart():
    spans = [LogSpan(2, 8, 0, 300), LogSpan(1, 8, 0, 512)]
    reach = Reach(**EVER, stretches=decide_stretches(spans, {}, **EVER), erased={})
    assert reach.list_hot_ranges() == [(1, 0, 512), (2, 0, 300)]


def test_openings_erased_one_by_one_leave_an_answer_incomplete():
    reach = Reach(**EVER, stretches=(), erased={1: 2})
    assert not reach.is_complete
    assert reach.missing == ()
