"""The member's own place: home, messages, watch, preferences, family, data and a copy of them."""

import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import pypdfium2
import pytest
from django.test import Client
from psycopg.types.json import Jsonb
from tests.notice_samples import INCIDENT
from tests.portals import people
from tests.portals.conftest import KEY
from tests.portals.test_cards import plant as plant_card
from tests.portals.test_member_space import SENT, dispute, enter, read
from tests.portals.test_payers import CLAIM, add_claim, count_readings, find_person

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.notices.facts_json import describe_facts
from rempart.storage.member_seal import MemberSeal
from rempart.storage.sealing import (
    ContractRecord,
    FileKms,
    PersonRecord,
    Seal,
    encode_record,
    load_insurer_key,
)
from rempart.workflows.members.copy_own_data import fill_copy, forget_copies, forget_reports

FACTS = replace(INCIDENT, case_reference="R-2026-099")
NIR = make_synthetic_nir(sex=2, year=1984, month=5, serial=17).number


@pytest.fixture
def member(desk, insurer) -> people.Somebody:
    return people.make_member(desk.database, insurer)


@pytest.fixture
def ours(desk, member) -> Client:
    return enter(desk, member)


def plant_message(desk, insurer, person_ref: int, number: int, **changes) -> None:
    """A message of a campaign, as its job leaves it; nothing is asked of what leads there."""
    campaign = {
        "campaign_ref": 10 * number,
        "incident_id": 1,
        "insurer_id": insurer.insurer_id,
        "number": number,
        "package_ref": 1,
        "kind": "notice",
        "exercise": False,
        "facts": Jsonb(describe_facts(changes.pop("facts", FACTS))),
        "state": "stopped",
        "made_by": 0,
        "ended_at": desk.clock,
    }
    message = {
        "number": number,
        "campaign_ref": 10 * number,
        "insurer_id": insurer.insurer_id,
        "person_ref": person_ref,
        "kind": "notice",
        "relation": "member",
        "certainty": "A",
        "fields": int(EIGHT_FIELDS_OF_2024),
        "not_exposed": int(Field.BANK_DETAILS),
        "language": "fr",
        "channel": "letter",
        "state": "posted",
        "digest": bytes(32),
        "code_digest": number.to_bytes(32),
        "state_at": desk.clock - timedelta(days=2),
        **changes,
    }
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for table, row in (("campaign", campaign), ("message", message)):
            names = ", ".join(row)
            places = ", ".join(f"%({name})s" for name in row)
            admin.execute(
                f"INSERT INTO notices.{table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({places})",
                row,
            )


def fetch(desk, statement):
    with desk.database.transaction("owner") as tx:
        return tx.execute(statement).fetchall()


