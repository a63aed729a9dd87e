-- What each insurer is sent about an incident, sealed for it alone, and when it was received. Reasons:
-- docs/adr/0029-sealed-packages.md.

-- True for agents of an operator that is hosted here and runs insurers' tiers payant (permission relay_packages; a test
-- compares). The host itself relays nothing: it sends.
CREATE FUNCTION accounts.relays() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT accounts.is_host() AND cardinality(accounts.my_insurers()) > 0
       AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security', 'operator_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.relays FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.relays TO rempart_portals;

-- ---------------------------------------------------------------- certificates of insurers

-- A certificate that an insurer's packages are sealed for. Of those in force, the newest one is used.
CREATE TABLE incidents.sealing_key (
    key_ref     bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    certificate bytea NOT NULL CHECK (length(certificate) BETWEEN 100 AND 16384),   -- DER
    fingerprint bytea NOT NULL CHECK (fingerprint = sha256(certificate)),
    subject     text NOT NULL CHECK (length(subject) <= 300),
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'refused', 'revoked')),
    proposed_by bigint REFERENCES accounts.actor,   -- NULL: the host's command line
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by bigint REFERENCES accounts.actor,   -- NULL with a state of approved: the command line, or a delay that passed
    active_from timestamptz,
    ended_by    bigint REFERENCES accounts.actor,
    ended_at    timestamptz,
    CHECK (starts_at < ends_at),
    CHECK (approved_by IS DISTINCT FROM proposed_by OR approved_by IS NULL),
    CHECK (state <> 'approved' OR active_from IS NOT NULL),
    CHECK ((state IN ('refused', 'revoked')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX one_sealing_key ON incidents.sealing_key (insurer_id, fingerprint) WHERE state IN ('proposed', 'approved');
CREATE INDEX sealing_key_of_insurer ON incidents.sealing_key (insurer_id, active_from);

-- A certificate given on a page waits for a second person; for somebody alone, for three days (parameter of
-- incidents/sealing_keys.py; a test compares), in which anybody may stop it.
CREATE FUNCTION incidents.check_sealing_key() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM accounts.list_standing(accounts.my_org(), '{insurer_admin,insurer_dpo}') AS s
                       WHERE s.actor_ref <> accounts.my_actor()
                         AND COALESCE(s.until > clock_timestamp() - interval '30 days', true)) THEN
            NEW.state := 'approved';
            NEW.active_from := clock_timestamp() + interval '72 hours';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = 'proposed' AND NEW.state = 'approved' THEN
        IF NEW.approved_by IS DISTINCT FROM accounts.my_actor() OR (OLD.proposed_by IS NOT NULL AND NOT accounts.stand_apart(
                OLD.proposed_by, NEW.approved_by, accounts.my_org(), '{insurer_admin,insurer_dpo}', OLD.proposed_at)) THEN
            RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two';
        END IF;
        NEW.active_from := clock_timestamp();
    ELSIF (OLD.state, NEW.state) IN (('proposed', 'refused'), ('approved', 'revoked')) THEN
        NEW.approved_by := OLD.approved_by;
        NEW.ended_by := accounts.my_actor();
        NEW.ended_at := clock_timestamp();
    ELSE
        RAISE insufficient_privilege USING MESSAGE = 'this was decided already';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.check_sealing_key FROM PUBLIC;
CREATE TRIGGER check_sealing_key BEFORE INSERT OR UPDATE ON incidents.sealing_key
    FOR EACH ROW EXECUTE FUNCTION incidents.check_sealing_key();

ALTER TABLE incidents.sealing_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON incidents.sealing_key TO rempart_plane_incidents USING (true) WITH CHECK (true);
CREATE POLICY seen ON incidents.sealing_key FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host())
           OR (((SELECT accounts.answers_for_members()) OR (SELECT accounts.relays()))
               AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])));
