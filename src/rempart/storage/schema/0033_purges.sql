-- What was purged, said before it is done. A backup brings back what was erased after it was made, so each record is also
-- written outside the database before anything is deleted, and is carried out again on a base that is older than the journal.
-- Reasons: docs/adr/0044-backups.md.

CREATE TABLE retention.purge (
    number       bigint PRIMARY KEY CHECK (number > 0),    -- contiguous
    kind         text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    body         text,                -- canonical JSON: references; none any more when no backup is older than the record
    said_ms      bigint NOT NULL,
    previous     bytea NOT NULL CHECK (octet_length(previous) = 32),
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    journaled_at timestamptz,         -- it is durable outside
    applied_at   timestamptz,
    CHECK (applied_at IS NULL OR journaled_at IS NOT NULL),
    CHECK (body IS NOT NULL OR applied_at IS NOT NULL)
);
CREATE INDEX purge_waiting ON retention.purge (number) WHERE applied_at IS NULL;
ALTER TABLE retention.purge ENABLE ROW LEVEL SECURITY;

-- When this base was restored, from what, and what was done to it before it opened.
CREATE TABLE retention.restoration (
    restored_at  timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    backup       text NOT NULL CHECK (length(backup) BETWEEN 1 AND 80),
    made_at      timestamptz NOT NULL,
    purges_from  bigint NOT NULL,      -- the last purge the backup knew
    purges_to    bigint NOT NULL,      -- the last one that was carried out again
    report       jsonb NOT NULL,
    -- Transfers ordered after the backup are unknown here: no run goes on before somebody compared with the bank's statements.
    payments_compared_at timestamptz,
    payments_reason      text CHECK (length(payments_reason) BETWEEN 1 AND 200),
    CHECK ((payments_compared_at IS NULL) = (payments_reason IS NULL))
);
ALTER TABLE retention.restoration ENABLE ROW LEVEL SECURITY;

-- What is known here of the store of backups: pages cannot read it. Written by whoever makes, checks, tries and removes them.
CREATE TABLE retention.backup (
    backup      text PRIMARY KEY CHECK (length(backup) BETWEEN 1 AND 80),
    made_at     timestamptz NOT NULL,
    bytes       bigint NOT NULL CHECK (bytes >= 0),
    program     text NOT NULL CHECK (length(program) <= 80),
    purge       bigint NOT NULL,        -- the last purge it knows: those after it are carried out again when it is restored
    kept_until  date NOT NULL,
    verified_at timestamptz,            -- its files were read whole and are as written
    tried_at    timestamptz,            -- it was restored beside everything
    tried_s     integer CHECK (tried_s >= 0),
    tried_purges bigint CHECK (tried_purges >= 0),
    removed_at  timestamptz,
    CHECK (num_nonnulls(tried_at, tried_s, tried_purges) IN (0, 3))
);
ALTER TABLE retention.backup ENABLE ROW LEVEL SECURITY;

-- How far purges go here, for the host's pages.
CREATE FUNCTION retention.read_last_purge() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(max(p.number), 0) FROM retention.purge AS p WHERE accounts.is_host()
$$;
REVOKE EXECUTE ON FUNCTION retention.read_last_purge FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.read_last_purge TO rempart_portals;

-- The digest of a record, as retention/purges.py computes it.
CREATE FUNCTION retention.digest_purge(previous bytea, number bigint, said_ms bigint, kind text, body text) RETURNS bytea
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256('\x72656d7061727420707572676520763100'::bytea || previous || int8send(number) || int8send(said_ms)
                  || convert_to(kind || E'\n' || body, 'UTF8'))
$$;

-- Say a purge: number and chain are the database's. One at a time until the caller commits.
CREATE FUNCTION retention.say_purge(what text, whom text) RETURNS SETOF retention.purge
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last   retention.purge;
    before bytea;
    at_ms  bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
