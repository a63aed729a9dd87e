"""Exactly who, as defined: the database held to the definition, whatever happened (I12)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from tests.workflows.test_expose_persons import (
    BYSTANDER,
    CLAIM_MS,
    DAY_MS,
    OTHER_SUSPECT,
    START,
    SUSPECT,
    WINDOW,
    Diary,
    a_stolen_pharmacy,
    declare,
    expose,
    prepare_analyst,
    recount,
    write,
)

from rempart.disclosure.entry import Mode, Outcome
from rempart.disclosure.fields import Field
from rempart.incidents.attribution import Verdict
from rempart.incidents.evidence import (
    LookUp,
    SessionTally,
    summarise_session,
)
from rempart.incidents.exposure import LISTED
from rempart.kernel.errors import (
    InconsistentRecord,
)
from rempart.storage import incidents, suspect_lookups
from rempart.storage.connect import Database, Transaction
from rempart.storage.queries import Queries, parse_queries
from rempart.storage.suspect_lookups import find_lookups, gather_lookups


@pytest.fixture
def analyst(database: Database) -> Callable[[], AbstractContextManager[Transaction]]:
    """A function that opens transactions of the analyst on a database with three professionals."""
    return prepare_analyst(database)


KINDS = {  # share typed, address, software
    "owner": (0.05, "198.18.0.1", "Officine"),
    "thief": (1.0, "198.19.0.9", "python-requests"),
    "both": (0.6, "198.18.0.1", "Officine"),
    "telephone": (0.1, "203.0.113.5", "Phone"),
}


def invent(random: Random) -> Diary:
    """Invent a ledger: two logs, three accounts, sessions of every kind, before, in and after."""
    diary = Diary()
    for session_ref in range(1, 40):
        kind = random.choice(list(KINDS))
        share_typed, address, agent = KINDS[kind]
        account_ref = random.choice((SUSPECT, OTHER_SUSPECT, BYSTANDER))
        diary.open(session_ref, account_ref, address=address, agent=agent)
        begins = START + random.choice((0, DAY_MS // 2, DAY_MS - 60_000))
        if kind in ("owner", "telephone") and random.random() < 0.7:
            begins = START - random.choice((40 * DAY_MS, 27 * DAY_MS, 3 * DAY_MS, 60_000))
        for _ in range(random.randint(1, 40)):
            typed = random.random() < share_typed
            diary.note(
                session_ref,
                begins + random.randint(0, 120_000) // 1000 * 1000,
                mode=Mode.TYPED if typed else random.choice((Mode.CARD, Mode.VITALE)),
                person_ref=random.choice((0, *range(1, 40))),
                insurer_id=random.randint(0, 3),
                lookup_key=UUID(int=random.randint(1, 30)),
                fields=random.choice((0b1, 0b11, 0b10100, 0b1 | Field.NIR)),
                log_id=random.choice((1, 2)),
            )
    # Some read what became of their claims.
    others = Random(len(diary.lookups))
    diary.lookups = [
        (log_id, idx, replace(one, mode=Mode.CLAIM, typed_fields=0))
        if others.random() < 0.15
        else (log_id, idx, one)
        for log_id, idx, one in diary.lookups
    ]
    # An owner's telephone, from nowhere known, that scans cards.
    diary.open(90, SUSPECT, address="203.0.113.77", agent="Telephone")
    for n in range(6):
        diary.note(90, START + n * 200_000, mode=Mode.CARD, person_ref=60 + n)
    # A thief with a list, and nothing of the owner's.
    diary.open(91, SUSPECT, address="192.0.2.9", agent="curl/8")
    for n in range(40):
        diary.note(91, START + 7_000 + n * 1_000, person_ref=200 + n if n % 3 else 0)
    return diary


Billed = tuple[int, int, int, str]
"""A claim: of the account's establishment, for whom, when, in which state."""


def invent_claims(random: Random, diary: Diary) -> list[Billed]:
    """Invent claims of one suspect's establishment: some follow a look-up, some come too late."""
    return [
        (
            OTHER_SUSPECT,
            lookup.person_ref,
            lookup.t_ms + random.choice((0, 3_600_000, 13 * DAY_MS, CLAIM_MS, -1_000)),
            random.choice(("adjudicated", "remitted", "paid", "rejected", "cancelled")),
        )
        for _, _, lookup in diary.lookups
        if lookup.account_ref == OTHER_SUSPECT and lookup.person_ref and random.random() < 0.5
    ]


