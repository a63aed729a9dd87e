-- The guard in the gateway (asyncpg, role gateway): what one batch of look-ups locks, reads and writes.

-- name: lock_accounts
-- Accounts about which something may change, held until the transaction ends, always in the same order so that gateways never wait for each other in a circle. Habits come only where the gateway's copy ($2) is old.
SELECT account.account_ref, account.version, account.profession, account.department, account.day, account.step,
       account.refused, account.judged, account.ordered_step, account.ordered_ms, account.ordered_keeps_allowance,
       CASE WHEN account.version <> asked.version THEN account.habits END AS habits
FROM unnest($1::bigint[], $2::bigint[]) AS asked (account_ref, version)
JOIN guard.account ON account.account_ref = asked.account_ref
ORDER BY account.account_ref
FOR UPDATE OF account;

-- name: open_accounts
-- Rows for accounts that ask for the first time; committed alone, so that nobody waits for a new row while holding others. Where they work is the department of their establishment's postcode.
INSERT INTO guard.account (account_ref, profession, department)
SELECT asked.account_ref, COALESCE(professional.profession, ''),
       CASE WHEN place.postcode ~ '^9[78]' THEN left(place.postcode, 3)
            WHEN place.postcode ~ '^20[01]' THEN '2A'
            WHEN place.postcode ~ '^20' THEN '2B'
            WHEN place.postcode ~ '^[0-9]{5}' THEN left(place.postcode, 2) END
FROM unnest($1::bigint[]) AS asked (account_ref)
LEFT JOIN accounts.professional ON professional.account_ref = asked.account_ref
LEFT JOIN accounts.establishment AS place ON place.establishment_ref = professional.establishment_ref
ORDER BY asked.account_ref
ON CONFLICT DO NOTHING;

-- name: find_with_past
-- Which of some accounts the ledger knows: a state that is missing for one of them was lost.
SELECT asked.account_ref
FROM unnest($1::bigint[]) AS asked (account_ref)
WHERE EXISTS (SELECT 1 FROM ledger.entry WHERE entry.account_ref = asked.account_ref AND entry.kind IN (1, 2) AND entry.mode <= 4);

-- name: find_faces
-- Once accounts are held: which subjects became known since the batch was loaded.
SELECT face.account_ref, face.subject, face.teaches
FROM unnest($1::bigint[], $2::bigint[]) AS asked (account_ref, subject)
JOIN guard.face ON face.account_ref = asked.account_ref AND face.subject = asked.subject;

-- name: load_addresses
-- For addresses that are not usual for whoever asks: for which accounts they are (as far as it matters), and who came from them as a stranger to type since $2.
SELECT asked.address, one.account_ref, one.day, one.at_home
FROM unnest($1::bigint[]) AS asked (address)
CROSS JOIN LATERAL (
    (SELECT known.account_ref, known.day, known.at_home FROM guard.address AS known
     WHERE known.address = asked.address AND known.at_home LIMIT 21)
    UNION ALL
    (SELECT known.account_ref, known.day, known.at_home FROM guard.address AS known
     WHERE known.address = asked.address AND NOT known.at_home AND known.day >= $2::integer LIMIT 24)
) AS one;

-- name: save_accounts
-- What a batch changed: habits and figures of accounts, and whom they know now. All of it, or nothing when one of the accounts is not at the version it was judged at; locked in the same order as above.
WITH done AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::integer[], $5::smallint[], $6::double precision[],
                         $7::double precision[], $8::double precision[], $9::double precision[], $10::integer[], $11::integer[],
                         $12::bigint[])
         AS done (version, account_ref, habits, day, step, evidence, threshold, typed, typed_allowance, new_faces, refused, judged)
), held AS MATERIALIZED (
    SELECT account.account_ref
    FROM done
    JOIN guard.account ON account.account_ref = done.account_ref AND account.version = done.version
    ORDER BY account.account_ref
    FOR UPDATE OF account
), whole AS MATERIALIZED (
    SELECT (SELECT count(*) FROM held) = (SELECT count(*) FROM done) AS is_so
), met AS (
    INSERT INTO guard.face (account_ref, subject, day, t_ms, place, teaches, department)
    SELECT * FROM unnest($13::bigint[], $14::bigint[], $15::integer[], $16::bigint[], $17::bigint[], $18::boolean[], $19::text[])
    WHERE (SELECT is_so FROM whole)
    ON CONFLICT DO NOTHING
)
UPDATE guard.account
SET version = account.version + 1, habits = done.habits, day = done.day, step = done.step, evidence = done.evidence,
    threshold = done.threshold, typed = done.typed, typed_allowance = done.typed_allowance, new_faces = done.new_faces,
    refused = done.refused, judged = done.judged, ordered_step = NULL, ordered_ms = NULL, changed_at = clock_timestamp()
