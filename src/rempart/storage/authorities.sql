-- What is owed to authorities after an incident, and what was prepared (roles analyst and portals). Limits are computed elsewhere.

-- name: list_facts
-- The facts that clocks are computed from, as whoever asks may know them.
SELECT f.event_ref, f.kind, f.happened_ms, f.insurer_id, f.author, f.details
FROM incidents.clock_facts(%(incident_id)s) AS f;

-- name: load_head
-- What an incident is: the operator's row, or what an insurer that was told of it may know.
SELECT h.title, h.exercise, h.declared_at, h.answered_at, h.starts_ms, h.ends_ms
FROM incidents.incident AS h WHERE h.incident_id = %(incident_id)s
UNION ALL
SELECT m.title, m.exercise, m.declared_at, m.answered_at, m.starts_ms, m.ends_ms FROM incidents.my_incident(%(incident_id)s) AS m
LIMIT 1;

-- name: list_incidents
-- Every incident that whoever asks works on, the newest first, and whether it is closed.
SELECT i.incident_id, i.title, i.exercise, incidents.is_closed(i.incident_id)
FROM incidents.incident AS i ORDER BY i.incident_id DESC;

-- name: list_shares
-- How many persons of each insurer were exposed, by how surely, and the fields shown; insurers that only have events, with none.
SELECT i.insurer_id, i.name, count(x.person_ref) FILTER (WHERE x.tier = 'A'), count(x.person_ref) FILTER (WHERE x.tier = 'B'),
       count(x.person_ref) FILTER (WHERE x.tier = 'C'), COALESCE(bit_or(x.fields), 0),
       incidents.count_hidden(%(incident_id)s)
FROM rights.insurer AS i
LEFT JOIN incidents.exposed_person AS x ON x.insurer_id = i.insurer_id AND x.incident_id = %(incident_id)s
WHERE x.incident_id IS NOT NULL
   OR i.insurer_id IN (SELECT e.insurer_id FROM incidents.room_event AS e
                       WHERE e.incident_id = %(incident_id)s AND e.insurer_id IS NOT NULL)
GROUP BY i.insurer_id, i.name
ORDER BY i.name, i.insurer_id;

-- name: load_my_share
-- The same for the visitor's own insurer.
SELECT s.insurer_id, s.name, s.persons_a, s.persons_b, s.persons_c, s.fields, s.hidden
FROM incidents.my_share(%(incident_id)s) AS s;

-- name: list_my_measures
-- What was done to contain an incident that the visitor's insurer was told of.
SELECT m.first_ms, m.step, m.accounts FROM incidents.my_measures(%(incident_id)s) AS m;

-- name: load_professionals
-- The owners of the accounts: how many, by how surely, and the fields of theirs that were shown.
SELECT count(*) FILTER (WHERE tier = 'A'), count(*) FILTER (WHERE tier = 'B'), count(*) FILTER (WHERE tier = 'C'),
       COALESCE(bit_or(fields), 0)
FROM incidents.exposed_professional WHERE incident_id = %(incident_id)s;

-- name: load_operator
-- The name of the operator that runs this installation.
SELECT incidents.operator_name();

-- name: find_organisation
-- The organisation of an insurer, or the operator that runs this installation.
SELECT o.org_ref FROM accounts.organisation AS o
WHERE o.suspended_at IS NULL
  AND CASE WHEN %(insurer_id)s::integer IS NULL THEN o.kind = 'operator' AND o.hosted_by IS NULL
           ELSE o.insurer_id = %(insurer_id)s::integer END
ORDER BY o.org_ref LIMIT 1;

-- name: list_owners
-- Who answers for each clock: the last one named.
SELECT DISTINCT ON (c.code, c.insurer_id) c.code, c.insurer_id, c.owner_ref, COALESCE(a.display_name, '')
FROM incidents.clock_owner AS c LEFT JOIN accounts.actor AS a ON a.actor_ref = c.owner_ref
WHERE c.incident_id = %(incident_id)s
ORDER BY c.code, c.insurer_id, c.assigned_ref DESC;

-- name: insert_owner
-- Somebody answers for a clock from now on; nobody in particular when none is named.
INSERT INTO incidents.clock_owner (incident_id, code, insurer_id, owner_ref, author)
VALUES (%(incident_id)s, %(code)s, %(insurer_id)s, %(owner_ref)s, %(author)s);

-- name: list_traits
-- What somebody said that each party is or is not: the last word on each trait.
SELECT DISTINCT ON (t.insurer_id, t.trait) t.insurer_id, t.trait, t.held, t.reason, t.author, t.made_at
FROM incidents.party_trait AS t WHERE t.incident_id = %(incident_id)s
ORDER BY t.insurer_id, t.trait, t.said_ref DESC;

-- name: insert_trait
-- Says that a party is something, or is not, and why.
INSERT INTO incidents.party_trait (incident_id, insurer_id, trait, held, reason, author)
VALUES (%(incident_id)s, %(insurer_id)s, %(trait)s, %(held)s, %(reason)s, %(author)s);

