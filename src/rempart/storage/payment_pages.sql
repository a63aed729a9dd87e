-- Lists of payments for those who see them: establishments, insurers, the host (psycopg: roles portals and settler).

-- name: list_remittances
-- One page of the transfers of an establishment, and how many there are.
SELECT r.remittance_id, r.cents, r.lines, r.execution_on, r.paid_on, r.returned_on, r.return_code, r.state, r.last_digits,
       r.working_days, count(*) OVER () AS total
FROM claims.remittance AS r
WHERE r.establishment_ref = %(establishment_ref)s AND r.state IN ('sent', 'paid', 'returned', 'refunded')
  AND (%(state)s::text IS NULL OR r.state = %(state)s::text)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'amount' THEN r.cents
             WHEN 'lines' THEN r.lines
             WHEN 'state' THEN array_position('{sent,paid,returned,refunded}'::text[], r.state)
             ELSE COALESCE(r.execution_on - '2000-01-01'::date, 0)
         END, r.remittance_id DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_remittance
-- One transfer, with whose it is; any establishment's for 0.
SELECT r.remittance_id, r.cents, r.lines, r.execution_on, r.paid_on, r.returned_on, r.return_code, r.state, r.last_digits,
       r.working_days, e.name, COALESCE(e.finess, ''), e.siret, e.establishment_ref
FROM claims.remittance AS r JOIN accounts.establishment AS e USING (establishment_ref)
WHERE r.remittance_id = %(remittance_id)s AND r.state IN ('sent', 'paid', 'returned', 'refunded')
  AND (%(establishment_ref)s = 0 OR r.establishment_ref = %(establishment_ref)s);

-- name: list_return_lines
-- What a transfer pays and takes back, line by line; what it held before it came back, when it did.
WITH held AS (
    SELECT d.part_ref, d.undone FROM claims.due AS d WHERE d.remittance_id = %(remittance_id)s
    UNION ALL
    SELECT b.part_ref, b.undone FROM claims.returned_due AS b WHERE b.remittance_id = %(remittance_id)s)
SELECT c.claim_ref, COALESCE(o.number, ''), c.invoice, l.number, s.insurer_name, s.amc_number, h.undone, l.billed_cents,
       COALESCE(l.amo_cents, 0), p.cents, COALESCE(l.reste_a_charge_cents, 0)
FROM held AS h
JOIN claims.part AS p USING (part_ref)
JOIN claims.claim AS c USING (claim_ref)
JOIN claims.line AS l ON l.claim_ref = p.claim_ref AND l.number = p.line
JOIN claims.remittance_share AS s ON s.remittance_id = %(remittance_id)s AND s.insurer_id = p.insurer_id AND NOT s.returned
LEFT JOIN claims.lot AS o ON o.lot_ref = c.lot_ref
ORDER BY h.undone, c.invoice, l.number, p.rank;

-- name: sum_waiting
-- What waits for an establishment, what it owes, since when, and what holds its payments.
SELECT COALESCE(sum(d.cents) FILTER (WHERE NOT d.undone), 0)::bigint, count(*) FILTER (WHERE NOT d.undone),
       COALESCE(-sum(d.cents) FILTER (WHERE d.undone), 0)::bigint, min(d.since) FILTER (WHERE NOT d.undone),
       ARRAY(SELECT DISTINCT h.return_code FROM claims.payment_hold AS h
             WHERE h.establishment_ref = %(establishment_ref)s AND h.lifted_at IS NULL ORDER BY 1)
FROM claims.due AS d
WHERE d.establishment_ref = %(establishment_ref)s AND d.part_ref IN (SELECT p.part_ref FROM claims.part AS p)
  AND (d.remittance_id IS NULL OR d.remittance_id NOT IN (
      SELECT r.remittance_id FROM claims.remittance AS r
      WHERE r.establishment_ref = %(establishment_ref)s AND r.state IN ('sent', 'paid', 'returned', 'refunded')));

-- name: count_promise
-- How many transfers took how many working days, since a day; of one establishment, or of all for 0.
SELECT r.working_days, count(*) FROM claims.remittance AS r
WHERE r.execution_on >= %(since)s AND r.working_days IS NOT NULL
  AND (%(establishment_ref)s = 0 OR r.establishment_ref = %(establishment_ref)s)
GROUP BY r.working_days;

-- name: list_calls
-- One page of the calls for funds, of one insurer or of all that the asker sees, and how many there are.
SELECT c.call_id, c.insurer_id, i.name, c.cents, c.fees_cents, c.called_at, c.due_on, c.received_cents, c.received_on,
       c.mandate_id IS NOT NULL, c.reminders, count(*) OVER () AS total
