-- Which rows each process sees: row-level security on every table of the pages that says whose a row is.
-- The rule, which a test holds against the catalogue: a table with a column that names a tenant (an insurer, an
-- establishment, an organisation, a person, an account) is either closed to the pages, or has policies by ticket for them.
-- Reasons: docs/explanation/tenancy.md.

-- The processes that work for everybody have one policy per table that says so.
DO $$
DECLARE
    place text[];
BEGIN
    FOREACH place SLICE 1 IN ARRAY ARRAY[
        ['accounts', 'organisation', 'rempart_plane_accounts, rempart_signin, rempart_gateway'],
        ['accounts', 'mandate', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'actor', 'rempart_plane_accounts, rempart_signin, rempart_gateway'],
        ['accounts', 'membership', 'rempart_plane_accounts, rempart_signin, rempart_gateway'],
        ['accounts', 'member', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'passkey', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'invitation', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'recovery_request', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'session', 'rempart_plane_accounts, rempart_signin, rempart_gateway'],
        ['accounts', 'software', 'rempart_plane_accounts, rempart_gateway'],
        ['accounts', 'software_key', 'rempart_plane_accounts, rempart_gateway'],
        ['accounts', 'security_event', 'rempart_plane_accounts, rempart_signin, rempart_gateway'],
        ['accounts', 'event_report', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'bank_details', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'contact', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'warning', 'rempart_plane_accounts, rempart_signin'],
        ['accounts', 'establishment', 'rempart_plane_accounts, rempart_signin, rempart_gateway, rempart_analyst'],
        ['accounts', 'professional', 'rempart_plane_accounts, rempart_signin, rempart_gateway, rempart_analyst'],
        ['rights', 'insurer', 'rempart_plane_rights, rempart_gateway, rempart_analyst'],
        ['ledger', 'entry', 'rempart_plane_ledger, rempart_auditor, rempart_analyst'],
        ['ledger', 'session', 'rempart_plane_ledger, rempart_auditor, rempart_analyst'],
        ['incidents', 'incident', 'rempart_plane_incidents'],
        ['incidents', 'suspect_account', 'rempart_plane_incidents'],
        ['incidents', 'attributed_session', 'rempart_plane_incidents'],
        ['incidents', 'exposed_person', 'rempart_plane_incidents']]
    LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', place[1], place[2]);
        EXECUTE format('CREATE POLICY for_everybody ON %I.%I TO %s USING (true) WITH CHECK (true)',
                       place[1], place[2], place[3]);
    END LOOP;
END $$;

-- What follows is for the pages: `seen` is what a visitor reads, `added` and `changed` what they may write. A reference
-- to a row of somebody else is refused by a policy before a foreign key could tell whether that row exists.

-- ---------------------------------------------------------------- organisations and actors

CREATE POLICY seen ON accounts.organisation FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR insurer_id = (SELECT accounts.my_insurer())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));
CREATE POLICY changed ON accounts.organisation FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures()));

CREATE POLICY seen ON accounts.mandate FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR (SELECT accounts.my_org()) IN (principal_ref, agent_ref));

CREATE POLICY seen ON accounts.membership FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR actor_ref = (SELECT accounts.my_actor()));
-- Somebody who is of another organisation is not drawn into one's own to be looked at.
CREATE POLICY added ON accounts.membership FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.administers()) AND org_ref = (SELECT accounts.my_org()) AND accounts.may_join(actor_ref)
                AND via_ref IS NULL
                AND (accountable_ref IS NULL OR accountable_ref IN (SELECT p.account_ref FROM accounts.professional AS p)));
CREATE POLICY changed ON accounts.membership FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.administers()) AND org_ref = (SELECT accounts.my_org()));

CREATE POLICY seen ON accounts.member FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));

-- Colleagues are seen through their membership, members through their insurer: both under their own policies.
CREATE POLICY seen ON accounts.actor FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR actor_ref IN (SELECT m.actor_ref FROM accounts.membership AS m)
           OR actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m));
CREATE POLICY added ON accounts.actor FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.administers()) AND kind <> 'member');
CREATE POLICY changed ON accounts.actor FOR UPDATE TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()) OR (SELECT accounts.secures())
           OR ((SELECT accounts.administers()) AND accounts.is_ours(actor_ref)));

