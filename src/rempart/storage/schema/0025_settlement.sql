-- Settlement: what a day's run pays to whom, the files a bank is sent, what it says happened, and what insurers are called for.
-- No act and no person here: money between establishments, insurers and the operator. Reasons: docs/explanation/settlement.md.

-- ---------------------------------------------------------------- runs

-- A day's run: planned, approved by two people, sent. What was approved is what is paid: its remittances are fixed when it is planned.
--   first_at without first_by: the command line, which counts as one person and never as two.
CREATE TABLE claims.run (
    run_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day         date NOT NULL,
    state       text NOT NULL DEFAULT 'planning'
        CHECK (state IN ('planning', 'planned', 'empty', 'approved', 'sending', 'sent', 'refused')),
    planned_to  bigint NOT NULL DEFAULT -1,               -- the last establishment it went through: where a plan is taken up again
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at  timestamptz,
    remittances integer NOT NULL DEFAULT 0 CHECK (remittances >= 0),
    cents       bigint NOT NULL DEFAULT 0 CHECK (cents >= 0),
    first_by    bigint,
    first_at    timestamptz,
    second_by   bigint,
    second_at   timestamptz,
    refused_by  bigint,
    refused_at  timestamptz,
    reason      text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    sent_at     timestamptz,
    CHECK (first_at IS NOT NULL OR (first_by IS NULL AND second_at IS NULL)),
    CHECK (second_at IS NULL OR second_by IS DISTINCT FROM first_by),
    CHECK (state NOT IN ('approved', 'sending', 'sent') OR second_at IS NOT NULL)
);
-- Two operators plan one run, not two.
CREATE UNIQUE INDEX one_run_to_approve ON claims.run ((true)) WHERE state IN ('planning', 'planned');

-- One transfer: all that is due to one establishment, what it owes taken off.
CREATE TABLE claims.remittance (
    remittance_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id            bigint REFERENCES claims.run,        -- NULL: what an establishment paid back by itself
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    cents             bigint NOT NULL CHECK (cents <> 0 AND (cents < 0) = (run_id IS NULL)),
    lines             integer NOT NULL CHECK (lines > 0),
    oldest_on         date NOT NULL,                       -- the first reception among the claims it pays
    -- The account it was planned for: a version of accounts.bank_details. Another one meanwhile, and it is not paid.
    change_ref        bigint,
    last_digits       text NOT NULL DEFAULT '',
    verified          boolean NOT NULL DEFAULT false,      -- its bank said that the name and the account match
    state             text NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'held', 'released', 'sent', 'paid', 'returned', 'refunded')),
    reason            text NOT NULL DEFAULT '' CHECK (length(reason) <= 40),
    file_id           bigint,
    execution_on      date,
    working_days      smallint,                            -- from that reception to the bank's day, in French working days
    paid_on           date,
    returned_on       date,
    return_code       text NOT NULL DEFAULT '' CHECK (return_code ~ '^([A-Z0-9]{4})?$'),
    CHECK ((state IN ('sent', 'paid', 'returned')) = (file_id IS NOT NULL))
);
CREATE INDEX remittance_of_run ON claims.remittance (run_id, state, remittance_id);
CREATE INDEX remittance_of_establishment ON claims.remittance (establishment_ref, remittance_id);
CREATE INDEX remittance_of_file ON claims.remittance (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX remittance_by_execution ON claims.remittance (execution_on) WHERE execution_on IS NOT NULL;
ALTER TABLE claims.due ADD FOREIGN KEY (remittance_id) REFERENCES claims.remittance;

-- What of a remittance is on behalf of one insurer, and whether it was called for. A transfer that came back takes it off again.
CREATE TABLE claims.remittance_share (
    remittance_id bigint NOT NULL REFERENCES claims.remittance,
    insurer_id    integer NOT NULL REFERENCES rights.insurer,
    insurer_name  text NOT NULL,                           -- as they were then: establishments see no table of insurers
    amc_number    text NOT NULL,
    returned      boolean NOT NULL DEFAULT false,
    cents         bigint NOT NULL,
    lines         integer NOT NULL,
    call_id       bigint,
    -- Whether it is owed by the insurer: true once its transfer was sent.
    callable      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (remittance_id, insurer_id, returned)
);
CREATE INDEX share_to_call ON claims.remittance_share (insurer_id) WHERE callable AND call_id IS NULL;
CREATE INDEX share_of_call ON claims.remittance_share (call_id) WHERE call_id IS NOT NULL;

-- What a run leaves for another, and why: owes, too_little, insurer_late, no_account, payee_no_match, returned.
CREATE TABLE claims.carried (
    run_id            bigint NOT NULL REFERENCES claims.run,
    establishment_ref bigint NOT NULL,
    reason            text NOT NULL CHECK (length(reason) BETWEEN 1 AND 40),
    cents             bigint NOT NULL,
    PRIMARY KEY (run_id, establishment_ref, reason)
);

-- What a remittance held before it came back: its lines wait for another one.
CREATE TABLE claims.returned_due (
    remittance_id bigint NOT NULL REFERENCES claims.remittance,
    part_ref      bigint NOT NULL,
    undone        boolean NOT NULL,
    PRIMARY KEY (remittance_id, part_ref, undone)
);

-- An account that transfers came back from: nothing goes there until the establishment has another, or somebody lifts it.
CREATE TABLE claims.payment_hold (
    hold_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    change_ref        bigint NOT NULL,
    remittance_id     bigint NOT NULL REFERENCES claims.remittance,
    return_code       text NOT NULL CHECK (return_code ~ '^[A-Z0-9]{4}$'),
    since             timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_at         timestamptz,
    lifted_by         bigint
);
CREATE INDEX hold_in_force ON claims.payment_hold (establishment_ref) WHERE lifted_at IS NULL;

-- ---------------------------------------------------------------- files to the bank

-- One file of a run (transfers) or of calls for funds (direct debits). Decided before it exists on a disk: taken up again, the same bytes
-- are written under the same name, which a bank takes once.
CREATE TABLE claims.payment_file (
    file_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('transfer', 'debit')),
    run_id       bigint REFERENCES claims.run,
    created_at   timestamptz NOT NULL,
    execution_on date NOT NULL,
    count        integer NOT NULL CHECK (count > 0),
    cents        bigint NOT NULL CHECK (cents > 0),
    digest       bytea CHECK (length(digest) = 32),       -- of the bytes, once they were written
    written_at   timestamptz,
    CHECK ((digest IS NULL) = (written_at IS NULL))
);
CREATE INDEX file_to_write ON claims.payment_file (file_id) WHERE written_at IS NULL;
ALTER TABLE claims.remittance ADD FOREIGN KEY (file_id) REFERENCES claims.payment_file;

