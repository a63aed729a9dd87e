"""What leaves for authorities and for other tools: whole, marked, checked, and without anybody."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from tests.case_samples import make_case, tell

from rempart.disclosure.fields import Field
from rempart.exchange.alert_ocsf import Producer
from rempart.exchange.cnil_export import (
    REGISTER_COLUMNS,
    make_document,
    make_register_line,
    write_json,
    write_register,
)
from rempart.exchange.complaint import Evidence, Handling, check_bundle, make_bundle
from rempart.exchange.incident_events import (
    ShownPerson,
    make_audit_event,
    write_audit_events,
    write_ocsf,
)
from rempart.exchange.incident_exports import (
    list_breaches,
    write_breaches_csv,
    write_iris_case,
    write_iris_timeline,
)
from rempart.exchange.incident_summary import make_summary
from rempart.incidents.case import describe_event
from rempart.incidents.cnil_form import FORM, Filled, complete_notification
from rempart.incidents.room import EventKind
from rempart.kernel.errors import InvalidRequest

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2024, 2, 10, 9, tzinfo=UTC)
HANDLING = Handling(by="Camille Roux", at=AT, zone=PARIS)
CHECKPOINT = Evidence(
    path="preuves/checkpoint-1.txt",
    content=b"origin\n12\nroot\n",
    what="dernier état signé du registre",
    source="journal 1",
)
SHOWN = ShownPerson(
    person_ref=4_242,
    insurer_id=7,
    session_ref=71,
    account_ref=9,
    t_ms=1_706_515_200_123,
    address="198.51.100.9",
    agent="python-requests/2.32",
    tier="A",
    fields=int(Field.NIR | Field.FAMILY_NAME),
)


def notify(insurer_id=7, *, phase="initial", written=None, **changes):
    return complete_notification(
        make_case(**changes),
        insurer_id,
        phase=phase,
        written=written or {},
        version=1,
        zone=PARIS,
    )


def answer(notification, code):
    [found] = [one for one in notification.answers if one.asked.code == code]
    return found


def read_pdf(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return text


def test_a_notification_is_filled_from_the_facts():
    form = notify()
    assert answer(form, "people_number").value == "environ 73 (au moins 60, au plus 80)"
    assert answer(form, "data").value == "état civil, NIR, autres"
    assert answer(form, "told_by_processor_at").value == "02/02/2024 14:00"
    assert answer(form, "processors").value == "Opérateur Exemple"
    assert answer(form, "severity").value == "important"
    assert "suspend" in answer(form, "measures_now").value
    assert "plainte déposée" in answer(form, "other_authorities").value


def test_a_gap_is_a_gap_and_says_who_can_fill_it():
    form = notify()
    contact = answer(form, "contact")
    assert contact.filled is Filled.GAP
    assert contact.asked in form.gaps
    assert "[à compléter : délégué à la protection des données]" in make_document(form).write_text()


def test_the_complementary_notification_needs_what_the_initial_one_could_leave():
    first, second = notify(), notify(phase="complementary")
    assert len(second.gaps) > len(first.gaps)


def test_what_somebody_wrote_goes_before_the_facts_which_stay_beside():
    form = notify(written={"people_number": "74"})
    number = answer(form, "people_number")
    assert (number.value, number.filled) == ("74", Filled.WRITTEN)
    assert number.proposed == "environ 73 (au moins 60, au plus 80)"


def test_the_operator_notifies_for_professionals_with_their_own_fields():
    form = notify(None)
    assert form.controller == "Opérateur Exemple"
    assert answer(form, "people").value == "professionnels de santé"
    assert "données économiques ou bancaires" in answer(form, "data").value


def test_telling_people_follows_the_decision_and_its_argument():
    decided = tell(
        30, EventKind.DECISION, 120, 7, decision="art34", answer="not_needed", reason="Chiffrées."
    )
    form = notify(timeline=(*make_case().timeline, decided))
    assert answer(form, "people_told").value == "non"
    assert answer(form, "people_not_told_reason").value == "Chiffrées."


def test_a_list_that_is_not_there_yet_gives_no_number():
    assert answer(notify(answered_at=None), "people_number").filled is Filled.GAP


def test_mutation_a_number_before_the_list_would_be_invented():
    early = make_case(answered_at=None)
    assert early.count_members([7]).best == 73
    assert answer(notify(answered_at=None), "people_number").value == ""


def test_a_notification_leaves_as_pdf_as_json_and_as_text():
    form = notify(written={"contact": "Le délégué, 1 place du Test"})
    document = make_document(form)
    assert "Mutuelle Sept" in read_pdf(document.print_pdf(made_at=AT))
    body = json.loads(write_json(form))
    assert set(body["answers"]) == {one.code for one in FORM}
    assert body["answers"]["contact"]["from"] == "written"
    assert "NIR" in document.write_text()


def test_an_exercise_says_so_on_the_first_line_of_each_document():
    assert make_document(notify(exercise=True)).write_text().startswith("EXERCICE")
    assert "EXERCICE" in read_pdf(make_document(notify(exercise=True)).print_pdf(made_at=AT))
    assert json.loads(write_json(notify(exercise=True)))["exercise"] is True
    assert (
        make_summary(make_case(exercise=True), "acpr", {}, zone=PARIS)
        .write_text()
        .startswith("EXERCICE")
    )


def test_the_register_has_a_line_for_each_controller():
    line = make_register_line(notify(), {"notified_at": "2024-02-05", "reference": "CNIL-1"})
    assert set(line) == {name for name, _label in REGISTER_COLUMNS}
    assert (line["controller"], line["reference"]) == ("Mutuelle Sept", "CNIL-1")
    assert json.loads(write_register([line]))["lines"] == [line]


def test_the_bundle_holds_the_letter_the_timeline_and_the_evidence_with_their_digests():
    content = make_bundle(make_case(), {"name": "Mutuelle Sept"}, [CHECKPOINT], HANDLING)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert set(archive.namelist()) == {
            *("plainte.pdf", "plainte.txt", "chronologie.csv", "preuves/checkpoint-1.txt"),
            "manifest.json",
        }
        letter = archive.read("plainte.txt").decode()
        assert CHECKPOINT.digest in letter
        assert "gel des preuves" in letter.split("8. Conservation des preuves")[1]
        assert "Mutuelle Sept" in letter
        assert CHECKPOINT.digest in archive.read("manifest.json").decode()
    assert check_bundle(content) == []


def test_a_name_somebody_of_another_organisation_goes_by_is_no_formula_in_the_timeline():
    received = tell(9, EventKind.PACKAGE_RECEIVED, 111, 7)
    stranger = replace(received, author='=HYPERLINK("https://x.invalid/";"PV")')
    case = make_case(timeline=(*make_case().timeline, stranger))
    with zipfile.ZipFile(io.BytesIO(make_bundle(case, {}, [], HANDLING))) as archive:
        text = archive.read("chronologie.csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert f"'{stranger.author}" in cells


def test_the_same_facts_make_the_same_bundle():
    first, second = (make_bundle(make_case(), {}, [CHECKPOINT], HANDLING) for _ in range(2))
    assert first == second


def test_mutation_a_changed_or_added_file_is_named():
    content = make_bundle(make_case(), {}, [CHECKPOINT], HANDLING)
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(changed, "w") as after,
    ):
        for name in before.namelist():
            data = before.read(name)
            after.writestr(name, data + b" " if name == CHECKPOINT.path else data)
        after.writestr("stray.txt", b"")
    assert check_bundle(changed.getvalue()) == [CHECKPOINT.path, "stray.txt"]


@pytest.mark.parametrize("path", ["../up.txt", "/etc/x", "chronologie.csv"])
def test_evidence_stays_in_its_place(path):
    wrong = Evidence(path=path, content=b"", what="x", source="y")
    with pytest.raises(InvalidRequest, match="evidence"):
        make_bundle(make_case(), {}, [wrong], HANDLING)


def test_a_summary_tells_each_reader_what_it_asks():
    acpr = make_summary(make_case(), "acpr", {}, zone=PARIS).write_text()
    anssi = make_summary(make_case(), "anssi", {"indicators": "198.51.100.9"}, zone=PARIS)
    assert "Mutuelle Sept" in acpr
    assert "Mutuelle Sept" not in anssi.write_text()
    assert "198.51.100.9" in anssi.write_text()
    assert "[à compléter]" in acpr


def test_ciso_assistant_gets_one_breach_for_each_controller():
    rows = list(csv.DictReader(io.StringIO(write_breaches_csv(make_case()).decode())))
    assert [row["ref_id"] for row in rows] == [
        "rempart-12-7",
        "rempart-12-8",
        "rempart-12-operator",
    ]
    assert rows[0]["risk_level"] == "privacy_high_risk"
    assert rows[0]["affected_subjects_count"] == "73"
    sent = tell(40, EventKind.REPORT_SUBMITTED, 130, 7, report="cnil", reference="CNIL-1")
    [first, *_] = list_breaches(make_case(timeline=(*make_case().timeline, sent)))
    assert (first["status"], first["authority_notification_ref"]) == (
        "privacy_authority_notified",
        "CNIL-1",
    )


def test_what_the_operator_files_for_an_insurer_is_told_of_that_insurer_alone():
    filed = tell(
        40, EventKind.REPORT_SUBMITTED, 130, None, report="cnil", reference="CNIL-1", insurers=[8]
    )
    seven, eight, operator = list_breaches(make_case(timeline=(*make_case().timeline, filed)))
    assert eight["authority_notification_ref"] == "CNIL-1"
    assert (seven["authority_notified_on"], operator["authority_notified_on"]) == (None, None)


def test_a_notification_names_the_authorities_told_for_its_own_insurer():
    told = tell(41, EventKind.REPORT_SUBMITTED, 131, None, report="dora", insurers=[8])
    timeline = (*make_case().timeline, told)
    assert "dora" in answer(notify(8, timeline=timeline), "other_authorities").value
    assert "dora" not in answer(notify(7, timeline=timeline), "other_authorities").value
    complaint = tell(43, EventKind.COMPLAINT_FILED, 133, None, reference="PV 2", insurers=[8])
    for party in (8, None):
        filed = answer(notify(party, timeline=(complaint,)), "other_authorities").value
        assert "PV 2" in filed


def test_a_package_taken_back_is_not_told_as_sent():
    taken_back = tell(42, EventKind.PACKAGE_SENT, 132, 7, withdrawn=True, reason="Erreur.")
    assert describe_event(taken_back) == "envoi scellé retiré – Erreur."


def test_iris_gets_a_case_and_a_timeline_it_can_load():
    body = json.loads(write_iris_case(make_case(exercise=True), customer=3))
    assert body["case_name"].startswith("EXERCICE")
    rows = list(csv.DictReader(io.StringIO(write_iris_timeline(make_case()).decode())))
    assert len(rows) == len(make_case().timeline)
    assert rows[0]["event_tz"] == "+00:00"
    assert rows[0]["event_date"] == "2024-02-01T16:00:00.000"


def test_each_person_and_session_is_one_audit_event_that_fhir_accepts():
    lines = list(write_audit_events([SHOWN, SHOWN], make_case()))
    assert len(lines) == 2
    event = AuditEvent.model_validate_json(lines[0])
    assert event.entity[0].what.identifier.value == "4242"
    [details] = [one.detail for one in event.entity if one.detail]
    assert {one.type: one.valueString for one in details}["fields-shown"] == "family_name,nir"


def test_an_audit_event_has_one_patient_and_who_looked():
    body = make_audit_event(SHOWN, make_case())
    roles = [one["role"]["code"] for one in body["entity"]]
    assert roles.count("1") == 1
    assert [one["requestor"] for one in body["agent"]].count(True) == 1
    assert body["recorded"].endswith(".123Z")


def test_a_session_whose_record_is_gone_still_makes_an_event():
    gone = ShownPerson(
        person_ref=1,
        insurer_id=7,
        session_ref=2,
        account_ref=3,
        t_ms=None,
        address="",
        agent="",
        tier="C",
        fields=0,
    )
    assert AuditEvent.model_validate(make_audit_event(gone, make_case()))


def test_ocsf_gets_the_incident_then_each_reading():
    producer = Producer(installation="5f0c12ab", version="0.1.0")
    finding, activity = map(json.loads, write_ocsf([SHOWN], make_case(), producer, at=AT))
    assert (finding["class_uid"], finding["type_uid"]) == (2005, 200502)
    assert len(finding["finding_info_list"]) == len(make_case().timeline)
    assert finding["assignee_group"]["name"] == "Opérateur Exemple"
    assert (activity["class_uid"], activity["type_uid"]) == (6005, 600501)
    assert {"actor", "src_endpoint", "table", "metadata", "severity_id", "time"} <= set(activity)
    assert finding["metadata"]["uid"] != activity["metadata"]["uid"]