CREATE POLICY seen ON accounts.establishment FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR establishment_ref = (SELECT accounts.my_establishment()));

CREATE POLICY seen ON accounts.professional FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR account_ref = (SELECT accounts.my_actor())
           OR establishment_ref = (SELECT accounts.my_establishment()));

-- ---------------------------------------------------------------- proofs and sessions

-- A key that was revoked and a session that has ended stay so.
CREATE POLICY seen ON accounts.passkey FOR SELECT TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()));
CREATE POLICY changed ON accounts.passkey FOR UPDATE TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()) AND revoked_at IS NULL)
    WITH CHECK (actor_ref = (SELECT accounts.my_actor()));

CREATE POLICY seen ON accounts.session FOR SELECT TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()));
CREATE POLICY changed ON accounts.session FOR UPDATE TO rempart_portals
    USING (actor_ref = (SELECT accounts.my_actor()) AND ended_at IS NULL)
    WITH CHECK (actor_ref = (SELECT accounts.my_actor()));

CREATE POLICY seen ON accounts.invitation FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR (org_ref IS NULL AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m)));
-- An invitation lets whoever holds its code become the person invited: one's own agents only, one's own members only.
CREATE POLICY added ON accounts.invitation FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.my_actor()) IN (invited_by, approved_by) AND (
        ((SELECT accounts.administers()) AND org_ref = (SELECT accounts.my_org()) AND accounts.is_ours(actor_ref))
        OR ((SELECT accounts.my_role()) IN ('insurer_admin', 'insurer_manager') AND org_ref IS NULL
            AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m
                              WHERE m.insurer_id = (SELECT accounts.my_insurer())))
        OR ((SELECT accounts.secures()) AND kind = 'recovery')));
CREATE POLICY changed ON accounts.invitation FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures()) OR ((SELECT accounts.administers()) AND org_ref = (SELECT accounts.my_org()))
           OR ((SELECT accounts.my_role()) IN ('insurer_admin', 'insurer_manager') AND org_ref IS NULL
               AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m
                                 WHERE m.insurer_id = (SELECT accounts.my_insurer()))));

CREATE POLICY seen ON accounts.recovery_request FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR org_ref = (SELECT accounts.my_org())
           OR (org_ref IS NULL AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m)));
CREATE POLICY added ON accounts.recovery_request FOR INSERT TO rempart_portals
    WITH CHECK (asked_by = (SELECT accounts.my_actor()) AND (SELECT accounts.administers()) AND (
        (org_ref = (SELECT accounts.my_org()) AND accounts.is_ours(actor_ref))
        OR (org_ref IS NULL AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m
                                              WHERE m.insurer_id = (SELECT accounts.my_insurer())))));
CREATE POLICY changed ON accounts.recovery_request FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures()) OR ((SELECT accounts.administers()) AND (
               org_ref = (SELECT accounts.my_org())
               OR (org_ref IS NULL AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m
                                                     WHERE m.insurer_id = (SELECT accounts.my_insurer()))))))
    WITH CHECK (decided_by = (SELECT accounts.my_actor()));

-- ---------------------------------------------------------------- software

CREATE POLICY seen ON accounts.software FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR publisher_ref = (SELECT accounts.my_org())
           OR establishment_ref = (SELECT accounts.my_establishment()));
