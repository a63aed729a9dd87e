"""People are told, in real browsers: contacts, samples, two persons, e-mails, letters, returns.

The relay is a real one on this machine; one address does not exist, so that a letter follows.
"""

import csv
import io
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Stack, Visit, wait_until
from tests.browser.test_payers import open_visit
from tests.campaign_samples import Outreach, ToProfessionals, make_line, write_list
from tests.package_samples import Affair, format_private_key, make_certificate, make_rsa_key
from tests.portals import people
from tests.portals.test_campaigns import FACTS

from rempart.accounts.roles import Role
from rempart.disclosure.fields import Field
from rempart.exchange.package_sealing import Opener
from rempart.storage.contacts import make_letterbox
from rempart.storage.sealing import FileKms
from rempart.wiring.database import Installation
from rempart.wiring.notices import load_envelope_key
from rempart.wiring.settings import Settings

__all__ = ["open_visit"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(500)]
CERTIFICATE = make_certificate()
ADULT, BOUNCING, BY_POST, UNREACHED = 101, 102, 103, 104
UPLOAD = "input[type=file]"
WRONG_ARTICLE = "Parquet de Paris, article L651-12 du Code de la mutualité"
# What the words of a release that forgot something would leave.
LACKING = (
    "UPDATE notices.campaign SET findings = jsonb_build_object('rule', 'missing_measures',"
    " 'severity', 'blocking', 'language', 'fr', 'section', '', 'persons', 2) || findings"
)


@dataclass(frozen=True)
class Told:
    """An insurer told of four persons, and where its messages go."""

    stack: Stack
    host: people.Organisation
    insurer: people.Organisation
    outreach: Outreach
    mail: Path
    environment: dict[str, str]

    def run(self, kind: str) -> None:
        """Ask the worker of the stack to do a job now."""
        command = [sys.executable, "-m", "rempart", "jobs", "run", kind]
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=120)

    def read_code(self, person_ref: int) -> str:
        """Return the code of the message to somebody, as it is printed on it."""
        [(number,)] = self.outreach.fetch(
            "SELECT number FROM notices.message WHERE person_ref = %s", person_ref
        )
        command = [sys.executable, "-m", "rempart", "notice", "campaign", "text", str(number)]
        done = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True, timeout=120
        )
        [code] = re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]\b", done.stdout)
        return str(code)

    def find_letter(self, person_ref: int, references: list[str]) -> str:
        """Return which of the references on envelopes is on a person's."""
        at = Installation(
            settings=Settings(), home=self.stack.world.home, database=self.stack.database
        )
        key = load_envelope_key(at)
        [(number,)] = self.outreach.fetch(
            "SELECT number FROM notices.message WHERE person_ref = %s AND channel = 'letter'",
            person_ref,
        )
        [found] = [one for one in references if key.read_post_reference(one) == number]
        return found

    def list_delivered(self) -> list[str]:
        """Return the addresses that an e-mail was delivered to."""
        file = self.mail / "delivered.txt"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.is_file() else []


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Where messages go: a relay of ours, a folder of letters."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "mail" / "reports" / "new").mkdir(parents=True)
    return {
        **environment,
        "REMPART_SMTP": f"smtp+clear://localhost:{find_port()}",
        "REMPART_NOTICES_FROM": "avis@tp.invalid",
        "REMPART_BOUNCES_TO": "retours@tp.invalid",
        "REMPART_BOUNCES": str(tmp_path / "mail" / "reports"),
        "REMPART_LETTERS_TO": str(tmp_path / "letters"),
    }