-- ---------------------------------------------------------------- insurers' funds

-- How an insurer's funds come. Without a row: advance, called after each run, at the days of the parameter call_due_days.
CREATE TABLE claims.funding (
    insurer_id integer PRIMARY KEY REFERENCES rights.insurer,
    -- advance: professionals are paid whatever the insurer still owes; wait: not while a call is overdue.
    rule       text NOT NULL CHECK (rule IN ('advance', 'wait')),
    due_days   smallint NOT NULL CHECK (due_days BETWEEN 0 AND 90),
    fee_cents  integer NOT NULL DEFAULT 0 CHECK (fee_cents BETWEEN 0 AND 10000),   -- of the operator, for each line paid
    set_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A mandate to collect an insurer's funds by direct debit, business to business. The account is sealed.
CREATE TABLE claims.mandate (
    mandate_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insurer_id   integer NOT NULL REFERENCES rights.insurer,
    reference    text NOT NULL UNIQUE CHECK (reference ~ '^[A-Z0-9-]{1,35}$'),
    signed_on    date NOT NULL,
    sealed_iban  bytea NOT NULL,
    last_digits  text NOT NULL CHECK (last_digits ~ '^[0-9A-Z]{4}$'),
    given_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz
);
CREATE UNIQUE INDEX one_mandate ON claims.mandate (insurer_id) WHERE ended_at IS NULL;

CREATE TABLE claims.call (
    call_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insurer_id     integer NOT NULL REFERENCES rights.insurer,
    cents          bigint NOT NULL CHECK (cents > 0),      -- fees included
    fees_cents     bigint NOT NULL DEFAULT 0 CHECK (fees_cents >= 0),
    called_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_on         date NOT NULL,
    mandate_id     bigint REFERENCES claims.mandate,       -- collected; NULL: the insurer transfers it
    file_id        bigint REFERENCES claims.payment_file,
    received_cents bigint NOT NULL DEFAULT 0,
    received_on    date,                                   -- when the last of it came
    reminders      smallint NOT NULL DEFAULT 0,
    reminded_at    timestamptz
);
CREATE INDEX call_of_insurer ON claims.call (insurer_id, call_id);
CREATE INDEX call_open ON claims.call (due_on) WHERE received_cents < cents;
CREATE INDEX call_of_file ON claims.call (file_id) WHERE file_id IS NOT NULL;
ALTER TABLE claims.remittance_share ADD FOREIGN KEY (call_id) REFERENCES claims.call;

-- ---------------------------------------------------------------- what the bank says

-- A file the bank sent: taken once, whole or not at all.
CREATE TABLE claims.bank_file (
    bank_file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('statement', 'notification')),   -- camt.053, camt.054
    digest       bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    statement_id text NOT NULL CHECK (length(statement_id) BETWEEN 1 AND 35),
    booked_to    date,                                    -- of its closing balance
    opening_cents bigint,
    closing_cents bigint,
    imported_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    lines        integer NOT NULL CHECK (lines >= 0),
    UNIQUE (kind, statement_id)
);
CREATE TABLE claims.bank_line (
    line_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bank_file_id  bigint NOT NULL REFERENCES claims.bank_file,
    position      integer NOT NULL,
    booked_on     date NOT NULL,
    cents         bigint NOT NULL CHECK (cents <> 0),     -- above nought: it came in
    end_to_end    text NOT NULL DEFAULT '' CHECK (length(end_to_end) <= 35),
    bank_ref      text NOT NULL DEFAULT '' CHECK (length(bank_ref) <= 35),
    return_code   text NOT NULL DEFAULT '' CHECK (length(return_code) <= 4),
    -- What it was: paid, returned, funds, funds_returned, repeated (told before), suspense (not explained yet), explained.
    state         text NOT NULL CHECK (state IN ('paid', 'returned', 'funds', 'funds_returned', 'repeated', 'suspense', 'explained')),
    remittance_id bigint REFERENCES claims.remittance,
    call_id       bigint REFERENCES claims.call,
    file_id       bigint REFERENCES claims.payment_file,
    explained_as  text NOT NULL DEFAULT '' CHECK (explained_as IN ('', 'insurer', 'refund', 'fees')),
    insurer_id    integer REFERENCES rights.insurer,
    explained_by  bigint,
    explained_at  timestamptz,
    note          text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    UNIQUE (bank_file_id, position)
);
CREATE INDEX line_in_suspense ON claims.bank_line (booked_on, line_id) WHERE state = 'suspense';
-- A notification and a statement tell the same movement: the bank's own reference says so.
CREATE INDEX line_by_bank_ref ON claims.bank_line (bank_ref) WHERE bank_ref <> '';

