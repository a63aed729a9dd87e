-- Tries of one address at one thing, counted for all processes of the portals at once (role signin).

-- name: lock_try
-- When an address's allowance is empty again; of two tries at the same instant, the second waits for the first. The row is
-- there afterwards, whether it was before or not.
INSERT INTO accounts.tries (name, empty_at) VALUES (%(name)s, 'epoch')
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING (extract(epoch FROM empty_at) * 1000)::float8, (extract(epoch FROM clock_timestamp()) * 1000)::float8;

-- name: save_try
-- One more try.
UPDATE accounts.tries SET empty_at = to_timestamp(%(empty_at_ms)s::float8 / 1000) WHERE name = %(name)s;

-- name: sweep
-- Forgets addresses whose allowance is whole again.
DELETE FROM accounts.tries WHERE name IN (
    SELECT name FROM accounts.tries WHERE empty_at < clock_timestamp() - interval '1 minute' LIMIT 200 FOR UPDATE SKIP LOCKED);