def test_a_message_waits_on_the_first_page_and_is_read_as_it_was_sent(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    plant_message(desk, insurer, person_ref, 7)
    home = read(ours.get("/adherent"))
    assert "Un message à lire" in home
    assert "Ma vigilance" in home
    listed = read(ours.get("/adherent/messages"))
    assert "envoyé aussi par courrier" in listed
    assert "à lire" in listed
    shown = read(ours.get("/adherent/messages/7"))
    assert "Vous êtes concerné(e) par un vol de données. C’est établi." in shown
    assert "numéro de sécurité sociale" in shown.lower()
    assert "R-2026-099" in shown
    # The code is the paper's: whoever is signed in needs none.
    assert "Vérifier que ce message est vrai" not in shown
    [(number, opened)] = fetch(desk, "SELECT number, opened_at FROM notices.opened")
    assert number == 7
    ours.get("/adherent/messages/7")
    assert fetch(desk, "SELECT number, opened_at FROM notices.opened") == [(7, opened)]
    assert "Un message à lire" not in read(ours.get("/adherent"))


def test_nobody_reads_the_message_of_another_nor_one_that_has_not_left(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    plant_message(desk, insurer, person_ref, 7, state="waiting", channel="email")
    plant_message(desk, insurer, people.draw(), 8)
    for number in (7, 8, 9):
        assert ours.get(f"/adherent/messages/{number}").status_code == 404
    assert "Aucun message." in read(ours.get("/adherent/messages"))
    assert fetch(desk, "SELECT 1 FROM notices.opened") == []


def test_a_retraction_ends_the_watch_and_says_what_it_replaces(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    plant_message(desk, insurer, person_ref, 7)
    plant_message(
        desk,
        insurer,
        person_ref,
        8,
        kind="retraction",
        former=7,
        certainty="D",
        fields=0,
        facts=replace(FACTS, version=2, written_on=FACTS.written_on + timedelta(days=3)),
        state_at=desk.clock,
    )
    shown = read(ours.get("/adherent/messages/8"))
    assert "Ce message remplace celui du lundi 5 février 2024" in shown
    assert "Aucun vol de données ne vous concerne" in read(ours.get("/adherent/vigilance"))
    assert "Après le vol" not in read(ours.get("/adherent"))


def test_an_old_letter_that_comes_back_is_not_the_last_word(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    plant_message(desk, insurer, person_ref, 7, state="returned", state_at=desk.clock)
    retraction = {"kind": "retraction", "certainty": "D", "fields": 0, "not_exposed": 0}
    plant_message(
        desk, insurer, person_ref, 8, former=7, channel="email", state="sent", **retraction
    )
    assert "Aucun vol de données ne vous concerne" in read(ours.get("/adherent/vigilance"))


def test_after_a_theft_what_was_billed_since_is_looked_at_together(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    org = people.make_organisation(desk.database, "establishment", name="Cabinet des Lilas")
    add_claim(
        desk, insurer_id=insurer.insurer_id, person_ref=person_ref, place=org.establishment_ref
    )
    plant_message(desk, insurer, person_ref, 7)
    shown = read(ours.get("/adherent/vigilance"))
    assert "Cabinet des Lilas" in shown
    assert "Je ne reconnais pas ce soin" in shown
    assert "prochaine information le 19 février 2024" in shown
    dispute(ours, CLAIM)
    assert "contesté, en attente de réponse" in read(ours.get("/adherent/vigilance"))
    assert "Une contestation attend sa réponse" in read(ours.get("/adherent"))


def test_how_somebody_wants_to_be_written_to_is_theirs_to_say(desk, ours, insurer, member):
    page = "/adherent/preferences"
    assert read(ours.get(page)).count("Comment vous écrire") == 1
    sent = {"channel": "letter", "variant": "large_print", "language": "en"}
    assert ours.post(page, sent).status_code == 302
    assert fetch(desk, "SELECT channel, language, variant FROM notices.preference") == [
        ("letter", "en", "large_print")
    ]
    shown = ours.get(page).content.decode()
    assert re.search(r'value="large_print"[^>]*checked', shown)
    assert ours.post(page, {**sent, "channel": ""}).status_code == 302
    assert fetch(desk, "SELECT channel FROM notices.preference") == [(None,)]
    assert ours.post(page, {**sent, "variant": "huge"}).status_code == 422


def test_a_family_is_who_is_on_one_s_own_card_and_each_adult_keeps_theirs(
    desk, ours, insurer, member
):
    empty = read(ours.get("/adherent/famille"))
    assert "Vous n’avez pas de carte à votre nom" in empty
    plant_card(desk, insurer, find_person(desk, member))
    shown = read(ours.get("/adherent/famille"))
    assert "Vous seul voyez vos remboursements" in shown


def seal_identity(desk, insurer, person_ref: int) -> None:
    record = PersonRecord(
        insured_nir=NIR,
        birth_date="19840512",
        birth_rank="1",
        family_name="EXEMPLE",
        first_names="Dominique",
        quality=1,
        stated_on="2026-01-01",
        contracts=(ContractRecord("C-1", "M-1", "", "2026-01-01"),),
        address="1 rue de l’Essai",
    )
    with desk.database.transaction("feeds") as tx:
        key = load_insurer_key(tx, FileKms(KEY), insurer.insurer_id)
        sealed = Seal(insurer.insurer_id, key).seal(person_ref, encode_record(record))
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO identity.person (person_ref, insurer_id, sealed, digest, lookup_keys,"
            " changed_in) VALUES (%s, %s, %s, %s, '{}', 1)",
            (person_ref, insurer.insurer_id, sealed, bytes(16)),
        )


def make_copy(desk, ours) -> int:
    """Ask for a copy on its page, and do what the job does."""
    assert ours.post("/adherent/mes-donnees/copie").status_code == 302
    [(copy_ref,)] = fetch(desk, "SELECT copy_ref FROM rights.own_copy WHERE sealed IS NULL")
    with desk.database.transaction("feeds") as tx:
        assert fill_copy(tx, FileKms(KEY), MemberSeal(KEY), desk.acts, copy_ref, now=desk.clock)
    return int(copy_ref)


def test_what_is_kept_is_said_with_its_reasons_and_no_invented_day(desk, ours, insurer, member):
    seal_identity(desk, insurer, find_person(desk, member))
    shown = read(ours.get("/adherent/mes-donnees"))
    assert "Votre numéro de Sécurité sociale" in shown
    assert "pendant deux ans après la fin du contrat" in shown
    assert "La date n’est pas encore connue" in shown
    assert "Vos cartes de tiers payant" in shown
    assert NIR not in shown


def test_what_moved_a_period_is_told_and_counted(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    seal_identity(desk, insurer, person_ref)
    moves = (
        ("interruption", "2026-06-30", None, "Lettre recommandée."),
        ("suspension", "2026-07-01", "2026-07-31", "Expertise."),
        ("portability", "2025-11-02", "2026-01-31", "Emploi fini."),
    )
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO retention.life (person_ref, insurer_id, contract_end)"
            " VALUES (%s, %s, '2025-11-01')",
            (person_ref, insurer.insurer_id),
        )
        for move in moves:
            tx.execute(
                "INSERT INTO retention.event (insurer_id, person_ref, kind, starts_on, ends_on,"
                " reason) VALUES (%s, %s, %s, %s, %s, %s)",
                (insurer.insurer_id, person_ref, *move),
            )
    shown = read(ours.get("/adherent/mes-donnees"))
    assert "jusqu’au 31 janvier 2026. La fin du contrat se compte de ce jour." in shown
    assert "Le 30 juin 2026, une démarche" in shown
    assert "Du 1 juillet 2026 au 31 juillet 2026, le délai" in shown
    assert "Expertise." not in shown
    # Two years from the letter, and the 31 days that did not run.
    assert "Jusqu’au 31/07/2028." in shown


def test_what_the_archive_keeps_of_a_claim_is_told_with_its_last_day(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    seal_identity(desk, insurer, person_ref)
    page = read(ours.get("/adherent/mes-donnees"))
    assert "Les montants payés pour vous" in page[page.index("Nous n’avons pas") :]
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO archive.item (subject, field, person_ref, insurer_id, sealed,"
            " archived_on, settled_on, care_on) VALUES (5, 'payment', %s, %s, '', '2024-03-02',"
            " '2022-03-01', '2022-02-20')",
            (person_ref, insurer.insurer_id),
        )
    page = read(ours.get("/adherent/mes-donnees"))
    assert "Les montants payés pour vous" not in page[page.index("Nous n’avons pas") :]
    assert "Effacé au plus tard après le 31 décembre 2032." in page


def test_a_copy_needs_a_fresh_confirmation(desk, ours, member):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.session SET stepped_up_at = NULL WHERE actor_ref = %s",
            [member.actor_ref],
        )
    for answer in (
        ours.post("/adherent/mes-donnees/copie"),
        ours.get("/adherent/mes-donnees/1.json"),
        ours.get("/adherent/mes-donnees/1.pdf"),
    ):
        assert answer.headers["Location"].startswith("/confirmation")
    assert fetch(desk, "SELECT 1 FROM rights.own_copy") == []


def test_a_copy_holds_what_all_planes_hold(desk, ours, insurer, member):
    person_ref = find_person(desk, member)
    seal_identity(desk, insurer, person_ref)
    org = people.make_organisation(desk.database, "establishment", name="Cabinet des Lilas")
    add_claim(
        desk, insurer_id=insurer.insurer_id, person_ref=person_ref, place=org.establishment_ref
    )
    dispute(ours, CLAIM)
    ours.post("/adherent/messages-suspects/signaler", SENT)
    ours.post("/adherent/demandes/nouvelle", {"kind": "restriction", "details": "Un doute."})
    plant_message(desk, insurer, person_ref, 7)
    plant_card(desk, insurer, person_ref)
    copy_ref = make_copy(desk, ours)
    [(sealed,)] = fetch(desk, "SELECT sealed FROM rights.own_copy")
    assert NIR.encode() not in bytes(sealed)
    before = count_readings(desk)
    answer = ours.get(f"/adherent/mes-donnees/{copy_ref}.json")
    said = json.loads(answer.content)
    assert said["identity"]["insured_nir"] == NIR
    assert said["identity"]["contracts"][0]["member_number"] == "M-1"
    assert said["reimbursements"]["listed"][0]["lines"][0]["label"]
    assert said["disputes"]["total"] == 1
    [asked] = said["requests"]["listed"]
    assert (asked["kind"], asked["details"]) == ("restriction", "Un doute.")
    assert said["moved"] == []
    assert said["suspicious_messages"][0]["text"] == SENT["text"]
    assert "C’est établi" in said["messages"][0]["text"]
    assert said["cards"][0]["people"]
    assert said["consultations"]["total"] >= 0
    assert said["account"]["sessions"]
    assert count_readings(desk) == before + 1
    printed = ours.get(f"/adherent/mes-donnees/{copy_ref}.pdf").content
    document = pypdfium2.PdfDocument(io.BytesIO(printed))
    text = " ".join(page.get_textpage().get_text_range() for page in document)
    assert NIR in text
    assert "Cabinet des Lilas" in text


def test_nobody_else_takes_a_copy_and_it_goes_after_a_week(desk, ours, insurer, member):
    seal_identity(desk, insurer, find_person(desk, member))
    copy_ref = make_copy(desk, ours)
    other = Client(headers={"user-agent": "Firefox on a test bench"})
    somebody = people.make_member(desk.database, insurer)
    people.sign_in(other, desk.database, somebody)
    assert other.get(f"/adherent/mes-donnees/{copy_ref}.json").status_code == 404
    assert ours.post("/adherent/mes-donnees/copie").status_code == 302
    assert ours.post("/adherent/mes-donnees/copie").status_code == 409
    with desk.database.transaction("feeds") as tx:
        assert forget_copies(tx, now=desk.clock + timedelta(days=6)) == 0
        assert forget_copies(tx, now=desk.clock + timedelta(days=7, seconds=1)) == 2
    assert ours.get(f"/adherent/mes-donnees/{copy_ref}.json").status_code == 404


def test_the_opening_of_an_identity_for_a_copy_is_on_record_first(desk, ours, insurer, member):
    seal_identity(desk, insurer, find_person(desk, member))
    before = count_readings(desk)
    make_copy(desk, ours)
    assert count_readings(desk) == before + 1


def test_reports_of_a_year_ago_are_forgotten(desk, ours):
    ours.post("/adherent/messages-suspects/signaler", SENT)
    with desk.database.transaction("notifier") as tx:
        assert forget_reports(tx, now=desk.clock + timedelta(days=365)) == 0
        assert forget_reports(tx, now=desk.clock + timedelta(days=366)) == 1
    assert fetch(desk, "SELECT 1 FROM notices.suspicious") == []