-- A publisher registers what acts with a person's token; what acts for a whole establishment, only the host does.
CREATE POLICY added ON accounts.software FOR INSERT TO rempart_portals
    WITH CHECK (((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops'))
                OR ((SELECT accounts.my_role()) = 'publisher_admin' AND publisher_ref = (SELECT accounts.my_org())
                    AND establishment_ref IS NULL AND created_by = (SELECT accounts.my_actor())));
CREATE POLICY changed ON accounts.software FOR UPDATE TO rempart_portals
    USING (((SELECT accounts.is_host())
            AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops', 'operator_security'))
           OR ((SELECT accounts.my_role()) = 'publisher_admin' AND publisher_ref = (SELECT accounts.my_org())));

CREATE POLICY seen ON accounts.software_key FOR SELECT TO rempart_portals
    USING (client_ref IN (SELECT s.client_ref FROM accounts.software AS s));
CREATE POLICY added ON accounts.software_key FOR INSERT TO rempart_portals
    WITH CHECK (((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops'))
                OR ((SELECT accounts.my_role()) IN ('publisher_admin', 'publisher_developer')
                    AND client_ref IN (SELECT s.client_ref FROM accounts.software AS s
                                       WHERE s.publisher_ref = (SELECT accounts.my_org()))));
CREATE POLICY changed ON accounts.software_key FOR UPDATE TO rempart_portals
    USING (((SELECT accounts.is_host())
            AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops', 'operator_security'))
           OR ((SELECT accounts.my_role()) IN ('publisher_admin', 'publisher_developer')
               AND client_ref IN (SELECT s.client_ref FROM accounts.software AS s
                                  WHERE s.publisher_ref = (SELECT accounts.my_org()))));

-- ---------------------------------------------------------------- what happened

-- An organisation's events are for those who administer its people: they tell from where colleagues work.
CREATE POLICY seen ON accounts.security_event FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR (org_ref = (SELECT accounts.my_org()) AND (SELECT accounts.administers())));
CREATE POLICY added ON accounts.security_event FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.my_actor()) IN (actor_ref, by_ref)
                AND (actor_ref IS NULL OR actor_ref IN (SELECT a.actor_ref FROM accounts.actor AS a))
                AND (by_ref IS NULL OR by_ref = (SELECT accounts.my_actor()))
                AND (org_ref IS NULL OR org_ref IN (SELECT o.org_ref FROM accounts.organisation AS o)));

CREATE POLICY seen ON accounts.event_report FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor()));
CREATE POLICY added ON accounts.event_report FOR INSERT TO rempart_portals
    WITH CHECK (actor_ref = (SELECT accounts.my_actor())
                AND event_ref IN (SELECT e.event_ref FROM accounts.security_event AS e
                                  WHERE e.actor_ref = (SELECT accounts.my_actor())));
CREATE POLICY changed ON accounts.event_report FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures())) WITH CHECK (handled_by = (SELECT accounts.my_actor()));

-- ---------------------------------------------------------------- bank details and contacts

CREATE POLICY seen ON accounts.bank_details FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host())
           OR (establishment_ref = (SELECT accounts.my_establishment())
               AND (SELECT accounts.my_role()) IN ('holder', 'establishment_manager')));
CREATE POLICY added ON accounts.bank_details FOR INSERT TO rempart_portals
    WITH CHECK (establishment_ref = (SELECT accounts.my_establishment()) AND proposed_by = (SELECT accounts.my_actor())
                AND (SELECT accounts.my_role()) IN ('holder', 'establishment_manager'));
CREATE POLICY changed ON accounts.bank_details FOR UPDATE TO rempart_portals
    USING (establishment_ref = (SELECT accounts.my_establishment())
           AND (SELECT accounts.my_role()) IN ('holder', 'establishment_manager'));

-- Addresses are loaded by the operator, and warnings written by accounts.warn_contacts (0005).
CREATE POLICY seen ON accounts.contact FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR actor_ref = (SELECT accounts.my_actor())
           OR org_ref = (SELECT accounts.my_org()));

CREATE POLICY seen ON accounts.warning FOR SELECT TO rempart_portals
    USING (contact_ref IN (SELECT c.contact_ref FROM accounts.contact AS c));

-- ---------------------------------------------------------------- other planes

CREATE POLICY seen ON rights.insurer FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR insurer_id = (SELECT accounts.my_insurer())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));

-- Look-ups: the host's agents see them all; an insurer those of its members; a professional their own; a member (kind 1:
-- an answer about a known person) those about them. Only through the parent: nobody has a right on a segment's table.
CREATE POLICY seen ON ledger.entry FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR account_ref = (SELECT accounts.my_actor())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()) AND kind = 1));
CREATE POLICY seen ON ledger.session FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR account_ref = (SELECT accounts.my_actor()));

CREATE POLICY seen ON incidents.incident FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY seen ON incidents.suspect_account FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY seen ON incidents.attributed_session FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY seen ON incidents.exposed_person FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())));
