-- Tenancy: who is asking, what each process may touch, and which rows each visitor sees.

-- ---------------------------------------------------------------- who is asking: the ticket of a transaction

-- A web process proves a session by its token; the database then says, for the length of one transaction, who is asking.
-- The web process cannot write that ticket itself: it carries a code made with a secret only the owner can read.
CREATE TABLE accounts.ticket_secret (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    secret bytea NOT NULL CHECK (length(secret) = 32)
);
INSERT INTO accounts.ticket_secret (secret)
VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

CREATE FUNCTION accounts.sign_ticket(facts text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    -- Bound to this backend and this transaction's first instant: worthless in any other.
    SELECT encode(sha256(secret || sha256(secret || convert_to(
        facts || '|' || pg_backend_pid() || '|' || extract(epoch FROM transaction_timestamp()), 'UTF8'))), 'hex')
    FROM accounts.ticket_secret
$$;

CREATE FUNCTION accounts.read_ticket() RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    ticket text := current_setting('rempart.ticket', true);
    facts  text;
BEGIN
    IF ticket IS NULL OR length(ticket) < 65 THEN
        RETURN NULL;
    END IF;
    facts := substr(ticket, 66);
    IF left(ticket, 64) <> accounts.sign_ticket(facts) THEN
        RETURN NULL;
    END IF;
    RETURN facts::jsonb;
END $$;

-- Policies call these inside a scalar subquery, so that each is computed once per statement.
CREATE FUNCTION accounts.my_actor() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT (accounts.read_ticket()->>'actor_ref')::bigint $$;
CREATE FUNCTION accounts.my_session() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT (accounts.read_ticket()->>'session_ref')::bigint $$;
CREATE FUNCTION accounts.my_org() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT (accounts.read_ticket()->>'org_ref')::bigint $$;
CREATE FUNCTION accounts.my_establishment() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT (accounts.read_ticket()->>'establishment_ref')::bigint $$;
CREATE FUNCTION accounts.my_person() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT (accounts.read_ticket()->>'person_ref')::bigint $$;
-- The insurer of an insurer's agent; the insurers a hosted operator works for; none for a member.
CREATE FUNCTION accounts.my_insurers() RETURNS integer[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT ARRAY(SELECT value::integer FROM jsonb_array_elements_text(accounts.read_ticket()->'insurers')) $$;
CREATE FUNCTION accounts.my_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT accounts.read_ticket()->>'role' $$;
-- True for an agent of the operator that runs this installation: the only one who sees across insurers.
CREATE FUNCTION accounts.is_host() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT COALESCE((accounts.read_ticket()->>'is_host')::boolean, false) $$;

-- Recognises a live session by the digest of its token, notes that it was seen, and gives this transaction its ticket.
-- Returns no row for a session that is unknown, ended, idle too long or too old, or whose actor, role or organisation
-- is suspended or over: the caller cannot tell which.
CREATE FUNCTION accounts.enter_session(digest bytea)
    RETURNS TABLE (session_ref bigint, actor_ref bigint, actor_kind text, display_name text, role text, org_ref bigint,
                   org_name text, org_kind text, insurer_id integer, establishment_ref bigint, person_ref bigint,
                   accountable_ref bigint, membership_ref bigint, method text, is_host boolean, opened_at timestamptz,
                   expires_at timestamptz, idle_limit interval, stepped_up_at timestamptz)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
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
      AND (ms.membership_ref IS NULL
           OR (ms.suspended_at IS NULL
               AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN ms.starts_on AND ms.ends_on))
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
        'person_ref', found_row.person_ref, 'is_host', found_row.is_host,
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
    accounts.my_establishment, accounts.my_person, accounts.my_insurers, accounts.my_role, accounts.is_host
    TO rempart_portals;
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
    accounts.software_key, accounts.security_event, accounts.event_report, accounts.bank_details, accounts.contact,
    accounts.warning TO rempart_portals;
GRANT UPDATE (display_name, suspended_at) ON accounts.actor TO rempart_portals;
GRANT UPDATE (role, ends_on, suspended_at) ON accounts.membership TO rempart_portals;
GRANT UPDATE (suspended_at) ON accounts.organisation TO rempart_portals;
GRANT UPDATE (revoked_at) ON accounts.invitation, accounts.software TO rempart_portals;
GRANT UPDATE (decided_at, decided_by, approved) ON accounts.recovery_request TO rempart_portals;
GRANT UPDATE (label, revoked_at) ON accounts.passkey TO rempart_portals;
GRANT UPDATE (ended_at, end_reason, stepped_up_at, device_key) ON accounts.session TO rempart_portals;
GRANT UPDATE (ends_at) ON accounts.software_key TO rempart_portals;
GRANT UPDATE (handled_at, handled_by, outcome) ON accounts.event_report TO rempart_portals;
GRANT UPDATE (state, approved_by, approved_at, active_from, ended_at, ended_by, payee_check, payee_checked_at, payee_provider)
    ON accounts.bank_details TO rempart_portals;
GRANT UPDATE (replaced_at) ON accounts.contact TO rempart_portals;

-- The gateway: what a token and its bearer must still be.
GRANT SELECT ON accounts.software_key, accounts.membership TO rempart_gateway;
GRANT SELECT (client_ref, client_id, publisher_ref, scopes, certificate_subject, establishment_ref, revoked_at)
    ON accounts.software TO rempart_gateway;
GRANT SELECT (org_ref, kind, establishment_ref, hosted_by, suspended_at) ON accounts.organisation TO rempart_gateway;
GRANT SELECT (account_ref, rpps, establishment_ref) ON accounts.professional TO rempart_gateway;
GRANT SELECT (establishment_ref, finess, siret) ON accounts.establishment TO rempart_gateway;
GRANT SELECT (actor_ref, kind, suspended_at) ON accounts.actor TO rempart_gateway;
GRANT SELECT (session_ref, actor_ref, org_ref, accountable_ref, ended_at, expires_at) ON accounts.session TO rempart_gateway;
GRANT SELECT, INSERT, DELETE ON accounts.used_assertion TO rempart_gateway;
GRANT INSERT ON accounts.security_event TO rempart_gateway;

-- The command line of the operator (role registrar) is a member of rempart_plane_accounts.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA accounts TO rempart_plane_accounts;
REVOKE ALL ON accounts.ticket_secret, accounts.django_migrations FROM rempart_plane_accounts;

-- ---------------------------------------------------------------- who may see which row

-- Every table of this plane is closed by default; the processes that work for everybody have a policy that says so, and
-- the pages see the rows of whoever is asking.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['organisation', 'mandate', 'actor', 'membership', 'member', 'passkey', 'invitation',
        'recovery_request', 'session', 'software', 'software_key', 'security_event', 'event_report', 'bank_details',
        'contact', 'warning', 'establishment', 'professional']
    LOOP
        EXECUTE format('ALTER TABLE accounts.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON accounts.%I TO rempart_plane_accounts, rempart_signin, '
                       'rempart_gateway, rempart_analyst USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

CREATE POLICY mine ON accounts.organisation TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));
CREATE POLICY mine ON accounts.mandate TO rempart_portals
    USING ((SELECT accounts.is_host()) OR (SELECT accounts.my_org()) IN (principal_ref, agent_ref));
CREATE POLICY mine ON accounts.membership TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR actor_ref = (SELECT accounts.my_actor()))
    WITH CHECK ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org()));
