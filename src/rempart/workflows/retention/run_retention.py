"""Carry out a run that was approved: piece by piece, so that killing it anywhere loses nothing.

Each line is looked at again in the transaction that acts on it: what was held, interrupted or
stated again since stays. Refuses to erase anything that is not said in a journal that no restore
forgets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.disclosure.note import NoteSigner
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.instants import to_paris_day
from rempart.retention.approval import RunState
from rempart.retention.certificate import format_certificate, make_certificate
from rempart.retention.fields import OF_CLAIM, OF_PERSON, Field
from rempart.retention.plan import Item, Step, Subject, plan_subject
from rempart.retention.purges import PurgeRecord
from rempart.retention.requests import plan_erasure
from rempart.storage import leaving, purges, retention_runs
from rempart.storage.archive_seal import Vault
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.retention_runs import Leaving, PlannedItem, RunRow
from rempart.workflows.retention.plan_retention import load_run_schedule, load_schedule, plan_all
from rempart.workflows.retention.purge_fields import (
    KIND,
    Move,
    apply_fields,
    archive_fields,
    make_fields_body,
    read_fields_body,
)
from rempart.workflows.retention.purge_journal import carry_out, say_and_journal, write_journal

PIECE: Final = 4_000
_ALL: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What a run is carried out with.

    Args:
        begin: Begins a transaction of the role keeper.
        vault: Keys of identities and of the archive.
        journal: Where purges are said outside of the database.
        signer: Signs certificates.
    """

    begin: OpenTransaction
    vault: Vault
    journal: PurgeJournal
    signer: NoteSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of a run.

    Args:
        run_id: The run.
        archived: Fields that went to the archive.
        deleted: Fields that left everything.
        kept: Fields that were not due any more, or are held now.
        certificate: The signed note.
    """

    run_id: int
    archived: int
    deleted: int
    kept: int
    certificate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Lines that are looked at together, as they are now, and the day they leave if they do.

    Not the day of the run, which may have waited for two people: until then they were there.
    """

    run_id: int
    leaves_on: date
    items: Sequence[PlannedItem]
    due: Mapping[tuple[int, Field], Item]

    def select(self, step: Step) -> dict[Field, list[Leaving]]:
        """Return subjects by field of the lines that are still due, with nothing that holds.

        Amounts that go to the archive take the rest of their claim along: they wait for a later
        piece until it went by itself.
        """
        chosen: dict[Field, list[Leaving]] = {}
        for one in self.items:
            now = self.due.get((one.subject, one.field))
            waits = one.field is Field.PAYMENT and step is Step.ARCHIVE and self._list_parts(one)
            if now is not None and not now.held_by and now.step is one.step is step and not waits:
                place = Leaving(one.insurer_id, one.person_ref, one.subject)
                chosen.setdefault(one.field, []).append(place)
        return chosen

    def _list_parts(self, one: PlannedItem) -> set[tuple[int, Field]]:
        """Return what is due of the rest of a claim: its lines come before that of its amounts."""
        return {(one.subject, field) for field in (Field.CARE, Field.LIMITS)} & self.due.keys()

    def list_settled(self) -> dict[int, str]:
        """Return the other lines, with what holds each now.

        Amounts whose acts or limits this run left, as what held them let go of them since, stay
        too: another run takes them together.
        """
        settled = {}
        lines = {(one.subject, one.field) for one in self.items}
        for one in self.items:
            now = self.due.get((one.subject, one.field))
            if now is None or now.step is not one.step:
                settled[one.number] = ""
            elif now.held_by:
                settled[one.number] = now.held_by
            elif one.field is Field.PAYMENT and not self._list_parts(one) <= lines:
                settled[one.number] = ""
        return settled


