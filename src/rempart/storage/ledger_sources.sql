-- Where the openings of a window are (role auditor): entries of each log, sealed segments, what was erased.

-- name: list_spans
-- The entries of each log that a window may concern: a checkpoint's time is that of its last entry, and time never goes back.
SELECT log.log_id, log.segment_bits,
    coalesce((
        SELECT kept.size FROM ledger.checkpoint AS kept
        WHERE kept.log_id = log.log_id AND kept.t_ms < %(from_ms)s
        ORDER BY kept.size DESC LIMIT 1
    ), 0) AS start,
    coalesce((
        SELECT kept.size FROM ledger.checkpoint AS kept
        WHERE kept.log_id = log.log_id AND kept.t_ms >= %(to_ms)s
        ORDER BY kept.size LIMIT 1
    ), head.size) AS stop
FROM ledger.log
JOIN ledger.head ON head.log_id = log.log_id
ORDER BY log.log_id;

-- name: list_segments
-- The segments that were sealed, whatever became of them.
SELECT log_id, segment, state, first_ms, last_ms, by_account_name, by_person_name
FROM ledger.segment
ORDER BY log_id, segment;

-- name: count_erased
-- How many openings of each span were erased one by one.
SELECT erased.log_id, count(*)
FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
JOIN ledger.erased ON erased.log_id = span.log_id AND erased.idx >= span.start AND erased.idx < span.stop
GROUP BY erased.log_id
ORDER BY erased.log_id;
