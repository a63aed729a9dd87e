-- Claims as they come in and as their biller reads them (asyncpg, role gateway).

-- name: find_persons
-- Whom the identifiers of a batch lead to, and their insurer; 0 for nobody.
SELECT person_ref, insurer_id FROM claims.find_persons($1::text::uuid[]);

-- name: find_own
-- Which of some claims an establishment billed.
SELECT c.claim_ref FROM unnest($1::bigint[], $2::bigint[]) AS asked (claim_ref, establishment_ref)
JOIN claims.claim AS c ON c.claim_ref = asked.claim_ref AND c.establishment_ref = asked.establishment_ref;

-- name: save_claims
-- Takes a batch in, all or nothing: claims, their lines, and the cancelling of those they replace. What is known already is left out. In the order of digests, so that the same lot twice in parallel waits and never locks itself up.
WITH given AS (
    SELECT c.* FROM jsonb_to_recordset($1::text::jsonb) AS c (
        claim_ref bigint, establishment_ref bigint, account_ref bigint, client_ref bigint, lot_ref bigint, channel text,
        invoice text, digest text, person_ref bigint, insurer_id integer, born text, in_pathway boolean,
        engagement_log smallint, engagement_idx bigint, pec_number text, first_care_on date, last_care_on date,
        billed_cents bigint, replaces bigint, by_card boolean, named_amc text)
), taken AS (
    INSERT INTO claims.claim (
        claim_ref, establishment_ref, account_ref, client_ref, lot_ref, channel, invoice, digest, person_ref, insurer_id, born,
        in_pathway, engagement_log, engagement_idx, pec_number, first_care_on, last_care_on, billed_cents, replaces, by_card,
        named_insurer)
    SELECT claim_ref, establishment_ref, account_ref, client_ref, lot_ref, channel, invoice, decode(digest, 'hex'), person_ref,
           insurer_id, born, in_pathway, engagement_log, engagement_idx, pec_number, first_care_on, last_care_on, billed_cents,
           replaces, by_card,
           COALESCE((SELECT i.insurer_id FROM rights.insurer AS i WHERE i.amc_number = given.named_amc), insurer_id)
    FROM given ORDER BY digest
    ON CONFLICT (digest) DO NOTHING
    RETURNING claim_ref
), acts AS (
    INSERT INTO claims.line (
        claim_ref, number, act, care_on, quantity, billed_cents, base_cents, given_amo_cents, asked_amc_cents, basket, equipment,
        correction, exoneration, early_renewal)
    SELECT l.claim_ref, l.number, l.act, l.care_on, l.quantity, l.billed_cents, l.base_cents, l.given_amo_cents,
           l.asked_amc_cents, l.basket, l.equipment, l.correction, l.exoneration, l.early_renewal
    FROM jsonb_to_recordset($2::text::jsonb) AS l (
        claim_ref bigint, number smallint, act text, care_on date, quantity smallint, billed_cents integer, base_cents integer,
        given_amo_cents integer, asked_amc_cents integer, basket text, equipment text, correction text, exoneration text,
        early_renewal boolean)
    JOIN taken ON taken.claim_ref = l.claim_ref
)
SELECT taken.claim_ref,
       CASE WHEN given.replaces IS NOT NULL
            THEN claims.ask_cancel(given.replaces, given.establishment_ref, given.account_ref, 'replaced') END AS cancelled
FROM taken JOIN given ON given.claim_ref = taken.claim_ref;

-- name: find_known
-- The references of claims that were taken before. Somebody's wait for the standby may have been given up after their row was written:
-- a word in the log of changes makes this statement wait for it, so that nobody is told of a claim that a failover would lose.
SELECT known.digest, known.claim_ref
FROM (SELECT pg_catalog.pg_logical_emit_message(true, 'rempart', '') OFFSET 0) AS said
CROSS JOIN (SELECT digest, claim_ref FROM claims.claim WHERE digest = ANY ($1::bytea[])) AS known;

-- name: call_adjudication
-- Says that claims wait.
SELECT claims.call_adjudication();

-- name: open_lot
-- Writes that a lot comes in, unless it came before.
INSERT INTO claims.lot (lot_ref, establishment_ref, account_ref, channel, number, digest)
VALUES ($1::bigint, $2::bigint, $3::bigint, $4::text, $5::text, $6::bytea)
ON CONFLICT (establishment_ref, digest) DO NOTHING;

