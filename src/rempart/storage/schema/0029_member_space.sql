-- What members write to their insurer, and what they ask of it: care they dispute, messages they find suspicious, how they want to be
-- written to, what is held about them. Words and photographs are sealed (storage/member_seal.py). Reasons: docs/adr/0045-what-members-write.md.

-- True for the agents of an insurer who read what members write to it (permission hear_members; a test compares). Agents of a hosted
-- operator are not among them.
CREATE FUNCTION accounts.hears_members() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(accounts.my_role() IN ('insurer_admin', 'insurer_manager', 'insurer_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.hears_members FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.hears_members TO rempart_portals;

-- ---------------------------------------------------------------- care somebody did not receive

CREATE TABLE claims.dispute (
    dispute_ref bigint PRIMARY KEY,
    claim_ref   bigint NOT NULL REFERENCES claims.claim ON DELETE CASCADE,
    line        smallint NOT NULL CHECK (line >= 0),   -- 0: the whole claim
    person_ref  bigint NOT NULL,
    insurer_id  integer NOT NULL,
    reason      text NOT NULL CHECK (reason IN ('not_received', 'not_all', 'unknown_place', 'paid_twice')),
    sealed      bytea CHECK (length(sealed) <= 8192),  -- what the member wrote; NULL: nothing
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'answered', 'withdrawn')),
    outcome     text CHECK (outcome IN ('upheld', 'explained', 'unsettled')),
    answer      bytea CHECK (length(answer) <= 8192),  -- sealed: what the insurer answers
    ended_by    bigint REFERENCES accounts.actor,
    ended_at    timestamptz,
    CHECK ((state = 'answered') = (outcome IS NOT NULL) AND (outcome IS NULL) = (answer IS NULL)),
    CHECK ((state = 'open') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL))
);
-- One question at a time about one line.
CREATE UNIQUE INDEX one_dispute_is_open ON claims.dispute (claim_ref, line) WHERE state = 'open';
CREATE INDEX dispute_of_insurer ON claims.dispute (insurer_id, made_at);
CREATE INDEX dispute_of_person ON claims.dispute (person_ref, made_at);

ALTER TABLE claims.dispute ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON claims.dispute TO rempart_plane_claims USING (true) WITH CHECK (true);
CREATE POLICY seen ON claims.dispute FOR SELECT TO rempart_portals
    USING ((person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()))
           OR ((SELECT accounts.hears_members()) AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])));
CREATE POLICY added ON claims.dispute FOR INSERT TO rempart_portals
    WITH CHECK (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()) AND state = 'open'
                AND claim_ref IN (SELECT c.claim_ref FROM claims.claim AS c
                                  WHERE c.person_ref = dispute.person_ref AND c.insurer_id = dispute.insurer_id));
CREATE POLICY changed ON claims.dispute FOR UPDATE TO rempart_portals
    USING (state = 'open' AND ((person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()))
           OR ((SELECT accounts.hears_members()) AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]))))
    WITH CHECK (ended_by = (SELECT accounts.my_actor())
                AND CASE state
                    WHEN 'withdrawn' THEN person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())
                    WHEN 'answered' THEN (SELECT accounts.hears_members())
                                         AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
                    ELSE false END);
GRANT SELECT, INSERT ON claims.dispute TO rempart_portals, rempart_plane_claims;
GRANT UPDATE (state, outcome, answer, ended_by, ended_at) ON claims.dispute TO rempart_portals;

-- ---------------------------------------------------------------- how somebody wants to be written to

CREATE TABLE notices.preference (
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    person_ref  bigint NOT NULL,
    channel     text CHECK (channel IN ('email', 'letter', 'space')),   -- NULL: as the insurer prefers
    language    text NOT NULL CHECK (language IN ('fr', 'en')),
    variant     text NOT NULL CHECK (variant IN ('standard', 'large_print', 'plain')),
    set_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (insurer_id, person_ref)
);
ALTER TABLE notices.preference ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON notices.preference FOR SELECT TO rempart_portals
    USING (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()));
CREATE POLICY added ON notices.preference FOR INSERT TO rempart_portals
    WITH CHECK (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()));
CREATE POLICY changed ON notices.preference FOR UPDATE TO rempart_portals
    USING (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()))
    WITH CHECK (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()));
