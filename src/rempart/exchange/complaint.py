"""What a prosecutor is given: the complaint of a legal person, and evidence with its digests.

One ZIP: the letter as PDF and text, the timeline, the signed checkpoints of the ledger, what was
exported, and a manifest with the SHA-256 of each. Refuses to hold a person concerned: how many they
are is said, and who they are stays sealed until a judge asks.

Source:
    S66; breach of automated systems, Code pénal, articles 323-1 to 323-3; for counsel to confirm.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from rempart.exchange.authority_document import AuthorityDocument, Section
from rempart.exchange.table_cells import protect_cell
from rempart.incidents.case import CaseFile, describe_bounds, describe_event
from rempart.incidents.room import EventKind, RoomEvent, name_file
from rempart.kernel.errors import InvalidRequest

FIELDS: Final[Mapping[str, str]] = {
    "name": "Dénomination de la personne morale",
    "form": "Forme juridique",
    "siren": "SIREN",
    "seat": "Siège",
    "represented_by": "Représentée par (nom et qualité)",
    "to": "À l’attention de (procureur, service)",
    "facts": "Exposé des faits",
    "harm": "Préjudice",
    "asks": "Demandes",
    "place": "Fait à",
}
"""What a person fills of the letter, with its French label."""
_OFFENCES: Final = (
    (
        "Accès et maintien frauduleux dans un système de traitement automatisé de données "
        "(Code pénal, article 323-1)."
    ),
    "Extraction, détention et transmission frauduleuses de données (article 323-3).",
    "Collecte frauduleuse de données à caractère personnel (article 226-18).",
    "Recel (article 321-1), et toute autre qualification que l’enquête établirait.",
)
_CUSTODY: Final = frozenset(
    {
        *(EventKind.HOLD_PLACED, EventKind.HOLD_RELEASED, EventKind.ANALYSED, EventKind.OVERRULED),
        *(EventKind.PACKAGE_MADE, EventKind.PACKAGE_SENT, EventKind.PACKAGE_RECEIVED),
        *(EventKind.REPORT_MADE, EventKind.REPORT_SUBMITTED, EventKind.COMPLAINT_FILED),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One file of the bundle.

    Args:
        path: Its place in the ZIP.
        content: Its bytes.
        what: What it is.
        source: Where it comes from, who made it.
    """

    path: str
    content: bytes
    what: str
    source: str

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Who made the bundle, when: the last link of the chain of custody."""

    by: str
    at: datetime
    zone: tzinfo


def make_letter(
    case: CaseFile,
    answers: Mapping[str, str],
    evidence: Sequence[Evidence],
    handling: Handling,
) -> AuthorityDocument:
    """Write the complaint of a legal person, with its evidence and who held it."""
    filled = {
        name: answers.get(name, "").strip() or f"[à compléter : {label.lower()}]"
        for name, label in FIELDS.items()
    }
    if not answers.get("facts", "").strip():
        filled["facts"] = _tell_facts(case, handling)
    parties = ("name", "form", "siren", "seat", "represented_by")
    return AuthorityDocument(
        title="Plainte contre X d’une personne morale",
        lead=f"{filled['to']} – incident {case.incident_id}, {case.title}",
        exercise=case.exercise,
        sections=(
            Section(
                title="1. La plaignante",
                rows=[(FIELDS[name], filled[name]) for name in parties],
            ),
            Section(title="2. Les faits", paragraphs=[filled["facts"]]),
            Section(
                title="3. Chronologie",
                columns=("Quand", "Quoi", "Écrit par"),
                table=[_tell(event, handling) for event in case.timeline],
            ),
            _count_persons(case),
            Section(title="5. Infractions (à confirmer par un conseil)", paragraphs=_OFFENCES),
            Section(title="6. Préjudice et demandes", paragraphs=[filled["harm"], filled["asks"]]),
            Section(
                title="7. Pièces",
                columns=("Fichier", "Nature et origine", "SHA-256"),
                table=[(one.path, f"{one.what} – {one.source}", one.digest) for one in evidence],
            ),
            _describe_custody(case, handling),
            Section(
                title="9. Signature",
                paragraphs=[
                    f"{filled['place']}, le {_say(handling.at, handling)}",
                    filled["name"],
                ],
            ),
        ),
    )


def make_bundle(
    case: CaseFile,
    answers: Mapping[str, str],
    evidence: Sequence[Evidence],
    handling: Handling,
) -> bytes:
    """Return the ZIP; the same inputs give the same bytes.

    Raises:
        InvalidRequest: two pieces of evidence have the same place, or one leaves the ZIP.
    """
    pieces = [_write_timeline(case, handling), *evidence]
    paths = [one.path for one in pieces]
    if len(set(paths)) != len(paths) or any(".." in one or one.startswith("/") for one in paths):
        raise InvalidRequest("evidence: each file has a name of its own inside the bundle")
    letter = make_letter(case, answers, pieces, handling)
    whole = [
        Evidence(
            path=name_file("plainte", "pdf", exercise=case.exercise),
            content=letter.print_pdf(made_at=handling.at),
            what="plainte",
            source=handling.by,
        ),
        Evidence(
            path=name_file("plainte", "txt", exercise=case.exercise),
            content=letter.write_text().encode(),
            what="la même, en texte",
            source=handling.by,
        ),
        *pieces,
    ]
    return _zip([*whole, _write_manifest(case, whole, handling)], handling.at)


def check_bundle(content: bytes) -> list[str]:
    """Return the files of a bundle that are not what its manifest says; none when all are."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        told = json.loads(archive.read("manifest.json"))["files"]
        names = set(archive.namelist()) - {"manifest.json"}
        wrong = [
            one["path"]
            for one in told
            if one["path"] not in names
            or hashlib.sha256(archive.read(one["path"])).hexdigest() != one["sha256"]
        ]
    return wrong + sorted(names - {one["path"] for one in told})


