-- What still works while something is cut: cuts, presence, numbers given for working offline, and how services are.
-- Reasons: docs/adr/0021-care-goes-on.md.

-- ---------------------------------------------------------------- cuts

-- Rights are cut for an insurer, for one way in (portal: the pages; gateway: software), or as a whole (rights).
-- Claims and payments have no scope here: nothing that is cut stops them.
CREATE TABLE rights.cut (
    cut_ref          bigint PRIMARY KEY,
    scope            text NOT NULL CHECK (scope IN ('insurer', 'portal', 'gateway', 'rights')),
    insurer_id       integer REFERENCES rights.insurer ON DELETE CASCADE,
    insurer_name     text,          -- as it was called then: the public history needs no other table
    reason           text NOT NULL CHECK (reason IN ('incident', 'precaution', 'insurer_request', 'maintenance')),
    asked_by         bigint,        -- NULL: the host's command line
    asked_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by      bigint,        -- the second person, where two are needed
    starts_at        timestamptz,   -- NULL: waits for the second person; nothing is cut yet
    review_at        timestamptz NOT NULL,
    ends_at          timestamptz,   -- ends by itself then
    restore_asked_by bigint,
    restore_asked_at timestamptz,
    ended_by         bigint,
    ended_at         timestamptz,
    CHECK ((scope = 'insurer') = (insurer_id IS NOT NULL AND insurer_name IS NOT NULL)),
    CHECK (review_at > asked_at AND (ends_at IS NULL OR ends_at > asked_at)),
    -- Two persons cut everything, and two give it back; a request is withdrawn by anybody.
    CHECK (scope <> 'rights' OR starts_at IS NULL OR (approved_by IS NOT NULL AND approved_by IS DISTINCT FROM asked_by)),
    CHECK (scope <> 'rights' OR starts_at IS NULL OR ended_at IS NULL
           OR (restore_asked_at IS NOT NULL AND ended_by IS NOT NULL AND ended_by IS DISTINCT FROM restore_asked_by)
           OR ended_at = ends_at)
);
CREATE UNIQUE INDEX one_cut_of_a_kind ON rights.cut (scope, COALESCE(insurer_id, 0)) WHERE ended_at IS NULL;
CREATE INDEX cut_by_start ON rights.cut (starts_at);

-- A page acts in the name of its visitor only, and writes each name once.
CREATE FUNCTION rights.check_cut_names() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF (NEW.approved_by IS DISTINCT FROM OLD.approved_by AND (OLD.approved_by IS NOT NULL OR NEW.approved_by <> accounts.my_actor()))
       OR (NEW.ended_by IS DISTINCT FROM OLD.ended_by AND (OLD.ended_by IS NOT NULL OR NEW.ended_by <> accounts.my_actor()))
       OR (NEW.restore_asked_by IS DISTINCT FROM OLD.restore_asked_by
           AND NEW.restore_asked_by IS NOT NULL AND NEW.restore_asked_by <> accounts.my_actor()) THEN
        RAISE EXCEPTION 'a page names its own visitor only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_cut_names BEFORE UPDATE ON rights.cut FOR EACH ROW EXECUTE FUNCTION rights.check_cut_names();

ALTER TABLE rights.cut ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.cut TO rempart_plane_rights, rempart_plane_accounts, rempart_gateway
    USING (true) WITH CHECK (true);
-- What is cut is public; what is only asked for is the host's.
CREATE POLICY seen ON rights.cut FOR SELECT TO rempart_portals
    USING (starts_at IS NOT NULL OR (SELECT accounts.is_host()));
CREATE POLICY added ON rights.cut FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.secures()) AND asked_by = (SELECT accounts.my_actor())
                AND approved_by IS NULL AND ended_at IS NULL AND restore_asked_by IS NULL);
CREATE POLICY changed ON rights.cut FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures()) AND ended_at IS NULL) WITH CHECK ((SELECT accounts.secures()));
GRANT USAGE ON SCHEMA rights TO rempart_portals, rempart_plane_accounts;
GRANT SELECT, INSERT ON rights.cut TO rempart_portals;
GRANT UPDATE (approved_by, starts_at, restore_asked_by, restore_asked_at, ended_by, ended_at) ON rights.cut TO rempart_portals;
GRANT SELECT ON rights.cut TO rempart_gateway;
GRANT SELECT, INSERT, UPDATE ON rights.cut TO rempart_plane_accounts;