BEGIN
    LOCK TABLE retention.purge IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO last FROM retention.purge AS p ORDER BY p.number DESC LIMIT 1;
    before := coalesce(last.digest, '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea);
    RETURN QUERY INSERT INTO retention.purge (number, kind, body, said_ms, previous, digest)
    VALUES (coalesce(last.number, 0) + 1, what, whom, at_ms, before,
            retention.digest_purge(before, coalesce(last.number, 0) + 1, at_ms, what, whom))
    RETURNING *;
END $$;

-- A record is durable outside, and so are all before it.
CREATE FUNCTION retention.mark_journaled(which bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention.purge AS p WHERE p.number < which AND p.journaled_at IS NULL) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a purge before this one is not in the journal: write that one first';
    END IF;
    UPDATE retention.purge AS p SET journaled_at = coalesce(p.journaled_at, clock_timestamp()) WHERE p.number = which;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'nobody said this purge';
    END IF;
END $$;

-- What deletes calls this first: nothing goes before its record is outside.
CREATE FUNCTION retention.check_journaled(which bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM retention.purge AS p WHERE p.number = which AND p.journaled_at IS NOT NULL) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the purge is not in the journal yet: a backup would bring back what it erases';
    END IF;
END $$;

-- A purge was carried out, in the transaction that did it.
CREATE FUNCTION retention.mark_applied(which bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM retention.check_journaled(which);
    UPDATE retention.purge AS p SET applied_at = coalesce(p.applied_at, clock_timestamp()) WHERE p.number = which;
END $$;

-- On a base that was restored: a record of the journal that it does not know. For the owner only.
CREATE FUNCTION retention.take_up_purge(which bigint, what text, whom text, at_ms bigint, before bytea) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last retention.purge;
BEGIN
    LOCK TABLE retention.purge IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO last FROM retention.purge AS p ORDER BY p.number DESC LIMIT 1;
    IF (coalesce(last.number, 0) + 1,
        coalesce(last.digest, '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea))
       IS DISTINCT FROM (which, before) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the journal of purges does not continue that of this base';
    END IF;
    INSERT INTO retention.purge (number, kind, body, said_ms, previous, digest, journaled_at)
    VALUES (which, what, whom, at_ms, before, retention.digest_purge(before, which, at_ms, what, whom), clock_timestamp());
    -- The run it was of is lost: no later one takes its number, or a certificate would speak of both.
    IF what = 'fields' THEN
        PERFORM setval('retention.run_run_id_seq', greatest((whom::json->>'run')::bigint, (SELECT last_value FROM retention.run_run_id_seq)));
    END IF;
END $$;

-- No backup that is kept is older than these records: which references they held is forgotten.
CREATE FUNCTION retention.forget_purges(up_to bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    UPDATE retention.purge AS p SET body = NULL
    WHERE p.number <= up_to AND p.body IS NOT NULL AND p.applied_at IS NOT NULL;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- Whether a base that was restored, closed to everybody, is being brought to where it was: what goes now had gone, so no hold that
-- came back with the backup keeps it. Only the owner, as who signed in, can say so.
CREATE FUNCTION retention.is_reapplying() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT session_user = 'rempart_owner' AND coalesce(current_setting('rempart.reapplying', true), '') = 'on'
$$;
CREATE OR REPLACE FUNCTION retention.check_expires(first_ms bigint, last_ms bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_by bigint;
BEGIN
    SELECT h.hold_ref INTO kept_by FROM retention.hold AS h
    WHERE h.released_at IS NULL AND NOT h.exercise AND h.from_ms <= last_ms AND first_ms < h.to_ms ORDER BY h.hold_ref LIMIT 1;
    IF FOUND AND NOT retention.is_reapplying() THEN
        RAISE object_in_use USING MESSAGE = format('evidence hold %s keeps this', kept_by);
    END IF;
END $$;

-- Nobody is paid twice: after a restore, runs wait for whoever compares them with the bank.
CREATE FUNCTION retention.check_payments() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention.restoration AS r WHERE r.payments_compared_at IS NULL) THEN
        RAISE object_not_in_prerequisite_state
            USING MESSAGE = 'this base was restored: compare its transfers with the bank first (`rempart restore payments`)';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER after_a_restore BEFORE INSERT ON claims.run FOR EACH ROW EXECUTE FUNCTION retention.check_payments();
CREATE TRIGGER after_a_restore_too BEFORE UPDATE OF state ON claims.run
    FOR EACH ROW WHEN (NEW.state IN ('planned', 'approved', 'sending')) EXECUTE FUNCTION retention.check_payments();

REVOKE EXECUTE ON FUNCTION retention.check_payments, retention.is_reapplying, retention.digest_purge, retention.say_purge, retention.mark_journaled, retention.check_journaled,
    retention.mark_applied, retention.take_up_purge, retention.forget_purges FROM PUBLIC;
-- Whoever says a purge writes out those before it too, and so reads them all: references.
CREATE POLICY purges ON retention.purge FOR SELECT TO rempart_archivist, rempart_plane_retention, rempart_notifier USING (true);
CREATE POLICY restored ON retention.restoration FOR SELECT TO rempart_archivist, rempart_plane_retention USING (true);
GRANT USAGE ON SCHEMA retention TO rempart_archivist, rempart_plane_retention, rempart_notifier;
GRANT SELECT ON retention.purge, retention.restoration TO rempart_archivist, rempart_plane_retention;
GRANT SELECT ON retention.purge TO rempart_notifier;
CREATE POLICY for_everybody ON retention.backup TO rempart_archivist USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON retention.backup TO rempart_archivist;
-- Permission read_services: the host's agents see whether there are backups.
CREATE POLICY seen ON retention.backup FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY seen ON retention.restoration FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
GRANT SELECT ON retention.backup TO rempart_portals;
GRANT SELECT (restored_at, backup, made_at, purges_from, purges_to, payments_compared_at) ON retention.restoration TO rempart_portals;
GRANT EXECUTE ON FUNCTION retention.say_purge, retention.mark_journaled, retention.check_journaled, retention.mark_applied
    TO rempart_archivist, rempart_plane_retention, rempart_notifier;

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('back_up', 'routine', '{}', '{}'), ('copy_acts', 'routine', '{}', '{}');