def bill(database: Database, claims: Iterable[Billed]) -> None:
    """Write claims, each account's for an establishment of its own."""
    with database.transaction("admin") as tx:
        for account_ref in (SUSPECT, OTHER_SUSPECT):
            tx.execute(
                "INSERT INTO accounts.establishment"
                " (establishment_ref, finess, siret, name, postcode, city)"
                " VALUES (%s, %s, %s, 'Officine', '31000', 'Toulouse')",
                (account_ref, f"990000{account_ref}", f"99000000000{account_ref}"),
            )
            tx.execute(
                "UPDATE accounts.professional SET establishment_ref = account_ref"
                " WHERE account_ref = %s",
                (account_ref,),
            )
        tx.cursor().executemany(
            "INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,"
            " digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,"
            " received_at, state)"
            " SELECT %s, %s, 1, 'json', 'F', sha256(%s::text::bytea), %s, 1, '19800101',"
            " '2024-01-01', '2024-01-01', 100, to_timestamp(%s / 1000.0), %s",
            [(n, one[0], n, *one[1:]) for n, one in enumerate(claims, 1)],
        )


def note_claims(diary: Diary, claims: Sequence[Billed]) -> Diary:
    """What is known of each look-up: a claim followed; or its time is over, where one bills."""
    accepted = [one for one in claims if one[3] in ("adjudicated", "remitted", "paid")]
    billers = {one[0] for one in accepted}

    def look(one: LookUp) -> LookUp:
        if one.is_reading or not one.person_ref or one.account_ref not in billers:
            return one
        followed = any(
            (account_ref, person_ref) == (one.account_ref, one.person_ref)
            and one.t_ms <= t_ms < one.t_ms + CLAIM_MS
            for account_ref, person_ref, t_ms, _ in accepted
        )
        return replace(one, claim_followed=followed)

    return Diary(
        sessions=diary.sessions,
        lookups=[(log_id, idx, look(one)) for log_id, idx, one in diary.lookups],
    )


def add_up(diary: Diary, accounts: Iterable[int], *, past_from_ms: int):
    """The tallies of `storage.suspect_lookups`, look-up by look-up."""
    past: list[SessionTally] = []
    inside: list[SessionTally] = []
    ordered = sorted(diary.lookups, key=lambda x: (x[2].t_ms, x[0], x[1]))
    for account_ref in accounts:
        mine = [look for _, _, look in ordered if look.account_ref == account_ref]
        before = [look for look in mine if past_from_ms <= look.t_ms < WINDOW.starts_ms]
        faces = frozenset(
            look.person_ref for look in before if look.person_ref and not look.is_reading
        )
        during = [look for look in mine if WINDOW.contains(look.t_ms)]
        for part, known, out in ((before, frozenset(), past), (during, faces, inside)):
            for session_ref in sorted({look.session_ref for look in part}):
                out.append(
                    summarise_session(
                        diary.sessions[session_ref],
                        [look for look in part if look.session_ref == session_ref],
                        faces_before=known,
                    )
                )
    return tuple(past), tuple(inside)


@pytest.mark.parametrize("seed", range(4))
def test_the_database_adds_up_and_exposes_as_defined(database, analyst, seed):
    random = Random(seed)
    diary = invent(random)
    write(database, diary, checkpoint_every=7)
    claims = invent_claims(random, diary)
    bill(database, claims)
    diary = note_claims(diary, claims)
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT, OTHER_SUSPECT)
        incident = incidents.find_incident(tx, incident_id)
        assert incident is not None
        sources = find_lookups(tx, incident, None, past_ms=28 * DAY_MS)
        with gather_lookups(tx, incident, sources, as_of_ms=START + 99 * DAY_MS) as gathered:
            tallies = gathered.add_up()
        past, inside = add_up(diary, (SUSPECT, OTHER_SUSPECT), past_from_ms=START - 28 * DAY_MS)
        assert tallies.past == past
        assert tallies.in_window == inside
        answer = expose(tx, incident_id)
        assert recount(tx, answer).persons == answer.persons
    assert {p.tier for p in answer.persons} == set(LISTED)
    assert answer.guesses


def tell_of_claims(database, analyst, as_of_ms, claims):
    """What the tallies of the usual theft say of claims, by session of the window."""
    write(database, a_stolen_pharmacy())
    bill(database, claims)
    with analyst() as tx:
        incident = incidents.find_incident(tx, declare(tx, SUSPECT))
        sources = find_lookups(tx, incident, None, past_ms=28 * DAY_MS)
        with gather_lookups(tx, incident, sources, as_of_ms=as_of_ms) as gathered:
            tallies = gathered.add_up()
    return {
        one.session.session_ref: (one.claims_known, one.claims_followed)
        for one in tallies.in_window
    }


OWNERS_CLAIMS = [(SUSPECT, 1030 + n, START + DAY_MS + n, "paid") for n in range(18)]


def test_claims_speak_for_who_billed_and_against_who_did_not(database, analyst):
    told = tell_of_claims(database, analyst, START + 16 * DAY_MS, OWNERS_CLAIMS)
    assert told == {1: (20, 18), 2: (40, 0)}


