-- The claims plane: what was billed, what each pays of it, which limits it used, and the journal of the money.
-- No identity here: a claim names its person by reference. Acts are health data: an establishment sees those it billed, an insurer
-- those of its members, a member their own; the host sees sums, never acts. Reasons: docs/explanation/claims.md.

-- ---------------------------------------------------------------- what was billed

-- Claims sent together. A lot that was cut short is sent again: what it brought already is not taken twice.
CREATE TABLE claims.lot (
    lot_ref           bigint PRIMARY KEY,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    account_ref       bigint NOT NULL,
    channel           text NOT NULL CHECK (channel IN ('json', 'fhir', 'b2')),
    number            text NOT NULL CHECK (length(number) <= 64),   -- the biller's own
    digest            bytea NOT NULL CHECK (length(digest) = 32),   -- keyed, of the bytes received
    state             text NOT NULL DEFAULT 'receiving' CHECK (state IN ('receiving', 'received', 'refused')),
    claims            integer NOT NULL DEFAULT 0 CHECK (claims >= 0),     -- taken
    refused           integer NOT NULL DEFAULT 0 CHECK (refused >= 0),    -- could not be read
    -- What could not be read, and where: [{"at", "field", "rule"}], never a value.
    findings          jsonb NOT NULL DEFAULT '[]',
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (establishment_ref, digest)
);
CREATE INDEX lot_by_date ON claims.lot (establishment_ref, received_at);

CREATE TABLE claims.claim (
    claim_ref         bigint PRIMARY KEY,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    account_ref       bigint NOT NULL,
    client_ref        bigint NOT NULL DEFAULT 0,                   -- the software; 0: the pages
    lot_ref           bigint REFERENCES claims.lot,
    channel           text NOT NULL CHECK (channel IN ('json', 'fhir', 'b2')),
    invoice           text NOT NULL CHECK (length(invoice) BETWEEN 1 AND 64),   -- the biller's own number
    -- Keyed, of establishment, invoice, person and lines: the same claim twice is one claim.
    digest            bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    person_ref        bigint NOT NULL,                             -- 0: the identifiers lead to nobody
    insurer_id        integer NOT NULL,                            -- 0: none
    born              text NOT NULL CHECK (born ~ '^[0-9]{8}$'),   -- limits depend on age
    in_pathway        boolean NOT NULL DEFAULT true,
    engagement_log    smallint,
    engagement_idx    bigint,
    pec_number        text CHECK (length(pec_number) <= 64),
    first_care_on     date NOT NULL,
    last_care_on      date NOT NULL,
    billed_cents      bigint NOT NULL CHECK (billed_cents >= 0),
    -- The claim it takes the place of: rectified, it is cancelled and billed again.
    replaces          bigint REFERENCES claims.claim,
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    state             text NOT NULL DEFAULT 'received' CHECK (state IN (
        'received', 'held', 'rejected', 'adjudicated', 'remitted', 'paid', 'cancelled', 'undone')),
    state_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The result; NULL until adjudicated. Sums of its lines.
    amo_cents         bigint CHECK (amo_cents >= 0),
    amc_cents         bigint CHECK (amc_cents >= 0),
    reste_a_charge_cents         bigint CHECK (reste_a_charge_cents >= 0),
    -- What its controls said: [{"line", "rule", "until"}] (claims/controls.py).
    findings          jsonb NOT NULL DEFAULT '[]',
    CHECK ((engagement_log IS NULL) = (engagement_idx IS NULL)),
    CHECK (first_care_on <= last_care_on)
);
-- The work that waits, oldest first.
CREATE INDEX claim_to_adjudicate ON claims.claim (received_at, claim_ref) WHERE state = 'received';
CREATE INDEX claim_of_establishment ON claims.claim (establishment_ref, received_at, claim_ref);
CREATE INDEX claim_of_insurer ON claims.claim (insurer_id, received_at, claim_ref);
CREATE INDEX claim_of_person ON claims.claim (person_ref, first_care_on);
CREATE INDEX claim_of_account ON claims.claim (account_ref, received_at);
CREATE INDEX claim_of_invoice ON claims.claim (establishment_ref, invoice);
CREATE INDEX claim_of_lot ON claims.claim (lot_ref) WHERE lot_ref IS NOT NULL;
CREATE INDEX claim_replacing ON claims.claim (replaces) WHERE replaces IS NOT NULL;

