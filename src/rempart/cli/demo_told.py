"""`rempart dev told`: an incident of the demo told to the people it concerns, up to the last click.

A few professionals who billed in the demo are said to have been robbed: an analyst answers for it,
as a page would have them do. From there on each step is the command that a host or an insurer
types. Two things are lent: who asked that the package be sent, and who wrote the public page, whom
no page would take on the day they arrived. The campaign is proposed and waits: its insurer's agent
agrees.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rempart.cli import campaign as campaigns
from rempart.cli import incident as incidents
from rempart.cli import incident_packages as packages
from rempart.cli.demo_desks import draw_billings
from rempart.cli.feed import today_in_paris
from rempart.incidents.evidence import Window
from rempart.incidents.room import RoomAuthor
from rempart.kernel.errors import SetupError
from rempart.notices.facts_json import read_facts
from rempart.notices.incident_page import (
    IncidentPage,
    check_can_publish,
    compute_page_digest,
    list_first_questions,
)
from rempart.storage import (
    campaign_pages,
    incident_analyses,
    incident_pages,
    package_pages,
    professional_accounts,
)
from rempart.storage.packages import find_insurer_by_number
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.packages import load_package_signer
from rempart.wiring.providers import SIMULATED_COMPANY
from rempart.wiring.settings import Settings
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.incidents.name_accounts import name_accounts
from rempart.workflows.incidents.overrule_session import overrule_session
from rempart.workflows.notices.campaigns import draw_reference, read_package, suggest_facts
from rempart.workflows.notices.incident_pages import compute_public_facts

TITLE: Final = "Accès volés de professionnels (démonstration)"
WHO: Final = "Démonstration"
HOST_AGENT: Final = "agent-operateur"
INSURER_AGENT: Final = "agent-assureur"
_REASON: Final = "Le titulaire était absent ces jours-là et n’a prêté son accès à personne."
_DAYS: Final = 3
_STOLEN: Final = 5
_KEY_BITS: Final = 3072
_BY_POST_EVERY: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """Which incident is told to which insurer, where its files are, at what pace.

    Args:
        per_hour: Messages an hour; None: no limit.
    """

    at: Installation
    incident_id: int
    amc_number: str
    folder: Path
    per_hour: int | None = 500


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--card", required=True, help="The card of somebody all know.")
@click.option("--card-insurer", required=True, help="AMC number of its insurer.")
@click.option("--insurer", "amc_number", required=True, help="AMC number of who tells people.")
def told(*, data: Path, card: str, card_insurer: str, amc_number: str) -> None:
    """Have an invented theft told to the people it concerns; the last click is left."""
    settings = Settings.from_environment()
    if not settings.dev_psc:
        raise SetupError("set REMPART_DEV_PSC=1: an invented theft is not for a real installation")
    _, billings = draw_billings(
        data,
        amc_numbers=tuple(dict.fromkeys((card_insurer, amc_number))),
        card=card,
        until=today_in_paris(),
    )
    with open_installation(settings) as at:
        folder = at.home.path / "told"
        folder.mkdir(exist_ok=True)
        # Not the first one: the demo signs in as that professional.
        stolen = [one.professional["rpps"] for one in billings[1 : 1 + _STOLEN]]
        incident_id = find_stolen(at, stolen)
        tell(Tale(at=at, incident_id=incident_id, amc_number=amc_number, folder=folder))
    click.echo(f"incident {incident_id} is told; a campaign waits for {INSURER_AGENT}")


def tell(tale: Tale) -> int:
    """Take an analysed incident to a campaign that waits for its insurer; return its number."""
    _send_package(tale)
    _call(campaigns.contacts, insurer=tale.amc_number, file=_write_contacts(tale))
    facts = _write_facts(tale)
    _publish(tale, facts)
    return _propose(tale, facts)


def _call(command: click.Command, **values: object) -> None:
    """Do what a command does."""
    if command.callback is None:
        raise TypeError("a command does something")
    command.callback(**values)


def find_stolen(at: Installation, numbers: Sequence[str]) -> int:
    """Declare that professionals were robbed, judge the sessions, list whom they were shown.

    Args:
        at: The demo's installation.
        numbers: Their RPPS numbers.

    Returns:
        The incident.
    """
    now = datetime.now(UTC)
    window = Window(
        starts_ms=int((now - timedelta(days=_DAYS)).timestamp() * 1000),
        ends_ms=int(now.timestamp() * 1000),
    )
    by = RoomAuthor(name=WHO)
    with at.database.transaction("analyst") as tx:
        stolen = "\n".join(["rpps", *numbers, ""])
        refs, findings = name_accounts(tx, io.StringIO(stolen))
        if findings or not refs:
            raise SetupError("no professional of the demo has billed: start it again")
        incident_id = declare_incident(
            tx,
            title=TITLE,
            window=window,
            account_refs=refs,
            by=by,
            words="Plainte des titulaires.",
        )
    _call(incidents.analyse, incident_id=incident_id, check=False, author=WHO)
    with at.database.transaction("analyst") as tx:
        for session_ref in incident_analyses.list_verdicts(tx, incident_id):
            overrule_session(tx, incident_id, session_ref, verdict="thief", reason=_REASON, by=by)
    _call(incidents.analyse, incident_id=incident_id, check=False, author=WHO)
    return incident_id


def _send_package(tale: Tale) -> None:
    """Give the insurer a certificate, make its package, send it."""
    certificate, key = _make_certificate()
    (tale.folder / "certificate.pem").write_bytes(certificate)
    private = tale.folder / "key.pem"
    private.touch(mode=0o600)
    private.write_bytes(key)
    _call(packages.add_key, insurer=tale.amc_number, certificate=tale.folder / "certificate.pem")
    named = (tale.amc_number,)
    _call(packages.make, incident=tale.incident_id, insurers=named, proofs=5)
    agent = _find_agent(tale.at, HOST_AGENT)
    with tale.at.database.transaction("analyst") as tx:
        refs = packages.list_in_state(tx, tale.incident_id, (_find_insurer(tale),), "made")
        package_pages.ask_packages(tx, refs, by_ref=agent)
    _call(packages.send, incident=tale.incident_id, insurers=named, approve=True, take_back=False)


def _write_contacts(tale: Tale) -> Path:
    """Open the package as its insurer does, and add where people are reached: all invented."""
    _call(packages.drop, incident=tale.incident_id, folder=tale.folder, insurers=(tale.amc_number,))
    trusted = load_package_signer(tale.at.home).verifier.vkey
    _call(
        packages.open_,
        files=tuple(
            sorted(tale.folder.glob(f"incident-{tale.incident_id}-{tale.amc_number}-*.tar"))
        ),
        key_file=tale.folder / "key.pem",
        unlock_file=None,
        vkeys=(trusted,),
        out=tale.folder,
    )
    with (tale.folder / "liste.csv").open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        file.seek(0)
        rows = list(csv.DictReader(file, delimiter=max(";,", key=header.count)))
    path = tale.folder / "contacts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        columns = ("representative", "email", "address_1", "postcode", "city")
        writer = csv.DictWriter(file, [*rows[0], *columns], delimiter=";")
        writer.writeheader()
        writer.writerows({**row, **_invent(number, row)} for number, row in enumerate(rows, 1))
    return path


def _invent(number: int, row: dict[str, str]) -> dict[str, str]:
    """Invent where a person of the list is reached: by post, those a parent answers for too."""
    by_post = number % _BY_POST_EVERY == 0
    return {
        "representative": f"Camille {row['family_name']}" if row["minor"] == "yes" else "",
        "email": "" if by_post else f"adherent-{number}@example.invalid",
        "address_1": f"{number} rue de l’Exemple",
        "postcode": "75000",
        "city": "PARIS",
    }


def _write_facts(tale: Tale) -> dict[str, Any]:
    """Return what everybody is told, what the package knows filled in."""
    now = datetime.now(UTC)
    with tale.at.database.transaction("notifier") as tx:
        package = read_package(tx, tale.incident_id, _find_insurer(tale))
        known = suggest_facts(tx, package, tale.incident_id, now=now)
    update = today_in_paris() + timedelta(days=14)
    return known | {
        "sender": {
            "name": package.insurer,
            "phone": "01 99 00 12 34",
            "hours_fr": "du lundi au vendredi de 9 h à 18 h",
            "hours_en": "Monday to Friday, 9 am to 6 pm",
            "dpo_email": "dpo@example.invalid",
            "post_address": "1 rue de l’Exemple, 75000 Paris",
            "site": "mutuelle.invalid",
        },
        "operator": "Opérateur",
        "discovered_on": known["ends_on"],
        "told_on": known["written_on"],
        "next_update_on": update.isoformat(),
        "measures": ["accounts_blocked", "sessions_ended", "logs_kept", "cnil_notified"],
        "planned": ["second_message"],
        "is_space_open": True,
        "prosecutor": "",
    }


def _publish(tale: Tale, facts: dict[str, Any]) -> None:
    """Publish the page of the incident, as its insurer's agent would."""
    agent, insurer_id = _find_agent(tale.at, INSURER_AGENT), _find_insurer(tale)
    with tale.at.database.transaction("owner") as tx:
        package = incident_pages.load_last_package(tx, tale.incident_id, insurer_id)
        if package is None:
            raise SetupError("the package of the demo was not sent")
        page = IncidentPage(
            facts=read_facts(facts),
            about=compute_public_facts(package),
            package_number=package.number,
            questions=tuple(list_first_questions()),
        )
        check_can_publish(page, None)
        of = (tale.incident_id, insurer_id)
        incident_pages.insert_page(tx, draw_reference(), package, of=of, made_by=agent)
        head = incident_pages.find_own_page(tx, *of)
        if head is None:
            raise SetupError("the page of the demo was not made")
        incident_pages.insert_draft(tx, head, 1, page, written_by=agent)
        digest = compute_page_digest(page)
        incident_pages.publish_draft(tx, head.page_ref, 1, digest, published_by=agent)


