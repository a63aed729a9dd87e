-- DuckDB, over the look-ups of one incident's suspect accounts, wherever they were read: what sessions did, whom they were shown.
-- Definitions are those of incidents/evidence.py and incidents/exposure.py, which tests hold equal to these.

-- name: make_looked
-- Look-ups, one by one, in no order; mode 2 is typed, mode 6 reads what became of a claim, person 0 is nobody.
CREATE TABLE looked (
    account_ref BIGINT, session_ref BIGINT, t_ms BIGINT, person_ref BIGINT, insurer_id INTEGER, mode SMALLINT, fields BIGINT
);

-- name: make_tried
-- What a thief asked for in vain, by insurer and key.
CREATE TABLE tried (insurer_id INTEGER, lookup_key BLOB, lookups BIGINT);

-- name: make_spoiled
-- Sessions that an earlier incident found in a thief's hands, and when: a thief's ways must not become habits.
CREATE TABLE spoiled (session_ref BIGINT, starts_ms BIGINT, ends_ms BIGINT);

-- name: make_canary
-- Persons who are nobody to be told.
CREATE TABLE canary (person_ref BIGINT);

-- name: make_claimed
-- Claims that were accepted, of the accounts' establishments: for whom, and when they came.
CREATE TABLE claimed (account_ref BIGINT, person_ref BIGINT, t_ms BIGINT);

-- name: make_followed
-- Look-ups that a claim of the same establishment followed, for the same person, within the time allowed. Reading a claim is no look-up.
CREATE TABLE followed AS
SELECT DISTINCT l.account_ref, l.person_ref, l.t_ms
FROM looked AS l
JOIN claimed AS c ON c.account_ref = l.account_ref AND c.person_ref = l.person_ref AND c.t_ms >= l.t_ms AND c.t_ms < l.t_ms + $claim_ms
WHERE l.mode <> 6 AND l.person_ref <> 0;

-- name: make_verdict
-- Whose each session was, as decided.
CREATE TABLE verdict (session_ref BIGINT, verdict VARCHAR, usual_place BOOLEAN, is_overruled BOOLEAN);

-- name: list_session_tallies
-- What each session did in the window and, on other rows, in the past before it. Mode 6 is counted apart: it looks nobody up. Whether a
-- claim followed is known once it did, or once its time is over where the account's establishment bills at all.
WITH kept AS (
    SELECT l.*, l.t_ms >= $starts_ms AS in_window
    FROM looked AS l
    WHERE NOT (l.t_ms < $starts_ms AND EXISTS (
        SELECT 1 FROM spoiled AS x
        WHERE x.session_ref = l.session_ref AND l.t_ms >= x.starts_ms AND l.t_ms < x.ends_ms
    ))
), face AS (
    SELECT DISTINCT account_ref, person_ref FROM kept WHERE NOT in_window AND person_ref <> 0 AND mode <> 6
), biller AS (
    SELECT DISTINCT account_ref FROM claimed
), spaced AS (
    SELECT k.*, k.mode <> 6 AS is_lookup,
           k.t_ms - lag(k.t_ms) OVER (PARTITION BY k.account_ref, k.session_ref, k.in_window, k.mode <> 6 ORDER BY k.t_ms) AS gap_ms,
           extract(hour FROM timezone('Europe/Paris', to_timestamp(k.t_ms / 1000.0)))::INTEGER AS hour
    FROM kept AS k
), hourly AS (
    SELECT s.account_ref, s.session_ref, s.in_window, s.hour,
           count(*) FILTER (WHERE s.is_lookup)::BIGINT AS lookups,
           count(*) FILTER (WHERE NOT s.is_lookup)::BIGINT AS readings,
           count(*) FILTER (WHERE s.mode = 2)::BIGINT AS typed,
           count(*) FILTER (WHERE s.mode NOT IN (2, 6) AND s.person_ref <> 0)::BIGINT AS presences,
           count(*) FILTER (WHERE s.is_lookup AND s.person_ref = 0)::BIGINT AS nobody,
           count(f.person_ref) FILTER (WHERE s.is_lookup)::BIGINT AS known_faces,
           count(c.person_ref) FILTER (WHERE s.is_lookup)::BIGINT AS followed,
           count(*) FILTER (WHERE s.is_lookup AND s.person_ref <> 0 AND c.person_ref IS NULL AND b.account_ref IS NOT NULL
                                  AND s.t_ms + $claim_ms <= $as_of_ms)::BIGINT AS unfollowed,
           COALESCE(min(s.t_ms) FILTER (WHERE s.is_lookup), min(s.t_ms)) AS first_ms,
           COALESCE(max(s.t_ms) FILTER (WHERE s.is_lookup), max(s.t_ms)) AS last_ms,
           bool_or(s.is_lookup) AS has_lookups,
           COALESCE(sum(s.gap_ms::HUGEINT * s.gap_ms) FILTER (WHERE s.is_lookup), 0) AS gap_squares
    FROM spaced AS s
    LEFT JOIN face AS f ON s.in_window AND f.account_ref = s.account_ref AND f.person_ref = s.person_ref
    LEFT JOIN followed AS c ON c.account_ref = s.account_ref AND c.person_ref = s.person_ref AND c.t_ms = s.t_ms
    LEFT JOIN biller AS b ON b.account_ref = s.account_ref
    GROUP BY s.account_ref, s.session_ref, s.in_window, s.hour
)
SELECT account_ref, session_ref, in_window, sum(lookups)::BIGINT, sum(typed)::BIGINT, sum(presences)::BIGINT, sum(nobody)::BIGINT,
       sum(known_faces)::BIGINT,
       COALESCE(min(first_ms) FILTER (WHERE has_lookups), min(first_ms)), COALESCE(max(last_ms) FILTER (WHERE has_lookups), max(last_ms)),
       sum(gap_squares)::HUGEINT, map(list(hour), list(lookups)) AS hours, sum(followed)::BIGINT, sum(unfollowed)::BIGINT,
       sum(readings)::BIGINT
