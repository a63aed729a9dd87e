-- What the guard keeps of accounts: habits, known faces, addresses, days, rules, events. Reasons: docs/adr/0023-the-guard-in-the-gateway.md.
-- Subjects are references: person_ref of somebody, 63 bits of the lookup key (negative) of nobody. Addresses and software are
-- keyed digests. Every step is one of rempart.guard.Step: 0 none, 1 show presence, 2 presence only, 3 known faces only.

CREATE SCHEMA guard;

-- One account: its habits as the engine writes them, and its figures of the day in clear for the console.
CREATE TABLE guard.account (
    account_ref    bigint PRIMARY KEY,
    profession     text NOT NULL DEFAULT '',
    department     text,                            -- where it works; NULL: not known
    version        bigint NOT NULL DEFAULT 0,       -- one more with every change: a gateway's copy is good while it is the same
    day            integer NOT NULL DEFAULT -1,     -- the day of the figures below
    step           smallint NOT NULL DEFAULT 0 CHECK (step BETWEEN 0 AND 3),
    evidence       double precision NOT NULL DEFAULT 0,
    threshold      double precision NOT NULL DEFAULT 0,
    typed          double precision NOT NULL DEFAULT 0,    -- price of the day's typed new faces
    typed_allowance double precision NOT NULL DEFAULT 0,
    new_faces      integer NOT NULL DEFAULT 0,
    refused        integer NOT NULL DEFAULT 0,
    judged         bigint NOT NULL DEFAULT 0,       -- new faces ever judged: numbers them, in guard.face and guard.event
    habits         bytea,                           -- NULL: lost; the account shows presence until they are rebuilt
    -- What a person decided since the habits were written; whoever reads them next applies it.
    ordered_step   smallint CHECK (ordered_step IN (0, 2, 3)),
    ordered_ms     bigint,
    ordered_keeps_allowance boolean NOT NULL DEFAULT false,
    changed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((ordered_step IS NULL) = (ordered_ms IS NULL))
) WITH (fillfactor = 60, toast_tuple_target = 8160);
-- Rows are rewritten with every new face: uncompressed, in their page, they cost the least.
ALTER TABLE guard.account ALTER COLUMN habits SET STORAGE MAIN;
CREATE INDEX account_by_day ON guard.account (day);
CREATE INDEX account_held ON guard.account (step) WHERE step > 1;
CREATE INDEX account_lost ON guard.account (account_ref) WHERE habits IS NULL;

-- Whom an account was answered about, and what the guard saw of the first time: what a replay needs and the ledger has not.
CREATE TABLE guard.face (
    account_ref bigint NOT NULL,
    subject     bigint NOT NULL,
    day         integer NOT NULL,
    t_ms        bigint NOT NULL,
    place       bigint NOT NULL,     -- guard.account.judged then
    teaches     boolean NOT NULL,    -- whether asking again teaches from where the account works
    department  text,                -- of birth, as it was typed
    PRIMARY KEY (account_ref, subject)
);

-- Who works from an address, and who came from it as a stranger to type.
CREATE TABLE guard.address (
    address     bigint NOT NULL,
    account_ref bigint NOT NULL,
    day         integer NOT NULL,    -- the last on which the account typed a new face from there as a stranger; 0: never
    at_home     boolean NOT NULL,    -- whether it is a usual address of the account
    PRIMARY KEY (address, account_ref)
);
CREATE INDEX address_of_strangers ON guard.address (day) WHERE NOT at_home;

-- The days that are over: what rules are computed from, and the band of an account's picture.
CREATE TABLE guard.account_day (
    account_ref     bigint NOT NULL,
    day             integer NOT NULL,
    profession      text NOT NULL,
    typed           double precision NOT NULL,
    typed_count     integer NOT NULL,
    typed_expected  double precision NOT NULL,
    typed_deviation double precision NOT NULL,
    typed_allowance double precision NOT NULL,
    week            double precision NOT NULL,
    card            double precision NOT NULL,
    card_count      integer NOT NULL,
    card_allowance  double precision NOT NULL,
    refused         integer NOT NULL,
    local_count     integer NOT NULL,
    placed_count    integer NOT NULL,
    missed_count    integer NOT NULL,
    answered_count  integer NOT NULL,
    evidence        double precision NOT NULL,
    card_evidence   double precision NOT NULL,
    active_days     integer NOT NULL,
    suspect         boolean NOT NULL,
    typed_doubted   double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (account_ref, day)
);
CREATE INDEX account_day_by_day ON guard.account_day (day);

