-- Care that members dispute: what they say is sealed; row policies say whose a dispute is (psycopg, role portals).

-- name: add_dispute
-- Writes a member's dispute about a line of a claim of theirs, or the whole of it.
INSERT INTO claims.dispute (dispute_ref, claim_ref, line, person_ref, insurer_id, reason, sealed, made_at)
VALUES (%(dispute_ref)s, %(claim_ref)s, %(line)s, %(person_ref)s, %(insurer_id)s, %(reason)s, %(sealed)s, %(made_at)s);

-- name: list_disputes
-- One page of the disputes the visitor may see, and how many there are; without what was written.
SELECT d.dispute_ref, d.claim_ref, d.line, d.reason, d.made_at, d.state, d.outcome, d.ended_at, c.establishment_ref, c.first_care_on,
       c.amc_cents, count(*) OVER () AS total
FROM claims.dispute AS d JOIN claims.claim AS c USING (claim_ref)
WHERE (%(state)s::text IS NULL OR d.state = %(state)s::text) AND (%(claim_ref)s::bigint IS NULL OR d.claim_ref = %(claim_ref)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'care' THEN c.first_care_on - '2000-01-01'::date
             WHEN 'amount' THEN COALESCE(c.amc_cents, -1)
             WHEN 'reason' THEN array_position('{not_received,not_all,unknown_place,paid_twice}'::text[], d.reason)
             WHEN 'state' THEN array_position('{open,answered,withdrawn}'::text[], d.state)
             ELSE extract(epoch FROM d.made_at)
         END, d.made_at DESC, d.dispute_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_dispute
-- One dispute, with what was written, for whoever may see it.
SELECT d.dispute_ref, d.claim_ref, d.line, d.person_ref, d.insurer_id, d.reason, d.sealed, d.made_at, d.state, d.outcome, d.answer,
       d.ended_at, c.establishment_ref
FROM claims.dispute AS d JOIN claims.claim AS c USING (claim_ref)
WHERE d.dispute_ref = %(dispute_ref)s;

-- name: end_dispute
-- Answers a dispute that waits, or takes it back; of two at once, the second gets no row.
UPDATE claims.dispute
SET state = %(state)s, outcome = %(outcome)s, answer = %(answer)s, ended_by = %(ended_by)s, ended_at = %(ended_at)s
WHERE dispute_ref = %(dispute_ref)s AND state = 'open'
RETURNING dispute_ref;

-- name: find_disputed_claim
-- When a claim the visitor may see was billed, and how far it is; no row when it has no such line. Line 0 is the whole of it.
SELECT c.received_at, c.state FROM claims.claim AS c
WHERE c.claim_ref = %(claim_ref)s
  AND (%(line)s = 0 OR EXISTS (SELECT FROM claims.line AS l WHERE l.claim_ref = c.claim_ref AND l.number = %(line)s));
