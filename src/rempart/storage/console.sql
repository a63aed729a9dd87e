-- The operator's console (role portals): pseudonymous rows of the ledger, counts of them, and incidents.
-- Every query of look-ups is bounded twice: by its first instant and by `most`, the entries examined per log.
-- `recent` is materialized for the row policies: before one, an index may only compare with a value that is there already.

-- name: list_insurers
-- The insurers by name, for filters and tables.
SELECT insurer_id, name FROM rights.insurer ORDER BY name, insurer_id;

-- name: list_lookups
-- One page of the look-ups since an instant, filtered and sorted, and how many there are in all.
-- A checkpoint's size is an index, so the window opens without an index on time. `sort` names a
-- column; `direction` is 1 or -1; the newest comes first among equals.
WITH recent AS MATERIALIZED (
    SELECT h.log_id, h.size AS ends, GREATEST(h.size - %(most)s::bigint, COALESCE(before.size, 0)) AS starts
    FROM ledger.head AS h
    LEFT JOIN LATERAL (
        SELECT c.size FROM ledger.checkpoint AS c
        WHERE c.log_id = h.log_id AND c.t_ms < %(since_ms)s::bigint
        ORDER BY c.size DESC LIMIT 1
    ) AS before ON true
), shown AS (
    SELECT e.log_id, e.idx, e.t_ms, e.account_ref, e.session_ref, e.insurer_id, e.domain, e.mode, e.outcome
    FROM recent AS r
    JOIN ledger.entry AS e ON e.log_id = r.log_id AND e.idx >= r.starts AND e.idx < r.ends
    WHERE e.kind IN (1, 2)
      AND e.t_ms >= %(since_ms)s::bigint
      AND (%(insurer_id)s::integer IS NULL OR e.insurer_id = %(insurer_id)s::integer)
      AND (%(domain)s::smallint IS NULL OR e.domain = %(domain)s::smallint)
      AND (%(mode)s::smallint IS NULL OR e.mode = %(mode)s::smallint)
      AND (%(outcome)s::smallint IS NULL OR e.outcome = %(outcome)s::smallint)
      AND (%(account_ref)s::bigint IS NULL OR e.account_ref = %(account_ref)s::bigint)
      AND (%(session_ref)s::bigint IS NULL OR e.session_ref = %(session_ref)s::bigint)
), named AS (
    SELECT insurer_id, name, row_number() OVER (ORDER BY name, insurer_id) AS rank FROM rights.insurer
)
SELECT s.log_id, s.idx, s.t_ms, s.account_ref, s.session_ref, s.insurer_id, COALESCE(n.name, ''),
       s.domain, s.mode, s.outcome, count(*) OVER () AS total
FROM shown AS s
LEFT JOIN named AS n USING (insurer_id)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'account' THEN s.account_ref
             WHEN 'session' THEN s.session_ref
             WHEN 'insurer' THEN COALESCE(n.rank, 0)
             WHEN 'domain' THEN s.domain
             WHEN 'mode' THEN s.mode
             WHEN 'outcome' THEN s.outcome
             ELSE s.t_ms
         END,
         s.t_ms DESC, s.log_id, s.idx DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: count_lookups
-- Look-ups since an instant, per minute, outcome and mode.
WITH recent AS MATERIALIZED (
    SELECT h.log_id, h.size AS ends, GREATEST(h.size - %(most)s::bigint, COALESCE(before.size, 0)) AS starts
    FROM ledger.head AS h
    LEFT JOIN LATERAL (
        SELECT c.size FROM ledger.checkpoint AS c
        WHERE c.log_id = h.log_id AND c.t_ms < %(since_ms)s::bigint
        ORDER BY c.size DESC LIMIT 1
    ) AS before ON true
)
SELECT e.t_ms / 60000 AS minute, e.outcome, e.mode, count(*)
FROM recent AS r
JOIN ledger.entry AS e ON e.log_id = r.log_id AND e.idx >= r.starts AND e.idx < r.ends
WHERE e.kind IN (1, 2) AND e.t_ms >= %(since_ms)s::bigint
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: count_unexamined
-- Entries since an instant that the two queries above leave out because there are too many.
SELECT COALESCE(sum(GREATEST(h.size - %(most)s::bigint - COALESCE(before.size, 0), 0)), 0)::bigint
FROM ledger.head AS h
LEFT JOIN LATERAL (
    SELECT c.size FROM ledger.checkpoint AS c
    WHERE c.log_id = h.log_id AND c.t_ms < %(since_ms)s::bigint
    ORDER BY c.size DESC LIMIT 1
) AS before ON true;