def run_retention(
    keeper: Keeper,
    run_id: int,
    *,
    check: Callable[[int], None] = lambda _: None,
    piece: int = PIECE,
) -> Ran:
    """Carry out a run from where it was left to its certificate.

    Args:
        keeper: What it is done with.
        run_id: The run, approved.
        check: Told how many fields left after each piece; may raise to stop there.
        piece: How many lines go together.

    Raises:
        NotFound: there is no such run.
        Conflict: it is not approved, or is done.
    """
    _start(keeper, run_id)
    finish_purges(keeper)
    done = 0
    while left := _do_piece(keeper, run_id, piece):
        done += left
        check(done)
    return _certify(keeper.begin, keeper.signer, run_id)


def finish_purges(keeper: Keeper) -> int:
    """Carry out what was said and cut short by a crash; return how many purges."""
    write_journal(keeper.begin, keeper.journal)
    with keeper.begin() as tx:
        waiting = [one for one in purges.list_waiting(tx) if one.kind == KIND]
    for record in waiting:
        _purge(keeper, record)
    return len(waiting)


def catch_up(
    begin: OpenTransaction,
    vault: Vault,
    signer: NoteSigner,
    today: date,
    *,
    check: Callable[[int], None] = lambda _: None,
) -> int:
    """Move to the archive whatever belongs there by today; delete nothing; return how many fields.

    For a base that was restored: it may be older than moves that were made since.
    """
    with begin() as tx:
        schedule, _ = load_schedule(tx)
        run_id = retention_runs.open_run(tx, origin="restore", day=today, schedule=schedule.digest)
    if run_id is None:
        raise Conflict("another run is under way")
    if plan_all(begin, run_id, check=check).state is None:
        return 0
    with begin() as tx:
        retention_runs.start_run(tx, run_id)
    done = 0
    while True:
        with begin() as tx:
            look = _look(tx, run_id, PIECE)
            if not look.items:
                break
            done += _move(tx, vault, look)
            retention_runs.settle_items(tx, run_id, look.list_settled())
        check(done)
    _certify(begin, signer, run_id)
    return done


