-- Requests to erase openings (psycopg: roles portals and archivist).

-- name: save_request
-- Ask for an erasure.
INSERT INTO accounts.erasure_request (request_ref, log_id, indexes, ground, case_number, asked_by)
VALUES (%(request_ref)s, %(log_id)s, %(indexes)s::bigint[], %(ground)s, %(case_number)s, %(asked_by)s);

-- name: load_request
-- One request, in the order of disclosure.erasure.ErasureRequest.
SELECT request_ref, log_id, indexes, ground, case_number, state, asked_by, asked_at, decided_by
FROM accounts.erasure_request WHERE request_ref = %(request_ref)s;

-- name: list_requests
-- Requests in one state or in all, oldest first.
SELECT request_ref, log_id, indexes, ground, case_number, state, asked_by, asked_at, decided_by
FROM accounts.erasure_request
WHERE %(state)s::text IS NULL OR state = %(state)s::text
ORDER BY asked_at, request_ref LIMIT %(most)s;

-- name: decide
-- Approve or refuse a request that nobody decided.
UPDATE accounts.erasure_request SET state = %(state)s, decided_by = %(decided_by)s
WHERE request_ref = %(request_ref)s AND state = 'asked';

-- name: finish
-- A request was carried out, by this act; none when others had erased everything already.
UPDATE accounts.erasure_request SET state = 'done', act_idx = %(act)s
WHERE request_ref = %(request_ref)s AND state = 'approved';

-- name: load_log_size
-- How many entries a log has.
SELECT head.size FROM ledger.head WHERE head.log_id = %(log_id)s;

-- name: read_clock
-- The instant that decides who was there for how long.
SELECT clock_timestamp();

-- name: list_page
-- One page of the requests for whoever decides them, with names and how many there are; `direction` is 1 or -1, by `sort`.
SELECT q.request_ref, q.log_id, cardinality(q.indexes), q.indexes[1:20], q.ground, q.case_number, q.state, q.asked_by,
       a.display_name, q.asked_at, COALESCE(d.display_name, ''), q.decided_at, q.act_idx, count(*) OVER () AS total
FROM accounts.erasure_request AS q
JOIN accounts.actor AS a ON a.actor_ref = q.asked_by
LEFT JOIN accounts.actor AS d ON d.actor_ref = q.decided_by
WHERE %(request_ref)s::bigint IS NULL OR q.request_ref = %(request_ref)s::bigint
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'openings' THEN cardinality(q.indexes)
             WHEN 'ground' THEN array_position('{objection,unlawful,court,error}'::text[], q.ground)
             WHEN 'state' THEN array_position('{asked,approved,refused,done}'::text[], q.state)
             ELSE extract(epoch FROM q.asked_at)
         END, q.asked_at DESC, q.request_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;