-- name: list_told
-- How many thresholds of each clock were told to its owner, and when last.
SELECT code, insurer_id, started_ms, told, told_at FROM incidents.clock_reminder WHERE incident_id = %(incident_id)s;

-- name: save_told
-- Notes that a threshold was told; one that was told already stays so.
INSERT INTO incidents.clock_reminder AS r (incident_id, code, insurer_id, started_ms, told)
VALUES (%(incident_id)s, %(code)s, %(insurer_id)s, %(started_ms)s, %(told)s)
ON CONFLICT (incident_id, code, insurer_id, started_ms) DO UPDATE
SET told = GREATEST(r.told, EXCLUDED.told), told_at = clock_timestamp();

-- name: list_severities
-- The last score of each group of people.
SELECT DISTINCT ON (s.insurer_id, s.group_name) s.severity_ref, s.insurer_id, s.group_name, s.persons, s.judgement, s.quarters,
       s.band, s.author, s.made_at
FROM incidents.severity AS s WHERE s.incident_id = %(incident_id)s
ORDER BY s.insurer_id, s.group_name, s.severity_ref DESC;

-- name: insert_severity
-- Scores a group, with every factor and its reason.
INSERT INTO incidents.severity (incident_id, insurer_id, group_name, persons, judgement, quarters, band, author)
VALUES (%(incident_id)s, %(insurer_id)s, %(group_name)s, %(persons)s, %(judgement)s, %(quarters)s, %(band)s, %(author)s);

-- name: load_report
-- The last version of what somebody completed for an authority.
SELECT r.version, r.answers, r.author, r.made_at
FROM incidents.authority_report AS r
WHERE r.incident_id = %(incident_id)s AND r.insurer_id IS NOT DISTINCT FROM %(insurer_id)s
  AND r.report = %(report)s AND r.phase = %(phase)s
ORDER BY r.version DESC LIMIT 1;

-- name: insert_report
-- Saves the next version; two people who save the same one at once are told apart by its number.
INSERT INTO incidents.authority_report (incident_id, insurer_id, report, phase, version, answers, author)
VALUES (%(incident_id)s, %(insurer_id)s, %(report)s, %(phase)s, %(version)s, %(answers)s, %(author)s)
ON CONFLICT DO NOTHING
RETURNING version;

-- name: list_my_register
-- The incidents that the visitor's insurer was told of, the newest first.
SELECT DISTINCT p.incident_id, p.insurer_id FROM incidents.package AS p
WHERE p.insurer_id = %(insurer_id)s AND p.sent_at IS NOT NULL
ORDER BY p.incident_id DESC;

-- name: list_register
-- Every controller of every incident that the host works on: one line each.
SELECT i.incident_id, p.insurer_id
FROM incidents.incident AS i
CROSS JOIN LATERAL (
    SELECT NULL::integer AS insurer_id WHERE EXISTS (SELECT FROM incidents.exposed_professional AS x WHERE x.incident_id = i.incident_id)
    UNION
    SELECT x.insurer_id FROM incidents.exposed_person AS x WHERE x.incident_id = i.incident_id
    UNION
    SELECT e.insurer_id FROM incidents.room_event AS e WHERE e.incident_id = i.incident_id AND e.insurer_id IS NOT NULL
) AS p
ORDER BY i.incident_id DESC, p.insurer_id NULLS FIRST;

-- name: count_accounts
-- How many accounts are suspect.
SELECT count(*) FROM incidents.suspect_account WHERE incident_id = %(incident_id)s;

-- name: list_shown
-- Each person and session of an incident, by references, to be written as standard events.
SELECT x.person_ref, x.insurer_id, shown.session_ref, COALESCE(a.account_ref, s.account_ref, 0), s.opened_ms,
       COALESCE(s.address, ''), COALESCE(s.agent, ''), x.tier, x.fields
FROM incidents.exposed_person AS x CROSS JOIN LATERAL unnest(x.sessions) AS shown (session_ref)
LEFT JOIN incidents.attributed_session AS a ON a.incident_id = x.incident_id AND a.session_ref = shown.session_ref
LEFT JOIN ledger.session AS s ON s.session_ref = shown.session_ref
WHERE x.incident_id = %(incident_id)s
ORDER BY x.insurer_id, x.person_ref, shown.session_ref;

-- name: list_checkpoints
-- The last checkpoint of each log: what the digests of a complaint's evidence are compared with.
SELECT l.origin, c.size, c.root, c.t_ms, c.note
FROM ledger.log AS l CROSS JOIN LATERAL (
    SELECT k.size, k.root, k.t_ms, k.note FROM ledger.checkpoint AS k WHERE k.log_id = l.log_id ORDER BY k.size DESC LIMIT 1
) AS c
ORDER BY l.log_id;
