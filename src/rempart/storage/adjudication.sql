-- Sharing claims out (role settler), a batch at a time: what it reads, what it writes.

-- name: plan_by_index
-- Rows are looked up one by one, whatever the planner believes of tables that grew since they were analysed.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true);

-- name: take_waiting
-- The oldest claims that wait and whose person nobody else works on: counters of one person are for one transaction at a time. Somebody unknown has none: their claims are locked one by one. Looks at `look` claims only, so that no more people are locked than are taken; a claim that somebody else still holds is none of them.
WITH waiting AS MATERIALIZED (
    (SELECT h.claim_ref, c.person_ref, c.received_at
     FROM claims.hold AS h JOIN claims.claim AS c ON c.claim_ref = h.claim_ref AND c.state = 'held'
     WHERE h.decision IS NOT NULL AND h.carried_at IS NULL
       AND (EXISTS (SELECT FROM claims.hold AS o WHERE o.claim_ref = h.claim_ref AND o.decision = 'reject')
            OR NOT EXISTS (SELECT FROM claims.hold AS o WHERE o.claim_ref = h.claim_ref AND o.decision IS NULL))
     ORDER BY h.decided_at LIMIT %(look)s)
    UNION ALL
    (SELECT c.claim_ref, c.person_ref, c.received_at
     FROM claims.claim AS c WHERE c.state = 'received'
     ORDER BY c.received_at, c.claim_ref LIMIT %(look)s)
)
SELECT claim_ref, person_ref FROM waiting
WHERE pg_try_advisory_xact_lock(%(lock_class)s, ((CASE person_ref WHEN 0 THEN claim_ref ELSE person_ref END) & 2147483647)::integer)
LIMIT %(size)s;

-- name: lock_person
-- Whether nobody else works on a person, or on a claim of somebody unknown; until the transaction ends, nobody else will.
SELECT pg_try_advisory_xact_lock(%(lock_class)s, (%(key)s::bigint & 2147483647)::integer);

-- name: load_claims
-- All that waits of some people, and some claims of nobody known: by person, in the order of care, then of arrival. A claim that was held comes back once nobody holds it any more.
SELECT c.claim_ref, c.establishment_ref, c.account_ref, c.person_ref, c.insurer_id, c.born, c.in_pathway, c.engagement_log,
       c.engagement_idx, c.pec_number, c.replaces, c.received_at, c.state
FROM claims.claim AS c
WHERE (c.person_ref = ANY (%(person_refs)s) OR c.claim_ref = ANY (%(claim_refs)s))
  AND (c.state = 'received'
       OR (c.state = 'held'
           AND EXISTS (SELECT FROM claims.hold AS h WHERE h.claim_ref = c.claim_ref AND h.decision IS NOT NULL AND h.carried_at IS NULL)
           AND (EXISTS (SELECT FROM claims.hold AS h WHERE h.claim_ref = c.claim_ref AND h.decision = 'reject')
                OR NOT EXISTS (SELECT FROM claims.hold AS h WHERE h.claim_ref = c.claim_ref AND h.decision IS NULL))))
ORDER BY c.person_ref, c.first_care_on, c.received_at, c.claim_ref
LIMIT %(most)s
FOR UPDATE OF c;

-- name: find_whose
-- Whose some claims are, and of whom.
SELECT claim_ref, establishment_ref, person_ref FROM claims.claim WHERE claim_ref = ANY (%(claim_refs)s);

-- name: load_lines
-- The acts of some claims, in the order of the bill.
SELECT claim_ref, number, act, care_on, quantity, billed_cents, base_cents, given_amo_cents, asked_amc_cents, basket, equipment,
       correction, exoneration, early_renewal
FROM claims.line WHERE claim_ref = ANY (%(claim_refs)s)
ORDER BY claim_ref, number;

-- name: load_holds
-- Who holds some claims, and what was decided.
SELECT claim_ref, hold_ref, insurer_id, decision, decided_by FROM claims.hold WHERE claim_ref = ANY (%(claim_refs)s);

-- name: load_watches
-- Whose new claims wait now.
SELECT establishment_ref, watch_ref, insurer_id, reason FROM claims.watch
WHERE ended_at IS NULL AND establishment_ref = ANY (%(establishment_refs)s);

-- name: load_standings
-- What amounts depend on of who bills, from each day on.
SELECT establishment_ref, since, optam, circuits FROM claims.standing
WHERE establishment_ref = ANY (%(establishment_refs)s)
ORDER BY establishment_ref, since;

