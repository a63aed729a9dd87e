-- Transfers as the gateway tells them to software (asyncpg, role gateway): those that were sent, of one establishment.

-- name: list_remittances
-- An establishment's transfers, the newest first, from the one before $2.
SELECT r.remittance_id, r.cents, r.lines, r.execution_on, r.paid_on, r.returned_on, r.return_code, r.state, r.last_digits,
       r.working_days
FROM claims.remittance AS r
WHERE r.establishment_ref = $1::bigint AND r.remittance_id < $2::bigint AND r.state IN ('sent', 'paid', 'returned', 'refunded')
ORDER BY r.remittance_id DESC
LIMIT $3::integer;

-- name: load_remittance
-- One transfer of an establishment, with whose it is.
SELECT r.remittance_id, r.cents, r.lines, r.execution_on, r.paid_on, r.returned_on, r.return_code, r.state, r.last_digits,
       r.working_days, e.name, COALESCE(e.finess, ''), e.siret, e.establishment_ref
FROM claims.remittance AS r JOIN accounts.establishment AS e USING (establishment_ref)
WHERE r.remittance_id = $1::bigint AND r.establishment_ref = $2::bigint AND r.state IN ('sent', 'paid', 'returned', 'refunded');

-- name: list_return_lines
-- What a transfer pays and takes back, line by line; what it held before it came back, when it did.
WITH held AS (
    SELECT d.part_ref, d.undone FROM claims.due AS d WHERE d.remittance_id = $1::bigint
    UNION ALL
    SELECT b.part_ref, b.undone FROM claims.returned_due AS b WHERE b.remittance_id = $1::bigint)
SELECT c.claim_ref, COALESCE(o.number, ''), c.invoice, l.number, s.insurer_name, s.amc_number, h.undone, l.billed_cents,
       COALESCE(l.amo_cents, 0), p.cents, COALESCE(l.reste_a_charge_cents, 0)
FROM held AS h
JOIN claims.part AS p USING (part_ref)
JOIN claims.claim AS c USING (claim_ref)
JOIN claims.line AS l ON l.claim_ref = p.claim_ref AND l.number = p.line
JOIN claims.remittance_share AS s ON s.remittance_id = $1::bigint AND s.insurer_id = p.insurer_id AND NOT s.returned
LEFT JOIN claims.lot AS o ON o.lot_ref = c.lot_ref
ORDER BY h.undone, c.invoice, l.number, p.rank;