-- Every version of the rules; those of a day hold from its midnight until there are newer ones.
CREATE TABLE guard.rules (
    day                integer PRIMARY KEY,
    made_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    account_days       integer NOT NULL,
    width              double precision NOT NULL,
    evidence           double precision NOT NULL,
    card_evidence      double precision NOT NULL,
    false_containments double precision NOT NULL,   -- the budget they were computed for, per 1 000 account-days
    norms              jsonb NOT NULL               -- {profession: {typed, card, local, missed}}
);

-- What mistakes are accepted, each version with who set it and why; the newest holds, from the next rules on.
CREATE TABLE guard.budget (
    budget_ref         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    false_containments double precision NOT NULL CHECK (false_containments >= 0 AND false_containments < 1000),
    days_over          double precision NOT NULL CHECK (days_over > 0 AND days_over < 1),
    reason             text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 200)
);

-- What was refused, and what became of accounts.
CREATE TABLE guard.event (
    event_ref          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    t_ms               bigint NOT NULL,
    account_ref        bigint NOT NULL,
    establishment_ref  bigint,
    client_ref         bigint NOT NULL DEFAULT 0,
    kind               text NOT NULL CHECK (kind IN ('refused', 'contained', 'canary', 'released', 'late')),
    step               smallint NOT NULL,
    presence           boolean NOT NULL DEFAULT false,
    evidence           double precision NOT NULL DEFAULT 0,
    threshold          double precision NOT NULL DEFAULT 0,
    signals            jsonb NOT NULL DEFAULT '[]',   -- [{kind, observed, expected, weight}]
    rules_day          integer NOT NULL DEFAULT -1,
    subject            bigint NOT NULL DEFAULT 0,
    insurer_id         integer NOT NULL DEFAULT 0,
    found              boolean NOT NULL DEFAULT false,
    subject_department text,
    address            bigint NOT NULL DEFAULT 0,
    agent              bigint NOT NULL DEFAULT 0,
    place              bigint NOT NULL DEFAULT 0,     -- guard.account.judged then
    enforced           boolean NOT NULL DEFAULT true  -- false: the guard only watched
);
CREATE INDEX event_by_time ON guard.event (t_ms);
CREATE INDEX event_by_account ON guard.event (account_ref, t_ms);
CREATE INDEX event_to_review ON guard.event (t_ms) WHERE kind <> 'refused';

-- What passed, a minute at a time: no row is about anybody.
CREATE TABLE guard.minute (
    minute_ms  bigint NOT NULL,
    log_id     smallint NOT NULL,
    profession text NOT NULL,
    lookups    integer NOT NULL,
    misses     integer NOT NULL,
    new_faces  integer NOT NULL,
    refused    integer NOT NULL,
    PRIMARY KEY (minute_ms, log_id, profession)
);

-- Planted people: whoever asks for one is held.
CREATE TABLE guard.canary (
    lookup_key   uuid PRIMARY KEY,
    person_ref   bigint,
    insurer_id   integer NOT NULL DEFAULT 0,
    planted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    refreshed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at   timestamptz
);

-- ---------------------------------------------------------------- what is forgotten

