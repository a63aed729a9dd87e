-- Retention: schedules that two people approve, runs that carry them out, what holds data back, what people ask of theirs,
-- and the archive: another store, under other keys, that the pages never read. Reasons: docs/adr/0043-retention.md.

-- ---------------------------------------------------------------- schedules

-- How long what is kept (retention/schedule.py): the one approved last is in force; before any, the one of the product.
CREATE TABLE retention.schedule (
    schedule_ref bigint PRIMARY KEY,
    content      text NOT NULL CHECK (length(content) BETWEEN 1 AND 200000),
    digest       bytea NOT NULL CHECK (digest = sha256(convert_to(content, 'UTF8'))),
    note         text NOT NULL CHECK (length(btrim(note)) BETWEEN 1 AND 500),
    state        text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'refused', 'withdrawn')),
    proposed_by  bigint,                                 -- NULL: the command line
    proposed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_by   bigint,                                 -- NULL: the command line
    decided_at   timestamptz,
    -- What it would do on the day it was tried, beside what the one in force does: counts by field and step.
    effect       jsonb,
    tried_on     date,
    CHECK ((effect IS NULL) = (tried_on IS NULL)),
    CHECK ((decided_at IS NULL) = (state = 'proposed')),
    CHECK (state <> 'approved' OR proposed_by IS DISTINCT FROM decided_by)
);
CREATE INDEX schedule_by_state ON retention.schedule (state, decided_at);

CREATE FUNCTION retention.guard_schedule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state = OLD.state AND session_user = 'rempart_keeper' THEN
        RETURN NEW;   -- it was tried
    END IF;
    IF OLD.state <> 'proposed' OR NEW.state = 'proposed' THEN
        RAISE insufficient_privilege USING MESSAGE = 'a schedule is decided once';
    END IF;
    -- Nobody agrees to what they have not seen the effect of.
    IF NEW.state = 'approved' AND NEW.effect IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'a schedule is tried before it is approved';
    END IF;
    NEW.decided_at := clock_timestamp();
    IF session_user = 'rempart_portals' AND (
        (NEW.state = 'withdrawn') <> (OLD.proposed_by IS NOT DISTINCT FROM NEW.decided_by)
        OR (NEW.state = 'approved' AND OLD.proposed_by IS NOT NULL
            AND NOT accounts.stand_apart(OLD.proposed_by, NEW.decided_by, accounts.my_org(), '{operator_admin,operator_dpo}',
                                         OLD.proposed_at))) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two for a schedule';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION retention.guard_schedule FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE ON retention.schedule FOR EACH ROW EXECUTE FUNCTION retention.guard_schedule();

-- ---------------------------------------------------------------- lives

-- What periods count from, once the rows that said it have left; and what left a sealed identity that is still there.
CREATE TABLE retention.life (
    person_ref   bigint PRIMARY KEY,
    insurer_id   integer NOT NULL,
    contract_end date,
    last_payment date,
    -- Fields that were taken out of identity.person as it was in this version of its feed.
    changed_in   bigint NOT NULL DEFAULT 0,
    gone         text[] NOT NULL DEFAULT '{}'
);

-- What interrupts or suspends the actions of a person, or extends their cover: told by their insurer.
CREATE TABLE retention.event (
    event_ref  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insurer_id integer NOT NULL REFERENCES rights.insurer,
    person_ref bigint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('interruption', 'suspension', 'portability')),
    starts_on  date NOT NULL,
    ends_on    date CHECK (ends_on >= starts_on),
    reason     text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 500),
    told_by    bigint,                                   -- NULL: the command line
    told_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (kind <> 'interruption' OR ends_on IS NULL),
    CHECK (kind <> 'portability' OR ends_on IS NOT NULL)
);
CREATE INDEX event_of_person ON retention.event (person_ref);

-- ---------------------------------------------------------------- holds