-- Why, for colleagues of the host only: apart from the cut, which is public once it began. Written once, by whoever asked.
CREATE TABLE rights.cut_note (
    cut_ref bigint PRIMARY KEY REFERENCES rights.cut ON DELETE CASCADE,
    note    text NOT NULL CHECK (length(note) BETWEEN 1 AND 500)
);
ALTER TABLE rights.cut_note ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.cut_note TO rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY seen ON rights.cut_note FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY added ON rights.cut_note FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.secures()) AND EXISTS (
        SELECT 1 FROM rights.cut AS c WHERE c.cut_ref = cut_note.cut_ref AND c.asked_by = (SELECT accounts.my_actor())));
GRANT SELECT, INSERT ON rights.cut_note TO rempart_portals, rempart_plane_accounts;

-- ---------------------------------------------------------------- presence

-- What an establishment, an account, or (both NULL) everybody may ask without proof that the person is there.
CREATE TABLE rights.presence_policy (
    policy_ref            bigint PRIMARY KEY,
    establishment_ref     bigint,
    account_ref           bigint,
    required              boolean NOT NULL,   -- presence for whoever this account has not seen with presence
    known_faces           boolean NOT NULL DEFAULT true,   -- whether those it has seen may be typed
    typed_persons_per_day integer CHECK (typed_persons_per_day >= 0),   -- NULL: no bound
    set_by                bigint,             -- NULL: the host's command line
    set_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(establishment_ref, account_ref) <= 1)
);
CREATE UNIQUE INDEX one_policy_each ON rights.presence_policy (COALESCE(establishment_ref, 0), COALESCE(account_ref, 0));

-- How many new persons an account typed on a Paris day, and which: keys, whether they lead to somebody or not. Counted once for the
-- account as a whole (insurer 0), and once for each insurer that bounds what is typed about its members.
CREATE TABLE rights.typed_day (
    account_ref bigint NOT NULL,
    insurer_id  integer NOT NULL DEFAULT 0,
    day         date NOT NULL,
    used        integer NOT NULL,
    PRIMARY KEY (account_ref, insurer_id, day)
);
CREATE TABLE rights.typed_person (
    account_ref bigint NOT NULL,
    insurer_id  integer NOT NULL DEFAULT 0,
    day         date NOT NULL,
    lookup_key  uuid NOT NULL,
    PRIMARY KEY (account_ref, insurer_id, day, lookup_key)
);

-- Takes one person off the allowance of a day; true also for one taken already. The row of the day orders the gateways.
CREATE FUNCTION rights.take_typed(asker bigint, about integer, of_day date, wanted uuid, allowed integer) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken integer;
BEGIN
    INSERT INTO rights.typed_day AS d (account_ref, insurer_id, day, used) VALUES (asker, about, of_day, 0) ON CONFLICT DO NOTHING;
    SELECT d.used INTO taken FROM rights.typed_day AS d
    WHERE d.account_ref = asker AND d.insurer_id = about AND d.day = of_day FOR UPDATE;
    IF EXISTS (SELECT 1 FROM rights.typed_person AS p
               WHERE p.account_ref = asker AND p.insurer_id = about AND p.day = of_day AND p.lookup_key = wanted) THEN
        RETURN true;
    END IF;
    IF taken >= allowed THEN
        RETURN false;
    END IF;
    INSERT INTO rights.typed_person (account_ref, insurer_id, day, lookup_key) VALUES (asker, about, of_day, wanted);
    UPDATE rights.typed_day AS d SET used = d.used + 1
    WHERE d.account_ref = asker AND d.insurer_id = about AND d.day = of_day;
    RETURN true;
END $$;