GRANT SELECT, INSERT ON notices.preference TO rempart_portals;
GRANT UPDATE (channel, language, variant, set_at) ON notices.preference TO rempart_portals;
-- Whoever prepares a campaign follows it.
GRANT SELECT ON notices.preference TO rempart_plane_notices;
CREATE POLICY followed ON notices.preference FOR SELECT TO rempart_plane_notices USING (true);

-- ---------------------------------------------------------------- messages that somebody finds suspicious

CREATE TABLE notices.suspicious (
    report_ref  bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    person_ref  bigint NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    medium      text NOT NULL CHECK (medium IN ('email', 'sms', 'call', 'letter', 'other')),
    came_on     date NOT NULL,
    acted       boolean NOT NULL,                              -- they clicked, called, paid or gave something
    message     bytea CHECK (length(message) <= 32768),        -- sealed: the text
    photo       bytea CHECK (length(photo) <= 8388608),        -- sealed: the photograph, without where it was taken
    photo_kind  text CHECK (photo_kind IN ('jpeg', 'png')),
    marks       bytea[] NOT NULL DEFAULT '{}' CHECK (cardinality(marks) <= 16),  -- keyed: what it shares with its campaign
    sketch      bytea NOT NULL DEFAULT '' CHECK (length(sketch) IN (0, 128)),
    state       text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'answered')),
    verdict     text CHECK (verdict IN ('fraud', 'genuine', 'unsure')),
    answer      bytea CHECK (length(answer) <= 8192),          -- sealed: words beside the verdict
    answered_by bigint REFERENCES accounts.actor,
    answered_at timestamptz,
    CHECK (message IS NOT NULL OR photo IS NOT NULL),
    CHECK ((photo IS NULL) = (photo_kind IS NULL)),
    CHECK ((state = 'new') = (verdict IS NULL) AND (verdict IS NULL) = (answered_at IS NULL) AND (verdict IS NULL) = (answered_by IS NULL))
);
CREATE INDEX suspicious_of_insurer ON notices.suspicious (insurer_id, made_at);
CREATE INDEX suspicious_of_person ON notices.suspicious (person_ref, made_at);

ALTER TABLE notices.suspicious ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON notices.suspicious TO rempart_plane_notices USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON notices.suspicious TO rempart_plane_notices;   -- a year old, they go
CREATE POLICY seen ON notices.suspicious FOR SELECT TO rempart_portals
    USING ((person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()))
           OR ((SELECT accounts.hears_members()) AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])));
CREATE POLICY added ON notices.suspicious FOR INSERT TO rempart_portals
    WITH CHECK (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()) AND state = 'new');
CREATE POLICY changed ON notices.suspicious FOR UPDATE TO rempart_portals
    USING (state = 'new' AND (SELECT accounts.hears_members()) AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]))
    WITH CHECK ((SELECT accounts.hears_members()) AND insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]) AND state = 'answered' AND answered_by = (SELECT accounts.my_actor()));
GRANT SELECT, INSERT ON notices.suspicious TO rempart_portals;
GRANT UPDATE (state, verdict, answer, answered_by, answered_at) ON notices.suspicious TO rempart_portals;

-- Bounds what one member, and all those of one insurer, may send: whatever process of the pages takes it (limits: notices/suspicious.py, a test compares).
CREATE FUNCTION notices.bound_reports() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine   bigint;
    weight bigint;
    theirs bigint;
BEGIN
    -- Those of one insurer count one after the other, or two at once would both be the last.
    PERFORM pg_advisory_xact_lock(hashtextextended('reports of suspicious messages', NEW.insurer_id));
    SELECT count(*), COALESCE(sum(length(s.photo)), 0) INTO mine, weight
    FROM notices.suspicious AS s
    WHERE s.person_ref = NEW.person_ref AND s.insurer_id = NEW.insurer_id AND s.made_at > clock_timestamp() - interval '1 day';
    SELECT count(*) INTO theirs
    FROM notices.suspicious AS s WHERE s.insurer_id = NEW.insurer_id AND s.made_at > clock_timestamp() - interval '1 hour';
    IF mine >= 5 OR weight + COALESCE(length(NEW.photo), 0) > 20000000 OR theirs >= 500 THEN
        RAISE program_limit_exceeded USING MESSAGE = 'enough was reported for now';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION notices.bound_reports FROM PUBLIC;
CREATE TRIGGER bound_reports BEFORE INSERT ON notices.suspicious FOR EACH ROW EXECUTE FUNCTION notices.bound_reports();

