"""What a cut stops, for whom, and what it leaves working."""

import pytest

from rempart.rights.cuts import (
    Cut,
    CutReason,
    CutScope,
    RightsCut,
    StillWorks,
    find_cut,
    list_still_works,
)

NOW = 1_795_000_000_000
ME, OTHER = "9900000001", "9900000002"


def make_cut(scope, **changes):
    insurer = {"insurer_id": 1, "amc_number": ME} if scope is CutScope.INSURER else {}
    return Cut(
        **{"scope": scope, "reason": CutReason.INCIDENT, "starts_ms": NOW, **insurer, **changes}
    )


def find(*cuts, by_portal=False, amc_number=ME, now_ms=NOW, insurer_id=None):
    return find_cut(
        cuts, by_portal=by_portal, amc_number=amc_number, insurer_id=insurer_id, now_ms=now_ms
    )


@pytest.mark.parametrize(
    ("scope", "by_portal", "by_software"),
    [
        (CutScope.RIGHTS, True, True),
        (CutScope.PORTAL, True, False),
        (CutScope.GATEWAY, False, True),
        (CutScope.INSURER, True, True),
    ],
)
def test_each_cut_stops_its_own_way_and_no_other(scope, by_portal, by_software):
    cut = make_cut(scope)
    assert (find(cut, by_portal=True) is cut) is by_portal
    assert (find(cut, by_portal=False) is cut) is by_software


def test_another_insurer_goes_on():
    assert find(make_cut(CutScope.INSURER), amc_number=OTHER, insurer_id=2) is None
    assert find(make_cut(CutScope.INSURER), amc_number=None, insurer_id=1) is not None


def test_the_widest_cut_is_told():
    wide = make_cut(CutScope.RIGHTS)
    assert find(make_cut(CutScope.INSURER), make_cut(CutScope.GATEWAY), wide) is wide


def test_a_cut_lasts_from_its_first_millisecond_to_before_its_last():
    cut = make_cut(CutScope.RIGHTS, ends_ms=NOW + 10)
    assert [find(cut, now_ms=NOW + n) is cut for n in (-1, 0, 9, 10)] == [False, True, True, False]


@pytest.mark.parametrize("scope", list(CutScope))
def test_cards_claims_and_payments_go_on_whatever_is_cut(scope):
    assert {StillWorks.OFFLINE_CARD, StillWorks.CLAIMS, StillWorks.PAYMENTS} <= set(
        list_still_works(scope)
    )


def test_claims_and_payments_cannot_be_cut():
    assert {scope.value for scope in CutScope} == {"rights", "portal", "gateway", "insurer"}


@pytest.mark.parametrize(
    ("ends_in_s", "retry_s"), [(None, 300), (5, 60), (600, 600), (86_400, 3600)]
)
def test_whoever_is_refused_is_told_when_to_come_back(ends_in_s, retry_s):
    ends_ms = None if ends_in_s is None else NOW + ends_in_s * 1000
    refusal = RightsCut(make_cut(CutScope.RIGHTS, ends_ms=ends_ms), now_ms=NOW)
    assert (refusal.status, refusal.code, refusal.retry_after_s) == (503, "rights_cut", retry_s)


def test_an_insurer_is_named_when_one_is_cut_and_only_then():
    with pytest.raises(ValueError, match="an insurer"):
        make_cut(CutScope.RIGHTS, insurer_id=1)
