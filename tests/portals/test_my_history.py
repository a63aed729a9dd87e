"""« Qui a consulté mes droits »: each sees their own; readings are written; a hold is silent."""

import asyncio
import re
from datetime import timedelta
from html import unescape

import asyncpg
import pytest
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.disclosure.entry import Draft, Kind, Mode, Outcome, Purpose
from rempart.disclosure.evidence import Trust, judge_entry
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, Field
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.session import SessionFacts, draft_session
from rempart.portals import visit
from rempart.storage.ledger_writer import LedgerWriter

PAGE = "/adherent/consultations"
SIGNER = NoteSigner("rempart.invalid/5f0c12ab/log/1", bytes(32))
SHOWN = int(Field.RIGHTS_STATUS | Field.DOMAIN_TERMS | Field.ENGAGEMENT | Field.CONSIGNE)
CLIENT = 77


def person_of(desk, who: people.Somebody) -> tuple[int, int]:
    with desk.database.transaction("owner") as tx:
        row = tx.execute(
            "SELECT person_ref, insurer_id FROM accounts.member WHERE actor_ref = %s",
            (who.actor_ref,),
        ).fetchone()
    assert row
    return row[0], row[1]


def draft(person: tuple[int, int], account_ref: int, **changes) -> Draft:
    one = Draft(
        kind=Kind.DISCLOSE,
        account_ref=account_ref,
        session_ref=700,
        person_ref=person[0],
        insurer_id=person[1],
        lookup_key=bytes(16),
        purpose=Purpose.BILLING,
        mode=Mode.CARD,
        domain=1,
        care_day=20_000,
        outcome=Outcome.OPEN,
        fields=SHOWN,
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=3,
        request_id=bytes(16),
    )
    return one._replace(**changes)


def write(desk, drafts: list[Draft], *, at=None) -> None:
    """Append to log 1 as a gateway does, at an instant."""
    now_ms = int((at or desk.clock).timestamp() * 1000)
    facts = SessionFacts(700, 1, CLIENT, now_ms, "portal", "192.0.2.7", "Essai")

    async def append() -> None:
        connection = await asyncpg.connect(**desk.database.asyncpg_kwargs("gateway"))
        writer = await LedgerWriter.open(
            connection, log_id=1, signers=[SIGNER], clock_ms=lambda: now_ms
        )
        known = await connection.fetchval("SELECT count(*) FROM ledger.session")
        opened = [] if known else [facts]
        first = [draft_session(one, request_id=bytes(16)) for one in opened]
        await writer.append([*first, *drafts], sessions=opened)
        await writer.close()

    asyncio.run(append())


@pytest.fixture
def pharmacy(desk) -> int:
    """A pharmacist's account, at Pharmacie du Vieux-Pont, with its software."""
    account_ref = samples.add_professional(desk.database)
    people.make_holder(desk.database, account_ref)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.software (client_ref, client_id, label, scopes)"
            " VALUES (%s, 'officine', 'Officine Plus', '{}') ON CONFLICT DO NOTHING",
            (CLIENT,),
        )
    yield account_ref
    with desk.database.transaction("owner") as tx:
        tx.execute("DELETE FROM accounts.software WHERE client_ref = %s", (CLIENT,))


@pytest.fixture
def member(desk, insurer) -> people.Somebody:
    return people.make_member(desk.database, insurer)


@pytest.fixture
def stranger(desk, insurer) -> people.Somebody:
    """Another member of the same insurer."""
    return people.make_member(desk.database, insurer)


@pytest.fixture
def signed_in(desk, browser, member) -> Client:
    people.sign_in(browser, desk.database, member)
    return browser


