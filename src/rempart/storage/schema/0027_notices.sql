-- Campaigns: an insurer tells each person what that person lost, and the operator each professional (insurer_id 0 in these tables: it
-- answers for their data itself). Who is written to, by which way, how far it is. The text of a message is never kept: it is written again
-- from the facts that are here, and compared with its digest. Reasons: docs/adr/0040-campaigns.md, 0049-professionals-are-told.md.

CREATE SCHEMA notices AUTHORIZATION rempart_owner;
GRANT USAGE ON SCHEMA notices TO rempart_plane_notices, rempart_portals;

-- ---------------------------------------------------------------- where people are reached

-- The key that seals the contact data of one insurer, wrapped by the master key. Not that of its identities: whoever writes letters
-- opens what the insurer gave for them, and nothing else. 0: the operator's, for professionals.
CREATE TABLE notices.contact_key (
    insurer_id  integer PRIMARY KEY,
    of_insurer  integer GENERATED ALWAYS AS (NULLIF(insurer_id, 0)) STORED REFERENCES rights.insurer,
    wrapped_key bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A file that an insurer gave: contact data, or the list of letters that came back. Its bytes, sealed, until it is read.
CREATE TABLE notices.contact_file (
    file_ref    bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    holds       text NOT NULL DEFAULT 'contacts' CHECK (holds IN ('contacts', 'returns')),
    sealed      bytea,
    uploaded_by bigint NOT NULL,                              -- 0: the host's command line
    uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'read', 'refused')),
    rows        integer NOT NULL DEFAULT 0 CHECK (rows >= 0),     -- taken
    refused     integer NOT NULL DEFAULT 0 CHECK (refused >= 0),
    -- What could not be read, or is odd, and where: [{"line", "field", "rule"}], never a value.
    findings    jsonb NOT NULL DEFAULT '[]',
    read_at     timestamptz,
    CHECK ((state = 'received') = (sealed IS NOT NULL)),
    CHECK ((state = 'received') = (read_at IS NULL))
);
CREATE INDEX contact_file_of_insurer ON notices.contact_file (insurer_id, uploaded_at);
ALTER TABLE notices.contact_file ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- Where a person is reached, as the insurer says; the latest file wins. Of a professional, no file says it: the accounts do. `flags` and `language` are what chooses a way and a print
-- without opening the rest (notices/contacts.py). `household`: keyed digest of addressee and postal address; NULL: no address.
CREATE TABLE notices.contact (
    insurer_id integer NOT NULL REFERENCES notices.contact_key,
    person_ref bigint NOT NULL,
    file_ref   bigint REFERENCES notices.contact_file,
    sealed     bytea NOT NULL,
    household  bytea CHECK (length(household) = 16),
    flags      smallint NOT NULL DEFAULT 0 CHECK (flags >= 0),
    language   text NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
    PRIMARY KEY (insurer_id, person_ref),
    CHECK ((insurer_id = 0) = (file_ref IS NULL))
);
CREATE INDEX contact_of_file ON notices.contact (file_ref);

-- ---------------------------------------------------------------- campaigns

