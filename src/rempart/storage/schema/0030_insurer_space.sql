-- An insurer's own space: limits stricter than the operator's, files of members opened one at a time, feeds as their sender sees them,
-- and the watch over claims of those whom an incident exposed. Reasons: docs/adr/0046-one-file-at-a-time.md.

-- The insurer of whoever works for one; NULL for its members, and for everybody else.
CREATE FUNCTION accounts.agent_insurer() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN accounts.my_role() IN ('insurer_admin', 'insurer_manager', 'insurer_dpo') THEN accounts.my_insurer() END $$;
REVOKE EXECUTE ON FUNCTION accounts.agent_insurer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.agent_insurer TO rempart_portals;

-- ---------------------------------------------------------------- limits of an insurer's own

-- What may be asked about an insurer's members without presence, and how many of their files one agent opens in a day. Every version is
-- kept; the last one set that has begun holds. The operator's own limits hold besides: the strictest of each.
CREATE TABLE rights.insurer_limit (
    limit_ref             bigint PRIMARY KEY,
    insurer_id            integer NOT NULL REFERENCES rights.insurer,
    required              boolean NOT NULL,   -- presence for whoever an account has not seen with presence
    known_faces           boolean NOT NULL,   -- whether those it has seen may be typed
    typed_persons_per_day integer CHECK (typed_persons_per_day >= 0),   -- new members of theirs, an account and a day; NULL: no bound
    files_per_day         integer NOT NULL CHECK (files_per_day BETWEEN 1 AND 300),
    reason                text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    set_by                bigint NOT NULL,
    set_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    active_from           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX insurer_limit_newest ON rights.insurer_limit (insurer_id, set_at DESC);

-- A page tightens at once; what it loosens waits a day, in which a colleague who did not want it sets it back.
CREATE FUNCTION rights.date_limit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held rights.insurer_limit;
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('limits of an insurer', NEW.insurer_id));
    SELECT l.* INTO held FROM rights.insurer_limit AS l
    WHERE l.insurer_id = NEW.insurer_id AND l.active_from <= clock_timestamp() ORDER BY l.set_at DESC LIMIT 1;
    NEW.set_at := clock_timestamp();
    NEW.active_from := NEW.set_at;
    IF held.limit_ref IS NOT NULL
       AND ((held.required AND NOT NEW.required) OR (NEW.known_faces AND NOT held.known_faces)
            OR COALESCE(NEW.typed_persons_per_day, 2147483647) > COALESCE(held.typed_persons_per_day, 2147483647)
            OR NEW.files_per_day > held.files_per_day) THEN
        NEW.active_from := NEW.set_at + interval '24 hours';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION rights.date_limit FROM PUBLIC;
CREATE TRIGGER date_limit BEFORE INSERT ON rights.insurer_limit FOR EACH ROW EXECUTE FUNCTION rights.date_limit();

ALTER TABLE rights.insurer_limit ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.insurer_limit TO rempart_plane_rights, rempart_gateway USING (true) WITH CHECK (true);
CREATE POLICY seen ON rights.insurer_limit FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host()) OR insurer_id = (SELECT accounts.agent_insurer()));
CREATE POLICY added ON rights.insurer_limit FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                AND set_by = (SELECT accounts.my_actor()));
GRANT SELECT ON rights.insurer_limit TO rempart_portals, rempart_gateway;
GRANT INSERT (limit_ref, insurer_id, required, known_faces, typed_persons_per_day, files_per_day, reason, set_by)
    ON rights.insurer_limit TO rempart_portals;
GRANT SELECT, INSERT ON rights.insurer_limit TO rempart_plane_rights;

-- A result is a look-up (ADR 39): the insurer that was named, whether there is such a member or not, so that its limits refuse both alike.
ALTER TABLE claims.claim ADD COLUMN named_insurer integer NOT NULL DEFAULT 0;   -- 0: a card named nobody's insurer, or one not known

-- ---------------------------------------------------------------- files of members

