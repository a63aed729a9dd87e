-- "It was not me": what people reported, for the host operator (row policies show it to nobody else).

-- name: list_reports
-- One page of the reports, waiting or handled, and how many there are in all; `direction` is 1 or -1, by `sort`.
SELECT r.event_ref, r.actor_ref, a.kind, a.display_name, a.suspended_at IS NOT NULL AS account_suspended,
       COALESCE(o.name, '') AS org_name, e.kind, e.at, e.address, e.agent, r.reported_at, r.words, r.handled_at,
       COALESCE(by.display_name, '') AS handled_by, COALESCE(r.outcome, '') AS outcome, e.details, count(*) OVER () AS total
FROM accounts.event_report AS r
JOIN accounts.security_event AS e USING (event_ref)
JOIN accounts.actor AS a ON a.actor_ref = r.actor_ref
LEFT JOIN accounts.organisation AS o ON o.org_ref = e.org_ref
LEFT JOIN accounts.actor AS by ON by.actor_ref = r.handled_by
WHERE (%(event_ref)s::bigint IS NULL OR r.event_ref = %(event_ref)s::bigint)
  AND (%(handled)s::boolean IS NULL OR (r.handled_at IS NOT NULL) = %(handled)s::boolean)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'event' THEN extract(epoch FROM e.at)
             ELSE extract(epoch FROM r.reported_at)
         END, r.event_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: handle_report
-- Writes what was decided, once: of two who decide at once, the second gets no row.
UPDATE accounts.event_report
SET handled_at = clock_timestamp(), handled_by = %(handled_by)s, outcome = %(outcome)s
WHERE event_ref = %(event_ref)s AND handled_at IS NULL
RETURNING actor_ref;