-- ---------------------------------------------------------------- two people, from the pages too

-- Roles: those of permission approve_run (a test compares).
CREATE FUNCTION claims.guard_run() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state = 'planned' AND NEW.state = 'refused' THEN
        NEW.refused_at := clock_timestamp();
    END IF;
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF OLD.state = 'planned' AND NEW.state = 'planned' AND OLD.first_at IS NULL AND NEW.first_by = accounts.my_actor() THEN
        NEW.first_at := clock_timestamp();
    ELSIF OLD.state = 'planned' AND NEW.state = 'approved' AND OLD.first_at IS NOT NULL AND NEW.first_by IS NOT DISTINCT FROM OLD.first_by
        AND NEW.second_by = accounts.my_actor()
        AND (OLD.first_by IS NULL OR accounts.stand_apart(
                OLD.first_by, NEW.second_by, accounts.my_org(), '{operator_admin,operator_ops}', OLD.first_at)) THEN
        NEW.first_at := OLD.first_at;
        NEW.second_at := clock_timestamp();
    ELSIF OLD.state = 'planned' AND NEW.state = 'refused' AND NEW.refused_by = accounts.my_actor() THEN
        NEW.first_by := OLD.first_by;
        NEW.second_by := OLD.second_by;
    ELSE
        RAISE insufficient_privilege USING MESSAGE = 'a second person approves what is paid';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION claims.guard_run FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE ON claims.run FOR EACH ROW EXECUTE FUNCTION claims.guard_run();

-- ---------------------------------------------------------------- who sees what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['run', 'remittance', 'remittance_share', 'carried', 'returned_due', 'payment_hold', 'payment_file',
                                'funding', 'mandate', 'call', 'bank_file', 'bank_line'] LOOP
        EXECUTE format('ALTER TABLE claims.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON claims.%I TO rempart_plane_claims USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON claims.%I TO rempart_plane_claims', name);
    END LOOP;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA claims TO rempart_plane_claims;
GRANT UPDATE ON claims.run, claims.remittance, claims.remittance_share, claims.payment_hold, claims.payment_file, claims.funding,
    claims.call, claims.bank_line TO rempart_plane_claims;
