-- Keys of the insurers, wrapped by the master key.

-- name: add_insurer_key
-- Keeps the key that is there: two processes that start at once agree on one.
INSERT INTO identity.insurer_key (insurer_id, wrapped_key)
VALUES (%(insurer_id)s, %(wrapped_key)s)
ON CONFLICT (insurer_id) DO NOTHING;

-- name: load_insurer_key
-- The wrapped key of one insurer.
SELECT wrapped_key FROM identity.insurer_key WHERE insurer_id = %(insurer_id)s;