def _propose(tale: Tale, facts: dict[str, Any]) -> int:
    """Draft, prepare and propose a campaign; return its number."""
    file = tale.folder / "facts.json"
    file.write_text(json.dumps(facts, ensure_ascii=False, indent=1), "utf-8")
    names = {"incident": tale.incident_id, "insurer": tale.amc_number}
    _call(campaigns.begin, **names, file=file, per_hour=tale.per_hour)
    with tale.at.database.transaction("notifier") as tx:
        ref = campaign_pages.find_newest(tx, tale.incident_id)
    _call(campaigns.prepare, ref=ref)
    _call(campaigns.propose, ref=ref)
    return ref


def _find_insurer(tale: Tale) -> int:
    with tale.at.database.transaction("analyst") as tx:
        found = find_insurer_by_number(tx, tale.amc_number)
    if found is None:
        raise SetupError(f"no insurer has the AMC number {tale.amc_number}")
    return found


def _find_agent(at: Installation, subject: str) -> int:
    with at.database.transaction("registrar") as tx:
        actor = professional_accounts.find_linked_actor(tx, SIMULATED_COMPANY, subject)
    if actor is None:
        raise SetupError(f"{subject} has no account: run `rempart dev people` first")
    return actor.actor_ref


def _make_certificate() -> tuple[bytes, bytes]:
    """Make a self-signed certificate and its key, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Mutuelle (démonstration)")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
