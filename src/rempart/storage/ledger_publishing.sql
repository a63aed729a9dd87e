-- What is published of the ledger and what witnesses answered (roles portals and cosigner). Hashes and signatures only.

-- name: list_logs
-- Every log with the last checkpoint kept of it.
SELECT log.log_id, log.origin,
    ARRAY(SELECT log.vkey UNION ALL
          SELECT * FROM (SELECT later.vkey FROM ledger.log_key AS later
                         WHERE later.log_id = log.log_id ORDER BY later.from_size) AS keys),
    kept.size, kept.t_ms, kept.note
FROM ledger.log
LEFT JOIN LATERAL (
    SELECT c.size, c.t_ms, c.note FROM ledger.checkpoint AS c
    WHERE c.log_id = log.log_id ORDER BY c.size DESC LIMIT 1
) AS kept ON true
ORDER BY log.log_id;

-- name: load_last_checkpoint
-- The largest checkpoint kept of a log.
SELECT size, t_ms, root, note FROM ledger.checkpoint
WHERE log_id = %(log_id)s ORDER BY size DESC LIMIT 1;

-- name: load_cosigned
-- The latest checkpoints that at least so many of these witnesses answered for, largest first.
SELECT signed.size, kept.note, signed.lines
FROM (
    SELECT c.size, array_agg(c.line ORDER BY c.witness) AS lines FROM ledger.cosignature AS c
    WHERE c.log_id = %(log_id)s AND c.witness = ANY(%(witnesses)s)
    GROUP BY c.size HAVING count(*) >= %(quorum)s
    ORDER BY c.size DESC LIMIT %(limit)s
) AS signed
JOIN ledger.checkpoint AS kept ON kept.log_id = %(log_id)s AND kept.size = signed.size
ORDER BY signed.size DESC;

-- name: load_leaf_tile
-- The hashes of a tile of level 0: full, or unfinished at the last checkpoint.
SELECT coalesce(
    (SELECT tile.hashes FROM ledger.tile
     WHERE tile.log_id = %(log_id)s AND tile.level = 0 AND tile.n = %(n)s),
    (SELECT edge.hashes FROM ledger.edge
     WHERE edge.log_id = %(log_id)s AND edge.size >> 8 = %(n)s::bigint)
);

-- name: load_tiles
-- Full tiles of one level, by number.
SELECT n, hashes FROM ledger.tile
WHERE log_id = %(log_id)s AND level = %(level)s AND n >= %(start)s AND n < %(stop)s
ORDER BY n;

-- name: load_cosigned_sizes
-- The largest size each witness cosigned of a log.
SELECT witness, max(size) FROM ledger.cosignature WHERE log_id = %(log_id)s GROUP BY witness;

-- name: list_witness_times
-- For each log and witness, the last checkpoint it cosigned and when.
SELECT DISTINCT ON (log_id, witness) log_id, witness, size, t_ms FROM ledger.cosignature
ORDER BY log_id, witness, size DESC;

-- name: save_cosignature
-- Keep a witness's line; one that is kept stays.
INSERT INTO ledger.cosignature (log_id, size, witness, t_ms, line)
VALUES (%(log_id)s, %(size)s, %(witness)s, %(t_ms)s, %(line)s)
ON CONFLICT DO NOTHING;

-- name: save_alarm
-- Keep what a witness accuses the log of; the first time stays. No row: it was known.
INSERT INTO ledger.witness_alarm (log_id, witness, size, reason, witness_size, t_ms, note)
VALUES (%(log_id)s, %(witness)s, %(size)s, %(reason)s, %(witness_size)s, %(t_ms)s, %(note)s)
ON CONFLICT DO NOTHING;

-- name: list_alarms
-- What witnesses accuse the logs of, newest first.
SELECT log_id, witness, size, reason, witness_size, t_ms FROM ledger.witness_alarm
ORDER BY t_ms DESC, log_id, witness LIMIT 100;

-- name: load_unstamped
-- The last checkpoint of each log, unless it has a timestamp.
SELECT kept.log_id, kept.size, kept.note
FROM ledger.log
CROSS JOIN LATERAL (
    SELECT c.log_id, c.size, c.note FROM ledger.checkpoint AS c
    WHERE c.log_id = log.log_id ORDER BY c.size DESC LIMIT 1
) AS kept
WHERE NOT EXISTS (
    SELECT 1 FROM ledger.stamp WHERE stamp.log_id = kept.log_id AND stamp.size = kept.size
)
ORDER BY kept.log_id;

-- name: save_stamp
-- Keep a timestamp of a checkpoint; one that is kept stays.
INSERT INTO ledger.stamp (log_id, size, t_ms, token)
VALUES (%(log_id)s, %(size)s, %(t_ms)s, %(token)s)
ON CONFLICT DO NOTHING;

-- name: load_last_stamps
-- The last timestamp of each log.
SELECT DISTINCT ON (log_id) log_id, size, t_ms FROM ledger.stamp ORDER BY log_id, size DESC;