-- What stands for whom a key leads to while it leads to nobody: rights/lookup.py, compute_stranger.
CREATE FUNCTION guard.find_stranger(lookup_key uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT -((('x' || left(replace(lookup_key::text, '-', ''), 16))::bit(64)::bigint >> 1) & 9223372036854775807) - 1
$$;
REVOKE EXECUTE ON FUNCTION guard.find_stranger FROM PUBLIC;

-- An answer whose opening is erased made nobody known: the face is new again, and no event names it.
CREATE FUNCTION guard.forget_erased() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone ledger.entry%ROWTYPE;
    whom bigint;
BEGIN
    SELECT e.* INTO gone FROM ledger.entry AS e WHERE e.log_id = NEW.log_id AND e.idx = NEW.idx;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    whom := CASE WHEN gone.kind = 1 THEN gone.person_ref ELSE guard.find_stranger(gone.lookup_key) END;
    DELETE FROM guard.face AS f WHERE f.account_ref = gone.account_ref AND f.subject = whom;
    UPDATE guard.event AS v SET subject = 0, subject_department = NULL
    WHERE v.account_ref = gone.account_ref AND v.subject = whom;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION guard.forget_erased FROM PUBLIC;
CREATE TRIGGER guard_forgets AFTER INSERT ON ledger.erased FOR EACH ROW EXECUTE FUNCTION guard.forget_erased();

-- ---------------------------------------------------------------- what people decide

-- True for the host's agents who may read the guard (permission read_guard; a test compares).
CREATE FUNCTION accounts.guards() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.is_host()
       AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security', 'operator_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.guards FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.guards TO rempart_portals;

-- Holds an account (2, 3) or releases it (0), at once: the next gateway that reads its habits does the same to them. Checks
-- nothing: it is for functions that do. False when there is nothing to do: no such account, or one to release that is not held.
CREATE FUNCTION guard.order_step(account bigint, wanted smallint, at_ms bigint, why text, keeps_allowance boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held guard.account%ROWTYPE;
BEGIN
    SELECT a.* INTO held FROM guard.account AS a WHERE a.account_ref = account FOR UPDATE;
    IF NOT FOUND OR (wanted = 0 AND held.step = 0) THEN
        RETURN false;
    END IF;
    UPDATE guard.account AS a
    SET ordered_step = wanted, ordered_ms = at_ms, ordered_keeps_allowance = keeps_allowance,
        step = CASE WHEN wanted = 0 THEN 0 ELSE GREATEST(a.step, wanted) END,
        version = a.version + 1, changed_at = clock_timestamp()
    WHERE a.account_ref = account;
    INSERT INTO guard.event (t_ms, account_ref, kind, step, evidence, threshold)
    VALUES (at_ms, account, why, CASE WHEN wanted = 0 THEN 0 ELSE GREATEST(held.step, wanted) END, held.evidence, held.threshold);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION guard.order_step FROM PUBLIC;

-- A review cleared the account: it was its owner. For the host's security agents and the command line.
CREATE FUNCTION guard.release_account(account bigint, at_ms bigint, keeps_allowance boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'rempart_portals' AND NOT accounts.secures() THEN
        RAISE insufficient_privilege USING MESSAGE = 'security agents of the host operator release accounts';
    END IF;
    RETURN guard.order_step(account, 0::smallint, at_ms, 'released', keeps_allowance);
END $$;
REVOKE EXECUTE ON FUNCTION guard.release_account FROM PUBLIC;

-- Holds an account for what the guard cannot see in a look-up: no claim that follows, a colleague's doubt.
CREATE FUNCTION guard.hold_account(account bigint, wanted smallint, at_ms bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'rempart_portals' AND NOT accounts.secures() THEN
        RAISE insufficient_privilege USING MESSAGE = 'security agents of the host operator hold accounts';
    END IF;
    IF wanted NOT IN (2, 3) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'an account is held at step 2 or 3';
    END IF;
    RETURN guard.order_step(account, wanted, at_ms, 'late', false);
END $$;
REVOKE EXECUTE ON FUNCTION guard.hold_account FROM PUBLIC;

-- ---------------------------------------------------------------- policies

ALTER TABLE guard.account ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.address ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.account_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.minute ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.canary ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON guard.account TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON guard.address TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON guard.account_day TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON guard.rules TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON guard.event TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON guard.minute TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON guard.canary TO rempart_plane_guard, rempart_plane_accounts USING (true) WITH CHECK (true);
-- The owner of an account sees how far it is held; why is the host's to tell.
CREATE POLICY seen ON guard.account FOR SELECT TO rempart_portals
    USING ((SELECT accounts.guards()) OR account_ref = (SELECT accounts.my_actor()));
CREATE POLICY seen ON guard.address FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));
CREATE POLICY seen ON guard.account_day FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));
CREATE POLICY seen ON guard.rules FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));
CREATE POLICY seen ON guard.event FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));
CREATE POLICY seen ON guard.minute FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));
CREATE POLICY seen ON guard.canary FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));

-- ---------------------------------------------------------------- grants

GRANT USAGE ON SCHEMA guard TO rempart_plane_guard, rempart_plane_accounts, rempart_portals;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA guard TO rempart_plane_guard;
-- Not the habits: nobody but the engine reads them.
GRANT SELECT (account_ref, profession, department, version, day, step, evidence, threshold, typed, typed_allowance, new_faces,
    refused, judged, ordered_step, ordered_ms, changed_at) ON guard.account TO rempart_portals, rempart_plane_accounts;
GRANT SELECT ON guard.address, guard.account_day, guard.rules, guard.event, guard.minute, guard.canary
    TO rempart_portals, rempart_plane_accounts;
GRANT EXECUTE ON FUNCTION guard.release_account, guard.hold_account
    TO rempart_portals, rempart_plane_accounts, rempart_plane_guard;
GRANT EXECUTE ON FUNCTION guard.find_stranger TO rempart_plane_guard;
-- By what an account is compared with others: its profession, and where it works.
GRANT SELECT (profession) ON accounts.professional TO rempart_gateway;
GRANT SELECT (postcode) ON accounts.establishment TO rempart_gateway;

-- ---------------------------------------------------------------- whom to call

-- The public number of a place, as its directory has it: an operator calls there, never at a number the account gives.
ALTER TABLE accounts.establishment ADD COLUMN telephone text CHECK (telephone ~ '^[+]?[0-9][0-9 .]{4,19}$');