def _tell_facts(case: CaseFile, handling: Handling) -> str:
    return (
        f"Du {_say(case.starts_at, handling)} au {_say(case.ends_at, handling)}, {case.accounts} "
        f"compte(s) de professionnels de santé ont servi à consulter frauduleusement, sur les "
        f"services de {case.operator}, des données d’assurés."
    )


def _count_persons(case: CaseFile) -> Section:
    members = [
        (one.name, describe_bounds(one.bounds) + f" ; {', '.join(one.field_names)}")
        for one in case.members
    ]
    professionals = ("Professionnels de santé", describe_bounds(case.professionals.bounds))
    unnamed = (
        "Les personnes ne sont pas nommées ici ; leur liste est conservée sous scellé par les "
        "responsables de traitement et peut être requise."
    )
    return Section(
        title="4. Personnes et données", paragraphs=[unnamed], rows=[*members, professionals]
    )


def _describe_custody(case: CaseFile, handling: Handling) -> Section:
    held = [_tell(one, handling) for one in case.timeline if one.kind in _CUSTODY]
    return Section(
        title="8. Conservation des preuves",
        columns=("Quand", "Quoi", "Écrit par"),
        table=[*held, (_say(handling.at, handling), "ce dossier réuni", handling.by)],
    )


def _write_timeline(case: CaseFile, handling: Handling) -> Evidence:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(("n°", "quand", "écrit le", "quoi", "par", "complémentaire"))
    for event in case.timeline:
        when, what, who = _tell(event, handling)
        recorded = _say(event.recorded_at, handling)
        cells = (event.event_ref, when, recorded, what, who, event.insurer_id)
        # People of other organisations are in it, under the names they go by.
        writer.writerow([protect_cell(cell) for cell in cells])
    return Evidence(
        path="chronologie.csv",
        content=text.getvalue().encode("utf-8-sig"),
        what="chronologie de l’incident",
        source="registre de la salle, où rien ne se modifie",
    )


def _write_manifest(case: CaseFile, whole: Sequence[Evidence], handling: Handling) -> Evidence:
    body = {
        "kind": "complaint-bundle",
        "incident": case.incident_id,
        "exercise": case.exercise,
        "made_at": handling.at.isoformat(timespec="seconds"),
        "made_by": handling.by,
        "files": [
            {
                "path": one.path,
                "bytes": len(one.content),
                "sha256": one.digest,
                "what": one.what,
                "source": one.source,
            }
            for one in whole
        ],
    }
    content = json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"
    return Evidence(path="manifest.json", content=content, what="manifeste", source=handling.by)


def _zip(files: Sequence[Evidence], at: datetime) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in files:
            entry = zipfile.ZipInfo(one.path, at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, one.content)
    return whole.getvalue()


def _tell(event: RoomEvent, handling: Handling) -> tuple[str, str, str]:
    at = datetime.fromtimestamp(event.happened_ms / 1000, handling.zone)
    return f"{at:%d/%m/%Y %H:%M:%S}", describe_event(event), event.author


def _say(at: datetime, handling: Handling) -> str:
    return f"{at.astimezone(handling.zone):%d/%m/%Y %H:%M}"
