-- Employers of collective contracts: who is on their list by their own staff number, who joins and leaves, what they are called for, and how
-- many an incident exposed. No name, no NIR, no care: reasons in docs/adr/0047-what-closes-applies-what-opens-waits.md.

CREATE SCHEMA employers;
GRANT USAGE ON SCHEMA employers TO rempart_plane_employers, rempart_portals;

-- The organisation of whoever works in an employer's space; NULL for everybody else.
CREATE FUNCTION accounts.my_employer() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN accounts.my_role() IN ('employer_admin', 'employer_hr') THEN accounts.my_org() END $$;
REVOKE EXECUTE ON FUNCTION accounts.my_employer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.my_employer TO rempart_portals;

-- ---------------------------------------------------------------- contracts and what they cost

-- A collective contract: an employer of an insurer. Names are copied: neither side sees the other's organisation.
CREATE TABLE employers.group_contract (
    group_ref     bigint PRIMARY KEY,
    org_ref       bigint NOT NULL REFERENCES accounts.organisation,
    insurer_id    integer NOT NULL REFERENCES rights.insurer,
    number        text NOT NULL CHECK (number ~ '^[A-Za-z0-9._/-]{1,20}$'),
    employer_name text NOT NULL CHECK (length(btrim(employer_name)) BETWEEN 1 AND 200),
    insurer_name  text NOT NULL CHECK (length(btrim(insurer_name)) BETWEEN 1 AND 200),
    starts_on     date NOT NULL,
    ends_on       date CHECK (ends_on >= starts_on),
    UNIQUE (insurer_id, number)
);
CREATE INDEX group_of_employer ON employers.group_contract (org_ref);

-- What the insurer asks a month for each structure, and the guarantee that goes with it, from a day on.
CREATE TABLE employers.tariff (
    group_ref     bigint NOT NULL REFERENCES employers.group_contract,
    org_ref       bigint NOT NULL,
    insurer_id    integer NOT NULL,
    structure     text NOT NULL CHECK (structure IN ('single', 'couple', 'family')),
    starts_on     date NOT NULL CHECK (starts_on = date_trunc('month', starts_on)::date),
    monthly_cents integer NOT NULL CHECK (monthly_cents BETWEEN 0 AND 10000000),
    terms_id      bigint NOT NULL REFERENCES rights.terms,
    PRIMARY KEY (group_ref, structure, starts_on)
);

-- ---------------------------------------------------------------- staff

-- One stay of somebody on the list: the employer's own number, and never whose it is. The pages cannot read `person_ref` nor
-- `contract_ref`: they lead to the person for feeds only.
CREATE TABLE employers.staff (
    staff_ref     bigint PRIMARY KEY,
    group_ref     bigint NOT NULL REFERENCES employers.group_contract,
    org_ref       bigint NOT NULL,
    insurer_id    integer NOT NULL,
    staff_number  text NOT NULL CHECK (staff_number ~ '^[A-Za-z0-9._/-]{1,20}$' AND staff_number !~ '[0-9]{13}'),
    structure     text NOT NULL CHECK (structure IN ('single', 'couple', 'family')),
    person_ref    bigint,                                 -- NULL once the person was erased
    contract_ref  bigint NOT NULL,
    work_from     date NOT NULL,                          -- first day of the work contract: portability counts from it
    joined_on     date NOT NULL CHECK (joined_on >= work_from),
    left_on       date CHECK (left_on >= joined_on),
    cover_ends_on date CHECK (cover_ends_on >= left_on),  -- last day of rights: later than `left_on` under portability
    attached_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((left_on IS NULL) = (cover_ends_on IS NULL)),
    -- Article L911-8: twelve months at most.
    CHECK (cover_ends_on <= (left_on + interval '12 months')::date)
);
CREATE INDEX staff_of_employer ON employers.staff (org_ref, staff_number);
CREATE INDEX staff_of_person ON employers.staff (person_ref);

