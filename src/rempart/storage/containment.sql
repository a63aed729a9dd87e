-- Measures that hold accounts, and containments of the guard: the pages and the command line (psycopg).

-- name: list_measures
-- Measures in force, waiting, or over since an instant, the newest first, with what people call the target.
SELECT m.measure_ref, m.step, m.target, m.target_ref, m.profession, m.touched, m.reason, m.note, m.exercise, m.event_ref,
       m.asked_by, m.asked_at, m.approved_by, m.starts_at, m.review_at, m.ends_at, m.ended_by, m.ended_at, m.end_reason,
       COALESCE(p.display_name, e.name, s.label, '') AS called, COALESCE(author.display_name, '') AS author
FROM guard.measure AS m
LEFT JOIN accounts.professional AS p ON m.target = 'account' AND p.account_ref = m.target_ref
LEFT JOIN accounts.establishment AS e ON m.target = 'establishment' AND e.establishment_ref = m.target_ref
LEFT JOIN accounts.software AS s ON m.target = 'software' AND s.client_ref = m.target_ref
LEFT JOIN accounts.actor AS author ON author.actor_ref = m.asked_by
WHERE COALESCE(m.ended_at, m.ends_at, 'infinity') > %(since)s
ORDER BY m.asked_at DESC, m.measure_ref
LIMIT 500;

-- name: lock_measure
-- One measure, held until the transaction ends.
SELECT measure_ref, step, target, target_ref, profession, touched, reason, note, exercise, event_ref, asked_by, asked_at,
       approved_by, starts_at, review_at, ends_at, ended_by, ended_at, end_reason, '' AS called, '' AS author
FROM guard.measure WHERE measure_ref = %(measure_ref)s FOR UPDATE;

-- name: close_expired_measures
-- A measure that ended by itself makes room for another of its kind.
UPDATE guard.measure SET ended_at = ends_at, end_reason = 'over' WHERE ended_at IS NULL AND ends_at <= clock_timestamp();

-- name: insert_measure
-- Holds, or asks to hold what two persons hold. No row when the same is in force or asked for already.
INSERT INTO guard.measure (measure_ref, step, target, target_ref, profession, reason, note, exercise, event_ref, asked_by,
                           asked_at, review_at, ends_at, starts_at)
VALUES (%(measure_ref)s, %(step)s, %(target)s, %(target_ref)s, %(profession)s, %(reason)s, %(note)s, %(exercise)s,
        %(event_ref)s, %(asked_by)s, %(asked_at)s, %(review_at)s, %(ends_at)s,
        CASE WHEN %(starts)s THEN %(asked_at)s::timestamptz END)
ON CONFLICT DO NOTHING
RETURNING measure_ref;

-- name: approve_measure
-- The second person: it begins.
UPDATE guard.measure SET approved_by = %(by_ref)s, starts_at = %(at)s WHERE measure_ref = %(measure_ref)s AND starts_at IS NULL;

-- name: end_measure
-- It is over, or was withdrawn.
UPDATE guard.measure SET ended_by = %(by_ref)s, ended_at = %(at)s, end_reason = %(reason)s
WHERE measure_ref = %(measure_ref)s AND ended_at IS NULL;

-- name: count_touched
-- How many accounts a measure would touch, and how many its author holds alone.
SELECT guard.count_touched(%(target)s, %(target_ref)s, %(profession)s), guard.count_alone(%(author)s);

-- name: count_lookups
-- What a measure would have touched since an instant: look-ups, typed ones, and people new to the account that asked, those
-- typed apart. Counts only; a claim read again is no look-up, and no measure stops it. Of many accounts, the people are those the
-- guard counted on the days that are over.
WITH touched AS (
    SELECT account_ref FROM guard.list_touched(%(target)s, %(target_ref)s, %(profession)s) AS account_ref),
lookup AS (
    SELECT e.account_ref, e.person_ref, e.mode, e.idx, e.log_id
    FROM ledger.entry AS e
    WHERE e.account_ref IN (SELECT account_ref FROM touched) AND e.kind IN (1, 2) AND e.mode <= 4 AND e.t_ms >= %(since_ms)s),