-- name: list_logs
-- Every log: how far it is, and its last signed checkpoint.
SELECT l.log_id, l.origin, l.vkey, h.size, h.t_ms, h.root, c.size, c.t_ms, c.note
FROM ledger.log AS l
JOIN ledger.head AS h USING (log_id)
LEFT JOIN LATERAL (
    SELECT size, t_ms, note FROM ledger.checkpoint AS c
    WHERE c.log_id = l.log_id ORDER BY c.size DESC LIMIT 1
) AS c ON true
ORDER BY l.log_id;

-- name: list_incidents
-- One page of the incidents, with how many accounts, and persons shown (tiers A and B); then how many there are, and how
-- many are no exercise. `direction` is 1 or -1.
SELECT i.incident_id, i.title, i.exercise, i.declared_at, i.starts_ms, i.ends_ms, i.answered_at,
       (SELECT count(*) FROM incidents.suspect_account AS s WHERE s.incident_id = i.incident_id),
       (SELECT count(*) FROM incidents.exposed_person AS x
        WHERE x.incident_id = i.incident_id AND x.tier IN ('A', 'B')),
       count(*) OVER () AS total, count(*) FILTER (WHERE NOT i.exercise) OVER () AS real
FROM incidents.incident AS i
ORDER BY CASE WHEN %(sort)s::text = 'title' AND %(direction)s::integer > 0 THEN i.title END,
         CASE WHEN %(sort)s::text = 'title' AND %(direction)s::integer < 0 THEN i.title END DESC,
         %(direction)s::integer * extract(epoch FROM CASE WHEN %(sort)s::text = 'declared' THEN i.declared_at END),
         i.declared_at DESC, i.incident_id DESC
LIMIT %(limit)s::integer OFFSET %(offset)s::integer;

-- name: count_agreements
-- What waits for another person at the host: packages of real incidents, payment runs, runs of retention.
SELECT (SELECT count(*) FROM incidents.package AS p JOIN incidents.incident AS i USING (incident_id)
        WHERE p.state = 'asked' AND NOT i.exercise),
       (SELECT count(*) FROM claims.run AS q WHERE q.state = 'planned' AND q.remittances > 0),
       (SELECT count(*) FROM retention.run AS r WHERE r.state = 'planned');

-- name: load_incident
-- One incident with its report.
SELECT i.incident_id, i.title, i.exercise, i.declared_at, i.starts_ms, i.ends_ms, i.answered_at, i.report
FROM incidents.incident AS i
WHERE i.incident_id = %(incident_id)s;

-- name: list_exposure
-- Per insurer: persons by tier, the union of the fields shown, through how many sessions.
SELECT x.insurer_id, COALESCE(n.name, ''),
       count(*) FILTER (WHERE x.tier = 'A'), count(*) FILTER (WHERE x.tier = 'B'),
       count(*) FILTER (WHERE x.tier = 'C'), bit_or(x.fields), sum(x.lookups)::bigint,
       (SELECT count(DISTINCT session_ref)
        FROM incidents.exposed_person AS y CROSS JOIN LATERAL unnest(y.sessions) AS session_ref
        WHERE y.incident_id = %(incident_id)s AND y.insurer_id = x.insurer_id)
FROM incidents.exposed_person AS x
LEFT JOIN rights.insurer AS n USING (insurer_id)
WHERE x.incident_id = %(incident_id)s
GROUP BY x.insurer_id, n.name
ORDER BY count(*) DESC, x.insurer_id;

-- name: list_sessions
-- The sessions of an incident's suspect accounts: where they came from, the verdict and its reasons.
SELECT a.account_ref, COALESCE(p.profession, ''), a.session_ref, a.verdict, a.reasons,
       s.opened_ms, COALESCE(s.address, ''), COALESCE(s.agent, '')
FROM incidents.attributed_session AS a
LEFT JOIN ledger.session AS s USING (session_ref)
LEFT JOIN accounts.professional AS p ON p.account_ref = a.account_ref
WHERE a.incident_id = %(incident_id)s
ORDER BY a.account_ref, s.opened_ms NULLS LAST, a.session_ref;

-- name: list_suspects
-- The suspect accounts of an incident, those without a session in its window included.
SELECT s.account_ref, COALESCE(p.profession, '')
FROM incidents.suspect_account AS s
LEFT JOIN accounts.professional AS p USING (account_ref)
WHERE s.incident_id = %(incident_id)s
ORDER BY s.account_ref;
