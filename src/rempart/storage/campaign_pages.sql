-- Campaigns as those of an insurer see and decide them, under row policies (psycopg: role portals; the command line as notifier).

-- name: list_campaigns
-- One page of the campaigns that the asker may see; `direction` is 1 or -1, by `sort`.
SELECT c.campaign_ref, c.incident_id, c.insurer_id, c.number, c.kind, c.exercise, c.state, c.persons, COALESCE(p.title, i.title),
       COALESCE(p.number, c.analysis), c.made_at, c.ended_at, c.findings, count(*) OVER () AS total
FROM notices.campaign AS c
LEFT JOIN incidents.package AS p USING (package_ref)
LEFT JOIN incidents.incident AS i ON c.analysis IS NOT NULL AND i.incident_id = c.incident_id
WHERE %(incident_id)s::bigint IS NULL OR c.incident_id = %(incident_id)s
ORDER BY %(direction)s::integer * CASE %(sort)s::text WHEN 'persons' THEN c.persons ELSE extract(epoch FROM c.made_at) END,
         c.campaign_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: find_campaign
-- One campaign, with the package it rests on and the latest one that was sent since; or the analysis, and the latest one.
SELECT c.campaign_ref, c.incident_id, c.insurer_id, COALESCE(i.name, ''), c.number, c.kind, c.exercise, c.state, c.facts, c.facts_digest,
       c.per_hour, c.persons, c.findings, COALESCE(p.title, j.title), COALESCE(p.number, c.analysis), COALESCE(p.state, 'sent'), n.number,
       c.made_by, c.made_at, c.prepared_at, c.proposed_by,
       c.proposed_at, c.approved_by, c.approved_at, c.started_at, c.decided_by, c.reason, c.ended_at, c.forgotten_at
FROM notices.campaign AS c
LEFT JOIN incidents.package AS p USING (package_ref)
LEFT JOIN incidents.incident AS j ON c.analysis IS NOT NULL AND j.incident_id = c.incident_id
LEFT JOIN rights.insurer AS i ON i.insurer_id = c.insurer_id
CROSS JOIN LATERAL (
    SELECT max(l.number) AS number
    FROM (SELECT q.number FROM incidents.package AS q
          WHERE q.incident_id = c.incident_id AND q.insurer_id = c.insurer_id AND q.state = 'sent'
          UNION ALL
          SELECT a.number FROM incidents.analysis AS a WHERE c.analysis IS NOT NULL AND a.incident_id = c.incident_id) AS l) AS n
WHERE c.campaign_ref = %(campaign_ref)s;

-- name: name_actors
-- The names of those who decided.
SELECT a.actor_ref, a.display_name FROM accounts.actor AS a WHERE a.actor_ref = ANY (%(actor_refs)s::bigint[]);

-- name: lock_campaign
-- The state of a campaign, locked, with who proposed it and when.
SELECT c.insurer_id, c.state, c.proposed_by, c.proposed_at FROM notices.campaign AS c WHERE c.campaign_ref = %(campaign_ref)s FOR UPDATE;

-- name: find_package
-- The latest package that an insurer was sent about an incident.
SELECT p.package_ref, p.insurer_id, i.name, p.number, p.exercise, p.title, p.starts_ms, p.ends_ms, p.conclusion,
       p.persons_a + p.persons_b + p.persons_c, p.hidden, p.fields, p.persons_a, p.persons_b, p.persons_c,
       (SELECT min(q.sent_at) FROM incidents.package AS q WHERE q.incident_id = p.incident_id AND q.insurer_id = p.insurer_id)
FROM incidents.package AS p JOIN rights.insurer AS i USING (insurer_id)
WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.state = 'sent'
ORDER BY p.number DESC LIMIT 1;

-- name: find_professional_list
-- The professionals of the last analysis of an incident, counted as a package counts persons; those shown nothing of their own are not.
SELECT NULL::bigint, 0, '', a.number, i.exercise, i.title, i.starts_ms, i.ends_ms, '', count(x.account_ref),
       CASE WHEN a.coverage -> 'holes' = '[]' THEN 0 END, COALESCE(bit_or(x.fields), 0), count(*) FILTER (WHERE x.tier = 'A'),
       count(*) FILTER (WHERE x.tier = 'B'), count(*) FILTER (WHERE x.tier = 'C'), i.declared_at
FROM incidents.incident AS i
JOIN incidents.analysis AS a ON a.incident_id = i.incident_id
    AND a.number = (SELECT max(b.number) FROM incidents.analysis AS b WHERE b.incident_id = i.incident_id)
LEFT JOIN incidents.exposed_professional AS x ON x.incident_id = i.incident_id AND x.fields <> 0
WHERE i.incident_id = %(incident_id)s
GROUP BY i.incident_id, a.incident_id, a.number;

-- name: list_numbers
-- The campaigns of an insurer about an incident: number, kind, state.
SELECT c.number, c.state FROM notices.campaign AS c
WHERE c.incident_id = %(incident_id)s AND c.insurer_id = %(insurer_id)s ORDER BY c.number;

