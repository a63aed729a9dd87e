-- DuckDB: from judged sessions to persons. The definition is one look-up at a time, in tests/storage/scope_twin.py, which a test
-- holds equal to this. Bits of reasons are those of storage/scope_reasons.py.

-- name: make_verdict
-- Whose each session was, as decided.
CREATE OR REPLACE TABLE verdict (session_ref BIGINT, verdict VARCHAR, usual_place BOOLEAN, is_overruled BOOLEAN);

-- name: make_claim
-- Claims known of, by account.
CREATE OR REPLACE TABLE claim (account VARCHAR, person VARCHAR, day DATE);

-- name: make_shown
-- What each session was shown that its owner did not, by proof, ask for: by session, person as logged, day and kind of screen.
-- The rule is incidents.exposure.decide_tier: a session that looks the owner's is no proof, a card at the usual place or a claim
-- is; where two sessions of the account were shown somebody, nobody knows which of them a claim follows. Unknown outcomes, unknown screens and searches are uncertain whatever the session.
CREATE OR REPLACE TABLE shown AS
WITH weighed AS (
    SELECT l.session_ref, l.account, l.person, l.insurer, l.person_as_logged, l.insurer_as_logged, l.family, l.query_only, paris_day(l.t_ms) AS day, l.t_ms, l.view,
           l.shown, l.typed, l.outcome, v.verdict, v.usual_place, v.is_overruled,
           l.presence AND l.person IS NOT NULL AS present,
           EXISTS (
               SELECT 1 FROM claim AS c
               WHERE c.account = l.account AND c.person = l.person
                 AND c.day >= paris_day(l.t_ms) AND c.day <= paris_day(l.t_ms) + $claim_days::INTEGER
           ) AS claimed,
           min(l.session_ref) OVER pair <> max(l.session_ref) OVER pair AS twice
    FROM looked AS l
    JOIN verdict AS v ON v.session_ref = l.session_ref
    WHERE l.in_window AND l.outcome IN ('shown', 'unknown') AND (l.shown <> 0 OR l.view = '' OR l.query_only)
    WINDOW pair AS (PARTITION BY l.account, l.person)
), judged AS (
    SELECT w.*, CASE w.verdict WHEN 'thief' THEN 1 WHEN 'mixed' THEN 2 ELSE 16 END
             + CASE WHEN w.verdict = 'mixed' AND w.present THEN 4 ELSE 0 END
             + CASE WHEN w.verdict = 'mixed' AND w.claimed THEN 8 ELSE 0 END
             + CASE WHEN w.outcome = 'unknown' THEN 32 ELSE 0 END
             + CASE WHEN w.view = '' THEN 64 ELSE 0 END
             + CASE WHEN w.query_only THEN 128 ELSE 0 END
             + CASE WHEN w.family THEN 256 ELSE 0 END AS reasons
    FROM weighed AS w
    WHERE NOT (w.verdict = 'owner' AND (w.is_overruled OR (w.claimed AND NOT w.twice) OR (w.present AND w.usual_place)))
)
SELECT row_number() OVER (ORDER BY session_ref, person, insurer, family, query_only, day, reasons) AS shown_id,
       session_ref, account, person, insurer, family, query_only, day, reasons,
       CASE WHEN reasons & 252 <> 0 THEN 'C' WHEN reasons & 2 <> 0 THEN 'B' WHEN reasons & 1 <> 0 THEN 'A' ELSE 'C' END AS tier,
       bit_or(shown) AS shown, bit_or(shown & ~typed) AS gained, bit_or(shown & ~(typed & $shared_fields::BIGINT)) AS gained_by_others,
       min(person_as_logged) AS person_as_logged, min(insurer_as_logged) AS insurer_as_logged,
       count(*)::BIGINT AS lookups, min(t_ms) AS first_ms, max(t_ms) AS last_ms
FROM judged
GROUP BY session_ref, account, person, insurer, family, query_only, day, reasons;

