"""The operator's console: look-ups, volumes, the ledger."""

import csv
import io
import re
from html import unescape

import pytest
from tests.portals import samples

from rempart.disclosure.entry import Kind, Mode, Outcome
from rempart.workflows.ledger import watch_lookups as watching_workflow

MINUTE = 60_000
ROW = re.compile(r"<tr>\s*<td.*?</tr>", re.DOTALL)


@pytest.fixture
def lookups(desk):
    """Three look-ups of two accounts, one of them an hour old, among entries of other kinds."""
    samples.add_insurers(desk.database, ["Aubelune", "Brisemer"])
    samples.add_log(desk.database, size=5)
    with desk.database.transaction("owner") as tx:
        old = samples.NOW_MS - 61 * MINUTE
        samples.add_entry(tx, 0, t_ms=old, account_ref=11, session_ref=21, insurer_id=2)
        samples.add_entry(tx, 1, t_ms=samples.NOW_MS - 9 * MINUTE, kind=Kind.SESSION, outcome=0)
        samples.add_entry(
            tx,
            2,
            t_ms=samples.NOW_MS - 8 * MINUTE,
            account_ref=11,
            session_ref=21,
            insurer_id=2,
            mode=Mode.TYPED,
            domain=10,
            outcome=Outcome.CLOSED_SUSPENDED,
        )
        samples.add_entry(
            tx,
            3,
            t_ms=samples.NOW_MS - 3 * MINUTE,
            account_ref=12,
            session_ref=22,
            insurer_id=0,
            outcome=Outcome.UNKNOWN,
        )
        samples.add_entry(
            tx, 4, t_ms=samples.NOW_MS - MINUTE, account_ref=12, session_ref=22, insurer_id=1
        )


def rows(answer) -> list[str]:
    """Return the rows of the table as one line of words each."""
    found = ROW.findall(answer.content.decode())
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def test_the_newest_look_up_comes_first_under_pseudonyms(operator, lookups):
    newest, unknown, oldest = rows(operator.get("/console/consultations"))
    assert newest == "11:29:12 C-0000-000C S-0000-000P Aubelune Pharmacie Carte Ouverts"
    assert unknown.endswith("– Pharmacie Carte Personne inconnue")
    assert oldest == "11:22:12 C-0000-000B S-0000-000N Brisemer Optique Saisie Suspendus"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("periode=60", 3),
        ("periode=1440", 4),
        ("periode=3", 3),
        ("assureur=2", 1),
        ("assureur=99", 0),
        ("domaine=10", 1),
        ("mode=2", 1),
        ("resultat=5", 1),
        ("compte=12", 2),
        ("compte=12&resultat=1", 1),
        ("seance=21&periode=1440", 2),
        ("mode=nonsense&compte=-1&page=zero", 3),
        ("compte=99999999999999999999", 3),
        ("domaine=99", 3),
    ],
)
def test_a_filter_shows_what_it_says_and_ignores_what_means_nothing(
    operator, lookups, query, count
):
    answer = operator.get(f"/console/consultations?{query}")
    assert answer.status_code == 200
    assert len(rows(answer)) == count
    if not count:
        assert "Aucune consultation" in answer.content.decode()


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("time", "Brisemer"),
        ("account", "Brisemer"),
        ("session", "Brisemer"),
        ("insurer", "–"),
        ("domain", "Aubelune"),
        ("mode", "Aubelune"),
        ("outcome", "Aubelune"),
    ],
)
def test_every_column_sorts_both_ways(operator, lookups, sort, first):
    up = operator.get(f"/console/consultations?tri={sort}&sens=asc")
    down = operator.get(f"/console/consultations?tri={sort}&sens=desc")
    assert first in rows(up)[0]
    assert rows(up)[0] != rows(down)[0] or sort in ("domain", "mode")
    assert 'aria-sort="ascending"' in up.content.decode()
    assert 'aria-sort="descending"' in down.content.decode()


def test_pages_follow_each_other_without_gap_or_repetition(desk, operator):
    samples.add_insurers(desk.database, ["Aubelune"])
    samples.add_log(desk.database, size=120)
    with desk.database.transaction("owner") as tx:
        for idx in range(120):
            samples.add_entry(tx, idx, t_ms=samples.NOW_MS - (120 - idx) * 1000, session_ref=idx)
    seen = []
    for page in (1, 2, 3):
        answer = operator.get(f"/console/consultations?page={page}")
        seen += [row.split()[2] for row in rows(answer)]
    assert len(seen) == len(set(seen)) == 120
    text = answer.content.decode()
    assert "101 à 120 sur 120" in text
    assert "Page suivante" not in text
    assert "Plus récentes" in text
    assert rows(operator.get("/console/consultations?page=9999")) == []


def test_only_the_first_page_refreshes_itself_and_it_can_be_paused(operator, lookups):
    live = operator.get("/console/consultations?mode=1").content.decode()
    assert 'hx-get="/console/consultations?mode=1" hx-trigger="every 2s"' in live
    for still in ("?pause=1", "?page=2"):
        assert "hx-trigger" not in operator.get(f"/console/consultations{still}").content.decode()


def test_the_live_table_is_asked_for_alone(operator, lookups):
    answer = operator.get("/console/consultations", headers={"HX-Request": "true"})
    assert answer.content.decode().startswith('<div id="lookups"')
    assert "<html" not in answer.content.decode()
    assert len(rows(answer)) == 3


