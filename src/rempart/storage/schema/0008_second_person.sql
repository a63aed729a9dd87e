-- The second person: since when somebody stands in an organisation and who let them in, so that nobody approves their own
-- act through a puppet. The rule is that of accounts/second_person.py; the database holds the pages to it.

-- Who has one of these roles in an organisation, or lately had. A role counts from the day it was given, changed, given
-- back or begins; one lost, with its membership, its role or its account, until that day. With each, who asked for or
-- approved a code of theirs, and when. storage/standing.sql asks the same of the pages' own rows.
CREATE FUNCTION accounts.list_standing(within bigint, roles text[])
    RETURNS TABLE (actor_ref bigint, since timestamptz, until timestamptz, invited_by bigint[], invited_at timestamptz[])
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH event AS (
        SELECT e.actor_ref, max(e.at) FILTER (WHERE e.kind = 'role_changed') AS changed_at,
               max(e.at) FILTER (WHERE e.kind = 'agent_restored') AS restored_at
        FROM accounts.security_event AS e
        WHERE e.org_ref = within AND e.kind IN ('role_changed', 'agent_restored')
        GROUP BY e.actor_ref),
    code AS (
        SELECT i.actor_ref, array_agg(by.ref ORDER BY i.created_at, by.ref) AS by_refs,
               array_agg(i.created_at ORDER BY i.created_at, by.ref) AS at
        FROM accounts.invitation AS i CROSS JOIN LATERAL (VALUES (i.invited_by), (i.approved_by)) AS by (ref)
        WHERE i.org_ref = within AND by.ref IS NOT NULL
        GROUP BY i.actor_ref)
    SELECT m.actor_ref,
           GREATEST(m.created_at, m.starts_on::timestamp AT TIME ZONE 'Europe/Paris', event.restored_at,
                    CASE WHEN m.role = ANY (roles) THEN event.changed_at END),
           NULLIF(LEAST(COALESCE(m.suspended_at, 'infinity'), COALESCE(a.suspended_at, 'infinity'),
                        m.ends_on::timestamp AT TIME ZONE 'Europe/Paris' + interval '1 day',
                        CASE WHEN m.role = ANY (roles) THEN 'infinity' ELSE event.changed_at END),
                  'infinity'),
           COALESCE(code.by_refs, '{}'), COALESCE(code.at, '{}')
    FROM accounts.membership AS m
    JOIN accounts.actor AS a USING (actor_ref)
    LEFT JOIN event USING (actor_ref)
    LEFT JOIN code USING (actor_ref)
    WHERE m.org_ref = within AND (m.role = ANY (roles) OR event.changed_at IS NOT NULL)
      AND m.starts_on <= (clock_timestamp() AT TIME ZONE 'Europe/Paris')::date
    ORDER BY m.membership_ref
$$;
REVOKE EXECUTE ON FUNCTION accounts.list_standing FROM PUBLIC;

-- Whether two people count as two for what one asked: both had a role for thirty days (parameter second_person_days; a test
-- compares), neither gave the other a code in that time. For the asker's own organisation, of which it sees
-- what the asker may not: what a page hides is not hidden from the rule.
CREATE FUNCTION accounts.stand_apart(one bigint, other bigint, within bigint, roles text[], asked timestamptz)
    RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH standing AS (
        SELECT s.*, s.since <= asked - interval '30 days' AND COALESCE(s.until > clock_timestamp(), true) AS settled
        FROM accounts.list_standing(within, roles) AS s WHERE s.actor_ref IN (one, other))
    SELECT COALESCE(one <> other AND within = accounts.my_org()
        AND (SELECT count(DISTINCT actor_ref) = 2 FROM standing WHERE settled)
        AND NOT EXISTS (
            SELECT 1 FROM standing AS s, unnest(s.invited_by, s.invited_at) AS code (by_ref, at)
            WHERE code.by_ref IN (one, other) AND code.by_ref <> s.actor_ref AND code.at > asked - interval '30 days'),
        false)
$$;
-- Whether somebody else than the asker may change their establishment's account, or lately could.
CREATE FUNCTION accounts.has_payees_besides_me() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounts.list_standing(accounts.my_org(), '{holder,establishment_manager}') AS s
        WHERE s.actor_ref <> accounts.my_actor() AND COALESCE(s.until > clock_timestamp() - interval '30 days', true))
$$;
REVOKE EXECUTE ON FUNCTION accounts.stand_apart, accounts.has_payees_besides_me FROM PUBLIC;

-- ---------------------------------------------------------------- when something was done: the database says

-- What the rule above counts from is written by the clock of the database, never by a page.
REVOKE INSERT ON accounts.membership, accounts.invitation, accounts.recovery_request FROM rempart_portals;
GRANT INSERT (membership_ref, actor_ref, org_ref, role, accountable_ref, via_ref, starts_on, ends_on)
    ON accounts.membership TO rempart_portals;
