-- What a member is shown of the ledger about themselves (role portals, with their ticket). `cold`: their rows in files, as JSON.

-- name: list_history
-- One page of the entries of a period, and how many there are; `direction` is 1 or -1, by `sort`.
SELECT h.log_id, h.idx, h.kind, h.t_ms, h.insurer_name, h.purpose, h.mode, h.domain, h.care_day, h.outcome, h.fields,
       h.schema_version, h.reader, h.organisation, h.city, h.profession, h.software, h.question, h.stated_purpose,
       count(*) OVER () AS total
FROM ledger.my_history(%(cold)s::jsonb) AS h
WHERE h.t_ms >= %(from_ms)s AND h.t_ms < %(to_ms)s
ORDER BY CASE WHEN %(sort)s::text = 'who' AND %(direction)s::integer = 1 THEN h.organisation END,
         CASE WHEN %(sort)s::text = 'who' AND %(direction)s::integer = -1 THEN h.organisation END DESC,
         CASE WHEN %(sort)s::text = 'when' THEN %(direction)s::integer * h.t_ms END,
         h.t_ms DESC, h.log_id, h.idx DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_one
-- One entry by its place.
SELECT h.log_id, h.idx, h.kind, h.t_ms, h.insurer_name, h.purpose, h.mode, h.domain, h.care_day, h.outcome, h.fields,
       h.schema_version, h.reader, h.organisation, h.city, h.profession, h.software, h.question, h.stated_purpose
FROM ledger.my_history(%(cold)s::jsonb) AS h
WHERE h.log_id = %(log_id)s AND h.idx = %(idx)s;

-- name: count_months
-- How many entries each civil month of Paris has, by who read.
SELECT to_char(to_timestamp(h.t_ms / 1000.0) AT TIME ZONE 'Europe/Paris', 'YYYY-MM') AS month, h.reader, count(*)
FROM ledger.my_history(%(cold)s::jsonb) AS h
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: has_read
-- Whether this visit's own reading was recorded since an instant.
SELECT EXISTS (SELECT 1 FROM ledger.my_history() AS h
               WHERE h.kind = 4 AND h.reader = 'self' AND h.is_this_visit AND h.t_ms >= %(since_ms)s);

-- name: load_reach
-- From when the ledger goes back: the first log that gateways wrote; null when there is none.
SELECT (extract(epoch FROM min(l.opened_at)) * 1000)::bigint FROM ledger.log AS l WHERE l.log_id <> 0;

-- name: list_away
-- Periods whose openings are not in the database any more: in sealed files only, or dropped.
SELECT s.first_ms, s.last_ms, s.state, s.log_id, s.segment
FROM ledger.segment AS s WHERE s.state <> 'sealed' ORDER BY s.first_ms, s.log_id;

-- name: list_reported
-- Which entries the visitor reported, and what became of it.
SELECT (e.details->>'log')::integer, (e.details->>'index')::bigint, r.reported_at, r.handled_at, COALESCE(r.outcome, '')
FROM accounts.security_event AS e
JOIN accounts.event_report AS r USING (event_ref)
WHERE e.actor_ref = %(actor_ref)s AND r.actor_ref = %(actor_ref)s AND e.kind = 'consultation_reported';
