-- What makes the ledger provable by strangers and forgettable by law: acts of the log itself, erased openings,
-- sealed segments, witnesses' cosignatures, timestamps. Format and reasons: docs/reference/ledger-format.md.

-- A segment holds 2^segment_bits leaves: one hash of a tile of level segment_bits / 8. Chosen when the log is begun.
ALTER TABLE ledger.log ADD COLUMN segment_bits smallint NOT NULL DEFAULT 24 CHECK (segment_bits IN (8, 16, 24));

CREATE OR REPLACE FUNCTION ledger.ensure_segment(log smallint, segment bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child text := format('entry_%s_%s', log, segment);
    bits smallint := coalesce((SELECT l.segment_bits FROM ledger.log AS l WHERE l.log_id = ensure_segment.log), 24);
BEGIN
    IF session_user = 'rempart_recorder' AND log <> 0 THEN
        RAISE insufficient_privilege USING MESSAGE = 'the recorder makes segments of log 0 only';
    END IF;
    IF to_regclass('ledger.' || child) IS NULL THEN
        -- Attached, not created as a partition: that would wait for every reader of the ledger.
        EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.entry INCLUDING ALL)', child);
        EXECUTE format(
            'ALTER TABLE ledger.entry ATTACH PARTITION ledger.%I FOR VALUES FROM (%s, %s) TO (%s, %s)',
            child, log, segment << bits, log, (segment + 1) << bits);
    END IF;
END $$;

-- A later key of a log: it signs the sizes above from_size, until the next key's. The first key is the log's own.
CREATE TABLE ledger.log_key (
    log_id    smallint NOT NULL REFERENCES ledger.log,
    from_size bigint NOT NULL,
    vkey      text NOT NULL,
    act_log   smallint NOT NULL,
    act_idx   bigint NOT NULL,
    PRIMARY KEY (log_id, from_size)
);

-- What an act of the log itself says (kinds BULK, LEDGER_READ, ERASE, SEAL, KEY, RECOVERY): canonical JSON that the
-- entry of the same place commits to.
CREATE TABLE ledger.statement (
    log_id smallint NOT NULL,
    idx    bigint NOT NULL,
    kind   smallint NOT NULL,
    body   text NOT NULL,
    PRIMARY KEY (log_id, idx)
);

-- Openings that were erased one by one: each is covered by the ERASE act (act_log, act_idx).
CREATE TABLE ledger.erased (
    log_id  smallint NOT NULL,
    idx     bigint NOT NULL,
    act_log smallint NOT NULL,
    act_idx bigint NOT NULL,
    PRIMARY KEY (log_id, idx)
);

-- Segments that were sealed: their openings are in a file whose rows lead to `root`, a hash of the log's tiles.
--   sealed: in the database and in the file; cold: in the file only; dropped: nowhere (retention), the hashes stay.
CREATE TABLE ledger.segment (
    log_id   smallint NOT NULL,
    segment  bigint NOT NULL,
    state    text NOT NULL CHECK (state IN ('sealed', 'cold', 'dropped')),
    root     bytea NOT NULL CHECK (length(root) = 32),
    first_ms bigint NOT NULL,
    last_ms  bigint NOT NULL CHECK (last_ms >= first_ms),
    -- Names within the segments' store, and SHA-256 of their bytes: the rows by account, and by person.
    by_account_name   text NOT NULL,
    by_account_digest bytea NOT NULL CHECK (length(by_account_digest) = 32),
    by_person_name    text NOT NULL,
    by_person_digest  bytea NOT NULL CHECK (length(by_person_digest) = 32),
    -- The act that says so, and the one that dropped it.
    act_log  smallint NOT NULL,
    act_idx  bigint NOT NULL,
    drop_idx bigint,
    PRIMARY KEY (log_id, segment)
);

-- Witnesses' signatures under kept checkpoints: the line as it stands in the note.
CREATE TABLE ledger.cosignature (
    log_id  smallint NOT NULL,
    size    bigint NOT NULL,
    witness text NOT NULL,
    t_ms    bigint NOT NULL,   -- the time the witness states
    line    text NOT NULL,
    PRIMARY KEY (log_id, size, witness)
);