-- Nobody is on one list twice on one day, under one number or under two.
CREATE FUNCTION employers.check_stay() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('staff of a contract', NEW.group_ref));
    IF EXISTS (SELECT FROM employers.staff AS s
               WHERE s.group_ref = NEW.group_ref AND s.staff_ref <> NEW.staff_ref
                 AND (s.staff_number = NEW.staff_number OR s.person_ref = NEW.person_ref)
                 AND daterange(s.joined_on, s.cover_ends_on, '[]') && daterange(NEW.joined_on, NEW.cover_ends_on, '[]')) THEN
        RAISE exclusion_violation USING MESSAGE = 'somebody is on this list twice on one day';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION employers.check_stay FROM PUBLIC;
CREATE TRIGGER stay BEFORE INSERT OR UPDATE OF left_on, cover_ends_on ON employers.staff
    FOR EACH ROW EXECUTE FUNCTION employers.check_stay();

-- Somebody who is erased is on nobody's list any more, counts included.
CREATE FUNCTION employers.forget_persons() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE employers.staff AS s SET person_ref = NULL FROM erased AS e WHERE s.person_ref = e.person_ref;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION employers.forget_persons FROM PUBLIC;
CREATE TRIGGER forget_staff AFTER DELETE ON identity.person REFERENCING OLD TABLE AS erased
    FOR EACH STATEMENT EXECUTE FUNCTION employers.forget_persons();

-- ---------------------------------------------------------------- movements

-- A file that was sent: how many lines, how many mistakes. Taken whole or not at all; the file itself is not kept.
CREATE TABLE employers.upload (
    upload_ref  bigint PRIMARY KEY,
    group_ref   bigint NOT NULL REFERENCES employers.group_contract,
    org_ref     bigint NOT NULL,
    lines       integer NOT NULL CHECK (lines >= 0),
    findings    integer NOT NULL CHECK (findings >= 0),
    uploaded_by bigint NOT NULL,
    uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX upload_of_employer ON employers.upload (org_ref, uploaded_at DESC);

-- What is wrong with a line; never the value.
CREATE TABLE employers.finding (
    upload_ref bigint NOT NULL REFERENCES employers.upload ON DELETE CASCADE,
    org_ref    bigint NOT NULL,
    line       integer NOT NULL CHECK (line >= 0),
    field      text NOT NULL CHECK (length(field) <= 40),
    rule       text NOT NULL CHECK (length(rule) <= 40),
    PRIMARY KEY (upload_ref, line, field, rule)
);

CREATE TABLE employers.movement (
    movement_ref  bigint PRIMARY KEY,
    group_ref     bigint NOT NULL REFERENCES employers.group_contract,
    org_ref       bigint NOT NULL,
    insurer_id    integer NOT NULL,
    upload_ref    bigint REFERENCES employers.upload ON DELETE SET NULL,   -- NULL: typed in a form
    kind          text NOT NULL CHECK (kind IN ('join', 'leave')),
    staff_number  text NOT NULL CHECK (staff_number ~ '^[A-Za-z0-9._/-]{1,20}$' AND staff_number !~ '[0-9]{13}'),
    happens_on    date NOT NULL,                          -- first day of a join, last day at work of a leave
    structure     text CHECK (structure IN ('single', 'couple', 'family')),
    work_from     date,
    cover_ends_on date,
    -- Who joins, sealed for feeds: the pages that took it in cannot open it. Forgotten once decided or applied.
    sealed        bytea,
    state         text NOT NULL DEFAULT 'waiting'
                  CHECK (state IN ('waiting', 'accepted', 'applied', 'refused', 'cancelled', 'failed')),
    declared_by   bigint NOT NULL,
    declared_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_by    bigint,                                 -- NULL and accepted: what closes applies by itself
    decided_at    timestamptz,
    reason        text NOT NULL DEFAULT '' CHECK (length(reason) <= 300),   -- of a refusal, for the employer
    applied_at    timestamptz,
    CHECK ((kind = 'join') = (structure IS NOT NULL) AND (kind = 'join') = (work_from IS NOT NULL)),
    CHECK ((kind = 'leave') = (cover_ends_on IS NOT NULL)),
    CHECK (cover_ends_on BETWEEN happens_on AND (happens_on + interval '12 months')::date),
    CHECK (sealed IS NULL OR (kind = 'join' AND state IN ('waiting', 'accepted'))),
    CHECK ((state IN ('applied', 'failed')) = (applied_at IS NOT NULL))
);
CREATE UNIQUE INDEX movement_waits ON employers.movement (group_ref, staff_number, kind) WHERE state IN ('waiting', 'accepted');
CREATE INDEX movement_of_employer ON employers.movement (org_ref, declared_at DESC);
CREATE INDEX movement_to_apply ON employers.movement (insurer_id) WHERE state IN ('waiting', 'accepted');

-- What closes rights applies at once, what opens them waits for the insurer. More than ten people and a tenth of the list in a day is
-- what a thief does, or a company that closes: the insurer looks first.
CREATE FUNCTION employers.route_movement() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaving bigint;
    listed  bigint;
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    NEW.declared_at := clock_timestamp();
    NEW.state := 'waiting';
    IF NEW.kind = 'leave' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('leaves of a contract', NEW.group_ref));
        SELECT count(*) INTO leaving FROM employers.movement AS m
        WHERE m.group_ref = NEW.group_ref AND m.kind = 'leave' AND m.declared_at > clock_timestamp() - interval '24 hours'
          AND m.state NOT IN ('refused', 'cancelled');
        SELECT count(*) INTO listed FROM employers.staff AS s WHERE s.group_ref = NEW.group_ref AND s.left_on IS NULL;
        IF leaving < GREATEST(10, listed / 10) THEN
            NEW.state := 'accepted';
            NEW.decided_at := NEW.declared_at;
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER route BEFORE INSERT ON employers.movement FOR EACH ROW EXECUTE FUNCTION employers.route_movement();

