"""Names for the persons of one insurer's package, opened a block at a time and kept nowhere.

Refuses to open what another insurer's feed says of a person.
"""

from collections.abc import Callable, Iterator
from datetime import date

from rempart.exchange.package_rows import NamedPerson, PackagedRow
from rempart.incidents.packages import (
    Change,
    IdentityState,
    decide_change,
    decide_identity,
    decide_is_minor,
)
from rempart.kernel.instants import from_ms, to_paris_day
from rempart.storage import packages
from rempart.storage.connect import Transaction
from rempart.storage.packages import ChangedPerson
from rempart.storage.sealing import Kms, PersonRecord, Seal, load_insurer_key, open_sealed
from rempart.workflows.incidents.package_draft import Draft


class People:
    """Names the persons of one package.

    Args:
        identities: An autocommit connection of the role feeds.
        kms: Opens the insurer's key.
        draft: The package.
    """

    def __init__(self, identities: Transaction, kms: Kms, draft: Draft) -> None:
        self._identities = identities
        self._draft = draft
        insurer_id = draft.insurer.insurer_id
        with identities.transaction():
            self._seal = Seal(insurer_id, load_insurer_key(identities, kms, insurer_id))
        # The window's end is the instant after it.
        self._day = to_paris_day(from_ms(draft.incident.ends_ms - 1))

    def name(self, tx: Transaction, *, report: Callable[[int], None]) -> Iterator[PackagedRow]:
        """Yield the rows of the package, by reference.

        Args:
            tx: The transaction of the package.
            report: Told how many are done, after each block.

        Raises:
            InconsistentRecord: a sealed identity was changed, or moved.
        """
        draft, done = self._draft, 0
        for block in packages.iterate_changes(
            tx,
            draft.incident.incident_id,
            draft.insurer.insurer_id,
            draft.package.package_ref,
            first=draft.first,
            basis=draft.package.basis,
        ):
            with self._identities.transaction():
                known = packages.list_identities(
                    self._identities, [person.person_ref for person in block]
                )
            for person in block:
                yield self._make_row(person, known.get(person.person_ref))
            done += len(block)
            report(done)

    def _make_row(self, person: ChangedPerson, known: tuple[int, bytes] | None) -> PackagedRow:
        stated_by = None if known is None else known[0]
        identity = decide_identity(self._draft.insurer.insurer_id, stated_by)
        named = NamedPerson()
        if known is not None and identity is IdentityState.KNOWN:
            named = name_person(open_sealed(self._seal, person.person_ref, known[1]), on=self._day)
        return PackagedRow(
            person_ref=person.person_ref,
            change=decide_change(person.before, person.now) or Change.CHANGED,
            told=person.now,
            lookups=person.lookups,
            sessions=person.sessions,
            identity=identity,
            named=named,
        )


def name_person(record: PersonRecord, *, on: date) -> NamedPerson:
    """Return what a package says of who somebody is: not their NIR, nor where they live.

    Args:
        record: As the insurer's feed states it.
        on: The day on which somebody is a minor or not.
    """
    contracts = sorted(record.contracts, key=lambda one: (one.stated_on, one.contract_number))
    contracts.reverse()
    birth_date = record.birth_date.replace("-", "")
    return NamedPerson(
        contract_number="|".join(one.contract_number for one in contracts),
        member_number="|".join(one.member_number for one in contracts if one.member_number),
        quality=record.quality,
        birth_date=birth_date,
        birth_rank=record.birth_rank,
        family_name=record.family_name,
        birth_name=record.birth_name,
        first_names=record.first_names,
        is_minor=decide_is_minor(birth_date, on=on),
    )
