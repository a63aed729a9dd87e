"""What we write, read by programmes of others as their users would: diaries and PDF tools."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import icalendar
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.card_samples import make_print
from tests.case_samples import make_case
from tests.unit.disclosure.proofs import SIGNER, SmallLog
from tests.unit.exchange.test_authority_files import HANDLING
from tests.unit.settlement.test_returns import TOLD

from rempart.exchange.card_letter import render_letters
from rempart.exchange.clock_calendar import Limit, write_calendar
from rempart.exchange.complaint import make_letter
from rempart.exchange.proof_document import print_proof
from rempart.exchange.return_document import print_return

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LIMIT = Limit(
    uid="rempart-3-cnil",
    at=NOW + timedelta(hours=72),
    title="Notifier à la CNIL ; incident 3, exercice",
    text="Article 33 du RGPD.\nEn retard : dire pourquoi\\comment. " + "Très long. " * 20,
)


def read_events(written: bytes) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(written).walk("VEVENT"))


def test_a_diary_takes_each_limit_with_its_alarms():
    done = Limit(uid="rempart-3-dora", at=NOW, title="Rapport initial", text="", done=True)
    written = write_calendar([LIMIT, done], name="Incident 3", made_at=NOW)
    assert max(map(len, written.split(b"\r\n"))) <= 75
    first, second = read_events(written)
    assert (first.decoded("dtstart"), str(first["uid"])) == (LIMIT.at, LIMIT.uid)
    assert (str(first["summary"]), str(first["description"])) == (LIMIT.title, LIMIT.text)
    assert [alarm.decoded("trigger") for alarm in first.walk("VALARM")] == [
        timedelta(days=-1),
        timedelta(hours=-1),
    ]
    assert second.walk("VALARM") == []
    assert not icalendar.Calendar.from_ical(written).errors


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=90)
)
def test_no_text_leaves_its_line_of_the_calendar(text):
    limit = Limit(uid="u", at=NOW, title=text, text=text)
    [event] = read_events(write_calendar([limit], name=text, made_at=NOW))
    assert set(event) == {*("UID", "DTSTAMP", "DTSTART", "SUMMARY", "DESCRIPTION", "TRANSP")}
    assert str(event["description"]) == text


def make_documents() -> Iterator[tuple[str, bytes]]:
    """What people open on a screen; what is printed for the post is paper."""
    yield "proof", print_proof(SmallLog().prove(4), keys=[SIGNER.verifier], made_at=NOW)
    yield "return", print_return(TOLD, made_at=NOW)
    cards = [make_print()]
    yield "my card", render_letters(cards, operator="Tiers Démo", made_at=NOW, for_screen=True)
    yield "complaint", make_letter(make_case(), {}, [], HANDLING).print_pdf(made_at=NOW)


def find_faults(pdf: bytes) -> list[str]:
    """Return what somebody who cannot see the page would miss, or should not run (PDF/UA-1)."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        root = document.Root
        with document.open_metadata() as metadata:
            told = {
                "is not marked as tagged": not root.get("/MarkInfo", {}).get("/Marked", False),
                "has no structure": "/StructTreeRoot" not in root,
                "does not say its language": not str(root.get("/Lang", "")),
                "has no title": not metadata.get("dc:title"),
                "does not show its title": not root.get("/ViewerPreferences", {}).get(
                    "/DisplayDocTitle", False
                ),
                "does not say that it is PDF/UA": metadata.get("pdfuaid:part") != "1",
                "runs something": "/OpenAction" in root or "/JavaScript" in root.get("/Names", {}),
            }
        figures = [
            one
            for one in document.objects
            if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"
        ]
        told["has a picture without words"] = any("/Alt" not in one for one in figures)
        told["has a letter that is not inside"] = any(
            not {"/FontFile", "/FontFile2", "/FontFile3"} & set(one.keys())
            for one in document.objects
            if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/FontDescriptor"
        )
    return [fault for fault, is_so in told.items() if is_so]


@pytest.mark.parametrize(("name", "pdf"), list(make_documents()))
def test_a_reader_for_blind_people_finds_what_it_needs(name, pdf):
    assert find_faults(pdf) == [], name


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("/MarkInfo", "is not marked as tagged"),
        ("/StructTreeRoot", "has no structure"),
        ("/Lang", "does not say its language"),
        ("/ViewerPreferences", "does not show its title"),
    ],
)
def test_mutation_a_document_that_lacks_it_is_told(key, fault):
    _, pdf = next(make_documents())
    changed = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        del document.Root[key]
        document.save(changed)
    assert find_faults(changed.getvalue()) == [fault]