-- name: load_insurers
-- Insurers' agreements and published versions: the one now, the last one before an instant, those since.
SELECT i.insurer_id, i.agreement_from, LEAST(i.agreement_to, '9999-12-31'), i.published_version,
       (SELECT max(v.feed_version) FROM rights.feed_version AS v
        WHERE v.insurer_id = i.insurer_id AND v.state = 'published' AND v.published_at <= %(since)s),
       ARRAY(SELECT v.feed_version FROM rights.feed_version AS v
             WHERE v.insurer_id = i.insurer_id AND v.state = 'published' AND v.published_at > %(since)s
             ORDER BY v.published_at),
       ARRAY(SELECT v.published_at FROM rights.feed_version AS v
             WHERE v.insurer_id = i.insurer_id AND v.state = 'published' AND v.published_at > %(since)s
             ORDER BY v.published_at)
FROM rights.insurer AS i WHERE i.insurer_id = ANY (%(insurer_ids)s);

-- name: load_sheets
-- Every version of some people's sheets, one row for each contract of each: members, and those who left.
SELECT s.person_ref, s.opened_in, s.closed_in, s.insurer_id, l.contract_ref, l.starts_on, LEAST(l.ends_on, '9999-12-31'),
       LEAST(l.suspended_from, '9999-12-31'), LEAST(l.suspended_to, '9999-12-31'), l.terms_id
FROM (SELECT * FROM rights.coverage WHERE person_ref = ANY (%(person_refs)s)
      UNION ALL SELECT * FROM rights.past_coverage WHERE person_ref = ANY (%(person_refs)s)) AS s,
     unnest(s.contract_ref, s.starts_on, s.ends_on, s.suspended_from, s.suspended_to, s.terms_id)
         AS l (contract_ref, starts_on, ends_on, suspended_from, suspended_to, terms_id);

-- name: load_terms
-- Guarantees not met before; they never change.
SELECT terms_id, convention_type, csr, responsible, domains FROM rights.terms WHERE terms_id = ANY (%(terms_ids)s);

-- name: load_benefit_files
-- Approved files of benefit tables not read before; they never change.
SELECT file_ref, insurer_id, content, decided_at FROM claims.benefit_file
WHERE state = 'approved' AND insurer_id = ANY (%(insurer_ids)s) AND file_ref <> ALL (%(known)s)
ORDER BY decided_at, file_ref;

-- name: load_uses
-- What some people used of limits and levies, here and outside tiers payant, since a day or without end.
SELECT u.person_ref, u.contract_ref, u.name, u.since, u.mark, sum(u.cents)::bigint, sum(u.units)::bigint, max(u.day)
FROM (SELECT person_ref, contract_ref, name, since, mark, cents, units, day FROM claims.use
      WHERE person_ref = ANY (%(person_refs)s) AND NOT undone
      UNION ALL
      SELECT person_ref, contract_ref, name, since, mark, cents, units, day FROM claims.outside_use
      WHERE person_ref = ANY (%(person_refs)s)) AS u
WHERE u.since >= %(oldest)s OR u.since = '0001-01-01'
GROUP BY u.person_ref, u.contract_ref, u.name, u.since, u.mark;

-- name: find_twins
-- Which lines were received before: same person, place, act and day, in a claim that goes on, and since when one that is held waits. A person's claims are looked up first: a place has many more.
SELECT DISTINCT asked.person_ref, asked.establishment_ref, l.act, l.care_on, c.claim_ref, CASE c.state WHEN 'held' THEN c.received_at END
FROM unnest(%(person_refs)s::bigint[], %(establishment_refs)s::bigint[], %(acts)s::text[], %(days)s::date[])
     AS asked (person_ref, establishment_ref, act, day)
CROSS JOIN LATERAL (
    SELECT claim_ref, establishment_ref, state, last_care_on, received_at FROM claims.claim
    WHERE person_ref = asked.person_ref AND first_care_on <= asked.day OFFSET 0) AS c
JOIN claims.line AS l ON l.claim_ref = c.claim_ref AND l.act = asked.act AND l.care_on = asked.day
WHERE c.establishment_ref = asked.establishment_ref AND c.last_care_on >= asked.day
  AND (c.state = 'held' OR (c.state IN ('adjudicated', 'remitted', 'paid') AND l.amc_cents IS NOT NULL));

-- name: load_promises
-- The entries of the ledger that claims quote, where the account that was answered works, and the claim that used each.
SELECT e.log_id, e.idx, e.kind, e.outcome, e.t_ms, e.account_ref, p.establishment_ref, e.person_ref, e.domain, e.care_day,
       e.data_version, u.claim_ref
FROM unnest(%(log_ids)s::smallint[], %(indexes)s::bigint[]) AS asked (log_id, idx)
JOIN ledger.entry AS e ON e.log_id = asked.log_id AND e.idx = asked.idx
LEFT JOIN accounts.professional AS p ON p.account_ref = e.account_ref
LEFT JOIN claims.engagement_use AS u ON u.log_id = asked.log_id AND u.idx = asked.idx;

