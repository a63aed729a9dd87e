"""Exactly who? The database's answer, held to the definition computed look-up by look-up."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from tests.acts_samples import MemoryActs

from rempart.disclosure.acts import About, Author, LedgerRead
from rempart.disclosure.entry import Kind, Mode, Outcome
from rempart.disclosure.fields import FIELDS_TYPED
from rempart.incidents.attribution import Verdict
from rempart.incidents.evidence import (
    LookUp,
    Session,
    Window,
)
from rempart.incidents.exposure import Exposure, Tier
from rempart.kernel.errors import (
    InvalidRequest,
    LedgerUnavailable,
    NotFound,
)
from rempart.storage import suspect_lookups
from rempart.storage.connect import Database, Transaction
from rempart.workflows.incidents import expose_persons as workflow
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.incidents.expose_persons import (
    ExposureAnswer,
    expose_persons,
    recount_exposure,
)

DAY_MS = 86_400_000
CLAIM_MS = 14 * DAY_MS
START = 1_706_500_000_000
WINDOW = Window(starts_ms=START, ends_ms=START + DAY_MS)
SUSPECT, OTHER_SUSPECT, BYSTANDER = 101, 102, 103
ANALYST = Author(7, 8)


def expose(tx: Transaction, incident_id: int, acts: MemoryActs | None = None) -> ExposureAnswer:
    return expose_persons(tx, incident_id, acts=acts or MemoryActs(), by=ANALYST)


def recount(tx: Transaction, answer: ExposureAnswer, acts: MemoryActs | None = None) -> Exposure:
    return recount_exposure(tx, answer, acts=acts or MemoryActs(), by=ANALYST)


@dataclass
class Diary:
    """A ledger in the making: sessions, and look-ups with the log and index they go to."""

    sessions: dict[int, Session] = field(default_factory=dict)
    lookups: list[tuple[int, int, LookUp]] = field(default_factory=list)

    def open(self, session_ref: int, account_ref: int, *, address: str, agent: str) -> None:
        self.sessions[session_ref] = Session(
            session_ref=session_ref, account_ref=account_ref, address=address, agent=agent, key="1"
        )

    def note(self, session_ref: int, t_ms: int, **facts: object) -> None:
        person_ref = facts.get("person_ref", 0)
        values: dict[str, object] = {
            "mode": Mode.TYPED,
            "outcome": Outcome.OPEN if person_ref else Outcome.UNKNOWN,
            "insurer_id": 1,
            "person_ref": 0,
            "lookup_key": UUID(int=len(self.lookups)),
            "fields": 1,
            **facts,
        }
        log_id = int(values.pop("log_id", 1))
        if values["mode"] is Mode.TYPED:
            values["typed_fields"] = int(FIELDS_TYPED)
        lookup = LookUp(
            account_ref=self.sessions[session_ref].account_ref,
            session_ref=session_ref,
            t_ms=t_ms,
            **values,
        )
        self.lookups.append((log_id, len(self.lookups), lookup))


def write(database: Database, diary: Diary, *, checkpoint_every: int = 10) -> None:
    """Write the diary, with a checkpoint now and then; by the owner: no row policy stops a COPY."""
    with database.transaction("owner") as tx:
        for log_id in sorted({log_id for log_id, _, _ in diary.lookups} | {1}):
            tx.execute(
                "INSERT INTO ledger.log (log_id, origin, vkey) VALUES (%s, %s, 'v')",
                (log_id, f"test/{log_id}"),
            )
            tx.execute("SELECT ledger.ensure_segment(%s::smallint, 0)", (log_id,))
            mine = sorted((x for x in diary.lookups if x[0] == log_id), key=lambda x: x[2].t_ms)
            _write_log(tx, log_id, [lookup for _, _, lookup in mine], checkpoint_every)
            tx.execute(
                "INSERT INTO ledger.head VALUES (%s, %s, 1, %s, %s)",
                (log_id, len(mine), bytes(32), mine[-1][2].t_ms if mine else 0),
            )
        for session in diary.sessions.values():
            tx.execute(
                "INSERT INTO ledger.session VALUES (%s, %s, 1, 0, 'key', %s, %s)",
                (session.session_ref, session.account_ref, session.address, session.agent),
            )


def _write_log(tx: Transaction, log_id: int, lookups: list[LookUp], checkpoint_every: int) -> None:
    with tx.cursor().copy("COPY ledger.entry FROM STDIN") as copy:
        for idx, lookup in enumerate(lookups):
            kind = Kind.DISCLOSE if lookup.person_ref else Kind.NEGATIVE
            copy.write_row(
                (
                    log_id,
                    idx,
                    int(kind),
                    lookup.t_ms,
                    bytes(16),
                    lookup.account_ref,
                    lookup.session_ref,
                    0,
                    lookup.person_ref,
                    lookup.insurer_id,
                    0,
                    lookup.lookup_key,
                    1,
                    int(lookup.mode),
                    1,
                    0,
                    int(lookup.outcome),
                    lookup.fields,
                    1,
                    0,
                    UUID(int=idx),
                )
            )
    for size in range(checkpoint_every, len(lookups) + 1, checkpoint_every):
        tx.execute(
            "INSERT INTO ledger.checkpoint VALUES (%s, %s, %s, %s, '')",
            (log_id, size, lookups[size - 1].t_ms, bytes(32)),
        )


@pytest.fixture
def analyst(database: Database) -> Callable[[], AbstractContextManager[Transaction]]:
    """A function that opens transactions of the analyst on a database with three professionals."""
    return prepare_analyst(database)


def prepare_analyst(database: Database) -> Callable[[], AbstractContextManager[Transaction]]:
    with database.transaction("registrar") as tx:
        for account_ref in (SUSPECT, OTHER_SUSPECT, BYSTANDER):
            tx.execute(
                "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
                " VALUES (%s, %s, 'pharmacist', 'Officine')",
                (account_ref, f"9900000{account_ref}"),
            )
    return lambda: database.transaction("analyst")


def declare(tx: Transaction, *account_refs: int, window: Window = WINDOW) -> int:
    return declare_incident(
        tx, title="Essai", window=window, account_refs=account_refs, exercise=True
    )


def a_stolen_pharmacy() -> Diary:
    """A week of an owner's work, then a thief from elsewhere while the owner goes on."""
    diary = Diary()
    diary.open(1, SUSPECT, address="198.18.0.1", agent="Officine")
    diary.open(2, SUSPECT, address="198.19.0.9", agent="python-requests")
    for n in range(60):
        diary.note(1, START - 7 * DAY_MS + n * 180_000, mode=Mode.CARD, person_ref=1000 + n)
    for n in range(20):
        diary.note(1, START + n * 180_000, mode=Mode.CARD, person_ref=1030 + n)
    for n in range(50):
        diary.note(2, START + 5_000 + n * 1_000, person_ref=2000 + n if n % 5 else 0)
    return diary


