-- Sessions bound to a key of the device (W3C Device Bound Session Credentials), tries counted for all processes at once,
-- and what the pages may write of addresses and keys. Reasons: docs/explanation/accounts.md.

-- ---------------------------------------------------------------- what a browser signs, and what it gets for it

-- A challenge serves once, for one session and one purpose. The value is in the browser; here is its digest.
CREATE TABLE accounts.device_challenge (
    challenge_digest bytea PRIMARY KEY CHECK (length(challenge_digest) = 32),
    session_ref      bigint NOT NULL REFERENCES accounts.session ON DELETE CASCADE,
    purpose          text NOT NULL CHECK (purpose IN ('bind', 'refresh')),
    expires_at       timestamptz NOT NULL
);
CREATE INDEX device_challenge_by_session ON accounts.device_challenge (session_ref);
CREATE INDEX device_challenge_by_age ON accounts.device_challenge (expires_at);

-- The short-lived cookies a device earned: of two refreshes at the same instant, both answers are good.
CREATE TABLE accounts.device_cookie (
    cookie_digest bytea PRIMARY KEY CHECK (length(cookie_digest) = 32),
    session_ref   bigint NOT NULL REFERENCES accounts.session ON DELETE CASCADE,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX device_cookie_by_session ON accounts.device_cookie (session_ref);
CREATE INDEX device_cookie_by_age ON accounts.device_cookie (expires_at);

-- Both are closed to the pages: what recognises people writes them, and enter_session looks.
GRANT SELECT, INSERT, DELETE ON accounts.device_challenge, accounts.device_cookie TO rempart_signin;
GRANT SELECT (device_key) ON accounts.session TO rempart_portals;

-- A key is written once, by whoever recognises people: nobody binds a session again, nobody unbinds one.
CREATE FUNCTION accounts.guard_device_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.device_key IS NOT NULL AND NEW.device_key IS DISTINCT FROM OLD.device_key THEN
        RAISE insufficient_privilege USING MESSAGE = 'a session keeps the device it was bound to';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_device_key BEFORE UPDATE OF device_key ON accounts.session
    FOR EACH ROW EXECUTE FUNCTION accounts.guard_device_key();
REVOKE EXECUTE ON FUNCTION accounts.guard_device_key FROM PUBLIC;

-- What enter_session did until now is one half of it: nobody calls that half alone.
ALTER FUNCTION accounts.enter_session(bytea) RENAME TO enter_by_token;
REVOKE EXECUTE ON FUNCTION accounts.enter_by_token FROM PUBLIC, rempart_portals;

-- Recognises a live session by its token and, once it is bound, by a fresh cookie of its device: one without the other is
-- nobody's, changes nothing and keeps nothing alive.
CREATE FUNCTION accounts.enter_session(digest bytea, device bytea DEFAULT NULL)
    RETURNS TABLE (session_ref bigint, actor_ref bigint, actor_kind text, display_name text, role text, org_ref bigint,
                   org_name text, org_kind text, insurer_id integer, establishment_ref bigint, person_ref bigint,
                   accountable_ref bigint, membership_ref bigint, method text, is_host boolean, opened_at timestamptz,
                   expires_at timestamptz, idle_limit interval, stepped_up_at timestamptz, is_bound boolean)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    bound boolean;
BEGIN
    PERFORM set_config('rempart.ticket', '', true);
    SELECT s.device_key IS NOT NULL INTO bound FROM accounts.session AS s
    WHERE s.token_digest = digest
      AND (s.device_key IS NULL OR EXISTS (
           SELECT 1 FROM accounts.device_cookie AS c
           WHERE c.cookie_digest = device AND c.session_ref = s.session_ref AND c.expires_at > clock_timestamp()));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT e.*, bound FROM accounts.enter_by_token(digest) AS e;
END $$;
REVOKE EXECUTE ON FUNCTION accounts.enter_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.enter_session TO rempart_portals;

-- ---------------------------------------------------------------- tries, counted for all processes at once

-- When an address's allowance is empty again (accounts/allowance.py). Lost with the server: it bounds work, it proves nothing.
CREATE UNLOGGED TABLE accounts.tries (
    name      text PRIMARY KEY CHECK (length(name) <= 100),
    empty_at  timestamptz NOT NULL
);
CREATE INDEX tries_by_age ON accounts.tries (empty_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.tries TO rempart_signin;

-- ---------------------------------------------------------------- keys of software

-- A page ends a key, now or later; it gives none a longer life: another key is added instead.
CREATE FUNCTION accounts.guard_software_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'rempart_portals' AND NEW.ends_at > OLD.ends_at THEN
        RAISE insufficient_privilege USING MESSAGE = 'the life of a key is not made longer: add another key';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON accounts.software_key
    FOR EACH ROW EXECUTE FUNCTION accounts.guard_software_key();
REVOKE EXECUTE ON FUNCTION accounts.guard_software_key FROM PUBLIC;

-- ---------------------------------------------------------------- where somebody is warned: their own page

-- What its owner recognises an address by, without reading it: its first letter, its last digits.
ALTER TABLE accounts.contact ADD COLUMN hint text NOT NULL DEFAULT '' CHECK (length(hint) <= 60);
GRANT SELECT (hint) ON accounts.contact TO rempart_portals, rempart_signin;

-- An address somebody gave and has not confirmed: nobody is warned there. Address and code are sealed for whoever sends the
-- warnings; of the code, the pages' side keeps a digest, five tries and an hour.
CREATE TABLE accounts.contact_request (
    contact_ref bigint PRIMARY KEY,
    actor_ref   bigint NOT NULL REFERENCES accounts.actor,
    channel     text NOT NULL CHECK (channel IN ('email', 'sms')),
    sealed      bytea NOT NULL,
    hint        text NOT NULL CHECK (length(hint) <= 60),
    code_digest bytea NOT NULL CHECK (length(code_digest) = 32),
    sealed_code bytea NOT NULL,
    tries       integer NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL,
    sent_at     timestamptz
);
CREATE INDEX contact_request_by_actor ON accounts.contact_request (actor_ref);

-- Closed to the pages: a confirmation, and a fresh ceremony before it, are what recognises people's to see.
GRANT SELECT, INSERT, DELETE ON accounts.contact_request TO rempart_signin;
GRANT UPDATE (tries) ON accounts.contact_request TO rempart_signin;
GRANT INSERT ON accounts.contact TO rempart_signin;
GRANT UPDATE (replaced_at) ON accounts.contact TO rempart_signin;
GRANT SELECT, UPDATE, DELETE ON accounts.contact_request TO rempart_plane_accounts;
