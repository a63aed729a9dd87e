-- What is not known is not said: of how many persons a hole hides, of somebody whom nothing can be taken back of, of somebody whom a
-- whole list leaves out; nor is somebody said to be listed whom it leaves out. And limits are reminded of by a job.

-- ---------------------------------------------------------------- how many a hole hides

-- How many persons the holes of the record may hide, after the last analysis: 0 without one, NULL when nobody can say.
CREATE OR REPLACE FUNCTION incidents.count_hidden(incident bigint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN a.counts IS NULL THEN 0
                WHEN a.counts->>'upper' IS NULL THEN NULL
                ELSE GREATEST((a.counts->>'upper')::bigint - (SELECT count(*) FROM incidents.exposed_person AS x
                                                              WHERE x.incident_id = incident), 0) END
    FROM (SELECT 1) AS one
    LEFT JOIN LATERAL (SELECT n.counts FROM incidents.analysis AS n WHERE n.incident_id = incident
                       ORDER BY n.number DESC LIMIT 1) AS a ON true
    WHERE session_user <> 'rempart_portals' OR accounts.is_host() OR incidents.concerns_my_insurer(incident)
$$;

-- ---------------------------------------------------------------- who is listed

-- The number of the last whole list that an insurer was sent: what packages before it said of anybody is said no more. A package that
-- was taken back is followed by a whole list, which does not name whom it leaves out.
CREATE FUNCTION incidents.find_whole(incident bigint, insurer integer) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(max(p.number), 0) FROM incidents.package AS p
    WHERE p.incident_id = incident AND p.insurer_id = insurer AND p.state = 'sent' AND p.basis = 0
$$;
REVOKE EXECUTE ON FUNCTION incidents.find_whole FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents.find_whole TO rempart_plane_claims;

-- What the insurer was sent about a person: the latest row of each incident. For whoever answers for members.
CREATE OR REPLACE FUNCTION incidents.read_file_exposures(file bigint)
    RETURNS TABLE (incident_id bigint, title text, exercise boolean, tier text, fields bigint, sent_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT last.* FROM (
        SELECT DISTINCT ON (p.incident_id) p.incident_id, p.title, p.exercise, x.tier, x.fields, p.sent_at
        FROM rights.read_file(file) AS f
        JOIN incidents.package AS p ON p.insurer_id = f.insurer_id AND p.state = 'sent'
             AND p.number >= incidents.find_whole(p.incident_id, p.insurer_id)
        JOIN incidents.packaged_person AS x ON x.package_ref = p.package_ref AND x.person_ref = f.person_ref
        WHERE accounts.answers_for_members()
        ORDER BY p.incident_id, p.number DESC
    ) AS last ORDER BY last.sent_at DESC
$$;

-- Which incidents have the member's own claims looked at more closely now, and until when.
CREATE OR REPLACE FUNCTION claims.my_watches() RETURNS TABLE (incident_id bigint, title text, exercise boolean, since date, until date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.incident_id, w.title, w.exercise, w.since, w.until
    FROM claims.exposure_watch AS w
    CROSS JOIN LATERAL (
        SELECT x.tier FROM incidents.package AS p JOIN incidents.packaged_person AS x ON x.package_ref = p.package_ref
        WHERE p.incident_id = w.incident_id AND p.insurer_id = w.insurer_id AND p.state = 'sent'
          AND p.number >= incidents.find_whole(p.incident_id, p.insurer_id)
          AND x.person_ref = accounts.my_person()
        ORDER BY p.number DESC LIMIT 1
    ) AS last
    WHERE w.insurer_id = accounts.my_insurer() AND accounts.my_role() = 'member' AND last.tier IS NOT NULL
      AND w.ended_at IS NULL AND (now() AT TIME ZONE 'Europe/Paris')::date <= w.until
$$;

-- How many of the visitor's staff an incident exposed, tier by tier, once the insurer published its page. Never fewer than eleven, never all
-- but ten: a number that small says who. Whoever was put on the list after the package was sent is not counted, or a name could be
-- tried. Persons are NULL: fewer than eleven; `nearly_all`: all of them but ten at most.
CREATE OR REPLACE FUNCTION employers.count_exposed()
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
             AND p.number >= incidents.find_whole(p.incident_id, p.insurer_id)
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

-- Answers it, once: what the list says of each person, by which sessions, and what left the base of them when. The host reads the list; an
-- insurer what it was sent, and the sessions only while the list still says the same.
CREATE OR REPLACE FUNCTION incidents.answer_question(question bigint)
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
                AND p.state = 'sent' AND p.number >= incidents.find_whole(p.incident_id, p.insurer_id)
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

-- ---------------------------------------------------------------- who is told what

-- Whether a message says that nothing was read of somebody, and was kept back because that is not so, or not known: it says nothing.
CREATE FUNCTION notices.is_undecided(m notices.message) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT m.certainty = 'D' AND m.state = 'held' AND m.reason IN ('cannot_exclude', 'package_changed')
$$;
REVOKE EXECUTE ON FUNCTION notices.is_undecided FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.is_undecided TO rempart_plane_notices;

-- What is known of one person of the visitor's insurer, for each incident it was told of: the state of the list, and the last message.
CREATE OR REPLACE FUNCTION notices.tell_caller(person bigint)
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
          AND p.number >= incidents.find_whole(p.incident_id, p.insurer_id)
        ORDER BY p.number DESC LIMIT 1) AS listed ON true
    LEFT JOIN LATERAL (
        SELECT m.number, m.kind, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed, m.channel, m.state, m.reason, m.state_at,
               m.left_on, m.kept_until, m.kept_why, m.former, c.facts
        FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
        WHERE m.person_ref = person AND m.insurer_id = accounts.my_insurer() AND c.incident_id = last.incident_id
          AND c.approved_at IS NOT NULL AND NOT notices.is_undecided(m)
        ORDER BY m.number DESC LIMIT 1) AS said ON true
    LEFT JOIN notices.incident_page AS page ON page.insurer_id = accounts.my_insurer() AND page.incident_id = last.incident_id
        AND notices.is_public(page.page_ref)
    WHERE accounts.answers_calls()
    ORDER BY last.sent_at DESC
$$;

-- The insurer is told something else while its campaign is under way: whoever was not written to yet, and of whom the new package says
-- otherwise, waits for a correction. A whole list says otherwise of those it leaves out. A package
-- taken back stops the machine until somebody decides.
CREATE OR REPLACE FUNCTION notices.follow_package() RETURNS trigger
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
        IF NEW.basis = 0 THEN
            UPDATE notices.message AS m SET state = 'held', reason = 'package_changed'
            FROM notices.campaign AS c
            WHERE c.incident_id = NEW.incident_id AND c.insurer_id = NEW.insurer_id AND c.state NOT IN ('done', 'stopped')
              AND m.campaign_ref = c.campaign_ref AND m.state = 'waiting' AND m.certainty <> 'D'
              AND NOT EXISTS (SELECT FROM incidents.packaged_person AS p
                              WHERE p.package_ref = NEW.package_ref AND p.person_ref = m.person_ref);
        END IF;
    ELSE
        UPDATE notices.campaign AS c SET state = 'paused', decided_by = 0, reason = 'package withdrawn'
        WHERE c.package_ref = NEW.package_ref AND c.state IN ('approved', 'sending');
    END IF;
    RETURN NULL;
END $$;

-- ---------------------------------------------------------------- jobs

INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES ('remind_incidents', 'incidents', '{}', '{}');