-- Each question of an agent about one of its insurer's members, or about one contract; one that found nobody counts too. Read through
-- the functions below only, by the session that opened it, for half an hour. Names are not there: they stay sealed.
CREATE TABLE rights.member_file (
    file_ref     bigint PRIMARY KEY,
    insurer_id   integer NOT NULL REFERENCES rights.insurer,
    person_ref   bigint,   -- NULL: nobody, or a contract's file
    contract_ref bigint,   -- NULL: a person's file
    motive       text NOT NULL CHECK (motive IN ('service', 'claim', 'complaint', 'access', 'incident', 'control')),
    actor_ref    bigint NOT NULL,
    session_ref  bigint NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(person_ref, contract_ref) <= 1)
);
CREATE INDEX member_file_of_actor ON rights.member_file (actor_ref, opened_at);
ALTER TABLE rights.member_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON rights.member_file TO rempart_plane_rights USING (true) WITH CHECK (true);
CREATE POLICY seen ON rights.member_file FOR SELECT TO rempart_portals
    USING (session_ref = (SELECT accounts.my_session()) AND insurer_id = (SELECT accounts.agent_insurer()));
GRANT SELECT, DELETE ON rights.member_file TO rempart_plane_rights;
-- Not whom it is about: a page that is read shows no reference of anybody.
GRANT SELECT (file_ref, insurer_id, motive, opened_at) ON rights.member_file TO rempart_portals;

-- Who is on each contract, as of last night: an index on coverages would cost feeds half of their speed. What it leads to is looked up
-- again in coverages, so that whoever left since is not found.
CREATE TABLE rights.contract_person (
    contract_ref bigint NOT NULL,
    person_ref   bigint NOT NULL,
    PRIMARY KEY (contract_ref, person_ref)
);
GRANT SELECT, DELETE ON rights.contract_person TO rempart_plane_rights;

-- Makes it again, whole, in the order of its key; readers wait for its transaction to end.
CREATE FUNCTION rights.index_contracts() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    indexed bigint;
BEGIN
    TRUNCATE rights.contract_person;
    INSERT INTO rights.contract_person (contract_ref, person_ref)
    SELECT DISTINCT line.contract_ref, c.person_ref
    FROM rights.coverage AS c JOIN rights.insurer AS i ON i.insurer_id = c.insurer_id
    CROSS JOIN LATERAL unnest(c.contract_ref) AS line (contract_ref)
    WHERE c.opened_in <= i.published_version AND c.closed_in > i.published_version
    ORDER BY 1, 2;
    GET DIAGNOSTICS indexed = ROW_COUNT;
    RETURN indexed;
END $$;
REVOKE EXECUTE ON FUNCTION rights.index_contracts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rights.index_contracts TO rempart_plane_rights;

-- Takes one file off an agent's day; false when the day's are spent.
CREATE FUNCTION rights.take_file(file bigint, person bigint, contract bigint, why text, most integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine integer := accounts.agent_insurer();
    own  integer;
    used bigint;
BEGIN
    IF mine IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'agents of an insurer open files of its members';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('files of an agent', accounts.my_actor()));
    -- The acts log remembers; here a file is of use for a day.
    DELETE FROM rights.member_file AS f
    WHERE f.actor_ref = accounts.my_actor() AND f.opened_at < clock_timestamp() - interval '2 days';
    SELECT l.files_per_day INTO own FROM rights.insurer_limit AS l
    WHERE l.insurer_id = mine AND l.active_from <= clock_timestamp() ORDER BY l.set_at DESC LIMIT 1;
    SELECT count(*) INTO used FROM rights.member_file AS f
    WHERE f.actor_ref = accounts.my_actor()
      AND f.opened_at >= date_trunc('day', clock_timestamp(), 'Europe/Paris');
    IF used >= LEAST(most, own) THEN
        RETURN false;
    END IF;
    INSERT INTO rights.member_file (file_ref, insurer_id, person_ref, contract_ref, motive, actor_ref, session_ref)
    VALUES (file, mine, person, contract, why, accounts.my_actor(), accounts.my_session());
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION rights.take_file FROM PUBLIC;