FROM claims.call AS c JOIN rights.insurer AS i USING (insurer_id)
WHERE (%(insurer_id)s::integer IS NULL OR c.insurer_id = %(insurer_id)s::integer)
  AND (%(call_id)s::bigint IS NULL OR c.call_id = %(call_id)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'amount' THEN c.cents
             WHEN 'due' THEN c.due_on - '2000-01-01'::date
             WHEN 'state' THEN c.received_cents - c.cents
             ELSE c.call_id
         END, c.call_id DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_shares
-- What a call is for: transfers on the insurer's behalf, in the order they were made.
SELECT s.remittance_id, s.cents, s.lines, s.returned FROM claims.remittance_share AS s
WHERE s.call_id = %(call_id)s ORDER BY s.remittance_id, s.returned;

-- name: load_funding
-- How an insurer's funds come, and its mandate.
SELECT COALESCE(f.rule, 'advance'), COALESCE(f.due_days, %(due_days)s), COALESCE(f.fee_cents, 0), COALESCE(m.reference, ''),
       COALESCE(m.last_digits, ''), m.signed_on
FROM rights.insurer AS i
LEFT JOIN claims.funding AS f USING (insurer_id)
LEFT JOIN claims.mandate AS m ON m.insurer_id = i.insurer_id AND m.ended_at IS NULL
WHERE i.insurer_id = %(insurer_id)s;

-- name: list_runs
-- One page of the runs, or one of them, with names, and how many there are.
SELECT q.run_id, q.day, q.state, q.remittances, q.cents, q.planned_at, COALESCE(a.display_name, ''), q.first_at,
       COALESCE(b.display_name, ''), q.second_at, COALESCE(n.display_name, ''), q.reason, q.sent_at, COALESCE(q.first_by, 0),
       count(*) OVER () AS total
FROM claims.run AS q
LEFT JOIN accounts.actor AS a ON a.actor_ref = q.first_by
LEFT JOIN accounts.actor AS b ON b.actor_ref = q.second_by
LEFT JOIN accounts.actor AS n ON n.actor_ref = q.refused_by
WHERE (%(state)s::text IS NULL OR q.state = %(state)s::text) AND (%(run_id)s::bigint IS NULL OR q.run_id = %(run_id)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'amount' THEN q.cents
             WHEN 'day' THEN q.day - '2000-01-01'::date
             WHEN 'state' THEN array_position('{planning,planned,approved,sending,sent,refused}'::text[], q.state)
             ELSE q.run_id
         END, q.run_id DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_runs_bare
-- The newest runs, without names: for the command line's login.
SELECT run_id, day, state, remittances, cents, planned_at, first_at, second_at, reason, sent_at
FROM claims.run ORDER BY run_id DESC LIMIT %(most)s;

-- name: sum_insurers
-- What a run pays on behalf of each insurer.
SELECT s.insurer_id, i.name, sum(s.cents)::bigint, count(*), COALESCE(f.rule, 'advance')
FROM claims.remittance_share AS s
JOIN claims.remittance AS r USING (remittance_id)
JOIN rights.insurer AS i USING (insurer_id)
LEFT JOIN claims.funding AS f USING (insurer_id)
WHERE r.run_id = %(run_id)s AND NOT s.returned GROUP BY s.insurer_id, i.name, f.rule ORDER BY 3 DESC, 1;

-- name: sum_carried
-- What a run leaves, by reason: before it was approved, and at the moment of its files.
SELECT reason, count(*), sum(cents)::bigint FROM (
    SELECT c.reason, c.cents FROM claims.carried AS c WHERE c.run_id = %(run_id)s
    UNION ALL
    SELECT r.reason, r.cents FROM claims.remittance AS r WHERE r.run_id = %(run_id)s AND r.state = 'held') AS one
GROUP BY reason ORDER BY 3 DESC, 1;

-- name: list_held
-- Which establishments a run does not pay, and why: the most money first.
SELECT c.establishment_ref, e.name, e.city, c.cents, c.reason
FROM claims.carried AS c JOIN accounts.establishment AS e USING (establishment_ref)
WHERE c.run_id = %(run_id)s ORDER BY abs(c.cents) DESC, 1 LIMIT %(most)s;

-- name: list_files
-- The files of a run.
SELECT file_id, kind, count, cents, execution_on, written_at FROM claims.payment_file
WHERE run_id = %(run_id)s ORDER BY file_id;

-- name: count_unverified
-- How many transfers of a run go to accounts whose bank did not say that the name matches.
SELECT count(*) FROM claims.remittance AS r WHERE r.run_id = %(run_id)s AND NOT r.verified;

-- name: list_run_remittances
-- One page of the transfers of a run, and how many there are.
SELECT r.remittance_id, e.name, e.city, r.cents, r.lines, r.last_digits, r.state, r.reason, r.execution_on, r.working_days,
       count(*) OVER () AS total
FROM claims.remittance AS r JOIN accounts.establishment AS e USING (establishment_ref)
WHERE r.run_id = %(run_id)s
ORDER BY CASE WHEN %(sort)s::text = 'establishment' AND %(direction)s::integer > 0 THEN e.name END,
         CASE WHEN %(sort)s::text = 'establishment' AND %(direction)s::integer < 0 THEN e.name END DESC,
         %(direction)s::integer * CASE %(sort)s::text
             WHEN 'amount' THEN r.cents
             WHEN 'state' THEN array_position('{planned,held,released,sent,paid,returned}'::text[], r.state)
             ELSE 0
         END, r.remittance_id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_suspense
-- One page of the movements nobody explained, and how many there are.
SELECT l.line_id, l.booked_on, l.cents, l.end_to_end, l.bank_ref, l.return_code, count(*) OVER () AS total
FROM claims.bank_line AS l WHERE l.state = 'suspense'
ORDER BY %(direction)s::integer * CASE %(sort)s::text WHEN 'amount' THEN l.cents ELSE l.booked_on - '2000-01-01'::date END, l.line_id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_bank_files
-- One page of the bank's files, and how many there are.
SELECT f.bank_file_id, f.kind, f.statement_id, f.booked_to, f.imported_at, f.lines,
       (SELECT count(*) FROM claims.bank_line AS l WHERE l.bank_file_id = f.bank_file_id AND l.state = 'suspense'),
       count(*) OVER () AS total
FROM claims.bank_file AS f
ORDER BY %(direction)s::integer * CASE %(sort)s::text WHEN 'lines' THEN f.lines ELSE f.bank_file_id END, f.bank_file_id DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: sum_journal
-- What every kind of account holds: above nought, it is owed or there; the sum of all is nought.
SELECT kind, sum(cents)::bigint FROM (
    SELECT debit_kind AS kind, cents FROM claims.journal
    UNION ALL
    SELECT credit_kind, -cents FROM claims.journal) AS side
GROUP BY kind ORDER BY kind;
