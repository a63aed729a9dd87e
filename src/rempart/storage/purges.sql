-- Records of purges in the database (psycopg: role archivist, and the owner on a base that was restored).

-- name: say_purge
-- Say a purge, in the order of the columns that make a record.
SELECT number, kind, body, said_ms, previous FROM retention.say_purge(%(kind)s, %(body)s);

-- name: mark_journaled
-- A record is durable outside.
SELECT retention.mark_journaled(%(number)s);

-- name: mark_applied
-- A purge was carried out.
SELECT retention.mark_applied(%(number)s);

-- name: list_purges
-- Records after one, as many as are wanted, oldest first; those that wait only, or all whose body is there.
SELECT number, kind, body, said_ms, previous FROM retention.purge
WHERE number > %(after)s AND body IS NOT NULL AND (NOT %(waiting)s OR applied_at IS NULL)
ORDER BY number LIMIT %(most)s;

-- name: load_last
-- How far purges go here: the last number and its digest, the last one journaled, and the first that waits.
SELECT coalesce(max(number), 0), (array_agg(digest ORDER BY number DESC))[1],
       coalesce(max(number) FILTER (WHERE journaled_at IS NOT NULL), 0), min(number) FILTER (WHERE applied_at IS NULL)
FROM retention.purge;

-- name: load_digest
-- What a purge and all before it say, in one digest.
SELECT digest FROM retention.purge WHERE number = %(number)s;

-- name: take_up_purge
-- On a base that was restored: a record of the journal that it does not know.
SELECT retention.take_up_purge(%(number)s, %(kind)s, %(body)s, %(said_ms)s, %(previous)s);

-- name: forget_purges
-- The references of records that no backup is older than.
SELECT retention.forget_purges(%(up_to)s);

-- name: save_restoration
-- Write down that this base was restored.
INSERT INTO retention.restoration (backup, made_at, purges_from, purges_to, report, certificate, signed_by, runs)
VALUES (%(backup)s, %(made_at)s, %(purges_from)s, %(purges_to)s, %(report)s, %(certificate)s, %(signed_by)s, %(runs)s);

-- name: list_restorations
-- When this base was restored, the last time first.
SELECT restored_at, backup, made_at, purges_from, purges_to, report, number, certificate, signed_by
FROM retention.restoration ORDER BY restored_at DESC;