-- What one insurer tells about one incident, after one package; or the operator, after one analysis. Numbers follow each other. States: notices/campaigns.py, which a
-- test compares with the trigger below.
CREATE TABLE notices.campaign (
    campaign_ref  bigint PRIMARY KEY,
    incident_id   bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id    integer NOT NULL,
    of_insurer    integer GENERATED ALWAYS AS (NULLIF(insurer_id, 0)) STORED REFERENCES rights.insurer,
    number        integer NOT NULL CHECK (number >= 1),
    package_ref   bigint REFERENCES incidents.package,
    analysis      integer,                                  -- what the list of professionals comes from
    kind          text NOT NULL CHECK (kind IN ('notice', 'correction', 'retraction', 'professional')),
    exercise      boolean NOT NULL,
    facts         jsonb NOT NULL CHECK (jsonb_typeof(facts) = 'object' AND length(facts::text) <= 20000),
    facts_digest  bytea CHECK (length(facts_digest) = 32),  -- of facts and texts its messages were prepared from
    wrapped_key   bytea,                                    -- derives the codes of its messages
    state         text NOT NULL DEFAULT 'draft' CHECK (state IN (
        'draft', 'preparing', 'prepared', 'proposed', 'approved', 'sending', 'paused', 'done', 'stopped')),
    per_hour      integer CHECK (per_hour BETWEEN 1 AND 10000000),   -- what the hot line takes; NULL: no limit
    persons       integer NOT NULL DEFAULT 0 CHECK (persons >= 0),   -- one message each, once prepared
    prepared_to   bigint NOT NULL DEFAULT 0,                -- the last person gone through: where preparing is taken up again
    findings      jsonb NOT NULL DEFAULT '[]',              -- of the linter: [{"rule", "blocking", "persons", ...}]
    made_by       bigint NOT NULL,                          -- 0: the host's command line, as in what follows
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    prepared_at   timestamptz,
    proposed_by   bigint,
    proposed_at   timestamptz,
    approved_by   bigint,
    approved_at   timestamptz,
    started_at    timestamptz,
    decided_by    bigint,                                   -- who paused, resumed, stopped or sent it back last
    reason        text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    ended_at      timestamptz,
    forgotten_at  timestamptz,                              -- when the contact data it needed were deleted
    UNIQUE (incident_id, insurer_id, number),
    UNIQUE (campaign_ref, insurer_id),
    FOREIGN KEY (incident_id, analysis) REFERENCES incidents.analysis ON DELETE CASCADE,
    CHECK ((insurer_id = 0) = (package_ref IS NULL) AND (insurer_id = 0) = (analysis IS NOT NULL)),
    CHECK (insurer_id = 0 OR kind <> 'professional'),
    CHECK ((proposed_by IS NULL) = (proposed_at IS NULL)),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (state NOT IN ('approved', 'sending', 'paused', 'done') OR (approved_at IS NOT NULL AND approved_by <> proposed_by)),
    CHECK ((state IN ('done', 'stopped')) = (ended_at IS NOT NULL))
);
CREATE INDEX campaign_of_insurer ON notices.campaign (insurer_id, made_at);
-- One at a time is being made or sent about an incident: two would tell the same persons twice.
CREATE UNIQUE INDEX one_open_campaign ON notices.campaign (incident_id, insurer_id) WHERE state NOT IN ('done', 'stopped');

-- ---------------------------------------------------------------- messages

CREATE TABLE notices.letter_batch (
    batch_ref     bigint PRIMARY KEY,
    campaign_ref  bigint NOT NULL,
    insurer_id    integer NOT NULL,
    number        integer NOT NULL CHECK (number >= 1),
    letters       integer NOT NULL CHECK (letters >= 0),
    pages         integer NOT NULL CHECK (pages >= 0),
    digest        bytea NOT NULL CHECK (length(digest) = 32),   -- of its file
    state         text NOT NULL DEFAULT 'made' CHECK (state IN ('made', 'downloaded', 'posted')),
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    written_at    timestamptz,                                  -- NULL: decided, its file not known to be on a disk
    sealed_for    bytea CHECK (length(sealed_for) = 32),        -- the certificate its copy for the insurer opens with; NULL: none
    downloaded_by bigint,                                       -- who took that copy last; each time is in the ledger
    downloaded_at timestamptz,
    posted_by     bigint,
    posted_at     timestamptz,
    UNIQUE (campaign_ref, number),
    FOREIGN KEY (campaign_ref, insurer_id) REFERENCES notices.campaign (campaign_ref, insurer_id) ON DELETE CASCADE,
    CHECK ((downloaded_by IS NULL) = (downloaded_at IS NULL) AND (downloaded_by IS NULL OR sealed_for IS NOT NULL)),
    CHECK ((state = 'posted') = (posted_at IS NOT NULL) AND (posted_by IS NULL) = (posted_at IS NULL))
);

