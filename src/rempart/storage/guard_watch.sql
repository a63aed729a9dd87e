-- The guard as the host's console shows it (role portals): accounts by reference, never the people they asked about.
-- Row policies leave these tables empty for everybody but the host's agents who may read the guard.
-- A day is the guard's: days since 1970 of an instant one hour later (guard.lookups.find_day).

-- name: count_moments
-- What was asked since an instant, for each step of so many milliseconds and each profession.
SELECT m.minute_ms / %(step_ms)s::bigint, m.profession, sum(m.lookups)::bigint, sum(m.misses)::bigint,
       sum(m.new_faces)::bigint, sum(m.refused)::bigint
FROM guard.minute AS m
WHERE m.minute_ms >= %(since_ms)s::bigint
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: count_containments
-- Accounts contained since an instant, for each step of so many milliseconds and each profession.
SELECT e.t_ms / %(step_ms)s::bigint, COALESCE(a.profession, ''), count(DISTINCT e.account_ref)
FROM guard.event AS e
LEFT JOIN guard.account AS a USING (account_ref)
WHERE e.kind IN ('contained', 'canary') AND e.t_ms >= %(since_ms)s::bigint
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: list_open
-- Accounts that wait for a review, one row each: since when, the strongest evidence and its signs, how far they are
-- held, and how many people they typed and were answered about from six days before on, whom a thief may have been
-- shown. An account that somebody suspended since is decided.
WITH held AS MATERIALIZED (
    SELECT a.account_ref, a.profession, a.step, a.day, a.new_faces, min(e.t_ms) AS since_ms,
           (min(e.t_ms) + 3600000) / 86400000 - 6 AS first_day, bool_or(e.kind = 'canary') AS is_canary,
           bool_or(e.enforced) AS is_enforced, max(e.evidence) AS evidence,
           (array_agg(e.threshold ORDER BY e.evidence DESC, e.event_ref))[1] AS threshold,
           (array_agg(e.signals ORDER BY e.evidence DESC, e.event_ref))[1] AS signals
    FROM guard.account AS a
    JOIN guard.event AS e ON e.account_ref = a.account_ref AND e.kind IN ('contained', 'canary', 'late')
    WHERE a.step >= 2
      AND NOT EXISTS (SELECT 1 FROM guard.event AS r
                      WHERE r.account_ref = e.account_ref AND r.kind = 'released'
                        AND (r.t_ms, r.event_ref) > (e.t_ms, e.event_ref))
    GROUP BY a.account_ref, a.profession, a.step, a.day, a.new_faces
)
SELECT h.account_ref, h.profession, h.step, h.since_ms, h.is_canary, h.is_enforced, h.evidence, h.threshold, h.signals,
       COALESCE(before.persons, 0) + COALESCE(today.persons, 0)
FROM held AS h
LEFT JOIN LATERAL (
    SELECT sum(GREATEST(d.typed_count - d.refused, 0))::integer AS persons
    FROM guard.account_day AS d
    WHERE d.account_ref = h.account_ref AND d.day >= h.first_day
) AS before ON true
LEFT JOIN LATERAL (
    SELECT h.new_faces AS persons
    WHERE h.day >= h.first_day
      AND NOT EXISTS (SELECT 1 FROM guard.account_day AS d WHERE d.account_ref = h.account_ref AND d.day = h.day)
) AS today ON true
WHERE NOT EXISTS (
    SELECT 1 FROM guard.measure AS m
    WHERE m.target = 'account' AND m.target_ref = h.account_ref AND m.step = 'suspend' AND m.starts_at IS NOT NULL
      AND NOT m.exercise AND m.ended_at IS NULL AND (m.ends_at IS NULL OR m.ends_at > %(now)s::timestamptz)
)
ORDER BY h.since_ms, h.account_ref
LIMIT %(most)s::bigint;

-- name: list_contained
-- Accounts that are held now, the longest held first, and how many they are.
SELECT a.account_ref, a.profession, a.step, a.evidence, a.threshold,
       (SELECT max(e.t_ms) FROM guard.event AS e
        WHERE e.account_ref = a.account_ref AND e.kind IN ('contained', 'canary', 'late')), count(*) OVER () AS total
FROM guard.account AS a
WHERE a.step >= 2
ORDER BY 6 NULLS FIRST, a.account_ref
LIMIT %(most)s::bigint;

-- name: list_nearest
-- Accounts that are free, seen today or yesterday, and nearest to what would contain them.
SELECT a.account_ref, a.profession, a.step, a.evidence, a.threshold,
       CASE WHEN a.day = %(today)s::integer THEN a.typed ELSE 0 END, a.typed_allowance, a.day
