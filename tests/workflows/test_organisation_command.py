"""`rempart organisation` and `rempart invite`, as somebody types them."""

import re
import uuid

import pytest
from click.testing import CliRunner
from tests.workflows.test_clients import make_row
from tests.workflows.test_register_organisation import add_insurer, fetch, load

from rempart.accounts.invitations import InvitationCode
from rempart.cli.main import cli
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.synthetic import make_synthetic_nir, make_synthetic_rpps
from rempart.rights.lookup import CardCode, TypedIdentifiers, compute_lookup_key
from rempart.workflows.accounts.register_organisation import ensure_host

CODE = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){5}")
NIR = make_synthetic_nir(sex=1, year=1980, month=1, serial=7)
CARD = CardCode.from_number(2**99 + 5)


@pytest.fixture
def run(environment, database):
    """A function that runs one command in a home that has its host operator."""
    with database.transaction("registrar") as tx:
        ensure_host(tx)

    def invoke(*arguments, **options):
        return CliRunner(env=environment).invoke(cli, [str(one) for one in arguments], **options)

    return invoke


@pytest.fixture
def host(run, database):
    [(org_ref,)] = fetch(database, "SELECT org_ref FROM accounts.organisation")
    return org_ref


def find_invitation(database, code):
    digest = InvitationCode.parse(code).compute_digest()
    with database.transaction("admin") as tx:
        return tx.execute(
            "SELECT i.kind, a.kind, round(extract(epoch FROM i.expires_at - now()) / 3600),"
            " i.used_at IS NULL AND i.revoked_at IS NULL, i.actor_ref"
            " FROM accounts.invitation AS i JOIN accounts.actor AS a USING (actor_ref)"
            " WHERE code_digest = %s",
            (digest,),
        ).fetchone()


def test_organisations_are_created_listed_stopped_and_restored(run, host):
    made = run("organisation", "create", "--kind", "publisher", "--name", "Logiciels d’essai")
    org_ref = made.stdout.strip()
    assert org_ref.isdecimal()
    listed = run("organisation", "list").output
    assert "Opérateur" in listed
    # The table wraps a name, never a reference.
    assert re.search(rf"{org_ref}\s+publisher\s+Logiciels.*\s0\s+in force", listed)
    assert "sessions ended: 0" in run("organisation", "suspend", org_ref).output
    assert "suspended 20" in run("organisation", "list", "--kind", "publisher").output
    assert run("organisation", "restore", org_ref).exit_code == 0
    assert "suspended" not in run("organisation", "list", "--words", "logiciels").output


def test_the_host_is_never_stopped_and_an_unknown_organisation_is_said_so(run, host):
    refused = run("organisation", "suspend", host)
    assert type(refused.exception).__name__ == "NotAllowed"
    unknown = run("organisation", "suspend", 12)
    assert "rempart organisation list" in str(unknown.exception)


def test_a_hosted_operator_works_for_an_insurer_between_two_days(run, host, database):
    insurer = add_insurer(database)
    made = run(
        *("organisation", "create", "--kind", "operator", "--name", "Hébergé", "--hosted-by", host)
    )
    days = ("--from", "2026-01-01", "--to", "2026-12-31")
    parties = ("--for", insurer, "--by", made.stdout.strip())
    assert run("organisation", "mandate", "--kind", "operates", *parties, *days).exit_code == 0
    again = run("organisation", "mandate", "--kind", "operates", *parties, "--from", "2026-12-31")
    assert type(again.exception).__name__ == "Conflict"
    swapped = ("--from", "2026-12-31", "--to", "2026-01-01")
    assert run("organisation", "mandate", "--kind", "operates", *parties, *swapped).exit_code == 2
    end = ("--kind", "operates", *parties, "--on", "2026-06-30")
    assert run("organisation", "end-mandate", *end).exit_code == 0
    guest = made.stdout.strip()
    assert run("organisation", "mandates", insurer).stdout == (
        f"operates  {guest}  2026-01-01 to 2026-06-30\n"
    )
    assert run("organisation", "mandates", guest).stdout.startswith(f"hosts  {host}  ")


def test_the_first_administrator_gets_a_code_that_is_shown_once_and_stored_as_a_digest(
    run, host, database
):
    made = run("invite", "agent", "--org", host, "--role", "operator_admin", "--name", "Ada Essai")
    assert CODE.fullmatch(made.stdout.strip())
    assert "http://localhost:8080/invitation" in made.stderr
    assert find_invitation(database, made.stdout)[:4] == ("enrolment", "agent", 72, True)
    tables = ("invitation", "security_event", "actor")
    rows = [fetch(database, f"SELECT * FROM accounts.{one}") for one in tables]
    assert made.stdout.strip() not in str(rows)
    assert made.stdout.strip().replace("-", "") not in str(rows)
    assert sorted(fetch(database, "SELECT kind FROM accounts.security_event")) == [
        ("invited",),
        ("organisation_created",),
        ("role_given",),
    ]


@pytest.mark.parametrize(
    ("role", "refusal"),
    [
        ("insurer_admin", "InvalidRequest"),
        ("holder", "InvalidRequest"),
        ("member", "InvalidRequest"),
    ],
)
def test_a_role_of_another_kind_is_refused(run, host, role, refusal):
    refused = run("invite", "agent", "--org", host, "--role", role, "--name", "Ada Essai")
    assert type(refused.exception).__name__ == refusal


