"""The rule of tenancy, held against the catalogue of the database: a new table cannot forget it.

A table with a column that names a tenant is either closed to the pages, or has row policies for
them. Beside each promise stands the mistake that it must notice.
"""

import re

import pytest
from psycopg import sql

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import ROLES_OF, Role
from rempart.storage.connect import Database
from rempart.storage.roles import LOGINS, PLANES, role_name

# Columns that say whose a row is. A view that reads as whoever asks has the policies of its tables.
TENANT = "^(insurer_id|(establishment|person|account|actor|org|publisher|accountable)_ref)$"

TABLES_WITH_TENANT = """
    SELECT DISTINCT c.oid::regclass::text
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = ANY (%(planes)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attname ~ %(tenant)s
      AND (has_any_column_privilege('rempart_portals', c.oid, 'SELECT, INSERT, UPDATE')
           OR has_table_privilege('rempart_portals', c.oid, 'DELETE, TRUNCATE'))
      AND NOT (c.relkind = 'v' AND COALESCE('security_invoker=true' = ANY (c.reloptions), false))
      AND NOT (c.relrowsecurity AND EXISTS (
          SELECT 1 FROM pg_catalog.pg_policy AS p
          WHERE p.polrelid = c.oid AND 'rempart_portals'::regrole = ANY (p.polroles)
            AND pg_get_expr(COALESCE(p.polqual, p.polwithcheck), c.oid) LIKE '%%accounts.%%'))
    ORDER BY 1
"""
# A login with rights on a table with policies, and no policy that shows it a row.
BLIND = """
    SELECT c.oid::regclass::text, r.rolname
    FROM pg_catalog.pg_class AS c
    CROSS JOIN pg_catalog.pg_roles AS r
    WHERE c.relrowsecurity AND r.rolname = ANY (%(logins)s)
      AND has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE')
      AND NOT EXISTS (
          SELECT 1 FROM pg_catalog.pg_policy AS p, unnest(p.polroles) AS one
          WHERE p.polrelid = c.oid AND pg_has_role(r.oid, one, 'USAGE'))
    ORDER BY 1, 2
"""
OWNED_BY_A_PROCESS = """
    SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (%(planes)s) AND c.relkind <> 'i'
      AND c.relowner <> 'rempart_owner'::regrole
"""
# Whoever calls them, these act as the owner: names in them must not depend on the caller.
LOOSE_DEFINERS = """
    SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = ANY (%(planes)s) AND p.prosecdef
      AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
"""
CALLABLE = """
    SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = ANY (%(planes)s) AND has_function_privilege(%(login)s, p.oid, 'EXECUTE')
    ORDER BY 1
"""
# A view reads as its owner unless it says otherwise: past every policy.
VIEWS = """
    SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (%(planes)s) AND c.relkind IN ('v', 'm')
      AND NOT COALESCE('security_invoker=true' = ANY (c.reloptions), false)
"""


def find(database: Database, query: str, **values: object) -> list[tuple[object, ...]]:
    """Ask the catalogue."""
    asked = {
        "planes": list(PLANES),
        "tenant": TENANT,
        "logins": [role_name(login) for login in LOGINS],
        **values,
    }
    with database.connect("admin") as admin:
        return admin.execute(sql.SQL(query), asked).fetchall()  # type: ignore[arg-type]


def run(database: Database, statements: str, login: str = "owner") -> None:
    with database.connect(login, autocommit=True) as owner:  # type: ignore[arg-type]
        owner.execute(sql.SQL(statements))  # type: ignore[arg-type]


def test_a_table_that_names_a_tenant_is_closed_to_the_pages_or_has_policies(database: Database):
    run(database, "SELECT ledger.ensure_segment(1::smallint, 0)")
    assert find(database, TABLES_WITH_TENANT) == []


MAKE = "CREATE TABLE rights.fresh (person_ref bigint); "
LEND = "GRANT SELECT ON rights.fresh TO rempart_portals; "
CLOSE = "ALTER TABLE rights.fresh ENABLE ROW LEVEL SECURITY; "
SHOW = "CREATE VIEW rights.fresh AS SELECT insurer_id FROM rights.insurer; "
OPEN = "CREATE POLICY open ON rights.fresh TO rempart_portals USING (true)"


@pytest.mark.parametrize(
    "mistake",
    [
        MAKE + LEND,
        MAKE + "GRANT INSERT (person_ref) ON rights.fresh TO rempart_portals",
        MAKE + "GRANT DELETE ON rights.fresh TO PUBLIC",
        MAKE + LEND + CLOSE + OPEN,
        MAKE + LEND + CLOSE + "CREATE POLICY a ON rights.fresh TO rempart_feeds USING (true)",
        SHOW + LEND,
    ],
)
def test_mutation_a_table_that_forgets_the_rule_is_named(database: Database, mistake: str):
    run(database, mistake)
    assert find(database, TABLES_WITH_TENANT) == [("rights.fresh",)]


