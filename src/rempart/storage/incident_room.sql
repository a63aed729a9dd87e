-- The timeline of an incident (roles analyst and portals).

-- name: insert_event
-- Adds a line; the hour it is written, and from a page its author, are the database's.
INSERT INTO incidents.room_event (incident_id, kind, happened_ms, insurer_id, author_ref, author, details)
VALUES (%(incident_id)s, %(kind)s, %(happened_ms)s, %(insurer_id)s, %(author_ref)s, %(author)s, %(details)s)
RETURNING event_ref;

-- name: list_events
-- The timeline of an incident, in the order it was written; all kinds when none is named.
SELECT e.event_ref, e.kind, e.happened_ms, e.recorded_at, e.author, e.author_ref, e.insurer_id, COALESCE(i.name, ''), e.details
FROM incidents.room_event AS e
LEFT JOIN rights.insurer AS i USING (insurer_id)
WHERE e.incident_id = %(incident_id)s AND (%(kinds)s::text[] IS NULL OR e.kind = ANY(%(kinds)s::text[]))
ORDER BY e.event_ref;

-- name: load_incident
-- What an incident is: for the head of its pages.
SELECT i.incident_id, i.title, i.exercise, i.declared_at, i.starts_ms, i.ends_ms, i.answered_at, ARRAY(
    SELECT a.account_ref FROM incidents.suspect_account AS a WHERE a.incident_id = i.incident_id ORDER BY a.account_ref
) AS account_refs
FROM incidents.incident AS i WHERE i.incident_id = %(incident_id)s;

-- name: list_guard_steps
-- What the guard did by itself to the accounts of an incident, and the steps that people took on them, on where they work, and,
-- meanwhile, on a software or a profession. A step of an exercise is not told in a real incident. Several lines for a step:
-- its start, its end.
WITH asked AS (
    SELECT i.exercise, i.starts_ms - %(margin_ms)s::bigint AS from_ms, i.ends_ms + %(margin_ms)s::bigint AS to_ms,
           ARRAY(SELECT a.account_ref FROM incidents.suspect_account AS a WHERE a.incident_id = i.incident_id) AS account_refs
    FROM incidents.incident AS i WHERE i.incident_id = %(incident_id)s
), held AS (
    SELECT m.*, CASE WHEN m.starts_at IS NOT NULL THEN floor(extract(epoch FROM m.starts_at) * 1000)::bigint END AS start_ms,
           floor(extract(epoch FROM m.ended_at) * 1000)::bigint AS end_ms
    FROM asked CROSS JOIN LATERAL (
        SELECT g.measure_ref, g.step, g.target, g.target_ref, g.profession, g.asked_by, g.ended_by, g.starts_at, g.ended_at,
               g.end_reason
        FROM guard.measure AS g
        WHERE (asked.exercise OR NOT g.exercise) AND g.starts_at IS NOT NULL
          AND g.starts_at BETWEEN to_timestamp(asked.from_ms / 1000.0) AND to_timestamp(asked.to_ms / 1000.0)
          AND (g.target IN ('software', 'profession')
               OR (g.target = 'account' AND g.target_ref = ANY (asked.account_refs))
               OR (g.target = 'establishment' AND g.target_ref IN (
                       SELECT p.establishment_ref FROM accounts.professional AS p
                       WHERE p.account_ref = ANY (asked.account_refs))))
    ) AS m
), told AS (
    SELECT h.start_ms AS t_ms, 'containment' AS kind, h.asked_by AS author_ref, h.step, h.target, h.target_ref, h.profession,
           '' AS reason
    FROM held AS h
    UNION ALL
    SELECT h.end_ms, 'containment_ended', h.ended_by, h.step, h.target, h.target_ref, h.profession, COALESCE(h.end_reason, '')
    FROM held AS h WHERE h.end_ms IS NOT NULL
    UNION ALL
    SELECT e.t_ms, CASE e.kind WHEN 'released' THEN 'containment_ended' ELSE 'containment' END, NULL, e.step::text, 'account',
           e.account_ref, NULL, e.kind
    FROM asked JOIN guard.event AS e ON e.account_ref = ANY (asked.account_refs)
    WHERE e.enforced AND e.kind IN ('contained', 'canary', 'late', 'released') AND e.t_ms BETWEEN asked.from_ms AND asked.to_ms
)
SELECT t.t_ms, t.kind, t.author_ref, COALESCE(a.display_name, ''), t.step, t.target, t.target_ref, t.profession, t.reason
FROM told AS t LEFT JOIN accounts.actor AS a ON a.actor_ref = t.author_ref
ORDER BY t.t_ms, t.kind;

-- name: find_accounts
-- Accounts by what people write: an RPPS number, an account's reference, or a place's FINESS or SIRET.
SELECT w.word, p.account_ref
FROM unnest(%(words)s::text[]) AS w (word)
JOIN accounts.professional AS p ON p.rpps = w.word OR p.account_ref::text = w.word
UNION
SELECT w.word, p.account_ref
FROM unnest(%(words)s::text[]) AS w (word)
JOIN accounts.establishment AS e ON e.finess = w.word OR e.siret = w.word
JOIN accounts.professional AS p ON p.establishment_ref = e.establishment_ref
ORDER BY 1, 2;

-- name: read_clock
-- The database's own instant, in Unix milliseconds.
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- name: is_closed
-- Whether nothing more is added to an incident.
SELECT incidents.is_closed(%(incident_id)s);
