-- What is not known is not said: of how many persons a hole hides, of somebody whom nothing can be taken back of, of somebody whom a
-- whole list leaves out. And limits are reminded of by a job.

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