-- Data of one person or contract that stay beyond their time: some fields, or all. Windows of evidence are retention.hold (0018).
CREATE TABLE retention.data_hold (
    hold_ref       bigint PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('judicial', 'dispute', 'restriction')),
    insurer_id     integer NOT NULL REFERENCES rights.insurer,
    person_ref     bigint,
    contract_ref   bigint,
    -- Whom it keeps: the database finds them when it is placed, while the sheets that name the contract are still there.
    person_refs    bigint[] NOT NULL DEFAULT '{}',
    -- How many: what pages show of them.
    people         integer GENERATED ALWAYS AS (cardinality(person_refs)) STORED,
    fields         text[] NOT NULL DEFAULT '{}',          -- empty: all
    reason         text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 500),
    placed_by      bigint,                                -- NULL: the command line
    placed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_by    bigint,
    released_at    timestamptz,
    release_reason text CHECK (length(btrim(release_reason)) BETWEEN 1 AND 500),
    CHECK (num_nonnulls(person_ref, contract_ref) = 1),
    CHECK ((released_at IS NULL) = (release_reason IS NULL))
);
CREATE INDEX data_hold_of_person ON retention.data_hold USING gin (person_refs) WHERE released_at IS NULL;

-- A hold is placed in force, then released, once, by the database's clock; nothing else of it changes.
CREATE FUNCTION retention.guard_data_hold() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.placed_at := clock_timestamp();
        NEW.person_refs := ARRAY(
            SELECT c.person_ref FROM rights.coverage AS c
            WHERE c.insurer_id = NEW.insurer_id AND (c.person_ref = NEW.person_ref OR NEW.contract_ref = ANY (c.contract_ref))
            UNION SELECT c.person_ref FROM rights.past_coverage AS c
            WHERE c.insurer_id = NEW.insurer_id AND (c.person_ref = NEW.person_ref OR NEW.contract_ref = ANY (c.contract_ref))
            UNION SELECT l.person_ref FROM retention.life AS l
            WHERE l.insurer_id = NEW.insurer_id AND l.person_ref = NEW.person_ref);
        IF NEW.released_at IS NOT NULL OR NEW.person_refs = '{}' THEN
            RAISE insufficient_privilege USING MESSAGE = 'a hold begins in force, and keeps somebody of its insurer';
        END IF;
    ELSE
        IF OLD.released_at IS NOT NULL OR NEW.release_reason IS NULL THEN
            RAISE insufficient_privilege USING MESSAGE = 'a hold is released once';
        END IF;
        NEW.released_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION retention.guard_data_hold FROM PUBLIC;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON retention.data_hold FOR EACH ROW EXECUTE FUNCTION retention.guard_data_hold();

