-- Tenancy: who is asking, and what each process may touch. Which rows each visitor sees: 0004_row_policies.sql.

-- ---------------------------------------------------------------- who is asking: the ticket of a transaction

-- A web process proves a session by its token; the database then says, for the length of one transaction, who is asking.
-- The web process cannot write that ticket itself: it carries an HMAC under a key only the owner can read.
-- Reasons and limits: docs/explanation/tenancy.md.
CREATE TABLE accounts.ticket_secret (
    single    boolean PRIMARY KEY DEFAULT true CHECK (single),
    -- The two padded keys of HMAC-SHA256 (RFC 2104), so that signing needs no loop.
    inner_key bytea NOT NULL CHECK (length(inner_key) = 64),
    outer_key bytea NOT NULL CHECK (length(outer_key) = 64)
);
WITH drawn AS MATERIALIZED (
    SELECT sha256(convert_to(string_agg(gen_random_uuid()::text, ''), 'UTF8')) || decode(repeat('00', 32), 'hex') AS secret
    FROM generate_series(1, 4)
)
INSERT INTO accounts.ticket_secret (inner_key, outer_key)
SELECT string_agg(set_byte('\x00', 0, get_byte(secret, place) # 54), ''::bytea ORDER BY place),
       string_agg(set_byte('\x00', 0, get_byte(secret, place) # 92), ''::bytea ORDER BY place)
FROM drawn, generate_series(0, 63) AS place;

CREATE FUNCTION accounts.sign_ticket(facts text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- Bound to this backend and this transaction's first instant: worthless in any other.
    SELECT encode(sha256(outer_key || sha256(inner_key || convert_to(
        facts || '|' || pg_backend_pid() || '|' || extract(epoch FROM transaction_timestamp()), 'UTF8'))), 'hex')
    FROM accounts.ticket_secret
$$;

CREATE FUNCTION accounts.read_ticket() RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket text := current_setting('rempart.ticket', true);
    facts  text;
BEGIN
    IF ticket IS NULL OR length(ticket) < 65 THEN
        RETURN NULL;
    END IF;
    facts := substr(ticket, 66);
    -- Digests of both are compared: how long that takes tells a forger nothing of the true one.
    IF sha256(convert_to(left(ticket, 64), 'UTF8')) <> sha256(convert_to(accounts.sign_ticket(facts), 'UTF8')) THEN
        RETURN NULL;
    END IF;
    RETURN facts::jsonb;
END $$;

-- Policies call these inside a scalar subquery, so that each is computed once per statement.
CREATE FUNCTION accounts.my_actor() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (accounts.read_ticket()->>'actor_ref')::bigint $$;
CREATE FUNCTION accounts.my_session() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (accounts.read_ticket()->>'session_ref')::bigint $$;
CREATE FUNCTION accounts.my_org() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (accounts.read_ticket()->>'org_ref')::bigint $$;
CREATE FUNCTION accounts.my_establishment() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (accounts.read_ticket()->>'establishment_ref')::bigint $$;
CREATE FUNCTION accounts.my_person() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (accounts.read_ticket()->>'person_ref')::bigint $$;
-- The insurer of an insurer's agent or of a member.
CREATE FUNCTION accounts.my_insurer() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (accounts.read_ticket()->>'insurer_id')::integer $$;
-- The insurers whose members one works for: an insurer's agent, a hosted operator with a mandate; none for a member.
CREATE FUNCTION accounts.my_insurers() RETURNS integer[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT ARRAY(SELECT value::integer FROM jsonb_array_elements_text(accounts.read_ticket()->'insurers')) $$;
CREATE FUNCTION accounts.my_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT accounts.read_ticket()->>'role' $$;
-- True for an agent of the operator that runs this installation: the only one who sees across insurers.
CREATE FUNCTION accounts.is_host() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT COALESCE((accounts.read_ticket()->>'is_host')::boolean, false) $$;

-- True for whoever administers the people of their organisation (permission invite_agent; a test compares).
CREATE FUNCTION accounts.administers() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT COALESCE(accounts.my_role() IN ('establishment_manager', 'holder', 'insurer_admin', 'employer_admin',
                                                 'operator_admin', 'publisher_admin'), false) $$;
-- True for the host's agents who act on other people's accounts for safety's sake (permission suspend_organisation).
CREATE FUNCTION accounts.secures() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT accounts.is_host() AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security'), false) $$;
-- True for somebody of no other organisation than the asker's, or of none yet.
CREATE FUNCTION accounts.may_join(somebody bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT accounts.my_org() IS NOT NULL
             AND EXISTS (SELECT 1 FROM accounts.actor AS a WHERE a.actor_ref = somebody AND a.kind <> 'member')
             AND NOT EXISTS (SELECT 1 FROM accounts.membership AS m
                             WHERE m.actor_ref = somebody AND m.org_ref <> accounts.my_org())
             AND NOT EXISTS (SELECT 1 FROM accounts.professional AS p
                             WHERE p.account_ref = somebody
                               AND p.establishment_ref IS DISTINCT FROM accounts.my_establishment()) $$;
-- True for somebody who is of the asker's organisation and of no other: nobody administers the people of another.
-- The same answer for somebody of another organisation and for nobody at all.
CREATE FUNCTION accounts.is_ours(somebody bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT accounts.may_join(somebody)
             AND EXISTS (SELECT 1 FROM accounts.membership AS m WHERE m.actor_ref = somebody) $$;

-- Recognises a live session by the digest of its token, notes that it was seen, and gives this transaction its ticket.
-- Returns no row for a session that is unknown, ended, idle too long or too old, or whose actor, role or organisation
-- is suspended or over, or was changed since: the caller cannot tell which.
CREATE FUNCTION accounts.enter_session(digest bytea)
    RETURNS TABLE (session_ref bigint, actor_ref bigint, actor_kind text, display_name text, role text, org_ref bigint,
                   org_name text, org_kind text, insurer_id integer, establishment_ref bigint, person_ref bigint,
                   accountable_ref bigint, membership_ref bigint, method text, is_host boolean, opened_at timestamptz,
                   expires_at timestamptz, idle_limit interval, stepped_up_at timestamptz)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found_row record;
    facts     text;
BEGIN
    PERFORM set_config('rempart.ticket', '', true);
    SELECT s.session_ref, s.actor_ref, a.kind AS actor_kind, a.display_name, s.role, s.org_ref,
           o.name AS org_name, o.kind AS org_kind, COALESCE(o.insurer_id, m.insurer_id) AS insurer_id,
           o.establishment_ref, m.person_ref, s.accountable_ref, s.membership_ref, s.method,
           COALESCE(o.kind = 'operator' AND o.hosted_by IS NULL, false) AS is_host,
           s.opened_at, s.expires_at, s.idle_limit, s.stepped_up_at, s.seen_at
    INTO found_row
    FROM accounts.session AS s
    JOIN accounts.actor AS a USING (actor_ref)
    LEFT JOIN accounts.organisation AS o ON o.org_ref = s.org_ref
    LEFT JOIN accounts.organisation AS host ON host.org_ref = o.hosted_by
    LEFT JOIN accounts.membership AS ms ON ms.membership_ref = s.membership_ref
    LEFT JOIN accounts.organisation AS via ON via.org_ref = ms.via_ref
    LEFT JOIN accounts.member AS m ON m.actor_ref = s.actor_ref AND s.org_ref IS NULL
    LEFT JOIN accounts.actor AS answerable ON answerable.actor_ref = s.accountable_ref
    WHERE s.token_digest = digest
      AND s.ended_at IS NULL
      AND s.expires_at > clock_timestamp()
      AND s.seen_at + s.idle_limit > clock_timestamp()
      AND a.suspended_at IS NULL
      AND o.suspended_at IS NULL AND host.suspended_at IS NULL AND via.suspended_at IS NULL
      AND answerable.suspended_at IS NULL
      -- The role is the membership's, now; without one, a member is nobody's agent and a professional acts for themselves.
      AND CASE
          WHEN s.membership_ref IS NOT NULL THEN
              (ms.actor_ref, ms.org_ref, ms.role) = (s.actor_ref, s.org_ref, s.role)
              AND ms.accountable_ref IS NOT DISTINCT FROM s.accountable_ref
              AND ms.suspended_at IS NULL
              AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN ms.starts_on AND ms.ends_on
          WHEN s.role = 'member' THEN s.org_ref IS NULL AND m.actor_ref IS NOT NULL
          ELSE a.kind = 'professional' AND s.role IN ('holder', 'locum', 'assistant')
              AND (s.org_ref IS NULL OR o.kind = 'establishment')
      END
      -- Somebody stopped in their establishment, whatever they were there, neither acts there in a situation of their own
      -- nor answers for others.
      AND NOT EXISTS (
           SELECT 1 FROM accounts.membership AS stopped
           WHERE stopped.org_ref = s.org_ref
             AND ((stopped.actor_ref = s.accountable_ref AND stopped.role = 'holder'
                   AND stopped.suspended_at IS NOT NULL)
                  OR (s.membership_ref IS NULL AND stopped.actor_ref = s.actor_ref
                      AND (stopped.suspended_at IS NOT NULL
                           OR stopped.ends_on < (now() AT TIME ZONE 'Europe/Paris')::date))))
      AND (ms.via_ref IS NULL OR EXISTS (
           SELECT 1 FROM accounts.mandate AS d
           WHERE d.principal_ref = ms.org_ref AND d.agent_ref = ms.via_ref AND d.kind = 'sub_processes'
             AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN d.starts_on AND d.ends_on));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Written at most twice a minute: the pages of one visit need not each write a row.
    IF found_row.seen_at < clock_timestamp() - interval '30 seconds' THEN
        UPDATE accounts.session AS s SET seen_at = clock_timestamp() WHERE s.session_ref = found_row.session_ref;
    END IF;
    facts := jsonb_build_object(
        'session_ref', found_row.session_ref, 'actor_ref', found_row.actor_ref, 'role', found_row.role,
        'org_ref', found_row.org_ref, 'establishment_ref', found_row.establishment_ref,
        'person_ref', found_row.person_ref, 'insurer_id', found_row.insurer_id, 'is_host', found_row.is_host,
        'insurers', CASE
            WHEN found_row.org_kind = 'insurer' THEN jsonb_build_array(found_row.insurer_id)
            WHEN found_row.org_kind = 'operator' AND NOT found_row.is_host THEN (
                SELECT COALESCE(jsonb_agg(p.insurer_id), '[]')
                FROM accounts.mandate AS d JOIN accounts.organisation AS p ON p.org_ref = d.principal_ref
                WHERE d.agent_ref = found_row.org_ref AND d.kind = 'operates' AND p.insurer_id IS NOT NULL
                  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN d.starts_on AND d.ends_on)
            ELSE '[]'::jsonb END)::text;
    PERFORM set_config('rempart.ticket', accounts.sign_ticket(facts) || '|' || facts, true);
    RETURN QUERY SELECT found_row.session_ref, found_row.actor_ref, found_row.actor_kind, found_row.display_name,
        found_row.role, found_row.org_ref, found_row.org_name, found_row.org_kind, found_row.insurer_id,
        found_row.establishment_ref, found_row.person_ref, found_row.accountable_ref, found_row.membership_ref,
        found_row.method, found_row.is_host, found_row.opened_at, found_row.expires_at, found_row.idle_limit,
        found_row.stepped_up_at;
END $$;

-- ---------------------------------------------------------------- grants

-- Only an opening of the door needs no session: the role that recognises people reads what proves them, and nothing else.
GRANT USAGE ON SCHEMA accounts TO rempart_signin, rempart_portals, rempart_gateway;
GRANT SELECT ON accounts.organisation, accounts.mandate, accounts.actor, accounts.membership, accounts.member,
    accounts.professional, accounts.establishment, accounts.passkey, accounts.invitation, accounts.session,
    accounts.contact TO rempart_signin;
GRANT INSERT ON accounts.passkey, accounts.session, accounts.security_event, accounts.warning TO rempart_signin;
GRANT UPDATE ON accounts.passkey, accounts.session TO rempart_signin;
GRANT UPDATE (used_at, revoked_at) ON accounts.invitation TO rempart_signin;

-- The pages: under the policies below.
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.django_session TO rempart_portals;
GRANT EXECUTE ON FUNCTION accounts.enter_session, accounts.my_actor, accounts.my_session, accounts.my_org,
    accounts.my_establishment, accounts.my_person, accounts.my_insurer, accounts.my_insurers, accounts.my_role,
    accounts.is_host, accounts.administers, accounts.secures, accounts.may_join, accounts.is_ours TO rempart_portals;
GRANT SELECT ON accounts.organisation, accounts.mandate, accounts.actor, accounts.membership, accounts.member,
    accounts.professional, accounts.establishment, accounts.software, accounts.software_key, accounts.security_event,
    accounts.event_report, accounts.bank_details, accounts.contact, accounts.warning, accounts.recovery_request
    TO rempart_portals;
GRANT SELECT (credential_id, actor_ref, aaguid, backed_up, label, created_at, used_at, cloned_at, revoked_at, transports)
    ON accounts.passkey TO rempart_portals;
GRANT SELECT (invitation_ref, kind, actor_ref, org_ref, invited_by, approved_by, created_at, expires_at, used_at, revoked_at)
    ON accounts.invitation TO rempart_portals;
GRANT SELECT (session_ref, actor_ref, role, membership_ref, org_ref, accountable_ref, method, provider, address, agent,
    opened_at, seen_at, idle_limit, expires_at, stepped_up_at, ended_at, end_reason) ON accounts.session TO rempart_portals;
GRANT INSERT ON accounts.actor, accounts.membership, accounts.invitation, accounts.recovery_request, accounts.software,
    accounts.software_key, accounts.security_event, accounts.event_report, accounts.bank_details TO rempart_portals;
GRANT UPDATE (display_name, suspended_at) ON accounts.actor TO rempart_portals;
GRANT UPDATE (role, ends_on, suspended_at) ON accounts.membership TO rempart_portals;
GRANT UPDATE (suspended_at) ON accounts.organisation TO rempart_portals;
GRANT UPDATE (revoked_at) ON accounts.invitation, accounts.software TO rempart_portals;
GRANT UPDATE (decided_at, decided_by, approved) ON accounts.recovery_request TO rempart_portals;
GRANT UPDATE (label, revoked_at) ON accounts.passkey TO rempart_portals;
-- Not stepped_up_at: whoever recognised the person again writes it (role signin).
GRANT UPDATE (ended_at, end_reason) ON accounts.session TO rempart_portals;
GRANT UPDATE (ends_at) ON accounts.software_key TO rempart_portals;
GRANT UPDATE (handled_at, handled_by, outcome) ON accounts.event_report TO rempart_portals;
GRANT UPDATE (state, approved_by, approved_at, active_from, ended_at, ended_by, payee_check, payee_checked_at, payee_provider)
    ON accounts.bank_details TO rempart_portals;

-- The gateway: what a token and its bearer must still be.
GRANT SELECT ON accounts.software_key, accounts.membership TO rempart_gateway;
GRANT SELECT (client_ref, client_id, publisher_ref, scopes, certificate_subject, establishment_ref, psc_clients, revoked_at)
    ON accounts.software TO rempart_gateway;
GRANT SELECT (org_ref, kind, establishment_ref, hosted_by, suspended_at) ON accounts.organisation TO rempart_gateway;
GRANT SELECT (account_ref, rpps, establishment_ref) ON accounts.professional TO rempart_gateway;
GRANT SELECT (establishment_ref, finess, siret) ON accounts.establishment TO rempart_gateway;
GRANT SELECT (actor_ref, kind, suspended_at) ON accounts.actor TO rempart_gateway;
GRANT SELECT (session_ref, actor_ref, role, membership_ref, org_ref, accountable_ref, ended_at, expires_at)
    ON accounts.session TO rempart_gateway;
GRANT SELECT, INSERT, DELETE ON accounts.used_assertion TO rempart_gateway;
GRANT INSERT ON accounts.security_event TO rempart_gateway;

-- The command line of the operator (role registrar) is a member of rempart_plane_accounts.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA accounts TO rempart_plane_accounts;
REVOKE ALL ON accounts.ticket_secret, accounts.django_migrations FROM rempart_plane_accounts;

-- The console and the spaces, of other planes: under the policies of 0004. No salt and no key: what those commit to is for
-- proofs, not for pages.
REVOKE SELECT ON ledger.entry FROM rempart_portals;
GRANT SELECT (log_id, idx, kind, t_ms, account_ref, session_ref, acct_seq, person_ref, insurer_id, ins_seq, purpose, mode,
    domain, care_day, outcome, fields, schema_version, data_version, request_id) ON ledger.entry TO rempart_portals;
GRANT USAGE ON SCHEMA incidents TO rempart_portals;
GRANT SELECT ON incidents.incident, incidents.suspect_account, incidents.attributed_session, incidents.exposed_person
    TO rempart_portals;