CREATE POLICY mine ON accounts.member TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));
-- Colleagues are seen through their membership, members through their insurer: both under their own policies.
CREATE POLICY mine ON accounts.actor TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR actor_ref IN (SELECT m.actor_ref FROM accounts.membership AS m)
           OR actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m))
    WITH CHECK ((SELECT accounts.my_actor()) IS NOT NULL);
CREATE POLICY mine ON accounts.passkey TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()));
CREATE POLICY mine ON accounts.session TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()));
CREATE POLICY mine ON accounts.invitation TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR (org_ref IS NULL AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m)));
CREATE POLICY mine ON accounts.recovery_request TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR (org_ref IS NULL AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m)));
CREATE POLICY mine ON accounts.software TO rempart_portals
    USING ((SELECT accounts.is_host()) OR publisher_ref = (SELECT accounts.my_org())
           OR establishment_ref = (SELECT accounts.my_establishment()));
CREATE POLICY mine ON accounts.software_key TO rempart_portals
    USING (client_ref IN (SELECT s.client_ref FROM accounts.software AS s));
CREATE POLICY mine ON accounts.security_event TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR org_ref = (SELECT accounts.my_org()))
    WITH CHECK ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR by_ref = (SELECT accounts.my_actor()) OR org_ref = (SELECT accounts.my_org()));
CREATE POLICY mine ON accounts.event_report TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor()));
CREATE POLICY mine ON accounts.establishment TO rempart_portals
    USING ((SELECT accounts.is_host()) OR establishment_ref = (SELECT accounts.my_establishment()));
CREATE POLICY mine ON accounts.professional TO rempart_portals
    USING ((SELECT accounts.is_host()) OR account_ref = (SELECT accounts.my_actor())
           OR establishment_ref = (SELECT accounts.my_establishment()));
CREATE POLICY mine ON accounts.bank_details TO rempart_portals
    USING ((SELECT accounts.is_host()) OR establishment_ref = (SELECT accounts.my_establishment()));
CREATE POLICY mine ON accounts.contact TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR org_ref = (SELECT accounts.my_org()));
CREATE POLICY mine ON accounts.warning TO rempart_portals
    USING (contact_ref IN (SELECT c.contact_ref FROM accounts.contact AS c));