-- One act billed; columns as in claims/claim.py. Results are NULL until adjudicated, and stay NULL on a line that is rejected.
CREATE TABLE claims.line (
    claim_ref       bigint NOT NULL REFERENCES claims.claim,
    number          smallint NOT NULL CHECK (number > 0),
    act             text NOT NULL,
    care_on         date NOT NULL,
    quantity        smallint NOT NULL CHECK (quantity > 0),
    billed_cents    integer NOT NULL CHECK (billed_cents BETWEEN 0 AND 100000000),
    base_cents      integer CHECK (base_cents BETWEEN 0 AND 100000000),
    given_amo_cents integer CHECK (given_amo_cents BETWEEN 0 AND billed_cents),
    asked_amc_cents integer CHECK (asked_amc_cents >= 0),
    basket          text,
    equipment       text CHECK (length(equipment) <= 16),
    correction      text,
    exoneration     text,
    early_renewal   boolean NOT NULL DEFAULT false,
    amo_cents       integer CHECK (amo_cents >= 0),
    amc_cents       integer CHECK (amc_cents >= 0),
    reste_a_charge_cents       integer CHECK (reste_a_charge_cents >= 0),
    -- Why compulsory insurance pays what it pays: steps of claims/steps.py.
    steps           jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (claim_ref, number),
    CHECK (amo_cents + amc_cents + reste_a_charge_cents = billed_cents)
);

-- What one contract pays of one line: what is owed, remitted and explained.
CREATE TABLE claims.part (
    part_ref     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim_ref    bigint NOT NULL,
    line         smallint NOT NULL,
    rank         smallint NOT NULL CHECK (rank > 0),   -- the order contracts pay in
    insurer_id   integer NOT NULL,
    contract_ref bigint NOT NULL,
    table_code   text NOT NULL,
    cents        integer NOT NULL CHECK (cents >= 0),
    -- The row that decided, as its contract says it; empty when none fits.
    benefit      text NOT NULL DEFAULT '',
    steps        jsonb NOT NULL DEFAULT '[]',
    UNIQUE (claim_ref, line, rank),
    FOREIGN KEY (claim_ref, line) REFERENCES claims.line
);

-- What a line used of a limit, or of a levy of compulsory insurance (contract_ref 0). What a counter holds is the sum of its uses
-- that were not undone.
CREATE TABLE claims.use (
    claim_ref    bigint NOT NULL,
    line         smallint NOT NULL,
    person_ref   bigint NOT NULL,
    contract_ref bigint NOT NULL,
    name         text NOT NULL,
    since        date NOT NULL,
    mark         text NOT NULL,
    cents        integer NOT NULL,
    units        smallint NOT NULL,
    day          date NOT NULL,
    undone       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (claim_ref, line, contract_ref, name, since, mark),
    FOREIGN KEY (claim_ref, line) REFERENCES claims.line
);
CREATE INDEX use_of_person ON claims.use (person_ref, contract_ref) WHERE NOT undone;

-- A promise is kept once: the claim that used the engagement an entry of the ledger recorded.
CREATE TABLE claims.engagement_use (
    log_id    smallint NOT NULL,
    idx       bigint NOT NULL,
    claim_ref bigint NOT NULL REFERENCES claims.claim,
    used_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, idx)
);

-- Each step of a claim's life (claims/states.py), for whoever asks what happened and when.
CREATE TABLE claims.claim_event (
    claim_ref bigint NOT NULL REFERENCES claims.claim,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    event     text NOT NULL CHECK (event IN ('hold', 'adjudicate', 'reject', 'remit', 'confirm', 'return', 'cancel')),
    state     text NOT NULL,
    actor_ref bigint,                                   -- NULL: nobody, it was due
    reason    text NOT NULL DEFAULT '' CHECK (length(reason) <= 500)
);
CREATE INDEX claim_event_of_claim ON claims.claim_event (claim_ref, at);

-- ---------------------------------------------------------------- money

-- The journal: every entry takes from one account what it gives to another, so that it balances whatever is written. Append-only: what
-- was wrong is undone by another entry. Kinds and events: settlement/journal.py. An event happens once to its subject.
CREATE TABLE claims.journal (
    entry_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event        text NOT NULL,
    subject      bigint NOT NULL,
    debit_kind   text NOT NULL,
    debit_owner  bigint NOT NULL,
    credit_kind  text NOT NULL,
    credit_owner bigint NOT NULL,
    cents        bigint NOT NULL CHECK (cents > 0),
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (event, subject),
    CHECK ((debit_kind, debit_owner) <> (credit_kind, credit_owner))
);
CREATE INDEX journal_by_debit ON claims.journal (debit_kind, debit_owner) INCLUDE (cents);
CREATE INDEX journal_by_credit ON claims.journal (credit_kind, credit_owner) INCLUDE (cents);