CREATE POLICY added ON incidents.sealing_key FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND proposed_by = (SELECT accounts.my_actor()));
CREATE POLICY changed ON incidents.sealing_key FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()))
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()));
GRANT SELECT, INSERT, UPDATE ON incidents.sealing_key TO rempart_plane_incidents;
GRANT SELECT ON incidents.sealing_key TO rempart_portals;
GRANT INSERT (key_ref, insurer_id, certificate, fingerprint, subject, starts_at, ends_at, proposed_by) ON incidents.sealing_key
    TO rempart_portals;
GRANT UPDATE (state, approved_by) ON incidents.sealing_key TO rempart_portals;

-- ---------------------------------------------------------------- packages

-- One numbered package for one insurer about one incident. Numbers follow each other; `basis` is the number that a list of
-- changes starts from, 0 for a whole list. The facts that its receiver reads on a page are here: the incident itself is the
-- host's.
CREATE TABLE incidents.package (
    package_ref   bigint PRIMARY KEY,
    incident_id   bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id    integer NOT NULL REFERENCES rights.insurer,
    number        integer NOT NULL CHECK (number >= 1),
    basis         integer NOT NULL CHECK (basis >= 0 AND basis < number),
    exercise      boolean NOT NULL,
    title         text NOT NULL,
    starts_ms     bigint NOT NULL,
    ends_ms       bigint NOT NULL,
    conclusion    text NOT NULL CHECK (conclusion IN ('persons', 'none', 'unknown')),
    persons_a     integer NOT NULL,
    persons_b     integer NOT NULL,
    persons_c     integer NOT NULL,
    fields        bigint NOT NULL DEFAULT 0,         -- shown of them, together
    hidden        bigint,                            -- how many more a hole of the record may hide; NULL: nobody can say
    changes       jsonb NOT NULL DEFAULT '{}',       -- how many were added, raised, lowered, changed, removed
    digest        bytea NOT NULL CHECK (length(digest) = 32),   -- of what it says: the same is not made twice
    key_ref       bigint REFERENCES incidents.sealing_key,      -- NULL: waits for a certificate, nothing is sealed
    note          text NOT NULL DEFAULT '',          -- signed: names every file, its length and its digest
    files         integer NOT NULL DEFAULT 0,
    bytes         bigint NOT NULL DEFAULT 0,
    state         text NOT NULL CHECK (state IN ('waiting', 'made', 'asked', 'sent', 'withdrawn')),
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_by      bigint,                            -- 0: the host's command line
    asked_at      timestamptz,
    approved_by   bigint,                            -- 0: the host's command line
    sent_at       timestamptz,
    withdrawn_by  bigint,
    withdrawn_at  timestamptz,
    withdrawn_for text CHECK (length(withdrawn_for) BETWEEN 1 AND 500),
    reminders     integer NOT NULL DEFAULT 0,
    reminded_at   timestamptz,
    UNIQUE (incident_id, insurer_id, number),
    CHECK ((state = 'waiting') = (key_ref IS NULL)),
    CHECK (state NOT IN ('sent', 'withdrawn') OR (sent_at IS NOT NULL AND approved_by <> asked_by)),
    CHECK ((state = 'withdrawn') = (withdrawn_for IS NOT NULL))
);
CREATE INDEX package_of_insurer ON incidents.package (insurer_id, sent_at);

-- The sealed files of a package, in the order of its archive.
CREATE TABLE incidents.package_file (
    package_ref bigint NOT NULL REFERENCES incidents.package ON DELETE CASCADE,
    position    integer NOT NULL CHECK (position >= 1),
    name        text NOT NULL CHECK (name ~ '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,80}$'),
    sealed      bytea NOT NULL,
    digest      bytea NOT NULL CHECK (digest = sha256(sealed)),
    PRIMARY KEY (package_ref, position)
);
ALTER TABLE incidents.package_file ALTER COLUMN sealed SET STORAGE EXTERNAL;   -- sealed bytes do not compress

