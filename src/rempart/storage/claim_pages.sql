-- Claims as pages and the command line read them: row policies say whose.

-- name: load_claim
-- One claim and what its controls said.
SELECT claim_ref, invoice, establishment_ref, person_ref, insurer_id, channel, state, received_at, state_at, first_care_on, billed_cents,
       amo_cents, amc_cents, reste_a_charge_cents, findings
FROM claims.shown WHERE claim_ref = %(claim_ref)s;

-- name: list_lines
-- Its acts, in the order of the bill, and what each contract pays of them.
SELECT l.number, l.act, l.care_on, l.quantity, l.billed_cents, l.basket, CASE WHEN s.is_whole THEN l.amo_cents END,
       CASE WHEN s.is_whole THEN l.amc_cents END, CASE WHEN s.is_whole THEN l.reste_a_charge_cents END,
       CASE WHEN s.is_whole THEN l.steps ELSE '[]' END,
       COALESCE((SELECT jsonb_agg(jsonb_build_object('cents', p.cents, 'benefit', p.benefit, 'table', p.table_code, 'steps', p.steps)
                                  ORDER BY p.rank)
                 FROM claims.part AS p WHERE p.claim_ref = l.claim_ref AND p.line = l.number), '[]')
FROM claims.line AS l JOIN claims.shown AS s USING (claim_ref) WHERE l.claim_ref = %(claim_ref)s ORDER BY l.number;

-- name: list_events
-- The steps of its life.
SELECT at, event, state, reason FROM claims.claim_event WHERE claim_ref = %(claim_ref)s ORDER BY at;

-- name: count_claims
-- Claims and sums by day, insurer and state, since a day.
SELECT day, insurer_id, state, claims, billed_cents, amc_cents FROM claims.count_claims(%(since)s) ORDER BY 1, 2, 3;
