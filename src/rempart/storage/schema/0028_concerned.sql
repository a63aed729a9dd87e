-- "Am I concerned?": what an insurer says to everybody about an incident, what a code or a card gives an answer to, and what whoever
-- answers the telephone sees. Reasons: docs/adr/0042-answers-without-a-list.md.

-- ---------------------------------------------------------------- public pages

-- The page of one insurer about one incident, at /incidents/<amc_number>/<number>. One of an exercise is never public.
CREATE TABLE notices.incident_page (
    page_ref      bigint PRIMARY KEY,
    insurer_id    integer NOT NULL REFERENCES rights.insurer,
    incident_id   bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    amc_number    text NOT NULL,                  -- copied: readers see no other table
    number        integer NOT NULL CHECK (number >= 1),
    exercise      boolean NOT NULL,
    made_by       bigint NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_by  bigint,
    withdrawn_at  timestamptz,
    withdrawn_for text CHECK (length(withdrawn_for) BETWEEN 1 AND 500),   -- told to readers
    UNIQUE (insurer_id, incident_id),
    UNIQUE (amc_number, number),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_for IS NULL))
);

-- What the page said, version by version: a draft until it is published, then kept as it was. The text is written from this
-- (notices/incident_page.py); `digest` is that of both languages as they were published.
CREATE TABLE notices.page_version (
    page_ref     bigint NOT NULL REFERENCES notices.incident_page ON DELETE CASCADE,
    number       integer NOT NULL CHECK (number >= 1),
    insurer_id   integer NOT NULL REFERENCES rights.insurer,
    said         jsonb NOT NULL CHECK (jsonb_typeof(said) = 'object' AND length(said::text) <= 200000),
    digest       bytea CHECK (length(digest) = 32),
    written_by   bigint NOT NULL,
    written_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_by bigint,
    published_at timestamptz,
    PRIMARY KEY (page_ref, number),
    CHECK ((published_at IS NULL) = (published_by IS NULL) AND (published_at IS NULL) = (digest IS NULL))
);
CREATE UNIQUE INDEX one_page_draft ON notices.page_version (page_ref) WHERE published_at IS NULL;

