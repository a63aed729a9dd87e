-- Prises en charge: what was promised of acts not billed yet. A promise is written with the entry of the ledger that tells it, in one
-- transaction, and named by it: its number is an engagement number. Reasons: docs/explanation/claims.md.

CREATE TABLE claims.pec (
    log_id            smallint NOT NULL,
    idx               bigint NOT NULL,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    account_ref       bigint NOT NULL,
    person_ref        bigint NOT NULL,
    insurer_id        integer NOT NULL,
    contract_ref      bigint NOT NULL,
    domain            text NOT NULL,
    care_on           date NOT NULL,
    state             text NOT NULL CHECK (state IN ('agreed', 'refused', 'replaced', 'cancelled', 'used', 'expired')),
    state_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_on        date NOT NULL,                   -- last day, included, on which its care may be given
    billed_cents      bigint NOT NULL CHECK (billed_cents >= 0),
    amo_cents         bigint NOT NULL CHECK (amo_cents >= 0),
    amc_cents         bigint NOT NULL CHECK (amc_cents >= 0),
    -- Acts and amounts, line by line: [{"number", "act", "quantity", "billed", "amo", "amc"}], cents.
    lines             jsonb NOT NULL,
    -- What it keeps of limits while it holds: [{"name", "since", "mark", "cents", "units", "day"}].
    uses              jsonb NOT NULL,
    -- The promise it takes the place of; the claim that was paid on it.
    replaces_log      smallint,
    replaces_idx      bigint,
    claim_ref         bigint REFERENCES claims.claim,
    PRIMARY KEY (log_id, idx),
    FOREIGN KEY (replaces_log, replaces_idx) REFERENCES claims.pec,
    CHECK (amo_cents + amc_cents <= billed_cents),
    CHECK ((claim_ref IS NOT NULL) = (state = 'used'))
);
CREATE INDEX pec_of_establishment ON claims.pec (establishment_ref, asked_at);
CREATE INDEX pec_of_person ON claims.pec (person_ref) WHERE state = 'agreed';
CREATE INDEX pec_of_insurer ON claims.pec (insurer_id, asked_at);
CREATE INDEX pec_to_expire ON claims.pec (expires_on) WHERE state = 'agreed';

ALTER TABLE claims.pec ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON claims.pec TO rempart_plane_claims, rempart_gateway USING (true) WITH CHECK (true);
CREATE POLICY read_by_gateway ON claims.use FOR SELECT TO rempart_gateway USING (true);
CREATE POLICY seen ON claims.pec FOR SELECT TO rempart_portals
    USING (establishment_ref = (SELECT accounts.my_establishment())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR person_ref = (SELECT accounts.my_person()));

GRANT SELECT, INSERT ON claims.pec TO rempart_plane_claims, rempart_gateway;
GRANT UPDATE (state, state_at) ON claims.pec TO rempart_gateway;
GRANT UPDATE (state, state_at, claim_ref) ON claims.pec TO rempart_plane_claims;
GRANT SELECT ON claims.pec TO rempart_portals;
-- A quote reads what was used of limits.
GRANT SELECT (person_ref, contract_ref, name, since, mark, cents, units, day, undone) ON claims.use TO rempart_gateway;