-- What waits to be paid or, below nought, to be taken back. In one remittance, or in none.
CREATE TABLE claims.due (
    part_ref          bigint NOT NULL REFERENCES claims.part,
    undone            boolean NOT NULL,
    establishment_ref bigint NOT NULL,
    insurer_id        integer NOT NULL,
    cents             integer NOT NULL,
    since             date NOT NULL,
    remittance_id     bigint,
    PRIMARY KEY (part_ref, undone),
    CHECK (cents <> 0 AND (cents < 0) = undone)
);
CREATE INDEX due_waiting ON claims.due (establishment_ref, since) WHERE remittance_id IS NULL;
CREATE INDEX due_of_remittance ON claims.due (remittance_id) WHERE remittance_id IS NOT NULL;

-- ---------------------------------------------------------------- who sees what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['lot', 'claim', 'line', 'part', 'use', 'engagement_use', 'claim_event', 'journal', 'due'] LOOP
        EXECUTE format('ALTER TABLE claims.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON claims.%I TO rempart_plane_claims USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['lot', 'claim', 'line'] LOOP
        EXECUTE format('CREATE POLICY taken ON claims.%I TO rempart_gateway USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

CREATE POLICY seen ON claims.lot FOR SELECT TO rempart_portals
    USING (establishment_ref = (SELECT accounts.my_establishment()));
CREATE POLICY seen ON claims.claim FOR SELECT TO rempart_portals
    USING (establishment_ref = (SELECT accounts.my_establishment())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR person_ref = (SELECT accounts.my_person()));
-- What belongs to a claim is seen by whoever sees the claim.
CREATE POLICY seen ON claims.line FOR SELECT TO rempart_portals
    USING ((SELECT accounts.my_actor()) IS NOT NULL AND claim_ref IN (SELECT c.claim_ref FROM claims.claim AS c));
CREATE POLICY seen ON claims.part FOR SELECT TO rempart_portals
    USING ((SELECT accounts.my_actor()) IS NOT NULL AND claim_ref IN (SELECT c.claim_ref FROM claims.claim AS c));
CREATE POLICY seen ON claims.claim_event FOR SELECT TO rempart_portals
    USING ((SELECT accounts.my_actor()) IS NOT NULL AND claim_ref IN (SELECT c.claim_ref FROM claims.claim AS c));
CREATE POLICY seen ON claims.due FOR SELECT TO rempart_portals
    USING (establishment_ref = (SELECT accounts.my_establishment())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));

-- Whom billed identifiers lead to, in the order of their keys: members, and those who left since, because care of the last days is
-- billed after. 0: nobody, or somebody planted. Says nothing of rights; the same work is done whoever it is.
CREATE FUNCTION claims.find_persons(keys uuid[]) RETURNS TABLE ("position" bigint, person_ref bigint, insurer_id integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT asked."position", COALESCE(known.person_ref, 0), COALESCE(known.insurer_id, 0)
    FROM unnest(keys) WITH ORDINALITY AS asked (lookup_key, "position")
    LEFT JOIN rights.lookup AS member ON member.lookup_key = asked.lookup_key
    LEFT JOIN identity.person_key AS ever ON ever.person_key = asked.lookup_key
    LEFT JOIN guard.canary AS planted ON planted.lookup_key = asked.lookup_key
    LEFT JOIN LATERAL (
        SELECT c.person_ref, c.insurer_id FROM rights.coverage AS c
        WHERE c.person_ref = COALESCE(member.person_ref, ever.person_ref, 0) LIMIT 1) AS present ON true
    LEFT JOIN LATERAL (
        SELECT p.person_ref, p.insurer_id FROM rights.past_coverage AS p
        WHERE p.person_ref = COALESCE(member.person_ref, ever.person_ref, 0) LIMIT 1) AS past ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN planted.lookup_key IS NULL THEN COALESCE(present.person_ref, past.person_ref) END AS person_ref,
               CASE WHEN planted.lookup_key IS NULL THEN COALESCE(present.insurer_id, past.insurer_id) END AS insurer_id) AS known
    ORDER BY asked."position"
$$;
REVOKE EXECUTE ON FUNCTION claims.find_persons FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.find_persons TO rempart_gateway;

-- Work waits: whoever takes claims in says so. Nothing is lost when nobody does, the job also runs by itself.
CREATE FUNCTION claims.call_adjudication() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM jobs.kind AS k WHERE k.name = 'adjudicate_claims' AND session_user = ANY (k.asked_by)) THEN
        PERFORM jobs.enqueue('adjudicate_claims', '{}');
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION claims.call_adjudication FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.call_adjudication TO rempart_gateway;

