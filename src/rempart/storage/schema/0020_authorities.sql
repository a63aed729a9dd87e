-- What is owed to authorities after an incident, and what was prepared for them. Limits are not here: they are computed from the
-- timeline. Reasons: docs/adr/0031-clocks-are-computed-from-the-timeline.md.

-- ---------------------------------------------------------------- clocks

-- Who answers for a clock; the last one named holds, and none gives it back to everybody. insurer_id NULL: the operator's own.
CREATE TABLE incidents.clock_owner (
    assigned_ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id  bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    code         text NOT NULL CHECK (length(code) BETWEEN 1 AND 60),
    insurer_id   integer REFERENCES rights.insurer,
    owner_ref    bigint REFERENCES accounts.actor,
    author_ref   bigint REFERENCES accounts.actor,   -- NULL: the command line
    author       text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX clock_owner_of_incident ON incidents.clock_owner (incident_id, code, insurer_id, assigned_ref);

-- How many thresholds of a clock were told to its owner: once each.
CREATE TABLE incidents.clock_reminder (
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    code        text NOT NULL CHECK (length(code) BETWEEN 1 AND 60),
    insurer_id  integer REFERENCES rights.insurer,
    started_ms  bigint NOT NULL,                     -- of the fact counted from: a corrected one reminds again
    told        smallint NOT NULL CHECK (told > 0),
    told_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (incident_id, code, insurer_id, started_ms)
);

-- What somebody says that a party is, or is not, in this incident: which clocks it owes. The last word on a trait holds.
CREATE TABLE incidents.party_trait (
    said_ref    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id  integer REFERENCES rights.insurer,   -- NULL: the operator
    trait       text NOT NULL CHECK (trait IN ('processor', 'controller', 'controller_of_professionals', 'financial_entity',
                    'cyber_insured', 'nis2', 'informs_acpr', 'informs_anssi', 'informs_cert', 'no_tolerance_but_final',
                    'no_tolerance')),
    held        boolean NOT NULL,
    reason      text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 1000),
    author_ref  bigint REFERENCES accounts.actor,
    author      text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX party_trait_of_incident ON incidents.party_trait (incident_id, said_ref);

-- ---------------------------------------------------------------- severity

-- How severe it is for one group of people, by whom and why; scored again, the last score of a group holds.
CREATE TABLE incidents.severity (
    severity_ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id  bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id   integer REFERENCES rights.insurer,  -- whose people; NULL: professionals, or all insurers alike
    group_name   text NOT NULL CHECK (length(btrim(group_name)) BETWEEN 1 AND 120),
    persons      integer NOT NULL CHECK (persons > 0),
    judgement    jsonb NOT NULL CHECK (jsonb_typeof(judgement) = 'object'),
    quarters     smallint NOT NULL CHECK (quarters BETWEEN 1 AND 24),
    band         text NOT NULL CHECK (band IN ('low', 'medium', 'high', 'very_high')),
    author_ref   bigint REFERENCES accounts.actor,
    author       text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (length(btrim(judgement->>'context_reason')) > 0 AND length(btrim(judgement->>'identification_reason')) > 0
           AND length(btrim(judgement->>'breach_reason')) > 0)
);
CREATE INDEX severity_of_incident ON incidents.severity (incident_id, severity_ref);

-- ---------------------------------------------------------------- reports

-- What somebody completed for an authority, version after version: answers only, the rest is read from the facts each time.
CREATE TABLE incidents.authority_report (
    report_ref  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id  integer REFERENCES rights.insurer,   -- whose; NULL: the operator's, or an aggregated one
    report      text NOT NULL CHECK (report IN ('cnil', 'dora', 'complaint', 'acpr', 'anssi')),
    phase       text NOT NULL CHECK (phase IN ('', 'initial', 'complementary', 'intermediate', 'final', 'reclassified')),
    version     integer NOT NULL CHECK (version > 0),
    answers     jsonb NOT NULL CHECK (jsonb_typeof(answers) = 'object' AND length(answers::text) <= 200000),
    author_ref  bigint REFERENCES accounts.actor,
    author      text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (incident_id, insurer_id, report, phase, version)
);

-- ---------------------------------------------------------------- who writes

-- From a page, a line has the visitor's own name and the database's hour; nothing is changed afterwards.
CREATE FUNCTION incidents.sign_line() RETURNS trigger
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
REVOKE EXECUTE ON FUNCTION incidents.sign_line FROM PUBLIC;

-- An insurer reads and writes what is its own, once something of the incident was sent to it; the operator's agents all of it.
CREATE FUNCTION incidents.concerns_my_insurer(incident bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.answers_for_members()
       AND EXISTS (SELECT 1 FROM incidents.room_event AS e
                   WHERE e.incident_id = incident AND e.insurer_id = accounts.my_insurer()
                     AND e.kind IN ('package_sent', 'package_received'))
$$;
REVOKE EXECUTE ON FUNCTION incidents.concerns_my_insurer FROM PUBLIC;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['clock_owner', 'party_trait', 'severity', 'authority_report'] LOOP
        EXECUTE format('CREATE TRIGGER sign_line BEFORE INSERT ON incidents.%I FOR EACH ROW '
                       'EXECUTE FUNCTION incidents.sign_line()', one);
        EXECUTE format('ALTER TABLE incidents.%I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY for_everybody ON incidents.%I TO rempart_plane_incidents USING (true) WITH CHECK (true)', one);
        EXECUTE format('CREATE POLICY seen ON incidents.%I FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()) '
                       'OR (insurer_id = (SELECT accounts.my_insurer()) AND incidents.concerns_my_insurer(incident_id)))', one);
        EXECUTE format('CREATE POLICY added ON incidents.%I FOR INSERT TO rempart_portals '
                       'WITH CHECK ((SELECT accounts.works_incidents()) '
                       'OR (insurer_id = (SELECT accounts.my_insurer()) AND incidents.concerns_my_insurer(incident_id)))', one);
        EXECUTE format('GRANT SELECT, INSERT ON incidents.%I TO rempart_plane_incidents, rempart_portals', one);
    END LOOP;
END $$;
ALTER TABLE incidents.clock_reminder ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON incidents.clock_reminder TO rempart_plane_incidents USING (true) WITH CHECK (true);
CREATE POLICY seen ON incidents.clock_reminder FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host())
           OR (insurer_id = (SELECT accounts.my_insurer()) AND incidents.concerns_my_insurer(incident_id)));
