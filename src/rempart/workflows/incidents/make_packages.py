"""Makes what each insurer is sent about an incident: its own persons, sealed for it alone.

Names are opened block by block under another login than the one that lists persons, written and
sealed at once, and kept nowhere in clear. One transaction for each insurer: a kill leaves whole
packages, and the same command goes on. Refuses to make what was said already, and to open a name
before the ledger holds that it leaves.
"""

import enum
import hashlib
import secrets as randomness
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.disclosure.acts import Author, Bulk, Subject, compute_list_root
from rempart.disclosure.note import NoteSigner
from rempart.exchange.package_rows import StateDigest
from rempart.incidents.packages import (
    Assurance,
    Conclusion,
    Counts,
    PackageState,
    decide_conclusion,
)
from rempart.incidents.room import EventKind
from rempart.incidents.sealing_keys import SealingKey, find_key_in_force
from rempart.kernel.errors import Conflict, NotFound
from rempart.storage import incident_room, packages
from rempart.storage.connect import Transaction
from rempart.storage.packages import (
    Analysed,
    KnownPackage,
    ListedInsurer,
    NewPackage,
    PackagedIncident,
)
from rempart.storage.sealing import Kms
from rempart.workflows.incidents.package_draft import Draft
from rempart.workflows.incidents.package_files import write_files
from rempart.workflows.incidents.package_people import People
from rempart.workflows.ledger.record_act import ActsLog, record_act

PROOFS: Final = 10
COMMAND_LINE: Final = "ligne de commande"


class Outcome(enum.StrEnum):
    """What became of one insurer's package."""

    MADE = "made"
    WAITING = "waiting"  # there is no certificate to seal for
    SAID_ALREADY = "said_already"  # the latest package that was sent says the same
    MADE_ALREADY = "made_already"  # the latest package, not sent yet, says the same
    ASKED = "asked"  # another one waits for its second person: nothing was touched


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeRequest:
    """What to make.

    Args:
        incident_id: The incident; it was analysed.
        insurer_ids: For whom; None: every insurer.
        proofs: How many entries to prove to each, at most.
        now: The instant written in them.
    """

    incident_id: int
    insurer_ids: tuple[int, ...] | None
    proofs: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of one insurer's package; `number` 0: none."""

    insurer: ListedInsurer
    outcome: Outcome
    number: int
    conclusion: Conclusion
    persons: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What packages are made with.

    Args:
        analyst: An autocommit connection of the role analyst, kept for this alone.
        identities: One of the role feeds.
        kms: Opens the insurers' keys.
        signer: Signs the notes.
        prove: Returns the proof of one entry for an insurer.
        acts: The acts log.
        by: Who makes them.
        author: Their name, for the timeline.
        report: Told of each block of persons: the insurer's name, how many are done.
    """

    analyst: Transaction
    identities: Transaction
    kms: Kms
    signer: NoteSigner
    prove: Callable[[int, int], str]
    acts: ActsLog
    by: Author
    author: str = COMMAND_LINE
    report: Callable[[str, int], None] = lambda _name, _done: None


def make_packages(workshop: Workshop, request: MakeRequest) -> Iterator[Made]:
    """Make the packages of an incident, one insurer after the other.

    Yields:
        What became of each, once it is durable.

    Raises:
        NotFound: there is no such incident, or insurer.
        Conflict: the incident was not analysed.
        LedgerUnavailable: it cannot be recorded that names leave: nothing of this insurer is made.
    """
    with workshop.analyst.transaction():
        _lock(workshop.analyst, request.incident_id)
        insurers = packages.list_insurers(
            workshop.analyst, request.incident_id, request.insurer_ids
        )
    missing = set(request.insurer_ids or ()) - {one.insurer_id for one in insurers}
    if missing:
        raise NotFound(f"no insurer {', '.join(map(str, sorted(missing)))}: see the list")
    for insurer in insurers:
        with workshop.analyst.transaction():
            made = _make_one(workshop, request, insurer)
        yield made


def _lock(tx: Transaction, incident_id: int) -> tuple[PackagedIncident, Analysed]:
    incident = packages.lock_incident(tx, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id}: see the console's list")
    analysed = packages.find_analysis(tx, incident_id)
    if analysed is None:
        raise Conflict(
            f"incident {incident_id} was not analysed: run `rempart incident analyse` first"
        )
    return incident, analysed


def _make_one(workshop: Workshop, request: MakeRequest, insurer: ListedInsurer) -> Made:
    """Make one insurer's package in the open transaction, unless there is nothing new to say."""
    tx = workshop.analyst
    # Asked again: somebody may have analysed the incident since the insurer before.
    incident, analysed = _lock(tx, request.incident_id)
    [insurer] = packages.list_insurers(tx, incident.incident_id, [insurer.insurer_id])
    counts = Counts(
        persons_a=insurer.persons_a, persons_b=insurer.persons_b, persons_c=insurer.persons_c
    )
    assurance = Assurance(
        logs=packages.list_log_roots(tx),
        coverage=analysed.coverage,
        statement=analysed.statement,
        insurer_id=insurer.insurer_id,
    )
    conclusion = decide_conclusion(counts.persons, assurance)
    digest, state_digest = _digest(tx, incident, conclusion, assurance)
    known = packages.list_known(tx, incident.incident_id, insurer.insurer_id)
    key = find_key_in_force(packages.list_keys_to_seal(tx, insurer.insurer_id), at=request.now)
    said = _find_said(known, digest, key)
    if said is not None:
        outcome, number = said
        return _tell(insurer, outcome, number, conclusion, changed=0)
    number, basis, first = _number(tx, known)
    package = NewPackage(
        package_ref=randomness.randbits(62) + 1,
        insurer_id=insurer.insurer_id,
        number=number,
        basis=basis,
        conclusion=str(conclusion),
        persons_a=counts.persons_a,
        persons_b=counts.persons_b,
        persons_c=counts.persons_c,
        hidden=assurance.coverage.count_hidden(insurer.insurer_id),
        digest=digest,
        key_ref=None if key is None else key.key_ref,
        made_at=request.now,
    )
    packages.insert_package(tx, incident, package)
    if key is None:
        return _tell(insurer, Outcome.WAITING, number, conclusion, changed=0)
    draft = Draft(
        incident=incident,
        insurer=insurer,
        package=package,
        first=first,
        analysed=analysed,
        assurance=assurance,
        counts=counts,
        conclusion=conclusion,
        state_digest=state_digest,
        certificate=key.certificate,
        fingerprint=key.fingerprint,
    )
    changed = _fill(workshop, request, draft)
    return _tell(insurer, Outcome.MADE, number, conclusion, changed=changed)