@pytest.fixture
def relay(environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """`rempart dev smtp`: an address that begins with `bounce` does not exist."""
    port = environment["REMPART_SMTP"].rpartition(":")[2]
    command = [sys.executable, "-m", "rempart", "dev", "smtp", "--port", port]
    folder = tmp_path / "mail"
    with subprocess.Popen(
        [*command, "--folder", str(folder)], env=environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield folder
        finally:
            process.terminate()


@pytest.fixture
def told(stack: Stack, relay: Path, environment: dict[str, str]) -> Told:
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    insurer = people.make_organisation(stack.database, "insurer", name="Mutuelle Aubelune")
    affair = Affair(stack.database, kms=FileKms(stack.world.home.key("master")))
    affair.add_key(insurer.insurer_id, CERTIFICATE)
    with stack.database.transaction("owner") as tx:
        # In force whenever these tests run.
        tx.execute("UPDATE incidents.sealing_key SET ends_at = now() + interval '9 years'")
    outreach = Outreach(stack.database, known=affair, insurer_id=insurer.insurer_id)
    outreach.package({ADULT: "A", BOUNCING: "A", BY_POST: "B", UNREACHED: "A"})
    for person in (ADULT, BOUNCING, BY_POST, UNREACHED):
        outreach.cover(person)
    return Told(stack, host, insurer, outreach, relay, environment)


def follow(control: Locator) -> None:
    """Press what leads to another page, and be there: a page on its way cannot be looked at."""
    with control.page.expect_navigation():
        control.press("Enter")


def await_words(page: Page, words: str) -> None:
    """Look at a page again until a job has done what it says."""

    def is_there() -> bool:
        page.reload()
        return words in page.locator("main").inner_text().replace("\u202f", " ")

    wait_until(is_there)


def give_contacts(page: Page, told: Told) -> None:
    """Give a file of contacts, one line of which is nobody's."""
    lines = [
        make_line(ADULT),
        make_line(BOUNCING, email="bounce-102@exemple.invalid"),
        make_line(BY_POST, email="pas une adresse", language="en"),
        make_line(999),
    ]
    page.goto(f"{told.stack.url}/assureur/coordonnees")
    file = {"name": "liste.csv", "mimeType": "text/csv", "buffer": write_list(lines)}
    page.set_input_files(UPLOAD, file)
    follow(page.get_by_role("button", name="Donner"))
    await_words(page, "3 personnes, 1 lignes refusées")
    page.locator("summary").first.press("Enter")
    expect(page.get_by_text("cette référence n’est dans aucun envoi").last).to_be_visible()


def draft(page: Page, told: Told) -> None:
    """Fill in the facts and have the messages prepared."""
    page.goto(f"{told.stack.url}/campagnes/incidents/{told.outreach.affair.incident_id}")
    fill_facts(page, prosecutor=WRONG_ARTICLE)
    follow(page.locator("#prepare"))
    await_words(page, "un message chacune")


def correct_findings(visit: Visit, told: Told) -> None:
    """Read what the linter found; while a text lacks what the law asks for, nothing is proposed."""
    page = visit.page
    expect(page.locator("#findings")).to_contain_text("dans « Vos droits »")
    told.outreach.execute(LACKING)
    page.reload()
    expect(page.locator("#blocked")).to_be_visible()
    visit.shoot("campaign-findings")
    follow(page.locator("#propose"))
    expect(page.get_by_role("alert")).to_contain_text("Refusé")
    follow(page.locator("#facts"))
    fill_facts(page)
    follow(page.locator("#prepare"))
    await_words(page, "Rien à redire")


def fill_facts(page: Page, **changes: str) -> None:
    for name, value in {**FACTS, **changes}.items():
        if name == "measures":
            for one in value:
                page.locator(f"[name=measures][value={one}]").check()
        elif name == "is_space_open":
            page.locator("[name=is_space_open]").check()
        else:
            page.locator(f"[name={name}]").fill(str(value))
    page.get_by_role("button", name="Enregistrer").press("Enter")
    expect(page.locator("#avancement")).to_be_visible()


def agree(first: Visit, second: Visit) -> None:
    """One proposes, another reads and agrees."""
    first.page.locator("#propose").press("Enter")
    expect(first.page.get_by_text("Une deuxième personne")).to_be_visible()
    page = second.page
    page.goto(first.page.url)
    page.locator("#approve").press("Enter")
    expect(page.get_by_text("Lisez au moins les exemples")).to_be_visible()


def take_batch(page: Page) -> dict[str, bytes]:
    """Take the letters, sealed; open them with the insurer's key."""
    with page.expect_download() as caught:
        page.locator("#take").press("Enter")
    der = x509.load_pem_x509_certificate(CERTIFICATE).public_bytes(Encoding.DER)
    opener = Opener(der, format_private_key(make_rsa_key()), None)
    content = opener.open(Path(caught.value.path()).read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.rpartition(".")[2]: archive.read(name) for name in archive.namelist()}


def test_from_contacts_to_a_correction_by_two_persons_and_a_real_relay(
    told: Told, open_visit: Callable[[people.Somebody], Visit]
):
    database = told.stack.database
    dpo = people.make_agent(database, told.insurer, Role.INSURER_DPO, name="Chloé Déléguée")
    head = people.make_agent(database, told.insurer, Role.INSURER_ADMIN, name="Dominique Directeur")
    first, second = open_visit(dpo), open_visit(head)
    page = first.page
    give_contacts(page, told)
    first.shoot("campaign-contacts")
    draft(page, told)
    address = page.url
    correct_findings(first, told)
    expect(page.get_by_text("aucune coordonnée utilisable")).to_be_visible()
    first.shoot("campaign-prepared")
    page.locator("#exemples a").first.press("Enter")
    expect(page.get_by_text("Bonjour Camille Exemple")).to_be_visible()
    first.shoot("campaign-sample")
    page.get_by_label("Langue").select_option("en")
    page.get_by_label("Présentation").select_option("large_print")
    page.get_by_role("button", name="Voir").press("Enter")
    expect(page.get_by_text("Dear Camille Exemple")).to_be_visible()

    page.goto(address)
    agree(first, second)
    second.shoot("campaign-approve")
    second.page.locator("#agree").press("Enter")
    expect(second.page.get_by_text("approuvée le")).to_be_visible()
    send_and_read_reports(told)
    await_words(page, "courriel non remis")
    told.run("print_letters")
    follow(page.locator("#letters"))
    await_words(page, "Lot n° 1")
    page.get_by_role("link", name="Lot n° 1").press("Enter")
    first.shoot("campaign-letter-batch")
    files = take_batch(page)
    assert files["pdf"].startswith(b"%PDF")
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode()), delimiter=";"))
    assert len(rows) == 2
    page.reload()
    expect(page.get_by_text("Pris la dernière fois par Chloé Déléguée")).to_be_visible()
    page.locator("#post").press("Enter")
    expect(page.locator("tbody")).to_contain_text("posté")
    first.shoot("campaign-letters")

    page.locator("#returns").press("Enter")
    returned = told.find_letter(BY_POST, [row["reference"] for row in rows])
    content = f"reference;motif\r\n{returned};NPAI\r\n".encode()
    file = {"name": "retours.csv", "mimeType": "text/csv", "buffer": content}
    page.set_input_files(UPLOAD, file)
    follow(page.get_by_role("button", name="Donner"))
    await_words(page, "1 lettres, 0 lignes refusées")
    page.goto(address)
    expect(page.get_by_text("revenu : n’habite pas à l’adresse indiquée")).to_be_visible()
    page.get_by_role("button", name="English").press("Enter")
    expect(page.get_by_text("not living at this address").first).to_be_visible()
    first.shoot("campaign-en")
    page.get_by_role("button", name="Français").press("Enter")
    correct(told, first, second, address)
    tell_professionals(told, open_visit)