-- The lines of somebody's sheet as published, or of the last one of somebody who left; no row for anybody else.
CREATE FUNCTION rights.tell_sheet(person bigint, of_insurer integer)
    RETURNS TABLE (is_present boolean, feed_version bigint, contract_ref bigint, starts_on date, ends_on date, suspended_from date,
                   suspended_to date, convention_type text, csr text, responsible boolean, domains jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT sheet.is_present, sheet.opened_in, line.contract_ref, line.starts_on, NULLIF(line.ends_on, 'infinity'),
           NULLIF(line.suspended_from, 'infinity'), NULLIF(line.suspended_to, 'infinity'), t.convention_type, t.csr, t.responsible,
           t.domains
    FROM rights.insurer AS i
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT true AS is_present, c.* FROM rights.coverage AS c
            WHERE c.person_ref = person AND c.insurer_id = i.insurer_id
              AND c.opened_in <= i.published_version AND c.closed_in > i.published_version
            UNION ALL
            SELECT false, p.* FROM rights.past_coverage AS p
            WHERE p.person_ref = person AND p.insurer_id = i.insurer_id AND p.opened_in <= i.published_version
        ) AS known ORDER BY known.is_present DESC, known.opened_in DESC LIMIT 1
    ) AS sheet
    CROSS JOIN LATERAL unnest(sheet.contract_ref, sheet.starts_on, sheet.ends_on, sheet.suspended_from, sheet.suspended_to,
                              sheet.terms_id)
        AS line (contract_ref, starts_on, ends_on, suspended_from, suspended_to, terms_id)
    LEFT JOIN rights.terms AS t ON t.terms_id = line.terms_id
    WHERE i.insurer_id = of_insurer
$$;
REVOKE EXECUTE ON FUNCTION rights.tell_sheet FROM PUBLIC;