def _fill(workshop: Workshop, request: MakeRequest, draft: Draft) -> int:
    """Write a package's persons, files and note; return how many persons it speaks of."""
    tx, incident, insurer, package = (
        *(workshop.analyst, draft.incident, draft.insurer, draft.package),
    )
    changed = packages.insert_changes(
        tx,
        incident.incident_id,
        insurer.insurer_id,
        package.package_ref,
        first=draft.first,
        basis=package.basis,
    )
    if changed:
        # A crash after the act leaves a list on record that never left: too much is said.
        _record_departure(workshop, draft, changed)
    people = People(workshop.identities, workshop.kms, draft)
    write_files(
        tx,
        draft,
        rows=people.name(tx, report=lambda done: workshop.report(insurer.name, done)),
        proofs=_prove_some(workshop, draft, request.proofs),
        signer=workshop.signer,
        day=request.now.date(),
    )
    incident_room.add_event(
        tx,
        incident.incident_id,
        kind=EventKind.PACKAGE_MADE,
        happened_ms=int(request.now.timestamp() * 1000),
        author=workshop.author,
        insurer_id=insurer.insurer_id,
        details={
            "package": str(package.package_ref),
            "number": package.number,
            "basis": package.basis,
            "conclusion": str(draft.conclusion),
            "persons": draft.counts.persons,
        },
    )
    return changed