-- name: find_lot
-- A lot by its bytes, durable like what find_known returns.
SELECT lot.lot_ref, lot.channel, lot.number, lot.state, lot.claims, lot.refused, lot.findings, lot.received_at
FROM (SELECT pg_catalog.pg_logical_emit_message(true, 'rempart', '') OFFSET 0) AS said
CROSS JOIN (SELECT * FROM claims.lot WHERE establishment_ref = $1::bigint AND digest = $2::bytea) AS lot;

-- name: close_lot
-- Writes how a lot ended. The same lot read twice says the same.
UPDATE claims.lot SET state = $2::text, claims = $3::integer, refused = $4::integer, findings = $5::text::jsonb
WHERE lot_ref = $1::bigint;

-- name: load_lot
-- A lot of an establishment.
SELECT lot_ref, channel, number, state, claims, refused, findings, received_at FROM claims.lot
WHERE lot_ref = $1::bigint AND establishment_ref = $2::bigint;

-- name: load_claim
-- A claim of an establishment, with its lines in one piece; the whole of it: whether it may be told is `is_told`.
SELECT c.claim_ref, c.lot_ref, c.channel, c.invoice, c.person_ref, c.insurer_id, c.first_care_on, c.billed_cents, c.replaces,
       c.received_at, c.state, c.state_at, c.amo_cents, c.amc_cents, c.reste_a_charge_cents, claims.tell_findings(c) AS findings,
       claims.is_told(c) AS is_told, c.by_card, substring(c.digest FOR 16) AS mark,
       (SELECT jsonb_agg(jsonb_build_object(
            'number', l.number, 'act', l.act, 'care_date', l.care_on, 'quantity', l.quantity, 'billed_cents', l.billed_cents,
            'amo_cents', l.amo_cents, 'amc_cents', l.amc_cents, 'reste_a_charge_cents', l.reste_a_charge_cents) ORDER BY l.number)
        FROM claims.line AS l WHERE l.claim_ref = c.claim_ref) AS lines, c.named_insurer
FROM claims.claim AS c
WHERE c.claim_ref = $1::bigint AND c.establishment_ref = $2::bigint;

-- name: tell
-- The guard lets the result of a claim be read; returns what is told of it from now on.
UPDATE claims.claim AS c SET told_at = COALESCE(c.told_at, clock_timestamp()) WHERE c.claim_ref = $1::bigint
RETURNING claims.tell_findings(c);

-- name: list_claims
-- Claims of an establishment, in the order they came, from an instant or after one of them. One whose result may not be told is shown, and
-- found, as one that waits.
SELECT c.claim_ref, c.invoice, CASE WHEN t.is_told THEN c.person_ref ELSE 0 END, CASE WHEN t.is_told THEN c.insurer_id ELSE 0 END,
       c.first_care_on, c.billed_cents, c.received_at, CASE WHEN t.is_told THEN c.state ELSE 'received' END,
       CASE WHEN t.is_told THEN c.state_at ELSE c.received_at END, CASE WHEN t.is_told THEN c.amo_cents END,
       CASE WHEN t.is_told THEN c.amc_cents END, CASE WHEN t.is_told THEN c.reste_a_charge_cents END,
       (SELECT l.act FROM claims.line AS l WHERE l.claim_ref = c.claim_ref ORDER BY l.number LIMIT 1) AS act
FROM claims.claim AS c
CROSS JOIN LATERAL (SELECT claims.is_told(c) AS is_told) AS t
WHERE c.establishment_ref = $1::bigint
  AND ($2::timestamptz IS NULL OR c.received_at >= $2::timestamptz)
  AND ($3::text IS NULL OR CASE WHEN t.is_told THEN c.state ELSE 'received' END = $3::text)
  AND ($4::text IS NULL OR c.invoice = $4::text)
  AND ($5::bigint IS NULL OR c.lot_ref = $5::bigint)
  AND ($6::bigint IS NULL OR (c.received_at, c.claim_ref) > (
        SELECT last.received_at, last.claim_ref FROM claims.claim AS last
        WHERE last.claim_ref = $6::bigint AND last.establishment_ref = $1::bigint))
ORDER BY c.received_at, c.claim_ref
LIMIT $7::integer;

-- name: ask_cancel
-- Takes a claim back; NULL when the establishment billed no such claim.
SELECT claims.ask_cancel($1::bigint, $2::bigint, $3::bigint, $4::text);