-- What one person is told in one campaign: one row each, so that nobody is sent two. The facts of the text are here; names and
-- addresses are in the contact, and go with it.
--   waiting  -> sending: written before the relay is spoken to; found there after a crash, it may have left
--   sending  -> sent, bounced, or waiting as a letter
--   printed  -> posted -> returned
--   held: nobody can be written to as things are, `reason` says why;  dropped: it will not be sent, `reason` says why
CREATE TABLE notices.message (
    number       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    campaign_ref bigint NOT NULL,
    insurer_id   integer NOT NULL,
    person_ref   bigint NOT NULL,                   -- of a professional, the account
    kind         text NOT NULL CHECK (kind IN ('notice', 'correction', 'retraction', 'professional')),
    former       bigint REFERENCES notices.message (number),     -- the one it corrects
    relation     text NOT NULL CHECK (relation IN ('member', 'minor', 'former', 'professional')),
    certainty    text NOT NULL CHECK (certainty IN ('A', 'B', 'C', 'D')),
    doubt        text CHECK (doubt IN ('shared_session', 'thief_was_near', 'only_a_judgement', 'hole_in_the_logs',
                                     'explained', 'explained_or_hole')),
    fields       bigint NOT NULL,                   -- lost, as the exposure list says: what the text names
    not_exposed  bigint NOT NULL DEFAULT 0 CHECK (fields & not_exposed = 0),
    left_on      date,
    kept_until   date,
    kept_why     text CHECK (kept_why IN ('reimbursements', 'portability', 'accounting', 'money_laundering')),
    language     text NOT NULL CHECK (language IN ('fr', 'en')),
    variant      text NOT NULL DEFAULT 'standard' CHECK (variant IN ('standard', 'large_print', 'plain')),
    is_second    boolean NOT NULL DEFAULT false,    -- a letter after an e-mail that may have arrived: its text says so
    household    bytea CHECK (length(household) = 16),
    channel      text NOT NULL CHECK (channel IN ('email', 'letter', 'space')),
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting', 'sending', 'sent', 'bounced', 'printed', 'posted', 'returned', 'held', 'dropped')),
    reason       text NOT NULL DEFAULT '' CHECK (reason ~ '^[a-z0-9_]{0,40}$'),
    digest       bytea CHECK (length(digest) = 32),          -- of the text; NULL: held, nothing is written
    code_digest  bytea UNIQUE CHECK (length(code_digest) = 32),
    attempts     smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    batch_ref    bigint REFERENCES notices.letter_batch,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    state_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (campaign_ref, person_ref),
    FOREIGN KEY (campaign_ref, insurer_id) REFERENCES notices.campaign (campaign_ref, insurer_id) ON DELETE CASCADE,
    CHECK ((relation = 'professional') = (insurer_id = 0) AND (kind <> 'professional' OR insurer_id = 0)),
    CHECK ((relation = 'former') = (left_on IS NOT NULL)),
    CHECK ((left_on IS NULL) = (kept_until IS NULL) AND (left_on IS NULL) = (kept_why IS NULL)),
    CHECK ((certainty IN ('B', 'C')) = (doubt IS NOT NULL)),
    CHECK ((digest IS NULL) = (code_digest IS NULL)),
    CHECK (digest IS NOT NULL OR state IN ('held', 'dropped')),
    CHECK ((kind = 'notice' OR kind = 'professional') = (former IS NULL))
);
-- The work that waits, in the order it is done; and how many are where.
CREATE INDEX message_by_state ON notices.message (campaign_ref, channel, state, number);
CREATE INDEX message_of_person ON notices.message (person_ref, number);
CREATE INDEX message_of_household ON notices.message (campaign_ref, household) WHERE channel = 'letter' AND household IS NOT NULL;
-- What left last: how fast a campaign goes, and e-mails of which nobody knows whether they left.
CREATE INDEX message_moved ON notices.message (campaign_ref, state_at) WHERE state IN ('sending', 'sent', 'printed');
CREATE INDEX message_of_batch ON notices.message (batch_ref) WHERE batch_ref IS NOT NULL;
CREATE INDEX message_corrected ON notices.message (former) WHERE former IS NOT NULL;

