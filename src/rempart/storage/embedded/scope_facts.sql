-- Read where the facts are, by DuckDB here or by Spark on a cluster: the three questions that touch every line of the logs.
-- Written in DuckDB's SQL without anything Spark has not; the engine says what `fact` and `suspect` are.

-- name: count_accounts
-- Every account of the logs, and what it did over all.
SELECT account, count(*) AS facts, min(t_ms) AS first_ms, max(t_ms) AS last_ms
FROM fact
GROUP BY account;

-- name: find_bounds
-- Where the logs begin and end, whether any knows of cards, and what was shown to no account that the log names.
SELECT min(t_ms) AS first_ms, max(t_ms) AS last_ms, count(*) AS facts,
       count(CASE WHEN presence THEN 1 END) AS presences,
       count(CASE WHEN account = '' AND outcome IN ('shown', 'unknown') AND (shown <> 0 OR view = '') THEN 1 END) AS unattributed
FROM fact;

-- name: list_suspect_facts
-- What the suspect accounts did, at any time: everything after this one is about these rows only.
SELECT f.source, f.line, f.t_ms, f.session, f.account, f.address, f.agent, f.view, f.outcome, f.person, f.insurer,
       f.presence, f.shown, f.typed, f.family, f.query_only
FROM fact AS f
JOIN suspect AS s ON s.account = f.account;