CREATE FUNCTION notices.check_page() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.withdrawn_at IS NOT NULL OR NOT EXISTS (
                SELECT FROM incidents.package AS p JOIN rights.insurer AS i USING (insurer_id)
                WHERE p.incident_id = NEW.incident_id AND p.insurer_id = NEW.insurer_id AND p.sent_at IS NOT NULL
                  AND p.exercise = NEW.exercise AND i.amc_number = NEW.amc_number) THEN
            RAISE insufficient_privilege USING MESSAGE = 'a page is about an incident that its insurer was told of';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.withdrawn_at IS NOT NULL
       OR (NEW.page_ref, NEW.insurer_id, NEW.incident_id, NEW.amc_number, NEW.number, NEW.exercise, NEW.made_by, NEW.made_at)
          IS DISTINCT FROM
          (OLD.page_ref, OLD.insurer_id, OLD.incident_id, OLD.amc_number, OLD.number, OLD.exercise, OLD.made_by, OLD.made_at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a page is withdrawn once, and nothing else of it changes';
    END IF;
    NEW.withdrawn_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER check_page BEFORE INSERT OR UPDATE ON notices.incident_page FOR EACH ROW EXECUTE FUNCTION notices.check_page();

-- What was published stays as it was: another version says otherwise.
CREATE FUNCTION notices.check_page_version() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page notices.incident_page;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.published_at IS NOT NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'what was published stays as it was: write another version';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT p.* INTO page FROM notices.incident_page AS p WHERE p.page_ref = NEW.page_ref;
    IF page.withdrawn_at IS NOT NULL OR page.insurer_id IS DISTINCT FROM NEW.insurer_id THEN
        RAISE insufficient_privilege USING MESSAGE = 'this page was withdrawn, or is another insurer''s';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.published_at IS NOT NULL THEN
            RAISE insufficient_privilege USING MESSAGE = 'a version is written before it is published';
        END IF;
        -- Numbers follow each other, whatever was asked for.
        NEW.number := 1 + COALESCE((SELECT max(v.number) FROM notices.page_version AS v WHERE v.page_ref = NEW.page_ref), 0);
        RETURN NEW;
    END IF;
    IF (NEW.page_ref, NEW.number, NEW.insurer_id) IS DISTINCT FROM (OLD.page_ref, OLD.number, OLD.insurer_id) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a version stays that of its page';
    END IF;
    IF NEW.published_by IS NULL THEN
        NEW.written_at := clock_timestamp();
        RETURN NEW;
    END IF;
    -- What is published is what was looked at.
    IF NEW.said IS DISTINCT FROM OLD.said OR (session_user = 'rempart_portals' AND NEW.published_by IS DISTINCT FROM accounts.my_actor()) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a page publishes what was written, in its visitor''s own name';
    END IF;
    NEW.published_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER check_page_version BEFORE INSERT OR UPDATE OR DELETE ON notices.page_version
    FOR EACH ROW EXECUTE FUNCTION notices.check_page_version();

-- ---------------------------------------------------------------- the check by card

-- One list for one page: the latest that was made. Nothing of it is secret: docs/reference/self-check.md.
CREATE TABLE notices.self_check (
    list_ref bigint PRIMARY KEY,
    page_ref bigint NOT NULL UNIQUE REFERENCES notices.incident_page ON DELETE CASCADE,
    basis    bytea NOT NULL CHECK (length(basis) = 32),   -- digest of what it was made from: unchanged, it is not made again
    salt     bytea NOT NULL CHECK (length(salt) = 16),
    bits     smallint NOT NULL CHECK (bits BETWEEN 0 AND 24),
    made_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE notices.self_check_bucket (
    list_ref bigint NOT NULL REFERENCES notices.self_check ON DELETE CASCADE,
    prefix   integer NOT NULL CHECK (prefix >= 0),
    entries  bytea NOT NULL,
    PRIMARY KEY (list_ref, prefix)
);
ALTER TABLE notices.self_check_bucket ALTER COLUMN entries SET STORAGE EXTERNAL;   -- sealed bytes do not compress

-- ---------------------------------------------------------------- who sees what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['incident_page', 'page_version', 'self_check', 'self_check_bucket'] LOOP
        EXECUTE format('ALTER TABLE notices.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON notices.%I TO rempart_plane_notices USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT ON notices.%I TO rempart_plane_notices, rempart_portals', name);
    END LOOP;
END $$;
GRANT INSERT, UPDATE, DELETE ON notices.self_check, notices.self_check_bucket TO rempart_plane_notices;
REVOKE EXECUTE ON FUNCTION notices.check_page, notices.check_page_version FROM PUBLIC;

-- What is published is everybody's, signed in or not; what is not is its insurer's.
CREATE FUNCTION notices.is_public(page bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM notices.incident_page AS p WHERE p.page_ref = page AND NOT p.exercise)
       AND EXISTS (SELECT FROM notices.page_version AS v WHERE v.page_ref = page AND v.published_at IS NOT NULL)
$$;
REVOKE EXECUTE ON FUNCTION notices.is_public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.is_public TO rempart_portals, rempart_plane_notices;

CREATE POLICY seen ON notices.incident_page FOR SELECT TO rempart_portals
    USING (((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())) OR notices.is_public(page_ref));
CREATE POLICY seen ON notices.page_version FOR SELECT TO rempart_portals
    USING (((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()))
           OR (published_at IS NOT NULL AND notices.is_public(page_ref)));
CREATE POLICY added ON notices.incident_page FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND made_by = (SELECT accounts.my_actor()));
CREATE POLICY changed ON notices.incident_page FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()) AND withdrawn_at IS NULL)
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND withdrawn_by = (SELECT accounts.my_actor()));
CREATE POLICY added ON notices.page_version FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND written_by = (SELECT accounts.my_actor()));
CREATE POLICY changed ON notices.page_version FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()) AND published_at IS NULL)
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()));
GRANT INSERT (page_ref, insurer_id, incident_id, amc_number, number, exercise, made_by) ON notices.incident_page TO rempart_portals;
GRANT UPDATE (withdrawn_by, withdrawn_for) ON notices.incident_page TO rempart_portals;
GRANT INSERT (page_ref, number, insurer_id, said, written_by) ON notices.page_version TO rempart_portals;
GRANT UPDATE (said, digest, written_by, published_by) ON notices.page_version TO rempart_portals;