def _record_departure(workshop: Workshop, draft: Draft, changed: int) -> None:
    refs = (
        person.person_ref
        for block in packages.iterate_changes(
            workshop.analyst,
            draft.incident.incident_id,
            draft.insurer.insurer_id,
            draft.package.package_ref,
            first=draft.first,
            basis=draft.package.basis,
        )
        for person in block
    )
    act = Bulk(
        purpose=f"incident {draft.incident.incident_id}, package {draft.package.number}",
        org_ref=draft.insurer.org_ref,
        count=changed,
        list_root=compute_list_root(refs),
    )
    record_act(workshop.acts, act, by=workshop.by, subject=Subject(0, draft.insurer.insurer_id))


def _prove_some(workshop: Workshop, draft: Draft, most: int) -> list[tuple[int, int, str]]:
    """Prove some entries: (log, index, proof); what cannot be proved now says why instead."""
    tx, incident = workshop.analyst, draft.incident
    floors = packages.find_floors(tx, incident.starts_ms)
    wanted = packages.list_entries_to_prove(
        tx, incident, draft.insurer.insurer_id, floors, most=most
    )
    proved = []
    for log_id, index in wanted:
        try:
            proved.append((log_id, index, workshop.prove(log_id, index)))
        except NotFound:
            # Published since the last checkpoint, or its opening is gone: the list stands without.
            proved.append((log_id, index, ""))
    return proved


def _digest(
    tx: Transaction, incident: PackagedIncident, conclusion: Conclusion, assurance: Assurance
) -> tuple[bytes, str]:
    """Return the digest of what a package would say, and that of the list alone.

    Not the latest states of the logs: they grow while nothing changes for the insurer.
    """
    state = StateDigest()
    for person_ref, told in packages.iterate_listed(tx, incident.incident_id, assurance.insurer_id):
        state.add_told(person_ref, told)
    bounds = assurance.coverage.count_hidden(assurance.insurer_id)
    said = (
        f"rempart package 1\n{incident.title}\n{incident.exercise}\n{incident.starts_ms}\n"
        f"{incident.ends_ms}\n{conclusion}\n{assurance.is_whole} {bounds}\n{state.hexdigest()}\n"
    )
    return hashlib.sha256(said.encode()).digest(), state.hexdigest()


def _find_said(
    known: Sequence[KnownPackage], digest: bytes, key: SealingKey | None
) -> tuple[Outcome, int] | None:
    """Say whether there is nothing to make, and the number of the package that says it already."""
    if not known:
        return None
    latest = known[0]
    if latest.state is PackageState.ASKED:
        return Outcome.ASKED, latest.number
    if latest.digest != digest or latest.state is PackageState.WITHDRAWN:
        before = known[1] if len(known) > 1 else None
        is_undone = latest.state in {PackageState.WAITING, PackageState.MADE}
        if is_undone and before is not None and before.state is PackageState.SENT:
            return (Outcome.SAID_ALREADY, before.number) if before.digest == digest else None
        return None
    if latest.state is PackageState.SENT:
        return Outcome.SAID_ALREADY, latest.number
    if latest.key_ref == (None if key is None else key.key_ref):
        return (Outcome.WAITING if key is None else Outcome.MADE_ALREADY), latest.number
    return None


def _number(tx: Transaction, known: Sequence[KnownPackage]) -> tuple[int, int, int]:
    """Return the number of the next package, its basis, and the whole list that goes back to.

    A package that was not sent is taken away and its number used again: nobody saw it.
    """
    sent = list(known)
    if sent and sent[0].state in {PackageState.WAITING, PackageState.MADE}:
        packages.delete_package(tx, sent.pop(0).package_ref)
    if not sent:
        return 1, 0, 1
    number = sent[0].number + 1
    if sent[0].state is PackageState.WITHDRAWN:
        return number, 0, number
    return number, sent[0].number, _find_whole(sent)


def _find_whole(sent: Iterable[KnownPackage]) -> int:
    return next(one.number for one in sent if one.basis == 0)


def _tell(
    insurer: ListedInsurer, outcome: Outcome, number: int, conclusion: Conclusion, *, changed: int
) -> Made:
    persons = insurer.persons_a + insurer.persons_b + insurer.persons_c
    return Made(
        insurer=insurer,
        outcome=outcome,
        number=number,
        conclusion=conclusion,
        persons=persons,
        changed=changed,
    )