def _start(keeper: Keeper, run_id: int) -> None:
    with keeper.begin() as tx:
        run = retention_runs.load_run(tx, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        if run.state is RunState.DONE or not retention_runs.start_run(tx, run_id):
            raise Conflict(f"run {run_id} is {run.state}: only one that two people approved is run")


def _do_piece(keeper: Keeper, run_id: int, size: int) -> int:
    """Do the next lines; return how many there were."""
    # 1. Moves to the archive, and lines that are not due any more, in one transaction. A crash
    #    leaves all of it or nothing.
    with keeper.begin() as tx:
        look = _look(tx, run_id, size)
        retention_runs.settle_items(tx, run_id, look.list_settled())
        _move(tx, keeper.vault, look)
        for_good = look.select(Step.DELETE)
    if for_good:
        # 2. Said, and written outside. A crash leaves a purge that waits: `finish_purges` carries
        #    it out before anything else.
        body = make_fields_body(run_id, look.leaves_on, for_good)
        record = say_and_journal(keeper.begin, keeper.journal, KIND, body)
        # 3. Done and marked, in one transaction.
        _purge(keeper, record)
    return len(look.items)


def _purge(keeper: Keeper, record: PurgeRecord) -> None:
    carry_out(
        keeper.begin,
        keeper.journal,
        record,
        lambda tx, _body: _take_out(tx, keeper.vault, record),
    )


def _take_out(tx: Transaction, vault: Vault, record: PurgeRecord) -> int:
    """Erase what a purge names, but for what was held or stated again since it was said.

    Those lines are settled by the next look of the run. A base that is restored from before the
    purge erases them all the same: the journal says no less.
    """
    left = read_fields_body(record.content)
    run = retention_runs.lock_run(tx, int(record.content["run"]))
    if run is not None:
        lines = [
            PlannedItem(0, *one, field, Step.DELETE, "", None)
            for field, subjects in left.items()
            for one in subjects
        ]
        look = _Piece(
            run_id=run.run_id, leaves_on=run.day, items=lines, due=_find_due(tx, run, lines)
        )
        left = look.select(Step.DELETE)
    return apply_fields(tx, vault, record, leaves_on=_read_day(tx), only=left)


def _look(tx: Transaction, run_id: int, size: int) -> _Piece:
    """Return the next lines, and what is due of their subjects as they are now."""
    run = retention_runs.lock_run(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    items = retention_runs.next_items(tx, run_id, most=size)
    if run.origin == "request":
        _check_published(tx, items)
    due = _find_due(tx, run, items)
    return _Piece(run_id=run_id, leaves_on=_read_day(tx), items=items, due=due)


def _check_published(tx: Transaction, items: Iterable[PlannedItem]) -> None:
    """Let what somebody asked for wait for the end of a file: no night plans it again.

    Raises:
        Conflict: a file that is being loaded speaks of them.
    """
    refs = {one.person_ref for one in items}
    if any(one.waits for one in leaving.read_people(tx, refs)):
        raise Conflict("a file being loaded speaks of whoever asked: run it again once it is in")


def _find_due(
    tx: Transaction, run: RunRow, items: Sequence[PlannedItem]
) -> dict[tuple[int, Field], Item]:
    """Return what is due of the subjects of lines as they are now, once no import moves them."""
    leaving.lock_insurers(tx, {one.insurer_id for one in items})
    schedule = load_run_schedule(tx, run)
    decide = plan_erasure if run.origin == "request" else plan_subject
    return {
        (item.subject, item.field): item
        for subject in _list_subjects(tx, items)
        for item in decide(schedule, subject, on=run.day)
    }


def _read_day(tx: Transaction) -> date:
    return to_paris_day(retention_runs.read_clock(tx))


def _move(tx: Transaction, vault: Vault, look: _Piece) -> int:
    left = look.select(Step.ARCHIVE)
    if not left:
        return 0
    return archive_fields(tx, vault, Move(run_id=look.run_id, day=look.leaves_on, left=left))


def _list_subjects(tx: Transaction, items: Iterable[PlannedItem]) -> list[Subject]:
    """Return the subjects of lines as the stores know them now; those stated anew wait."""
    items = list(items)
    people = sorted({one.subject for one in items if one.field in OF_PERSON})
    claims = sorted({one.subject for one in items if one.field in OF_CLAIM})
    promises = sorted({one.subject for one in items if one.field is Field.PROMISE})
    found = []
    if people:
        known = [one for one in leaving.read_people(tx, people) if not one.waits]
        found += leaving.make_person_subjects(tx, known)
    lowest = -(1 << 63)
    if claims:
        records = leaving.list_claims(
            tx, after=lowest, most=_ALL, settled_by=date.max, only=claims
        ) + leaving.list_archived(tx, after=lowest, most=_ALL, only=claims)
        found += leaving.make_record_subjects(tx, records)
    if promises:
        records = leaving.list_promises(
            tx, after=lowest, most=_ALL, settled_by=date.max, only=promises
        )
        found += leaving.make_record_subjects(tx, records)
    return found


def _certify(begin: OpenTransaction, signer: NoteSigner, run_id: int) -> Ran:
    with begin() as tx:
        run = retention_runs.lock_run(tx, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        departures = retention_runs.list_gone(tx, run_id)
        certificate = make_certificate(run_id, run.day, run.schedule, departures)
        note = signer.sign(format_certificate(certificate))
        kept = sum(one.kept for one in retention_runs.list_tally(tx, run_id))
        retention_runs.end_run(tx, run_id, note, signed_by=signer.verifier.vkey)
    return Ran(
        run_id=run_id,
        archived=_count(certificate.counts, Step.ARCHIVE),
        deleted=_count(certificate.counts, Step.DELETE),
        kept=kept,
        certificate=note,
    )


def _count(counts: Mapping[str, int], step: Step) -> int:
    return sum(count for name, count in counts.items() if name.startswith(f"{step} "))
