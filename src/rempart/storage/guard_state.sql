-- The guard outside the gateway (psycopg): reviews, the rules of tomorrow, rebuilding what was lost, what is exported.

-- name: release
-- A review cleared an account; false when it was not held.
SELECT guard.release_account(%(account_ref)s, %(at_ms)s, %(keeps_allowance)s);

-- name: hold
-- An account is held for what no look-up shows; false when the guard knows no such account.
SELECT guard.hold_account(%(account_ref)s, %(step)s::smallint, %(at_ms)s);

-- name: try_job
-- One job of a kind at a time, over all gateways and command lines; until the transaction ends.
SELECT pg_try_advisory_xact_lock(hashtext('rempart guard'), hashtext(%(name)s));

-- name: list_rules
-- Versions of the rules, newest first.
SELECT day, account_days, width, evidence, card_evidence, norms::text, made_at, false_containments
FROM guard.rules ORDER BY day DESC LIMIT %(most)s;

-- name: insert_rules
-- One version; nothing when there is one for that day.
INSERT INTO guard.rules (day, account_days, width, evidence, card_evidence, false_containments, norms)
VALUES (%(day)s, %(account_days)s, %(width)s, %(evidence)s, %(card_evidence)s, %(false_containments)s, %(norms)s::jsonb)
ON CONFLICT DO NOTHING;

-- name: list_budgets
-- What mistakes were accepted, the newest first.
SELECT set_at, false_containments, days_over, reason FROM guard.budget ORDER BY budget_ref DESC LIMIT %(most)s;

-- name: insert_budget
-- From the next rules on.
INSERT INTO guard.budget (false_containments, days_over, reason)
VALUES (%(false_containments)s, %(days_over)s, %(reason)s);

-- name: list_days
-- Days that are over, of every account, of some dates (both included), in the order of AccountDay.
SELECT day, profession, typed, typed_count, typed_expected, typed_deviation, typed_allowance, week, card, card_count,
       card_allowance, refused, local_count, placed_count, missed_count, answered_count, evidence, card_evidence, active_days,
       suspect, typed_doubted
FROM guard.account_day WHERE day BETWEEN %(first)s AND %(last)s;

-- name: list_open_days
-- Accounts that did not come back since a day: their last one is still in their habits.
SELECT account_ref, profession, department, habits, ordered_step, ordered_ms, ordered_keeps_allowance
FROM guard.account
WHERE day BETWEEN 0 AND %(last)s AND habits IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM guard.account_day AS kept
                  WHERE kept.account_ref = account.account_ref AND kept.day = account.day);

-- name: insert_day
-- A day that is over; the gateway may have written it in the meantime.
INSERT INTO guard.account_day (account_ref, day, profession, typed, typed_count, typed_expected, typed_deviation, typed_allowance,
    week, card, card_count, card_allowance, refused, local_count, placed_count, missed_count, answered_count, evidence,
    card_evidence, active_days, suspect, typed_doubted)
VALUES (%(account_ref)s, %(day)s, %(profession)s, %(typed)s, %(typed_count)s, %(typed_expected)s, %(typed_deviation)s,
    %(typed_allowance)s, %(week)s, %(card)s, %(card_count)s, %(card_allowance)s, %(refused)s, %(local_count)s,
    %(placed_count)s, %(missed_count)s, %(answered_count)s, %(evidence)s, %(card_evidence)s, %(active_days)s,
    %(suspect)s, %(typed_doubted)s)
ON CONFLICT DO NOTHING;

-- name: follow_moves
-- Accounts whose profession or place of work changed are compared with others from now on; the next gateway reads it.
UPDATE guard.account SET profession = now.profession, department = now.department, version = account.version + 1
FROM (
    SELECT professional.account_ref, professional.profession,
           CASE WHEN place.postcode ~ '^9[78]' THEN left(place.postcode, 3)
                WHEN place.postcode ~ '^20[01]' THEN '2A'
                WHEN place.postcode ~ '^20' THEN '2B'
                WHEN place.postcode ~ '^[0-9]{5}' THEN left(place.postcode, 2) END AS department
    FROM accounts.professional
    LEFT JOIN accounts.establishment AS place ON place.establishment_ref = professional.establishment_ref
) AS now
WHERE account.account_ref = now.account_ref
  AND (account.profession, account.department) IS DISTINCT FROM (now.profession, now.department);

-- name: find_account
-- The account of a professional, by number.
SELECT account_ref FROM accounts.professional WHERE rpps = %(rpps)s;

