-- What the bank said, and what it was about (psycopg: role settler).

-- name: lock_imports
-- One file at a time.
SELECT pg_advisory_xact_lock(hashtextextended('rempart bank files', 0));

-- name: find_same
-- A file taken before: the same bytes, or the same statement.
SELECT bank_file_id, digest = %(digest)s FROM claims.bank_file
WHERE digest = %(digest)s OR (kind = %(kind)s AND statement_id = %(statement_id)s) LIMIT 1;

-- name: find_last_closing
-- What the newest statement of a day, or of one before, closed with.
SELECT closing_cents FROM claims.bank_file WHERE kind = 'statement' AND booked_to <= %(booked_to)s
ORDER BY booked_to DESC, bank_file_id DESC LIMIT 1;

-- name: list_sent
-- Transfers, by number, nobody else changing them.
SELECT remittance_id, cents, state FROM claims.remittance
WHERE remittance_id = ANY (%(refs)s::bigint[]) AND state IN ('sent', 'paid', 'returned')
ORDER BY remittance_id FOR UPDATE;

-- name: list_called
-- Calls, by number, and what of each did not come.
SELECT call_id, insurer_id, cents - received_cents FROM claims.call WHERE call_id = ANY (%(refs)s::bigint[]);

-- name: list_files
-- Files, by number, and what of each nobody confirmed.
SELECT f.file_id, f.kind, f.cents,
       CASE f.kind
           WHEN 'transfer' THEN (SELECT COALESCE(sum(r.cents), 0) FROM claims.remittance AS r
                                 WHERE r.file_id = f.file_id AND r.state = 'sent')
           ELSE (SELECT COALESCE(sum(c.cents - c.received_cents), 0) FROM claims.call AS c
                 WHERE c.file_id = f.file_id AND c.received_cents < c.cents)
       END::bigint
FROM claims.payment_file AS f WHERE f.file_id = ANY (%(refs)s::bigint[]);

-- name: list_known_refs
-- The bank's references that were told before.
SELECT DISTINCT bank_ref FROM claims.bank_line WHERE bank_ref = ANY (%(refs)s::text[]);

-- name: list_of_file
-- The transfers of a file that nobody confirmed.
SELECT remittance_id, cents, state FROM claims.remittance
WHERE file_id = %(file_id)s AND state = 'sent' ORDER BY remittance_id FOR UPDATE;

-- name: list_calls_of_file
-- The calls of a file of direct debits that are not paid in full.
SELECT call_id, insurer_id, cents - received_cents FROM claims.call
WHERE file_id = %(file_id)s AND received_cents < cents ORDER BY call_id FOR UPDATE;

-- name: insert_bank_file
-- A file is taken.
INSERT INTO claims.bank_file (kind, digest, statement_id, booked_to, opening_cents, closing_cents, lines)
VALUES (%(kind)s, %(digest)s, %(statement_id)s, %(booked_to)s, %(opening_cents)s, %(closing_cents)s, %(lines)s)
RETURNING bank_file_id;

-- name: insert_lines
-- Its movements, and what each is.
INSERT INTO claims.bank_line (bank_file_id, position, booked_on, cents, end_to_end, bank_ref, return_code, state, remittance_id,
                              call_id, file_id, insurer_id)
SELECT %(bank_file_id)s, one.*
FROM unnest(%(position)s::integer[], %(booked_on)s::date[], %(cents)s::bigint[], %(end_to_end)s::text[], %(bank_ref)s::text[],
            %(return_code)s::text[], %(state)s::text[], %(remittance_id)s::bigint[], %(call_id)s::bigint[], %(file_id)s::bigint[],
            %(insurer_id)s::integer[])
     AS one (position, booked_on, cents, end_to_end, bank_ref, return_code, state, remittance_id, call_id, file_id, insurer_id)
RETURNING position, line_id;