def test_mutation_a_segment_opened_to_the_pages_is_named(database: Database):
    run(database, "SELECT ledger.ensure_segment(1::smallint, 0)")
    run(database, "GRANT SELECT ON ledger.entry_1_0 TO rempart_portals")
    assert find(database, TABLES_WITH_TENANT) == [("ledger.entry_1_0",)]


def test_whoever_has_rights_on_a_table_with_policies_has_a_policy(database: Database):
    # Tables show their owner everything.
    assert {login for _, login in find(database, BLIND)} == {"rempart_owner"}


def test_mutation_a_process_without_a_policy_is_named(database: Database):
    run(database, "DROP POLICY for_everybody ON rights.insurer")
    found = {login for table, login in find(database, BLIND) if table == "rights.insurer"}
    assert found >= {"rempart_gateway", "rempart_feeds", "rempart_analyst"}


def test_no_login_goes_past_policies_and_no_process_owns_a_table(database: Database):
    powers = "SELECT rolname FROM pg_roles WHERE rolbypassrls AND rolname = ANY (%(logins)s)"
    assert find(database, powers) == []
    assert find(database, OWNED_BY_A_PROCESS) == []


def test_mutation_a_table_owned_by_a_process_is_named(database: Database):
    run(database, "ALTER TABLE accounts.contact OWNER TO rempart_registrar", "admin")
    assert find(database, OWNED_BY_A_PROCESS) == [("accounts.contact",)]


def test_no_function_of_the_owner_depends_on_its_callers_search_path(database: Database):
    assert find(database, LOOSE_DEFINERS) == []


def test_mutation_a_loose_function_is_named(database: Database):
    run(
        database,
        "CREATE FUNCTION rights.loose() RETURNS int LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog AS $$ SELECT 1 $$",
    )
    assert find(database, LOOSE_DEFINERS) == [("rights.loose()",)]


def test_no_view_reads_as_its_owner(database: Database):
    assert find(database, VIEWS) == []
    run(database, "CREATE VIEW rights.fresh AS SELECT insurer_id FROM rights.insurer")
    assert find(database, VIEWS) == [("rights.fresh",)]


# What the pages may call: who they are, whether something is theirs, and acts that check both. One
# that is not here, or opened to everybody by mistake, is named.
CALLED_BY_PAGES = {
    *("my_actor()", "my_establishment()", "my_insurer()", "my_insurers()", "my_org()"),
    *("my_person()", "my_role()", "my_session()", "is_host()", "administers()", "secures()"),
    *("is_ours(bigint)", "may_join(bigint)", "enter_session(bytea,bytea)"),
    *("bring_locum(text,bigint,date)", "end_fallen_sessions(bigint,bigint)"),
    *("count_warnings(bigint[])", "sees_event(accounts.security_event)"),
    "warn_contacts(bigint,timestamp with time zone)",
    "incidents.ask_person(bigint,bigint,uuid,uuid,integer)",
    "incidents.answer_question(bigint)",
    *("check_invitation()", "fits_role(bigint,bigint,text)", "has_payees_besides_me()"),
    *("holds_here(bigint)", "list_standing(bigint,text[])"),
    *("inquires()", "ask_inquiry(bigint,uuid,integer,text,text)"),
    *("ledger.is_held(bigint,bigint)", "ledger.my_history(jsonb)"),
    *("ledger.inquiry_history(bigint)", "ledger.inquiry_subjects(bigint)"),
    "ledger.open_my_entry(smallint,bigint)",
    "stand_apart(bigint,bigint,bigint,text[],timestamp with time zone)",
    *("rights.revoke_card(bytea,text)", "rights.share_child(bytea,smallint,bytea)"),
    "rights.unshare_child(bytea,smallint)",
    *("rights.is_followed(bytea)", "rights.count_letters(bigint)"),
    "guards()",
    *("guard.release_account(bigint,bigint,boolean)", "guard.hold_account(bigint,smallint,bigint)"),
    *("guard.count_alone(bigint)", "guard.count_touched(text,bigint,text)"),
    *("guard.list_touched(text,bigint,text)", "guard.my_measures()"),
    *("guard.my_containment()", "guard.release_own()"),
    "claims.count_claims(date)",
    "claims.ask_cancel(bigint,bigint,bigint,text)",
    "claims.may_hold(integer)",
    "claims.is_of(bigint,integer)",
    "claims.name_billers(bigint[])",
    *("claims.is_told(claims.claim)", "claims.tell_findings(claims.claim)"),
    "claims.is_biller(bigint)",
    *("hears_members()", "notices.is_like_fraud(bytea[])"),
    *("notices.my_messages()", "notices.open_my_message(bigint)"),
    *("agent_insurer()", "rights.count_files()", "rights.read_file(bigint)"),
    *("my_employer()", "employers.count_exposed()"),
    "rights.open_member_file(bigint,uuid,text,integer)",
    "rights.open_contract_file(bigint,bigint,text,integer)",
    "rights.open_covered_file(bigint,bigint,bigint,integer,integer)",
    *("rights.read_file_sheet(bigint)", "rights.read_file_cards(bigint)"),
    *("rights.list_file_subjects(bigint,integer)", "rights.count_file_people(bigint)"),
    *("incidents.read_file_exposures(bigint)", "claims.my_watches()"),
    *("rights.list_own_feeds()", "rights.list_own_findings(bigint)"),
    *("relays()", "incidents.receive_package(bigint,text)"),
    *("reads_chain()", "read_chain()"),
    *("works_incidents()", "answers_for_members()", "answers_calls()"),
    *("answers_for_professionals()", "tells_for()"),
    *("retention.read_mine()", "retention.read_asker(bigint)", "retention.read_schedule()"),
    "retention.hold_inquired(bigint,bigint,text,text[],text)",
    "retention.read_last_purge()",
    *("notices.is_public(bigint)", "notices.answer_code(bytea)"),
    *("notices.find_caller(bytea,bytea,smallint)", "notices.tell_caller(bigint)"),
    *("incidents.is_closed(bigint)", "incidents.concerns_my_insurer(bigint)"),
    *("incidents.my_incident(bigint)", "incidents.my_share(bigint)"),
    *("incidents.my_measures(bigint)", "incidents.operator_name()"),
    *("incidents.count_hidden(bigint)", "incidents.clock_facts(bigint)"),
    *("jobs.enqueue(text,jsonb)", "jobs.read_jobs()", "jobs.read_attempts(bigint)"),
    *("jobs.read_schedule()", "jobs.retry(bigint)", "jobs.cancel(bigint)", "jobs.read_pulse()"),
}