-- Each try to deliver one message, and what came of it: added to, never changed. `code` is what the relay or the post office answered,
-- never its words, which quote addresses.
CREATE TABLE notices.attempt (
    attempt_ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number      bigint NOT NULL REFERENCES notices.message (number) ON DELETE CASCADE,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    channel     text NOT NULL CHECK (channel IN ('email', 'letter', 'space')),
    outcome     text NOT NULL CHECK (outcome ~ '^[a-z_]{1,40}$'),
    code        text NOT NULL DEFAULT '' CHECK (code ~ '^[A-Za-z0-9. -]{0,20}$')
);
CREATE INDEX attempt_of_message ON notices.attempt (number, attempt_ref);

CREATE FUNCTION notices.keep_attempt() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'what was tried stays as it was written';
END $$;
CREATE TRIGGER keep_attempt BEFORE UPDATE ON notices.attempt FOR EACH ROW EXECUTE FUNCTION notices.keep_attempt();

-- ---------------------------------------------------------------- what a campaign may become, and by whom

CREATE FUNCTION notices.check_campaign() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    by_page boolean := session_user = 'rempart_portals';
    step    text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR NOT EXISTS (
                SELECT FROM incidents.package AS p
                WHERE p.package_ref = NEW.package_ref AND p.incident_id = NEW.incident_id AND p.insurer_id = NEW.insurer_id
                  AND p.exercise = NEW.exercise AND p.state = 'sent'
                UNION ALL
                SELECT FROM incidents.incident AS i
                WHERE NEW.insurer_id = 0 AND i.incident_id = NEW.incident_id AND i.exercise = NEW.exercise) THEN
            RAISE insufficient_privilege USING
                MESSAGE = 'a campaign begins as a draft about a package that was sent to its insurer, or about the operator''s own list';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.campaign_ref, NEW.incident_id, NEW.insurer_id, NEW.number, NEW.package_ref, NEW.analysis, NEW.kind, NEW.exercise, NEW.made_by)
       IS DISTINCT FROM (OLD.campaign_ref, OLD.incident_id, OLD.insurer_id, OLD.number, OLD.package_ref, OLD.analysis, OLD.kind,
                         OLD.exercise, OLD.made_by) THEN
        RAISE insufficient_privilege USING MESSAGE = 'what a campaign is about does not change: make another';
    END IF;
    -- What was looked at before somebody agreed is what is sent.
    IF (NEW.facts, NEW.facts_digest, NEW.wrapped_key) IS DISTINCT FROM (OLD.facts, OLD.facts_digest, OLD.wrapped_key)
       AND NOT (OLD.state IN ('draft', 'prepared') AND NEW.state IN ('draft', 'preparing')
                OR OLD.state = 'preparing' AND NEW.state IN ('preparing', 'prepared')) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the facts of a campaign that is proposed stay as they are';
    END IF;
    IF NEW.state = OLD.state THEN
        IF (NEW.proposed_by, NEW.approved_by, NEW.decided_by) IS DISTINCT FROM (OLD.proposed_by, OLD.approved_by, OLD.decided_by) THEN
            RAISE insufficient_privilege USING MESSAGE = 'who decided stays as it was written';
        END IF;
        RETURN NEW;
    END IF;
    step := ARRAY[OLD.state, NEW.state];
    IF step NOT IN (ARRAY['draft', 'preparing'], ARRAY['preparing', 'prepared'], ARRAY['preparing', 'draft'],
                    ARRAY['prepared', 'draft'], ARRAY['prepared', 'proposed'], ARRAY['proposed', 'draft'],
                    ARRAY['proposed', 'approved'], ARRAY['approved', 'sending'], ARRAY['approved', 'paused'],
                    ARRAY['sending', 'paused'], ARRAY['paused', 'sending'], ARRAY['sending', 'done'])
       AND NOT (NEW.state = 'stopped' AND OLD.state <> 'done') THEN
        RAISE insufficient_privilege USING MESSAGE = 'this step of a campaign is not allowed';
    END IF;
    -- The addresses of an exercise are those of real people.
    IF NEW.exercise AND NEW.state = 'sending' THEN
        RAISE insufficient_privilege USING MESSAGE = 'the messages of an exercise leave for nobody';
    END IF;
    IF NEW.state = 'draft' THEN
        NEW.proposed_by := NULL;
        NEW.proposed_at := NULL;
        NEW.prepared_at := NULL;
    ELSIF NEW.state = 'prepared' THEN
        NEW.prepared_at := clock_timestamp();
    ELSIF NEW.state = 'proposed' THEN
        NEW.proposed_at := clock_timestamp();
    ELSIF NEW.state = 'approved' THEN
        NEW.approved_at := clock_timestamp();
    ELSIF NEW.state = 'sending' THEN
        NEW.started_at := COALESCE(OLD.started_at, clock_timestamp());
    ELSIF NEW.state IN ('done', 'stopped') THEN
        NEW.ended_at := clock_timestamp();
    END IF;
    IF NEW.state NOT IN ('draft', 'proposed') AND NEW.proposed_by IS DISTINCT FROM OLD.proposed_by
       OR NEW.state <> 'approved' AND NEW.approved_by IS DISTINCT FROM OLD.approved_by THEN
        RAISE insufficient_privilege USING MESSAGE = 'who decided stays as it was written';
    END IF;
    -- The host's page that takes a package back pauses what rests on it (follow_package below).
    IF NOT by_page OR (pg_trigger_depth() > 1 AND NEW.state = 'paused' AND NEW.decided_by = 0) THEN
        RETURN NEW;
    END IF;
    IF step IN (ARRAY['preparing', 'prepared'], ARRAY['approved', 'sending'], ARRAY['sending', 'done'])
       OR (NEW.state = 'proposed' AND NEW.proposed_by IS DISTINCT FROM accounts.my_actor())
       OR (NEW.state = 'approved' AND NEW.approved_by IS DISTINCT FROM accounts.my_actor())
       OR ((NEW.state IN ('paused', 'stopped') OR step = ARRAY['paused', 'sending'] OR step = ARRAY['proposed', 'draft'])
           AND NEW.decided_by IS DISTINCT FROM accounts.my_actor()) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a page names its own visitor only, and leaves the rest to those who prepare and send';
    END IF;
    IF NEW.state = 'approved' AND NOT (OLD.proposed_by = 0 OR accounts.stand_apart(
            OLD.proposed_by, NEW.approved_by, accounts.my_org(), '{insurer_admin,insurer_dpo,operator_admin,operator_dpo}',
            OLD.proposed_at)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_campaign BEFORE INSERT OR UPDATE ON notices.campaign
    FOR EACH ROW EXECUTE FUNCTION notices.check_campaign();
REVOKE EXECUTE ON FUNCTION notices.keep_attempt, notices.check_campaign FROM PUBLIC;

-- What a message says does not change once its campaign is proposed: only where it is, and by which way it goes.
CREATE FUNCTION notices.keep_message() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.number, NEW.campaign_ref, NEW.insurer_id, NEW.person_ref, NEW.kind, NEW.former, NEW.relation, NEW.certainty, NEW.doubt,
        NEW.fields, NEW.not_exposed, NEW.left_on, NEW.kept_until, NEW.kept_why, NEW.language, NEW.code_digest)
       IS DISTINCT FROM
       (OLD.number, OLD.campaign_ref, OLD.insurer_id, OLD.person_ref, OLD.kind, OLD.former, OLD.relation, OLD.certainty, OLD.doubt,
        OLD.fields, OLD.not_exposed, OLD.left_on, OLD.kept_until, OLD.kept_why, OLD.language, OLD.code_digest)
       OR (NEW.digest IS DISTINCT FROM OLD.digest AND OLD.channel = NEW.channel) THEN
        RAISE insufficient_privilege USING MESSAGE = 'what a message says stays as it was prepared';
    END IF;
    IF NEW.state <> OLD.state THEN
        NEW.state_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION notices.keep_message FROM PUBLIC;
