-- What a backup says of the base it is of, read in its very snapshot (psycopg: role owner).

-- name: lock_backups
-- One backup at a time; the lock goes with the session.
SELECT pg_try_advisory_lock(%(lock)s);

-- name: export_snapshot
-- A name under which another session sees exactly what this one does, and what the server is.
SELECT pg_export_snapshot(), current_setting('server_version'), clock_timestamp();

-- name: list_heads
-- Where the logs stand: log, size, root in hexadecimal.
SELECT log_id, size, encode(root, 'hex') FROM ledger.head ORDER BY log_id;
