-- What sealing, cooling, dropping and erasing ask of the database (psycopg, role archivist).

-- name: list_sealable
-- Complete segments under a checkpoint that are not sealed, of one log or of all: log, origin, segment, bits.
SELECT log.log_id, log.origin, number.segment, log.segment_bits
FROM ledger.log
CROSS JOIN LATERAL (
    SELECT max(kept.size) AS size FROM ledger.checkpoint AS kept WHERE kept.log_id = log.log_id
) AS covered
CROSS JOIN LATERAL generate_series(0, (covered.size >> log.segment_bits) - 1) AS number (segment)
WHERE (%(log_id)s::smallint IS NULL OR log.log_id = %(log_id)s::smallint)
  AND (%(segment)s::bigint IS NULL OR number.segment = %(segment)s::bigint)
  AND NOT EXISTS (
      SELECT 1 FROM ledger.segment WHERE segment.log_id = log.log_id AND segment.segment = number.segment
  )
ORDER BY log.log_id, number.segment;

-- name: list_segments
-- Sealed segments, in the order of the columns of disclosure.segment.SegmentRow.
SELECT log_id, segment, state, root, first_ms, last_ms, by_account_name, by_account_digest, by_person_name,
       by_person_digest, act_log, act_idx, drop_idx
FROM ledger.segment
WHERE %(log_id)s::smallint IS NULL OR log_id = %(log_id)s::smallint
ORDER BY log_id, segment;

-- name: load_log
-- What sealing and erasing know of a log: origin, bits of a segment, size of the last checkpoint.
SELECT log.origin, log.segment_bits, coalesce((
    SELECT max(kept.size) FROM ledger.checkpoint AS kept WHERE kept.log_id = log.log_id
), 0)
FROM ledger.log WHERE log.log_id = %(log_id)s;

-- name: read_by_account
-- Entries [start, stop) sorted by account, in the order of the columns of disclosure.entry.Entry.
SELECT log_id, idx, kind, t_ms, salt, account_ref, session_ref, acct_seq, person_ref, insurer_id,
       ins_seq, uuid_send(lookup_key), purpose, mode, domain, care_day, outcome, fields,
       schema_version, data_version, uuid_send(request_id)
FROM ledger.entry
WHERE log_id = %(log_id)s AND idx >= %(start)s AND idx < %(stop)s
ORDER BY account_ref, idx;

-- name: list_present
-- Which of some entries are in the database: index, kind, time.
SELECT idx, kind, t_ms FROM ledger.entry WHERE log_id = %(log_id)s AND idx = ANY(%(indexes)s);

-- name: list_erased
-- Which openings of [start, stop) were erased.
SELECT idx FROM ledger.erased WHERE log_id = %(log_id)s AND idx >= %(start)s AND idx < %(stop)s ORDER BY idx;

-- name: save_segment
-- Write down what a SEAL act states.
SELECT ledger.save_segment(%(act)s);

-- name: cool_segment
-- Take a sealed segment's rows out of the database.
SELECT ledger.cool_segment(%(log_id)s::smallint, %(segment)s);

-- name: drop_segment
-- Drop a segment, as its ERASE act states, and the sessions opened in it.
SELECT ledger.drop_segment(%(act)s, %(sessions)s::bigint[]);

-- name: erase_openings
-- Erase openings, as their ERASE act states.
SELECT ledger.erase_openings(%(act)s, %(indexes)s::bigint[]);

-- name: wait_briefly
-- Do not hold up the writers of the ledger while waiting for its readers.
SET LOCAL lock_timeout = '500ms';

-- name: find_act
-- The last act of a kind whose statement is exactly this one.
SELECT max(idx) FROM ledger.statement WHERE log_id = 0 AND kind = %(kind)s AND body = %(body)s;