-- name: make_asked
-- What to look for in the registry.
CREATE OR REPLACE TABLE asked AS
SELECT DISTINCT person AS value, insurer, day, query_only FROM shown WHERE person IS NOT NULL;

-- name: make_candidate
-- Whom each identifier may be about: persons of the registry, found by any of their identifiers. Kind 1 names one person; 2 is
-- shared by whoever has it; 3 is a name, which only a search is made by. A contract's number is about that contract's lines only.
CREATE OR REPLACE TABLE candidate AS
WITH wanted AS (SELECT DISTINCT value FROM asked),
named AS (
    SELECT insured_nir || '|' || birth_date || '|' || birth_rank AS value, 1 AS kind, FALSE AS by_line, person_id FROM line
    UNION ALL SELECT insured_nir || '|' || birth_date, 1, FALSE, person_id FROM line
    UNION ALL SELECT previous_nir || '|' || birth_date || '|' || birth_rank, 1, FALSE, person_id FROM line WHERE previous_nir <> ''
    UNION ALL SELECT previous_nir || '|' || birth_date, 1, FALSE, person_id FROM line WHERE previous_nir <> ''
    UNION ALL SELECT own_nir || '|' || birth_date || '|' || birth_rank, 1, FALSE, person_id FROM line WHERE own_nir <> ''
    UNION ALL SELECT own_nir || '|' || birth_date, 1, FALSE, person_id FROM line WHERE own_nir <> ''
    UNION ALL SELECT own_nir, 1, FALSE, person_id FROM line WHERE own_nir <> ''
    UNION ALL SELECT insured_nir, CASE WHEN quality = 1 THEN 1 ELSE 2 END, FALSE, person_id FROM line
    UNION ALL SELECT previous_nir, CASE WHEN quality = 1 THEN 1 ELSE 2 END, FALSE, person_id FROM line WHERE previous_nir <> ''
    UNION ALL SELECT member_key, 2, TRUE, person_id FROM line
    UNION ALL SELECT contract_key, 2, TRUE, person_id FROM line
    UNION ALL SELECT normalise_identifier(family_name), 3, FALSE, person_id FROM line
              WHERE EXISTS (SELECT 1 FROM asked AS a WHERE a.query_only)
)
SELECT n.value, n.person_id, min(n.kind) AS kind, bool_and(n.by_line) AS by_line
FROM named AS n JOIN wanted AS w ON w.value = n.value
GROUP BY n.value, n.person_id;

-- name: make_found
-- The persons each question leads to on its day. The insurer that the log names comes before others, a current line before an
-- ended one, an ended one before one that had not begun: the controller is the one of that time.
CREATE OR REPLACE TABLE found AS
WITH reached AS (
    SELECT a.value, a.insurer, a.day, a.query_only, c.kind, l.person_id, l.amc, l.contract, l.insured_nir,
           CASE WHEN a.insurer IS NULL THEN 0
                WHEN EXISTS (SELECT 1 FROM insurer_name AS n WHERE n.name = a.insurer AND n.amc = l.amc) THEN 0 ELSE 1 END AS differs,
           CASE WHEN a.day BETWEEN GREATEST(l.starts, l.agreed_from) AND LEAST(l.ends, l.agreed_to) THEN 0
                WHEN a.day > LEAST(l.ends, l.agreed_to) THEN 1 ELSE 2 END AS state
    FROM asked AS a
    JOIN candidate AS c ON c.value = a.value AND (c.kind <> 3 OR a.query_only)
    JOIN line AS l ON l.person_id = c.person_id AND (NOT c.by_line OR a.value IN (l.member_key, l.contract_key))
), best AS (
    SELECT * FROM reached
    QUALIFY (differs, state) = min((differs, state)) OVER (PARTITION BY value, insurer, day, query_only)
), counted AS (
    SELECT value, insurer, day, query_only, count(DISTINCT amc) AS insurers,
           max(people) AS people
    FROM (
        SELECT value, insurer, day, query_only, amc, count(DISTINCT person_id) AS people
        FROM best GROUP BY value, insurer, day, query_only, amc
    )
    GROUP BY value, insurer, day, query_only
)
SELECT b.value, b.insurer, b.day, b.query_only, b.person_id, b.amc, b.contract, b.insured_nir, b.kind, b.state,
       c.people > 1 AS is_shared,
       CASE WHEN c.insurers > 1 THEN 1024 ELSE 0 END + CASE WHEN b.state <> 0 THEN 2048 ELSE 0 END
         + CASE WHEN b.differs = 1 THEN 4096 ELSE 0 END AS reasons