newcomer AS (
    SELECT l.account_ref, l.person_ref, bool_or(l.mode = %(typed_mode)s) AS typed
    FROM lookup AS l
    WHERE l.person_ref <> 0 AND %(accounts)s <= %(most)s
      AND NOT EXISTS (SELECT 1 FROM ledger.entry AS before
                      WHERE before.account_ref = l.account_ref AND before.person_ref = l.person_ref
                        AND before.t_ms < %(since_ms)s)
    GROUP BY l.account_ref, l.person_ref),
judged AS (
    SELECT COALESCE(sum(d.typed_count + d.card_count), 0)::bigint AS everybody,
           COALESCE(sum(d.typed_count), 0)::bigint AS typed
    FROM guard.account_day AS d
    WHERE %(accounts)s > %(most)s AND d.day >= %(since_day)s AND d.account_ref IN (SELECT account_ref FROM touched))
SELECT (SELECT count(*) FROM lookup), (SELECT count(*) FROM lookup WHERE mode = %(typed_mode)s),
       (SELECT count(*) FROM newcomer) + judged.everybody, (SELECT count(*) FROM newcomer WHERE typed) + judged.typed
FROM judged;

-- name: find_target
-- What a target is called, whose organisation it is, whether it is the portals' own software, and for an account who it is,
-- unless they never came here; no row when there is none.
SELECT p.display_name, o.org_ref, false AS is_portal, a.actor_ref
FROM accounts.professional AS p
LEFT JOIN accounts.actor AS a ON a.actor_ref = p.account_ref
LEFT JOIN accounts.organisation AS o ON o.establishment_ref = p.establishment_ref
WHERE %(target)s = 'account' AND p.account_ref = %(target_ref)s
UNION ALL
SELECT e.name, o.org_ref, false, NULL
FROM accounts.establishment AS e
LEFT JOIN accounts.organisation AS o USING (establishment_ref)
WHERE %(target)s = 'establishment' AND e.establishment_ref = %(target_ref)s
UNION ALL
SELECT s.label, s.publisher_ref, s.publisher_ref IS NULL, NULL
FROM accounts.software AS s
WHERE %(target)s = 'software' AND s.client_ref = %(target_ref)s
UNION ALL
(SELECT '', NULL, false, NULL FROM accounts.professional AS p
 WHERE %(target)s = 'profession' AND p.profession = %(profession)s LIMIT 1);

-- name: find_account
-- The account of a professional, by number.
SELECT account_ref FROM accounts.professional WHERE rpps = %(number)s;

-- name: find_establishment
-- An establishment by its number FINESS or SIRET.
SELECT establishment_ref FROM accounts.establishment WHERE finess = %(number)s OR siret = %(number)s;

-- name: find_software
-- A software by its public name.
SELECT client_ref FROM accounts.software WHERE client_id = %(number)s;

-- name: list_professions
-- The professions there are.
SELECT DISTINCT profession FROM accounts.professional ORDER BY profession;

-- name: my_measures
-- What holds the visitor now.
SELECT step, target, reason, starts_at, review_at, ends_at, exercise FROM guard.my_measures();

-- name: my_containment
-- How the guard holds the visitor's own account; no row when it does not.
SELECT step, since_ms, needs_operator, last_own_release FROM guard.my_containment();

-- name: release_own
-- The owner's own release; refused by the database when the rule does not let them.
SELECT guard.release_own();

-- name: release_account
-- A review cleared an account; false when nothing held it.
SELECT guard.release_account(%(account_ref)s, %(at_ms)s, %(keeps_allowance)s);

-- name: list_contained
-- Which of some accounts the guard holds now, and what for: the last thing that was not a refusal.
SELECT a.account_ref,
       COALESCE((SELECT e.kind FROM guard.event AS e WHERE e.account_ref = a.account_ref AND e.kind <> 'refused'
                 ORDER BY e.event_ref DESC LIMIT 1), 'contained') AS kind
FROM guard.account AS a WHERE a.account_ref = ANY (%(account_refs)s) AND a.step > 1 ORDER BY a.account_ref;