def test_the_thiefs_persons_are_listed_and_the_owners_are_not(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
        recount(tx, answer)
    assert {v.session_ref: v.verdict for v in answer.verdicts} == {
        1: Verdict.OWNER,
        2: Verdict.THIEF,
    }
    assert [p.person_ref for p in answer.persons] == [2000 + n for n in range(50) if n % 5]
    assert {p.tier for p in answer.persons} == {Tier.A}
    assert [(g.lookups, g.keys) for g in answer.guesses] == [(10, 10)]


def test_a_whole_account_names_the_owners_visitors_too(database, analyst, monkeypatch):
    """The mutation: judge accounts instead of sessions, and the pharmacist's visitors are named."""
    write(database, a_stolen_pharmacy())
    monkeypatch.setattr(
        "rempart.incidents.attribution._decide_from_sums",
        lambda thief, owner, *, is_confirmed: Verdict.THIEF,
    )
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    assert {1030 + n for n in range(20)} <= {p.person_ref for p in answer.persons}


def test_the_answer_is_written_where_the_console_reads_it(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        expose(tx, incident_id)
    with database.transaction("analyst") as tx:
        assert tx.execute(
            "SELECT verdict, jsonb_array_length(reasons) FROM incidents.attributed_session"
            " WHERE incident_id = %s ORDER BY session_ref",
            (incident_id,),
        ).fetchall() == [("owner", 8), ("thief", 8)]
        row = tx.execute(
            "SELECT answered_at >= declared_at, report FROM incidents.incident"
        ).fetchone()
    assert row == (
        True,
        {
            "exposure": {
                "rules": "2026-11.2",
                "not_looked_at": [],
                "past_days": 28,
                "sessions": {"thief": 1, "mixed": 0, "owner": 1},
                "guesses": [{"insurer_id": 1, "lookups": 10, "keys": 10}],
            }
        },
    )


def test_asking_again_gives_the_same_list_once(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        first = expose(tx, incident_id)
    with analyst() as tx:
        again = expose(tx, incident_id)
    assert (again.verdicts, again.persons, again.guesses) == (
        first.verdicts,
        first.persons,
        first.guesses,
    )


def test_what_an_earlier_incident_found_a_thief_doing_is_no_habit(database, analyst):
    diary = a_stolen_pharmacy()
    later = Window(starts_ms=START + 2 * DAY_MS, ends_ms=START + 3 * DAY_MS)
    diary.open(3, SUSPECT, address="198.19.0.9", agent="python-requests")
    for n in range(10):
        diary.note(3, later.starts_ms + n * 1000, person_ref=3000 + n)
    write(database, diary)
    with analyst() as tx:
        expose(tx, declare(tx, SUSPECT))
        second = expose(tx, declare(tx, SUSPECT, window=later))
    [verdict] = second.verdicts
    assert verdict.verdict is Verdict.THIEF
    assert "unknown_address/1" in {str(s.rule) for s in verdict.signals if s.points}


def test_without_the_earlier_incident_the_thief_has_become_a_habit(database, analyst):
    """The mutation beside: the address is then usual, and typing is too."""
    diary = a_stolen_pharmacy()
    later = Window(starts_ms=START + 2 * DAY_MS, ends_ms=START + 3 * DAY_MS)
    diary.open(3, SUSPECT, address="198.19.0.9", agent="python-requests")
    for n in range(10):
        diary.note(3, later.starts_ms + n * 1000, person_ref=3000 + n)
    write(database, diary)
    with analyst() as tx:
        second = expose(tx, declare(tx, SUSPECT, window=later))
    assert "usual_address/1" in {str(s.rule) for s in second.verdicts[0].signals}


def test_a_session_whose_facts_are_missing_comes_from_an_unknown_place(database, analyst):
    diary = a_stolen_pharmacy()
    write(database, diary)
    with database.transaction("admin") as tx:
        tx.execute("DELETE FROM ledger.session WHERE session_ref = 2")
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    assert len(answer.persons) == 40


def test_an_account_that_did_nothing_exposes_nobody(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        answer = expose(tx, declare(tx, OTHER_SUSPECT))
    assert (answer.verdicts, tuple(answer.persons), answer.guesses) == ((), (), ())


@pytest.mark.parametrize(
    ("title", "accounts", "refusal"),
    [
        (" ", (SUSPECT,), InvalidRequest),
        ("x" * 121, (SUSPECT,), InvalidRequest),
        ("Essai", (SUSPECT, 999), NotFound),
    ],
)
def test_an_incident_that_says_nothing_or_names_strangers_is_refused(
    analyst, database, title, accounts, refusal
):
    with pytest.raises(refusal), analyst() as tx:
        declare_incident(tx, title=title, window=WINDOW, account_refs=accounts)
    with database.transaction("analyst") as tx:
        assert tx.execute("SELECT count(*) FROM incidents.incident").fetchone() == (0,)


def test_an_incident_that_does_not_exist_is_refused(analyst):
    with pytest.raises(NotFound, match="no incident 7"), analyst() as tx:
        expose(tx, 7)


def test_the_answer_reads_the_suspects_entries_and_not_the_whole_ledger(database, analyst):
    diary = a_stolen_pharmacy()
    diary.open(9, BYSTANDER, address="198.18.0.3", agent="Officine")
    for n in range(20_000):
        diary.note(9, START + n * 4_000, mode=Mode.CARD, person_ref=5000 + n)
    write(database, diary, checkpoint_every=1000)
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("ANALYZE ledger.entry")
    with analyst() as tx:
        answer: ExposureAnswer = expose(tx, declare(tx, SUSPECT))
        parameters = {
            "account_refs": [SUSPECT],
            "session_refs": [2],
            "log_ids": [1],
            "starts": [0],
            "stops": [20_130],
            "from_ms": START - 28 * DAY_MS,
            "starts_ms": WINDOW.starts_ms,
            "ends_ms": WINDOW.ends_ms,
        }
        assert answer.persons
        for name in ("list_lookups", "list_suspect_lookups", "list_tries"):
            query = f"EXPLAIN {suspect_lookups.QUERIES[name]}"
            plan = "\n".join(row[0] for row in tx.execute(query, parameters))
            assert "Seq Scan on entry" not in plan, plan


# ---------------------------------------------------------------- the reading is on record


def test_the_reading_is_on_record_before_a_look_up_is_read(database, analyst):
    write(database, a_stolen_pharmacy())
    acts = MemoryActs()
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT, OTHER_SUSPECT)
        recount(tx, expose(tx, incident_id, acts), acts)
    about = About(kind="accounts", refs=(SUSPECT, OTHER_SUSPECT), count=2)
    reads = [act for act in acts.acts if isinstance(act, LedgerRead)]
    assert [(read.question, read.about, read.to_ms) for read in reads] == [
        ("exposure", about, WINDOW.ends_ms),
        ("exposure-recount", about, WINDOW.ends_ms),
    ]
    assert {entry.account_ref for entry, _ in acts.entries} == {ANALYST.account_ref}


def test_what_cannot_be_recorded_is_not_read(database, analyst, monkeypatch):
    write(database, a_stolen_pharmacy())

    def read(*_args: object, **_options: object) -> None:
        raise AssertionError("the ledger was read")

    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        answer = expose(tx, incident_id)
        for name in ("gather_lookups", "load_suspect_lookups"):
            monkeypatch.setattr(workflow, name, read)
        with pytest.raises(LedgerUnavailable):
            expose(tx, incident_id, MemoryActs(down=True))
        with pytest.raises(LedgerUnavailable):
            recount(tx, answer, MemoryActs(down=True))