CREATE TRIGGER keep_message BEFORE UPDATE ON notices.message FOR EACH ROW EXECUTE FUNCTION notices.keep_message();

-- Messages are prepared again as long as nobody was asked to agree to them; from then on they stay.
CREATE FUNCTION notices.keep_prepared() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT c.state FROM notices.campaign AS c WHERE c.campaign_ref = OLD.campaign_ref) NOT IN ('draft', 'preparing') THEN
        RAISE insufficient_privilege USING MESSAGE = 'the messages of a campaign that was prepared stay';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER keep_prepared BEFORE DELETE ON notices.message FOR EACH ROW EXECUTE FUNCTION notices.keep_prepared();

-- The insurer is told something else while its campaign is under way: whoever was not written to yet, and of whom the new package says
-- otherwise, waits for a correction. A package taken back stops the machine until somebody decides.
CREATE FUNCTION notices.follow_package() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state = 'sent' THEN
        UPDATE notices.message AS m SET state = 'held', reason = 'package_changed'
        FROM notices.campaign AS c, incidents.packaged_person AS p
        WHERE c.incident_id = NEW.incident_id AND c.insurer_id = NEW.insurer_id AND c.state NOT IN ('done', 'stopped')
          AND m.campaign_ref = c.campaign_ref AND m.state = 'waiting'
          AND p.package_ref = NEW.package_ref AND p.person_ref = m.person_ref
          AND (m.certainty, m.fields)
              IS DISTINCT FROM (COALESCE(p.tier, 'D'), COALESCE(NULLIF(p.lost, 0), p.fields));
    ELSE
        UPDATE notices.campaign AS c SET state = 'paused', decided_by = 0, reason = 'package withdrawn'
        WHERE c.package_ref = NEW.package_ref AND c.state IN ('approved', 'sending');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_package AFTER UPDATE OF state ON incidents.package
    FOR EACH ROW WHEN (NEW.state IN ('sent', 'withdrawn') AND OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION notices.follow_package();
REVOKE EXECUTE ON FUNCTION notices.keep_prepared, notices.follow_package FROM PUBLIC;

-- A batch is taken, then posted, under the name of whoever does it; its letters go with it.
CREATE FUNCTION notices.check_batch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    by_page boolean := session_user = 'rempart_portals';
BEGIN
    IF OLD.state = 'posted' AND NEW.state <> 'posted' OR OLD.state = 'downloaded' AND NEW.state = 'made'
       OR (OLD.written_at IS NULL AND NEW.state <> 'made') THEN
        RAISE insufficient_privilege USING MESSAGE = 'a batch is written, taken, posted, in that order';
    END IF;
    IF (NEW.downloaded_by, NEW.downloaded_at) IS DISTINCT FROM (OLD.downloaded_by, OLD.downloaded_at) THEN
        NEW.downloaded_at := clock_timestamp();
    END IF;
    IF NEW.state = 'posted' AND OLD.state <> 'posted' THEN
        NEW.posted_at := clock_timestamp();
    END IF;
    IF by_page AND (NEW.downloaded_at IS DISTINCT FROM OLD.downloaded_at AND NEW.downloaded_by IS DISTINCT FROM accounts.my_actor()
                    OR NEW.posted_at IS DISTINCT FROM OLD.posted_at AND NEW.posted_by IS DISTINCT FROM accounts.my_actor()
                    OR NEW.posted_at IS NOT DISTINCT FROM OLD.posted_at AND NEW.posted_by IS DISTINCT FROM OLD.posted_by) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a page names its own visitor only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_batch BEFORE UPDATE ON notices.letter_batch FOR EACH ROW EXECUTE FUNCTION notices.check_batch();

CREATE FUNCTION notices.post_letters() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH moved AS (
        UPDATE notices.message AS m SET state = 'posted' WHERE m.batch_ref = NEW.batch_ref AND m.state = 'printed' RETURNING m.number)
    INSERT INTO notices.attempt (number, channel, outcome) SELECT moved.number, 'letter', 'posted' FROM moved;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION notices.check_batch, notices.post_letters FROM PUBLIC;
CREATE TRIGGER post_letters AFTER UPDATE OF state ON notices.letter_batch
    FOR EACH ROW WHEN (NEW.state = 'posted' AND OLD.state <> 'posted') EXECUTE FUNCTION notices.post_letters();

-- ---------------------------------------------------------------- who sees what

-- True for the host's agents who answer for professionals' data (permission make_campaign; a test compares).
CREATE FUNCTION accounts.answers_for_professionals() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.is_host() AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_dpo'), false) $$;
-- Whose campaigns the visitor sees and decides: of their insurer, or the operator's own (0); NULL: nobody's.
CREATE FUNCTION accounts.tells_for() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN accounts.answers_for_members() THEN accounts.my_insurer() WHEN accounts.answers_for_professionals() THEN 0 END $$;
REVOKE EXECUTE ON FUNCTION accounts.answers_for_professionals, accounts.tells_for FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.answers_for_professionals, accounts.tells_for TO rempart_portals;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contact_key', 'contact_file', 'contact', 'campaign', 'letter_batch', 'message', 'attempt'] LOOP
        EXECUTE format('ALTER TABLE notices.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON notices.%I TO rempart_plane_notices USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON notices.%I TO rempart_plane_notices', name);
    END LOOP;
    -- Those of an insurer who answer for its members' data. Keys and contact data are closed to the pages.
    FOREACH name IN ARRAY ARRAY['contact_file', 'campaign', 'letter_batch', 'message'] LOOP
        EXECUTE format('CREATE POLICY seen ON notices.%I FOR SELECT TO rempart_portals'
                       ' USING (insurer_id = (SELECT accounts.tells_for()))', name);
    END LOOP;
END $$;
GRANT DELETE ON notices.contact_file, notices.contact, notices.message TO rempart_plane_notices;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA notices TO rempart_plane_notices;
CREATE POLICY seen ON notices.attempt FOR SELECT TO rempart_portals
    USING ((SELECT accounts.tells_for()) IS NOT NULL AND number IN (SELECT m.number FROM notices.message AS m));
-- Whom nothing is sent to by itself is told in another way, and that is said here.
CREATE POLICY changed ON notices.message FOR UPDATE TO rempart_portals
    USING (insurer_id = (SELECT accounts.tells_for()) AND state = 'held')
    WITH CHECK (insurer_id = (SELECT accounts.tells_for()) AND state = 'dropped' AND reason = 'told_otherwise');
GRANT UPDATE (state, reason) ON notices.message TO rempart_portals;
CREATE POLICY added ON notices.contact_file FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND uploaded_by = (SELECT accounts.my_actor()));
CREATE POLICY added ON notices.campaign FOR INSERT TO rempart_portals
    WITH CHECK (insurer_id = (SELECT accounts.tells_for()) AND made_by = (SELECT accounts.my_actor())
                AND (insurer_id = 0 OR package_ref IN (SELECT p.package_ref FROM incidents.package AS p)));