-- The host keeps data of whom an approved inquiry found: two people looked at who asks and why, and nothing is typed again.
CREATE FUNCTION retention.hold_inquired(ref bigint, inquiry bigint, what text, kept text[], why text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    placed bigint;
BEGIN
    IF NOT accounts.is_host() OR COALESCE(accounts.my_role() NOT IN ('operator_admin', 'operator_dpo'), true) THEN
        RAISE insufficient_privilege USING MESSAGE = 'those of the host who answer for what is kept hold data';
    END IF;
    INSERT INTO retention.data_hold (hold_ref, kind, insurer_id, person_ref, fields, reason, placed_by)
    SELECT ref + one.place - 1, what, q.insurer_id, one.person_ref, kept, why, accounts.my_actor()
    FROM accounts.inquiry AS q CROSS JOIN LATERAL unnest(q.person_refs) WITH ORDINALITY AS one (person_ref, place)
    WHERE q.inquiry_ref = inquiry AND q.state = 'approved' AND q.decided_at > clock_timestamp() - interval '7 days';
    GET DIAGNOSTICS placed = ROW_COUNT;
    RETURN placed;
END $$;
REVOKE EXECUTE ON FUNCTION retention.hold_inquired FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.hold_inquired TO rempart_portals;

-- ---------------------------------------------------------------- runs

-- One run: planned, approved by two people, carried out in pieces, certified. Its rows are fixed when it is planned; what changed since
-- is looked at again before each piece.
--   due: what the schedule says; request: what a person asked for; restore: moves to the archive again, after a restore.
CREATE TABLE retention.run (
    run_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin       text NOT NULL CHECK (origin IN ('due', 'request', 'restore')),
    request_ref  bigint,
    day          date NOT NULL,
    schedule     bytea NOT NULL CHECK (length(schedule) = 32),
    state        text NOT NULL DEFAULT 'planning'
        CHECK (state IN ('planning', 'planned', 'approved', 'running', 'done', 'refused')),
    -- Where a plan is taken up again: which store is gone through, and up to where.
    stage        smallint NOT NULL DEFAULT 0,
    after        bigint NOT NULL DEFAULT -9223372036854775808,
    items        bigint NOT NULL DEFAULT 0 CHECK (items >= 0),
    people       bigint NOT NULL DEFAULT 0 CHECK (people >= 0),
    done         bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at   timestamptz,
    routine      boolean NOT NULL DEFAULT false,          -- few people, under a schedule that two people approved
    first_by     bigint,
    first_at     timestamptz,
    second_by    bigint,
    second_at    timestamptz,
    refused_by   bigint,
    refused_at   timestamptz,
    reason       text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    ended_at     timestamptz,
    certificate  text NOT NULL DEFAULT '',                -- a signed note, once it is done
    signed_by    text NOT NULL DEFAULT '',                -- the public key that checks it
    -- What those who decide look at before they do: lines by year of the last day, and those of a few people, without their references.
    preview      jsonb,
    CHECK ((origin = 'request') = (request_ref IS NOT NULL)),
    CHECK (first_at IS NOT NULL OR (first_by IS NULL AND second_at IS NULL)),
    CHECK (second_at IS NULL OR second_by IS DISTINCT FROM first_by),
    CHECK (state NOT IN ('approved', 'running', 'done') OR second_at IS NOT NULL OR routine OR origin = 'restore'),
    CHECK ((state = 'done') = (ended_at IS NOT NULL))
);
-- Two people plan one run, not two.
CREATE UNIQUE INDEX one_run_under_way ON retention.run ((true))
    WHERE origin = 'due' AND state IN ('planning', 'planned', 'approved', 'running');

-- What a run does, line by line; deleted when it is done. Held: due, and kept by what `held_by` names.
CREATE TABLE retention.item (
    run_id     bigint NOT NULL REFERENCES retention.run,
    number     bigint NOT NULL,
    insurer_id integer NOT NULL,
    person_ref bigint NOT NULL,
    subject    bigint NOT NULL,
    field      text NOT NULL,
    step       text NOT NULL CHECK (step IN ('archive', 'delete')),
    rule       text NOT NULL,
    last_day   date,
    held_by    text NOT NULL DEFAULT '',
    state      text NOT NULL CHECK (state IN ('due', 'held', 'done', 'kept')),
    PRIMARY KEY (run_id, number),
    CHECK (state <> 'held' OR held_by <> '')
);
CREATE INDEX item_to_do ON retention.item (run_id, number) WHERE state = 'due';
CREATE UNIQUE INDEX item_of_subject ON retention.item (run_id, subject, field);

-- The same in figures: what people look at, and what stays.
CREATE TABLE retention.tally (
    run_id     bigint NOT NULL REFERENCES retention.run,
    insurer_id integer NOT NULL,
    field      text NOT NULL,
    step       text NOT NULL,
    rule       text NOT NULL,
    held_by    text NOT NULL DEFAULT '',
    planned    bigint NOT NULL DEFAULT 0,
    oldest     date,                                      -- the earliest day one of them was due after
    done       bigint NOT NULL DEFAULT 0,
    kept       bigint NOT NULL DEFAULT 0,                 -- looked at again, and not due any more
    PRIMARY KEY (run_id, insurer_id, field, step, rule, held_by)
);

-- What left, in the order it left: leaves of certificates, and the answer to "were you in the base that day?". References lead to nobody;
-- `known_by` are keyed digests of what the person was known by, which only their own numbers give again.
CREATE TABLE retention.gone (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     bigint NOT NULL,
    insurer_id integer NOT NULL,
    person_ref bigint NOT NULL,
    field      text NOT NULL,
    subject    bigint NOT NULL,
    step       text NOT NULL CHECK (step IN ('archive', 'delete')),
    day        date NOT NULL,
    known_by   uuid[] NOT NULL DEFAULT '{}'
);
CREATE INDEX gone_of_run ON retention.gone (run_id, number);
CREATE UNIQUE INDEX gone_once ON retention.gone (run_id, subject, field, step);
CREATE INDEX gone_of_person ON retention.gone (person_ref);
CREATE INDEX gone_by_key ON retention.gone USING gin (known_by) WHERE known_by <> '{}';

CREATE FUNCTION retention.guard_run() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state = 'planned' AND NEW.state = 'refused' THEN
        NEW.refused_at := clock_timestamp();
    END IF;
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF OLD.state = 'planned' AND NEW.state = 'planned' AND OLD.first_at IS NULL AND NEW.first_by = accounts.my_actor() THEN
        NEW.first_at := clock_timestamp();
    ELSIF OLD.state = 'planned' AND NEW.state = 'approved' AND OLD.first_at IS NOT NULL AND NEW.first_by IS NOT DISTINCT FROM OLD.first_by
        AND NEW.second_by = accounts.my_actor()
        AND (OLD.first_by IS NULL OR accounts.stand_apart(
                OLD.first_by, NEW.second_by, accounts.my_org(), '{operator_admin,operator_dpo}', OLD.first_at)) THEN
        NEW.first_at := OLD.first_at;
        NEW.second_at := clock_timestamp();
    ELSIF OLD.state = 'planned' AND NEW.state = 'refused' AND NEW.refused_by = accounts.my_actor() THEN
        NEW.first_by := OLD.first_by;
        NEW.second_by := OLD.second_by;
    ELSE
        RAISE insufficient_privilege USING MESSAGE = 'a second person approves what is erased';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION retention.guard_run FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE ON retention.run FOR EACH ROW EXECUTE FUNCTION retention.guard_run();

-- ---------------------------------------------------------------- requests of people

CREATE TABLE retention.request (
    request_ref bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    person_ref  bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('access', 'rectification', 'erasure', 'restriction')),
    details     text NOT NULL DEFAULT '' CHECK (length(details) <= 2000),     -- in the person's words, or the insurer's
    made_by     bigint NOT NULL REFERENCES accounts.actor,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    received_on date NOT NULL,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'extended', 'answered', 'refused')),
    extended_at timestamptz,
    extension   text NOT NULL DEFAULT '' CHECK (length(extension) <= 2000),   -- why it takes longer, as the person was told
    answered_by bigint REFERENCES accounts.actor,
    answered_at timestamptz,
    answer      text NOT NULL DEFAULT '' CHECK (length(answer) <= 2000),      -- what the person was told
    CHECK ((state IN ('answered', 'refused')) = (answered_at IS NOT NULL)),
    CHECK ((answered_at IS NULL) = (answer = '') AND (extended_at IS NULL) = (extension = ''))
);
CREATE INDEX request_of_insurer ON retention.request (insurer_id, state, received_on);
CREATE INDEX request_of_person ON retention.request (person_ref);