FROM best AS b
JOIN counted AS c ON c.value = b.value AND c.insurer IS NOT DISTINCT FROM b.insurer AND c.day = b.day AND c.query_only = b.query_only;

-- name: make_exposure
-- Each person of the registry with each look-up that may have shown them: those it names, and everybody of their contract when
-- the screen shows families. An identifier that several persons share leaves each of them uncertain, unless all were shown.
CREATE OR REPLACE TABLE exposure AS
WITH named AS (
    SELECT s.shown_id, s.session_ref, f.person_id, s.lookups, s.first_ms, s.last_ms, s.shown, s.gained_by_others,
           CASE WHEN f.kind = 1 THEN s.gained ELSE s.gained_by_others END AS gained,
           CASE WHEN f.is_shared AND NOT s.family THEN 'C' ELSE s.tier END AS tier,
           s.reasons | f.reasons | CASE WHEN f.is_shared AND NOT s.family THEN 512 ELSE 0 END AS reasons,
           f.amc, f.contract, f.insured_nir, f.state, s.family, s.day
    FROM shown AS s
    JOIN found AS f ON f.value = s.person AND f.insurer IS NOT DISTINCT FROM s.insurer AND f.day = s.day
                   AND f.query_only = s.query_only
), everybody AS (
    SELECT shown_id, session_ref, person_id, tier, reasons, shown, gained, lookups, first_ms, last_ms, 0 AS by_family FROM named
    UNION ALL
    SELECT n.shown_id, n.session_ref, l.person_id, n.tier, n.reasons, n.shown,
           CASE WHEN l.insured_nir = n.insured_nir THEN n.gained_by_others
                ELSE n.gained_by_others | (n.shown & $nir_field::BIGINT) END,
           n.lookups, n.first_ms, n.last_ms, 1
    FROM named AS n
    JOIN line AS l ON n.family AND l.amc = n.amc AND l.contract = n.contract
                  AND (n.state <> 0 OR n.day BETWEEN GREATEST(l.starts, l.agreed_from) AND LEAST(l.ends, l.agreed_to))
)
SELECT DISTINCT ON (shown_id, person_id) session_ref, person_id, tier, reasons, shown, gained, lookups, first_ms, last_ms
FROM everybody
ORDER BY shown_id, person_id, by_family, gained;

-- name: make_doubt
-- What nobody named by the logs can be excluded for, by insurer (all of them: empty): screens and searches of the thief that do
-- not say whom they showed.
CREATE OR REPLACE TABLE doubt AS
SELECT COALESCE(n.amc, '') AS amc, bit_or(CASE WHEN s.reasons & 64 <> 0 THEN 65536 ELSE 131072 END) AS reasons
FROM shown AS s
LEFT JOIN insurer_name AS n ON n.name = s.insurer
WHERE s.person IS NULL OR (s.query_only AND NOT EXISTS (
    SELECT 1 FROM found AS f WHERE f.value = s.person AND f.insurer IS NOT DISTINCT FROM s.insurer AND f.day = s.day AND f.query_only
))
GROUP BY COALESCE(n.amc, '');

-- name: find_general_doubt
-- Why nobody of any insurer can be excluded for what a thief searched or saw; 0 for no reason.
SELECT COALESCE(bit_or(reasons), 0) FROM doubt WHERE amc = '';

-- name: count_unmatched
-- How many identifiers lead to nobody of the registry.
SELECT count(*) FROM (SELECT DISTINCT value FROM asked WHERE NOT query_only) AS a
WHERE NOT EXISTS (SELECT 1 FROM candidate AS c WHERE c.value = a.value AND c.kind <> 3);

