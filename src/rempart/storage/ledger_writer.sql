-- What the writer of a log sends (asyncpg). Each statement is a transaction of its own.

-- name: load_guarantees
-- The settings without which a commit that was acknowledged may be lost. A server is throwaway by its own configuration
-- file, not by what somebody gave a role or a database.
SELECT current_user AS login,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('data_checksums') AS data_checksums,
       current_setting('rempart.throwaway', true) IS NOT DISTINCT FROM 'on' AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_db_role_setting AS given, unnest(given.setconfig) AS one
           WHERE one LIKE 'rempart.throwaway=%'
       ) AS throwaway;

-- name: pin_settings
-- For this connection: keep its guarantee whatever is set elsewhere later; plan each statement once; notice within
-- fifteen seconds that the writer is gone, so that its lock does not stay behind.
SELECT set_config('synchronous_commit', $1, false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('client_connection_check_interval', '5s', false),
       set_config('tcp_keepalives_idle', '5', false),
       set_config('tcp_keepalives_interval', '3', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('tcp_user_timeout', '10000', false);

-- name: lock_log
-- Take the log for this connection; false when another connection has it.
SELECT pg_try_advisory_lock($1, $2);

-- name: await_log
-- Wait in line for the log. The limit stays with the connection: no lock a writer takes is waited for longer.
SELECT set_config('lock_timeout', $3, false), pg_advisory_lock($1, $2);

-- name: declare_log
-- Make a log that does not exist yet: its name, its key, the size of its segments, an empty head.
WITH log AS (
    INSERT INTO ledger.log (log_id, origin, vkey, segment_bits) VALUES ($1, $2, $3, $5)
    ON CONFLICT DO NOTHING
)
INSERT INTO ledger.head (log_id, size, epoch, root, t_ms) VALUES ($1, 0, 0, $4, 0)
ON CONFLICT DO NOTHING;

-- name: load_log
-- The name, first key and segments a log was declared with, and the log that goes on in its place if it was given up.
SELECT log.origin, log.vkey, log.segment_bits, (
    SELECT (act.body::jsonb ->> 'log')::smallint FROM ledger.statement AS act
    WHERE act.log_id = 0 AND act.kind = 8 AND (act.body::jsonb ->> 'old_log')::smallint = log.log_id
    ORDER BY act.idx LIMIT 1
) AS goes_on_as
FROM ledger.log WHERE log.log_id = $1;

-- name: load_keys
-- The keys a log was given since, in their order.
SELECT from_size, vkey FROM ledger.log_key WHERE log_id = $1 ORDER BY from_size;

-- name: take_over
-- From here on every writer of an older epoch is refused.
UPDATE ledger.head SET epoch = epoch + 1 WHERE log_id = $1 RETURNING size, epoch, root, t_ms;

-- name: load_last_checkpoint
-- The largest checkpoint kept.
SELECT size, t_ms, root, note FROM ledger.checkpoint WHERE log_id = $1 ORDER BY size DESC LIMIT 1;

-- name: load_tail
-- The entries of the unfinished tile, as they are stored.
SELECT log_id, idx, kind, t_ms, salt, account_ref, session_ref, acct_seq, person_ref, insurer_id,
       ins_seq, lookup_key, purpose, mode, domain, care_day, outcome, fields, schema_version,
       data_version, request_id
FROM ledger.entry
WHERE log_id = $1 AND idx >= $2 AND idx < $3
ORDER BY idx;

-- name: load_tiles
-- Consecutive tiles of one level.
SELECT hashes FROM ledger.tile WHERE log_id = $1 AND level = $2 AND n >= $3 AND n < $4 ORDER BY n;

-- name: load_insurer_counters
-- Where each insurer's counter stands: at the last checkpoint, or later in the entries since.
SELECT insurer_id, max(last) AS last
FROM (
    SELECT insurer_id, last FROM ledger.insurer_counter WHERE log_id = $1
    UNION ALL
    SELECT insurer_id, ins_seq FROM ledger.entry
    WHERE log_id = $1 AND idx >= $2 AND idx < $3 AND insurer_id <> 0
) AS known
GROUP BY insurer_id;

-- name: load_account_counters
-- The last number each of these accounts received; its entry may have left the database with its segment.
SELECT account.ref, greatest(0, (
    SELECT entry.acct_seq FROM ledger.entry AS entry
    WHERE entry.log_id = $1 AND entry.account_ref = account.ref
    ORDER BY entry.idx DESC LIMIT 1
), (
    SELECT counter.last FROM ledger.account_counter AS counter
    WHERE counter.log_id = $1 AND counter.account_ref = account.ref
))
FROM unnest($2::bigint[]) AS account (ref);

-- name: ensure_segment
-- Make the partition of a segment if it does not exist.
SELECT ledger.ensure_segment($1, $2);

-- name: append_batch
-- A whole batch or nothing: unless size and epoch are still the writer's, no row is written. The columns of the entries come as array literals: see storage/array_literals.py.
WITH moved AS (
    UPDATE ledger.head SET size = $4, root = $5, t_ms = $6
    WHERE log_id = $1 AND epoch = $2 AND size = $3
    RETURNING log_id
), entries AS (
    INSERT INTO ledger.entry (log_id, idx, kind, t_ms, salt, account_ref, session_ref, acct_seq,
        person_ref, insurer_id, ins_seq, lookup_key, purpose, mode, domain, care_day, outcome, fields,
        schema_version, data_version, request_id)
    SELECT moved.log_id, $3 + entry.place - 1, entry.kind, $6, entry.salt, entry.account_ref,
        entry.session_ref, entry.acct_seq, entry.person_ref, entry.insurer_id, entry.ins_seq,
        entry.lookup_key, entry.purpose, entry.mode, entry.domain, entry.care_day, entry.outcome,
        entry.fields, entry.schema_version, entry.data_version, entry.request_id
    FROM moved, unnest($7::text::smallint[], $8::text::bytea[], $9::text::bigint[],
        $10::text::bigint[], $11::text::bigint[], $12::text::bigint[], $13::text::integer[],
        $14::text::bigint[], $15::text::uuid[], $16::text::smallint[], $17::text::smallint[],
        $18::text::smallint[], $19::text::integer[], $20::text::smallint[], $21::text::bigint[],
        $22::text::smallint[], $23::text::bigint[], $24::text::uuid[]) WITH ORDINALITY
        AS entry (kind, salt, account_ref, session_ref, acct_seq, person_ref, insurer_id, ins_seq,
            lookup_key, purpose, mode, domain, care_day, outcome, fields, schema_version,
            data_version, request_id, place)
), tiles AS (
    INSERT INTO ledger.tile (log_id, level, n, hashes)
    SELECT moved.log_id, tile.level, tile.n, tile.hashes
    FROM moved, unnest($25::smallint[], $26::bigint[], $27::bytea[]) AS tile (level, n, hashes)
), sessions AS (
    INSERT INTO ledger.session (session_ref, account_ref, client_ref, opened_ms, method, address, agent)
    SELECT session.*
    FROM moved, unnest($28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[], $32::text[],
        $33::text[], $34::text[]) AS session
), replays AS (
    INSERT INTO ledger.replay (session_ref, request_id, body_digest, answer, t_ms)
    SELECT replay.session_ref, replay.request_id, replay.body_digest, replay.answer, $6
    FROM moved, unnest($35::bigint[], $36::uuid[], $37::bytea[], $38::bytea[])
        AS replay (session_ref, request_id, body_digest, answer)
    ON CONFLICT DO NOTHING
), statements AS (
    INSERT INTO ledger.statement (log_id, idx, kind, body)
    SELECT moved.log_id, $3 + statement.place, statement.kind, statement.body
    FROM moved, unnest($39::smallint[], $40::text[], $41::bigint[]) AS statement (kind, body, place)
), keys AS (
    INSERT INTO ledger.log_key (log_id, from_size, vkey, act_log, act_idx)
    SELECT (stated.body ->> 'log')::smallint, (stated.body ->> 'from_size')::bigint,
        stated.body ->> 'new_vkey', moved.log_id, $3 + stated.place
    FROM moved, unnest($39::smallint[], $40::jsonb[], $41::bigint[]) AS stated (kind, body, place)
    WHERE stated.kind = 7
)
SELECT count(*) FROM moved;

-- name: save_checkpoint
-- Keep the signed head, the unfinished tile under it and the insurers' counters; nothing for a writer that was fenced.
WITH mine AS (
    SELECT log_id FROM ledger.head WHERE log_id = $1 AND epoch = $2 AND size = $3 FOR UPDATE
), checkpoints AS (
    INSERT INTO ledger.checkpoint (log_id, size, t_ms, root, note)
    SELECT mine.log_id, $3, $4, $5, $6 FROM mine
), edges AS (
    INSERT INTO ledger.edge (log_id, size, hashes)
    SELECT mine.log_id, $3, $7 FROM mine
    ON CONFLICT (log_id) DO UPDATE SET size = excluded.size, hashes = excluded.hashes
), counters AS (
    INSERT INTO ledger.insurer_counter (log_id, insurer_id, size, last)
    SELECT mine.log_id, counter.insurer_id, $3, counter.last
    FROM mine, unnest($8::integer[], $9::bigint[]) AS counter (insurer_id, last)
    ON CONFLICT (log_id, insurer_id) DO UPDATE SET size = excluded.size, last = excluded.last
)
SELECT count(*) FROM mine;