-- RFC 3161 timestamps of kept checkpoints' notes.
CREATE TABLE ledger.stamp (
    log_id smallint NOT NULL,
    size   bigint NOT NULL,
    t_ms   bigint NOT NULL,
    token  bytea NOT NULL,
    PRIMARY KEY (log_id, size)
);

-- ---------------------------------------------------------------- grants
-- Log 0 holds acts: whoever acts appends to it as the recorder, who may write nothing else of the ledger. The gateways
-- (rempart_plane_ledger) write the other logs, and no act.

GRANT SELECT ON ledger.log_key, ledger.statement, ledger.erased, ledger.segment, ledger.cosignature, ledger.stamp
    TO rempart_plane_ledger, rempart_auditor, rempart_analyst;
GRANT INSERT ON ledger.log_key, ledger.statement, ledger.erased, ledger.segment, ledger.cosignature, ledger.stamp
    TO rempart_plane_ledger;

GRANT USAGE ON SCHEMA ledger TO rempart_recorder;
GRANT SELECT, INSERT ON ledger.log, ledger.head, ledger.entry, ledger.tile, ledger.checkpoint, ledger.edge,
    ledger.insurer_counter, ledger.statement, ledger.log_key TO rempart_recorder;
-- The writer's statement names these two, for the gateway's batches: no policy lets the recorder add a row to them.
GRANT INSERT ON ledger.session, ledger.replay TO rempart_recorder;
GRANT SELECT (session_ref, request_id) ON ledger.replay TO rempart_recorder;
GRANT UPDATE ON ledger.head, ledger.edge, ledger.insurer_counter TO rempart_recorder;
GRANT EXECUTE ON FUNCTION ledger.ensure_segment TO rempart_recorder;

DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['log', 'head', 'tile', 'checkpoint', 'edge', 'insurer_counter', 'statement', 'log_key', 'replay']
    LOOP
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', place);
    END LOOP;
    -- Readers see every row of what they were granted.
    FOREACH place IN ARRAY ARRAY['log', 'head', 'tile', 'checkpoint', 'edge', 'insurer_counter', 'statement', 'log_key']
    LOOP
        EXECUTE format('CREATE POLICY readable ON ledger.%I FOR SELECT TO rempart_plane_ledger, rempart_auditor, '
                       'rempart_analyst, rempart_archivist USING (true)', place);
    END LOOP;
    FOREACH place IN ARRAY ARRAY['log', 'head', 'checkpoint', 'tile', 'edge']
    LOOP
        EXECUTE format('CREATE POLICY seen ON ledger.%I FOR SELECT TO rempart_portals USING (true)', place);
    END LOOP;
    FOREACH place IN ARRAY ARRAY['log', 'head', 'entry', 'tile', 'checkpoint', 'edge', 'insurer_counter', 'statement']
    LOOP
        EXECUTE format('CREATE POLICY acts ON ledger.%I TO rempart_recorder USING (log_id = 0) WITH CHECK (log_id = 0)', place);
    END LOOP;
    FOREACH place IN ARRAY ARRAY['log', 'head', 'entry', 'tile', 'checkpoint', 'edge', 'insurer_counter']
    LOOP
        EXECUTE format('CREATE POLICY gateways_add ON ledger.%I FOR INSERT TO rempart_plane_ledger WITH CHECK (log_id <> 0)', place);
    END LOOP;
    FOREACH place IN ARRAY ARRAY['head', 'edge', 'insurer_counter']
    LOOP
        EXECUTE format('CREATE POLICY gateways_move ON ledger.%I FOR UPDATE TO rempart_plane_ledger USING (log_id <> 0)', place);
    END LOOP;