def test_the_window_opens_at_a_checkpoint_without_reading_all_before(desk, operator, lookups):
    """A checkpoint older than the window bounds what is read; one inside it hides nothing."""
    with desk.database.transaction("owner") as tx:
        for size, t_ms in ((1, samples.NOW_MS - 60 * MINUTE), (3, samples.NOW_MS - 5 * MINUTE)):
            tx.execute(
                "INSERT INTO ledger.checkpoint VALUES (1, %s, %s, %s, 'note')",
                (size, t_ms, bytes(32)),
            )
    assert len(rows(operator.get("/console/consultations"))) == 3


def test_a_period_with_too_much_in_it_says_what_it_leaves_out(operator, lookups, monkeypatch):
    monkeypatch.setattr(watching_workflow, "MOST_LISTED", 2)
    monkeypatch.setattr(watching_workflow, "MOST_COUNTED", 2)
    answer = operator.get("/console/consultations")
    assert len(rows(answer)) == 2
    assert "3 inscriptions plus anciennes" in answer.content.decode()
    assert "3 plus anciennes" in operator.get("/console").content.decode()


def test_several_logs_are_read_as_one(desk, operator, lookups):
    samples.add_log(desk.database, log_id=2, size=1)
    with desk.database.transaction("owner") as tx:
        samples.add_entry(tx, 0, log_id=2, t_ms=samples.NOW_MS - 2 * MINUTE, account_ref=31)
    accounts = [row.split()[1] for row in rows(operator.get("/console/consultations"))]
    assert accounts == ["C-0000-000C", "C-0000-000Z", "C-0000-000C", "C-0000-000B"]
    # Having looked is an entry of a third log, that of acts.
    assert "3 registres" in operator.get("/console").content.decode()


def test_the_look_ups_can_be_taken_away_as_csv(operator, lookups):
    answer = operator.get("/console/consultations.csv?compte=11&periode=1440")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="consultations.csv"' in answer.headers["Content-Disposition"]
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    header, *lines = csv.reader(io.StringIO(text[1:]), delimiter=";")
    assert header[:5] == ["registre", "indice", "instant", "compte", "séance"]
    assert [line[3:] for line in lines] == [
        ["11", "21", "2", "Brisemer", "OPTI", "Saisie", "Suspendus"],
        ["11", "21", "2", "Brisemer", "PHAR", "Carte", "Ouverts"],
    ]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)"])
def test_a_name_never_becomes_a_formula_in_a_spreadsheet(desk, operator, name):
    samples.add_insurers(desk.database, [name])
    samples.add_log(desk.database, size=1)
    with desk.database.transaction("owner") as tx:
        samples.add_entry(tx, 0)
    text = operator.get("/console/consultations.csv").content.decode()
    assert f";'{name};" in text
    assert f";{name};" not in text


def test_the_overview_counts_the_last_hour_minute_by_minute(operator, lookups):
    page = operator.get("/console").content.decode()
    assert "<dt>Vérifications, dernière heure</dt><dd>3</dd>" in page
    assert "1 la minute passée" in page
    assert page.count("<g><title>") == 60
    assert "<title>11:29 : vérifications 1</title>" in page
    for words in ("ouverts 1 (33 %)", "fermés 1 (33 %)", "saisie 1 (33 %)", "carte 2 (67 %)"):
        assert words in page


def test_every_drawing_has_a_title_a_description_and_its_figures(operator, lookups):
    page = operator.get("/console").content.decode()
    drawings = re.findall(r'<svg[^>]*role="img" aria-labelledby="([^"]+)"', page)
    assert len(drawings) == 3
    for names in drawings:
        for name in names.split():
            assert f'id="{name}"' in page
    assert page.count("<figure") == page.count("<table") - page.count("Incidents, le plus")


def test_an_empty_installation_has_a_console_too(operator):
    assert "Aucun registre encore" in operator.get("/console/registre").content.decode()
    for page in ("", "/consultations", "/registre", "/incidents"):
        assert operator.get(f"/console{page}").status_code == 200
    assert "rempart drill" in operator.get("/console/incidents").content.decode()


def test_the_ledger_page_shows_size_and_last_signed_checkpoint(desk, operator):
    samples.add_log(desk.database, size=1043)
    page = operator.get("/console/registre").content.decode().replace("\u202f", " ")
    for words in ("1 043", "rempart.invalid/5f0c12ab/log/1", "22/11/2026 11:30", "00000000…"):
        assert words in page
    assert samples.CHECKPOINT.splitlines()[-1] in page


def test_the_overview_counts_every_real_incident_and_lists_the_latest(desk, operator):
    with desk.database.transaction("owner") as tx:
        for number in range(5):
            samples.add_incident(tx, title=f"Incident {number}", exercise=number == 0)
    page = operator.get("/console").content.decode()
    # Exercises are listed, and counted in no figure.
    assert "<dt>Incidents</dt><dd>4</dd>" in page
    assert len(re.findall(r'href="/console/incidents/\d', page)) == 3


def test_a_log_without_a_checkpoint_says_so(desk, operator):
    samples.add_log(desk.database, size=0)
    with desk.database.transaction("owner") as tx:
        tx.execute("DELETE FROM ledger.checkpoint")
    assert "aucun encore" in operator.get("/console/registre").content.decode()
    assert operator.get("/console").status_code == 200


def test_nobody_looked_up_appears_anywhere(desk, operator):
    """Not even by reference: the person's number is in the row the page is made from."""
    samples.add_insurers(desk.database, ["Aubelune"])
    samples.add_log(desk.database, size=1)
    with desk.database.transaction("owner") as tx:
        samples.add_entry(tx, 0, person_ref=424_242_424_242)
    for page in ("", "/consultations", "/consultations.csv", "/registre"):
        text = operator.get(f"/console{page}").content.decode()
        assert "424242424242" not in re.sub(r"[\s\u202f]", "", text)
