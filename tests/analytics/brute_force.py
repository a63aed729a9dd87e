"""The two questions answered entry by entry: what every engine must agree with."""

from collections.abc import Collection, Iterable

from rempart.disclosure.entry import Entry, Kind
from rempart.storage.ledger_expressions import Seen, SeenPerson


def who_saw(
    entries: Iterable[Entry], persons: Collection[int], *, from_ms: int, to_ms: int
) -> list[Seen]:
    found = [
        Seen(*(getattr(one, name) for name in Seen._fields))
        for one in entries
        if one.person_ref in persons and from_ms <= one.t_ms < to_ms
    ]
    return sorted(found, key=lambda one: (one.t_ms, one.log_id, one.idx))


def seen_by(
    entries: Iterable[Entry],
    *,
    accounts: Collection[int] | None = None,
    sessions: Collection[int] | None = None,
    from_ms: int,
    to_ms: int,
) -> list[SeenPerson]:
    people: dict[tuple[int, int], SeenPerson] = {}
    for one in entries:
        asked = one.account_ref in accounts if accounts is not None else True
        asked = asked and (sessions is None or one.session_ref in sessions)
        shown = one.kind in (Kind.DISCLOSE, Kind.NEGATIVE) and one.person_ref != 0
        if not (asked and shown and from_ms <= one.t_ms < to_ms):
            continue
        key = (one.person_ref, one.insurer_id)
        known = people.get(key, SeenPerson(*key, 0, 0, one.t_ms, one.t_ms))
        people[key] = SeenPerson(
            *key,
            known.fields | one.fields,
            known.lookups + 1,
            min(known.first_ms, one.t_ms),
            max(known.last_ms, one.t_ms),
        )
    return [people[key] for key in sorted(people)]