GRANT INSERT (invitation_ref, code_digest, kind, actor_ref, org_ref, invited_by, approved_by, expires_at)
    ON accounts.invitation TO rempart_portals;
GRANT INSERT (request_ref, actor_ref, org_ref, asked_by, reason) ON accounts.recovery_request TO rempart_portals;
REVOKE INSERT ON accounts.security_event FROM rempart_portals, rempart_signin, rempart_gateway;
GRANT INSERT (event_ref, kind, actor_ref, by_ref, session_ref, org_ref, address, agent, details)
    ON accounts.security_event TO rempart_portals, rempart_signin, rempart_gateway;

-- ---------------------------------------------------------------- bank details

-- Beside the guard of 0005: two people are two, and somebody is alone only when nobody else is or lately was there.
CREATE FUNCTION accounts.guard_second_payee() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.proposed_at > clock_timestamp() OR (NEW.state = 'cooling' AND accounts.has_payees_besides_me()) THEN
            RAISE insufficient_privilege USING MESSAGE = 'a second person approves this change of account';
        END IF;
    ELSIF OLD.state = 'proposed' AND NEW.state = 'cooling' AND NOT accounts.is_host()
        AND NOT accounts.stand_apart(OLD.proposed_by, NEW.approved_by, accounts.my_org(),
                                     '{holder,establishment_manager}', OLD.proposed_at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two for a change of account';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_second_payee BEFORE INSERT OR UPDATE ON accounts.bank_details
    FOR EACH ROW EXECUTE FUNCTION accounts.guard_second_payee();

-- ---------------------------------------------------------------- recoveries and invitations

-- A colleague approves a recovery only as a second person; for other organisations the host does.
CREATE FUNCTION accounts.guard_recovery() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' OR NEW.approved IS NOT TRUE THEN
        RETURN NEW;
    END IF;
    IF OLD.decided_at IS NOT NULL OR NEW.decided_by = OLD.actor_ref
        OR NOT ((accounts.is_host() AND OLD.org_ref IS DISTINCT FROM accounts.my_org())
                OR accounts.stand_apart(OLD.asked_by, NEW.decided_by, OLD.org_ref,
                       '{holder,establishment_manager,insurer_admin,employer_admin,operator_admin,operator_security,publisher_admin}',
                       OLD.asked_at)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two for a recovery';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON accounts.recovery_request
    FOR EACH ROW EXECUTE FUNCTION accounts.guard_recovery();

-- Whoever invites says so in their own name.
ALTER POLICY added ON accounts.invitation
    WITH CHECK (CASE kind WHEN 'enrolment' THEN invited_by = (SELECT accounts.my_actor()) AND approved_by IS NULL
                          ELSE (SELECT accounts.my_actor()) IN (invited_by, approved_by) END AND (
        ((SELECT accounts.administers()) AND org_ref = (SELECT accounts.my_org()) AND accounts.is_ours(actor_ref))
        OR ((SELECT accounts.my_role()) IN ('insurer_admin', 'insurer_manager') AND org_ref IS NULL
            AND actor_ref IN (SELECT m.actor_ref FROM accounts.member AS m
                              WHERE m.insurer_id = (SELECT accounts.my_insurer())))
        OR ((SELECT accounts.secures()) AND kind = 'recovery')));

-- What a code from a page rests on: a recovery on a request approved in this very transaction, an enrolment on somebody
-- new in it; no code waits longer than accounts/invitations.py says (a test compares).
CREATE FUNCTION accounts.check_invitation() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    longest interval := CASE WHEN NEW.org_ref IS NULL THEN interval '30 days' ELSE interval '72 hours' END;
    rests   boolean;
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NULL;
    END IF;
    IF NEW.kind = 'recovery' THEN
        rests := EXISTS (
            SELECT 1 FROM accounts.recovery_request AS r
            WHERE r.actor_ref = NEW.actor_ref AND r.org_ref IS NOT DISTINCT FROM NEW.org_ref AND r.approved
              AND r.asked_by = NEW.invited_by AND r.decided_by = NEW.approved_by AND r.decided_by = accounts.my_actor()
              AND r.decided_at >= transaction_timestamp());
    ELSE
        rests := NOT EXISTS (SELECT 1 FROM accounts.passkey AS k WHERE k.actor_ref = NEW.actor_ref)
            AND NOT EXISTS (SELECT 1 FROM accounts.provider_identity AS p WHERE p.actor_ref = NEW.actor_ref);
    END IF;
    IF NOT rests OR NEW.expires_at > clock_timestamp() + longest THEN
        RAISE check_violation USING MESSAGE = 'an invitation rests on somebody new or an approved request, for a time';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER rests_on_something AFTER INSERT ON accounts.invitation
    FOR EACH ROW EXECUTE FUNCTION accounts.check_invitation();

-- ---------------------------------------------------------------- roles

-- A holder of the asker's establishment: by a role there, or the asker in a situation of their own.
CREATE FUNCTION accounts.holds_here(somebody bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(accounts.my_establishment() IS NOT NULL AND (
        (somebody = accounts.my_actor() AND accounts.my_role() = 'holder')
        OR EXISTS (SELECT 1 FROM accounts.membership AS m
                   WHERE m.actor_ref = somebody AND m.org_ref = accounts.my_org() AND m.role = 'holder'
                     AND m.suspended_at IS NULL
                     AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on)), false)
$$;
-- Whether a role is one of an organisation's kind, and of somebody's: holders and locums are professionals (a test compares).
CREATE FUNCTION accounts.fits_role(somebody bigint, within bigint, role text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(role = ANY (CASE (SELECT o.kind FROM accounts.organisation AS o WHERE o.org_ref = within)
               WHEN 'establishment' THEN '{holder,locum,assistant,establishment_manager}'::text[]
               WHEN 'insurer' THEN '{insurer_admin,insurer_manager,insurer_dpo}'
               WHEN 'employer' THEN '{employer_admin,employer_hr}'
               WHEN 'operator' THEN '{operator_admin,operator_ops,operator_security,operator_dpo}'
               WHEN 'publisher' THEN '{publisher_admin,publisher_developer}' END)
        AND (role NOT IN ('holder', 'locum')
             OR EXISTS (SELECT 1 FROM accounts.professional AS p WHERE p.account_ref = somebody)), false)
$$;
REVOKE EXECUTE ON FUNCTION accounts.holds_here, accounts.fits_role FROM PUBLIC;

CREATE FUNCTION accounts.guard_membership() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals'
        OR (TG_OP = 'UPDATE' AND NEW.role = OLD.role AND NEW.accountable_ref IS NOT DISTINCT FROM OLD.accountable_ref) THEN
        RETURN NEW;
    END IF;
    IF NOT accounts.fits_role(NEW.actor_ref, NEW.org_ref, NEW.role)
        OR (TG_OP = 'UPDATE' AND NEW.role <> OLD.role AND 'holder' IN (OLD.role, NEW.role))
        OR (NEW.accountable_ref IS NOT NULL AND NOT accounts.holds_here(NEW.accountable_ref)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'this role is not one that the pages give';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON accounts.membership
    FOR EACH ROW EXECUTE FUNCTION accounts.guard_membership();

-- ---------------------------------------------------------------- what was ended stays so

-- An account that is stopped is the host's to let go on.
ALTER POLICY changed ON accounts.actor
    USING ((SELECT accounts.secures())
           OR (suspended_at IS NULL
               AND (actor_ref = (SELECT accounts.my_actor())
                    OR ((SELECT accounts.administers()) AND accounts.is_ours(actor_ref)))))
    WITH CHECK ((SELECT accounts.secures()) OR actor_ref = (SELECT accounts.my_actor())
                OR ((SELECT accounts.administers()) AND accounts.is_ours(actor_ref)));

ALTER POLICY changed ON accounts.software
    USING (revoked_at IS NULL AND (
               ((SELECT accounts.is_host())
                AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops', 'operator_security'))
               OR ((SELECT accounts.my_role()) = 'publisher_admin' AND publisher_ref = (SELECT accounts.my_org()))))
    WITH CHECK (((SELECT accounts.is_host())
                 AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops', 'operator_security'))
                OR ((SELECT accounts.my_role()) = 'publisher_admin' AND publisher_ref = (SELECT accounts.my_org())));
ALTER POLICY changed ON accounts.software_key
    USING (ends_at > clock_timestamp() AND (
               ((SELECT accounts.is_host())
                AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops', 'operator_security'))
               OR ((SELECT accounts.my_role()) IN ('publisher_admin', 'publisher_developer')
                   AND client_ref IN (SELECT s.client_ref FROM accounts.software AS s
                                      WHERE s.publisher_ref = (SELECT accounts.my_org())))))
    WITH CHECK (((SELECT accounts.is_host())
                 AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_ops', 'operator_security'))
                OR ((SELECT accounts.my_role()) IN ('publisher_admin', 'publisher_developer')
                    AND client_ref IN (SELECT s.client_ref FROM accounts.software AS s
                                       WHERE s.publisher_ref = (SELECT accounts.my_org()))));

-- The guards act for the owner: nobody calls what they call, nor them.
REVOKE EXECUTE ON FUNCTION accounts.guard_second_payee, accounts.guard_recovery, accounts.check_invitation,
    accounts.guard_membership FROM PUBLIC;
