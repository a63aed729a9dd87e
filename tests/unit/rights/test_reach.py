"""What a cut at the host stops for whoever works for insurers, and what goes on."""

import pytest

from rempart.rights.cuts import Cut, CutReason, CutScope, StillWorks, decide_reach, find_cut


@pytest.mark.parametrize(
    ("scope", "insurer_id", "stopped", "untouched"),
    [
        (CutScope.RIGHTS, None, (7, 8), ()),
        (CutScope.PORTAL, None, (7, 8), ()),
        (CutScope.GATEWAY, None, (7, 8), ()),
        (CutScope.INSURER, 7, (7,), (8,)),
    ],
)
def test_a_cut_stops_every_insurer_of_a_party_or_the_one_it_is_about(
    scope, insurer_id, stopped, untouched
):
    reach = decide_reach(scope, insurer_id, (7, 8))
    assert reach is not None
    assert (reach.stopped, reach.untouched) == (stopped, untouched)
    assert {StillWorks.CLAIMS, StillWorks.PAYMENTS, StillWorks.OFFLINE_CARD} <= set(reach.goes_on)
    assert (StillWorks.OTHER_WAY in reach.goes_on) == (scope in {"portal", "gateway"})
    assert (StillWorks.OTHER_INSURERS in reach.goes_on) == bool(untouched)


def test_a_cut_of_anothers_insurer_and_a_party_without_one_are_not_touched():
    assert decide_reach(CutScope.INSURER, 9, (7, 8)) is None
    assert decide_reach(CutScope.RIGHTS, None, ()) is None
    alone = decide_reach(CutScope.INSURER, 7, (7,))
    assert alone is not None
    assert StillWorks.OTHER_INSURERS not in alone.goes_on


@pytest.mark.parametrize("scope", CutScope)
def test_what_is_told_to_stop_is_what_the_gateway_stops(scope):
    """Held against the rule that refuses checks: nobody is told of a stop that is none."""
    insurer_id = 7 if scope is CutScope.INSURER else None
    cut = Cut(scope=scope, reason=CutReason.INCIDENT, starts_ms=0, insurer_id=insurer_id)
    reach = decide_reach(scope, insurer_id, (7, 8))
    assert reach is not None
    for one in (7, 8):
        ways = [
            find_cut([cut], by_portal=by_portal, now_ms=1, insurer_id=one) is not None
            for by_portal in (True, False)
        ]
        assert any(ways) == (one in reach.stopped)
        assert (not all(ways)) == (StillWorks.OTHER_WAY in reach.goes_on or one in reach.untouched)
