-- Runs, remittances and files to the bank (psycopg: role settler).

-- name: read_clock
-- The instant that decides.
SELECT clock_timestamp();

-- name: open_run
-- Begin a run; none when another one waits.
INSERT INTO claims.run (day) VALUES (%(day)s)
ON CONFLICT ((true)) WHERE state IN ('planning', 'planned') DO NOTHING
RETURNING run_id;

-- name: find_open_run
-- The run that is being planned or waits for approval, if any.
SELECT run_id FROM claims.run WHERE state IN ('planning', 'planned');

-- name: lock_run
-- A run as it stands, nobody else changing it.
SELECT run_id, day, state, remittances, cents, planned_to, first_by, first_at, second_by, second_at
FROM claims.run WHERE run_id = %(run_id)s FOR UPDATE;

-- name: load_run
-- A run as it stands.
SELECT run_id, day, state, remittances, cents, planned_to, first_by, first_at, second_by, second_at
FROM claims.run WHERE run_id = %(run_id)s;

-- name: list_unfunded
-- Insurers on whose behalf nothing is paid: a call of theirs is overdue, and they wait.
SELECT DISTINCT c.insurer_id
FROM claims.call AS c JOIN claims.funding AS f USING (insurer_id)
WHERE f.rule = 'wait' AND c.received_cents < c.cents AND c.due_on < %(day)s;

-- name: list_next_places
-- The next establishments with something due, in order.
SELECT DISTINCT establishment_ref FROM claims.due
WHERE remittance_id IS NULL AND since <= %(day)s AND establishment_ref > %(after)s
ORDER BY establishment_ref LIMIT %(most)s;

-- name: list_dues
-- What waits for these establishments, with the day its claim was received (Paris): what the promise counts from.
SELECT d.part_ref, d.undone, d.establishment_ref, d.insurer_id, d.cents, d.since,
       (c.received_at AT TIME ZONE 'Europe/Paris')::date
FROM claims.due AS d
JOIN claims.part AS p USING (part_ref)
JOIN claims.claim AS c USING (claim_ref)
WHERE d.remittance_id IS NULL AND d.since <= %(day)s AND d.establishment_ref = ANY (%(places)s::bigint[]);

-- name: list_accounts
-- Every account of these establishments that is or was to be paid, with what seals it.
SELECT change_ref, establishment_ref, last_digits, state, proposed_by, proposed_at, approved_by, approved_at, active_from,
       ended_at, ended_by, payee_check, sealed_iban
FROM accounts.bank_details
WHERE establishment_ref = ANY (%(places)s::bigint[]) AND state IN ('cooling', 'active', 'replaced');

-- name: list_holds
-- Accounts of these establishments that transfers came back from.
SELECT establishment_ref, change_ref FROM claims.payment_hold
WHERE lifted_at IS NULL AND establishment_ref = ANY (%(places)s::bigint[]);

-- name: insert_remittances
-- Remittances of a run, in order.
INSERT INTO claims.remittance (run_id, establishment_ref, cents, lines, oldest_on, change_ref, last_digits, verified)
SELECT %(run_id)s, one.place, one.cents, one.lines, one.oldest_on, one.change_ref, one.digits, one.verified
FROM unnest(%(place)s::bigint[], %(cents)s::bigint[], %(lines)s::integer[], %(oldest_on)s::date[], %(change_ref)s::bigint[],
            %(digits)s::text[], %(verified)s::boolean[]) AS one (place, cents, lines, oldest_on, change_ref, digits, verified)
RETURNING establishment_ref, remittance_id;

-- name: take_dues
-- Put what waits in its remittance: in one, or in none.
UPDATE claims.due AS d SET remittance_id = one.remittance_id
FROM unnest(%(part)s::bigint[], %(undone)s::boolean[], %(remittance)s::bigint[]) AS one (part_ref, undone, remittance_id)
WHERE d.part_ref = one.part_ref AND d.undone = one.undone AND d.remittance_id IS NULL;