-- name: load_pecs
-- Prises en charge: those that hold for some people, since they keep a part of limits, and those that claims quote.
SELECT p.log_id, p.idx, p.establishment_ref, p.person_ref, p.contract_ref, p.domain, p.care_on, p.state, p.expires_on, p.asked_at,
       p.uses, p.claim_ref
FROM claims.pec AS p
WHERE (p.state = 'agreed' AND p.person_ref = ANY (%(person_refs)s))
   OR (p.log_id, p.idx) IN (SELECT * FROM unnest(%(log_ids)s::smallint[], %(indexes)s::bigint[]));

-- name: draw_parts
-- Numbers for so many parts.
SELECT nextval(pg_get_serial_sequence('claims.part', 'part_ref')) FROM generate_series(1, %(count)s);

-- name: save_lines
-- What each line came to; the database checks that it adds up to the bill.
UPDATE claims.line AS l
SET amo_cents = d.amo, amc_cents = d.amc, reste_a_charge_cents = d.rest, steps = d.steps::jsonb
FROM unnest(%(claim_refs)s::bigint[], %(numbers)s::smallint[], %(amo)s::integer[], %(amc)s::integer[], %(rest)s::integer[],
            %(steps)s::text[]) AS d (claim_ref, number, amo, amc, rest, steps)
WHERE l.claim_ref = d.claim_ref AND l.number = d.number;

-- name: add_parts
-- What contracts pay of each line.
INSERT INTO claims.part (part_ref, claim_ref, line, rank, insurer_id, contract_ref, table_code, cents, benefit, steps)
OVERRIDING SYSTEM VALUE
SELECT d.part_ref, d.claim_ref, d.line, d.rank, d.insurer_id, d.contract_ref, d.table_code, d.cents, d.benefit, d.steps::jsonb
FROM unnest(%(part_refs)s::bigint[], %(claim_refs)s::bigint[], %(lines)s::smallint[], %(ranks)s::smallint[], %(insurer_ids)s::integer[],
            %(contract_refs)s::bigint[], %(table_codes)s::text[], %(cents)s::integer[], %(benefits)s::text[], %(steps)s::text[])
     AS d (part_ref, claim_ref, line, rank, insurer_id, contract_ref, table_code, cents, benefit, steps);

-- name: add_uses
-- What lines used of limits and levies.
INSERT INTO claims.use (claim_ref, line, person_ref, contract_ref, name, since, mark, cents, units, day)
SELECT * FROM unnest(%(claim_refs)s::bigint[], %(lines)s::smallint[], %(person_refs)s::bigint[], %(contract_refs)s::bigint[],
                     %(names)s::text[], %(since)s::date[], %(marks)s::text[], %(cents)s::integer[], %(units)s::smallint[],
                     %(days)s::date[]);

-- name: save_claims
-- Where each claim is now, and what it came to.
UPDATE claims.claim AS c
SET state = d.state, state_at = clock_timestamp(), amo_cents = d.amo, amc_cents = d.amc, reste_a_charge_cents = d.rest,
    findings = d.findings::jsonb,
    -- A promise holds, or the account that billed was shown the person with presence.
    vouched = d.promised OR c.person_ref <> 0 AND EXISTS (
        SELECT FROM ledger.entry AS e
        WHERE e.person_ref = c.person_ref AND e.account_ref = c.account_ref AND e.kind = 1 AND e.mode IN (1, 3, 4)
          AND e.t_ms >= %(presence_ms)s)
FROM unnest(%(claim_refs)s::bigint[], %(states)s::text[], %(amo)s::bigint[], %(amc)s::bigint[], %(rest)s::bigint[],
            %(findings)s::text[], %(promised)s::boolean[]) AS d (claim_ref, state, amo, amc, rest, findings, promised)
WHERE c.claim_ref = d.claim_ref;

-- name: move_claims
-- Claims that were taken back keep what they came to.
UPDATE claims.claim AS c SET state = d.state, state_at = clock_timestamp()
FROM unnest(%(claim_refs)s::bigint[], %(states)s::text[]) AS d (claim_ref, state)
WHERE c.claim_ref = d.claim_ref;

-- name: add_events
-- A step of the life of each claim.
INSERT INTO claims.claim_event (claim_ref, event, state, actor_ref, reason)
SELECT * FROM unnest(%(claim_refs)s::bigint[], %(events)s::text[], %(states)s::text[], %(actor_refs)s::bigint[], %(reasons)s::text[]);