def test_an_assistant_is_invited_under_a_holder_of_the_place(run, database):
    load(database, make_row(1), make_row(2))
    orgs = dict(
        fetch(
            database,
            "SELECT p.rpps, o.org_ref FROM accounts.professional AS p"
            " JOIN accounts.organisation AS o USING (establishment_ref)",
        )
    )
    here, elsewhere = make_synthetic_rpps(1).number, make_synthetic_rpps(2).number
    command = ("invite", "agent", "--org", orgs[here], "--role", "assistant", "--name", "Ada")
    assert type(run(*command).exception).__name__ == "InvalidRequest"
    assert type(run(*command, "--accountable", elsewhere).exception).__name__ == "NotFound"
    assert run(*command, "--accountable", here).exit_code == 0
    [(rpps,)] = fetch(
        database,
        "SELECT p.rpps FROM accounts.membership AS m"
        " JOIN accounts.professional AS p ON p.account_ref = m.accountable_ref",
    )
    assert rpps == here


def test_a_sub_processors_agent_enters_an_insurers_space_under_a_mandate(run, host, database):
    insurer = add_insurer(database)
    command = (
        *("invite", "agent", "--org", insurer, "--role", "insurer_manager"),
        *("--name", "Ada Essai", "--via", host),
    )
    assert type(run(*command).exception).__name__ == "NotAllowed"
    mandate = ("--kind", "sub-processes", "--for", insurer, "--by", host, "--from", "2020-01-01")
    assert run("organisation", "mandate", *mandate).exit_code == 0
    assert run(*command).exit_code == 0
    assert fetch(database, "SELECT via_ref FROM accounts.membership") == [(host,)]


@pytest.fixture
def covered(run, database, home):
    """A member of insurer 7 whom the gateway finds, by card and by identifiers."""
    add_insurer(database)
    [(amc,)] = fetch(database, "SELECT amc_number FROM rights.insurer")
    typed = TypedIdentifiers(
        amc_number=AmcNumber.parse(amc),
        insured_nir=NIR,
        birth_date=BirthDate("19800101"),
        birth_rank=BirthRank(1),
    )
    keys = [compute_lookup_key(home.key("lookup"), one) for one in (CARD, typed)]
    with database.transaction("owner") as tx:
        tx.execute("UPDATE rights.insurer SET published_version = 1")
        tx.execute(COVERAGE)
        for key in keys:
            tx.execute(
                "INSERT INTO rights.lookup (lookup_key, person_ref) VALUES (%s, 55)",
                (uuid.UUID(bytes=key),),
            )


COVERAGE = """
    INSERT INTO rights.coverage (person_ref, opened_in, insurer_id, contract_ref, starts_on,
                                 ends_on, suspended_from, suspended_to, terms_id)
    VALUES (55, 1, 7, '{1}', '{2020-01-01}', '{infinity}', '{infinity}', '{infinity}', '{1}')
"""


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        (("--card", CARD.format().lower()), None),
        (("--card", "-"), f"{CARD.format()}\n"),
        (("--typed",), f"{NIR.format()}\n01/01/1980\n1\n"),
    ],
    ids=["card", "card asked for", "identifiers asked for"],
)
def test_a_member_is_invited_by_exact_identifiers(run, covered, database, options, typed):
    made = run("invite", "member", "--insurer", 7, *options, input=typed)
    [code] = [found[0] for found in re.finditer(CODE, made.stdout)][-1:]
    assert find_invitation(database, code)[:4] == ("enrolment", "member", 720, True)
    assert fetch(database, "SELECT insurer_id, person_ref FROM accounts.member") == [(7, 55)]
    assert fetch(database, "SELECT display_name FROM accounts.actor") == [("Adhérent",)]
    assert NIR.number not in made.output


def test_a_member_invited_again_keeps_their_account_and_the_first_code_dies(run, covered, database):
    first = run("invite", "member", "--insurer", 7, "--card", CARD.format()).stdout
    second = run("invite", "member", "--insurer", 7, "--card", CARD.format()).stdout
    assert find_invitation(database, first)[3] is False
    assert find_invitation(database, second)[:4] == ("recovery", "member", 720, True)
    assert find_invitation(database, first)[4] == find_invitation(database, second)[4]


def test_nobody_and_somebody_elses_member_are_told_apart_by_nothing(run, covered, database):
    add_insurer(database, 8, "Brisemer")
    unknown = run("invite", "member", "--insurer", 8, "--card", CardCode.from_number(3).format())
    other = run("invite", "member", "--insurer", 8, "--card", CARD.format())
    assert str(unknown.exception) == str(other.exception)
    assert "insurer 8" in str(other.exception)
    assert fetch(database, "SELECT count(*) FROM accounts.actor") == [(0,)]


def test_a_letter_holds_the_code_and_nobody_elses_eyes(run, covered, database, tmp_path):
    letter = tmp_path / "lettre.txt"
    command = ("invite", "member", "--insurer", 7, "--card", CARD.format(), "--letter", letter)
    made = run(*command)
    text = letter.read_text(encoding="utf-8")
    assert letter.stat().st_mode & 0o077 == 0
    assert not CODE.search(made.output)
    assert find_invitation(database, CODE.search(text)[0])[3] is True
    assert "Aubelune" in text
    assert "http://localhost:8080/invitation" in text
    assert "NIR" not in text
    again = run(*command)
    assert "exists already" in str(again.exception)
    assert fetch(database, "SELECT count(*) FROM accounts.invitation") == [(1,)]


def test_a_letter_that_cannot_be_written_invites_nobody(run, covered, database, tmp_path):
    letter = tmp_path / "nowhere" / "lettre.txt"
    command = ("invite", "member", "--insurer", 7, "--card", CARD.format(), "--letter", letter)
    assert "cannot be written" in str(run(*command).exception)
    assert fetch(database, "SELECT count(*) FROM accounts.actor") == [(0,)]


@pytest.mark.parametrize("options", [(), ("--typed", "--card", CARD.format())])
def test_a_member_is_named_in_one_way(run, options):
    assert run("invite", "member", "--insurer", 7, *options).exit_code == 2
