-- Bank details of establishments: versions of the account each is paid on, who may change it, and what was done.
-- The IBAN itself is written here and read by settlement only: no query of this file returns it.

-- name: lock
-- One step at a time per establishment: the others wait for this transaction to end, then read what it left.
SELECT pg_advisory_xact_lock(hashtextextended('rempart bank details ' || %(establishment_ref)s::bigint, 0));

-- name: read_clock
-- The instant that decides: one clock for every process.
SELECT clock_timestamp();

-- name: list_versions
-- All accounts of one establishment, oldest first.
SELECT change_ref, establishment_ref, last_digits, state, proposed_by, proposed_at, approved_by, approved_at, active_from,
       ended_at, ended_by, payee_check
FROM accounts.bank_details
WHERE establishment_ref = %(establishment_ref)s
ORDER BY proposed_at, change_ref;

-- name: find_establishment
-- The establishment of one change.
SELECT establishment_ref FROM accounts.bank_details WHERE change_ref = %(change_ref)s;

-- name: load_place
-- What an establishment and its organisation are called.
SELECT e.name, e.city, o.org_ref
FROM accounts.establishment AS e
LEFT JOIN accounts.organisation AS o USING (establishment_ref)
WHERE e.establishment_ref = %(establishment_ref)s;

-- name: insert_version
-- A change just proposed, its IBAN sealed.
INSERT INTO accounts.bank_details
    (change_ref, establishment_ref, sealed_iban, last_digits, state, proposed_by, proposed_at, active_from, payee_check,
     payee_checked_at, payee_provider)
VALUES (%(change_ref)s, %(establishment_ref)s, %(sealed_iban)s, %(last_digits)s, %(state)s, %(proposed_by)s,
        %(proposed_at)s, %(active_from)s, %(payee_check)s, %(proposed_at)s, %(payee_provider)s);

-- name: update_version
-- What a step changes, if the change is still in the state it was read in.
UPDATE accounts.bank_details
SET state = %(state)s, approved_by = %(approved_by)s, approved_at = %(approved_at)s, active_from = %(active_from)s,
    ended_at = %(ended_at)s, ended_by = %(ended_by)s
WHERE change_ref = %(change_ref)s AND state = %(before)s
RETURNING change_ref;

-- name: list_due
-- Establishments with a change whose cooling-off period is over, the longest over first.
SELECT establishment_ref FROM accounts.bank_details
WHERE state = 'cooling' AND active_from <= clock_timestamp()
ORDER BY active_from
LIMIT %(most)s;

-- name: list_steps
-- The events of an establishment's changes of account, with the name of whoever acted when the asker may know it.
SELECT ev.event_ref, ev.at, ev.kind, (ev.details->>'change_ref')::bigint AS change_ref, ev.actor_ref,
       COALESCE(a.display_name, '') AS name, COALESCE(ev.details->>'role', '') AS role
FROM accounts.security_event AS ev
LEFT JOIN accounts.actor AS a ON a.actor_ref = ev.actor_ref
WHERE ev.org_ref = %(org_ref)s
  AND ev.kind IN ('bank_details_proposed', 'bank_details_approved', 'bank_details_refused', 'bank_details_cancelled',
                  'bank_details_active')
ORDER BY ev.at, ev.event_ref;

-- name: count_warnings
-- How many addresses were warned of each of these events.
SELECT event_ref, warnings FROM accounts.count_warnings(%(event_refs)s::bigint[]);

-- name: list_pending
-- The changes under way everywhere, the oldest first, each with the account it would replace.
SELECT d.change_ref, d.establishment_ref, e.name, e.city, d.last_digits, COALESCE(old.last_digits, '') AS old_digits,
       d.state, COALESCE(a.display_name, '') AS proposed_by, d.proposed_at, d.active_from, d.payee_check
FROM accounts.bank_details AS d
JOIN accounts.establishment AS e USING (establishment_ref)
LEFT JOIN accounts.bank_details AS old ON old.establishment_ref = d.establishment_ref AND old.state = 'active'
LEFT JOIN accounts.actor AS a ON a.actor_ref = d.proposed_by
WHERE d.state IN ('proposed', 'cooling')
ORDER BY d.proposed_at, d.change_ref
LIMIT %(most)s;

-- name: list_without_account
-- Of these establishments, those with neither an account nor a change under way.
SELECT given.establishment_ref
FROM unnest(%(establishment_refs)s::bigint[]) AS given (establishment_ref)
WHERE NOT EXISTS (
    SELECT 1 FROM accounts.bank_details AS d
    WHERE d.establishment_ref = given.establishment_ref AND d.state IN ('proposed', 'cooling', 'active'));

-- name: insert_first_accounts
-- First accounts, from the operator's file: paid at once.
INSERT INTO accounts.bank_details
    (change_ref, establishment_ref, sealed_iban, last_digits, state, proposed_at, active_from)
SELECT change_ref, establishment_ref, sealed_iban, last_digits, 'active', clock_timestamp(), clock_timestamp()
FROM unnest(%(change_ref)s::bigint[], %(establishment_ref)s::bigint[], %(sealed_iban)s::bytea[], %(last_digits)s::text[])
     AS given (change_ref, establishment_ref, sealed_iban, last_digits);
