-- What changing a log's key, or giving a log up, needs to know (psycopg, role auditor).

-- name: list_logs
-- Every log: its name, its keys in the order they signed, its largest kept checkpoint, the log it goes on as.
SELECT log.log_id, log.origin,
    log.vkey || ARRAY(SELECT key.vkey FROM ledger.log_key AS key WHERE key.log_id = log.log_id ORDER BY key.from_size),
    kept.size, kept.root, (
        SELECT (act.body::jsonb ->> 'log')::integer FROM ledger.statement AS act
        WHERE act.log_id = 0 AND act.kind = 8 AND (act.body::jsonb ->> 'old_log')::smallint = log.log_id
        ORDER BY act.idx LIMIT 1
    )
FROM ledger.log
LEFT JOIN LATERAL (
    SELECT size, root FROM ledger.checkpoint AS c WHERE c.log_id = log.log_id ORDER BY c.size DESC LIMIT 1
) AS kept ON true
ORDER BY log.log_id;

-- name: claim_log
-- Keep writers out of a log until the end of the transaction; false when one is in.
SELECT pg_try_advisory_xact_lock(%(lock_class)s, %(log_id)s);
