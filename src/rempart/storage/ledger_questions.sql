-- The two questions to the ledger, over the rows that are in the database (role auditor): who has seen a person, whom a
-- session or an account has seen. The same questions over the files of sealed segments are in ledger_expressions.py; tests
-- hold both to one brute-force answer. Ranges of entries are parameters: what is read twice would be counted twice.

-- name: find_session_accounts
-- The accounts that some sessions belong to.
SELECT session_ref, account_ref FROM ledger.session WHERE session_ref = ANY(%(session_refs)s::bigint[]);

-- name: who_saw
-- Every entry about some persons, oldest first.
SELECT e.log_id, e.idx, e.kind, e.t_ms, e.account_ref, e.session_ref, e.person_ref, e.insurer_id, e.purpose, e.mode,
       e.domain, e.care_day, e.outcome, e.fields, e.schema_version, e.data_version
FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
JOIN ledger.entry AS e ON e.log_id = span.log_id AND e.idx >= span.start AND e.idx < span.stop
WHERE e.person_ref = ANY(%(person_refs)s::bigint[]) AND e.t_ms >= %(from_ms)s AND e.t_ms < %(to_ms)s
ORDER BY e.t_ms, e.log_id, e.idx;

-- name: seen_by
-- The persons shown to some accounts, or to some of their sessions: NULL sessions are all of them; NULL accounts are those of
-- the sessions, when one of these is not known.
SELECT e.person_ref, e.insurer_id, bit_or(e.fields) AS fields, count(*) AS lookups, min(e.t_ms) AS first_ms,
       max(e.t_ms) AS last_ms
FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
JOIN ledger.entry AS e ON e.log_id = span.log_id AND e.idx >= span.start AND e.idx < span.stop
WHERE (%(account_refs)s::bigint[] IS NULL OR e.account_ref = ANY(%(account_refs)s::bigint[]))
  AND (%(session_refs)s::bigint[] IS NULL OR e.session_ref = ANY(%(session_refs)s::bigint[]))
  AND e.kind IN (1, 2) AND e.person_ref <> 0 AND e.t_ms >= %(from_ms)s AND e.t_ms < %(to_ms)s
GROUP BY e.person_ref, e.insurer_id
ORDER BY e.person_ref, e.insurer_id;

-- name: find_persons
-- Whom a key leads to, or ever led to: a number or a card given up, a former member (role feeds).
SELECT person_ref FROM rights.lookup WHERE lookup_key = %(lookup_key)s
UNION
SELECT person_ref FROM identity.person_key WHERE person_key = %(lookup_key)s
ORDER BY person_ref;