-- A movement that waits is decided once: taken back by the employer, accepted or refused by the insurer.
CREATE FUNCTION employers.guard_movement() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF OLD.state <> 'waiting'
       OR NOT ((NEW.state = 'cancelled' AND OLD.org_ref = accounts.my_employer())
               OR (NEW.state IN ('accepted', 'refused') AND OLD.insurer_id = accounts.agent_insurer())) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a movement that waits is decided once, by who may';
    END IF;
    NEW.decided_at := clock_timestamp();
    IF NEW.state <> 'accepted' THEN
        NEW.sealed := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON employers.movement FOR EACH ROW EXECUTE FUNCTION employers.guard_movement();
REVOKE EXECUTE ON FUNCTION employers.route_movement, employers.guard_movement FROM PUBLIC;

-- ---------------------------------------------------------------- statements

-- What an employer is called for, month by month; written once.
CREATE TABLE employers.statement (
    statement_ref bigint PRIMARY KEY,
    group_ref     bigint NOT NULL REFERENCES employers.group_contract,
    org_ref       bigint NOT NULL,
    insurer_id    integer NOT NULL,
    month         date NOT NULL CHECK (month = date_trunc('month', month)::date),
    amount_cents  bigint NOT NULL,
    active        integer NOT NULL CHECK (active >= 0),
    ported        integer NOT NULL CHECK (ported >= 0),
    issued_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (group_ref, month)
);
CREATE INDEX statement_of_employer ON employers.statement (org_ref, month DESC);

-- The month's own lines, then what movements told late change of earlier months (`about` before the month of the statement).
CREATE TABLE employers.statement_line (
    statement_ref bigint NOT NULL REFERENCES employers.statement,
    place         integer NOT NULL,
    org_ref       bigint NOT NULL,
    insurer_id    integer NOT NULL,
    about         date NOT NULL,
    structure     text NOT NULL,
    active        integer NOT NULL,
    ported        integer NOT NULL,
    unit_cents    integer NOT NULL,
    amount_cents  bigint NOT NULL,
    PRIMARY KEY (statement_ref, place)
);

