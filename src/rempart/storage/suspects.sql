-- Whom an incident suspects (roles analyst and portals, the host's agents only), and what is known of their sessions (analyst).

-- name: name_accounts
-- Accounts that somebody names, or established as stolen; what a doubt pointed to is named from then on.
INSERT INTO incidents.suspect_account AS a (incident_id, account_ref, how)
SELECT %(incident_id)s, p.account_ref, %(how)s FROM accounts.professional AS p
WHERE p.account_ref = ANY(%(account_refs)s)
ON CONFLICT (incident_id, account_ref) DO UPDATE SET how = EXCLUDED.how
WHERE a.how = 'doubted' OR (a.how = 'named' AND EXCLUDED.how = 'stolen')
RETURNING account_ref;

-- name: insert_doubt
-- Something that points to accounts; said twice, it is one doubt.
INSERT INTO incidents.doubt (incident_id, kind, value, author)
SELECT %(incident_id)s, %(kind)s, %(value)s, %(author)s
WHERE NOT EXISTS (SELECT 1 FROM incidents.doubt AS d
                  WHERE d.incident_id = %(incident_id)s AND d.kind = %(kind)s AND d.value = %(value)s)
RETURNING doubt_ref;

-- name: list_doubts
-- What points to accounts, in the order it was said.
SELECT d.kind, d.value, d.author, d.said_at FROM incidents.doubt AS d
WHERE d.incident_id = %(incident_id)s ORDER BY d.doubt_ref;

-- name: list_how
-- How each account came to be looked at.
SELECT a.account_ref, a.how FROM incidents.suspect_account AS a
WHERE a.incident_id = %(incident_id)s ORDER BY a.account_ref;

-- name: is_known
-- Whether a place or a software is one of ours; an address may be anybody's.
SELECT CASE %(kind)s
       WHEN 'establishment' THEN EXISTS (SELECT 1 FROM accounts.establishment AS e
                                         WHERE e.finess = %(value)s OR e.siret = %(value)s)
       WHEN 'software' THEN EXISTS (SELECT 1 FROM accounts.software AS s WHERE s.client_id = %(value)s)
       ELSE true END;

-- name: delete_doubted
-- The accounts that doubts pointed to the last time.
DELETE FROM incidents.suspect_account WHERE incident_id = %(incident_id)s AND how = 'doubted';

-- name: insert_doubted
-- The accounts that doubts point to: every one that a session ever linked to them before the end of the window, since a session
-- lasts. Accounts that did nothing in the window expose nobody.
INSERT INTO incidents.suspect_account (incident_id, account_ref, how)
SELECT DISTINCT %(incident_id)s::bigint, p.account_ref, 'doubted'
FROM accounts.professional AS p
JOIN incidents.doubt AS d ON d.incident_id = %(incident_id)s
LEFT JOIN accounts.establishment AS e ON e.establishment_ref = p.establishment_ref
LEFT JOIN accounts.software AS w ON d.kind = 'software' AND w.client_id = d.value
WHERE d.kind = 'everybody'
   OR (d.kind = 'establishment' AND d.value IN (e.finess, e.siret))
   OR (d.kind IN ('address', 'software') AND EXISTS (
       SELECT 1 FROM ledger.session AS s
       WHERE s.account_ref = p.account_ref AND s.opened_ms < %(ends_ms)s
         AND (s.address = d.value OR s.client_ref = w.client_ref)))
ON CONFLICT (incident_id, account_ref) DO NOTHING;

-- name: list_held
-- When the guard held the accounts established as stolen, and with which key they came in.
SELECT e.account_ref, e.t_ms, e.client_ref::text
FROM incidents.suspect_account AS a JOIN guard.event AS e USING (account_ref)
WHERE a.incident_id = %(incident_id)s AND a.how = 'stolen' AND e.enforced AND e.kind IN ('contained', 'canary', 'late')
  AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s
ORDER BY e.event_ref;

-- name: list_enrolled
-- The sessions opened with a key that their owner had enrolled before the window.
SELECT session_ref FROM incidents.list_enrolled_sessions(%(session_refs)s::bigint[], %(starts_ms)s::bigint) AS session_ref;

-- name: list_open_incidents
-- The incidents that are not closed, the newest first.
SELECT i.incident_id, i.title, i.exercise FROM incidents.incident AS i
WHERE NOT incidents.is_closed(i.incident_id) ORDER BY i.incident_id DESC LIMIT 50;