GRANT UPDATE (ended_at) ON claims.mandate TO rempart_plane_claims;
GRANT SELECT (change_ref, establishment_ref, sealed_iban, last_digits, state, proposed_by, proposed_at, approved_by, approved_at,
    active_from, ended_at, ended_by, payee_check) ON accounts.bank_details TO rempart_settler;
CREATE POLICY settled ON accounts.bank_details FOR SELECT TO rempart_settler USING (true);

-- The host's agents of permission read_runs (a test compares) see all of it; insurers what is called for, establishments what they were
-- paid, not what is being planned.
DO $$
DECLARE
    name text;
    pays text := '((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN (''operator_admin'', ''operator_ops''))';
    mine text := '(insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]))';
    paid text := '(establishment_ref = (SELECT accounts.my_establishment())'
                 ' AND (SELECT accounts.my_role()) IN (''holder'', ''establishment_manager''))';
BEGIN
    FOREACH name IN ARRAY ARRAY['run', 'carried', 'payment_file', 'bank_file', 'bank_line'] LOOP
        EXECUTE format('CREATE POLICY seen ON claims.%I FOR SELECT TO rempart_portals USING (%s)', name, pays);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['funding', 'mandate', 'call'] LOOP
        EXECUTE format('CREATE POLICY seen ON claims.%I FOR SELECT TO rempart_portals USING (%s OR %s)', name, pays, mine);
    END LOOP;
    EXECUTE format('CREATE POLICY seen ON claims.remittance_share FOR SELECT TO rempart_portals'
                   ' USING (%s OR (%s AND (callable OR returned)) OR ((SELECT accounts.my_establishment()) IS NOT NULL'
                   ' AND remittance_id IN (SELECT r.remittance_id FROM claims.remittance AS r)))', pays, mine);
    EXECUTE format('CREATE POLICY seen ON claims.remittance FOR SELECT TO rempart_portals'
                   ' USING (%s OR (%s AND state IN (''sent'', ''paid'', ''returned'', ''refunded'')))', pays, paid);
    EXECUTE format('CREATE POLICY seen ON claims.payment_hold FOR SELECT TO rempart_portals USING (%s OR %s)', pays, paid);
    EXECUTE format('CREATE POLICY approved ON claims.run FOR UPDATE TO rempart_portals'
                   ' USING (%s AND state = ''planned'') WITH CHECK (%s)', pays, pays);
END $$;
CREATE POLICY seen ON claims.returned_due FOR SELECT TO rempart_portals
    USING ((SELECT accounts.my_establishment()) IS NOT NULL
           AND remittance_id IN (SELECT r.remittance_id FROM claims.remittance AS r));

GRANT SELECT ON claims.run, claims.remittance, claims.remittance_share, claims.carried, claims.returned_due, claims.payment_hold,
    claims.payment_file, claims.funding, claims.call, claims.bank_file, claims.bank_line TO rempart_portals;
GRANT SELECT (mandate_id, insurer_id, reference, signed_on, last_digits, given_at, ended_at) ON claims.mandate TO rempart_portals;
GRANT UPDATE (state, first_by, second_by, refused_by, reason) ON claims.run TO rempart_portals;

-- The gateway tells an establishment's software what it was paid, once it is sent: amounts and its own invoice numbers.
CREATE POLICY told ON claims.remittance FOR SELECT TO rempart_gateway USING (state IN ('sent', 'paid', 'returned', 'refunded'));
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['remittance_share', 'returned_due', 'due', 'part'] LOOP
        EXECUTE format('CREATE POLICY told ON claims.%I FOR SELECT TO rempart_gateway USING (true)', name);
    END LOOP;
END $$;
GRANT SELECT (remittance_id, establishment_ref, cents, lines, execution_on, paid_on, returned_on, return_code, state, last_digits,
    working_days) ON claims.remittance TO rempart_gateway;
GRANT SELECT (remittance_id, insurer_id, insurer_name, amc_number, returned) ON claims.remittance_share TO rempart_gateway;
GRANT SELECT (remittance_id, part_ref, undone) ON claims.returned_due, claims.due TO rempart_gateway;
GRANT SELECT (part_ref, claim_ref, line, rank, insurer_id, cents) ON claims.part TO rempart_gateway;
GRANT SELECT (name) ON accounts.establishment TO rempart_gateway;

-- ---------------------------------------------------------------- jobs

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('plan_settlement', 'routine', '{}', '{rempart_portals}'),
    ('remind_funds', 'routine', '{}', '{}'),
    ('send_payments', 'routine', '{run_id}', '{rempart_portals}');