-- A list of a page that was withdrawn, or that an exercise made, answers nobody.
CREATE POLICY seen ON notices.self_check FOR SELECT TO rempart_portals
    USING (notices.is_public(page_ref)
           AND page_ref IN (SELECT p.page_ref FROM notices.incident_page AS p WHERE p.withdrawn_at IS NULL));
CREATE POLICY seen ON notices.self_check_bucket FOR SELECT TO rempart_portals
    USING (list_ref IN (SELECT s.list_ref FROM notices.self_check AS s));

-- ---------------------------------------------------------------- an answer for whoever has a code

-- Whether a message may be in somebody's hands: what only waits is in nobody's.
CREATE FUNCTION notices.has_left(m notices.message) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT m.attempts > 0 OR m.state NOT IN ('waiting', 'held', 'dropped')
$$;

-- The day of the message that another one corrects.
CREATE FUNCTION notices.find_corrected_day(of_message bigint) RETURNS date
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (c.facts->>'written_on')::date FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
    WHERE m.number = of_message
$$;

-- The message that a code is printed on, and the last one to the same person about the same incident when that is another. Nobody is
-- named; a code that is on nothing gives no row, whatever is wrong with it.
CREATE FUNCTION notices.answer_code(of_code bytea)
    RETURNS TABLE (is_this boolean, is_last boolean, exercise boolean, facts jsonb, kind text, relation text, certainty text, doubt text,
                   fields bigint, not_exposed bigint, left_on date, kept_until date, kept_why text, channel text, state_at timestamptz,
                   corrects date, amc_number text, page_number integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH this AS (
        SELECT m.number, m.person_ref, m.insurer_id, c.incident_id
        FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
        WHERE m.code_digest = of_code AND notices.has_left(m)
    ), told AS (
        SELECT m.number, m.number = this.number AS is_this, m.number = max(m.number) OVER () AS is_last
        FROM this
        JOIN notices.message AS m ON m.person_ref = this.person_ref AND m.insurer_id = this.insurer_id
        JOIN notices.campaign AS c ON c.campaign_ref = m.campaign_ref AND c.incident_id = this.incident_id
        WHERE m.number = this.number OR notices.has_left(m)
    )
    SELECT told.is_this, told.is_last, c.exercise, c.facts, m.kind, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed, m.left_on,
           m.kept_until, m.kept_why, m.channel, m.state_at, notices.find_corrected_day(m.former), p.amc_number, p.number
    FROM told
    JOIN notices.message AS m ON m.number = told.number
    JOIN notices.campaign AS c ON c.campaign_ref = m.campaign_ref
    LEFT JOIN notices.incident_page AS p
           ON p.insurer_id = c.insurer_id AND p.incident_id = c.incident_id AND notices.is_public(p.page_ref)
    WHERE told.is_this OR told.is_last
    ORDER BY told.number
$$;
REVOKE EXECUTE ON FUNCTION notices.has_left, notices.find_corrected_day, notices.answer_code FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.answer_code TO rempart_portals;

-- ---------------------------------------------------------------- whoever answers the telephone

-- True for the agents of an insurer who answer its members' calls (permission answer_calls; a test compares).
CREATE FUNCTION accounts.answers_calls() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.my_insurer() IS NOT NULL
       AND COALESCE(accounts.my_role() IN ('insurer_admin', 'insurer_manager', 'insurer_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.answers_calls FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.answers_calls TO rempart_portals;

-- Whom a code, or a line of a card, is about: a member of the visitor's own insurer, or nobody. What is said of them is another
-- question, asked once this one is on record.
CREATE FUNCTION notices.find_caller(of_code bytea, of_card bytea, line smallint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT found.person_ref
    FROM (SELECT m.person_ref FROM notices.message AS m
          WHERE m.code_digest = of_code AND m.insurer_id = accounts.my_insurer() AND notices.has_left(m)
          UNION
          SELECT k.person_ref FROM rights.card_key AS k JOIN rights.card AS c USING (serial)
          WHERE k.serial = of_card AND k.place = line AND c.insurer_id = accounts.my_insurer()) AS found
    WHERE accounts.answers_calls()
    LIMIT 1
$$;

-- What is known of one person of the visitor's insurer, for each incident it was told of: the state of the list, and the last message.
CREATE FUNCTION notices.tell_caller(person bigint)
    RETURNS TABLE (incident_id bigint, title text, exercise boolean, starts_ms bigint, ends_ms bigint, package_number integer,
                   sent_at timestamptz, hidden bigint, tier text, list_fields bigint, message_number bigint, kind text, relation text,
                   certainty text, doubt text, fields bigint, not_exposed bigint, channel text, state text, reason text,
                   state_at timestamptz, left_on date, kept_until date, kept_why text, corrects date, facts jsonb,
                   amc_number text, page_number integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT last.incident_id, last.title, last.exercise, last.starts_ms, last.ends_ms, last.number, last.sent_at, last.hidden,
           listed.tier, COALESCE(listed.lost, 0), said.number, said.kind, said.relation, said.certainty, said.doubt, said.fields,
           said.not_exposed, said.channel, said.state, said.reason, said.state_at, said.left_on, said.kept_until, said.kept_why,
           notices.find_corrected_day(said.former), said.facts, page.amc_number, page.number
    FROM (SELECT DISTINCT ON (p.incident_id) p.incident_id, p.title, p.exercise, p.starts_ms, p.ends_ms, p.number, p.sent_at, p.hidden
          FROM incidents.package AS p
          WHERE p.insurer_id = accounts.my_insurer() AND p.state = 'sent'
          ORDER BY p.incident_id, p.number DESC) AS last
    LEFT JOIN LATERAL (
        SELECT one.tier, one.lost FROM incidents.packaged_person AS one JOIN incidents.package AS p USING (package_ref)
        WHERE one.person_ref = person AND p.incident_id = last.incident_id AND p.insurer_id = accounts.my_insurer() AND p.state = 'sent'
        ORDER BY p.number DESC LIMIT 1) AS listed ON true
    LEFT JOIN LATERAL (
        SELECT m.number, m.kind, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed, m.channel, m.state, m.reason, m.state_at,
               m.left_on, m.kept_until, m.kept_why, m.former, c.facts
        FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
        WHERE m.person_ref = person AND m.insurer_id = accounts.my_insurer() AND c.incident_id = last.incident_id
          AND c.approved_at IS NOT NULL
        ORDER BY m.number DESC LIMIT 1) AS said ON true
    LEFT JOIN notices.incident_page AS page ON page.insurer_id = accounts.my_insurer() AND page.incident_id = last.incident_id
        AND notices.is_public(page.page_ref)
    WHERE accounts.answers_calls()
    ORDER BY last.sent_at DESC
$$;
REVOKE EXECUTE ON FUNCTION notices.find_caller, notices.tell_caller FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.find_caller, notices.tell_caller TO rempart_portals;

-- ---------------------------------------------------------------- jobs

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES ('make_self_checks', 'incidents', '{}', '{rempart_portals}');