def send_and_read_reports(told: Told) -> None:
    """Have e-mails leave, and what comes back be read."""
    told.run("send_notices")
    wait_until(
        lambda: (
            told.outreach.fetch(
                "SELECT count(*) FROM notices.message WHERE channel = 'email' AND state = 'sent'"
            )
            == [(2,)]
        )
    )
    assert told.list_delivered() == [f"essai{ADULT}@exemple.invalid"]
    told.run("read_bounces")


def correct(told: Told, first: Visit, second: Visit, address: str) -> None:
    """The list changes: whoever was told something else is told again, and nobody else."""
    told.outreach.package({ADULT: "B", BOUNCING: "A", BY_POST: "B", UNREACHED: "A"})
    page = first.page
    page.goto(address)
    expect(page.locator("#outdated")).to_be_visible()
    page.locator("#stopping summary").press("Enter")
    page.locator("#stopping [name=reason]").fill("La liste a changé")
    page.locator("#stopping").get_by_role("button", name="Arrêter").press("Enter")
    page.get_by_role("link", name="Faire une correction").press("Enter")
    fill_facts(page)
    follow(page.locator("#prepare"))
    await_words(page, "un message chacune")
    expect(page.locator("#exemples")).to_contain_text("B – très probable")
    first.shoot("campaign-correction")
    agree(first, second)
    second.page.locator("#agree").press("Enter")
    told.run("send_notices")
    wait_until(lambda: told.list_delivered().count(f"essai{ADULT}@exemple.invalid") == 2)
    listed = told.outreach.fetch(
        "SELECT m.kind, m.person_ref FROM notices.message AS m JOIN notices.campaign AS c"
        " USING (campaign_ref) WHERE c.number = 2 ORDER BY m.person_ref"
    )
    assert ("correction", ADULT) in listed
    assert BOUNCING not in [ref for _, ref in listed]