-- name: find_strange_shapes
-- Identifiers that lead to nobody and have a shape that no identifier of the registry has: another numbering, so nobody can be
-- excluded by them. A number of the right shape that is not there is somebody else's.
WITH logged AS (
    SELECT a.value, shape_of(a.value) AS shape FROM (SELECT DISTINCT value FROM asked WHERE NOT query_only) AS a
    WHERE NOT EXISTS (SELECT 1 FROM candidate AS c WHERE c.value = a.value AND c.kind <> 3)
), known AS (
    SELECT DISTINCT shape_of(insured_nir) AS shape FROM line
    UNION SELECT DISTINCT shape_of(insured_nir || '|' || birth_date || '|' || birth_rank) FROM line
    UNION SELECT DISTINCT shape_of(insured_nir || '|' || birth_date) FROM line
    UNION SELECT DISTINCT shape_of(member_key) FROM line
    UNION SELECT DISTINCT shape_of(contract_key) FROM line
)
SELECT count(*) FROM logged WHERE shape NOT IN (SELECT shape FROM known);

-- name: make_answer
-- Everybody: those shown, those nobody can exclude (C without a look-up), those excluded (D), those who cannot be concerned (N).
CREATE OR REPLACE TABLE answer AS
WITH best AS (
    SELECT person_id, min(tier) AS tier, bit_or(reasons) AS reasons, bit_or(shown) AS fields, bit_or(gained) AS gained,
           sum(lookups)::BIGINT AS lookups, list_sort(list_distinct(list(session_ref))) AS sessions,
           min(first_ms) AS first_ms, max(last_ms) AS last_ms
    FROM exposure GROUP BY person_id
), uncertain AS (
    SELECT p.person_id, $doubts::BIGINT | COALESCE(bit_or(d.reasons), 0) AS reasons
    FROM person AS p LEFT JOIN doubt AS d ON d.amc = '' OR d.amc = p.amc
    GROUP BY p.person_id
)
SELECT p.*, CASE WHEN b.person_id IS NOT NULL THEN b.tier WHEN p.ruled_out <> 0 THEN 'N'
                 WHEN u.reasons <> 0 THEN 'C' ELSE 'D' END AS tier,
       CASE WHEN b.person_id IS NOT NULL THEN b.reasons | CASE WHEN p.ruled_out <> 0 THEN 8192 ELSE 0 END
            WHEN p.ruled_out <> 0 THEN 0 ELSE u.reasons END AS reasons,
       COALESCE(b.fields, 0) AS fields, COALESCE(b.gained, 0) AS gained, COALESCE(b.lookups, 0) AS lookups,
       COALESCE(b.sessions, []) AS sessions, b.first_ms, b.last_ms
FROM person AS p
LEFT JOIN best AS b ON b.person_id = p.person_id
LEFT JOIN uncertain AS u ON u.person_id = p.person_id;

-- name: make_stranger
-- In the logs and not in the registry: deleted since, or of nobody known here. Their identifier as logged, and what they lost.
CREATE OR REPLACE TABLE stranger AS
SELECT s.person, COALESCE(s.insurer, '') AS insurer, min(s.person_as_logged) AS identifier,
       COALESCE(min(s.insurer_as_logged), '') AS insurer_as_logged, min(s.tier) AS tier, bit_or(s.reasons) AS reasons, bit_or(s.shown) AS fields,
       bit_or(s.gained) AS gained, sum(s.lookups)::BIGINT AS lookups, list_sort(list_distinct(list(s.session_ref))) AS sessions,
       min(s.first_ms) AS first_ms, max(s.last_ms) AS last_ms
FROM shown AS s
WHERE s.person IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM found AS f WHERE f.value = s.person AND f.insurer IS NOT DISTINCT FROM s.insurer AND f.day = s.day
                               AND f.query_only = s.query_only
) AND NOT s.query_only
GROUP BY s.person, COALESCE(s.insurer, '');