@pytest.fixture
def consulted(desk, member, stranger, pharmacy, signed_in) -> Client:
    """The member's browser, once a pharmacy asked about both members, on two days."""
    mine, other = person_of(desk, member), person_of(desk, stranger)
    write(desk, [draft(mine, pharmacy)], at=desk.clock - timedelta(days=40))
    write(
        desk,
        [
            draft(mine, pharmacy, mode=Mode.TYPED, purpose=Purpose.QUOTE, data_version=4),
            draft(other, pharmacy),
            draft((0, 0), pharmacy, kind=Kind.NEGATIVE, outcome=Outcome.UNKNOWN),
        ],
        at=desk.clock - timedelta(days=1),
    )
    desk.log_keys = (SIGNER.verifier,)
    return signed_in


def rows(answer) -> list[str]:
    *_, body = re.findall(r"<tbody[^>]*>(.*?)</tbody>", answer.content.decode(), re.S)
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.S)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def read_acts(desk) -> list[tuple]:
    with desk.database.transaction("owner") as tx:
        return tx.execute(
            "SELECT e.account_ref, e.person_ref, s.body FROM ledger.entry AS e"
            " JOIN ledger.statement AS s USING (log_id, idx) WHERE e.log_id = 0 ORDER BY e.idx"
        ).fetchall()


def test_a_member_reads_who_when_why_how_what_and_through_what(desk, consulted):
    answer = consulted.get(PAGE)
    assert answer.status_code == 200
    own, recent, older = rows(answer)
    assert "Vous, sur ce site" in own
    for part in ("Pharmacie du Vieux-Pont", "Caen", "pharmacie", "Officine Plus", "devis"):
        assert part in recent
    assert "désigné par des identifiants saisis" in recent
    assert "désigné par le code de la carte" in older
    assert "numéro d’engagement" in recent
    assert "Mutuelle d'essai" in recent
    assert "Claire Vasseur" not in answer.content.decode()


def test_the_reading_is_in_the_ledger_before_the_page_and_once_an_hour(desk, consulted, member):
    person, _ = person_of(desk, member)
    for _ in range(3):
        consulted.get(PAGE)
    consulted.get(f"{PAGE}.csv")
    consulted.get(f"{PAGE}.pdf")
    [(account, about, body)] = read_acts(desk)
    assert (account, about) == (member.actor_ref, person)
    assert '"question":"own-history"' in body
    desk.clock += timedelta(minutes=61)
    consulted.get(PAGE)
    assert len(read_acts(desk)) == 2


def test_without_the_ledger_nothing_is_shown(desk, consulted, monkeypatch):
    with desk.database.transaction("owner") as tx:
        tx.execute("REVOKE INSERT ON ledger.entry FROM rempart_recorder")
    try:
        consulted.raise_request_exception = False
        for address in (PAGE, f"{PAGE}.csv", f"{PAGE}.pdf", f"{PAGE}/1-1/preuve"):
            answer = consulted.get(address)
            assert answer.status_code == 503, address
            assert b"Vieux-Pont" not in answer.content
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute("GRANT INSERT ON ledger.entry TO rempart_recorder")


def test_one_beneficiary_never_sees_another_s_entries(desk, consulted, stranger, member):
    for who, own in ((member, [1, 2]), (stranger, [3])):
        browser = Client()
        people.sign_in(browser, desk.database, who)
        places = set(re.findall(r"consultations/1-(\d+)/preuve\"", text(browser.get(PAGE))))
        assert places == {str(index) for index in own}
        for index in range(6):
            for page in ("preuve", "preuve.pdf", "signaler"):
                status = browser.get(f"{PAGE}/1-{index}/{page}").status_code
                assert status == (200 if index in own else 404), (who, index, page)


def test_a_reference_that_no_row_can_have_leads_nowhere(consulted):
    for place in ("32768-0", "1-9223372036854775808", "99999999999999999999-1", "1-999"):
        assert consulted.get(f"{PAGE}/{place}/preuve").status_code == 404