-- name: confirm_remittances
-- The bank paid these.
UPDATE claims.remittance AS r SET state = 'paid', paid_on = one.day
FROM unnest(%(remittance)s::bigint[], %(day)s::date[]) AS one (remittance_id, day)
WHERE r.remittance_id = one.remittance_id AND r.state = 'sent'
RETURNING r.remittance_id, r.cents;

-- name: return_remittance
-- A transfer came back.
UPDATE claims.remittance SET state = 'returned', returned_on = %(day)s, return_code = %(code)s
WHERE remittance_id = %(remittance_id)s AND state IN ('sent', 'paid')
RETURNING establishment_ref, cents, change_ref;

-- name: keep_returned
-- What it held, before it waits again.
INSERT INTO claims.returned_due (remittance_id, part_ref, undone)
SELECT remittance_id, part_ref, undone FROM claims.due WHERE remittance_id = %(remittance_id)s;

-- name: free_returned
-- It waits for another run.
UPDATE claims.due SET remittance_id = NULL WHERE remittance_id = %(remittance_id)s;

-- name: give_back_shares
-- Insurers are called for it no more.
INSERT INTO claims.remittance_share (remittance_id, insurer_id, insurer_name, amc_number, returned, cents, lines, callable)
SELECT remittance_id, insurer_id, insurer_name, amc_number, true, -cents, lines, true FROM claims.remittance_share
WHERE remittance_id = %(remittance_id)s AND NOT returned;

-- name: insert_hold
-- Nothing goes to this account any more.
INSERT INTO claims.payment_hold (establishment_ref, change_ref, remittance_id, return_code)
VALUES (%(establishment_ref)s, %(change_ref)s, %(remittance_id)s, %(code)s);

-- name: lift_holds
-- An account may be tried again.
UPDATE claims.payment_hold SET lifted_at = clock_timestamp(), lifted_by = %(by)s
WHERE establishment_ref = %(establishment_ref)s AND lifted_at IS NULL;

-- name: receive_funds
-- Funds of a call came, or went back.
UPDATE claims.call SET received_cents = received_cents + %(cents)s, received_on = %(day)s WHERE call_id = %(call_id)s;

-- name: load_suspended
-- A movement nobody explained, nobody else explaining it.
SELECT line_id, cents, booked_on FROM claims.bank_line WHERE line_id = %(line_id)s AND state = 'suspense' FOR UPDATE;

-- name: explain_line
-- Somebody said what a movement was.
UPDATE claims.bank_line
SET state = 'explained', explained_as = %(as)s, insurer_id = %(insurer_id)s, call_id = %(call_id)s,
    remittance_id = %(remittance_id)s, explained_by = %(by)s, explained_at = clock_timestamp(), note = %(note)s
WHERE line_id = %(line_id)s AND state = 'suspense';

-- name: insert_refund
-- What an establishment paid back by itself: a remittance the other way round.
INSERT INTO claims.remittance (establishment_ref, cents, lines, oldest_on, state)
SELECT %(establishment_ref)s, sum(d.cents), count(*), min(d.since), 'refunded'
FROM claims.due AS d WHERE d.remittance_id IS NULL AND d.establishment_ref = %(establishment_ref)s
HAVING sum(d.cents) = %(cents)s
RETURNING remittance_id;

-- name: take_refunded
-- What it paid back waits no more.
UPDATE claims.due SET remittance_id = %(remittance_id)s
WHERE remittance_id IS NULL AND establishment_ref = %(establishment_ref)s
RETURNING insurer_id, cents;

-- name: save_refund_shares
-- Insurers get back what it paid back.
INSERT INTO claims.remittance_share (remittance_id, insurer_id, insurer_name, amc_number, cents, lines, callable)
SELECT %(remittance_id)s, d.insurer_id, i.name, i.amc_number, sum(d.cents), count(*), true
FROM claims.due AS d JOIN rights.insurer AS i USING (insurer_id)
WHERE d.remittance_id = %(remittance_id)s GROUP BY d.insurer_id, i.name, i.amc_number;
