-- DuckDB, over the facts of suspect accounts: sessions, what each did, what each account did before.
-- Definitions are those of incidents/evidence.py: a look-up is a line of the log, whoever it is about.

-- name: find_bounds
-- Where the logs begin and end, whether any knows of cards, and what was shown to no account that the log names.
SELECT min(first_ms), max(last_ms), COALESCE(sum(facts), 0)::BIGINT, COALESCE(sum(presences), 0)::BIGINT,
       COALESCE(sum(unattributed), 0)::BIGINT
FROM logged_account;

-- name: make_looked
-- Numbers sessions. Where the log has none, a session is what one account does from one address without a long pause;
-- rotated files and several servers are merged by time here, and only here.
CREATE OR REPLACE TABLE looked AS
WITH paused AS (
    SELECT f.*, (f.t_ms - lag(f.t_ms) OVER (
               PARTITION BY f.account, COALESCE(f.address, ''), f.session IS NULL ORDER BY f.t_ms, f.source, f.line
           )) > $session_gap_ms AS begins
    FROM suspect_fact AS f
    WHERE f.t_ms < $ends_ms
), numbered AS (
    SELECT p.*, COALESCE(p.session, '~' || COALESCE(p.address, '') || '~' || sum(CASE WHEN p.begins THEN 1 ELSE 0 END) OVER (
               PARTITION BY p.account, COALESCE(p.address, ''), p.session IS NULL ORDER BY p.t_ms, p.source, p.line
               ROWS UNBOUNDED PRECEDING
           )) AS label
    FROM paused AS p
)
SELECT dense_rank() OVER (ORDER BY n.account, n.label) AS session_ref, dense_rank() OVER (ORDER BY n.account) AS account_ref,
       n.source, n.line, n.t_ms, n.session, n.account, COALESCE(n.address, '') AS address, COALESCE(n.agent, '') AS agent,
       n.view, n.outcome, normalise_identifier(n.person) AS person, n.person AS person_as_logged,
       upper(trim(n.insurer)) AS insurer, n.insurer AS insurer_as_logged,
       n.presence, n.shown, n.typed, n.family, n.query_only, n.t_ms >= $starts_ms AS in_window
FROM numbered AS n;

-- name: make_lookups
-- One row per line of a log: what it was, and how long after the line before it in the same session.
CREATE OR REPLACE TABLE lookup AS
WITH line_of AS (
    SELECT session_ref, account_ref, in_window, source, line, min(t_ms) AS t_ms,
           bool_or(presence AND person IS NOT NULL) AS present, bool_or(presence) AS with_card,
           bool_and(outcome = 'nobody') AS nobody, min(person) AS person, min(address) AS address, min(agent) AS agent
    FROM looked
    GROUP BY session_ref, account_ref, in_window, source, line
)
SELECT l.*, l.t_ms - lag(l.t_ms) OVER w AS gap_ms, lag(l.person) OVER w AS person_before,
       row_number() OVER w AS place
FROM line_of AS l
WINDOW w AS (PARTITION BY l.session_ref, l.in_window ORDER BY l.t_ms, l.source, l.line);

-- name: list_session_tallies
-- What each session did in the window and, on other rows, before it. Nothing is typed where no log knows of cards.
WITH face AS (
    SELECT DISTINCT account_ref, person FROM looked WHERE NOT in_window AND person IS NOT NULL
), familiar AS (
    SELECT DISTINCT l.session_ref, l.source, l.line
    FROM looked AS l JOIN face AS f ON f.account_ref = l.account_ref AND f.person = l.person
    WHERE l.in_window
)
SELECT l.session_ref, l.account_ref, l.in_window,
       count(*)::BIGINT AS lookups,
       count(*) FILTER (WHERE $has_cards AND NOT l.with_card)::BIGINT AS typed,
       count(*) FILTER (WHERE l.present)::BIGINT AS presences,
       count(*) FILTER (WHERE l.nobody)::BIGINT AS nobody,
       count(f.session_ref)::BIGINT AS known_faces,
       min(l.t_ms) AS first_ms, max(l.t_ms) AS last_ms,
       COALESCE(sum(l.gap_ms::HUGEINT * l.gap_ms), 0) AS gap_squares
FROM lookup AS l
LEFT JOIN familiar AS f ON f.session_ref = l.session_ref AND f.source = l.source AND f.line = l.line
GROUP BY l.session_ref, l.account_ref, l.in_window
ORDER BY l.session_ref, l.in_window;

-- name: list_origins
-- From where and with what each session came, the most used first; nothing where the log does not say.
SELECT session_ref, in_window, address, agent, count(*) AS facts
FROM looked
GROUP BY session_ref, in_window, address, agent
ORDER BY session_ref, in_window, facts DESC, address, agent;

-- name: list_hours
-- At which hours of Paris each session asked, 0 to 23.
SELECT session_ref, in_window, extract(hour FROM timezone('Europe/Paris', to_timestamp(t_ms / 1000.0)))::INTEGER AS hour,
       count(*)::BIGINT AS lookups
FROM lookup
GROUP BY session_ref, in_window, hour
ORDER BY session_ref, in_window, hour;

-- name: list_ordered_runs
-- The longest run of identifiers of which each follows the one before (by a hundred at most, as a register is read), in each
-- session of the window.
WITH numbered AS (
    SELECT session_ref, person, place,
           TRY_CAST(right(regexp_replace(split_part(person, '|', 1), '[^0-9]', '', 'g'), 15) AS BIGINT) AS number,
           TRY_CAST(right(regexp_replace(split_part(person_before, '|', 1), '[^0-9]', '', 'g'), 15) AS BIGINT) AS number_before
    FROM lookup WHERE in_window AND person IS NOT NULL
), islands AS (
    SELECT session_ref, sum(CASE WHEN number - number_before BETWEEN 1 AND 100 THEN 0 ELSE 1 END) OVER (
               PARTITION BY session_ref ORDER BY place ROWS UNBOUNDED PRECEDING
           ) AS island
    FROM numbered
), counted AS (
    SELECT session_ref, count(*) AS longest FROM islands GROUP BY session_ref, island
)
SELECT session_ref, max(longest)::BIGINT AS longest FROM counted GROUP BY session_ref ORDER BY session_ref;

-- name: list_claims_followed
-- How many look-ups about somebody were followed by a claim of the same account about the same person within some days.
SELECT l.session_ref, count(*)::BIGINT AS known,
       count(*) FILTER (WHERE EXISTS (
           SELECT 1 FROM claim AS c
           WHERE c.account = l.account AND c.person = l.person
             AND c.day >= paris_day(l.t_ms) AND c.day <= paris_day(l.t_ms) + $claim_days::INTEGER
       ))::BIGINT AS followed
FROM (SELECT DISTINCT session_ref, account, person, source, line, t_ms FROM looked WHERE in_window AND person IS NOT NULL) AS l
GROUP BY l.session_ref
ORDER BY l.session_ref;

-- name: list_labels
-- The account and the session's own name, as the logs have them.
SELECT DISTINCT session_ref, account_ref, account, session FROM looked ORDER BY session_ref;