def test_mutation_a_history_that_forgets_whose_it_is_is_noticed(desk, consulted, stranger):
    other, _ = person_of(desk, stranger)
    with desk.database.transaction("owner") as tx:
        [(source,)] = tx.execute(
            "SELECT pg_get_functiondef('ledger.my_history'::regproc)"
        ).fetchall()
        mine = "accounts.my_person()"
        assert mine in source
        tx.execute(source.replace(mine, f"{other}::bigint"))
    try:
        assert "1-3/preuve" in text(consulted.get(PAGE))
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute(source)
    assert "1-3/preuve" not in text(consulted.get(PAGE))


def text(answer) -> str:
    return answer.content.decode()


def test_sorted_filtered_by_month_and_paged(desk, consulted, member, pharmacy):
    assert len(rows(consulted.get(f"{PAGE}?mois=2026-11"))) == 2
    [older] = rows(consulted.get(f"{PAGE}?mois=2026-10"))
    assert "code de la carte" in older
    assert "Aucune ligne" in text(consulted.get(f"{PAGE}?mois=2020-01"))
    assert len(rows(consulted.get(f"{PAGE}?mois=nonsense"))) == 3
    assert "Aucune ligne" in text(consulted.get(f"{PAGE}?mois=0001-01"))
    first = rows(consulted.get(f"{PAGE}?tri=when&sens=asc"))[0]
    assert "code de la carte" in first
    by_name = rows(consulted.get(f"{PAGE}?tri=who&sens=asc"))
    assert "Vous" in by_name[0]
    write(desk, [draft(person_of(desk, member), pharmacy)] * 60)
    assert len(rows(consulted.get(PAGE))) == 50
    assert len(rows(consulted.get(f"{PAGE}?page=2"))) == 13


def test_the_csv_says_the_same(consulted):
    answer = consulted.get(f"{PAGE}.csv?mois=2026-10")
    [header, line] = answer.content.decode("utf-8-sig").splitlines()
    assert header.startswith("instant;qui;")
    assert line.startswith("2026-10-13T")
    assert "Pharmacie du Vieux-Pont" in line
    assert line.endswith(";1;1")


def test_each_line_has_a_proof_that_needs_nothing_else(desk, consulted, member):
    answer = consulted.get(f"{PAGE}/1-2/preuve")
    assert answer.headers["Content-Disposition"].endswith('preuve-1-2.tlog-proof"')
    proved = judge_entry(text(answer), Trust([SIGNER.verifier]))
    assert proved.opening.what.purpose == Purpose.QUOTE
    person, _ = person_of(desk, member)
    assert isinstance(proved.opening.whom, bytes)
    assert str(person) not in text(answer)
    printed = consulted.get(f"{PAGE}/1-2/preuve.pdf")
    assert printed.content.startswith(b"%PDF")
    assert consulted.get(f"{PAGE}.pdf").content.startswith(b"%PDF")


def test_the_proof_of_one_s_own_reading_is_made_too(desk, consulted):
    consulted.get(PAGE)
    proof = text(consulted.get(f"{PAGE}/0-0/preuve"))
    acts_key = desk.acts.signers[0].verifier
    assert judge_entry(proof, Trust([acts_key])).opening.kind == Kind.LEDGER_READ


def hold(desk, account_ref: int, *, state="approved", ends="1 day") -> int:
    """Hold an account's entries back, as the owner: what two agents do is tested elsewhere."""
    ref = people.draw()
    org = people.make_organisation(desk.database, "operator", name="Hôte")
    one = people.make_agent(desk.database, org, Role.OPERATOR_ADMIN)
    two = people.make_agent(desk.database, org, Role.OPERATOR_DPO)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.display_hold (hold_ref, authority, reference, account_refs,"
            " from_ms, to_ms, ends_at, asked_by, state, decided_by) VALUES (%s, 'Tribunal', 'X',"
            " %s, 0, 9000000000000, clock_timestamp() + %s::interval, %s, %s, %s)",
            (ref, [account_ref], ends, one.actor_ref, state, two.actor_ref),
        )
    return ref