CREATE POLICY changed ON notices.campaign FOR UPDATE TO rempart_portals
    USING (insurer_id = (SELECT accounts.tells_for()))
    WITH CHECK (insurer_id = (SELECT accounts.tells_for()));

GRANT SELECT (file_ref, insurer_id, holds, uploaded_by, uploaded_at, state, rows, refused, findings, read_at) ON notices.contact_file
    TO rempart_portals;
GRANT INSERT (file_ref, insurer_id, holds, sealed, uploaded_by) ON notices.contact_file TO rempart_portals;
GRANT SELECT (campaign_ref, incident_id, insurer_id, number, package_ref, analysis, kind, exercise, facts, facts_digest, state, per_hour,
    persons, findings, made_by, made_at, prepared_at, proposed_by, proposed_at, approved_by, approved_at, started_at, decided_by,
    reason, ended_at, forgotten_at) ON notices.campaign TO rempart_portals;
GRANT INSERT (campaign_ref, incident_id, insurer_id, number, package_ref, analysis, kind, exercise, facts, per_hour, made_by)
    ON notices.campaign TO rempart_portals;
GRANT UPDATE (facts, per_hour, state, proposed_by, approved_by, decided_by, reason) ON notices.campaign TO rempart_portals;
GRANT SELECT ON notices.letter_batch, notices.attempt TO rempart_portals;
CREATE POLICY changed ON notices.letter_batch FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()))
    WITH CHECK (insurer_id = (SELECT accounts.my_insurer()) AND state IN ('downloaded', 'posted'));