FROM done
WHERE account.account_ref = done.account_ref AND (SELECT is_so FROM whole);

-- name: save_addresses
-- Who works from where, and who typed as a stranger.
INSERT INTO guard.address AS known (address, account_ref, day, at_home)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::boolean[])
ON CONFLICT (address, account_ref) DO UPDATE SET day = GREATEST(known.day, EXCLUDED.day), at_home = known.at_home OR EXCLUDED.at_home;

-- name: save_days
-- Days that are over.
INSERT INTO guard.account_day (account_ref, day, profession, typed, typed_count, typed_expected, typed_deviation, typed_allowance,
    week, card, card_count, card_allowance, refused, local_count, placed_count, missed_count, answered_count, evidence,
    card_evidence, active_days, suspect, typed_doubted)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::double precision[], $5::integer[], $6::double precision[],
    $7::double precision[], $8::double precision[], $9::double precision[], $10::double precision[], $11::integer[],
    $12::double precision[], $13::integer[], $14::integer[], $15::integer[], $16::integer[], $17::integer[],
    $18::double precision[], $19::double precision[], $20::integer[], $21::boolean[], $22::double precision[])
ON CONFLICT DO NOTHING;

-- name: save_events
-- What was refused, and accounts that are held from now on.
INSERT INTO guard.event (t_ms, account_ref, establishment_ref, client_ref, kind, step, presence, evidence, threshold, signals,
    rules_day, subject, insurer_id, found, subject_department, address, agent, place, enforced)
SELECT done.t_ms, done.account_ref, done.establishment_ref, done.client_ref, done.kind, done.step, done.presence, done.evidence,
       done.threshold, done.signals::jsonb, done.rules_day, done.subject, done.insurer_id, done.found, done.subject_department,
       done.address, done.agent, done.place, done.enforced
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::smallint[], $7::boolean[],
            $8::double precision[], $9::double precision[], $10::text[], $11::integer[], $12::bigint[], $13::integer[],
            $14::boolean[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::boolean[])
     AS done (t_ms, account_ref, establishment_ref, client_ref, kind, step, presence, evidence, threshold, signals, rules_day,
              subject, insurer_id, found, subject_department, address, agent, place, enforced);

-- name: load_rules
-- The newest versions of the rules: those of today, and those a decision of the last days was made under.
SELECT day, account_days, width, evidence, card_evidence, norms FROM guard.rules ORDER BY day DESC LIMIT 40;

-- name: save_minutes
-- What passed since the last time.
INSERT INTO guard.minute AS known (minute_ms, log_id, profession, lookups, misses, new_faces, refused)
SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::integer[])
ON CONFLICT (minute_ms, log_id, profession) DO UPDATE
SET lookups = known.lookups + EXCLUDED.lookups, misses = known.misses + EXCLUDED.misses,
    new_faces = known.new_faces + EXCLUDED.new_faces, refused = known.refused + EXCLUDED.refused;

-- name: delete_old
-- Forgets what nothing looks at any more: strangers of the day before yesterday, minutes of last week, days older than three months;
-- not what a hold of evidence keeps.
WITH strangers AS (
    DELETE FROM guard.address
    WHERE NOT at_home AND day < $1::integer - 2 AND NOT retention.keeps(day * 86400000::bigint)
), minutes AS (
    DELETE FROM guard.minute WHERE minute_ms < ($1::bigint - 8) * 86400000 AND NOT retention.keeps(minute_ms)
)
DELETE FROM guard.account_day WHERE day < $1::integer - 92 AND NOT retention.keeps(day * 86400000::bigint);

-- name: find_work
-- Whether the rules of a day are missing, and whether some account's habits were lost.
SELECT NOT EXISTS (SELECT 1 FROM guard.rules WHERE day >= $1::integer) AS rules_missing,
       EXISTS (SELECT 1 FROM guard.account WHERE habits IS NULL) AS habits_lost;
