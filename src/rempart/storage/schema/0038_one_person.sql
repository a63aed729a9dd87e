-- What one person lost in an incident, asked by the host's DPO, or by an insurer's about its own people: by exact identifiers, counted,
-- and on record before it is answered. Whom a question is about stays in its row for as long as its transaction lasts.

-- Each question, so that a day's are counted. Closed to pages, which go through the two functions below.
CREATE TABLE incidents.person_question (
    question_ref bigint PRIMARY KEY,
    incident_id  bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id   integer,             -- whose people it may be about; NULL: the host asks, about anybody's
    person_refs  bigint[] NOT NULL,   -- emptied by the answer, in the same transaction
    actor_ref    bigint NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX person_question_of_actor ON incidents.person_question (actor_ref, asked_at);
GRANT SELECT ON incidents.person_question TO rempart_plane_incidents;

-- Takes a question: whom exact identifiers lead to, or led to before an erasure, with their insurers. Nobody for a stranger, for somebody
-- of another insurer and for somebody planted. Not `taken`: the day's questions are spent, and nothing was looked for.
CREATE FUNCTION incidents.ask_person(question bigint, incident bigint, designated uuid, digest uuid, most integer)
    RETURNS TABLE (taken boolean, persons bigint[], insurers integer[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine integer;
    refs bigint[];
BEGIN
    IF accounts.answers_for_members() THEN
        mine := accounts.my_insurer();
        IF NOT EXISTS (SELECT FROM incidents.package AS p
                       WHERE p.incident_id = incident AND p.insurer_id = mine AND p.state = 'sent') THEN
            RAISE insufficient_privilege USING MESSAGE = 'this insurer was told of no such incident';
        END IF;
    ELSIF NOT COALESCE(accounts.is_host() AND accounts.my_role() IN ('operator_admin', 'operator_dpo'), false) THEN
        RAISE insufficient_privilege USING MESSAGE = 'whoever answers for people asks about them';
    END IF;
    SELECT ARRAY(
        SELECT k.person_ref
        FROM (SELECT l.person_ref FROM rights.lookup AS l WHERE l.lookup_key = designated
              UNION SELECT p.person_ref FROM identity.person_key AS p WHERE p.person_key = designated
              UNION SELECT c.person_ref FROM rights.card_key AS c WHERE c.presence_key = designated
              UNION SELECT g.person_ref FROM retention.gone AS g WHERE g.known_by && ARRAY[digest]) AS k
        WHERE NOT EXISTS (SELECT FROM guard.canary AS g WHERE g.lookup_key = designated OR g.person_ref = k.person_ref))
    INTO refs;
    SELECT COALESCE(array_agg(one.person_ref ORDER BY one.person_ref), '{}'), COALESCE(array_agg(one.insurer_id ORDER BY one.person_ref), '{}')
    INTO persons, insurers
    FROM (SELECT ref.person_ref, COALESCE(k.insurer_id, (SELECT min(g.insurer_id) FROM retention.gone AS g
                                                         WHERE g.person_ref = ref.person_ref)) AS insurer_id
          FROM unnest(refs) AS ref (person_ref)
          LEFT JOIN retention.read_people(refs) AS k ON k.person_ref = ref.person_ref) AS one
    WHERE one.insurer_id IS NOT NULL AND (mine IS NULL OR one.insurer_id = mine);
    IF mine IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('questions about people', accounts.my_actor()));
        taken := most > (SELECT count(*) FROM incidents.person_question AS q
                         WHERE q.actor_ref = accounts.my_actor()
                           AND q.asked_at >= date_trunc('day', clock_timestamp(), 'Europe/Paris'));
    ELSE
        -- One of the files that an agent of an insurer opens in a day.
        taken := rights.take_file(question, persons[1], NULL, 'incident', most);
    END IF;
    IF taken THEN
        INSERT INTO incidents.person_question (question_ref, incident_id, insurer_id, person_refs, actor_ref)
        VALUES (question, incident, mine, persons, accounts.my_actor());
    ELSE
        persons := '{}';
        insurers := '{}';
    END IF;
    RETURN NEXT;
END $$;

-- Answers it, once: what the list says of each person, by which sessions, and what left the base of them when. The host reads the list; an
-- insurer what it was sent, and the sessions only while the list still says the same.
CREATE FUNCTION incidents.answer_question(question bigint)
    RETURNS TABLE (insurer_id integer, tier text, fields bigint, lost bigint, lookups integer, sessions jsonb, active text[],
                   archived text[], held_by text[], departures jsonb)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked incidents.person_question;
BEGIN
    SELECT q.* INTO asked FROM incidents.person_question AS q
    WHERE q.question_ref = question AND q.actor_ref = accounts.my_actor() FOR UPDATE;
    UPDATE incidents.person_question AS q SET person_refs = '{}' WHERE q.question_ref = asked.question_ref;
    RETURN QUERY
    SELECT COALESCE(k.insurer_id, departed.insurer_id), told.tier, COALESCE(told.fields, 0), COALESCE(told.lost, 0),
           COALESCE(told.lookups, 0), COALESCE(seen.sessions, '[]'),
           ARRAY(SELECT unnest(CASE WHEN k.has_identity THEN '{civil,nir,numbers,contact}'::text[] END) EXCEPT SELECT unnest(k.gone))
               || CASE WHEN k.has_coverage THEN '{coverage}' ELSE '{}' END::text[]
               || CASE WHEN k.has_card THEN '{card}' ELSE '{}' END::text[]
               || CASE WHEN k.has_account THEN '{account}' ELSE '{}' END::text[],
           COALESCE(k.archived, '{}'),
           ARRAY(SELECT h.name FROM retention.list_holds_of(ARRAY[one.person_ref]) AS h ORDER BY h.since, h.name),
           COALESCE(departed.rows, '[]')
    FROM unnest(asked.person_refs) AS one (person_ref)
    LEFT JOIN retention.read_people(asked.person_refs) AS k ON k.person_ref = one.person_ref
    LEFT JOIN LATERAL (
        SELECT min(g.insurer_id) AS insurer_id,
               jsonb_agg(jsonb_build_object('field', g.field, 'day', g.day, 'run', g.run_id,
                                            'certified', COALESCE(r.certificate, '') <> '' OR EXISTS (
                                                SELECT FROM retention.restoration AS s WHERE g.run_id = ANY (s.runs))) ORDER BY g.number) AS rows
        FROM retention.gone AS g LEFT JOIN retention.run AS r ON r.run_id = g.run_id
        WHERE g.person_ref = one.person_ref AND g.subject = g.person_ref) AS departed ON true
    LEFT JOIN LATERAL (
        SELECT x.tier, x.fields, x.gained AS lost, x.lookups, x.sessions FROM incidents.exposed_person AS x
        WHERE asked.insurer_id IS NULL AND x.incident_id = asked.incident_id AND x.person_ref = one.person_ref
        UNION ALL
        SELECT sent.tier, sent.fields, sent.lost, x.lookups, x.sessions
        FROM (SELECT t.tier, t.fields, t.lost FROM incidents.packaged_person AS t JOIN incidents.package AS p ON p.package_ref = t.package_ref
              WHERE t.person_ref = one.person_ref AND p.incident_id = asked.incident_id AND p.insurer_id = asked.insurer_id
                AND p.state = 'sent'
              ORDER BY p.number DESC LIMIT 1) AS sent
        LEFT JOIN incidents.exposed_person AS x ON x.incident_id = asked.incident_id AND x.insurer_id = asked.insurer_id
            AND x.person_ref = one.person_ref AND (x.tier, x.fields, x.gained) = (sent.tier, sent.fields, sent.lost)
    ) AS told ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('session', s.session_ref, 'account', s.account_ref, 'profession', COALESCE(p.profession, ''),
                                            'opened_ms', l.opened_ms, 'verdict', s.verdict, 'reasons', s.reasons,
                                            'overruled', s.is_overruled) ORDER BY l.opened_ms, s.session_ref) AS sessions
        FROM incidents.attributed_session AS s
        LEFT JOIN ledger.session AS l ON l.session_ref = s.session_ref
        LEFT JOIN accounts.professional AS p ON p.account_ref = s.account_ref
        WHERE s.incident_id = asked.incident_id AND s.session_ref = ANY (told.sessions)) AS seen ON true
    ORDER BY one.person_ref;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.ask_person, incidents.answer_question FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents.ask_person, incidents.answer_question TO rempart_portals;
