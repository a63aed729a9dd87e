-- What insurers' contracts pay, as files that two people approved; what makes a claim wait, or takes it back.
-- Reasons: docs/explanation/claims.md.

-- ---------------------------------------------------------------- benefit tables

-- A file of benefit tables as its insurer sent it (exchange/benefit_file.py): nothing else says what a contract pays. Of tables of one
-- code, the one that began last holds on a day of care, then the one approved last; an approved file is never changed.
CREATE TABLE claims.benefit_file (
    file_ref    bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    content     text NOT NULL CHECK (length(content) BETWEEN 1 AND 1000000),
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'refused', 'withdrawn')),
    proposed_by bigint,                                 -- NULL: at the machine
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_by  bigint,                                 -- NULL: at the machine
    decided_at  timestamptz,
    CHECK ((decided_at IS NULL) = (state = 'proposed')),
    CHECK (state <> 'approved' OR proposed_by IS NULL OR decided_by IS DISTINCT FROM proposed_by)
);
CREATE INDEX benefit_file_of_insurer ON claims.benefit_file (insurer_id, state, decided_at);

-- What amounts depend on of who bills: the tariff agreement and the networks, as they are from a day on. Nobody here: no agreement is
-- known, and no network.
CREATE TABLE claims.standing (
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    since             date NOT NULL,
    optam             boolean,
    circuits          text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (establishment_ref, since)
);

-- What claims outside tiers payant used of the same limits, as insurers tell it.
CREATE TABLE claims.outside_use (
    insurer_id   integer NOT NULL REFERENCES rights.insurer,
    subject      text NOT NULL CHECK (length(subject) BETWEEN 1 AND 64),   -- the insurer's own number of it: the same twice is one
    person_ref   bigint NOT NULL,
    contract_ref bigint NOT NULL,
    name         text NOT NULL,
    since        date NOT NULL,
    mark         text NOT NULL DEFAULT '',
    cents        integer NOT NULL,
    units        smallint NOT NULL,
    day          date NOT NULL,
    PRIMARY KEY (insurer_id, subject)
);
CREATE INDEX outside_use_of_person ON claims.outside_use (person_ref, contract_ref);
-- Insurers name their members in what they tell of it.
GRANT EXECUTE ON FUNCTION claims.find_persons TO rempart_plane_claims;

-- ---------------------------------------------------------------- what makes a claim wait