CREATE FUNCTION retention.guard_request() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state IN ('answered', 'refused') OR (OLD.state = 'extended' AND NEW.state = 'extended') THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = 'this request is answered, or was extended already';
    END IF;
    NEW.extended_at := CASE NEW.state WHEN 'extended' THEN clock_timestamp() ELSE OLD.extended_at END;
    NEW.answered_at := CASE WHEN NEW.state IN ('answered', 'refused') THEN clock_timestamp() END;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION retention.guard_request FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE ON retention.request FOR EACH ROW EXECUTE FUNCTION retention.guard_request();

-- ---------------------------------------------------------------- the archive

CREATE SCHEMA archive;

-- Keys of the archive, one per insurer, wrapped by a master of its own. Without it, what is archived opens nowhere.
CREATE TABLE archive.key (
    insurer_id  integer PRIMARY KEY,
    wrapped_key bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE archive.item (
    subject     bigint NOT NULL,
    field       text NOT NULL,
    person_ref  bigint NOT NULL,
    insurer_id  integer NOT NULL,
    sealed      bytea NOT NULL,
    archived_on date NOT NULL,
    settled_on  date,                                     -- of a claim: what its periods count from
    care_on     date,
    PRIMARY KEY (subject, field)
);
CREATE INDEX archive_of_person ON archive.item (person_ref);

-- ---------------------------------------------------------------- who sees and writes what

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['schedule', 'life', 'event', 'data_hold', 'run', 'item', 'tally', 'gone', 'request'] LOOP
        EXECUTE format('ALTER TABLE retention.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON retention.%I TO rempart_plane_retention USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON retention.%I TO rempart_plane_retention', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['key', 'item'] LOOP
        EXECUTE format('ALTER TABLE archive.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON archive.%I TO rempart_plane_archive USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON archive.%I TO rempart_plane_archive', name);
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA archive TO rempart_plane_archive;
GRANT UPDATE (sealed, archived_on) ON archive.item TO rempart_plane_archive;
GRANT UPDATE ON retention.schedule, retention.life, retention.data_hold, retention.run, retention.item, retention.tally
    TO rempart_plane_retention;
GRANT DELETE ON retention.life, retention.event, retention.run, retention.item, retention.tally TO rempart_plane_retention;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA retention TO rempart_plane_retention;

-- The host's two (permission manage_retention; a test compares) see schedules, runs and figures: no reference of anybody.
DO $$
DECLARE
    name text;
    host text := '((SELECT accounts.is_host()) AND (SELECT accounts.my_role()) IN (''operator_admin'', ''operator_dpo''))';
    -- Permission handle_requests: those of an insurer who answer for its members' data.
    mine text := '((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer()))';
BEGIN
    FOREACH name IN ARRAY ARRAY['schedule', 'run'] LOOP
        EXECUTE format('CREATE POLICY seen ON retention.%I FOR SELECT TO rempart_portals USING (%s)', name, host);
    END LOOP;
    EXECUTE format('CREATE POLICY seen ON retention.tally FOR SELECT TO rempart_portals USING (%s OR %s)', host, mine);
    EXECUTE format('CREATE POLICY added ON retention.schedule FOR INSERT TO rempart_portals'
                   ' WITH CHECK (%s AND proposed_by = (SELECT accounts.my_actor()) AND state = ''proposed'')', host);
    EXECUTE format('CREATE POLICY changed ON retention.schedule FOR UPDATE TO rempart_portals'
                   ' USING (%s AND state = ''proposed'') WITH CHECK (decided_by = (SELECT accounts.my_actor()))', host);
    EXECUTE format('CREATE POLICY changed ON retention.run FOR UPDATE TO rempart_portals'
                   ' USING (%s AND state = ''planned'') WITH CHECK (%s)', host, host);
    EXECUTE format('CREATE POLICY seen ON retention.event FOR SELECT TO rempart_portals USING (%s)', mine);
    -- The host's two see every hold and may release it; whom it keeps is in columns that pages do not read.
    EXECUTE format('CREATE POLICY seen ON retention.data_hold FOR SELECT TO rempart_portals USING (%s OR %s)', host, mine);
    EXECUTE format('CREATE POLICY added ON retention.event FOR INSERT TO rempart_portals'
                   ' WITH CHECK (%s AND told_by = (SELECT accounts.my_actor()))', mine);
    EXECUTE format('CREATE POLICY added ON retention.data_hold FOR INSERT TO rempart_portals'
                   ' WITH CHECK (%s AND placed_by = (SELECT accounts.my_actor()))', mine);
    EXECUTE format('CREATE POLICY changed ON retention.data_hold FOR UPDATE TO rempart_portals'
                   ' USING ((%s OR %s) AND released_at IS NULL) WITH CHECK ((%s OR %s) AND released_by = (SELECT accounts.my_actor()))',
                   host, mine, host, mine);
    EXECUTE format('CREATE POLICY seen ON retention.request FOR SELECT TO rempart_portals'
                   ' USING (%s OR person_ref = (SELECT accounts.my_person()))', mine);
    -- A member asks for themselves; their insurer writes down what came by letter.
    EXECUTE format('CREATE POLICY added ON retention.request FOR INSERT TO rempart_portals'
                   ' WITH CHECK (state = ''open'' AND made_by = (SELECT accounts.my_actor())'
                   ' AND (%s OR (person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer()))))', mine);
    EXECUTE format('CREATE POLICY changed ON retention.request FOR UPDATE TO rempart_portals'
                   ' USING (%s) WITH CHECK (%s AND (state = ''extended'' OR answered_by = (SELECT accounts.my_actor())))', mine, mine);
END $$;

GRANT SELECT ON retention.schedule, retention.run, retention.tally, retention.event, retention.request TO rempart_portals;
GRANT SELECT (hold_ref, kind, insurer_id, people, fields, reason, placed_by, placed_at, released_by, released_at, release_reason)
    ON retention.data_hold TO rempart_portals;
GRANT INSERT (schedule_ref, content, digest, note, proposed_by) ON retention.schedule TO rempart_portals;
GRANT UPDATE (state, decided_by) ON retention.schedule TO rempart_portals;
GRANT UPDATE (state, first_by, second_by, refused_by, reason) ON retention.run TO rempart_portals;
GRANT INSERT (insurer_id, person_ref, kind, starts_on, ends_on, reason, told_by) ON retention.event TO rempart_portals;
GRANT INSERT (hold_ref, kind, insurer_id, person_ref, contract_ref, fields, reason, placed_by) ON retention.data_hold
    TO rempart_portals;
GRANT UPDATE (released_by, release_reason) ON retention.data_hold TO rempart_portals;
GRANT INSERT (request_ref, insurer_id, person_ref, kind, details, made_by, received_on) ON retention.request TO rempart_portals;
GRANT UPDATE (state, extension, answered_by, answer) ON retention.request TO rempart_portals;

-- The keeper reads what is sealed, to seal it elsewhere or to take a part of it out. Whatever else it does, the functions of
-- 0034 do for it: they ask for the record that says it.
GRANT USAGE ON SCHEMA identity, rights TO rempart_keeper;
GRANT SELECT ON identity.person, identity.insurer_key TO rempart_keeper;
GRANT INSERT ON identity.insurer_key TO rempart_keeper;
GRANT UPDATE (sealed, digest) ON identity.person TO rempart_keeper;
GRANT SELECT ON rights.insurer TO rempart_keeper;
CREATE POLICY kept ON rights.insurer FOR SELECT TO rempart_keeper USING (true);

-- ---------------------------------------------------------------- jobs

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('plan_retention', 'routine', '{}', '{rempart_portals}'),
    ('try_schedule', 'routine', '{schedule_ref}', '{rempart_portals}'),
    ('plan_erasure', 'routine', '{request_ref}', '{rempart_portals}'),
    ('run_retention', 'routine', '{run_id}', '{rempart_portals,rempart_keeper}');
GRANT USAGE ON SCHEMA jobs TO rempart_keeper;
GRANT EXECUTE ON FUNCTION jobs.enqueue TO rempart_keeper;