-- Opens the file of whom exact identifiers lead to, member or former member. `person` is NULL for nobody: a stranger, a member of another
-- insurer, somebody planted. Not `taken`: the day's files are spent, and nothing was looked for.
CREATE FUNCTION rights.open_member_file(file bigint, designated uuid, why text, most integer)
    RETURNS TABLE (taken boolean, person bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_person bigint;
BEGIN
    SELECT k.person_ref INTO found_person
    FROM (SELECT l.person_ref FROM rights.lookup AS l WHERE l.lookup_key = designated
          UNION SELECT p.person_ref FROM identity.person_key AS p WHERE p.person_key = designated
          UNION SELECT c.person_ref FROM rights.card_key AS c WHERE c.presence_key = designated) AS k
    WHERE EXISTS (SELECT FROM rights.tell_sheet(k.person_ref, accounts.agent_insurer()))
      AND NOT EXISTS (SELECT FROM guard.canary AS g WHERE g.lookup_key = designated OR g.person_ref = k.person_ref)
    LIMIT 1;
    taken := rights.take_file(file, found_person, NULL, why, most);
    person := CASE WHEN taken THEN found_person END;
    RETURN NEXT;
END $$;
REVOKE EXECUTE ON FUNCTION rights.open_member_file FROM PUBLIC;

-- Whom a contract of an insurer covers now, in an order that says nothing; nobody planted.
CREATE FUNCTION rights.list_covered(contract bigint, of_insurer integer) RETURNS TABLE (place bigint, person_ref bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT row_number() OVER (ORDER BY c.person_ref), c.person_ref
    FROM rights.contract_person AS known
    JOIN rights.coverage AS c ON c.person_ref = known.person_ref AND contract = ANY (c.contract_ref)
    JOIN rights.insurer AS i ON i.insurer_id = c.insurer_id
    WHERE known.contract_ref = contract AND c.insurer_id = of_insurer AND c.opened_in <= i.published_version AND c.closed_in > i.published_version
      AND NOT EXISTS (SELECT FROM guard.canary AS g WHERE g.person_ref = c.person_ref)
$$;
REVOKE EXECUTE ON FUNCTION rights.list_covered FROM PUBLIC;

-- Opens the file of a contract: how many people it covers now; NULL when there is no such contract of the insurer's.
CREATE FUNCTION rights.open_contract_file(file bigint, contract bigint, why text, most integer)
    RETURNS TABLE (taken boolean, persons bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT NULLIF(count(*), 0) INTO persons FROM rights.list_covered(contract, accounts.agent_insurer());
    taken := rights.take_file(file, NULL, CASE WHEN persons IS NOT NULL THEN contract END, why, most);
    IF NOT taken THEN
        persons := NULL;
    END IF;
    RETURN NEXT;
END $$;
REVOKE EXECUTE ON FUNCTION rights.open_contract_file FROM PUBLIC;

-- A file that the visitor's own session opened less than half an hour ago.
CREATE FUNCTION rights.read_file(file bigint)
    RETURNS TABLE (person_ref bigint, contract_ref bigint, insurer_id integer, motive text, opened_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.person_ref, f.contract_ref, f.insurer_id, f.motive, f.opened_at FROM rights.member_file AS f
    WHERE f.file_ref = file AND f.session_ref = accounts.my_session() AND f.actor_ref = accounts.my_actor()
      AND f.insurer_id = accounts.agent_insurer() AND f.opened_at > clock_timestamp() - interval '30 minutes'
$$;
REVOKE EXECUTE ON FUNCTION rights.read_file FROM PUBLIC;

-- What the file of a person shows of rights.
CREATE FUNCTION rights.read_file_sheet(file bigint)
    RETURNS TABLE (is_present boolean, feed_version bigint, contract_ref bigint, starts_on date, ends_on date, suspended_from date,
                   suspended_to date, convention_type text, csr text, responsible boolean, domains jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.* FROM rights.read_file(file) AS f CROSS JOIN LATERAL rights.tell_sheet(f.person_ref, f.insurer_id) AS s
    ORDER BY s.starts_on DESC, s.contract_ref
$$;
REVOKE EXECUTE ON FUNCTION rights.read_file_sheet FROM PUBLIC;

-- The cards a person is on, the newest first; the number of a card tells nothing of its secret.
CREATE FUNCTION rights.read_file_cards(file bigint)
    RETURNS TABLE (serial bytea, issued_on date, valid_from date, valid_to date, is_holder boolean, revoked_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.serial, c.issued_on, c.valid_from, c.valid_to, c.holder_ref = f.person_ref, c.revoked_at
    FROM rights.read_file(file) AS f
    JOIN rights.card_key AS k ON k.person_ref = f.person_ref
    JOIN rights.card AS c ON c.serial = k.serial AND c.insurer_id = f.insurer_id
    ORDER BY c.issued_on DESC, c.serial
$$;
REVOKE EXECUTE ON FUNCTION rights.read_file_cards FROM PUBLIC;

-- What the insurer was sent about a person: the latest row of each incident. For whoever answers for members.
CREATE FUNCTION incidents.read_file_exposures(file bigint)
    RETURNS TABLE (incident_id bigint, title text, exercise boolean, tier text, fields bigint, sent_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT last.* FROM (
        SELECT DISTINCT ON (p.incident_id) p.incident_id, p.title, p.exercise, x.tier, x.fields, p.sent_at
        FROM rights.read_file(file) AS f
        JOIN incidents.package AS p ON p.insurer_id = f.insurer_id AND p.state = 'sent'
        JOIN incidents.packaged_person AS x ON x.package_ref = p.package_ref AND x.person_ref = f.person_ref
        WHERE accounts.answers_for_members()
        ORDER BY p.incident_id, p.number DESC
    ) AS last ORDER BY last.sent_at DESC
$$;
REVOKE EXECUTE ON FUNCTION incidents.read_file_exposures FROM PUBLIC;

-- Whom the file of a contract is about: for the acts that reading it writes. Nobody of a contract with more people than `most`, whose
-- file says how many they are and no more.
CREATE FUNCTION rights.list_file_subjects(file bigint, most integer) RETURNS TABLE (place bigint, person_ref bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.place, c.person_ref FROM rights.read_file(file) AS f
    CROSS JOIN LATERAL rights.list_covered(f.contract_ref, f.insurer_id) AS c
    WHERE (SELECT count(*) FROM rights.list_covered(f.contract_ref, f.insurer_id)) <= most
    ORDER BY c.place
$$;
REVOKE EXECUTE ON FUNCTION rights.list_file_subjects FROM PUBLIC;

-- How many people the contract of a file covers, from when, and how many of them are suspended today.
CREATE FUNCTION rights.count_file_people(file bigint)
    RETURNS TABLE (persons bigint, first_on date, last_on date, suspended bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), min(s.starts_on), CASE WHEN bool_or(s.ends_on IS NULL) THEN NULL ELSE max(s.ends_on) END,
           count(*) FILTER (WHERE (now() AT TIME ZONE 'Europe/Paris')::date
                                  BETWEEN s.suspended_from AND COALESCE(s.suspended_to, 'infinity'))
    FROM rights.read_file(file) AS f
    CROSS JOIN LATERAL rights.list_covered(f.contract_ref, f.insurer_id) AS c
    CROSS JOIN LATERAL rights.tell_sheet(c.person_ref, f.insurer_id) AS s
    WHERE s.contract_ref = f.contract_ref
$$;
REVOKE EXECUTE ON FUNCTION rights.count_file_people FROM PUBLIC;

-- Opens the file of one of the people on a small contract: one more of the day's.
CREATE FUNCTION rights.open_covered_file(file bigint, from_file bigint, at_place bigint, many integer, most integer)
    RETURNS TABLE (taken boolean, person bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    why text;
BEGIN
    SELECT s.person_ref, f.motive INTO person, why
    FROM rights.read_file(from_file) AS f, rights.list_file_subjects(from_file, many) AS s WHERE s.place = at_place;
    IF person IS NULL THEN
        RETURN;
    END IF;
    taken := rights.take_file(file, person, NULL, why, most);
    IF NOT taken THEN
        person := NULL;
    END IF;
    RETURN NEXT;
END $$;
REVOKE EXECUTE ON FUNCTION rights.open_covered_file FROM PUBLIC;

-- How many files the visitor opened today, and each agent of the insurer for whoever answers for its members.
CREATE FUNCTION rights.count_files()
    RETURNS TABLE (actor_ref bigint, name text, files bigint, nobody bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.actor_ref, a.display_name, count(*), count(*) FILTER (WHERE num_nonnulls(f.person_ref, f.contract_ref) = 0)
    FROM rights.member_file AS f JOIN accounts.actor AS a ON a.actor_ref = f.actor_ref
    WHERE f.insurer_id = accounts.agent_insurer() AND f.opened_at >= date_trunc('day', clock_timestamp(), 'Europe/Paris')
      AND (f.actor_ref = accounts.my_actor() OR accounts.answers_for_members())
    GROUP BY f.actor_ref, a.display_name ORDER BY count(*) DESC, f.actor_ref
$$;
REVOKE EXECUTE ON FUNCTION rights.count_files FROM PUBLIC;

GRANT EXECUTE ON FUNCTION rights.open_member_file, rights.open_contract_file, rights.open_covered_file, rights.read_file,
    rights.read_file_sheet, rights.read_file_cards, incidents.read_file_exposures, rights.list_file_subjects,
    rights.count_file_people, rights.count_files TO rempart_portals;

-- ---------------------------------------------------------------- feeds, as their sender sees them

CREATE FUNCTION rights.list_own_feeds()
    RETURNS TABLE (feed_version bigint, kind text, state text, rows_done bigint, rows_applied bigint, rows_rejected bigint,
                   started_at timestamptz, published_at timestamptz, is_current boolean, findings bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.feed_version, v.kind, v.state, v.rows_done, v.rows_applied, v.rows_rejected, v.started_at, v.published_at,
           v.feed_version = i.published_version,
           (SELECT count(*) FROM rights.feed_finding AS f WHERE f.feed_version = v.feed_version)
    FROM rights.feed_version AS v JOIN rights.insurer AS i ON i.insurer_id = v.insurer_id
    WHERE v.insurer_id = accounts.agent_insurer()
$$;
REVOKE EXECUTE ON FUNCTION rights.list_own_feeds FROM PUBLIC;

-- What is wrong in a feed, row by row; it never holds the value of a personal field.
CREATE FUNCTION rights.list_own_findings(of_version bigint)
    RETURNS TABLE (line bigint, field text, rule text, message text, advice text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.line, f.field, f.rule, f.message, f.advice
    FROM rights.feed_finding AS f JOIN rights.feed_version AS v ON v.feed_version = f.feed_version
    WHERE f.feed_version = of_version AND v.insurer_id = accounts.agent_insurer()
$$;
REVOKE EXECUTE ON FUNCTION rights.list_own_findings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rights.list_own_feeds, rights.list_own_findings TO rempart_portals;

-- ---------------------------------------------------------------- claims of those whom an incident exposed

-- The claims of whoever an insurer's packages name are looked at more closely, for a time.
CREATE TABLE claims.exposure_watch (
    insurer_id   integer NOT NULL REFERENCES rights.insurer,
    incident_id  bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    title        text NOT NULL DEFAULT '',   -- as the package calls it: agents who see no package read this
    exercise     boolean NOT NULL DEFAULT false,
    since        date NOT NULL,        -- claims received from then on
    until        date NOT NULL CHECK (until > since),
    started_by   bigint NOT NULL REFERENCES accounts.actor,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by     bigint REFERENCES accounts.actor,
    ended_at     timestamptz,
    -- How far claims were looked at, against which package: another one starts again.
    examined_to  timestamptz,
    examined_number integer NOT NULL DEFAULT 0,
    examined     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (insurer_id, incident_id),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);

-- A claim that does not look like its person's others, why, and what was decided. The list names nobody.
CREATE TABLE claims.exposure_flag (
    claim_ref   bigint PRIMARY KEY REFERENCES claims.claim,
    insurer_id  integer NOT NULL,
    incident_id bigint NOT NULL,
    points      smallint NOT NULL CHECK (points > 0),
    reasons     jsonb NOT NULL,        -- [{kind, points, observed, usual}] of claims/exposed_care.py
    raised_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    decision    text CHECK (decision IN ('usual', 'asked', 'held', 'reported')),
    why         text NOT NULL DEFAULT '' CHECK (length(why) <= 500),
    decided_by  bigint REFERENCES accounts.actor,
    decided_at  timestamptz,
    FOREIGN KEY (insurer_id, incident_id) REFERENCES claims.exposure_watch ON DELETE CASCADE,
    CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (why = ''))
);
CREATE INDEX exposure_flag_of_insurer ON claims.exposure_flag (insurer_id, raised_at);

-- A watch of the visitor's own insurer begins on an incident it was told of; what ended stays so.
CREATE FUNCTION claims.guard_watch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'rempart_portals' THEN
        IF TG_OP = 'INSERT' THEN
            SELECT bool_or(p.exercise), (array_agg(p.title ORDER BY p.number DESC))[1] INTO NEW.exercise, NEW.title
            FROM incidents.package AS p
            WHERE p.incident_id = NEW.incident_id AND p.insurer_id = NEW.insurer_id AND p.state = 'sent' AND p.conclusion = 'persons';
            IF NEW.exercise IS NULL THEN
                RAISE insufficient_privilege USING MESSAGE = 'no package about this incident names anybody';
            END IF;
        ELSE
            NEW.ended_at := clock_timestamp();
        END IF;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION claims.guard_watch FROM PUBLIC;
CREATE TRIGGER guard_watch BEFORE INSERT OR UPDATE ON claims.exposure_watch FOR EACH ROW EXECUTE FUNCTION claims.guard_watch();

-- Decided once, in the decider's own name.
CREATE FUNCTION claims.guard_flag() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'rempart_portals' THEN
        NEW.decided_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION claims.guard_flag FROM PUBLIC;
CREATE TRIGGER guard_flag BEFORE UPDATE ON claims.exposure_flag FOR EACH ROW EXECUTE FUNCTION claims.guard_flag();

ALTER TABLE claims.exposure_watch ENABLE ROW LEVEL SECURITY;
ALTER TABLE claims.exposure_flag ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON claims.exposure_watch TO rempart_plane_claims USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON claims.exposure_flag TO rempart_plane_claims USING (true) WITH CHECK (true);
CREATE POLICY seen ON claims.exposure_watch FOR SELECT TO rempart_portals USING (insurer_id = (SELECT accounts.agent_insurer()));
CREATE POLICY added ON claims.exposure_watch FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.agent_insurer())
                AND started_by = (SELECT accounts.my_actor()) AND ended_at IS NULL);
CREATE POLICY changed ON claims.exposure_watch FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.agent_insurer()) AND ended_at IS NULL)
    WITH CHECK (ended_by = (SELECT accounts.my_actor()));
CREATE POLICY seen ON claims.exposure_flag FOR SELECT TO rempart_portals USING (insurer_id = (SELECT accounts.agent_insurer()));
CREATE POLICY changed ON claims.exposure_flag FOR UPDATE TO rempart_portals
    USING (insurer_id = (SELECT accounts.agent_insurer()) AND decision IS NULL)
    WITH CHECK (insurer_id = (SELECT accounts.agent_insurer()) AND decided_by = (SELECT accounts.my_actor()));
GRANT SELECT ON claims.exposure_watch, claims.exposure_flag TO rempart_portals;
GRANT INSERT (insurer_id, incident_id, since, until, started_by) ON claims.exposure_watch TO rempart_portals;
GRANT UPDATE (ended_by) ON claims.exposure_watch TO rempart_portals;
GRANT UPDATE (decision, why, decided_by) ON claims.exposure_flag TO rempart_portals;
GRANT SELECT, UPDATE (examined_to, examined_number, examined) ON claims.exposure_watch TO rempart_plane_claims;
GRANT SELECT, INSERT ON claims.exposure_flag TO rempart_plane_claims;

-- Which incidents have the member's own claims looked at more closely now, and until when.
CREATE FUNCTION claims.my_watches() RETURNS TABLE (incident_id bigint, title text, exercise boolean, since date, until date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.incident_id, w.title, w.exercise, w.since, w.until
    FROM claims.exposure_watch AS w
    CROSS JOIN LATERAL (
        SELECT x.tier FROM incidents.package AS p JOIN incidents.packaged_person AS x ON x.package_ref = p.package_ref
        WHERE p.incident_id = w.incident_id AND p.insurer_id = w.insurer_id AND p.state = 'sent'
          AND x.person_ref = accounts.my_person()
        ORDER BY p.number DESC LIMIT 1
    ) AS last
    WHERE w.insurer_id = accounts.my_insurer() AND accounts.my_role() = 'member' AND last.tier IS NOT NULL
      AND w.ended_at IS NULL AND (now() AT TIME ZONE 'Europe/Paris')::date <= w.until
$$;
REVOKE EXECUTE ON FUNCTION claims.my_watches FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.my_watches TO rempart_portals;

-- Whoever looks at them: which persons packages name and which accounts were used, no more of an incident.
GRANT USAGE ON SCHEMA incidents TO rempart_settler;
GRANT SELECT (package_ref, incident_id, insurer_id, number, state, starts_ms) ON incidents.package TO rempart_settler;
GRANT SELECT (package_ref, person_ref, tier) ON incidents.packaged_person TO rempart_settler;
GRANT SELECT (incident_id, account_ref) ON incidents.suspect_account TO rempart_settler;
CREATE POLICY watched ON incidents.package FOR SELECT TO rempart_settler USING (true);
CREATE POLICY watched ON incidents.suspect_account FOR SELECT TO rempart_settler USING (true);

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('watch_exposed_claims', 'routine', '{}', '{}'),
    ('index_contracts', 'routine', '{}', '{}');