-- Whether a message names what messages that the insurer judged to be frauds named: told to who reports another, at once.
CREATE FUNCTION notices.is_like_fraud(of_marks bytea[]) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM notices.suspicious AS s
                   WHERE s.insurer_id = accounts.my_insurer() AND s.verdict = 'fraud' AND s.marks && of_marks
                     AND s.made_at > clock_timestamp() - interval '90 days')
$$;
REVOKE EXECUTE ON FUNCTION notices.is_like_fraud FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.is_like_fraud TO rempart_portals;

-- ---------------------------------------------------------------- what one's insurer wrote

-- When a member first opened a message in their space: the proof that it came.
CREATE TABLE notices.opened (
    number     bigint PRIMARY KEY REFERENCES notices.message (number) ON DELETE CASCADE,
    insurer_id integer NOT NULL,
    person_ref bigint NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE notices.opened ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON notices.opened TO rempart_plane_notices USING (true) WITH CHECK (true);
GRANT SELECT ON notices.opened TO rempart_plane_notices;

-- The messages of the visitor that have left, with what writes their text again: the facts of the incident and of the person, no address.
CREATE FUNCTION notices.my_messages()
    RETURNS TABLE (number bigint, kind text, former bigint, relation text, certainty text, doubt text, fields bigint, not_exposed bigint,
                   left_on date, kept_until date, kept_why text, language text, variant text, channel text, state text, state_at timestamptz,
                   facts jsonb, exercise boolean, opened_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.number, m.kind, m.former, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed, m.left_on, m.kept_until, m.kept_why,
           m.language, m.variant, m.channel, m.state, m.state_at, c.facts, c.exercise, o.opened_at
    FROM notices.message AS m
    JOIN notices.campaign AS c USING (campaign_ref)
    LEFT JOIN notices.opened AS o ON o.number = m.number
    WHERE m.person_ref = accounts.my_person() AND m.insurer_id = accounts.my_insurer() AND m.digest IS NOT NULL
      AND m.state IN ('sent', 'bounced', 'printed', 'posted', 'returned')
$$;

-- Notes that the visitor opened a message of theirs, once.
CREATE FUNCTION notices.open_my_message(of_number bigint) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO notices.opened (number, insurer_id, person_ref)
    SELECT m.number, m.insurer_id, m.person_ref FROM notices.message AS m
    WHERE m.number = of_number AND m.person_ref = accounts.my_person() AND m.insurer_id = accounts.my_insurer()
      AND m.state IN ('sent', 'bounced', 'printed', 'posted', 'returned')
    ON CONFLICT DO NOTHING
$$;
REVOKE EXECUTE ON FUNCTION notices.my_messages, notices.open_my_message FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.my_messages, notices.open_my_message TO rempart_portals;

-- ---------------------------------------------------------------- a copy of what is held about somebody (GDPR, article 15)

-- What the pages cannot open, identity and coverage, put here sealed for a week by whoever can; the pages add the rest, which they
-- show anyway.
CREATE TABLE rights.own_copy (
    copy_ref   bigint PRIMARY KEY CHECK (copy_ref BETWEEN 1 AND 999999999999999999),
    insurer_id integer NOT NULL REFERENCES rights.insurer,
    person_ref bigint NOT NULL,
    asked_by   bigint NOT NULL REFERENCES accounts.actor,
    asked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    sealed     bytea,
    made_at    timestamptz,
    CHECK ((sealed IS NULL) = (made_at IS NULL))
);
-- One waits at a time.
CREATE UNIQUE INDEX one_copy_waits ON rights.own_copy (person_ref) WHERE sealed IS NULL;
CREATE INDEX own_copy_of_person ON rights.own_copy (person_ref, asked_at);
ALTER TABLE rights.own_copy ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.own_copy TO rempart_plane_rights USING (true) WITH CHECK (true);
CREATE POLICY seen ON rights.own_copy FOR SELECT TO rempart_portals
    USING (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()));
CREATE POLICY added ON rights.own_copy FOR INSERT TO rempart_portals
    WITH CHECK (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())
                AND asked_by = (SELECT accounts.my_actor()));
GRANT SELECT, UPDATE, DELETE ON rights.own_copy TO rempart_plane_rights;
GRANT SELECT ON rights.own_copy TO rempart_portals;
GRANT INSERT (copy_ref, insurer_id, person_ref, asked_by, asked_at) ON rights.own_copy TO rempart_portals;

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('copy_own_data', 'routine', '{copy_ref}', '{rempart_portals}'),
    ('forget_members_words', 'routine', '{}', '{}');
