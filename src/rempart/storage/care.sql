-- Quotes and prises en charge (asyncpg, role gateway). Promises are written by the writer of the log, with their entries.

-- name: load_uses
-- What was used of the limits of these persons, in tiers payant and outside, and what promises that hold on day $2 keep of them; but for the promises being replaced ($3, $4).
SELECT used.person_ref, used.contract_ref, used.name, used.since, used.mark,
       sum(used.cents)::bigint AS cents, sum(used.units)::bigint AS units, max(used.day) AS last
FROM (
    SELECT one.person_ref, one.contract_ref, one.name, one.since, one.mark, one.cents, one.units, one.day
    FROM claims.use AS one
    WHERE one.person_ref = ANY ($1::bigint[]) AND NOT one.undone
    UNION ALL
    SELECT one.person_ref, one.contract_ref, one.name, one.since, one.mark, one.cents, one.units, one.day
    FROM claims.outside_use AS one
    WHERE one.person_ref = ANY ($1::bigint[])
    UNION ALL
    SELECT held.person_ref, held.contract_ref, kept.name, kept.since, kept.mark, kept.cents, kept.units, kept.day
    FROM claims.pec AS held
    CROSS JOIN LATERAL jsonb_to_recordset(held.uses)
        AS kept (name text, since date, mark text, cents integer, units smallint, day date)
    WHERE held.person_ref = ANY ($1::bigint[]) AND held.state = 'agreed' AND held.expires_on >= $2::date
      AND NOT EXISTS (SELECT FROM unnest($3::smallint[], $4::bigint[]) AS gone (log_id, idx)
                      WHERE gone.log_id = held.log_id AND gone.idx = held.idx)
) AS used
GROUP BY used.person_ref, used.contract_ref, used.name, used.since, used.mark;

-- name: load_pecs
-- Promises by the entries that name them.
SELECT pec.log_id, pec.idx, pec.establishment_ref, pec.person_ref, pec.domain, pec.care_on, pec.state, pec.asked_at, pec.expires_on
FROM claims.pec AS pec
JOIN unnest($1::smallint[], $2::bigint[]) AS asked (log_id, idx) ON asked.log_id = pec.log_id AND asked.idx = pec.idx;

-- name: sum_promises_up
-- For each of these persons a number that is another one when a promise that holds came or went.
SELECT asked.person_ref,
       (SELECT COALESCE(bit_xor((pec.idx << 8) | pec.log_id), 0) FROM claims.pec AS pec
        WHERE pec.person_ref = asked.person_ref AND pec.state = 'agreed')
FROM unnest($1::bigint[]) AS asked (person_ref);

-- name: lock_promises
-- Promise these persons something alone until this transaction ends; in order, so that no two wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended('rempart promises', asked.person_ref)) FROM unnest($1::bigint[]) AS asked (person_ref);

-- name: replace_pecs
-- Promises that others take the place of; how many were still good.
WITH moved AS (
    UPDATE claims.pec AS pec SET state = 'replaced', state_at = clock_timestamp()
    FROM unnest($1::smallint[], $2::bigint[]) AS gone (log_id, idx)
    WHERE pec.log_id = gone.log_id AND pec.idx = gone.idx AND pec.state = 'agreed'
    RETURNING 1
)
SELECT count(*) FROM moved;

-- name: insert_pecs
-- Promises of a batch, in the transaction of their entries.
INSERT INTO claims.pec (log_id, idx, establishment_ref, account_ref, person_ref, insurer_id, contract_ref, domain, care_on, state,
    expires_on, billed_cents, amo_cents, amc_cents, lines, uses, replaces_log, replaces_idx)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::integer[], $7::bigint[], $8::text[],
    $9::date[], $10::text[], $11::date[], $12::bigint[], $13::bigint[], $14::bigint[], $15::jsonb[], $16::jsonb[], $17::smallint[],
    $18::bigint[]);

-- name: cancel_pec
-- Take a promise back, for whoever asked for it; no row when it is another's or not good any more.
UPDATE claims.pec SET state = 'cancelled', state_at = clock_timestamp()
WHERE log_id = $1::smallint AND idx = $2::bigint AND establishment_ref = $3::bigint AND state = 'agreed'
RETURNING log_id, idx, establishment_ref, person_ref, domain, care_on, state, asked_at, expires_on;

-- name: list_pecs
-- The promises an establishment asked for, the newest first, before a moment; no amount and no person.
SELECT pec.log_id, pec.idx, pec.establishment_ref, pec.person_ref, pec.domain, pec.care_on, pec.state, pec.asked_at, pec.expires_on
FROM claims.pec AS pec
WHERE pec.establishment_ref = $1::bigint AND pec.asked_at < $2::timestamptz
ORDER BY pec.asked_at DESC, pec.idx DESC
LIMIT $3::integer;

-- name: load_benefit_files
-- The approved files of some insurers, in the order they were approved; what is known already ($2) comes without its content.
SELECT file.file_ref, file.insurer_id, file.decided_at,
       CASE WHEN file.file_ref = ANY ($2::bigint[]) THEN NULL ELSE file.content END AS content
FROM claims.benefit_file AS file
WHERE file.insurer_id = ANY ($1::integer[]) AND file.state = 'approved'
ORDER BY file.decided_at, file.file_ref;

-- name: load_billers
-- What amounts depend on of some establishments, on day $2.
SELECT DISTINCT ON (standing.establishment_ref) standing.establishment_ref, standing.optam, standing.circuits
FROM claims.standing
WHERE standing.establishment_ref = ANY ($1::bigint[]) AND standing.since <= $2::date
ORDER BY standing.establishment_ref, standing.since DESC;
