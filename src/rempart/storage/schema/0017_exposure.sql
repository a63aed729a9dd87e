-- What an analysis found and what it changed; what an analyst overruled. Reasons: docs/adr/0027-what-a-list-rests-on.md.

-- ---------------------------------------------------------------- what was found

-- Whether the session came from where the account had worked before, and whether somebody answers for the verdict.
ALTER TABLE incidents.attributed_session
    ADD COLUMN usual_place  boolean NOT NULL DEFAULT false,
    ADD COLUMN is_overruled boolean NOT NULL DEFAULT false;

-- What the answers told beyond what had to be typed to get them.
ALTER TABLE incidents.exposed_person ADD COLUMN gained bigint NOT NULL DEFAULT 0;

-- An analysis writes its list beside the one before, compares the two and takes the former away, in one transaction: others only
-- ever see one list, whole.
ALTER TABLE incidents.exposed_person ADD COLUMN analysis integer NOT NULL DEFAULT 1;
ALTER TABLE incidents.exposed_person DROP CONSTRAINT exposed_person_pkey;
ALTER TABLE incidents.exposed_person ADD PRIMARY KEY (incident_id, insurer_id, person_ref, analysis);

-- The owners of the accounts: a second population, with fields of its own.
CREATE TABLE incidents.exposed_professional (
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    account_ref bigint NOT NULL,
    tier        text NOT NULL CHECK (tier IN ('A', 'B', 'C')),
    fields      bigint NOT NULL,
    sessions    bigint[] NOT NULL,
    PRIMARY KEY (incident_id, account_ref)
);

-- ---------------------------------------------------------------- what it rests on

-- One analysis: the same inputs and rules give the same list, so that anybody may redo it and compare digests.
CREATE TABLE incidents.analysis (
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number > 0),
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    author_ref  bigint,
    author      text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    rules       text NOT NULL,
    inputs      jsonb NOT NULL,
    coverage    jsonb NOT NULL,
    counts      jsonb NOT NULL,
    list_digest bytea NOT NULL CHECK (length(list_digest) = 32),
    PRIMARY KEY (incident_id, number)
);

CREATE TABLE incidents.exposure_change (
    incident_id   bigint NOT NULL,
    number        integer NOT NULL,
    insurer_id    integer NOT NULL,
    person_ref    bigint NOT NULL,
    change        text NOT NULL CHECK (change IN ('added', 'raised', 'lowered', 'removed')),
    tier_before   text CHECK (tier_before IN ('A', 'B', 'C')),
    tier_after    text CHECK (tier_after IN ('A', 'B', 'C')),
    fields_before bigint NOT NULL,
    fields_after  bigint NOT NULL,
    PRIMARY KEY (incident_id, number, insurer_id, person_ref),
    FOREIGN KEY (incident_id, number) REFERENCES incidents.analysis ON DELETE CASCADE
);

CREATE TABLE incidents.verdict_change (
    incident_id    bigint NOT NULL,
    number         integer NOT NULL,
    session_ref    bigint NOT NULL,
    verdict_before text CHECK (verdict_before IN ('thief', 'mixed', 'owner')),
    verdict_after  text CHECK (verdict_after IN ('thief', 'mixed', 'owner')),
    PRIMARY KEY (incident_id, number, session_ref),
    FOREIGN KEY (incident_id, number) REFERENCES incidents.analysis ON DELETE CASCADE
);

-- What somebody answers for instead of the sums; the last one of a session holds, and 'sums' gives them back the word.
CREATE TABLE incidents.overrule (
    overrule_ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id  bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    session_ref  bigint NOT NULL,
    verdict      text NOT NULL CHECK (verdict IN ('thief', 'mixed', 'owner', 'sums')),
    reason       text NOT NULL CHECK (length(btrim(reason)) BETWEEN 10 AND 2000),
    author_ref   bigint REFERENCES accounts.actor,   -- NULL: the command line
    author       text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX overrule_of_incident ON incidents.overrule (incident_id, session_ref, overrule_ref);

-- From a page, an overrule has the visitor's own name; it is never changed nor taken back but by another one.
CREATE FUNCTION incidents.sign_overrule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.made_at := clock_timestamp();
    IF session_user = 'rempart_portals' THEN
        NEW.author_ref := accounts.my_actor();
        IF NEW.author_ref IS NULL THEN
            RAISE insufficient_privilege USING MESSAGE = 'whoever writes here is signed in';
        END IF;
        SELECT a.display_name INTO STRICT NEW.author FROM accounts.actor AS a WHERE a.actor_ref = NEW.author_ref;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.sign_overrule FROM PUBLIC;
CREATE TRIGGER sign_overrule BEFORE INSERT ON incidents.overrule FOR EACH ROW EXECUTE FUNCTION incidents.sign_overrule();

-- ---------------------------------------------------------------- who reads and writes

-- Analyses and overrules are added, never changed.
GRANT SELECT, INSERT ON incidents.analysis, incidents.exposure_change, incidents.verdict_change, incidents.overrule
    TO rempart_plane_incidents;
GRANT SELECT, INSERT, DELETE ON incidents.exposed_professional TO rempart_plane_incidents;
GRANT SELECT ON incidents.analysis, incidents.exposure_change, incidents.verdict_change, incidents.overrule,
    incidents.exposed_professional TO rempart_portals;
GRANT INSERT (incident_id, session_ref, verdict, reason, author) ON incidents.overrule TO rempart_portals;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['analysis', 'exposure_change', 'verdict_change', 'overrule', 'exposed_professional'] LOOP
        EXECUTE format('ALTER TABLE incidents.%I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY for_everybody ON incidents.%I TO rempart_plane_incidents USING (true) WITH CHECK (true)', one);
        EXECUTE format('CREATE POLICY seen ON incidents.%I FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()))', one);
    END LOOP;
END $$;
-- Whoever works incidents overrules from a page (permission overrule_session).
CREATE POLICY added ON incidents.overrule FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.is_host())
                AND (SELECT accounts.my_role()) IN ('operator_admin', 'operator_security', 'operator_dpo'));

-- What a portal could show an account of its owner's own: whether it is there, never what it is.
GRANT SELECT (contact_ref, actor_ref, channel, replaced_at) ON accounts.contact TO rempart_analyst;
GRANT SELECT (change_ref, establishment_ref, state) ON accounts.bank_details TO rempart_analyst;
CREATE POLICY counted ON accounts.contact FOR SELECT TO rempart_analyst USING (true);
CREATE POLICY counted ON accounts.bank_details FOR SELECT TO rempart_analyst USING (true);