-- name: insert_shares
-- What of each remittance is on behalf of each insurer.
INSERT INTO claims.remittance_share (remittance_id, insurer_id, insurer_name, amc_number, cents, lines)
SELECT one.remittance_id, insurer_id, i.name, i.amc_number, one.cents, one.lines
FROM unnest(%(remittance)s::bigint[], %(insurer)s::integer[], %(cents)s::bigint[], %(lines)s::integer[])
     AS one (remittance_id, insurer_id, cents, lines)
JOIN rights.insurer AS i USING (insurer_id);

-- name: insert_carried
-- What a run leaves for another.
INSERT INTO claims.carried (run_id, establishment_ref, reason, cents)
SELECT %(run_id)s, one.place, one.reason, one.cents
FROM unnest(%(place)s::bigint[], %(reason)s::text[], %(cents)s::bigint[]) AS one (place, reason, cents);

-- name: note_progress
-- How far a plan is.
UPDATE claims.run SET planned_to = %(to)s, remittances = remittances + %(remittances)s, cents = cents + %(cents)s
WHERE run_id = %(run_id)s;

-- name: set_planned
-- A plan is complete.
UPDATE claims.run SET state = CASE remittances WHEN 0 THEN 'empty' ELSE 'planned' END, planned_at = clock_timestamp() WHERE run_id = %(run_id)s;

-- name: save_first
-- The first person agrees.
UPDATE claims.run SET first_by = %(by)s, first_at = clock_timestamp()
WHERE run_id = %(run_id)s AND state = 'planned' AND first_at IS NULL;

-- name: save_second
-- The second person agrees.
UPDATE claims.run SET state = 'approved', second_by = %(by)s, second_at = clock_timestamp()
WHERE run_id = %(run_id)s AND state = 'planned' AND first_at IS NOT NULL;

-- name: save_first_page
-- The first person agrees, on a page: the database writes when.
UPDATE claims.run SET first_by = %(by)s WHERE run_id = %(run_id)s AND state = 'planned' AND first_at IS NULL;

-- name: save_second_page
-- The second person agrees, on a page.
UPDATE claims.run SET state = 'approved', second_by = %(by)s
WHERE run_id = %(run_id)s AND state = 'planned' AND first_at IS NOT NULL;

-- name: save_refusal
-- Somebody refuses: what the run held is let go afterwards, by who may.
UPDATE claims.run SET state = 'refused', refused_by = %(by)s, reason = %(reason)s
WHERE run_id = %(run_id)s AND state = 'planned';

-- name: release_dues
-- What refused runs held waits again.
UPDATE claims.due AS d SET remittance_id = NULL
FROM claims.remittance AS r JOIN claims.run AS q USING (run_id)
WHERE d.remittance_id = r.remittance_id AND q.state = 'refused' AND r.state = 'planned';

-- name: release_remittances
-- Remittances of refused runs are none any more.
UPDATE claims.remittance AS r SET state = 'released', reason = 'refused'
FROM claims.run AS q WHERE q.run_id = r.run_id AND q.state = 'refused' AND r.state = 'planned'
RETURNING r.remittance_id;

-- name: set_sending
-- Begin to send an approved run.
UPDATE claims.run SET state = 'sending' WHERE run_id = %(run_id)s AND state = 'approved';

-- name: list_planned
-- The next remittances of a run to put in a file: as many as hold so many lines, one at least.
SELECT one.remittance_id, one.establishment_ref, one.cents, one.oldest_on, one.change_ref
FROM (SELECT r.*, sum(r.lines) OVER (ORDER BY r.remittance_id) - r.lines AS lines_before
      FROM (SELECT remittance_id, establishment_ref, cents, oldest_on, change_ref, lines FROM claims.remittance
            WHERE run_id = %(run_id)s AND state = 'planned' ORDER BY remittance_id LIMIT %(most)s) AS r) AS one
WHERE one.lines_before < %(lines)s ORDER BY one.remittance_id;

