-- Numbers lent for working offline, and what came back (asyncpg, role gateway).

-- name: lend_numbers
-- Lends numbers to an establishment within its day's bound; says how many.
SELECT rights.lend_numbers($1::bigint, $2::bigint, $3::bigint, $4::date, $5::integer, $6::integer, $7::integer, $8::bigint, $9::bigint);

-- name: load_batches
-- The batches of some numbers.
SELECT batch_ref, establishment_ref, count, amount_cents, issued_ms, expires_ms
FROM rights.offline_batch WHERE batch_ref = ANY ($1::bigint[]);

-- name: load_reported
-- What became of some numbers, if they came back before; to this gateway or to another, which has a log of its own.
SELECT e.batch_ref, e.place, e.digest, e.reason, e.amount_cents, e.log_id, e.idx, log.origin
FROM unnest($1::bigint[], $2::integer[]) AS asked (batch_ref, place)
JOIN rights.offline_engagement AS e ON e.batch_ref = asked.batch_ref AND e.place = asked.place
JOIN ledger.log AS log ON log.log_id = e.log_id;

-- name: save_reported
-- Writes what became of a number; no row when another gateway was faster.
INSERT INTO rights.offline_engagement (batch_ref, place, digest, reason, amount_cents, log_id, idx)
VALUES ($1::bigint, $2::integer, $3::bytea, $4::text, $5::integer, $6::smallint, $7::bigint)
ON CONFLICT DO NOTHING RETURNING place;