-- name: open_lost_accounts
-- Rows for accounts that the ledger knows and the guard does not: they are lost until they are rebuilt.
INSERT INTO guard.account (account_ref, profession, department)
SELECT professional.account_ref, professional.profession,
       CASE WHEN place.postcode ~ '^9[78]' THEN left(place.postcode, 3)
            WHEN place.postcode ~ '^20[01]' THEN '2A'
            WHEN place.postcode ~ '^20' THEN '2B'
            WHEN place.postcode ~ '^[0-9]{5}' THEN left(place.postcode, 2) END
FROM accounts.professional
LEFT JOIN accounts.establishment AS place ON place.establishment_ref = professional.establishment_ref
WHERE NOT EXISTS (SELECT 1 FROM guard.account AS known WHERE known.account_ref = professional.account_ref)
  AND EXISTS (SELECT 1 FROM ledger.entry AS e WHERE e.account_ref = professional.account_ref AND e.kind IN (1, 2) AND e.mode <= 4)
ON CONFLICT DO NOTHING;

-- name: list_lost
-- Accounts whose habits are to be rebuilt; all of them when asked for.
SELECT account_ref FROM guard.account
WHERE (%(everybody)s OR habits IS NULL) AND account_ref > %(after)s ORDER BY account_ref LIMIT %(most)s;

-- name: count_lost
-- How many accounts are to be rebuilt.
SELECT count(*) FROM guard.account WHERE (%(everybody)s OR habits IS NULL) AND account_ref > %(after)s;

-- name: load_account
-- What is known of an account besides its habits.
SELECT profession, department FROM guard.account WHERE account_ref = %(account_ref)s;

-- name: lock_account
-- One account, held until the transaction ends.
SELECT version FROM guard.account WHERE account_ref = %(account_ref)s FOR UPDATE;

-- name: list_answers
-- What one account was answered after an instant, as the ledger has it; with what the guard saw of whom it met first then.
SELECT entry.t_ms, entry.log_id, entry.idx, entry.kind, entry.mode, entry.person_ref, entry.insurer_id, entry.lookup_key,
       session.address, session.agent
FROM ledger.entry
JOIN ledger.session ON session.session_ref = entry.session_ref
WHERE entry.account_ref = %(account_ref)s AND entry.kind IN (1, 2) AND entry.mode <= 4
  AND (entry.t_ms, entry.log_id, entry.idx) > (%(t_ms)s::bigint, %(log_id)s::smallint, %(idx)s::bigint)
ORDER BY entry.t_ms, entry.log_id, entry.idx
LIMIT %(most)s;

-- name: list_faces
-- Whom an account knows, with what the guard saw of them first.
SELECT subject, t_ms, place, department FROM guard.face WHERE account_ref = %(account_ref)s;

-- name: list_accounts_after
-- Accounts the guard knows, by reference, some at a time.
SELECT account_ref FROM guard.account WHERE account_ref > %(after)s ORDER BY account_ref LIMIT %(most)s;

-- name: count_old_faces
-- Faces of some accounts met before an instant and not answered about since; not what a hold of evidence keeps.
SELECT count(*) FROM guard.face AS f
WHERE f.account_ref = ANY(%(account_refs)s) AND f.t_ms < %(before_ms)s AND NOT retention.keeps(f.t_ms)
  AND NOT EXISTS (SELECT 1 FROM ledger.entry AS e
                  WHERE e.person_ref = f.subject AND e.account_ref = f.account_ref AND e.t_ms >= %(before_ms)s);

-- name: delete_old_faces
-- Forgets them.
DELETE FROM guard.face AS f
WHERE f.account_ref = ANY(%(account_refs)s) AND f.t_ms < %(before_ms)s AND NOT retention.keeps(f.t_ms)
  AND NOT EXISTS (SELECT 1 FROM ledger.entry AS e
                  WHERE e.person_ref = f.subject AND e.account_ref = f.account_ref AND e.t_ms >= %(before_ms)s);

-- name: list_account_events
-- What was refused to an account, and what people decided about it.
SELECT t_ms, kind, step, presence, subject, insurer_id, found, subject_department, address, agent, place, enforced
FROM guard.event WHERE account_ref = %(account_ref)s ORDER BY t_ms, event_ref;

-- name: count_at_work
-- For how many accounts addresses are usual, besides one.
SELECT address, count(*) FROM guard.address
WHERE address = ANY (%(addresses)s) AND at_home AND account_ref <> %(account_ref)s GROUP BY address;

-- name: save_account
-- Habits and figures of an account that was rebuilt; orders given since are applied by the next gateway.
UPDATE guard.account
SET version = version + 1, habits = %(habits)s, day = %(day)s, step = %(step)s, evidence = %(evidence)s, typed = %(typed)s,
    typed_allowance = %(typed_allowance)s, new_faces = %(new_faces)s, refused = %(refused)s,
    judged = GREATEST(judged, %(judged)s), changed_at = clock_timestamp()