-- What each package changed of an insurer's list: its state is the latest row of each person. Nobody but who makes packages
-- reads this.
CREATE TABLE incidents.packaged_person (
    package_ref bigint NOT NULL REFERENCES incidents.package ON DELETE CASCADE,
    person_ref  bigint NOT NULL,
    tier        text CHECK (tier IN ('A', 'B', 'C')),   -- NULL: removed
    fields      bigint NOT NULL,
    lost        bigint NOT NULL,
    PRIMARY KEY (package_ref, person_ref)
);

-- A package is asked for by one person and sent by another; from then on it only may be withdrawn. What an exercise makes
-- stays marked as one.
CREATE FUNCTION incidents.check_package() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.exercise IS DISTINCT FROM (SELECT i.exercise FROM incidents.incident AS i WHERE i.incident_id = NEW.incident_id) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a package is an exercise when its incident is one';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('waiting', 'made') THEN
            RAISE insufficient_privilege USING MESSAGE = 'a package is made before it is sent';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = OLD.state THEN
        IF (NEW.asked_by, NEW.approved_by, NEW.withdrawn_by, NEW.withdrawn_for)
           IS DISTINCT FROM (OLD.asked_by, OLD.approved_by, OLD.withdrawn_by, OLD.withdrawn_for) THEN
            RAISE insufficient_privilege USING MESSAGE = 'who decided stays as it was written';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('made', 'asked'), ('asked', 'made'), ('asked', 'sent'), ('sent', 'withdrawn')) THEN
        RAISE insufficient_privilege USING MESSAGE = 'this step of a package is not allowed';
    END IF;
    IF OLD.state = 'asked' AND NEW.state = 'made' THEN
        NEW.asked_by := NULL;
        NEW.asked_at := NULL;
    ELSIF NEW.state = 'asked' THEN
        NEW.asked_at := clock_timestamp();
    ELSIF NEW.state = 'sent' THEN
        NEW.sent_at := clock_timestamp();
    ELSE
        NEW.withdrawn_at := clock_timestamp();
    END IF;
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF (NEW.state = 'asked' AND NEW.asked_by IS DISTINCT FROM accounts.my_actor())
       OR (NEW.state = 'withdrawn' AND NEW.withdrawn_by IS DISTINCT FROM accounts.my_actor())
       OR (NEW.state = 'sent' AND (NEW.approved_by IS DISTINCT FROM accounts.my_actor()
                                   OR NEW.asked_by IS DISTINCT FROM OLD.asked_by)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a page names its own visitor only';
    END IF;
    IF NEW.state = 'sent' AND NOT (OLD.asked_by = 0 OR accounts.stand_apart(
            OLD.asked_by, NEW.approved_by, accounts.my_org(), '{operator_admin,operator_security,operator_dpo}',
            OLD.asked_at)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.check_package FROM PUBLIC;
CREATE TRIGGER check_package BEFORE INSERT OR UPDATE ON incidents.package
    FOR EACH ROW EXECUTE FUNCTION incidents.check_package();

-- What was sent stays as it was sent.
CREATE FUNCTION incidents.keep_package() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    state text;
BEGIN
    SELECT p.state INTO state FROM incidents.package AS p WHERE p.package_ref = OLD.package_ref;
    IF state IN ('asked', 'sent', 'withdrawn') THEN
        RAISE insufficient_privilege USING MESSAGE = 'what was sent, or is about to be, stays as it is';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.keep_package FROM PUBLIC;
CREATE TRIGGER keep_package BEFORE DELETE ON incidents.package FOR EACH ROW EXECUTE FUNCTION incidents.keep_package();
CREATE TRIGGER keep_package BEFORE UPDATE ON incidents.package_file FOR EACH ROW EXECUTE FUNCTION incidents.keep_package();

ALTER TABLE incidents.package ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents.package_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON incidents.package TO rempart_plane_incidents USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON incidents.package_file TO rempart_plane_incidents USING (true) WITH CHECK (true);
-- Before it is sent, a package is the host's alone.
CREATE POLICY seen ON incidents.package FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host())
           OR (((SELECT accounts.answers_for_members()) OR (SELECT accounts.relays()))
               AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]) AND sent_at IS NOT NULL));