GRANT SELECT, INSERT, UPDATE ON incidents.clock_reminder TO rempart_plane_incidents;
GRANT SELECT ON incidents.clock_reminder TO rempart_portals;

-- ---------------------------------------------------------------- what an insurer may know of the facts

-- The facts that clocks are computed from: all of them for the operator's agents; for an insurer, its own and those the operator
-- wrote for all or for it, with what clocks read of them and nothing else.
CREATE FUNCTION incidents.clock_facts(incident bigint) RETURNS TABLE (
        event_ref bigint, kind text, happened_ms bigint, insurer_id integer, author text, details jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.event_ref, e.kind, e.happened_ms, e.insurer_id, CASE WHEN seen.by_host OR e.insurer_id IS NOT NULL THEN e.author ELSE '' END,
           jsonb_strip_nulls(jsonb_build_object(
               'report', e.details->'report', 'phase', e.details->'phase', 'major', e.details->'major',
               'decision', e.details->'decision', 'answer', e.details->'answer', 'corrects', e.details->'corrects',
               'conclusion', e.details->'conclusion',
               'reference', CASE WHEN seen.by_host OR e.insurer_id IS NOT NULL THEN e.details->'reference' END,
               'reason', CASE WHEN seen.by_host OR e.insurer_id IS NOT NULL THEN e.details->'reason' END,
               'insurers', CASE WHEN seen.by_host THEN e.details->'insurers'
                                WHEN e.details ? 'insurers' THEN jsonb_build_array(accounts.my_insurer()) END))
    FROM (SELECT session_user <> 'rempart_portals' OR accounts.is_host() AS by_host) AS seen
    JOIN incidents.room_event AS e ON e.incident_id = incident
    WHERE e.kind IN ('declared', 'awareness', 'package_sent', 'package_received', 'classified', 'report_submitted', 'decision',
                     'complaint_filed')
      AND (seen.by_host
           OR (incidents.concerns_my_insurer(incident)
               AND (e.insurer_id = accounts.my_insurer()
                    OR (e.insurer_id IS NULL AND e.kind IN ('declared', 'awareness', 'package_sent', 'classified', 'report_submitted')
                        AND (NOT e.details ? 'insurers' OR e.details->'insurers' @> to_jsonb(accounts.my_insurer()))))))
    ORDER BY e.event_ref
$$;

-- How many persons the holes of the record may hide, after the last analysis: 0 without one, NULL when nobody can say.
CREATE FUNCTION incidents.count_hidden(incident bigint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN a.counts IS NULL THEN 0
                ELSE GREATEST((a.counts->>'upper')::bigint - (SELECT count(*) FROM incidents.exposed_person AS x
                                                              WHERE x.incident_id = incident), 0) END
    FROM (SELECT 1) AS one
    LEFT JOIN LATERAL (SELECT n.counts FROM incidents.analysis AS n WHERE n.incident_id = incident
                       ORDER BY n.number DESC LIMIT 1) AS a ON true
    WHERE session_user <> 'rempart_portals' OR accounts.is_host() OR incidents.concerns_my_insurer(incident)
$$;
REVOKE EXECUTE ON FUNCTION incidents.count_hidden FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents.count_hidden TO rempart_portals, rempart_plane_incidents;

-- How many of an insurer's people were exposed, by how surely, and the fields: for the insurer itself, as the last package sent
-- to it says. A later analysis is not its to know before it is sent.
CREATE FUNCTION incidents.my_share(incident bigint) RETURNS TABLE (
        insurer_id integer, name text, persons_a bigint, persons_b bigint, persons_c bigint, fields bigint, hidden bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.insurer_id, i.name, COALESCE(p.persons_a, 0), COALESCE(p.persons_b, 0), COALESCE(p.persons_c, 0),
           COALESCE(p.fields, 0), p.hidden
    FROM rights.insurer AS i
    LEFT JOIN LATERAL (
        SELECT one.persons_a, one.persons_b, one.persons_c, one.fields, one.hidden FROM incidents.package AS one
        WHERE one.incident_id = incident AND one.insurer_id = i.insurer_id AND one.state = 'sent'
        ORDER BY one.number DESC LIMIT 1
    ) AS p ON true
    WHERE i.insurer_id = accounts.my_insurer() AND incidents.concerns_my_insurer(incident)
$$;

-- What was done to contain the incident, for an insurer that was told of it: which step, when first, on how many accounts; not
-- whose.
CREATE FUNCTION incidents.my_measures(incident bigint) RETURNS TABLE (first_ms bigint, step text, accounts bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(t.t_ms), t.step, count(DISTINCT t.account_ref)
    FROM incidents.incident AS i
    CROSS JOIN LATERAL (
        SELECT floor(extract(epoch FROM m.starts_at) * 1000)::bigint AS t_ms, m.step, m.target_ref AS account_ref
        FROM guard.measure AS m
        WHERE m.target = 'account' AND m.starts_at IS NOT NULL AND (i.exercise OR NOT m.exercise)
        UNION ALL
        SELECT e.t_ms, 'guard', e.account_ref FROM guard.event AS e
        WHERE e.enforced AND e.kind IN ('contained', 'canary', 'late')
    ) AS t
    JOIN incidents.suspect_account AS a ON a.incident_id = i.incident_id AND a.account_ref = t.account_ref
    -- As far around the window as evidence is held (HOLD_MARGIN_MS of incidents/room.py; a test compares).
    WHERE i.incident_id = incident AND incidents.concerns_my_insurer(incident)
      AND t.t_ms BETWEEN i.starts_ms - 604800000 AND i.ends_ms + 604800000
    GROUP BY t.step
    ORDER BY 1, 2
$$;

-- Who runs this installation: an insurer names it as its processor.
CREATE FUNCTION incidents.operator_name() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.name FROM accounts.organisation AS o WHERE o.kind = 'operator' AND o.hosted_by IS NULL ORDER BY o.org_ref LIMIT 1
$$;

-- An incident's head, for an insurer that was told of it.
CREATE FUNCTION incidents.my_incident(incident bigint) RETURNS TABLE (
        title text, exercise boolean, declared_at timestamptz, answered_at timestamptz, starts_ms bigint, ends_ms bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.title, i.exercise, i.declared_at, i.answered_at, i.starts_ms, i.ends_ms FROM incidents.incident AS i
    WHERE i.incident_id = incident AND incidents.concerns_my_insurer(incident)
$$;
REVOKE EXECUTE ON FUNCTION incidents.clock_facts, incidents.my_share, incidents.my_measures, incidents.my_incident,
    incidents.operator_name FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents.clock_facts, incidents.concerns_my_insurer TO rempart_portals, rempart_plane_incidents;
GRANT EXECUTE ON FUNCTION incidents.my_share, incidents.my_measures, incidents.my_incident, incidents.operator_name
    TO rempart_portals, rempart_plane_incidents;