-- New claims of an establishment wait for somebody: all of them (insurer 0, the operator's doubt), or those of one insurer's members.
CREATE TABLE claims.watch (
    watch_ref         bigint PRIMARY KEY,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    insurer_id        integer NOT NULL,
    reason            text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    placed_by         bigint,
    placed_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by          bigint,
    ended_at          timestamptz
);
CREATE INDEX watch_now ON claims.watch (establishment_ref) WHERE ended_at IS NULL;

-- One claim that waits, or will when its turn comes; and what was decided. Whoever shares claims out carries the decision out.
CREATE TABLE claims.hold (
    hold_ref   bigint PRIMARY KEY,
    claim_ref  bigint NOT NULL REFERENCES claims.claim,
    insurer_id integer NOT NULL,                        -- who decides: the insurer, or 0: the operator
    watch_ref  bigint REFERENCES claims.watch,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    placed_by  bigint,                                  -- NULL: a watch, or what contradicts itself
    placed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    decision   text CHECK (decision IN ('release', 'reject')),
    decided_by bigint,
    decided_at timestamptz,
    why        text NOT NULL DEFAULT '' CHECK (length(why) <= 500),
    carried_at timestamptz,
    CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CHECK (carried_at IS NULL OR decision IS NOT NULL)
);
CREATE UNIQUE INDEX hold_open ON claims.hold (claim_ref, insurer_id) WHERE decision IS NULL;
CREATE INDEX hold_of_claim ON claims.hold (claim_ref);
CREATE INDEX hold_decided ON claims.hold (decided_at) WHERE decision IS NOT NULL AND carried_at IS NULL;

-- ---------------------------------------------------------------- what takes a claim back

CREATE TABLE claims.cancel_request (
    claim_ref   bigint PRIMARY KEY REFERENCES claims.claim,
    account_ref bigint,
    reason      text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    carried_at  timestamptz
);
CREATE INDEX cancel_asked ON claims.cancel_request (asked_at) WHERE carried_at IS NULL;

-- A biller takes a claim back. Says what becomes of it; NULL for another's claim as for none.
CREATE FUNCTION claims.ask_cancel(of_claim bigint, by_establishment bigint, by_account bigint, why text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place   bigint := CASE session_user WHEN 'rempart_portals' THEN accounts.my_establishment() ELSE by_establishment END;
    account bigint := CASE session_user WHEN 'rempart_portals' THEN accounts.my_actor() ELSE by_account END;
    found_state text;
BEGIN
    SELECT c.state INTO found_state FROM claims.claim AS c WHERE c.claim_ref = of_claim AND c.establishment_ref = place;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF found_state IN ('rejected', 'cancelled', 'undone') THEN
        RETURN 'over';
    END IF;
    INSERT INTO claims.cancel_request (claim_ref, account_ref, reason) VALUES (of_claim, account, left(COALESCE(why, ''), 500))
    ON CONFLICT (claim_ref) DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'asked' ELSE 'asked_already' END;
END $$;
REVOKE EXECUTE ON FUNCTION claims.ask_cancel FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.ask_cancel TO rempart_gateway, rempart_portals, rempart_plane_claims;

-- ---------------------------------------------------------------- who sees and writes what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['benefit_file', 'standing', 'outside_use', 'watch', 'hold', 'cancel_request'] LOOP
        EXECUTE format('ALTER TABLE claims.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON claims.%I TO rempart_plane_claims USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON claims.benefit_file, claims.standing, claims.outside_use, claims.watch, claims.hold, claims.cancel_request
    TO rempart_plane_claims;
GRANT UPDATE (state, decided_by, decided_at) ON claims.benefit_file TO rempart_plane_claims;
GRANT UPDATE (ended_by, ended_at) ON claims.watch TO rempart_plane_claims;
GRANT UPDATE (decision, decided_by, decided_at, why, carried_at) ON claims.hold TO rempart_plane_claims;
GRANT UPDATE (carried_at) ON claims.cancel_request TO rempart_plane_claims;
GRANT UPDATE (optam, circuits) ON claims.standing TO rempart_plane_claims;

-- Benefit tables are an insurer's, seen by its agents and by the host; its administrators and managers propose and decide.
CREATE POLICY seen ON claims.benefit_file FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));
CREATE POLICY added ON claims.benefit_file FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.my_role()) IN ('insurer_admin', 'insurer_manager')
                AND insurer_id = (SELECT accounts.my_insurer()) AND proposed_by = (SELECT accounts.my_actor())
                AND state = 'proposed');
CREATE POLICY changed ON claims.benefit_file FOR UPDATE TO rempart_portals
    USING (state = 'proposed' AND (SELECT accounts.my_role()) IN ('insurer_admin', 'insurer_manager')
           AND insurer_id = (SELECT accounts.my_insurer()))
    WITH CHECK (decided_by = (SELECT accounts.my_actor()) AND insurer_id = (SELECT accounts.my_insurer()));
GRANT SELECT ON claims.benefit_file TO rempart_portals;
GRANT INSERT (file_ref, insurer_id, content, note, proposed_by) ON claims.benefit_file TO rempart_portals;
GRANT UPDATE (state, decided_by, decided_at) ON claims.benefit_file TO rempart_portals;