CREATE POLICY changed ON incidents.package FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.works_incidents())) WITH CHECK ((SELECT accounts.works_incidents()));
-- The host's pages never hand out what they sealed for somebody else; a withdrawn package is handed out no more.
CREATE POLICY seen ON incidents.package_file FOR SELECT TO rempart_portals
    USING (((SELECT accounts.answers_for_members()) OR (SELECT accounts.relays()))
           AND package_ref IN (SELECT p.package_ref FROM incidents.package AS p
                               WHERE p.insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]) AND p.state = 'sent'));
GRANT SELECT, INSERT, UPDATE, DELETE ON incidents.package, incidents.package_file, incidents.packaged_person
    TO rempart_plane_incidents;
GRANT SELECT ON incidents.package, incidents.package_file TO rempart_portals;
GRANT UPDATE (state, asked_by, approved_by, withdrawn_by, withdrawn_for) ON incidents.package TO rempart_portals;

-- ---------------------------------------------------------------- receipts

-- When each level of a chain had a package: the insurer, whoever works inside its space for it, the hosted operator that runs
-- its tiers payant. The first of a download and an acknowledgement counts; both are kept.
CREATE TABLE incidents.package_receipt (
    package_ref bigint NOT NULL REFERENCES incidents.package,
    org_ref     bigint NOT NULL REFERENCES accounts.organisation,
    way         text NOT NULL CHECK (way IN ('downloaded', 'acknowledged', 'told')),   -- told: noted by the host, from outside
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    level       text NOT NULL CHECK (level IN ('insurer', 'sub_processor', 'operator')),
    by_ref      bigint REFERENCES accounts.actor,
    by_name     text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (package_ref, org_ref, way)
);
CREATE INDEX receipt_of_insurer ON incidents.package_receipt (insurer_id);
ALTER TABLE incidents.package_receipt ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON incidents.package_receipt TO rempart_plane_incidents USING (true) WITH CHECK (true);
CREATE POLICY seen ON incidents.package_receipt FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host())
           OR (((SELECT accounts.answers_for_members()) OR (SELECT accounts.relays()))
               AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])));
GRANT SELECT, INSERT ON incidents.package_receipt TO rempart_plane_incidents;
GRANT SELECT ON incidents.package_receipt TO rempart_portals;