-- name: hold_remittances
-- Remittances whose account changed since they were planned: what they held waits for another run.
WITH held AS (
    UPDATE claims.remittance AS r SET state = 'held', reason = one.reason
    FROM unnest(%(remittance)s::bigint[], %(reason)s::text[]) AS one (remittance_id, reason)
    WHERE r.remittance_id = one.remittance_id AND r.state = 'planned'
    RETURNING r.remittance_id)
UPDATE claims.due AS d SET remittance_id = NULL FROM held WHERE d.remittance_id = held.remittance_id;

-- name: insert_file
-- A file is decided; it exists on no disk yet.
INSERT INTO claims.payment_file (kind, run_id, created_at, execution_on, count, cents)
VALUES (%(kind)s, %(run_id)s, %(created_at)s, %(execution_on)s, %(count)s, %(cents)s)
RETURNING file_id;

-- name: send_remittances
-- Remittances are in a file: they are sent, and a crash changes nothing of it.
UPDATE claims.remittance AS r
SET state = 'sent', file_id = %(file_id)s, execution_on = %(execution_on)s, working_days = one.days
FROM unnest(%(remittance)s::bigint[], %(days)s::smallint[]) AS one (remittance_id, days)
WHERE r.remittance_id = one.remittance_id AND r.state = 'planned';

-- name: set_callable
-- What was sent is owed by insurers.
UPDATE claims.remittance_share SET callable = true WHERE remittance_id = ANY (%(remittance)s::bigint[]);

-- name: write_journal
-- Entries of the journal: each event once for its subject.
INSERT INTO claims.journal (event, subject, debit_kind, debit_owner, credit_kind, credit_owner, cents)
SELECT * FROM unnest(%(event)s::text[], %(subject)s::bigint[], %(debit_kind)s::text[], %(debit_owner)s::bigint[],
                     %(credit_kind)s::text[], %(credit_owner)s::bigint[], %(cents)s::bigint[]);

-- name: move_claims
-- Claims of these remittances go to another state, from the one the table of states says; each step is written.
WITH moved AS (
    UPDATE claims.claim AS c SET state = %(to)s, state_at = clock_timestamp()
    WHERE c.state = ANY (%(from)s::text[]) AND c.claim_ref IN (
        SELECT p.claim_ref FROM claims.due AS d JOIN claims.part AS p USING (part_ref)
        WHERE d.remittance_id = ANY (%(remittance)s::bigint[]) AND NOT d.undone)
    RETURNING c.claim_ref)
INSERT INTO claims.claim_event (claim_ref, event, state) SELECT claim_ref, %(event)s, %(to)s FROM moved;

-- name: find_unwritten_file
-- The oldest file of a run that was decided and is on no disk; any run for 0.
SELECT file_id, kind, COALESCE(run_id, 0), created_at, execution_on, count, cents
FROM claims.payment_file
WHERE written_at IS NULL AND (run_id = %(run_id)s OR %(run_id)s = 0) AND kind = %(kind)s
ORDER BY file_id LIMIT 1;

-- name: list_transfers
-- The transfers of a file, in order, each with its sealed account.
SELECT r.remittance_id, r.establishment_ref, e.name, r.cents, b.sealed_iban
FROM claims.remittance AS r
JOIN accounts.establishment AS e USING (establishment_ref)
JOIN accounts.bank_details AS b ON b.change_ref = r.change_ref AND b.establishment_ref = r.establishment_ref
WHERE r.file_id = %(file_id)s ORDER BY r.remittance_id;

-- name: set_written
-- A file is on the disk.
UPDATE claims.payment_file SET digest = %(digest)s, written_at = clock_timestamp()
WHERE file_id = %(file_id)s AND written_at IS NULL;

-- name: set_sent
-- Nothing of a run is left to send.
UPDATE claims.run AS q SET state = 'sent', sent_at = clock_timestamp()
WHERE q.run_id = %(run_id)s AND q.state = 'sending'
  AND NOT EXISTS (SELECT FROM claims.remittance AS r WHERE r.run_id = q.run_id AND r.state = 'planned')
  AND NOT EXISTS (SELECT FROM claims.payment_file AS f WHERE f.run_id = q.run_id AND f.written_at IS NULL);