FROM hourly
GROUP BY account_ref, session_ref, in_window
ORDER BY account_ref, session_ref, in_window;

-- name: make_exposed
-- From judged sessions to persons. A judgement by itself leaves nobody out: a person who answers for it does, a claim that followed, or
-- a card shown where the account had worked before. A claim that was read (mode 6) is no card. Where two sessions of the account were
-- shown somebody, nobody knows which of them a claim follows.
CREATE TABLE exposed AS
WITH twice AS (
    SELECT account_ref, person_ref
    FROM looked
    WHERE t_ms >= $starts_ms AND person_ref <> 0 AND mode <> 6
    GROUP BY account_ref, person_ref
    HAVING min(session_ref) <> max(session_ref)
)
SELECT l.insurer_id, l.person_ref,
       min(CASE WHEN v.verdict = 'thief' THEN 'A' WHEN v.verdict = 'mixed' AND l.mode IN (2, 6) AND c.person_ref IS NULL THEN 'B' ELSE 'C' END) AS tier,
       bit_or(l.fields) AS fields,
       bit_or(l.fields & ~CASE WHEN l.mode = 2 THEN $typed_fields::BIGINT ELSE 0 END) AS gained,
       count(*)::BIGINT AS lookups,
       list_sort(list_distinct(list(l.session_ref))) AS sessions
FROM looked AS l
JOIN verdict AS v ON v.session_ref = l.session_ref
LEFT JOIN followed AS c ON l.mode <> 6 AND c.account_ref = l.account_ref AND c.person_ref = l.person_ref AND c.t_ms = l.t_ms
LEFT JOIN twice AS t ON t.account_ref = c.account_ref AND t.person_ref = c.person_ref
WHERE l.t_ms >= $starts_ms AND l.person_ref <> 0
  AND NOT (v.verdict = 'owner' AND (v.is_overruled OR (c.person_ref IS NOT NULL AND t.person_ref IS NULL) OR (v.usual_place AND l.mode NOT IN (2, 6))))
  AND NOT EXISTS (SELECT 1 FROM canary AS c WHERE c.person_ref = l.person_ref)
GROUP BY l.insurer_id, l.person_ref;

-- name: list_exposed
-- The list, by insurer then person.
SELECT insurer_id, person_ref, tier, fields, gained, lookups, sessions FROM exposed ORDER BY insurer_id, person_ref;

-- name: format_exposed
-- The same, sessions as PostgreSQL writes an array within an array of texts.
SELECT insurer_id, person_ref, tier, fields, gained, lookups, '"{' || array_to_string(sessions, ',') || '}"' AS sessions
FROM exposed
ORDER BY insurer_id, person_ref;

-- name: count_guesses
-- Look-ups of a thief that found nobody, per insurer named (0: none of ours): they make nobody exposed.
SELECT insurer_id, sum(lookups)::BIGINT AS lookups, count(DISTINCT lookup_key)::BIGINT AS keys
FROM tried
GROUP BY insurer_id
ORDER BY insurer_id;
