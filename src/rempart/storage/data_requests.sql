-- What people ask of their data, and how it is answered (psycopg: roles portals and keeper).

-- name: save_request
-- Asked; the database writes when.
INSERT INTO retention.request (request_ref, insurer_id, person_ref, kind, details, made_by, received_on)
VALUES (%(request_ref)s, %(insurer_id)s, %(person_ref)s, %(kind)s, %(details)s, %(made_by)s, %(received_on)s);

-- name: list_page
-- One page of requests of whoever asks, or one of them, and how many there are; `direction` is 1 or -1, by `sort`: by day to answer, those
-- that wait come first, and the others last.
SELECT q.request_ref, q.kind, q.details, q.made_at, q.received_on, q.state, q.extended_at, q.extension, q.answered_at, q.answer,
       count(*) OVER () AS total
FROM retention.request AS q
WHERE %(request_ref)s::bigint IS NULL OR q.request_ref = %(request_ref)s::bigint
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'due' THEN CASE WHEN q.state IN ('open', 'extended')
                                  THEN (q.received_on + CASE q.state WHEN 'extended' THEN interval '3 months' ELSE interval '1 month' END)::date
                                       - date '2000-01-01'
                                  ELSE 1000000 END
             WHEN 'kind' THEN array_position('{access,rectification,erasure,restriction}'::text[], q.kind)
             WHEN 'state' THEN array_position('{open,extended,answered,refused}'::text[], q.state)
             ELSE q.received_on - date '2000-01-01'
         END, q.made_at DESC, q.request_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: count_waiting
-- How many wait for an answer, and how many of them beyond their time on a day.
SELECT count(*), count(*) FILTER (WHERE %(today)s::date >
    (q.received_on + CASE q.state WHEN 'extended' THEN interval '3 months' ELSE interval '1 month' END)::date)
FROM retention.request AS q WHERE q.state IN ('open', 'extended');

-- name: extend
-- The person was told that it takes longer.
UPDATE retention.request SET state = 'extended', extension = %(words)s
WHERE request_ref = %(request_ref)s AND state = 'open';

-- name: answer
-- The person was answered.
UPDATE retention.request SET state = %(state)s, answer = %(words)s, answered_by = %(by)s
WHERE request_ref = %(request_ref)s AND state IN ('open', 'extended');

-- name: read_asker
-- What is kept of whoever asks, and what holds it.
SELECT contract_end, last_payment, active, archived, held_by FROM retention.read_asker(%(request_ref)s);

-- name: find_person
-- Whose request it is.
SELECT insurer_id, person_ref, kind, state FROM retention.request WHERE request_ref = %(request_ref)s;

-- name: list_events
-- What interrupted or suspended the actions of whoever asks.
SELECT e.kind, e.starts_on, e.ends_on FROM retention.event AS e JOIN retention.request AS q USING (person_ref)
WHERE q.request_ref = %(request_ref)s AND e.kind <> 'portability' ORDER BY e.event_ref;

-- name: list_held_fields
-- What holds of some names keep; one that is no hold of data keeps everything, and is not there.
SELECT h.kind || ' ' || h.hold_ref, h.fields FROM retention.data_hold AS h
WHERE h.kind || ' ' || h.hold_ref = ANY (%(names)s::text[]) ORDER BY 1;
