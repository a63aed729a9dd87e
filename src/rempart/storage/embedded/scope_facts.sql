-- Read where the facts are, by DuckDB here or by Spark on a cluster: the questions that touch every line of the logs.
-- Written in DuckDB's SQL without anything Spark has not; the engine says what `fact`, `near_fact` and `suspect` are.

-- name: count_accounts
-- Every account of the logs, what it did over all, whether the logs know of its cards, and what was shown to no account that the
-- log names.
SELECT account, count(*) AS facts, min(t_ms) AS first_ms, max(t_ms) AS last_ms,
       count(CASE WHEN presence THEN 1 END) AS presences,
       count(CASE WHEN account = '' AND outcome IN ('shown', 'unknown') AND (shown <> 0 OR view = '') THEN 1 END) AS unattributed
FROM fact
GROUP BY account;

-- name: list_suspect_facts
-- What the suspect accounts did in the window and in the weeks before it: everything after this one is about these rows only.
SELECT f.source, f.line, f.t_ms, f.session, f.account, f.address, f.agent, f.view, f.outcome, f.person, f.insurer,
       f.presence, f.shown, f.typed, f.family, f.query_only
FROM near_fact AS f
JOIN suspect AS s ON s.account = f.account;