-- Sums for the host, which sees no act: one row a day, insurer and state.
CREATE FUNCTION claims.count_claims(since date)
    RETURNS TABLE (day date, insurer_id integer, state text, claims bigint, billed_cents bigint, amc_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (c.received_at AT TIME ZONE 'Europe/Paris')::date, c.insurer_id, c.state, count(*),
           sum(c.billed_cents)::bigint, COALESCE(sum(c.amc_cents), 0)::bigint
    FROM claims.claim AS c
    WHERE c.received_at >= since AND (session_user <> 'rempart_portals' OR accounts.is_host())
    GROUP BY 1, 2, 3
$$;
REVOKE EXECUTE ON FUNCTION claims.count_claims FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.count_claims TO rempart_portals, rempart_plane_claims;

-- Who billed, told to who sees a claim of theirs without being there: the member, and the agents of the member's insurer.
CREATE FUNCTION claims.name_billers(refs bigint[])
    RETURNS TABLE (establishment_ref bigint, name text, city text, finess text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.establishment_ref, e.name, e.city, COALESCE(e.finess, '')
    FROM accounts.establishment AS e
    WHERE e.establishment_ref = ANY (refs)
      AND (EXISTS (SELECT FROM claims.claim AS c WHERE c.person_ref = (SELECT accounts.my_person())
                                                   AND c.establishment_ref = e.establishment_ref)
           OR EXISTS (SELECT FROM claims.claim AS c WHERE c.establishment_ref = e.establishment_ref
                                                      AND c.insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])))
$$;
REVOKE EXECUTE ON FUNCTION claims.name_billers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.name_billers TO rempart_portals;

GRANT SELECT, INSERT ON claims.lot, claims.claim, claims.line, claims.part, claims.use, claims.engagement_use, claims.claim_event,
    claims.journal, claims.due TO rempart_plane_claims;
GRANT UPDATE ON claims.lot TO rempart_plane_claims;
GRANT UPDATE (state, state_at, amo_cents, amc_cents, reste_a_charge_cents, findings) ON claims.claim TO rempart_plane_claims;
GRANT UPDATE (amo_cents, amc_cents, reste_a_charge_cents, steps) ON claims.line TO rempart_plane_claims;
GRANT UPDATE (undone) ON claims.use TO rempart_plane_claims;
GRANT UPDATE (remittance_id) ON claims.due TO rempart_plane_claims;
GRANT DELETE ON claims.engagement_use TO rempart_plane_claims;   -- given back when its claim is cancelled
GRANT USAGE ON ALL SEQUENCES IN SCHEMA claims TO rempart_plane_claims;

-- The gateway takes claims in and tells their biller where they are.
GRANT USAGE ON SCHEMA claims TO rempart_gateway, rempart_portals;
GRANT SELECT, INSERT ON claims.lot, claims.claim, claims.line TO rempart_gateway;
GRANT UPDATE (state, claims, refused, findings) ON claims.lot TO rempart_gateway;
GRANT SELECT ON claims.lot, claims.claim, claims.line, claims.part, claims.due TO rempart_portals;
GRANT SELECT (claim_ref, at, event, state, reason) ON claims.claim_event TO rempart_portals;

-- Whoever shares claims out and pays them: a login of its own. It reads rights and places, nothing of identity; of the ledger, the
-- entries that promised.
GRANT USAGE ON SCHEMA rights, accounts, ledger TO rempart_settler;
GRANT SELECT ON rights.insurer, rights.terms, rights.coverage, rights.past_coverage TO rempart_settler;
GRANT SELECT (establishment_ref, finess, siret, name, postcode, city) ON accounts.establishment TO rempart_settler;
GRANT SELECT (account_ref, rpps, profession, establishment_ref) ON accounts.professional TO rempart_settler;
GRANT SELECT (log_id, idx, kind, t_ms, account_ref, person_ref, insurer_id, domain, care_day, outcome) ON ledger.entry
    TO rempart_settler;
CREATE POLICY settled ON accounts.establishment FOR SELECT TO rempart_settler USING (true);
CREATE POLICY settled ON accounts.professional FOR SELECT TO rempart_settler USING (true);
CREATE POLICY settled ON rights.insurer FOR SELECT TO rempart_settler USING (true);
CREATE POLICY settled ON ledger.entry FOR SELECT TO rempart_settler USING (true);

-- Whoever answers for an incident: that a claim followed a look-up says who asked. No act, no amount.
GRANT USAGE ON SCHEMA claims TO rempart_analyst;
GRANT SELECT (establishment_ref, person_ref, received_at, state) ON claims.claim TO rempart_analyst;
CREATE POLICY witnessed ON claims.claim FOR SELECT TO rempart_analyst USING (true);
