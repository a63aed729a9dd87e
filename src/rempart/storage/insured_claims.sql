-- Claims as insurers and members list them: states and amounts, no act and no person; row policies say whose (psycopg, role portals).

-- name: list_claims
-- One page of the claims the visitor may see, and how many there are.
SELECT c.claim_ref, c.invoice, c.establishment_ref, c.state, c.received_at, c.first_care_on, c.last_care_on, c.billed_cents, c.amo_cents,
       c.amc_cents, c.reste_a_charge_cents, c.findings, count(*) OVER () AS total
FROM claims.claim AS c
WHERE (%(state)s::text IS NULL OR c.state = %(state)s::text)
  AND (%(claim_ref)s::bigint IS NULL OR c.claim_ref = %(claim_ref)s::bigint)
  AND (%(establishment_ref)s::bigint IS NULL OR c.establishment_ref = %(establishment_ref)s::bigint)
  AND (%(since)s::date IS NULL OR c.received_at >= %(since)s::date::timestamp AT TIME ZONE 'Europe/Paris')
  AND (%(until)s::date IS NULL OR c.received_at < (%(until)s::date + 1)::timestamp AT TIME ZONE 'Europe/Paris')
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'care' THEN c.first_care_on - '2000-01-01'::date
             WHEN 'billed' THEN c.billed_cents
             WHEN 'amc' THEN COALESCE(c.amc_cents, -1)
             WHEN 'left' THEN COALESCE(c.reste_a_charge_cents, -1)
             WHEN 'state' THEN array_position('{received,held,rejected,adjudicated,remitted,paid,cancelled,undone}'::text[], c.state)
             ELSE extract(epoch FROM c.received_at)
         END, c.claim_ref DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: name_billers
-- Who billed claims the visitor may see.
SELECT establishment_ref, name, city, finess FROM claims.name_billers(%(refs)s::bigint[]);

-- name: count_billers
-- How many claims each establishment sent for the visitor's members since a day, how many of them quote no answer, and how many came
-- since a later day.
SELECT c.establishment_ref, count(*), count(*) FILTER (WHERE c.engagement_log IS NULL AND c.pec_number IS NULL),
       count(*) FILTER (WHERE c.received_at >= %(recent)s)
FROM claims.claim AS c
WHERE c.received_at >= %(since)s AND c.state NOT IN ('cancelled', 'undone') AND c.insurer_id = %(insurer_id)s
GROUP BY c.establishment_ref;

-- name: price_acts
-- What each establishment billed of each act for the visitor's members since a day.
SELECT c.establishment_ref, l.act, count(*), sum(l.quantity), sum(l.billed_cents)
FROM claims.claim AS c JOIN claims.line AS l USING (claim_ref)
WHERE c.received_at >= %(since)s AND c.state NOT IN ('cancelled', 'undone') AND c.insurer_id = %(insurer_id)s
GROUP BY c.establishment_ref, l.act;

-- name: find_pec_subject
-- Whose promise this is, when the visitor may see it.
SELECT person_ref, insurer_id FROM claims.pec WHERE log_id = %(log_id)s AND idx = %(idx)s;