def test_before_its_time_is_over_a_claim_that_has_not_come_says_nothing(database, analyst):
    told = tell_of_claims(database, analyst, START + 13 * DAY_MS, OWNERS_CLAIMS)
    assert told == {1: (18, 18), 2: (None, None)}


@pytest.mark.parametrize("state", ["received", "held", "rejected", "cancelled", "undone"])
def test_a_claim_that_nothing_is_due_of_explains_nothing(database, analyst, state):
    claims = [(SUSPECT, 2001, START + DAY_MS, state)]
    assert tell_of_claims(database, analyst, START + 16 * DAY_MS, claims) == {
        1: (None, None),
        2: (None, None),
    }


def test_who_is_billed_for_is_the_owners_and_is_not_listed(database, analyst):
    """Typed where the account works, and billed the day after: nobody else asked."""
    diary = a_stolen_pharmacy()
    for n in range(4):
        diary.note(1, START + 5_000_000 + n * 180_000, person_ref=1500 + n)
    write(database, diary)
    billed = [(SUSPECT, 1500 + n, START + DAY_MS, "paid") for n in range(3)]
    bill(database, [*OWNERS_CLAIMS, *billed])
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
        recount(tx, answer)
    assert {v.session_ref: v.verdict for v in answer.verdicts}[1] is Verdict.OWNER
    listed = {p.person_ref for p in answer.persons}
    assert listed & set(range(1500, 1504)) == {1503}


def test_who_reads_claims_shows_no_card_and_exposes_whom_they_are_about(database, analyst):
    """A thief who only reads what became of claims is judged, and the persons are listed."""
    diary = a_stolen_pharmacy()
    diary.open(3, SUSPECT, address="198.19.0.10", agent="curl/8")
    shown = int(Field.AMOUNTS | Field.BILLED_ACTS)
    for n in range(12):
        facts = {"outcome": Outcome.CLAIM, "fields": shown, "person_ref": 3000 + n}
        diary.note(3, START + 9_000 + n * 1_000, mode=Mode.CLAIM, **facts)
    write(database, diary)
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
        recount(tx, answer)
    [verdict] = [one for one in answer.verdicts if one.session_ref == 3]
    assert verdict.verdict is not Verdict.OWNER
    exposed = {p.person_ref: p for p in answer.persons}
    assert {exposed[3000 + n].fields for n in range(12)} == {shown}


MUTATIONS = {
    "a verdict leaves people out by itself": ("(v.is_overruled OR", "(true OR"),
    "a card anywhere leaves people out": ("(v.usual_place AND l.mode NOT IN", "(l.mode NOT IN"),
    "nothing explains anything": ("v.verdict = 'owner' AND (", "false AND ("),
    "what was typed is gained": ("l.fields & ~CASE WHEN l.mode = 2", "l.fields & ~CASE WHEN false"),
    "a card does not explain anything": ("AND l.mode IN (2, 6) AND", "AND"),
    "the surest tier is lost": ("min(CASE", "max(CASE"),
    "fields are intersected": ("bit_or(l.fields)", "bit_and(l.fields)"),
    "the past is listed too": ("$starts_ms AND", "$starts_ms - 60000 AND"),
    "a claim that is read is a card": ("AND l.mode IN (2, 6) AND", "AND l.mode = 2 AND"),
    "a claim that is read leaves people out": ("l.mode NOT IN (2, 6)", "l.mode <> 2"),
    "a claim that follows explains nothing": (
        "l.mode <> 6 AND c.account_ref",
        "false AND c.account_ref",
    ),
    "a claim explains two sessions": ("AND t.person_ref IS NULL", ""),
    "guesses name somebody": (" AND l.person_ref <> 0\n", "\n"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_database_that_counts_otherwise_is_caught(database, analyst, monkeypatch, mutation):
    random = Random(1)
    diary = invent(random)
    write(database, diary)
    bill(database, invent_claims(random, diary))
    with mutated(monkeypatch, *MUTATIONS[mutation]), analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT, OTHER_SUSPECT))
        with pytest.raises(InconsistentRecord, match="send neither"):
            recount(tx, answer)


@contextmanager
def mutated(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> Iterator[None]:
    queries = dict(suspect_lookups.EMBEDDED)
    assert right in queries["make_exposed"]
    queries["make_exposed"] = queries["make_exposed"].replace(right, wrong)
    file = "\n".join(f"-- name: {name}\n-- mutated\n{sql};" for name, sql in queries.items())
    with monkeypatch.context() as patch:
        changed = Queries("embedded/incident_lookups", parse_queries(file))
        patch.setattr(suspect_lookups, "EMBEDDED", changed)
        yield