-- ---------------------------------------------------------------- incidents, by counts only

-- How many of the visitor's staff an incident exposed, tier by tier, once the insurer published its page. Never fewer than eleven, never all
-- but ten: a number that small says who. Whoever was put on the list after the package was sent is not counted, or a name could be
-- tried. Persons are NULL: fewer than eleven; `nearly_all`: all of them but ten at most.
CREATE FUNCTION employers.count_exposed()
    RETURNS TABLE (group_ref bigint, contract_number text, starts_ms bigint, ends_ms bigint, told_at timestamptz, amc_number text,
                   page_number integer, tier text, persons bigint, nearly_all boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH mine AS (
        SELECT g.group_ref, g.number, g.insurer_id FROM employers.group_contract AS g WHERE g.org_ref = accounts.my_employer()
    ), told AS (
        SELECT DISTINCT ON (g.group_ref, p.incident_id) g.group_ref, g.number, p.incident_id, p.insurer_id, p.starts_ms, p.ends_ms,
               p.sent_at, i.amc_number, i.number AS page_number
        FROM mine AS g
        JOIN incidents.package AS p ON p.insurer_id = g.insurer_id AND p.state = 'sent' AND NOT p.exercise
        JOIN notices.incident_page AS i ON i.incident_id = p.incident_id AND i.insurer_id = p.insurer_id AND i.withdrawn_at IS NULL
        WHERE EXISTS (SELECT FROM notices.page_version AS v WHERE v.page_ref = i.page_ref AND v.digest IS NOT NULL)
        ORDER BY g.group_ref, p.incident_id, p.number DESC
    ), listed AS (
        SELECT DISTINCT t.group_ref, t.incident_id, t.insurer_id, s.person_ref FROM told AS t
        JOIN employers.staff AS s ON s.group_ref = t.group_ref AND s.person_ref IS NOT NULL AND s.attached_at <= t.sent_at
    ), exposed AS (
        SELECT DISTINCT ON (l.group_ref, l.incident_id, l.person_ref) l.group_ref, l.incident_id, l.person_ref, x.tier
        FROM listed AS l
        JOIN incidents.package AS p ON p.incident_id = l.incident_id AND p.insurer_id = l.insurer_id AND p.state = 'sent'
        JOIN incidents.packaged_person AS x ON x.package_ref = p.package_ref AND x.person_ref = l.person_ref
        ORDER BY l.group_ref, l.incident_id, l.person_ref, p.number DESC
    ), counted AS (
        SELECT t.group_ref, t.incident_id, one.tier,
               (SELECT count(*) FROM exposed AS e
                WHERE e.group_ref = t.group_ref AND e.incident_id = t.incident_id AND e.tier = one.tier) AS persons,
               (SELECT count(*) FROM listed AS l WHERE l.group_ref = t.group_ref AND l.incident_id = t.incident_id) AS staff
        FROM told AS t CROSS JOIN (VALUES ('A'), ('B'), ('C')) AS one (tier)
    )
    SELECT t.group_ref, t.number, t.starts_ms, t.ends_ms, t.sent_at, t.amc_number, t.page_number, c.tier,
           CASE WHEN c.persons >= 11 AND c.staff - c.persons >= 11 THEN c.persons END, c.persons >= 11 AND c.staff - c.persons < 11
    FROM counted AS c JOIN told AS t ON t.group_ref = c.group_ref AND t.incident_id = c.incident_id
    ORDER BY t.sent_at DESC, t.group_ref, t.incident_id, c.tier
$$;
REVOKE EXECUTE ON FUNCTION employers.count_exposed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION employers.count_exposed TO rempart_portals;

-- ---------------------------------------------------------------- who sees and writes what

DO $$
DECLARE
    name text;
    mine text := 'org_ref = (SELECT accounts.my_employer())';
    insured text := 'insurer_id = (SELECT accounts.agent_insurer())';
BEGIN
    FOREACH name IN ARRAY ARRAY['group_contract', 'tariff', 'staff', 'upload', 'finding', 'movement', 'statement', 'statement_line'] LOOP
        EXECUTE format('ALTER TABLE employers.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY for_everybody ON employers.%I TO rempart_plane_employers USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON employers.%I TO rempart_plane_employers', name);
        EXECUTE format('CREATE POLICY seen ON employers.%I FOR SELECT TO rempart_portals USING (%s)', name,
                       CASE WHEN name IN ('upload', 'finding') THEN mine ELSE mine || ' OR ' || insured END);
    END LOOP;
    EXECUTE format('CREATE POLICY added ON employers.upload FOR INSERT TO rempart_portals'
                   ' WITH CHECK (%s AND uploaded_by = (SELECT accounts.my_actor())'
                   ' AND EXISTS (SELECT FROM employers.group_contract AS g WHERE g.group_ref = upload.group_ref'
                   '             AND g.org_ref = upload.org_ref))', mine);
    EXECUTE format('CREATE POLICY added ON employers.finding FOR INSERT TO rempart_portals'
                   ' WITH CHECK (%s AND EXISTS (SELECT FROM employers.upload AS u WHERE u.upload_ref = finding.upload_ref))', mine);
    EXECUTE format('CREATE POLICY added ON employers.movement FOR INSERT TO rempart_portals'
                   ' WITH CHECK (%s AND declared_by = (SELECT accounts.my_actor())'
                   ' AND EXISTS (SELECT FROM employers.group_contract AS g WHERE g.group_ref = movement.group_ref'
                   '             AND g.org_ref = movement.org_ref AND g.insurer_id = movement.insurer_id))', mine);
    -- Permission decide_movements: those of an insurer who manage its contracts.
    EXECUTE format('CREATE POLICY changed ON employers.movement FOR UPDATE TO rempart_portals'
                   ' USING (state = ''waiting'' AND (%s OR (%s AND (SELECT accounts.my_role()) IN (''insurer_admin'', ''insurer_manager''))))'
                   ' WITH CHECK (decided_by = (SELECT accounts.my_actor()) AND (%s OR %s))', mine, insured, mine, insured);
END $$;

GRANT UPDATE (ends_on) ON employers.group_contract TO rempart_plane_employers;
GRANT UPDATE (structure, person_ref, left_on, cover_ends_on) ON employers.staff TO rempart_plane_employers;
GRANT UPDATE (sealed, state, applied_at, upload_ref) ON employers.movement TO rempart_plane_employers;

GRANT SELECT ON employers.group_contract, employers.tariff, employers.upload, employers.finding, employers.statement,
    employers.statement_line TO rempart_portals;
-- Not whom it leads to, nor what was sealed.
GRANT SELECT (staff_ref, group_ref, org_ref, insurer_id, staff_number, structure, work_from, joined_on, left_on, cover_ends_on)
    ON employers.staff TO rempart_portals;
GRANT SELECT (movement_ref, group_ref, org_ref, insurer_id, upload_ref, kind, staff_number, happens_on, structure, work_from,
              cover_ends_on, state, declared_by, declared_at, decided_by, decided_at, reason, applied_at)
    ON employers.movement TO rempart_portals;
GRANT INSERT (upload_ref, group_ref, org_ref, lines, findings, uploaded_by) ON employers.upload TO rempart_portals;
GRANT INSERT ON employers.finding TO rempart_portals;
GRANT INSERT (movement_ref, group_ref, org_ref, insurer_id, upload_ref, kind, staff_number, happens_on, structure, work_from,
              cover_ends_on, sealed, declared_by) ON employers.movement TO rempart_portals;
GRANT UPDATE (state, decided_by, reason) ON employers.movement TO rempart_portals;

-- ---------------------------------------------------------------- jobs

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('settle_employers', 'routine', '{}', '{rempart_portals}');
