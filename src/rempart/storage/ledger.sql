-- What a verification of the ledger reads (psycopg, role auditor). Pages, never a whole log.

-- name: load_log_states
-- Every log's declared state and the rows outside it, as of one instant.
SELECT log.log_id, log.origin, log.vkey, head.size, head.root, head.t_ms,
    coalesce((
        SELECT max(kept.size) FROM ledger.checkpoint AS kept
        WHERE kept.log_id = log.log_id AND kept.size <= head.size
    ), 0),
    log.segment_bits, edge.size, edge.hashes,
    ARRAY(
        SELECT ARRAY[counter.insurer_id, counter.size, counter.last]
        FROM ledger.insurer_counter AS counter
        WHERE counter.log_id = log.log_id ORDER BY counter.insurer_id
    ),
    ARRAY(
        SELECT entry.idx FROM ledger.entry
        WHERE entry.log_id = log.log_id AND entry.idx >= head.size ORDER BY entry.idx LIMIT 100
    ) || ARRAY(
        SELECT entry.idx FROM ledger.entry
        WHERE entry.log_id = log.log_id AND entry.idx < 0 ORDER BY entry.idx LIMIT 100
    ),
    ARRAY(
        SELECT kept.size FROM ledger.checkpoint AS kept
        WHERE kept.log_id = log.log_id AND (kept.size > head.size OR kept.size <= 0)
        ORDER BY kept.size LIMIT 100
    ),
    ARRAY(
        SELECT ARRAY[tile.level, tile.n]
        FROM generate_series(0, 6) AS tiled (level)
        JOIN ledger.tile ON tile.log_id = log.log_id AND tile.level = tiled.level
            AND tile.n >= head.size >> (8 * (tiled.level + 1))
        ORDER BY tile.level, tile.n LIMIT 100
    ) || ARRAY(
        SELECT ARRAY[tile.level, tile.n] FROM ledger.tile
        WHERE tile.log_id = log.log_id AND (tile.level > 6 OR tile.level < 0 OR tile.n < 0)
        ORDER BY tile.level, tile.n LIMIT 100
    ),
    ARRAY(
        SELECT stated.idx FROM ledger.statement AS stated
        WHERE stated.log_id = log.log_id AND (stated.idx >= head.size OR stated.idx < 0)
        ORDER BY stated.idx LIMIT 100
    ),
    (SELECT count(*) FROM ledger.session)
FROM ledger.log
LEFT JOIN ledger.head ON head.log_id = log.log_id
LEFT JOIN ledger.edge ON edge.log_id = log.log_id
WHERE %(log_id)s::smallint IS NULL OR log.log_id = %(log_id)s::smallint
ORDER BY log.log_id;

-- name: find_undeclared_logs
-- Tables with rows of a log that is not declared. The recursion jumps from log to log along the key.
WITH RECURSIVE entry_logs (log_id) AS (
    (SELECT log_id FROM ledger.entry ORDER BY log_id LIMIT 1)
    UNION ALL
    SELECT (SELECT entry.log_id FROM ledger.entry
            WHERE entry.log_id > entry_logs.log_id ORDER BY entry.log_id LIMIT 1)
    FROM entry_logs WHERE entry_logs.log_id IS NOT NULL
), tile_logs (log_id) AS (
    (SELECT log_id FROM ledger.tile ORDER BY log_id LIMIT 1)
    UNION ALL
    SELECT (SELECT tile.log_id FROM ledger.tile
            WHERE tile.log_id > tile_logs.log_id ORDER BY tile.log_id LIMIT 1)
    FROM tile_logs WHERE tile_logs.log_id IS NOT NULL
), checkpoint_logs (log_id) AS (
    (SELECT log_id FROM ledger.checkpoint ORDER BY log_id LIMIT 1)
    UNION ALL
    SELECT (SELECT kept.log_id FROM ledger.checkpoint AS kept
            WHERE kept.log_id > checkpoint_logs.log_id ORDER BY kept.log_id LIMIT 1)
    FROM checkpoint_logs WHERE checkpoint_logs.log_id IS NOT NULL
)
SELECT found.name, found.log_id
FROM (
    SELECT 'entry' AS name, log_id FROM entry_logs
    UNION ALL SELECT 'tile', log_id FROM tile_logs
    UNION ALL SELECT 'checkpoint', log_id FROM checkpoint_logs
    UNION ALL SELECT DISTINCT 'insurer_counter', log_id FROM ledger.insurer_counter
    UNION ALL SELECT DISTINCT 'statement', log_id FROM ledger.statement
    UNION ALL SELECT DISTINCT 'segment', log_id FROM ledger.segment
    UNION ALL SELECT DISTINCT 'log_key', log_id FROM ledger.log_key
) AS found
WHERE found.log_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM ledger.log WHERE log.log_id = found.log_id
)
ORDER BY found.log_id, found.name;

