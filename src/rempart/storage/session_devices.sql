-- Sessions bound to a device: challenges and short-lived cookies, by their digests (role signin).

-- name: insert_challenge
-- A challenge for one live session; those that are over leave.
WITH gone AS (DELETE FROM accounts.device_challenge WHERE expires_at < clock_timestamp())
INSERT INTO accounts.device_challenge (challenge_digest, session_ref, purpose, expires_at)
VALUES (%(digest)s, %(session_ref)s, %(purpose)s, clock_timestamp() + %(lifetime)s::interval);

-- name: take_challenge
-- Uses a challenge up; no row when it was never given to this session for this purpose, was used before or is too old.
DELETE FROM accounts.device_challenge
WHERE challenge_digest = %(digest)s AND session_ref = %(session_ref)s AND purpose = %(purpose)s
  AND expires_at > clock_timestamp()
RETURNING session_ref;

-- name: lock_session
-- A live session by its token, locked: two registrations at once are one after the other.
SELECT session_ref, actor_ref, org_ref, device_key FROM accounts.session
WHERE token_digest = %(token_digest)s AND ended_at IS NULL AND expires_at > clock_timestamp()
  AND seen_at + idle_limit > clock_timestamp()
FOR UPDATE;

-- name: bind
-- Binds a session that is bound to nothing yet.
UPDATE accounts.session SET device_key = %(device_key)s
WHERE session_ref = %(session_ref)s AND device_key IS NULL
RETURNING session_ref;

-- name: insert_cookie
-- A cookie that its device earned; those of this session that are over leave.
WITH gone AS (DELETE FROM accounts.device_cookie WHERE session_ref = %(session_ref)s AND expires_at < clock_timestamp())
INSERT INTO accounts.device_cookie (cookie_digest, session_ref, expires_at)
VALUES (%(digest)s, %(session_ref)s, clock_timestamp() + %(lifetime)s::interval);