GRANT UPDATE (state, downloaded_by, downloaded_at, posted_by) ON notices.letter_batch TO rempart_portals;
-- Neither who it is about nor the code on it: a page names a message by its number.
GRANT SELECT (number, campaign_ref, insurer_id, kind, former, relation, certainty, doubt, fields, not_exposed, left_on, kept_until, kept_why,
    language, variant, is_second, channel, state, reason, digest, attempts, batch_ref, made_at, state_at) ON notices.message TO rempart_portals;

-- Whoever prepares and sends: what was packaged for the insurer, since when somebody is covered or is not. Nothing of identity but what
-- the insurer gave to be written to.
GRANT USAGE ON SCHEMA incidents, rights, jobs TO rempart_notifier;
GRANT SELECT ON incidents.package, incidents.packaged_person TO rempart_notifier;
GRANT SELECT (incident_id, title, exercise, starts_ms, ends_ms, declared_at) ON incidents.incident TO rempart_notifier;
GRANT SELECT ON rights.insurer, rights.coverage, rights.past_coverage TO rempart_notifier;
CREATE POLICY told ON incidents.package FOR SELECT TO rempart_notifier USING (sent_at IS NOT NULL);
CREATE POLICY told ON incidents.incident FOR SELECT TO rempart_notifier USING (true);
CREATE POLICY told ON rights.insurer FOR SELECT TO rempart_notifier USING (true);
GRANT EXECUTE ON FUNCTION jobs.enqueue TO rempart_notifier;
-- Letters are sealed for the insurer whose persons read them.
GRANT SELECT ON incidents.sealing_key TO rempart_notifier;
CREATE POLICY told ON incidents.sealing_key FOR SELECT TO rempart_notifier USING (state = 'approved');

-- Whether somebody has come into a member space of their own: a message can be read there.
CREATE FUNCTION notices.has_space(insurer integer, person bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM accounts.member AS m
        WHERE m.insurer_id = insurer AND m.person_ref = person
          AND EXISTS (SELECT FROM accounts.session AS s WHERE s.actor_ref = m.actor_ref))
$$;
REVOKE EXECUTE ON FUNCTION notices.has_space FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.has_space TO rempart_plane_notices;

-- ---------------------------------------------------------------- jobs

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('read_contacts', 'incidents', '{file_ref}', '{rempart_portals,rempart_notifier}'),
    ('read_post_returns', 'incidents', '{file_ref}', '{rempart_portals}'),
    ('prepare_campaign', 'incidents', '{campaign_ref}', '{rempart_portals,rempart_notifier}'),
    ('forget_contacts', 'routine', '{}', '{}'),
    ('send_notices', 'routine', '{}', '{rempart_notifier}'),
    ('print_letters', 'routine', '{}', '{rempart_notifier}'),
    ('read_bounces', 'routine', '{}', '{}');