-- Notes that the visitor received a package, by the database's clock, in the name of the level they work for; the first time,
-- on the timeline too: for the insurer's own space, that line starts its clock. Returns the instant of this level's first
-- receipt; no row when there is no such package for them.
CREATE FUNCTION incidents.receive_package(received bigint, how text) RETURNS TABLE (received_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_package incidents.package;
    via           bigint;
    mine          bigint := accounts.my_org();
    at_level      text;
BEGIN
    SELECT p.* INTO found_package FROM incidents.package AS p
    WHERE p.package_ref = received AND p.state = 'sent' AND p.insurer_id = ANY (accounts.my_insurers())
      AND (accounts.answers_for_members() OR accounts.relays());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT m.via_ref INTO via FROM accounts.session AS s JOIN accounts.membership AS m USING (membership_ref)
    WHERE s.session_ref = accounts.my_session();
    at_level := CASE WHEN accounts.relays() THEN 'operator' WHEN via IS NULL THEN 'insurer' ELSE 'sub_processor' END;
    mine := COALESCE(via, mine);
    PERFORM pg_advisory_xact_lock(hashtextextended('receipt ' || received || ' ' || mine, 0));
    IF NOT EXISTS (SELECT 1 FROM incidents.package_receipt AS r WHERE r.package_ref = received AND r.org_ref = mine) THEN
        INSERT INTO incidents.room_event (incident_id, kind, happened_ms, insurer_id, author_ref, author, details)
        VALUES (found_package.incident_id, 'package_received', (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                CASE at_level WHEN 'operator' THEN NULL ELSE found_package.insurer_id END, accounts.my_actor(), '-',
                jsonb_build_object('package', found_package.package_ref::text, 'number', found_package.number, 'way', how,
                                   'level', at_level, 'org', mine::text, 'insurer', found_package.insurer_id,
                                   'conclusion', found_package.conclusion));
    END IF;
    INSERT INTO incidents.package_receipt (package_ref, org_ref, way, insurer_id, level, by_ref, by_name)
    SELECT received, mine, how, found_package.insurer_id, at_level, a.actor_ref, a.display_name
    FROM accounts.actor AS a WHERE a.actor_ref = accounts.my_actor() AND how IN ('downloaded', 'acknowledged')
    ON CONFLICT (package_ref, org_ref, way) DO NOTHING;
    RETURN QUERY SELECT min(r.received_at) FROM incidents.package_receipt AS r
                 WHERE r.package_ref = received AND r.org_ref = mine;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.receive_package FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents.receive_package TO rempart_portals;

-- ---------------------------------------------------------------- an insurer's own notes

-- What an insurer writes down for itself about an incident. The host does not read it.
CREATE TABLE incidents.insurer_note (
    note_ref    bigint PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    kind        text NOT NULL CHECK (kind IN ('note', 'task', 'decision')),
    words       text NOT NULL CHECK (length(words) BETWEEN 1 AND 2000),
    reason      text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),   -- of a decision
    owner       text NOT NULL DEFAULT '' CHECK (length(owner) <= 120),     -- of a task
    due_at      timestamptz,                                               -- of a task
    author_ref  bigint NOT NULL REFERENCES accounts.actor,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_by     bigint REFERENCES accounts.actor,
    done_at     timestamptz,
    proof       text NOT NULL DEFAULT '' CHECK (length(proof) <= 500),     -- what shows that a task is done
    CHECK ((done_at IS NULL) = (done_by IS NULL) AND (kind = 'task' OR (done_at IS NULL AND due_at IS NULL AND owner = ''))),
    CHECK ((kind = 'decision') = (reason <> ''))
);
CREATE INDEX insurer_note_of_incident ON incidents.insurer_note (incident_id, insurer_id);
ALTER TABLE incidents.insurer_note ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON incidents.insurer_note FOR SELECT TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()));
-- About an incident it was told of only.
CREATE POLICY added ON incidents.insurer_note FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND author_ref = (SELECT accounts.my_actor()) AND done_at IS NULL
                AND incident_id IN (SELECT p.incident_id FROM incidents.package AS p));
CREATE POLICY changed ON incidents.insurer_note FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()) AND done_at IS NULL)
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND done_by = (SELECT accounts.my_actor()));
GRANT SELECT ON incidents.insurer_note TO rempart_portals;
GRANT INSERT (note_ref, incident_id, insurer_id, kind, words, reason, owner, due_at, author_ref) ON incidents.insurer_note
    TO rempart_portals;
GRANT UPDATE (done_by, done_at, proof) ON incidents.insurer_note TO rempart_portals;

-- ---------------------------------------------------------------- who makes packages

-- The analyst lists persons and writes packages; the identities themselves are opened under another login (feeds), so neither
-- alone can name anybody.
GRANT SELECT (org_ref, kind, name, insurer_id, hosted_by, suspended_at) ON accounts.organisation TO rempart_analyst;
GRANT SELECT (mandate_ref, principal_ref, agent_ref, kind, starts_on, ends_on) ON accounts.mandate TO rempart_analyst;
CREATE POLICY readable ON accounts.organisation FOR SELECT TO rempart_analyst USING (true);
CREATE POLICY readable ON accounts.mandate FOR SELECT TO rempart_analyst USING (true);
