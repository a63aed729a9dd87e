-- The acts log as it is copied outside the database (psycopg: role archivist; the size also as owner).

-- name: read_acts
-- Entries of log 0 under its last checkpoint, with what makes them again to the bit: index, time, salt, the draft, the statement.
SELECT e.idx, e.t_ms, e.salt, e.kind, e.account_ref, e.session_ref, e.person_ref, e.insurer_id, uuid_send(e.lookup_key), e.purpose,
       e.mode, e.domain, e.care_day, e.outcome, e.fields, e.schema_version, e.data_version, uuid_send(e.request_id), s.body
FROM ledger.entry AS e LEFT JOIN ledger.statement AS s ON s.log_id = e.log_id AND s.idx = e.idx
WHERE e.log_id = 0 AND e.idx >= %(first)s
  AND e.idx < (SELECT max(c.size) FROM ledger.checkpoint AS c WHERE c.log_id = 0)
ORDER BY e.idx LIMIT %(most)s;

-- name: load_checkpoint
-- The last checkpoint of log 0: size and root.
SELECT size, root FROM ledger.checkpoint WHERE log_id = 0 ORDER BY size DESC LIMIT 1;

-- name: load_size
-- How many entries log 0 has.
SELECT size FROM ledger.head WHERE log_id = 0;