-- The secret of a person's rotating code, sealed: opened by the gateway, and by the member's own page.
CREATE TABLE rights.code_secret (
    person_ref bigint PRIMARY KEY,
    sealed     bytea NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE rights.code_secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.code_secret TO rempart_plane_rights, rempart_gateway USING (true) WITH CHECK (true);
CREATE POLICY seen ON rights.code_secret FOR SELECT TO rempart_portals USING (person_ref = (SELECT accounts.my_person()));
CREATE POLICY added ON rights.code_secret FOR INSERT TO rempart_portals WITH CHECK (person_ref = (SELECT accounts.my_person()));
CREATE POLICY removed ON rights.code_secret FOR DELETE TO rempart_portals USING (person_ref = (SELECT accounts.my_person()));
GRANT SELECT, INSERT, DELETE ON rights.code_secret TO rempart_portals;
GRANT SELECT ON rights.code_secret TO rempart_gateway;

-- Codes tried against one key (which may lead to nobody) and by one account, per Paris day; a right one is given back.
CREATE TABLE rights.code_try (
    target uuid NOT NULL,
    day    date NOT NULL,
    tries  integer NOT NULL,
    PRIMARY KEY (target, day)
);
CREATE TABLE rights.code_caller (
    account_ref bigint NOT NULL,
    day         date NOT NULL,
    tries       integer NOT NULL,
    PRIMARY KEY (account_ref, day)
);
-- A code opens once: the last step used for a person, and by whom.
CREATE TABLE rights.code_used (
    person_ref  bigint PRIMARY KEY,
    step        bigint NOT NULL,
    account_ref bigint NOT NULL
);

-- Takes one try before the code is looked at. 0: look at it; 1: the key has no try left; 2: the account has none.
CREATE FUNCTION rights.take_code_try(wanted uuid, asker bigint, of_day date, a_day integer, a_month integer, of_caller integer)
    RETURNS integer
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine   integer;
    today  integer;
    before bigint;
BEGIN
    INSERT INTO rights.code_caller AS c (account_ref, day, tries) VALUES (asker, of_day, 1)
    ON CONFLICT (account_ref, day) DO UPDATE SET tries = c.tries + 1 RETURNING c.tries INTO mine;
    IF mine > of_caller THEN
        RETURN 2;
    END IF;
    INSERT INTO rights.code_try AS t (target, day, tries) VALUES (wanted, of_day, 1)
    ON CONFLICT (target, day) DO UPDATE SET tries = t.tries + 1 RETURNING t.tries INTO today;
    SELECT COALESCE(sum(LEAST(t.tries, a_day)), 0) INTO before FROM rights.code_try AS t
    WHERE t.target = wanted AND t.day < of_day AND t.day > of_day - 30;
    RETURN CASE WHEN today > a_day OR before + today > a_month THEN 1 ELSE 0 END;
END $$;

-- Uses a step up; false when it, or a later one, was used, unless by the same account.
CREATE FUNCTION rights.use_code(person bigint, at_step bigint, asker bigint) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH kept AS (
        INSERT INTO rights.code_used AS u (person_ref, step, account_ref) VALUES (person, at_step, asker)
        ON CONFLICT (person_ref) DO UPDATE SET step = EXCLUDED.step, account_ref = EXCLUDED.account_ref
        WHERE u.step < EXCLUDED.step OR (u.step = EXCLUDED.step AND u.account_ref = EXCLUDED.account_ref)
        RETURNING 1)
    SELECT EXISTS (SELECT 1 FROM kept)
$$;

-- Policies are the host's: its security sets them.
ALTER TABLE rights.presence_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.presence_policy TO rempart_plane_rights, rempart_plane_accounts, rempart_gateway
    USING (true) WITH CHECK (true);
CREATE POLICY seen ON rights.presence_policy FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY added ON rights.presence_policy FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.secures()) AND set_by = (SELECT accounts.my_actor()));
CREATE POLICY changed ON rights.presence_policy FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures())) WITH CHECK ((SELECT accounts.secures()) AND set_by = (SELECT accounts.my_actor()));
CREATE POLICY removed ON rights.presence_policy FOR DELETE TO rempart_portals USING ((SELECT accounts.secures()));
GRANT SELECT ON rights.presence_policy TO rempart_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON rights.presence_policy TO rempart_plane_accounts;
GRANT SELECT, DELETE ON rights.presence_policy TO rempart_portals;
GRANT INSERT (policy_ref, establishment_ref, account_ref, required, known_faces, typed_persons_per_day, set_by),
    UPDATE (required, known_faces, typed_persons_per_day, set_by, set_at) ON rights.presence_policy TO rempart_portals;
GRANT SELECT, INSERT, UPDATE, DELETE ON rights.typed_day, rights.typed_person, rights.code_try, rights.code_caller,
    rights.code_used TO rempart_gateway;
GRANT EXECUTE ON FUNCTION rights.take_typed, rights.take_code_try, rights.use_code TO rempart_gateway;

-- A reader of Vitale cards that signs what it read.
CREATE TABLE accounts.terminal (
    terminal_ref      bigint PRIMARY KEY,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment ON DELETE CASCADE,
    kid               text NOT NULL UNIQUE,
    jwk               jsonb NOT NULL,
    label             text NOT NULL CHECK (length(label) BETWEEN 1 AND 80),
    registered_by     bigint,   -- NULL: the host's command line
    registered_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at        timestamptz
);
CREATE INDEX terminal_by_establishment ON accounts.terminal (establishment_ref);
GRANT SELECT ON accounts.terminal TO rempart_gateway;
GRANT SELECT, INSERT, UPDATE ON accounts.terminal TO rempart_plane_accounts;
-- What a terminal signs proves presence: whoever could register one would need no card. The host's security registers; an
-- establishment sees its own and stops them.
ALTER TABLE accounts.terminal ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON accounts.terminal TO rempart_plane_accounts, rempart_gateway USING (true) WITH CHECK (true);
CREATE POLICY seen ON accounts.terminal FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR (establishment_ref = (SELECT accounts.my_establishment())
                                           AND (SELECT accounts.my_role()) IN ('holder', 'establishment_manager')));
