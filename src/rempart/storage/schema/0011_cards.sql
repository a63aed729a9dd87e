-- Cards: which were issued, which still count, what printed them; keys of presence, batches, orders, signed documents.
-- A card's number (serial) tells nothing of its secret, and its secret is in no column: rights.card_print is sealed.

-- The public side of the keys that sign cards. Days on which each may issue; a revoked key's cards count no more.
CREATE TABLE rights.card_signing_key (
    key_id     bytea PRIMARY KEY CHECK (length(key_id) = 4),
    public_key bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
    from_on    date NOT NULL,
    to_on      date NOT NULL CHECK (to_on >= from_on),
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);

-- What verifiers take along (docs/reference/card-format.md), as it was signed. Nothing of it is secret.
CREATE TABLE rights.card_document (
    kind         text NOT NULL CHECK (kind IN ('keys', 'revocations', 'domains')),
    number       integer NOT NULL CHECK (number > 0),
    issued_on    date NOT NULL,
    body         text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, number)
);

-- One order to issue: an insurer's cards of a year, or the orders that wait. Resumed until finished.
CREATE TABLE rights.card_run (
    run_ref     bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    kind        text NOT NULL CHECK (kind IN ('yearly', 'orders')),
    year        smallint NOT NULL,
    batch_size  integer NOT NULL CHECK (batch_size > 0),
    contracts   bigint NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX one_run_at_a_time ON rights.card_run (insurer_id) WHERE finished_at IS NULL;

-- What a run has still to do: each contract with its beneficiaries and the line that covers each. Emptied batch by batch.
CREATE TABLE rights.card_work (
    run_ref      bigint NOT NULL REFERENCES rights.card_run,
    contract_ref bigint NOT NULL,
    person_ref   bigint NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    terms_id     bigint NOT NULL,
    PRIMARY KEY (run_ref, contract_ref, person_ref)
);

-- Cards made in one transaction, printed in one file. Unprinted: made, and the file is still to be written.
CREATE TABLE rights.card_batch (
    batch_ref   bigint PRIMARY KEY,
    run_ref     bigint NOT NULL REFERENCES rights.card_run,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    number      integer NOT NULL CHECK (number > 0),
    cards       integer NOT NULL,
    pages       integer NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    printed_at  timestamptz,
    file_digest bytea CHECK (length(file_digest) = 32),
    UNIQUE (run_ref, number)
);
CREATE INDEX card_batch_by_insurer ON rights.card_batch (insurer_id, made_at);

CREATE TABLE rights.card (
    serial         bytea PRIMARY KEY CHECK (length(serial) = 10),
    insurer_id     integer NOT NULL REFERENCES rights.insurer,
    contract_ref   bigint NOT NULL,
    holder_ref     bigint NOT NULL,
    year           smallint NOT NULL,
    part           smallint NOT NULL DEFAULT 0,   -- of a contract with more people than one card holds
    beneficiaries  smallint NOT NULL CHECK (beneficiaries > 0),
    key_id         bytea NOT NULL REFERENCES rights.card_signing_key,
    issued_on      date NOT NULL,
    valid_from     date NOT NULL,
    valid_to       date NOT NULL CHECK (valid_to >= valid_from),
    purpose        text NOT NULL
        CHECK (purpose IN ('yearly', 'new', 'lost', 'name_change', 'separation', 'reissue')),
    large_print    boolean NOT NULL,
    replaces       bytea,
    batch_ref      bigint NOT NULL REFERENCES rights.card_batch,
    page           integer NOT NULL CHECK (page > 0),
    revoked_at     timestamptz,
    revoked_reason text CHECK (revoked_reason IN ('lost', 'stolen', 'name_change', 'separation', 'reissued', 'ended', 'mistake')),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
-- None twice, whatever is killed and run again.
CREATE UNIQUE INDEX one_card_in_force ON rights.card (contract_ref, holder_ref, year, part) WHERE revoked_at IS NULL;
CREATE INDEX card_by_holder ON rights.card (holder_ref);
CREATE INDEX card_by_insurer ON rights.card (insurer_id, issued_on, serial);
CREATE INDEX card_by_batch ON rights.card (batch_ref, page);
CREATE INDEX card_by_end ON rights.card (valid_to);

-- What it takes to print or show a card again, sealed: symbol, names, address. Its holder's only.
CREATE TABLE rights.card_print (
    serial     bytea PRIMARY KEY REFERENCES rights.card,
    person_ref bigint NOT NULL,   -- the holder
    sealed     bytea NOT NULL
);

-- Every key of presence that a card ever had. Those of cards in force, of members, are in rights.lookup too.
CREATE TABLE rights.card_key (
    presence_key uuid PRIMARY KEY,
    serial       bytea NOT NULL REFERENCES rights.card,
    person_ref   bigint NOT NULL,
    place        smallint NOT NULL CHECK (place BETWEEN 1 AND 15)
);
CREATE INDEX card_key_by_serial ON rights.card_key (serial);
CREATE INDEX card_key_by_person ON rights.card_key (person_ref);

-- Contracts whose adults each have their own card: who is on whose. A child may be on two.
CREATE TABLE rights.card_attachment (
    contract_ref bigint NOT NULL,
    holder_ref   bigint NOT NULL,
    person_ref   bigint NOT NULL,
    insurer_id   integer NOT NULL REFERENCES rights.insurer,
    PRIMARY KEY (contract_ref, holder_ref, person_ref)
);

-- Who wants large print, from the day they asked.
CREATE TABLE rights.card_large_print (
    person_ref bigint PRIMARY KEY,
    insurer_id integer NOT NULL
);

-- A card somebody asked for; made by the next run of orders.
CREATE TABLE rights.card_order (
    order_ref   bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    person_ref  bigint NOT NULL,   -- whose card it will be
    serial      bytea REFERENCES rights.card,
    purpose     text NOT NULL CHECK (purpose IN ('new', 'lost', 'name_change', 'separation', 'reissue')),
    large_print boolean NOT NULL DEFAULT false,
    asked_by    bigint,            -- the account; NULL at the command line
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at     timestamptz,
    outcome     text CHECK (outcome IN ('made', 'not_covered')),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX one_order_waits ON rights.card_order (person_ref) WHERE done_at IS NULL;
CREATE INDEX card_order_by_insurer ON rights.card_order (insurer_id, asked_at);

-- ---------------------------------------------------------------- a card stops counting

-- Revokes a card and takes its keys out of the gateway's reach; rights.card_key keeps them. Of the visitor's own card, or
-- of a card of the insurer they manage; a process that works for everybody may revoke any. False: none in force is theirs.
CREATE FUNCTION rights.revoke_card(which bytea, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE rights.card AS c SET revoked_at = clock_timestamp(), revoked_reason = why
    WHERE c.serial = which AND c.revoked_at IS NULL
      AND (session_user <> 'rempart_portals'
           OR (accounts.my_role() = 'member' AND c.holder_ref = accounts.my_person()
               AND c.insurer_id = accounts.my_insurer() AND why IN ('lost', 'stolen'))
           OR (accounts.my_role() IN ('insurer_admin', 'insurer_manager') AND c.insurer_id = ANY (accounts.my_insurers())));
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM rights.lookup AS l USING rights.card_key AS k
    WHERE k.serial = which AND l.lookup_key = k.presence_key AND l.person_ref = k.person_ref;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION rights.revoke_card FROM PUBLIC;

-- ---------------------------------------------------------------- a child of two parents

-- What the insurer of a card may do with it: its agents who manage cards, and processes that work for everybody.
CREATE FUNCTION rights.manages_card(of_insurer integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT session_user <> 'rempart_portals'
        OR COALESCE(accounts.my_role() IN ('insurer_admin', 'insurer_manager')
                    AND of_insurer = ANY (accounts.my_insurers()), false)
$$;
REVOKE EXECUTE ON FUNCTION rights.manages_card FROM PUBLIC;

-- Puts the child on a line of a card on the card of another adult of the same contract too, from its next edition on. Says
-- what came of it; nothing of whom it is about. Both cards must count and be the asker's to manage.
CREATE FUNCTION rights.share_child(of_card bytea, line smallint, with_card bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    giving rights.card;
    taking rights.card;
    child  bigint;
BEGIN
    SELECT c.* INTO giving FROM rights.card AS c
    WHERE c.serial = of_card AND c.revoked_at IS NULL AND rights.manages_card(c.insurer_id);
    SELECT c.* INTO taking FROM rights.card AS c
    WHERE c.serial = with_card AND c.revoked_at IS NULL AND rights.manages_card(c.insurer_id);
    IF giving.serial IS NULL OR taking.serial IS NULL THEN
        RETURN 'unknown';
    END IF;
    IF giving.contract_ref <> taking.contract_ref OR giving.holder_ref = taking.holder_ref THEN
        RETURN 'apart';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('cards of a contract', giving.contract_ref));
    IF (SELECT count(DISTINCT a.holder_ref) FROM rights.card_attachment AS a
        WHERE a.contract_ref = giving.contract_ref AND a.holder_ref IN (giving.holder_ref, taking.holder_ref)) < 2 THEN
        RETURN 'together';
    END IF;
    SELECT k.person_ref INTO child FROM rights.card_key AS k WHERE k.serial = of_card AND k.place = line;
    IF child IS NULL THEN
        RETURN 'no_line';
    END IF;
    IF EXISTS (SELECT 1 FROM rights.card_attachment AS a
               WHERE a.contract_ref = giving.contract_ref AND a.holder_ref = child) THEN
        RETURN 'adult';
    END IF;
    -- Whoever no line attaches is on the first adult's card: said here, so that they stay on it.
    INSERT INTO rights.card_attachment (contract_ref, holder_ref, person_ref, insurer_id)
    VALUES (giving.contract_ref, giving.holder_ref, child, giving.insurer_id) ON CONFLICT DO NOTHING;
    INSERT INTO rights.card_attachment (contract_ref, holder_ref, person_ref, insurer_id)
    VALUES (taking.contract_ref, taking.holder_ref, child, taking.insurer_id) ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'done' ELSE 'already' END;
END $$;
REVOKE EXECUTE ON FUNCTION rights.share_child FROM PUBLIC;

-- Takes the child on a line of a card off it; its code for the child opens nothing from now on. Not off the last card.
CREATE FUNCTION rights.unshare_child(of_card bytea, line smallint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine  rights.card;
    child bigint;
BEGIN
    SELECT c.* INTO mine FROM rights.card AS c
    WHERE c.serial = of_card AND c.revoked_at IS NULL AND rights.manages_card(c.insurer_id);
    IF mine.serial IS NULL THEN
        RETURN 'unknown';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('cards of a contract', mine.contract_ref));
    SELECT k.person_ref INTO child FROM rights.card_key AS k WHERE k.serial = of_card AND k.place = line;
    IF child IS NULL THEN
        RETURN 'no_line';
    END IF;
    IF child = mine.holder_ref OR EXISTS (SELECT 1 FROM rights.card_attachment AS a
                                          WHERE a.contract_ref = mine.contract_ref AND a.holder_ref = child) THEN
        RETURN 'adult';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM rights.card_attachment AS a
                   WHERE a.contract_ref = mine.contract_ref AND a.person_ref = child AND a.holder_ref <> mine.holder_ref) THEN
        RETURN 'last';
    END IF;
    DELETE FROM rights.card_attachment AS a
    WHERE a.contract_ref = mine.contract_ref AND a.holder_ref = mine.holder_ref AND a.person_ref = child;
    IF NOT FOUND THEN
        RETURN 'already';
    END IF;
    DELETE FROM rights.lookup AS l USING rights.card_key AS k JOIN rights.card AS c USING (serial)
    WHERE c.contract_ref = mine.contract_ref AND c.holder_ref = mine.holder_ref
      AND k.person_ref = child AND l.lookup_key = k.presence_key AND l.person_ref = child;
    RETURN 'done';
END $$;
REVOKE EXECUTE ON FUNCTION rights.unshare_child FROM PUBLIC;

-- ---------------------------------------------------------------- grants and policies

GRANT SELECT, INSERT, UPDATE, DELETE ON rights.card_signing_key, rights.card_document, rights.card_run, rights.card_work,
    rights.card_batch, rights.card, rights.card_print, rights.card_key, rights.card_attachment, rights.card_large_print,
    rights.card_order TO rempart_plane_rights;
GRANT EXECUTE ON FUNCTION rights.revoke_card, rights.share_child, rights.unshare_child TO rempart_plane_rights, rempart_portals;
GRANT SELECT ON rights.card_signing_key, rights.card_document TO rempart_portals, rempart_gateway;
GRANT SELECT ON rights.card_run, rights.card_batch, rights.card, rights.card_print, rights.card_order TO rempart_portals;
-- When an order was given is for the database to say.
GRANT INSERT (order_ref, insurer_id, person_ref, serial, purpose, large_print, asked_by) ON rights.card_order TO rempart_portals;
GRANT SELECT ON rights.card_key TO rempart_analyst;

DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY['card_run', 'card_batch', 'card', 'card_print', 'card_order']
    LOOP
        EXECUTE format('ALTER TABLE rights.%I ENABLE ROW LEVEL SECURITY', called);
        EXECUTE format('CREATE POLICY for_everybody ON rights.%I TO rempart_plane_rights USING (true) WITH CHECK (true)', called);
    END LOOP;
END $$;

-- Figures of issuing: the insurer's people, and the host who runs it. Cards: their holder and their insurer. What prints a
-- card: its holder, nobody else.
CREATE POLICY seen ON rights.card_run FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));
CREATE POLICY seen ON rights.card_batch FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]));
CREATE POLICY seen ON rights.card FOR SELECT TO rempart_portals
    USING (insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR (holder_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())));
CREATE POLICY seen ON rights.card_print FOR SELECT TO rempart_portals
    USING (person_ref = (SELECT accounts.my_person()));
CREATE POLICY seen ON rights.card_order FOR SELECT TO rempart_portals
    USING (insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())));
-- A member orders for themselves; an insurer for the holder of one of its cards.
CREATE POLICY added ON rights.card_order FOR INSERT TO rempart_portals
    WITH CHECK (asked_by = (SELECT accounts.my_actor()) AND (
        ((SELECT accounts.my_role()) = 'member' AND person_ref = (SELECT accounts.my_person())
         AND insurer_id = (SELECT accounts.my_insurer()) AND purpose IN ('new', 'lost')
         AND (serial IS NULL OR EXISTS (SELECT 1 FROM rights.card AS c
                                        WHERE c.serial = card_order.serial AND c.holder_ref = card_order.person_ref)))
        OR ((SELECT accounts.my_role()) IN ('insurer_admin', 'insurer_manager')
            AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
            AND EXISTS (SELECT 1 FROM rights.card AS c
                        WHERE c.serial = card_order.serial AND c.holder_ref = card_order.person_ref
                          AND c.insurer_id = card_order.insurer_id))));