-- name: read_entries
-- A page of entries, in the order of the columns of disclosure.entry.Entry.
SELECT log_id, idx, kind, t_ms, salt, account_ref, session_ref, acct_seq, person_ref, insurer_id,
       ins_seq, uuid_send(lookup_key), purpose, mode, domain, care_day, outcome, fields,
       schema_version, data_version, uuid_send(request_id)
FROM ledger.entry
WHERE log_id = %(log_id)s AND idx >= %(start)s AND idx < %(stop)s
ORDER BY idx;

-- name: read_tiles
-- A page of tiles of one level.
SELECT n, hashes FROM ledger.tile
WHERE log_id = %(log_id)s AND level = %(level)s AND n >= %(start)s AND n < %(stop)s;

-- name: read_checkpoints
-- A page of checkpoints, smallest first.
SELECT size, t_ms, root, note FROM ledger.checkpoint
WHERE log_id = %(log_id)s AND size > %(after)s AND size <= %(up_to)s
ORDER BY size LIMIT %(limit)s;

-- name: read_sessions
-- The facts of some sessions.
SELECT session_ref, account_ref, client_ref, opened_ms, method, address, agent
FROM ledger.session WHERE session_ref = ANY(%(session_refs)s);

-- name: find_undeclared_sessions
-- Sessions that no SESSION entry commits to. Reads every entry: only run when there are too many sessions.
SELECT session.session_ref FROM ledger.session
WHERE NOT EXISTS (
    SELECT 1 FROM ledger.entry WHERE entry.kind = 9 AND entry.session_ref = session.session_ref
)
ORDER BY session.session_ref;

-- name: read_keys
-- The later keys of one log or of all, in the order of disclosure.acts_audit.KeyRow after the log.
SELECT log_id, from_size, vkey, act_log, act_idx FROM ledger.log_key
WHERE %(log_id)s::smallint IS NULL OR log_id = %(log_id)s::smallint
ORDER BY log_id, from_size;

-- name: read_statements
-- A page of statements.
SELECT idx, kind, body FROM ledger.statement
WHERE log_id = %(log_id)s AND idx >= %(start)s AND idx < %(stop)s ORDER BY idx;

-- name: read_cosignatures
-- The cosignatures of a page of checkpoints.
SELECT size, witness, t_ms, line FROM ledger.cosignature
WHERE log_id = %(log_id)s AND size > %(after)s AND size <= %(up_to)s;

-- name: read_acts
-- The acts of erasing, sealing and changing keys, with what they state.
SELECT entry.log_id, entry.idx, entry.kind, entry.t_ms, entry.salt, entry.account_ref, entry.session_ref,
       entry.acct_seq, entry.person_ref, entry.insurer_id, entry.ins_seq, uuid_send(entry.lookup_key), entry.purpose,
       entry.mode, entry.domain, entry.care_day, entry.outcome, entry.fields, entry.schema_version, entry.data_version,
       uuid_send(entry.request_id), stated.body
FROM ledger.entry
LEFT JOIN ledger.statement AS stated
    ON stated.log_id = entry.log_id AND stated.idx = entry.idx AND stated.kind = entry.kind
WHERE entry.log_id = %(log_id)s AND entry.kind IN (5, 6, 7)
ORDER BY entry.idx;

-- name: list_erased_by_act
-- What is listed as erased, act by act, each act's indexes in order.
SELECT act_log, act_idx, log_id, idx FROM ledger.erased
WHERE %(log_id)s::smallint IS NULL OR log_id = %(log_id)s::smallint
ORDER BY act_log, act_idx, log_id, idx;

-- name: find_hot_entries
-- Entries of a segment that should be in its files only.
SELECT idx FROM ledger.entry
WHERE log_id = %(log_id)s AND idx >= %(start)s AND idx < %(stop)s ORDER BY idx LIMIT 100;

-- name: find_loose_rows
-- Cosignatures and timestamps of checkpoints that are not kept.
(SELECT 'cosignature', log_id, size FROM ledger.cosignature AS line
 WHERE NOT EXISTS (SELECT 1 FROM ledger.checkpoint AS kept WHERE kept.log_id = line.log_id AND kept.size = line.size)
 ORDER BY log_id, size LIMIT 100)
UNION ALL
(SELECT 'stamp', log_id, size FROM ledger.stamp
 WHERE NOT EXISTS (SELECT 1 FROM ledger.checkpoint AS kept WHERE kept.log_id = stamp.log_id AND kept.size = stamp.size)
 ORDER BY log_id, size LIMIT 100);
