-- Bank details: what the database itself refuses, whoever writes the pages, and who is warned.

-- The account an establishment is paid on is its 'active' row in accounts.bank_details.
ALTER TABLE accounts.establishment DROP COLUMN sealed_iban;

-- The pages show last digits; neither an IBAN nor an address ever leaves its seal there.
REVOKE SELECT ON accounts.bank_details, accounts.contact FROM rempart_portals;
GRANT SELECT (change_ref, establishment_ref, last_digits, state, proposed_by, proposed_at, approved_by, approved_at,
    active_from, ended_at, ended_by, payee_check, payee_checked_at, payee_provider) ON accounts.bank_details
    TO rempart_portals;
REVOKE SELECT ON accounts.contact FROM rempart_signin;
GRANT SELECT (contact_ref, actor_ref, org_ref, channel, added_at, replaced_at) ON accounts.contact
    TO rempart_portals, rempart_signin;

-- The host approves a change that nobody else there can, and stops one that should not be.
ALTER POLICY changed ON accounts.bank_details
    USING ((SELECT accounts.secures())
           OR (establishment_ref = (SELECT accounts.my_establishment())
               AND (SELECT accounts.my_role()) IN ('holder', 'establishment_manager')));

-- ---------------------------------------------------------------- no page hastens a change

-- The steps of accounts/bank_details.py, as a compromised page would have to obey them: in the name of whoever is
-- signed in, by two people, and never in less than three days. A shorter period needs a change here too.
CREATE FUNCTION accounts.guard_bank_details() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    earliest timestamptz := clock_timestamp() + interval '3 days' - interval '1 minute';
    allowed  boolean;
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        allowed := NEW.proposed_by = accounts.my_actor() AND NEW.approved_by IS NULL
            AND (NEW.state = 'proposed' OR (NEW.state = 'cooling' AND NEW.active_from >= earliest));
    ELSE
        allowed := CASE OLD.state || ' ' || NEW.state
            WHEN 'proposed cooling' THEN NEW.approved_by = accounts.my_actor() AND NEW.active_from >= earliest
            WHEN 'proposed refused' THEN true
            WHEN 'proposed cancelled' THEN true
            WHEN 'cooling cancelled' THEN true
            WHEN 'cooling active' THEN OLD.active_from <= clock_timestamp() AND NEW.active_from = OLD.active_from
            WHEN 'active replaced' THEN EXISTS (
                SELECT 1 FROM accounts.bank_details AS due
                WHERE due.establishment_ref = NEW.establishment_ref AND due.state = 'cooling'
                  AND due.active_from <= clock_timestamp() AND due.active_from = NEW.ended_at)
        END;
    END IF;
    IF allowed IS NOT TRUE THEN
        RAISE insufficient_privilege USING MESSAGE = 'this step of a change of account is not for the pages';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON accounts.bank_details
    FOR EACH ROW EXECUTE FUNCTION accounts.guard_bank_details();

-- ---------------------------------------------------------------- warnings

-- Whether the asker may see an event; processes that work for everybody see all.
CREATE FUNCTION accounts.sees_event(event accounts.security_event) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT session_user <> 'rempart_portals'
        OR accounts.is_host() OR event.actor_ref = accounts.my_actor() OR event.org_ref = accounts.my_org()
$$;

-- Writes one warning per known address of whoever an event concerns: the organisation, the person, and those who answer
-- for the establishment, seen or not by the asker: a thief in one account must not keep the owner in the dark. An address
-- replaced, a role lost or changed after `since` still counts: a thief begins with those.
CREATE FUNCTION accounts.warn_contacts(event bigint, since timestamptz) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH told AS (
        INSERT INTO accounts.warning (warning_ref, contact_ref, event_ref)
        SELECT hashtextextended(gen_random_uuid()::text, 0) & 9223372036854775807, c.contact_ref, e.event_ref
        FROM accounts.security_event AS e
        JOIN accounts.contact AS c ON c.org_ref = e.org_ref OR c.actor_ref = e.actor_ref OR c.actor_ref IN (
            SELECT m.actor_ref FROM accounts.membership AS m
            WHERE m.org_ref = e.org_ref AND m.role IN ('holder', 'establishment_manager') AND m.ends_on >= since::date
            UNION ALL
            SELECT changed.actor_ref FROM accounts.security_event AS changed
            WHERE changed.org_ref = e.org_ref AND changed.kind = 'role_changed' AND changed.at > since)
        WHERE e.event_ref = event AND accounts.sees_event(e)
          AND (c.replaced_at IS NULL OR c.replaced_at > since)
        ON CONFLICT (contact_ref, event_ref) DO NOTHING
        RETURNING 1)
    SELECT count(*) FROM told
$$;

-- How many addresses were warned of each event: a number only, the addresses of others stay hidden.
CREATE FUNCTION accounts.count_warnings(events bigint[]) RETURNS TABLE (event_ref bigint, warnings bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.event_ref, count(*)
    FROM accounts.warning AS w JOIN accounts.security_event AS e USING (event_ref)
    WHERE e.event_ref = ANY (events) AND accounts.sees_event(e)
    GROUP BY e.event_ref
$$;

GRANT EXECUTE ON FUNCTION accounts.warn_contacts, accounts.sees_event
    TO rempart_portals, rempart_signin, rempart_plane_accounts;
GRANT EXECUTE ON FUNCTION accounts.count_warnings TO rempart_portals, rempart_plane_accounts;
CREATE INDEX warning_to_send ON accounts.warning (written_at) WHERE sent_at IS NULL;
CREATE INDEX bank_details_by_establishment ON accounts.bank_details (establishment_ref, proposed_at);
