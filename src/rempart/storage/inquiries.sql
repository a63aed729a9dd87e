-- Questions about a person by name, and displays held back (role portals, for the host's agents; check: registrar).

-- name: ask_inquiry
-- Writes a question down; the identifiers are resolved there and forgotten.
SELECT accounts.ask_inquiry(%(inquiry_ref)s, %(lookup_key)s::uuid, %(insurer_id)s::integer, %(purpose)s, %(reason)s);

-- name: list_insurers
-- The insurers by name, with the numbers that identifiers are read with.
SELECT i.insurer_id, i.name, i.amc_number FROM rights.insurer AS i ORDER BY i.name, i.insurer_id;

-- name: list_inquiries
-- One page of the inquiries, and how many there are; `direction` is 1 or -1, by `sort`.
SELECT q.inquiry_ref, q.insurer_id, i.name, q.purpose, q.reason, q.asked_by, a.display_name, q.asked_at, q.state,
       q.decided_by, COALESCE(d.display_name, ''), q.decided_at, count(*) OVER () AS total
FROM accounts.inquiry AS q
JOIN rights.insurer AS i USING (insurer_id)
JOIN accounts.actor AS a ON a.actor_ref = q.asked_by
LEFT JOIN accounts.actor AS d ON d.actor_ref = q.decided_by
WHERE (%(inquiry_ref)s::bigint IS NULL OR q.inquiry_ref = %(inquiry_ref)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'purpose' THEN array_position('{access,complaint,incident,judicial,control}'::text[], q.purpose)
             WHEN 'state' THEN array_position('{asked,approved,refused}'::text[], q.state)
             ELSE extract(epoch FROM q.asked_at)
         END, q.asked_at DESC, q.inquiry_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: decide_inquiry
-- Writes what was decided of a question, once.
UPDATE accounts.inquiry SET state = %(state)s, decided_by = %(decided_by)s
WHERE inquiry_ref = %(inquiry_ref)s AND state = 'asked'
RETURNING inquiry_ref;

-- name: list_answer
-- One page of the answer to an approved inquiry, and how many entries there are; `direction` is 1 or -1, by `sort`.
SELECT h.log_id, h.idx, h.kind, h.t_ms, h.insurer_name, h.purpose, h.mode, h.domain, h.care_day, h.outcome, h.fields,
       h.schema_version, h.reader, h.organisation, h.city, h.profession, h.software, h.question, h.stated_purpose,
       h.account_ref, count(*) OVER () AS total
FROM ledger.inquiry_history(%(inquiry_ref)s::bigint) AS h
ORDER BY CASE WHEN %(sort)s::text = 'who' AND %(direction)s::integer = 1 THEN h.organisation END,
         CASE WHEN %(sort)s::text = 'who' AND %(direction)s::integer = -1 THEN h.organisation END DESC,
         CASE WHEN %(sort)s::text = 'when' THEN %(direction)s::integer * h.t_ms END,
         h.t_ms DESC, h.log_id, h.idx DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_subjects
-- Whom an approved inquiry is about, by reference.
SELECT ref FROM ledger.inquiry_subjects(%(inquiry_ref)s::bigint) AS ref;

-- name: check_inquiry
-- The people of an inquiry that was approved less than seven days ago (role registrar or auditor).
SELECT q.insurer_id, q.person_refs, q.purpose, q.asked_by, q.decided_by
FROM accounts.inquiry AS q
WHERE q.inquiry_ref = %(inquiry_ref)s AND q.state = 'approved' AND q.decided_at > clock_timestamp() - interval '7 days';

-- name: save_hold
-- Writes down that entries should be shown later.
INSERT INTO accounts.display_hold (hold_ref, authority, reference, account_refs, from_ms, to_ms, ends_at, asked_by)
VALUES (%(hold_ref)s, %(authority)s, %(reference)s, %(account_refs)s, %(from_ms)s, %(to_ms)s, %(ends_at)s, %(asked_by)s);

-- name: list_holds
-- One page of the delays of display, and how many there are; `direction` is 1 or -1, by `sort`.
SELECT h.hold_ref, h.authority, h.reference, h.account_refs, h.from_ms, h.to_ms, h.ends_at, h.asked_by, a.display_name,
       h.asked_at, h.state, COALESCE(d.display_name, ''), h.decided_at, h.lifted_at, count(*) OVER () AS total
FROM accounts.display_hold AS h
JOIN accounts.actor AS a ON a.actor_ref = h.asked_by
LEFT JOIN accounts.actor AS d ON d.actor_ref = h.decided_by
WHERE (%(hold_ref)s::bigint IS NULL OR h.hold_ref = %(hold_ref)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'ends' THEN extract(epoch FROM h.ends_at)
             WHEN 'state' THEN array_position('{asked,approved,refused,lifted}'::text[], h.state)
             ELSE extract(epoch FROM h.asked_at)
         END, h.asked_at DESC, h.hold_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: decide_hold
-- Writes what was decided of a delay, once.
UPDATE accounts.display_hold SET state = %(state)s, decided_by = %(decided_by)s
WHERE hold_ref = %(hold_ref)s AND state = 'asked'
RETURNING hold_ref;

-- name: lift_hold
-- Ends a delay before its day.
UPDATE accounts.display_hold SET state = 'lifted', lifted_by = %(lifted_by)s
WHERE hold_ref = %(hold_ref)s AND state = 'approved'
RETURNING hold_ref;
