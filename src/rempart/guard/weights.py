"""The weights of one look-up of a new face: how much likelier of a thief than of this account.

Each is the logarithm of a likelihood ratio, bounded, so that no single sign convicts and none
acquits. The thief's side of each ratio is a broad assumption, written here; the owner's side is the
account's own past, leaning on its profession while it is short.

Source: Wald's sequential test, as in S41 for failed contacts; figures of detection in S42.
"""

import math
from typing import Final, NamedTuple

from rempart.guard.habits import Habits, Known
from rempart.guard.lookups import Lookup, Ref
from rempart.guard.rules import Norms
from rempart.guard.surroundings import Surroundings

# What a thief's list looks like: a quarter of it leads to nobody, its people live all over the
# country. Most lists miss more; one that misses as little must not look like its account for that.
_THIEF_MISSES: Final = 0.25
_THIEF_DEPARTMENT: Final = 1 / 100
# A thief keeps office hours: fourteen of them.
_THIEF_HOUR: Final = 1 / 14
# How many look-ups the profession's share is worth beside the account's own.
_PRIOR: Final = 12.0
# More accounts than this, all strangers to an address and typing there: the same hand.
_MOST_STRANGERS: Final = 2


class Weights(NamedTuple):
    """One weight for each sign; their sum is the look-up's."""

    network: float
    agent: float
    strangers: float
    geography: float
    insurer: float
    misses: float
    hour: float
    burst: float

    @property
    def is_from_a_strange_place(self) -> bool:
        """Whether the address or the software is new to the account."""
        return self.network > 1.0 or self.agent > 0.0

    @property
    def of_person(self) -> float:
        """The weight of whom it is about."""
        return self.geography + self.insurer + self.misses

    @property
    def of_place(self) -> float:
        """The weight of where and when it comes from."""
        return self.network + self.agent + self.strangers + self.hour

    @property
    def priced(self) -> float:
        """The weight a typed look-up is priced at: its own place makes nobody cheaper."""
        place = self.of_place
        return self.of_person + self.burst + (place if place > 0 else 0.0)

    @property
    def total(self) -> float:
        """The weight of the whole look-up."""
        network, agent, strangers, geography, insurer, misses, hour, burst = self
        return network + agent + strangers + geography + insurer + misses + hour + burst


def weigh(
    habits: Habits,
    lookup: Lookup,
    *,
    surroundings: Surroundings,
    norms: Norms,
    hour: int,
    is_young: bool,
) -> Weights:
    """Weigh a look-up of a new face.

    Args:
        habits: Of the account, before the look-up.
        lookup: The look-up.
        surroundings: What others did from its address.
        norms: Of the account's profession.
        hour: Its hour.
        is_young: Whether the account is too new to have addresses of an earlier day.
    """
    day = habits.today.day
    strangers = 0.0
    known = habits.addresses.get(lookup.ip)
    if _is_usual(known, day, is_young=is_young):
        network = -1.5
    elif surroundings.is_carrier or (known is not None and lookup.presence):
        # Of anybody; or of a line that changed today: known faces came from there, and cards do.
        network = 0.3
    else:
        network = 1.6
        if not lookup.presence and surroundings.strangers > _MOST_STRANGERS:
            strangers = 1.5
    is_usual = _is_usual(habits.agents.get(lookup.user_agent), day, is_young=is_young)
    return Weights(
        network,
        -0.2 if is_usual else 1.2,
        strangers,
        _weigh_geography(habits, lookup.subject_department, norms),
        0.0 if not lookup.found else -0.1 if lookup.insurer in habits.insurers else 0.4,
        _weigh_outcome(habits, norms, found=lookup.found),
        _weigh_hour(habits, hour),
        _weigh_burst(habits, lookup),
    )


def expected_from(habits: Habits, department: Ref, norms: Norms) -> float:
    """Return the share of an account's people that is usual from one department.

    Never less than an even part of all who come from far: somebody from a department it never met
    is as usual as people from far are. So a far person speaks against the account, or for nobody.
    """
    far = 1 - norms.local
    usual = _THIEF_DEPARTMENT
    if habits.department is not None:
        usual *= far
        if department == habits.department:
            usual += norms.local
    own = habits.departments.get(department, 0.0)
    whole = _PRIOR + habits.placed
    return max(
        (usual * _PRIOR + own) / whole, _THIEF_DEPARTMENT * (far * _PRIOR + habits.far) / whole
    )


def expected_misses(habits: Habits, norms: Norms) -> float:
    """Return the share of look-ups that lead to nobody that is usual for an account."""
    own = habits.missed
    share = (norms.missed * _PRIOR + own.hits) / (_PRIOR + own.total)
    return min(max(share, 0.01), 0.6)


def expected_at_hour(habits: Habits, hour: int) -> float:
    """Return the share of an account's hours of work at an hour; even while it has none."""
    return (habits.hours[hour] + 0.15) / (habits.hours_total + 3.6)


def _is_usual(known: Known | None, day: int, *, is_young: bool) -> bool:
    return known is not None and (known.since < day or is_young)


def _weigh_geography(habits: Habits, department: Ref | None, norms: Norms) -> float:
    if department is None:
        return 0.0
    weight = math.log(_THIEF_DEPARTMENT / expected_from(habits, department, norms))
    return -1.5 if weight < -1.5 else min(weight, 2.2)


def _weigh_outcome(habits: Habits, norms: Norms, *, found: bool) -> float:
    usual = expected_misses(habits, norms)
    if found:
        return math.log((1 - _THIEF_MISSES) / (1 - usual))
    return math.log(_THIEF_MISSES / usual)


def _weigh_hour(habits: Habits, hour: int) -> float:
    return max(-0.5, min(1.2, 0.5 * math.log(_THIEF_HOUR / expected_at_hour(habits, hour))))


def _weigh_burst(habits: Habits, lookup: Lookup) -> float:
    if lookup.presence or habits.burst <= habits.usual_burst:
        return 0.0
    return min(1.5, 0.7 * math.log(habits.burst / habits.usual_burst))