CREATE POLICY added ON accounts.terminal FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.secures()) AND registered_by = (SELECT accounts.my_actor()));
-- What is revoked stays so.
CREATE POLICY changed ON accounts.terminal FOR UPDATE TO rempart_portals
    USING (revoked_at IS NULL
           AND ((SELECT accounts.secures()) OR (establishment_ref = (SELECT accounts.my_establishment())
                                                AND (SELECT accounts.my_role()) IN ('holder', 'establishment_manager'))))
    WITH CHECK (revoked_at IS NOT NULL);
GRANT SELECT ON accounts.terminal TO rempart_portals;
GRANT INSERT (terminal_ref, establishment_ref, kid, jwk, label, registered_by), UPDATE (revoked_at) ON accounts.terminal
    TO rempart_portals;

-- ---------------------------------------------------------------- offline

-- Numbers lent to an establishment for the day the door is shut: how many, worth how much each, until when.
CREATE TABLE rights.offline_batch (
    batch_ref         bigint PRIMARY KEY,
    establishment_ref bigint NOT NULL,
    account_ref       bigint NOT NULL,
    day               date NOT NULL,
    count             integer NOT NULL CHECK (count > 0),
    amount_cents      integer NOT NULL CHECK (amount_cents > 0),   -- the most one number promises
    issued_ms         bigint NOT NULL,
    expires_ms        bigint NOT NULL CHECK (expires_ms > issued_ms)
);
CREATE INDEX offline_batch_by_day ON rights.offline_batch (establishment_ref, day);

-- What became of a number that came back.
CREATE TABLE rights.offline_engagement (
    batch_ref    bigint NOT NULL REFERENCES rights.offline_batch ON DELETE CASCADE,
    place        integer NOT NULL CHECK (place > 0),
    digest       bytea NOT NULL CHECK (length(digest) = 32),   -- of what was sent: the same again gets the same answer
    reason       text,          -- NULL: accepted
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    log_id       smallint NOT NULL,
    idx          bigint NOT NULL,
    PRIMARY KEY (batch_ref, place)
);

-- Lends numbers within the day's bound; returns how many were lent, 0 when none is left.
CREATE FUNCTION rights.lend_numbers(batch bigint, place bigint, asker bigint, of_day date, wanted integer, a_day integer,
                                    cents integer, now_ms bigint, until_ms bigint) RETURNS integer
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lent integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('offline batch ' || place, 0));
    SELECT COALESCE(sum(b.count), 0) INTO lent FROM rights.offline_batch AS b
    WHERE b.establishment_ref = place AND b.day = of_day;
    lent := LEAST(wanted, a_day - lent);
    IF lent > 0 THEN
        INSERT INTO rights.offline_batch (batch_ref, establishment_ref, account_ref, day, count, amount_cents, issued_ms, expires_ms)
        VALUES (batch, place, asker, of_day, lent, cents, now_ms, until_ms);
    END IF;
    RETURN GREATEST(lent, 0);
END $$;
GRANT SELECT, INSERT ON rights.offline_batch, rights.offline_engagement TO rempart_gateway;
GRANT EXECUTE ON FUNCTION rights.lend_numbers TO rempart_gateway;

-- ---------------------------------------------------------------- how services are

-- What probes found, per hour; and each time a service began or ceased to answer. No row is about anybody.
CREATE TABLE rights.service_hour (
    service  text NOT NULL CHECK (service ~ '^[a-z_]{1,20}$'),
    hour     timestamptz NOT NULL,
    asked    integer NOT NULL CHECK (asked >= 0),
    answered integer NOT NULL CHECK (answered BETWEEN 0 AND asked),
    PRIMARY KEY (service, hour)
);
CREATE TABLE rights.service_change (
    service text NOT NULL CHECK (service ~ '^[a-z_]{1,20}$'),
    at      timestamptz NOT NULL,
    works   boolean NOT NULL,
    PRIMARY KEY (service, at)
);
GRANT SELECT, INSERT, UPDATE ON rights.service_hour TO rempart_portals;
GRANT SELECT, INSERT ON rights.service_change TO rempart_portals;
