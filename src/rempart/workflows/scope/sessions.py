"""Sessions of foreign logs, judged by the very rules of an incident on Rempart's own ledger.

What a log does not hold is unknown and speaks for nobody. Refuses to decide who was exposed: a
verdict says whose a session was, and what its look-ups mean is for `incidents.exposure` to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

import duckdb

from rempart.exchange.scope_inputs import Network
from rempart.incidents.attribution import SessionVerdict, judge_sessions
from rempart.incidents.evidence import (
    Habit,
    Session,
    SessionTally,
    spread_hours,
    summarise_habit,
)
from rempart.storage import scope
from rempart.storage.scope import Label, TallyRow

# One address for everybody is a proxy's, or one that was rewritten.
_TELLING_ADDRESSES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSession:
    """One session of the window: what the logs call it, what it did, whose it was."""

    label: Label
    tally: SessionTally
    verdict: SessionVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known from elsewhere.

    Args:
        confirmed: Sessions that the operator established as stolen: account and session, as logged.
        attack_addresses: Addresses and networks of the attack.
        has_cards: Whether any log knows of cards.
        claim_days: A claim explains a look-up of so many days before; None without any claims.
    """

    confirmed: frozenset[tuple[str, str]] = frozenset()
    attack_addresses: tuple[Network, ...] = ()
    has_cards: bool = False
    claim_days: int | None = None


def judge_foreign_sessions(
    connection: duckdb.DuckDBPyConnection, known: Known
) -> list[JudgedSession]:
    """Judge every session that did something in the window, by session."""
    rows = scope.list_tallies(connection, has_cards=known.has_cards)
    labels = scope.list_labels(connection)
    origins = _read_origins(connection)
    hours = scope.list_hours(connection)
    runs = scope.list_ordered_runs(connection)
    claims = (
        {}
        if known.claim_days is None
        else scope.list_claims_followed(connection, claim_days=known.claim_days)
    )
    habits = _make_habits(rows, origins, hours)
    tallies = []
    for row in rows:
        if not row.in_window:
            continue
        habit = habits.get(row.account_ref, Habit(account_ref=row.account_ref))
        tally = _make_tally(row, origins[row.session_ref, True], habit, hours)
        label = labels[row.session_ref]
        known_claims, followed = claims.get(row.session_ref, (None, None))
        tallies.append(
            replace(
                tally,
                ordered=runs.get(row.session_ref),
                claims_known=known_claims,
                claims_followed=followed,
                confirmed_theft=(label.account, label.session) in known.confirmed or None,
            )
        )
    verdicts = judge_sessions(
        tallies, habits, attack_addresses=_find_attack(tallies, known.attack_addresses)
    )
    by_session = {tally.session.session_ref: tally for tally in tallies}
    return [
        JudgedSession(
            label=labels[verdict.session_ref],
            tally=by_session[verdict.session_ref],
            verdict=verdict,
        )
        for verdict in verdicts
    ]


def _read_origins(
    connection: duckdb.DuckDBPyConnection,
) -> dict[tuple[int, bool], list[tuple[str, str]]]:
    """Return addresses and software of each session; no address where all have the same."""
    [(addresses,)] = scope.fetch(connection, "count_addresses")
    telling = addresses >= _TELLING_ADDRESSES
    origins: dict[tuple[int, bool], list[tuple[str, str]]] = {}
    for session_ref, in_window, address, agent in scope.list_origins(connection):
        origins.setdefault((session_ref, in_window), []).append((address if telling else "", agent))
    return origins


def _make_habits(
    rows: Sequence[TallyRow],
    origins: Mapping[tuple[int, bool], list[tuple[str, str]]],
    hours: Mapping[tuple[int, bool], Mapping[int, int]],
) -> dict[int, Habit]:
    past: dict[int, list[SessionTally]] = {}
    places: dict[int, set[str]] = {}
    agents: dict[int, set[str]] = {}
    for row in rows:
        if row.in_window:
            continue
        came = origins[row.session_ref, False]
        empty = Habit(account_ref=row.account_ref)
        past.setdefault(row.account_ref, []).append(_make_tally(row, came, empty, hours))
        places.setdefault(row.account_ref, set()).update(address for address, _ in came)
        agents.setdefault(row.account_ref, set()).update(agent for _, agent in came)
    return {
        account_ref: replace(
            summarise_habit(account_ref, tallies),
            addresses=frozenset(places[account_ref] - {""}),
            agents=frozenset(agents[account_ref] - {""}),
        )
        for account_ref, tallies in past.items()
    }


def _make_tally(
    row: TallyRow,
    came: Sequence[tuple[str, str]],
    habit: Habit,
    hours: Mapping[tuple[int, bool], Mapping[int, int]],
) -> SessionTally:
    """Make a tally of sums; of several origins, the first that the account never had before."""
    strange = [address for address, _ in came if address and address not in habit.addresses]
    other = [agent for _, agent in came if agent and agent not in habit.agents]
    return SessionTally(
        session=Session(
            session_ref=row.session_ref,
            account_ref=row.account_ref,
            address=strange[0] if strange else came[0][0],
            agent=other[0] if other else came[0][1],
        ),
        lookups=row.lookups,
        typed=row.typed,
        presences=row.presences,
        nobody=row.nobody,
        known_faces=row.known_faces,
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        gap_squares=int(row.gap_squares),
        hours=spread_hours(hours[row.session_ref, row.in_window]),
    )


def _find_attack(tallies: Sequence[SessionTally], networks: Sequence[Network]) -> frozenset[str]:
    """Return the addresses of sessions that are in the attack's networks."""
    seen = {tally.session.address for tally in tallies}
    return frozenset(address for address in seen if _is_in(address, networks))


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