END $$;
-- A key is changed by a KEY act, and by nobody else.
CREATE POLICY acts ON ledger.log_key FOR INSERT TO rempart_recorder WITH CHECK (act_log = 0);
CREATE POLICY seen_by_recorder ON ledger.log_key FOR SELECT TO rempart_recorder USING (log_id = 0);
CREATE POLICY for_everybody ON ledger.replay TO rempart_plane_ledger, rempart_auditor, rempart_analyst
    USING (true) WITH CHECK (true);
CREATE POLICY nothing ON ledger.session FOR INSERT TO rempart_recorder WITH CHECK (false);
CREATE POLICY nothing ON ledger.replay TO rempart_recorder USING (false) WITH CHECK (false);
-- Entries: policies of 0004 let whoever writes the ledger write all of it.
ALTER POLICY for_everybody ON ledger.entry TO rempart_auditor, rempart_analyst;
CREATE POLICY readable ON ledger.entry FOR SELECT TO rempart_plane_ledger, rempart_archivist USING (true);

-- ---------------------------------------------------------------- segments and erasure

-- Operational: the last number of accounts whose last entry may have left the database, with its segment or by erasure.
CREATE TABLE ledger.account_counter (
    log_id      smallint NOT NULL,
    account_ref bigint NOT NULL,
    last        bigint NOT NULL,
    PRIMARY KEY (log_id, account_ref)
);

-- What an act of the acts log states, if its entry commits to it. Whatever removes an opening starts from here: without
-- the act, nothing goes.
CREATE FUNCTION ledger.read_act(act bigint, wanted smallint) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said     text;
    digest   bytea;
    promised bytea;
BEGIN
    SELECT s.body, uuid_send(e.lookup_key) || int8send(e.data_version) INTO said, promised
    FROM ledger.entry AS e
    JOIN ledger.statement AS s ON s.log_id = e.log_id AND s.idx = e.idx AND s.kind = e.kind
    JOIN ledger.head AS h ON h.log_id = e.log_id AND e.idx < h.size
    WHERE e.log_id = 0 AND e.idx = act AND e.kind = wanted;
    digest := sha256('rempart act v1'::bytea || '\x00'::bytea || set_byte('\x00'::bytea, 0, wanted)
                     || convert_to(said, 'UTF8'));
    IF said IS NULL OR substring(digest FOR 24) IS DISTINCT FROM promised THEN
        RAISE insufficient_privilege USING MESSAGE = 'the acts log holds no such act: record it first';
    END IF;
    RETURN said::jsonb;
END $$;