def list_called(database: Database) -> set[str]:
    rows = find(database, CALLABLE, login=role_name("portals"))
    return {str(name).removeprefix("accounts.") for (name,) in rows}


def test_the_pages_call_what_tells_who_they_are_and_a_few_acts(database: Database):
    assert list_called(database) <= CALLED_BY_PAGES


def test_mutation_one_more_function_for_the_pages_is_named(database: Database):
    run(database, "GRANT EXECUTE ON FUNCTION accounts.sign_ticket TO rempart_portals")
    assert list_called(database) - CALLED_BY_PAGES == {"sign_ticket(text)"}


@pytest.mark.parametrize(
    ("function", "permission"),
    [
        ("administers", Permission.INVITE_AGENT),
        ("secures", Permission.SUSPEND_ORGANISATION),
        ("inquires", Permission.ASK_INQUIRY),
        ("guards", Permission.READ_GUARD),
        ("relays", Permission.RELAY_PACKAGES),
        ("reads_chain", Permission.READ_CHAIN),
        ("works_incidents", Permission.WORK_INCIDENT),
        ("answers_for_members", Permission.RECEIVE_PACKAGE),
        ("answers_for_members", Permission.HANDLE_REQUESTS),
        ("hears_members", Permission.HEAR_MEMBERS),
        ("answers_calls", Permission.ANSWER_CALLS),
        ("my_employer", Permission.DECLARE_MOVEMENTS),
    ],
)
def test_the_database_and_the_permissions_name_the_same_roles(
    database: Database, function: str, permission: Permission
):
    assert list_named(database, function) == GRANTS[permission].roles


@pytest.mark.parametrize(
    "permission",
    [Permission.READ_CAMPAIGNS, Permission.MAKE_CAMPAIGN, Permission.APPROVE_CAMPAIGN],
)
def test_campaigns_are_those_of_who_answers_for_members_or_for_professionals(
    database: Database, permission: Permission
):
    members = list_named(database, "answers_for_members")
    professionals = list_named(database, "answers_for_professionals")
    assert not members & professionals
    assert members | professionals == GRANTS[permission].roles
    assert list_named(database, "check_campaign") == members | professionals


def list_named(database: Database, function: str) -> set[Role]:
    """Return the roles that a function of the database names."""
    [(source,)] = find(
        database, "SELECT prosrc FROM pg_catalog.pg_proc WHERE proname = %(name)s", name=function
    )
    words = set(re.split(r"\W+", str(source)))
    return {role for roles in ROLES_OF.values() for role in roles if role.value in words}
