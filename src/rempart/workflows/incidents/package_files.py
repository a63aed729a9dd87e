"""The files of a package: lists, proofs and manifest, each sealed and stored as soon as it is made.

Refuses to keep more than one file in memory, and to write one in clear anywhere.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from rempart.disclosure.fields import format_fields
from rempart.disclosure.note import NoteSigner
from rempart.exchange.package_archive import Entry, compute_size
from rempart.exchange.package_note import (
    CERTIFICATE_NAME,
    MANIFEST_NAME,
    NOTE_NAME,
    SEALED_SUFFIX,
    PackageNote,
    SealedFile,
    sign_package,
)
from rempart.exchange.package_rows import (
    COLUMNS,
    WHY,
    PackagedRow,
    format_manifest,
    iterate_lists,
    name_fields,
)
from rempart.exchange.package_sealing import format_certificate, seal_file
from rempart.incidents.packages import (
    FORMAT_VERSION,
    Change,
    Conclusion,
    compute_bounds,
    describe_assurance,
)
from rempart.incidents.room import name_file
from rempart.storage import packages
from rempart.storage.connect import Transaction
from rempart.workflows.incidents.package_draft import Draft

_MANIFEST_POSITION: Final = 1
CONCLUSIONS: Final = {
    Conclusion.PERSONS: "Des personnes de cet organisme sont concernées : voir les listes.",
    Conclusion.NONE: (
        "Aucune personne de cet organisme n’est concernée : tous les journaux de la période ont "
        "été lus, sous un état signé, sans trou."
    ),
    Conclusion.UNKNOWN: (
        "Aucune personne de cet organisme n’a été trouvée, mais les journaux ont un trou : "
        "on ne peut pas dire que personne n’est concerné."
    ),
}
METHOD: Final = (
    "Les séances des comptes suspects sont jugées une à une, jamais les comptes entiers ; une "
    "personne est listée quand une séance jugée a reçu une réponse sur elle. Les champs perdus "
    "sont ceux que la réponse montrait, moins ceux que le demandeur avait dû saisir."
)


class _Tally:
    """What the rows of a package add up to, as they go by."""

    def __init__(self) -> None:
        self.changes = dict.fromkeys((str(one) for one in Change), 0)
        self.lost = 0
        self.rows = 0

    def watch(self, rows: Iterable[PackagedRow]) -> Iterator[PackagedRow]:
        """Yield the rows on, counted."""
        for row in rows:
            self.changes[row.change] += 1
            self.lost |= row.told.lost if row.told else 0
            self.rows += 1
            yield row


class _Shelf:
    """Seals files and stores them, in order.

    Args:
        tx: The transaction of the package.
        draft: The package.
    """

    def __init__(self, tx: Transaction, draft: Draft) -> None:
        self._tx = tx
        self._draft = draft
        self.sealed: dict[int, SealedFile] = {}
        self.plain: list[dict[str, object]] = []

    def put(self, position: int, name: str, content: bytes) -> None:
        """Seal one file and store it."""
        name = self.name(name)
        sealed = seal_file(self._draft.certificate, content)
        digest = hashlib.sha256(sealed)
        full = name + SEALED_SUFFIX
        packages.insert_file(
            self._tx, self._draft.package.package_ref, position, full, sealed, digest.digest()
        )
        self.sealed[position] = SealedFile(full, len(sealed), digest.hexdigest())
        self.plain.append(
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        )

    def name(self, name: str) -> str:
        """Return the name of a file: one of an exercise says so first."""
        stem, _, suffix = name.rpartition(".")
        return name_file(stem, suffix, exercise=self._draft.incident.exercise)


def write_files(
    tx: Transaction,
    draft: Draft,
    *,
    rows: Iterable[PackagedRow],
    proofs: Sequence[tuple[int, int, str]],
    signer: NoteSigner,
    day: date,
) -> None:
    """Write the files of a package, its manifest and its signed note.

    Args:
        tx: The transaction of the package.
        draft: The package.
        rows: Its persons, by reference.
        proofs: Log, index and proof of some entries; an empty proof could not be made.
        signer: The host's key for packages.
        day: The day on which the chain of processors is read.
    """
    shelf, tally, position = _Shelf(tx, draft), _Tally(), _MANIFEST_POSITION
    for content in iterate_lists(tally.watch(rows)):
        position += 1
        shelf.put(position, f"personnes-{position - 1:04}.csv", content)
    proved = [one for one in proofs if one[2]]
    for number, (_log_id, _index, text) in enumerate(proved, start=1):
        position += 1
        shelf.put(position, f"preuve-{number:03}.tlog-proof", text.encode())
    chain = [
        {"organisation": one.name, "level": one.level}
        for one in packages.list_levels(tx, day)
        if one.insurer_id == draft.insurer.insurer_id
    ]
    manifest = _describe(draft, tally, shelf, chain)
    manifest["proofs"] = {
        "entries": [f"{log_id}:{index}" for log_id, index, _text in proved],
        "not_proved_yet": [f"{log_id}:{index}" for log_id, index, text in proofs if not text],
    }
    shelf.put(_MANIFEST_POSITION, MANIFEST_NAME, format_manifest(manifest))
    files = tuple(shelf.sealed[place] for place in sorted(shelf.sealed))
    note = sign_package(_make_note(draft, files), signer)
    packages.finish_package(
        tx,
        draft.package.package_ref,
        note=note,
        files=len(files),
        size=_measure(note, draft.certificate, files),
        changes=tally.changes,
    )


def _make_note(draft: Draft, files: tuple[SealedFile, ...]) -> PackageNote:
    return PackageNote(
        incident=draft.incident.incident_id,
        exercise=draft.incident.exercise,
        insurer=draft.insurer.amc_number,
        number=draft.package.number,
        basis=draft.package.basis,
        made=_format_instant(draft.package.made_at),
        recipient=draft.fingerprint.hex(),
        files=files,
    )


def _describe(
    draft: Draft, tally: _Tally, shelf: _Shelf, chain: list[dict[str, str]]
) -> dict[str, Any]:
    incident, bounds = draft.incident, compute_bounds(draft.counts, draft.assurance)
    return {
        "format": f"rempart-package/{FORMAT_VERSION}",
        "exercise": incident.exercise,
        "incident": {
            "id": incident.incident_id,
            "title": f"EXERCICE : {incident.title}" if incident.exercise else incident.title,
            "from": _format_ms(incident.starts_ms),
            "to": _format_ms(incident.ends_ms),
            "declared_at": _format_instant(incident.declared_at),
            "analysed_at": _format_instant(draft.analysed.made_at),
        },
        "insurer": {"amc_number": draft.insurer.amc_number, "name": draft.insurer.name},
        "package": {
            "number": draft.package.number,
            "basis": draft.package.basis,
            "kind": "changes" if draft.package.basis else "list",
            "made_at": _format_instant(draft.package.made_at),
        },
        "conclusion": str(draft.conclusion),
        "conclusion_in_words": CONCLUSIONS[draft.conclusion],
        "counts": {
            "A": draft.counts.persons_a,
            "B": draft.counts.persons_b,
            "C": draft.counts.persons_c,
        },
        "bounds": {"lowest": bounds.lowest, "best": bounds.best, "highest": bounds.highest},
        "changes": tally.changes,
        "fields_lost": {
            "names": name_fields(tally.lost),
            "in_words": format_fields(tally.lost, "fr"),
        },
        "coverage": describe_assurance(draft.assurance),
        "method": {
            "rules": draft.analysed.rules,
            "analysis": draft.analysed.number,
            "in_words": METHOD,
            "tiers": {str(tier): words for tier, words in WHY.items()},
        },
        "chain": chain,
        "columns": list(COLUMNS),
        "rows": tally.rows,
        "state_sha256": draft.state_digest,
        "files": shelf.plain,
    }


def _measure(note: str, certificate: bytes, files: Sequence[SealedFile]) -> int:
    """Return the length of the archive."""
    clear = [(NOTE_NAME, note.encode()), (CERTIFICATE_NAME, format_certificate(certificate))]
    entries = [Entry(name, len(body), bytes) for name, body in clear]
    return compute_size([*entries, *(Entry(one.name, one.size, bytes) for one in files)])


def _format_instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _format_ms(t_ms: int) -> str:
    return _format_instant(datetime.fromtimestamp(t_ms / 1000, UTC))