-- name: use_engagements
-- Promises kept: each once.
INSERT INTO claims.engagement_use (log_id, idx, claim_ref)
SELECT * FROM unnest(%(log_ids)s::smallint[], %(indexes)s::bigint[], %(claim_refs)s::bigint[]);

-- name: use_pecs
-- Prises en charge that a claim was shared out on.
UPDATE claims.pec AS p SET state = 'used', state_at = clock_timestamp(), claim_ref = d.claim_ref
FROM unnest(%(log_ids)s::smallint[], %(indexes)s::bigint[], %(claim_refs)s::bigint[]) AS d (log_id, idx, claim_ref)
WHERE p.log_id = d.log_id AND p.idx = d.idx AND p.state IN ('agreed', 'expired');

-- name: add_holds
-- Claims that a watch, or a record that contradicts itself, makes wait.
INSERT INTO claims.hold (hold_ref, claim_ref, insurer_id, watch_ref, reason)
SELECT * FROM unnest(%(hold_refs)s::bigint[], %(claim_refs)s::bigint[], %(insurer_ids)s::integer[], %(watch_refs)s::bigint[], %(reasons)s::text[])
ON CONFLICT (claim_ref, insurer_id) WHERE decision IS NULL DO NOTHING;

-- name: carry_holds
-- Decisions that were carried out.
UPDATE claims.hold SET carried_at = clock_timestamp() WHERE decision IS NOT NULL AND carried_at IS NULL AND claim_ref = ANY (%(claim_refs)s);

-- name: add_entries
-- Entries of the journal, each taking from one account what it gives to another.
INSERT INTO claims.journal (event, subject, debit_kind, debit_owner, credit_kind, credit_owner, cents)
SELECT * FROM unnest(%(events)s::text[], %(subjects)s::bigint[], %(debit_kinds)s::text[], %(debit_owners)s::bigint[],
                     %(credit_kinds)s::text[], %(credit_owners)s::bigint[], %(cents)s::bigint[]);

-- name: add_dues
-- What waits to be paid or taken back.
INSERT INTO claims.due (part_ref, undone, establishment_ref, insurer_id, cents, since)
SELECT d.part_ref, d.cents < 0, d.establishment_ref, d.insurer_id, d.cents, %(since)s
FROM unnest(%(part_refs)s::bigint[], %(establishment_refs)s::bigint[], %(insurer_ids)s::integer[], %(cents)s::integer[])
     AS d (part_ref, establishment_ref, insurer_id, cents);

-- name: list_cancellations
-- Claims their billers take back, oldest first.
SELECT r.claim_ref, c.person_ref, r.account_ref, r.reason
FROM claims.cancel_request AS r JOIN claims.claim AS c ON c.claim_ref = r.claim_ref
WHERE r.carried_at IS NULL ORDER BY r.asked_at LIMIT %(most)s;

-- name: close_cancellations
-- Requests that were carried out, or came too late.
UPDATE claims.cancel_request SET carried_at = clock_timestamp() WHERE claim_ref = ANY (%(claim_refs)s) AND carried_at IS NULL;

-- name: load_states
-- Where some claims are; nobody moves them until the transaction ends.
SELECT claim_ref, state FROM claims.claim WHERE claim_ref = ANY (%(claim_refs)s) ORDER BY claim_ref FOR UPDATE;

-- name: load_owed
-- What some claims made due, and whoever it is due to.
SELECT d.part_ref, d.establishment_ref, d.insurer_id, d.cents
FROM claims.part AS p JOIN claims.due AS d ON d.part_ref = p.part_ref AND NOT d.undone
WHERE p.claim_ref = ANY (%(claim_refs)s);

-- name: undo_uses
-- What claims that are taken back used of limits is free again.
UPDATE claims.use SET undone = true WHERE claim_ref = ANY (%(claim_refs)s) AND NOT undone;

-- name: give_engagements_back
-- The promises they quoted may be kept by another claim.
DELETE FROM claims.engagement_use WHERE claim_ref = ANY (%(claim_refs)s);

-- name: give_pecs_back
-- So may their prises en charge.
UPDATE claims.pec SET state = 'agreed', state_at = clock_timestamp(), claim_ref = NULL WHERE claim_ref = ANY (%(claim_refs)s) AND state = 'used';

-- name: end_holds
-- Nobody decides any more on claims that are taken back.
UPDATE claims.hold
SET decision = COALESCE(decision, 'release'), decided_at = COALESCE(decided_at, clock_timestamp()), carried_at = clock_timestamp()
WHERE carried_at IS NULL AND claim_ref = ANY (%(claim_refs)s);

-- name: count_waiting
-- How many claims wait to be shared out.
SELECT count(*) FROM claims.claim WHERE state = 'received';