WHERE account_ref = %(account_ref)s;

-- name: insert_face
-- A subject an account knows.
INSERT INTO guard.face (account_ref, subject, day, t_ms, place, teaches, department)
VALUES (%(account_ref)s, %(subject)s, %(day)s, %(t_ms)s, %(place)s, %(teaches)s, %(department)s)
ON CONFLICT DO NOTHING;

-- name: insert_home
-- An address an account works from.
INSERT INTO guard.address AS known (address, account_ref, day, at_home) VALUES (%(address)s, %(account_ref)s, 0, true)
ON CONFLICT (address, account_ref) DO UPDATE SET at_home = true WHERE NOT known.at_home;

-- name: export_answers
-- What was answered in a period, in the order of the ledgers' clocks, with what the guard saw of new faces. A canary's entry is left out: its event has it.
SELECT entry.t_ms, entry.account_ref, entry.kind, entry.mode, entry.person_ref, entry.insurer_id, entry.lookup_key,
       session.address, session.agent, face.t_ms AS met_ms, face.place, face.department, account.profession
FROM ledger.entry
JOIN ledger.session ON session.session_ref = entry.session_ref
LEFT JOIN guard.account ON account.account_ref = entry.account_ref
LEFT JOIN guard.face ON face.account_ref = entry.account_ref
     AND face.subject = CASE WHEN entry.kind = 1 THEN entry.person_ref ELSE guard.find_stranger(entry.lookup_key) END
WHERE entry.kind IN (1, 2) AND entry.mode <= 4 AND entry.t_ms >= %(from_ms)s AND entry.t_ms < %(to_ms)s
  AND NOT (entry.kind = 2 AND face.subject IS NULL
           AND EXISTS (SELECT 1 FROM guard.canary WHERE canary.lookup_key = entry.lookup_key))
ORDER BY entry.t_ms, entry.log_id, entry.idx;

-- name: export_refusals
-- What was not answered in that period, in the order of time.
SELECT event.t_ms, event.account_ref, event.presence, event.subject, event.insurer_id, event.found, event.subject_department,
       event.address, event.agent, event.place, account.profession
FROM guard.event
LEFT JOIN guard.account ON account.account_ref = event.account_ref
WHERE event.kind IN ('refused', 'contained', 'canary') AND event.enforced
  AND event.t_ms >= %(from_ms)s AND event.t_ms < %(to_ms)s
ORDER BY event.t_ms, event.event_ref;

-- name: export_accounts
-- Every account the guard knows.
SELECT account_ref, profession, department FROM guard.account ORDER BY account_ref;

-- name: export_canaries
-- The keys of planted people.
SELECT lookup_key FROM guard.canary ORDER BY lookup_key;

-- name: list_followed
-- New faces of some accounts, and how many of them a claim of the account or of its establishment followed: those met from
-- `window_ms` on and, apart, those met before it. Accounts that were held so or released since are not judged again of it.
SELECT f.account_ref, professional.profession,
       count(*) FILTER (WHERE f.t_ms >= %(window_ms)s) AS asked,
       count(*) FILTER (WHERE f.t_ms >= %(window_ms)s AND billed.is_so) AS claimed,
       count(*) FILTER (WHERE f.t_ms < %(window_ms)s) AS past_asked,
       count(*) FILTER (WHERE f.t_ms < %(window_ms)s AND billed.is_so) AS past_claimed
FROM guard.face AS f
JOIN accounts.professional USING (account_ref)
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM claims.claim AS c
        WHERE c.person_ref = f.subject
          AND (c.account_ref = f.account_ref OR c.establishment_ref = professional.establishment_ref)
          AND c.received_at >= to_timestamp(f.t_ms / 1000.0) - interval '1 day'
          AND c.received_at < to_timestamp(f.t_ms / 1000.0) + %(claim_days)s * interval '1 day') AS is_so
) AS billed
WHERE f.account_ref = ANY(%(account_refs)s) AND f.t_ms >= %(past_ms)s AND f.t_ms < %(end_ms)s AND f.subject > 0
  AND NOT EXISTS (SELECT FROM guard.event AS e
                  WHERE e.account_ref = f.account_ref AND e.kind IN ('late', 'released') AND e.t_ms >= %(window_ms)s)
GROUP BY f.account_ref, professional.profession
HAVING count(*) FILTER (WHERE f.t_ms >= %(window_ms)s) > 0;
