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

GRANT SELECT ON ledger.log_key, ledger.statement, ledger.erased, ledger.segment, ledger.cosignature, ledger.stamp
    TO rempart_plane_ledger, rempart_auditor, rempart_analyst;
GRANT INSERT ON ledger.log_key, ledger.statement, ledger.erased, ledger.segment, ledger.cosignature, ledger.stamp
    TO rempart_plane_ledger;