-- name: find_latest_facts
-- The facts of the insurer's latest campaign: who writes does not change from one to the next.
SELECT c.facts FROM notices.campaign AS c WHERE c.insurer_id = %(insurer_id)s ORDER BY c.made_at DESC LIMIT 1;

-- name: insert_campaign
-- A draft.
INSERT INTO notices.campaign (campaign_ref, incident_id, insurer_id, number, package_ref, analysis, kind, exercise, facts, per_hour,
                              made_by)
VALUES (%(campaign_ref)s, %(incident_id)s, %(insurer_id)s, %(number)s, %(package_ref)s, %(analysis)s, %(kind)s, %(exercise)s, %(facts)s,
        %(per_hour)s, %(made_by)s)
ON CONFLICT DO NOTHING;

-- name: change_facts
-- Other facts, or another pace; what was prepared from others is a draft again.
UPDATE notices.campaign SET facts = %(facts)s, per_hour = %(per_hour)s, state = 'draft'
WHERE campaign_ref = %(campaign_ref)s AND state IN ('draft', 'prepared');

-- name: change_pace
-- How many letters and e-mails an hour, while it goes on.
UPDATE notices.campaign SET per_hour = %(per_hour)s
WHERE campaign_ref = %(campaign_ref)s AND state NOT IN ('done', 'stopped');

-- name: propose
-- Somebody asks for it to be sent.
UPDATE notices.campaign SET state = 'proposed', proposed_by = %(actor_ref)s
WHERE campaign_ref = %(campaign_ref)s AND state = 'prepared';

-- name: approve
-- Somebody else agrees.
UPDATE notices.campaign SET state = 'approved', approved_by = %(actor_ref)s
WHERE campaign_ref = %(campaign_ref)s AND state = 'proposed';

-- name: decide
-- Prepares, sends back, pauses, resumes or stops.
UPDATE notices.campaign SET state = %(state)s, decided_by = %(actor_ref)s, reason = %(reason)s
WHERE campaign_ref = %(campaign_ref)s AND state = %(before)s;

-- name: count_messages
-- How many messages are where, by which way.
SELECT m.channel, m.state, count(*) FROM notices.message AS m WHERE m.campaign_ref = %(campaign_ref)s
GROUP BY m.channel, m.state ORDER BY m.channel, m.state;

-- name: count_reasons
-- Why messages are held, dropped or came back.
SELECT m.state, m.reason, count(*) FROM notices.message AS m
WHERE m.campaign_ref = %(campaign_ref)s AND m.reason <> '' GROUP BY m.state, m.reason ORDER BY count(*) DESC, m.state, m.reason;

-- name: list_kinds
-- One line for each kind of facts, the most frequent first: what samples are written from.
SELECT m.kind, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed, m.language, count(*), min(m.left_on), min(m.kept_until),
       min(m.kept_why), min(d.facts ->> 'written_on'), count(*) OVER () AS total
FROM notices.message AS m
LEFT JOIN notices.message AS f ON f.number = m.former
LEFT JOIN notices.campaign AS d ON d.campaign_ref = f.campaign_ref
WHERE m.campaign_ref = %(campaign_ref)s AND m.digest IS NOT NULL
GROUP BY m.kind, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed, m.language
ORDER BY count(*) DESC, m.kind, m.relation, m.certainty, m.fields, m.language LIMIT %(most)s;

-- name: list_messages
-- One page of the messages of a campaign, by number only.
SELECT m.number, m.kind, m.relation, m.certainty, m.language, m.variant, m.channel, m.state, m.reason, m.attempts, m.state_at,
       count(*) OVER () AS total
FROM notices.message AS m
WHERE m.campaign_ref = %(campaign_ref)s AND (%(state)s::text = '' OR m.state = %(state)s)
  AND (%(channel)s::text = '' OR m.channel = %(channel)s) AND (%(number)s::bigint IS NULL OR m.number = %(number)s)
ORDER BY %(direction)s::integer * CASE %(sort)s::text WHEN 'at' THEN extract(epoch FROM m.state_at) ELSE m.number END, m.number
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: note_told
-- Says of a message that is held that its person was told in another way.
UPDATE notices.message SET state = 'dropped', reason = 'told_otherwise'
WHERE campaign_ref = %(campaign_ref)s AND number = %(number)s AND state = 'held';

-- name: list_files
-- The files of contact data given in, the newest first.
SELECT f.file_ref, f.uploaded_at, f.state, f.rows, f.refused, f.findings, f.read_at, COALESCE(a.display_name, '')
FROM notices.contact_file AS f LEFT JOIN accounts.actor AS a ON a.actor_ref = f.uploaded_by
WHERE f.holds = %(holds)s
ORDER BY f.uploaded_at DESC LIMIT %(most)s;

-- name: find_newest
-- The campaign about an incident that was made last.
SELECT c.campaign_ref FROM notices.campaign AS c WHERE c.incident_id = %(incident_id)s ORDER BY c.made_at DESC LIMIT 1;
