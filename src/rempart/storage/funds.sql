-- Calls for funds, mandates, and what insurers still owe (psycopg: role settler).

-- name: list_to_call
-- What each insurer is to be called for: sent on its behalf and never called, less what came back.
SELECT s.insurer_id, sum(s.cents)::bigint, COALESCE(sum(s.lines) FILTER (WHERE NOT s.returned), 0)::integer,
       COALESCE(f.due_days, %(due_days)s), COALESCE(f.fee_cents, 0), m.mandate_id
FROM claims.remittance_share AS s
LEFT JOIN claims.funding AS f USING (insurer_id)
LEFT JOIN claims.mandate AS m ON m.insurer_id = s.insurer_id AND m.ended_at IS NULL
WHERE s.callable AND s.call_id IS NULL
GROUP BY s.insurer_id, f.due_days, f.fee_cents, m.mandate_id
HAVING sum(s.cents) > 0
ORDER BY s.insurer_id;

-- name: lock_calls
-- One process calls for funds at a time.
SELECT pg_advisory_xact_lock(hashtextextended('rempart calls for funds', 0));

-- name: insert_call
-- Call an insurer for its funds.
INSERT INTO claims.call (insurer_id, cents, fees_cents, due_on, mandate_id)
VALUES (%(insurer_id)s, %(cents)s, %(fees_cents)s, %(due_on)s, %(mandate_id)s)
RETURNING call_id;

-- name: take_shares
-- What a call is for: in one call, or in none. Its sum must be what was read.
WITH taken AS (
    UPDATE claims.remittance_share SET call_id = %(call_id)s
    WHERE insurer_id = %(insurer_id)s AND callable AND call_id IS NULL
    RETURNING cents)
SELECT COALESCE(sum(cents), 0)::bigint FROM taken;

-- name: list_to_collect
-- Calls to be collected by direct debit that are in no file: the mandate is still there, and nothing came by itself meanwhile.
SELECT c.call_id, c.cents FROM claims.call AS c
JOIN claims.mandate AS m ON m.insurer_id = c.insurer_id AND m.ended_at IS NULL
WHERE c.mandate_id IS NOT NULL AND c.file_id IS NULL AND c.received_cents <= 0
ORDER BY c.call_id LIMIT %(most)s FOR UPDATE OF c SKIP LOCKED FOR SHARE OF m;

-- name: set_collected
-- Calls are in a file of direct debits, each under the mandate that is there now.
UPDATE claims.call AS c SET file_id = %(file_id)s, mandate_id = m.mandate_id
FROM claims.mandate AS m
WHERE m.insurer_id = c.insurer_id AND m.ended_at IS NULL AND c.call_id = ANY (%(calls)s::bigint[]) AND c.file_id IS NULL;

-- name: list_debits
-- The direct debits of a file, in order, each with its mandate and its sealed account.
SELECT c.call_id, c.insurer_id, i.name, c.cents, m.reference, m.signed_on, m.sealed_iban,
       EXISTS (SELECT FROM claims.call AS o WHERE o.mandate_id = c.mandate_id AND o.file_id IS NOT NULL AND o.call_id < c.call_id)
FROM claims.call AS c
JOIN claims.mandate AS m USING (mandate_id)
JOIN rights.insurer AS i ON i.insurer_id = c.insurer_id
WHERE c.file_id = %(file_id)s ORDER BY c.call_id;

-- name: save_funding
-- How an insurer's funds come from now on.
INSERT INTO claims.funding (insurer_id, rule, due_days, fee_cents)
VALUES (%(insurer_id)s, %(rule)s, %(due_days)s, %(fee_cents)s)
ON CONFLICT (insurer_id) DO UPDATE
SET rule = excluded.rule, due_days = excluded.due_days, fee_cents = excluded.fee_cents, set_at = clock_timestamp();

-- name: end_mandate
-- The mandate of an insurer ends.
UPDATE claims.mandate SET ended_at = clock_timestamp() WHERE insurer_id = %(insurer_id)s AND ended_at IS NULL;

-- name: release_calls
-- Calls that no mandate collects any more: the insurer transfers them.
UPDATE claims.call SET mandate_id = NULL WHERE insurer_id = %(insurer_id)s AND mandate_id IS NOT NULL AND file_id IS NULL;

-- name: insert_mandate
-- An insurer gave a mandate.
INSERT INTO claims.mandate (insurer_id, reference, signed_on, sealed_iban, last_digits)
VALUES (%(insurer_id)s, %(reference)s, %(signed_on)s, %(sealed_iban)s, %(last_digits)s)
RETURNING mandate_id;

-- name: find_insurer
-- An insurer by its AMC number.
SELECT insurer_id, name FROM rights.insurer WHERE amc_number = %(amc_number)s;

-- name: remind
-- Calls that are overdue and were not reminded lately: noted, and returned.
UPDATE claims.call SET reminders = reminders + 1, reminded_at = clock_timestamp()
WHERE received_cents < cents AND due_on < %(day)s
  AND (reminded_at IS NULL OR reminded_at < clock_timestamp() - make_interval(days => %(days)s))
RETURNING call_id, insurer_id, cents - received_cents, due_on, reminders;