FROM guard.account AS a
WHERE a.step < 2 AND a.day >= %(today)s::integer - 1 AND a.evidence > 0 AND a.threshold > 0
ORDER BY a.evidence / a.threshold DESC, a.account_ref
LIMIT %(most)s::bigint;

-- name: measure_budget
-- Over the days from one to another, both included: account-days, and containments that a review undid. Beside them
-- what was asked for, by the newest rules.
SELECT (SELECT count(*) FROM guard.account_day AS d
        WHERE d.day BETWEEN %(first_day)s::integer AND %(last_day)s::integer),
       (SELECT count(*) FROM guard.event AS r
        WHERE r.kind = 'released' AND (r.t_ms + 3600000) / 86400000 BETWEEN %(first_day)s::integer AND %(last_day)s::integer
          AND EXISTS (SELECT 1 FROM guard.event AS c
                      WHERE c.account_ref = r.account_ref AND c.kind IN ('contained', 'canary') AND c.t_ms <= r.t_ms
                        AND NOT EXISTS (SELECT 1 FROM guard.event AS b
                                        WHERE b.account_ref = r.account_ref AND b.kind = 'released'
                                          AND b.t_ms >= c.t_ms AND (b.t_ms, b.event_ref) < (r.t_ms, r.event_ref)))),
       (SELECT u.false_containments FROM guard.rules AS u ORDER BY u.day DESC LIMIT 1);

-- name: list_rules
-- Versions of the rules since a day, oldest first, with the budget asked and achieved over the 28 days that end on its day.
WITH days AS (
    SELECT d.day, count(*) AS account_days FROM guard.account_day AS d
    WHERE d.day >= %(first_day)s::integer - 27
    GROUP BY d.day
), undone AS (
    SELECT ((r.t_ms + 3600000) / 86400000)::integer AS day, count(*) AS undone
    FROM guard.event AS r
    WHERE r.kind = 'released'
      AND EXISTS (SELECT 1 FROM guard.event AS c
                  WHERE c.account_ref = r.account_ref AND c.kind IN ('contained', 'canary') AND c.t_ms <= r.t_ms
                    AND NOT EXISTS (SELECT 1 FROM guard.event AS b
                                    WHERE b.account_ref = r.account_ref AND b.kind = 'released'
                                      AND b.t_ms >= c.t_ms AND (b.t_ms, b.event_ref) < (r.t_ms, r.event_ref)))
    GROUP BY 1
)
SELECT u.day, u.made_at, u.account_days, u.width, u.evidence, u.card_evidence, u.false_containments, u.norms,
       COALESCE((SELECT sum(d.account_days) FROM days AS d WHERE d.day BETWEEN u.day - 27 AND u.day), 0)::bigint,
       COALESCE((SELECT sum(n.undone) FROM undone AS n WHERE n.day BETWEEN u.day - 27 AND u.day), 0)::bigint
FROM guard.rules AS u
WHERE u.day >= %(first_day)s::integer OR u.day = (SELECT max(newest.day) FROM guard.rules AS newest)
ORDER BY u.day;

-- name: list_hits
-- One page of the times an account asked for a canary: when, how far it is held now, and what else it did that day and
-- in the six days before. Where canaries are is in no column. `direction` is 1 or -1, by `sort`.
SELECT e.event_ref, e.t_ms, e.account_ref, COALESCE(a.profession, ''), COALESCE(a.step, 0), e.presence,
       COALESCE(did.typed, 0) + COALESCE(today.typed, 0), COALESCE(did.card, 0),
       COALESCE(did.refused, 0) + COALESCE(today.refused, 0),
       (SELECT count(*) FROM guard.event AS o WHERE o.account_ref = e.account_ref AND o.kind = 'canary'),
       count(*) OVER () AS total
FROM guard.event AS e
LEFT JOIN guard.account AS a USING (account_ref)
LEFT JOIN LATERAL (
    SELECT sum(d.typed_count)::integer AS typed, sum(d.card_count)::integer AS card, sum(d.refused)::integer AS refused
    FROM guard.account_day AS d
    WHERE d.account_ref = e.account_ref
      AND d.day BETWEEN (e.t_ms + 3600000) / 86400000 - 6 AND (e.t_ms + 3600000) / 86400000
) AS did ON true
LEFT JOIN LATERAL (
    SELECT a.new_faces AS typed, a.refused AS refused
    WHERE a.day = (e.t_ms + 3600000) / 86400000
      AND NOT EXISTS (SELECT 1 FROM guard.account_day AS d WHERE d.account_ref = a.account_ref AND d.day = a.day)
) AS today ON true
WHERE e.kind = 'canary'
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'account' THEN e.account_ref
             WHEN 'step' THEN COALESCE(a.step, 0)
             ELSE e.t_ms
         END, e.t_ms DESC, e.event_ref DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_watched