def tell_professionals(told: Told, open_visit: Callable[[people.Somebody], Visit]) -> None:
    """The operator tells those whose accounts were entered; a code of theirs answers."""
    database, known = told.stack.database, told.outreach.affair
    letterbox = make_letterbox(told.stack.world.home.key("master"))
    professionals = ToProfessionals(database, known=known, letterbox=letterbox)
    professionals.add(901, "Alice Officine", email="alice@exemple.invalid")
    professionals.add(902, "Bruno Cabinet", letter="2 rue du Port, 35400 SAINT-MALO")
    login = Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_LOGIN
    bank = login | Field.PROFESSIONAL_BANK_DETAILS | Field.FINESS
    professionals.list({901: ("A", bank), 902: ("B", login)})
    first, second = (
        open_visit(people.make_agent(database, told.host, role, name=name))
        for role, name in (
            (Role.OPERATOR_DPO, "Élise Déléguée"),
            (Role.OPERATOR_ADMIN, "Denis Directeur"),
        )
    )
    page = first.page
    page.goto(f"{told.stack.url}/console/incidents/{known.incident_id}")
    follow(page.locator("#tell-professionals"))
    expect(page.get_by_text("d’après l’analyse")).to_be_visible()
    fill_facts(page, name="Plateforme Lambda", operator="Plateforme Lambda")
    follow(page.locator("#prepare"))
    await_words(page, "un message chacune")
    expect(page.get_by_text("Rien à redire")).to_be_visible()
    first.shoot("professionals-prepared")
    follow(page.locator("#exemples a").first)
    expect(page.get_by_text("Il a lu leurs comptes")).to_be_visible()
    first.shoot("professionals-sample")
    page.go_back()
    agree(first, second)
    second.page.locator("#agree").press("Enter")
    expect(second.page.get_by_text("approuvée le")).to_be_visible()
    told.run("send_notices")
    wait_until(lambda: told.list_delivered().count("alice@exemple.invalid") == 1)
    code = told.read_code(901)
    page.goto(f"{told.stack.url}/suis-je-concerne")
    page.locator("[name=code]").fill(code)
    follow(page.locator("[name=code]"))
    expect(page.get_by_text("coordonnées bancaires du professionnel").first).to_be_visible()
