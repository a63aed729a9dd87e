-- What an establishment follows of the claims it billed: states and amounts, no act and no person (psycopg, role portals).

-- name: list_claims
-- One page of the claims of an establishment, and how many there are.
SELECT c.claim_ref, c.invoice, c.channel, c.state, c.received_at, c.first_care_on, c.last_care_on, c.billed_cents, c.amc_cents,
       c.reste_a_charge_cents, c.findings, count(*) OVER () AS total
FROM claims.shown AS c
WHERE c.establishment_ref = %(establishment_ref)s
  AND (%(state)s::text IS NULL OR c.state = %(state)s::text)
  AND (%(invoice)s::text IS NULL OR c.invoice = %(invoice)s::text)
  AND (%(since)s::date IS NULL OR c.received_at >= %(since)s::date::timestamp AT TIME ZONE 'Europe/Paris')
  AND (%(until)s::date IS NULL OR c.received_at < (%(until)s::date + 1)::timestamp AT TIME ZONE 'Europe/Paris')
ORDER BY CASE WHEN %(sort)s::text = 'invoice' AND %(direction)s::integer > 0 THEN c.invoice END,
         CASE WHEN %(sort)s::text = 'invoice' AND %(direction)s::integer < 0 THEN c.invoice END DESC,
         %(direction)s::integer * CASE %(sort)s::text
             WHEN 'care' THEN c.first_care_on - '2000-01-01'::date
             WHEN 'billed' THEN c.billed_cents
             WHEN 'amc' THEN COALESCE(c.amc_cents, -1)
             WHEN 'state' THEN array_position('{received,held,rejected,adjudicated,remitted,paid,cancelled,undone}'::text[], c.state)
             ELSE extract(epoch FROM c.received_at)
         END, c.claim_ref DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_claim
-- One claim of an establishment.
SELECT c.claim_ref, c.invoice, c.channel, c.state, c.received_at, c.first_care_on, c.last_care_on, c.billed_cents, c.amc_cents,
       c.reste_a_charge_cents, c.findings
FROM claims.shown AS c WHERE c.claim_ref = %(claim_ref)s AND c.establishment_ref = %(establishment_ref)s;

-- name: load_lines
-- The acts of one claim of an establishment as they were billed, to send it again: nothing of the person.
SELECT l.act, l.care_on, l.quantity, l.billed_cents, l.base_cents, l.given_amo_cents, l.asked_amc_cents, l.basket, l.equipment,
       l.correction, l.exoneration, l.early_renewal
FROM claims.line AS l JOIN claims.claim AS c USING (claim_ref)
WHERE l.claim_ref = %(claim_ref)s AND c.establishment_ref = %(establishment_ref)s
ORDER BY l.number;

-- name: list_to_correct
-- One page of the claims of an establishment of which something was rejected that may still be corrected, and how many there are: none
-- that was taken back, nor one that another took the place of.
SELECT c.claim_ref, c.invoice, c.state, c.received_at, c.billed_cents, f.until, f.rules, count(*) OVER () AS total
FROM claims.shown AS c
CROSS JOIN LATERAL (
    SELECT min((one ->> 'until')::date) AS until, array_agg(DISTINCT one ->> 'rule' ORDER BY one ->> 'rule') AS rules
    FROM jsonb_array_elements(c.findings) AS one
    WHERE one ->> 'rule' = ANY (%(rejecting)s::text[]) AND (one ->> 'until')::date >= %(today)s::date) AS f
WHERE c.establishment_ref = %(establishment_ref)s AND c.findings <> '[]' AND c.state NOT IN ('cancelled', 'undone')
  AND f.until IS NOT NULL
  AND NOT EXISTS (SELECT FROM claims.claim AS later WHERE later.replaces = c.claim_ref)
ORDER BY CASE WHEN %(sort)s::text = 'invoice' AND %(direction)s::integer > 0 THEN c.invoice END,
         CASE WHEN %(sort)s::text = 'invoice' AND %(direction)s::integer < 0 THEN c.invoice END DESC,
         %(direction)s::integer * CASE %(sort)s::text
             WHEN 'billed' THEN c.billed_cents
             WHEN 'received' THEN extract(epoch FROM c.received_at)
             ELSE f.until - '2000-01-01'::date
         END, c.claim_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: count_to_correct
-- How many claims of an establishment may be corrected; at most as many as asked: it is shown on every page.
SELECT count(*) FROM (
    SELECT FROM claims.shown AS c
    WHERE c.establishment_ref = %(establishment_ref)s AND c.findings <> '[]' AND c.state NOT IN ('cancelled', 'undone')
      AND EXISTS (SELECT FROM jsonb_array_elements(c.findings) AS one
                  WHERE one ->> 'rule' = ANY (%(rejecting)s::text[]) AND (one ->> 'until')::date >= %(today)s::date)
      AND NOT EXISTS (SELECT FROM claims.claim AS later WHERE later.replaces = c.claim_ref)
    LIMIT %(most)s) AS found;

-- name: count_days
-- How many claims of an establishment came each day since one, and how many of them are accepted, rejected or wait.
SELECT (c.received_at AT TIME ZONE 'Europe/Paris')::date AS day,
       count(*) FILTER (WHERE c.state IN ('adjudicated', 'remitted', 'paid')),
       count(*) FILTER (WHERE c.state = 'rejected'),
       count(*) FILTER (WHERE c.state NOT IN ('adjudicated', 'remitted', 'paid', 'rejected'))
FROM claims.shown AS c
WHERE c.establishment_ref = %(establishment_ref)s AND c.received_at >= %(since)s::date::timestamp AT TIME ZONE 'Europe/Paris'
GROUP BY 1 ORDER BY 1;

-- name: count_rules
-- Of how many claims of an establishment each rule spoke since a day, the most frequent first.
SELECT one ->> 'rule' AS rule, count(DISTINCT c.claim_ref)
FROM claims.shown AS c CROSS JOIN LATERAL jsonb_array_elements(c.findings) AS one
WHERE c.establishment_ref = %(establishment_ref)s AND c.received_at >= %(since)s::date::timestamp AT TIME ZONE 'Europe/Paris'
  AND one ->> 'rule' = ANY (%(rejecting)s::text[])
GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: count_delays
-- How many transfers of an establishment took how many working days since a day.
SELECT r.working_days, count(*) FROM claims.remittance AS r
WHERE r.establishment_ref = %(establishment_ref)s AND r.execution_on >= %(since)s::date AND r.working_days IS NOT NULL
GROUP BY 1 ORDER BY 1;

-- name: match_invoices
-- What is known of the invoices an establishment asks about: claims that were not taken back, and what transfers paid of them.
SELECT c.invoice, count(DISTINCT c.claim_ref), COALESCE(sum(d.cents), 0)::bigint
FROM claims.shown AS c
LEFT JOIN claims.part AS p USING (claim_ref)
LEFT JOIN claims.due AS d ON d.part_ref = p.part_ref AND d.remittance_id IN (
    SELECT r.remittance_id FROM claims.remittance AS r
    WHERE r.establishment_ref = %(establishment_ref)s AND r.state IN ('sent', 'paid'))
WHERE c.establishment_ref = %(establishment_ref)s AND c.invoice = ANY (%(invoices)s::text[])
GROUP BY c.invoice;
