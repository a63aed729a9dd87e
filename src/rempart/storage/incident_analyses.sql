-- Analyses of incidents (role analyst): what each rests on, what it changed, what people answer for. The pages read them (role
-- portals, the host's agents only) and write overrules.

-- name: list_verdicts
-- The verdicts of the analysis before.
SELECT session_ref, verdict FROM incidents.attributed_session WHERE incident_id = %(incident_id)s;

-- name: find_analysis
-- How many analyses an incident had.
SELECT COALESCE(max(number), 0) FROM incidents.analysis WHERE incident_id = %(incident_id)s;

-- name: insert_analysis
-- One analysis: what it rests on, what it found, a digest of its list.
INSERT INTO incidents.analysis (incident_id, number, author_ref, author, rules, inputs, coverage, counts, list_digest)
VALUES (%(incident_id)s, %(number)s, %(author_ref)s, %(author)s, %(rules)s, %(inputs)s, %(coverage)s, %(counts)s, %(list_digest)s);

-- name: insert_verdict_change
-- One session judged otherwise than by the analysis before.
INSERT INTO incidents.verdict_change (incident_id, number, session_ref, verdict_before, verdict_after)
VALUES (%(incident_id)s, %(number)s, %(session_ref)s, %(before)s, %(after)s);

-- name: list_changes
-- What one analysis changed of the list, by insurer then person.
SELECT insurer_id, person_ref, change, tier_before, tier_after, fields_before, fields_after
FROM incidents.exposure_change
WHERE incident_id = %(incident_id)s AND number = %(number)s
ORDER BY insurer_id, person_ref;

-- name: insert_overrule
-- What somebody answers for instead of the sums, about a session of the incident.
INSERT INTO incidents.overrule (incident_id, session_ref, verdict, reason, author)
SELECT s.incident_id, s.session_ref, %(verdict)s, %(reason)s, %(author)s
FROM incidents.attributed_session AS s
WHERE s.incident_id = %(incident_id)s AND s.session_ref = %(session_ref)s
RETURNING session_ref;

-- name: list_overrules
-- The last word on each session.
SELECT DISTINCT ON (session_ref) session_ref, verdict, reason
FROM incidents.overrule
WHERE incident_id = %(incident_id)s
ORDER BY session_ref, overrule_ref DESC;

-- name: list_log_evidence
-- Each log at both ends of a window: the last signed state before it, the first one that holds all of it, whether anything
-- was written since the last one.
SELECT l.log_id, l.origin, b.size, encode(b.root, 'hex'), b.t_ms, e.size, encode(e.root, 'hex'), e.t_ms,
       COALESCE(z.size, 0) = h.size
FROM ledger.log AS l
JOIN ledger.head AS h USING (log_id)
LEFT JOIN LATERAL (SELECT c.size, c.root, c.t_ms FROM ledger.checkpoint AS c
                   WHERE c.log_id = l.log_id AND c.t_ms < %(starts_ms)s ORDER BY c.size DESC LIMIT 1) AS b ON true
LEFT JOIN LATERAL (SELECT c.size, c.root, c.t_ms FROM ledger.checkpoint AS c
                   WHERE c.log_id = l.log_id AND c.t_ms >= %(ends_ms)s ORDER BY c.size LIMIT 1) AS e ON true
LEFT JOIN LATERAL (SELECT c.size FROM ledger.checkpoint AS c
                   WHERE c.log_id = l.log_id ORDER BY c.size DESC LIMIT 1) AS z ON true
ORDER BY l.log_id;

-- name: list_account_evidence
-- The numbers of each suspect account in each log, of the entries that are in the database: in the window, before, after.
SELECT a.log_id, a.account_ref,
       COALESCE((SELECT e.acct_seq FROM ledger.entry AS e
                 WHERE e.account_ref = a.account_ref AND e.log_id = a.log_id AND e.idx < a.start
                 ORDER BY e.idx DESC LIMIT 1), 0) AS before,
       COALESCE(w.first, 0), COALESCE(w.last, 0), w.count,
       (SELECT e.acct_seq FROM ledger.entry AS e
        WHERE e.account_ref = a.account_ref AND e.log_id = a.log_id AND e.idx >= a.stop
        ORDER BY e.idx LIMIT 1) AS after
FROM (
    SELECT span.log_id, span.start, span.stop, account_ref
    FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
    CROSS JOIN unnest(%(account_refs)s::bigint[]) AS account_ref
) AS a
CROSS JOIN LATERAL (
    SELECT min(e.acct_seq) AS first, max(e.acct_seq) AS last, count(*) AS count
    FROM ledger.entry AS e
    WHERE e.account_ref = a.account_ref AND e.log_id = a.log_id AND e.idx >= a.start AND e.idx < a.stop
) AS w
ORDER BY a.log_id, a.account_ref;

-- name: delete_exposed_professionals
-- An analysis replaces the one before it: the owners concerned.
DELETE FROM incidents.exposed_professional WHERE incident_id = %(incident_id)s;

-- name: list_entered_accounts
-- The accounts somebody else was in: how surely, through which sessions, whether one was of the pages (no software), and what
-- there was of the owner's own to see: an address given up since was shown.
SELECT s.account_ref,
       min(CASE s.verdict WHEN 'thief' THEN 'A' ELSE 'B' END) AS tier,
       array_agg(s.session_ref ORDER BY s.session_ref) AS sessions,
       COALESCE(bool_or(l.client_ref = 0), true) AS is_portal,
       EXISTS (SELECT FROM accounts.contact AS c
               WHERE c.actor_ref = s.account_ref AND c.channel = 'email' AND (c.replaced_at IS NULL OR c.replaced_at > to_timestamp(i.starts_ms / 1000.0))),
       EXISTS (SELECT FROM accounts.contact AS c
               WHERE c.actor_ref = s.account_ref AND c.channel = 'sms' AND (c.replaced_at IS NULL OR c.replaced_at > to_timestamp(i.starts_ms / 1000.0))),
       EXISTS (SELECT FROM accounts.professional AS p
               WHERE p.account_ref = s.account_ref AND p.establishment_ref IS NOT NULL),
       EXISTS (SELECT FROM accounts.professional AS p JOIN accounts.bank_details AS d USING (establishment_ref)
               WHERE p.account_ref = s.account_ref AND d.state = 'active')
FROM incidents.attributed_session AS s
JOIN incidents.incident AS i USING (incident_id)
LEFT JOIN ledger.session AS l USING (session_ref)
WHERE s.incident_id = %(incident_id)s AND s.verdict <> 'owner'
GROUP BY s.account_ref, i.starts_ms
ORDER BY s.account_ref;

-- name: insert_exposed_professional
-- One owner concerned.
INSERT INTO incidents.exposed_professional (incident_id, account_ref, tier, fields, sessions)
VALUES (%(incident_id)s, %(account_ref)s, %(tier)s, %(fields)s, %(sessions)s);

-- name: list_analyses
-- The analyses of an incident, the last one first.
SELECT number, made_at, author, rules, inputs, coverage, counts, encode(list_digest, 'hex')
FROM incidents.analysis
WHERE incident_id = %(incident_id)s
ORDER BY number DESC;

-- name: count_changes
-- How many persons of each insurer one analysis added, raised, lowered, removed.
SELECT c.insurer_id, COALESCE(n.name, ''), c.change, count(*)
FROM incidents.exposure_change AS c
LEFT JOIN rights.insurer AS n USING (insurer_id)
WHERE c.incident_id = %(incident_id)s AND c.number = %(number)s
GROUP BY c.insurer_id, n.name, c.change
ORDER BY n.name, c.insurer_id, c.change;

-- name: list_verdict_changes
-- The sessions one analysis judged otherwise than the one before.
SELECT session_ref, verdict_before, verdict_after
FROM incidents.verdict_change
WHERE incident_id = %(incident_id)s AND number = %(number)s
ORDER BY session_ref;

-- name: list_exposed_professionals
-- The owners of accounts somebody else was in.
SELECT x.account_ref, COALESCE(p.profession, ''), x.tier, x.fields, cardinality(x.sessions)
FROM incidents.exposed_professional AS x
LEFT JOIN accounts.professional AS p USING (account_ref)
WHERE x.incident_id = %(incident_id)s
ORDER BY x.tier, x.account_ref;

-- name: list_written_overrules
-- What people wrote about sessions, the last one first.
SELECT session_ref, verdict, reason, author, made_at
FROM incidents.overrule
WHERE incident_id = %(incident_id)s
ORDER BY overrule_ref DESC;