-- One account: what it is, how far it is held, today's figures.
SELECT a.account_ref, a.profession, a.day, a.step, a.evidence, a.threshold, a.typed, a.typed_allowance, a.new_faces,
       a.refused, a.changed_at
FROM guard.account AS a
WHERE a.account_ref = %(account_ref)s::bigint;

-- name: load_workplace
-- Whom to call about an account: its professional and where they work.
SELECT p.display_name, p.rpps, COALESCE(w.name, ''), COALESCE(w.postcode, ''), COALESCE(w.city, ''),
       COALESCE(w.telephone, '')
FROM accounts.professional AS p
LEFT JOIN accounts.establishment AS w USING (establishment_ref)
WHERE p.account_ref = %(account_ref)s::bigint;

-- name: list_days
-- The days of one account since one, oldest first, each with the width of the rules in force then.
SELECT d.day, d.typed, d.typed_count, d.typed_expected, d.typed_deviation, d.typed_allowance, d.card, d.card_count,
       d.card_allowance, d.refused, d.missed_count, d.answered_count, d.evidence,
       (SELECT u.width FROM guard.rules AS u WHERE u.day <= d.day ORDER BY u.day DESC LIMIT 1)
FROM guard.account_day AS d
WHERE d.account_ref = %(account_ref)s::bigint AND d.day >= %(first_day)s::integer
ORDER BY d.day;

-- name: list_hours
-- The look-ups of one account since an instant, by hour since 1970: with presence or typed, and about nobody.
-- A checkpoint's size is an index: the period opens without reading the account's past.
WITH recent AS MATERIALIZED (
    SELECT h.log_id, h.size AS ends, COALESCE(before.size, 0) AS starts
    FROM ledger.head AS h
    LEFT JOIN LATERAL (
        SELECT c.size FROM ledger.checkpoint AS c
        WHERE c.log_id = h.log_id AND c.t_ms < %(since_ms)s::bigint
        ORDER BY c.size DESC LIMIT 1
    ) AS before ON true
)
SELECT e.t_ms / 3600000, count(*) FILTER (WHERE e.mode <> %(typed)s::smallint),
       count(*) FILTER (WHERE e.mode = %(typed)s::smallint), count(*) FILTER (WHERE e.kind = 2)
FROM recent AS r
JOIN ledger.entry AS e ON e.log_id = r.log_id AND e.idx >= r.starts AND e.idx < r.ends
WHERE e.account_ref = %(account_ref)s::bigint AND e.kind IN (1, 2) AND e.mode <= 4 AND e.t_ms >= %(since_ms)s::bigint
GROUP BY 1
ORDER BY 1;

-- name: count_refused_hours
-- The refusals of one account since an instant, by hour since 1970.
SELECT e.t_ms / 3600000, count(*)
FROM guard.event AS e
WHERE e.account_ref = %(account_ref)s::bigint AND e.kind = 'refused' AND e.t_ms >= %(since_ms)s::bigint
GROUP BY 1
ORDER BY 1;

-- name: list_events
-- What happened to one account since an instant, newest first.
SELECT e.event_ref, e.t_ms, e.kind, e.step, e.presence, e.evidence, e.threshold, e.signals, e.enforced
FROM guard.event AS e
WHERE e.account_ref = %(account_ref)s::bigint AND e.t_ms >= %(since_ms)s::bigint
ORDER BY e.t_ms DESC, e.event_ref DESC
LIMIT %(most)s::bigint;

-- name: list_holds
-- Steps that somebody decided and that hold now, the oldest first: of one account, or of whatever is no account alone.
SELECT m.measure_ref, m.step, m.target, m.target_ref, COALESCE(m.profession, ''), m.starts_at, m.review_at, m.ends_at
FROM guard.measure AS m
WHERE m.starts_at IS NOT NULL AND m.ended_at IS NULL AND (m.ends_at IS NULL OR m.ends_at > %(now)s::timestamptz)
  AND CASE WHEN %(account_ref)s::bigint IS NULL THEN m.target <> 'account'
           ELSE m.target = 'account' AND m.target_ref = %(account_ref)s::bigint END
ORDER BY m.starts_at, m.measure_ref
LIMIT %(most)s::bigint;