-- Write down that a segment is sealed, as its SEAL act states; or that its files were rewritten without some openings.
CREATE FUNCTION ledger.save_segment(act bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := ledger.read_act(act, 6::smallint);
    log  smallint := (said->>'log')::smallint;
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM ledger.log AS l
        WHERE l.log_id = log AND (said->>'leaves')::bigint = 1::bigint << l.segment_bits
          AND ((said->>'segment')::bigint + 1) << l.segment_bits
              <= (SELECT max(c.size) FROM ledger.checkpoint AS c WHERE c.log_id = log)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the segment is not complete under a checkpoint';
    END IF;
    INSERT INTO ledger.segment AS kept (log_id, segment, state, root, first_ms, last_ms, by_account_name,
        by_account_digest, by_person_name, by_person_digest, act_log, act_idx)
    VALUES (log, (said->>'segment')::bigint, 'sealed', decode(said->>'root', 'hex'), (said->>'first_ms')::bigint,
        (said->>'last_ms')::bigint, said->'by_account'->>'name', decode(said->'by_account'->>'sha256', 'hex'),
        said->'by_person'->>'name', decode(said->'by_person'->>'sha256', 'hex'), 0, act)
    ON CONFLICT (log_id, segment) DO UPDATE
    SET by_account_name = excluded.by_account_name, by_account_digest = excluded.by_account_digest,
        by_person_name = excluded.by_person_name, by_person_digest = excluded.by_person_digest,
        act_idx = excluded.act_idx
    WHERE kept.state <> 'dropped' AND kept.root = excluded.root AND kept.act_idx < excluded.act_idx;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'the segment is dropped, has another root, or was sealed since';
    END IF;
END $$;

-- Take a segment's rows out of the database, remembering the accounts' numbers. Not for itself: see cool_segment, drop_segment.
CREATE FUNCTION ledger.detach_segment(log smallint, number bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child text := format('entry_%s_%s', log, number);
BEGIN
    IF to_regclass('ledger.' || child) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'INSERT INTO ledger.account_counter AS known (log_id, account_ref, last)'
        ' SELECT log_id, account_ref, max(acct_seq) FROM ledger.%I WHERE account_ref <> 0 GROUP BY log_id, account_ref'
        ' ON CONFLICT (log_id, account_ref) DO UPDATE SET last = greatest(known.last, excluded.last)', child);
    -- Both wait for whoever is using the parent, and everybody waits behind them: the caller sets lock_timeout.
    EXECUTE format('ALTER TABLE ledger.entry DETACH PARTITION ledger.%I', child);
    EXECUTE format('DROP TABLE ledger.%I', child);
END $$;

-- A sealed segment's openings leave the database; they stay in its files.
CREATE FUNCTION ledger.cool_segment(log smallint, number bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    row_  ledger.segment;
    said  jsonb;
BEGIN
    -- Not while somebody audits: what they read first must be true until they end. The caller sets lock_timeout.
    LOCK TABLE ledger.segment IN ACCESS EXCLUSIVE MODE;
    SELECT * INTO row_ FROM ledger.segment AS s
    WHERE s.log_id = log AND s.segment = number AND s.state = 'sealed' AND log <> 0 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'the segment is not sealed: seal it first';
    END IF;
    said := ledger.read_act(row_.act_idx, 6::smallint);
    IF ((said->>'log')::smallint, (said->>'segment')::bigint, said->>'root', said->'by_account'->>'sha256',
        said->'by_person'->>'sha256') IS DISTINCT FROM
       (log, number, encode(row_.root, 'hex'), encode(row_.by_account_digest, 'hex'), encode(row_.by_person_digest, 'hex'))
    THEN
        RAISE insufficient_privilege USING MESSAGE = 'the act of the segment states something else';
    END IF;
    UPDATE ledger.segment AS s SET state = 'cold' WHERE s.log_id = log AND s.segment = number;
    PERFORM ledger.detach_segment(log, number);
END $$;

-- Retention: a whole segment goes, as its ERASE act states, with the facts of the sessions opened in it. The files are the
-- caller's to delete, afterwards.
CREATE FUNCTION ledger.drop_segment(act bigint, sessions bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := ledger.read_act(act, 5::smallint);
    log  smallint := (said->>'log')::smallint;
    gone ledger.segment;
BEGIN
    -- Not while somebody audits: what they read first must be true until they end. The caller sets lock_timeout.
    LOCK TABLE ledger.segment IN ACCESS EXCLUSIVE MODE;
    UPDATE ledger.segment AS s SET state = 'dropped', drop_idx = act
    WHERE s.log_id = log AND s.segment = (said->>'segment')::bigint AND s.state <> 'dropped' AND log <> 0
    RETURNING * INTO gone;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'the act names no segment that is sealed and not dropped';
    END IF;
    PERFORM retention.check_expires(gone.first_ms, gone.last_ms);
    DELETE FROM ledger.session AS s
    WHERE s.session_ref = ANY (sessions) AND s.opened_ms <= gone.last_ms AND NOT EXISTS (
        SELECT 1 FROM ledger.entry AS e
        WHERE e.session_ref = s.session_ref AND e.kind = 9
          AND NOT (e.log_id = gone.log_id AND e.t_ms BETWEEN gone.first_ms AND gone.last_ms));
    PERFORM ledger.detach_segment(log, gone.segment);
END $$;

-- Single openings go, as their ERASE act states: these and no others, answers only, never of the unfinished last tile, and
-- not before the files that held them were rewritten and sealed again.
CREATE FUNCTION ledger.erase_openings(act bigint, indexes bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := ledger.read_act(act, 5::smallint);
    log  smallint := (said->>'log')::smallint;
BEGIN
    -- Not while somebody audits: what they read first must be true until they end. The caller sets lock_timeout.
    LOCK TABLE ledger.segment IN ACCESS EXCLUSIVE MODE;
    IF said->>'digest' IS DISTINCT FROM
           (SELECT encode(sha256(string_agg(int8send(i), ''::bytea ORDER BY i)), 'hex') FROM unnest(indexes) AS i)
       OR (said->>'count')::bigint IS DISTINCT FROM (SELECT count(DISTINCT i) FROM unnest(indexes) AS i)
       OR jsonb_array_length(said->'signers') <> 2 OR said->'signers'->0 = said->'signers'->1 THEN
        RAISE insufficient_privilege USING MESSAGE = 'the act of two people does not state these openings';
    END IF;
    IF EXISTS (SELECT 1 FROM unnest(indexes) AS i
               WHERE i >= (SELECT max(c.size) FROM ledger.checkpoint AS c WHERE c.log_id = log) / 256 * 256) THEN
        RAISE insufficient_privilege USING MESSAGE = 'an opening of the unfinished last tile cannot be erased yet';
    END IF;
    PERFORM retention.check_expires(e.t_ms, e.t_ms) FROM ledger.entry AS e WHERE e.log_id = log AND e.idx = ANY (indexes);
    IF EXISTS (SELECT 1 FROM unnest(indexes) AS i JOIN ledger.log AS l ON l.log_id = log
               JOIN ledger.segment AS s ON s.log_id = log AND s.segment = i >> l.segment_bits
               WHERE s.state = 'dropped' OR s.act_idx < act) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a file still holds one of these openings: rewrite and seal it first';
    END IF;
    IF log = 0 OR EXISTS (SELECT 1 FROM ledger.entry AS e
                          WHERE e.log_id = log AND e.idx = ANY (indexes) AND e.kind NOT IN (1, 2)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'only answers are erased one by one: not sessions, not acts';
    END IF;
    INSERT INTO ledger.erased (log_id, idx, act_log, act_idx) SELECT log, i, 0, act FROM unnest(indexes) AS i;
    INSERT INTO ledger.account_counter AS known (log_id, account_ref, last)
    SELECT e.log_id, e.account_ref, max(e.acct_seq) FROM ledger.entry AS e
    WHERE e.log_id = log AND e.idx = ANY (indexes) AND e.account_ref <> 0 GROUP BY e.log_id, e.account_ref
    ON CONFLICT (log_id, account_ref) DO UPDATE SET last = greatest(known.last, excluded.last);
    DELETE FROM ledger.entry AS e WHERE e.log_id = log AND e.idx = ANY (indexes);
END $$;

-- Requests to erase single openings: one operator asks, another approves, `rempart ledger erase run` carries out.
CREATE TABLE accounts.erasure_request (
    request_ref bigint PRIMARY KEY,
    log_id      smallint NOT NULL CHECK (log_id > 0),
    indexes     bigint[] NOT NULL CHECK (cardinality(indexes) BETWEEN 1 AND 200000),
    ground      text NOT NULL CHECK (ground IN ('objection', 'unlawful', 'court', 'error')),
    case_number text NOT NULL CHECK (length(case_number) BETWEEN 1 AND 80),
    state       text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'approved', 'refused', 'done')),
    asked_by    bigint NOT NULL REFERENCES accounts.actor,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_by  bigint REFERENCES accounts.actor,
    decided_at  timestamptz,
    act_idx     bigint,   -- in the acts log, once it is recorded
    CHECK ((state = 'asked') = (decided_by IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL))
);
CREATE INDEX erasure_request_by_state ON accounts.erasure_request (state, asked_at);
ALTER TABLE accounts.erasure_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY host ON accounts.erasure_request FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_dpo'));
CREATE POLICY ask ON accounts.erasure_request FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_dpo')
                AND asked_by = (SELECT accounts.my_actor()));
CREATE POLICY decide ON accounts.erasure_request FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_dpo'))
    WITH CHECK (decided_by = (SELECT accounts.my_actor()));
CREATE POLICY carry_out ON accounts.erasure_request TO rempart_archivist USING (true);

-- The pages are held to two people; time is the database's.
CREATE FUNCTION accounts.guard_erasure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF OLD.state <> 'asked' OR NEW.state NOT IN ('approved', 'refused')
        OR (NEW.state = 'approved' AND NOT accounts.stand_apart(
                OLD.asked_by, NEW.decided_by, accounts.my_org(), '{operator_admin,operator_dpo}', OLD.asked_at)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a second person approves an erasure';
    END IF;
    NEW.decided_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON accounts.erasure_request FOR EACH ROW EXECUTE FUNCTION accounts.guard_erasure();

GRANT SELECT ON accounts.erasure_request TO rempart_portals, rempart_archivist;
GRANT INSERT (request_ref, log_id, indexes, ground, case_number, asked_by) ON accounts.erasure_request TO rempart_portals;
GRANT UPDATE (state, decided_by) ON accounts.erasure_request TO rempart_portals;
GRANT UPDATE (state, act_idx) ON accounts.erasure_request TO rempart_archivist;

-- The archivist reads the ledger; what it changes, the functions above change for it.
GRANT USAGE ON SCHEMA ledger, accounts TO rempart_archivist;
GRANT SELECT ON ledger.log, ledger.head, ledger.entry, ledger.tile, ledger.checkpoint, ledger.statement, ledger.erased,
    ledger.segment, ledger.account_counter TO rempart_archivist;
GRANT SELECT ON ledger.account_counter TO rempart_plane_ledger, rempart_auditor, rempart_recorder;
GRANT EXECUTE ON FUNCTION ledger.save_segment, ledger.cool_segment, ledger.drop_segment, ledger.erase_openings
    TO rempart_archivist;
-- Segments and erasures are written by those functions, and by nobody else.
REVOKE INSERT ON ledger.erased, ledger.segment FROM rempart_plane_ledger;

-- ---------------------------------------------------------------- publishing and witnesses

-- A witness's refusal that accuses the log. Nothing removes it: a fork stays a fork.
--   fork: what we signed does not continue what the witness cosigned; rollback: the witness has seen more than we have.
CREATE TABLE ledger.witness_alarm (
    log_id       smallint NOT NULL,
    witness      text NOT NULL,
    size         bigint NOT NULL,   -- of the checkpoint that was refused
    reason       text NOT NULL CHECK (reason IN ('fork', 'rollback')),
    witness_size bigint NOT NULL,   -- what the witness was believed, or said, to have
    t_ms         bigint NOT NULL,
    note         text NOT NULL,
    PRIMARY KEY (log_id, witness, size, reason)
);

GRANT SELECT ON ledger.witness_alarm TO rempart_plane_ledger, rempart_auditor, rempart_analyst;
-- Anybody may see hashes and signatures: the pages publish them. No right on entries comes with it.
GRANT SELECT ON ledger.tile, ledger.edge, ledger.log_key, ledger.cosignature, ledger.stamp, ledger.witness_alarm
    TO rempart_portals;
-- Whoever asks witnesses and timestamps: the same hashes to read, what they answered to write.
GRANT USAGE ON SCHEMA ledger TO rempart_cosigner;
GRANT SELECT ON ledger.log, ledger.log_key, ledger.checkpoint, ledger.tile, ledger.edge, ledger.cosignature, ledger.stamp,
    ledger.witness_alarm TO rempart_cosigner;
GRANT INSERT ON ledger.cosignature, ledger.stamp, ledger.witness_alarm TO rempart_cosigner;
REVOKE INSERT ON ledger.cosignature, ledger.stamp FROM rempart_plane_ledger;
CREATE POLICY seen ON ledger.log_key FOR SELECT TO rempart_portals USING (true);
DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['log', 'log_key', 'checkpoint', 'tile', 'edge']
    LOOP
        EXECUTE format('CREATE POLICY published ON ledger.%I FOR SELECT TO rempart_cosigner USING (true)', place);
    END LOOP;
END $$;