-- What the pages propose is decided by a second person, who stands apart; whoever proposed may withdraw.
CREATE FUNCTION claims.guard_benefits() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    NEW.decided_at := clock_timestamp();
    IF (NEW.state = 'withdrawn') <> (OLD.proposed_by IS NOT DISTINCT FROM NEW.decided_by)
        OR (NEW.state = 'approved' AND OLD.proposed_by IS NOT NULL
            AND NOT accounts.stand_apart(OLD.proposed_by, NEW.decided_by, accounts.my_org(),
                                         '{insurer_admin,insurer_manager}', OLD.proposed_at)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two for a benefit table';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION claims.guard_benefits FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE ON claims.benefit_file FOR EACH ROW EXECUTE FUNCTION claims.guard_benefits();

-- Watches and holds: an insurer's of its members' claims, the host's security of all. Whoever billed reads the finding, not the reason.
CREATE FUNCTION claims.may_hold(whose integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE whose WHEN 0 THEN accounts.secures()
                      ELSE COALESCE(accounts.my_role() IN ('insurer_admin', 'insurer_manager')
                                    AND whose = accounts.my_insurer(), false) END
$$;
REVOKE EXECUTE ON FUNCTION claims.may_hold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.may_hold TO rempart_portals;
-- An insurer holds its members' claims; the host's security, which sees no claim, holds by its number. The pages learn of no other's.
CREATE FUNCTION claims.is_of(of_claim bigint, whose integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (session_user <> 'rempart_portals' OR claims.may_hold(whose))
           AND EXISTS (SELECT FROM claims.claim AS c
                       WHERE c.claim_ref = of_claim AND c.state = 'received' AND whose IN (0, c.insurer_id))
$$;
REVOKE EXECUTE ON FUNCTION claims.is_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.is_of TO rempart_portals;

CREATE POLICY seen ON claims.watch FOR SELECT TO rempart_portals USING (claims.may_hold(insurer_id));
CREATE POLICY added ON claims.watch FOR INSERT TO rempart_portals
    WITH CHECK (claims.may_hold(insurer_id) AND placed_by = (SELECT accounts.my_actor()) AND ended_at IS NULL);
CREATE POLICY changed ON claims.watch FOR UPDATE TO rempart_portals
    USING (claims.may_hold(insurer_id) AND ended_at IS NULL) WITH CHECK (ended_by = (SELECT accounts.my_actor()));
CREATE POLICY seen ON claims.hold FOR SELECT TO rempart_portals USING (claims.may_hold(insurer_id));
CREATE POLICY added ON claims.hold FOR INSERT TO rempart_portals
    WITH CHECK (claims.may_hold(insurer_id) AND placed_by = (SELECT accounts.my_actor()) AND watch_ref IS NULL
                AND claims.is_of(claim_ref, insurer_id));
CREATE POLICY changed ON claims.hold FOR UPDATE TO rempart_portals
    USING (claims.may_hold(insurer_id) AND decision IS NULL) WITH CHECK (decided_by = (SELECT accounts.my_actor()));
GRANT SELECT ON claims.watch, claims.hold TO rempart_portals;
GRANT INSERT (watch_ref, establishment_ref, insurer_id, reason, placed_by) ON claims.watch TO rempart_portals;
GRANT UPDATE (ended_by, ended_at) ON claims.watch TO rempart_portals;
GRANT INSERT (hold_ref, claim_ref, insurer_id, reason, placed_by) ON claims.hold TO rempart_portals;
GRANT UPDATE (decision, decided_by, decided_at, why) ON claims.hold TO rempart_portals;

-- What was known of rights when a claim arrived, and what the answer that promised had shown.
GRANT SELECT (insurer_id, feed_version, state, published_at) ON rights.feed_version TO rempart_settler;
GRANT SELECT (data_version) ON ledger.entry TO rempart_settler;

-- ---------------------------------------------------------------- the job

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('adjudicate_claims', 'routine', '{}', '{rempart_portals,rempart_gateway}');
GRANT USAGE ON SCHEMA jobs TO rempart_gateway;
GRANT EXECUTE ON FUNCTION jobs.enqueue TO rempart_gateway;

-- Quotes read what contracts pay and what amounts depend on of who bills.
CREATE POLICY read_by_gateway ON claims.benefit_file FOR SELECT TO rempart_gateway USING (true);
CREATE POLICY read_by_gateway ON claims.standing FOR SELECT TO rempart_gateway USING (true);
GRANT SELECT (file_ref, insurer_id, content, state, decided_at) ON claims.benefit_file TO rempart_gateway;
GRANT SELECT ON claims.standing TO rempart_gateway;
CREATE POLICY read_by_gateway ON claims.outside_use FOR SELECT TO rempart_gateway USING (true);
GRANT SELECT (person_ref, contract_ref, name, since, mark, cents, units, day) ON claims.outside_use TO rempart_gateway;