def freeze(answer) -> str:
    """What a page says, form tokens apart."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text(answer))


def test_what_is_held_leaves_no_trace_in_the_page(desk, consulted, member, pharmacy):
    """The same bytes as for somebody whom nobody else consulted: counters, months, chart, files."""
    before = {query: freeze(consulted.get(PAGE + query)) for query in ("", "?mois=2026-11")}
    files = {name: consulted.get(PAGE + name).content for name in (".csv", ".pdf")}
    second = samples.add_professional(desk.database, serial=2, name="Autre")
    write(desk, [draft(person_of(desk, member), second)], at=desk.clock)
    assert freeze(consulted.get(PAGE)) != before[""]
    ref = hold(desk, second)
    assert {query: freeze(consulted.get(PAGE + query)) for query in before} == before
    assert {name: consulted.get(PAGE + name).content for name in files} == files
    missing, unknown = (consulted.get(f"{PAGE}/1-{index}/preuve") for index in (5, 99))
    assert (missing.status_code, freeze(missing)) == (404, freeze(unknown))
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.display_hold SET state = 'lifted' WHERE hold_ref = %s", (ref,))
    assert "1-5/preuve" in text(consulted.get(PAGE))


@pytest.mark.parametrize(("state", "ends"), [("asked", "1 day"), ("approved", "-1 second")])
def test_a_hold_that_is_not_in_force_hides_nothing(desk, consulted, pharmacy, state, ends):
    hold(desk, pharmacy, state=state, ends=ends)
    assert len(rows(consulted.get(PAGE))) == 3


def test_mutation_a_hold_that_hides_rows_but_not_their_count_is_noticed(desk, consulted, pharmacy):
    before = freeze(consulted.get(PAGE))
    hold(desk, pharmacy)
    after = freeze(consulted.get(PAGE))
    assert "1 à 1 sur 1" in " ".join(re.sub(r"<[^>]+>", "", after).split())
    assert "1 à 3 sur 3" in " ".join(re.sub(r"<[^>]+>", "", before).split())


def test_something_not_understood_is_reported_with_its_place_once(desk, consulted, member):
    page = f"{PAGE}/1-2/signaler"
    opened = text(consulted.get(page))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', opened)[1]
    sent = {"csrfmiddlewaretoken": token, "words": "Je n’y étais pas."}
    assert consulted.post(page, sent).status_code == 302
    assert "Signalé le" in text(consulted.get(page))
    assert "Signalée" in text(consulted.get(PAGE))
    assert consulted.post(page, sent).status_code == 409
    with desk.database.transaction("owner") as tx:
        [(kind, details, words)] = tx.execute(
            "SELECT e.kind, e.details, r.words FROM accounts.event_report AS r"
            " JOIN accounts.security_event AS e USING (event_ref)"
        ).fetchall()
    assert (kind, details, words) == (
        "consultation_reported",
        {"log": 1, "index": 2},
        "Je n’y étais pas.",
    )


def test_months_that_are_archived_are_named(desk, consulted):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO ledger.segment (log_id, segment, state, root, first_ms, last_ms,"
            " by_account_name, by_account_digest, by_person_name, by_person_digest, act_log,"
            " act_idx) VALUES (1, 0, 'cold', %s, %s, %s, 'a', %s, 'b', %s, 0, 0)",
            (bytes(32), 1_600_000_000_000, 1_610_000_000_000, bytes(32), bytes(32)),
        )
    page = text(consulted.get(PAGE))
    assert "13/09/2020" in page
    assert "07/01/2021" in page
    assert "délégué à la protection des données" in page


def test_mutation_a_page_that_reads_as_somebody_else_is_noticed(
    desk, consulted, stranger, monkeypatch
):
    key = people.draw()
    session = people.adopt(str(key), desk.database, stranger)
    assert session
    digest = visit.compute_token_digest(str(key))
    monkeypatch.setattr(visit, "compute_token_digest", lambda _key: digest)
    assert "1-3/preuve" in text(consulted.get(PAGE))
