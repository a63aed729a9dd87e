-- What somebody signed in sees and does of their own account (role portals): sessions, keys, events. Every query names the
-- actor, although the row policies would hide everybody else's rows.

-- name: list_sessions
-- An actor's live sessions, the last seen first.
SELECT s.session_ref, s.role, COALESCE(o.name, '') AS org_name, s.method, s.address, s.agent, s.opened_at, s.seen_at,
       s.device_key IS NOT NULL
FROM accounts.session AS s
LEFT JOIN accounts.organisation AS o USING (org_ref)
WHERE s.actor_ref = %(actor_ref)s AND s.ended_at IS NULL
  AND s.expires_at > clock_timestamp() AND s.seen_at + s.idle_limit > clock_timestamp()
ORDER BY s.seen_at DESC, s.session_ref
LIMIT 200;

-- name: end_one
-- Ends one of an actor's sessions.
UPDATE accounts.session SET ended_at = clock_timestamp(), end_reason = 'revoked'
WHERE session_ref = %(session_ref)s AND actor_ref = %(actor_ref)s AND ended_at IS NULL
RETURNING session_ref;

-- name: end_others
-- Ends all of an actor's sessions but one.
UPDATE accounts.session SET ended_at = clock_timestamp(), end_reason = 'revoked'
WHERE actor_ref = %(actor_ref)s AND session_ref <> %(kept_ref)s AND ended_at IS NULL
RETURNING session_ref;

-- name: list_passkeys
-- An actor's keys, the oldest first.
SELECT credential_id, label, created_at, used_at, backed_up, cloned_at, revoked_at
FROM accounts.passkey WHERE actor_ref = %(actor_ref)s
ORDER BY created_at, credential_id;

-- name: lock_passkeys
-- The same, locked: two requests must not each revoke the last key but one.
SELECT credential_id, label, created_at, used_at, backed_up, cloned_at, revoked_at
FROM accounts.passkey WHERE actor_ref = %(actor_ref)s
ORDER BY created_at, credential_id
FOR UPDATE;

-- name: rename_passkey
-- Gives one of an actor's usable keys another name.
UPDATE accounts.passkey SET label = %(label)s
WHERE credential_id = %(credential_id)s AND actor_ref = %(actor_ref)s AND revoked_at IS NULL AND cloned_at IS NULL
RETURNING label;

-- name: revoke_passkey
-- Ends one of an actor's keys.
UPDATE accounts.passkey SET revoked_at = clock_timestamp()
WHERE credential_id = %(credential_id)s AND actor_ref = %(actor_ref)s AND revoked_at IS NULL
RETURNING label;

-- name: list_events
-- One page of what happened to an actor's account, with what they said of it, and how many events there are.
-- `sort` names a column; `direction` is 1 or -1; the newest comes first among equals.
SELECT e.event_ref, e.at, e.kind, e.address, e.agent, e.details, e.by_ref IS NOT NULL AND e.by_ref <> e.actor_ref,
       r.reported_at, r.handled_at, COALESCE(r.outcome, ''), count(*) OVER () AS total
FROM accounts.security_event AS e
LEFT JOIN accounts.event_report AS r USING (event_ref)
WHERE e.actor_ref = %(actor_ref)s
ORDER BY %(direction)s::integer * CASE WHEN %(sort)s::text = 'time' THEN extract(epoch FROM e.at) END,
         CASE WHEN %(sort)s::text = 'kind' AND %(direction)s::integer > 0 THEN e.kind END,
         CASE WHEN %(sort)s::text = 'kind' AND %(direction)s::integer < 0 THEN e.kind END DESC,
         CASE WHEN %(sort)s::text = 'place' AND %(direction)s::integer > 0 THEN e.address END,
         CASE WHEN %(sort)s::text = 'place' AND %(direction)s::integer < 0 THEN e.address END DESC,
         e.at DESC, e.event_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_event
-- One event of an actor's account.
SELECT e.event_ref, e.at, e.kind, e.address, e.agent, e.details, e.by_ref IS NOT NULL AND e.by_ref <> e.actor_ref,
       r.reported_at, r.handled_at, COALESCE(r.outcome, '')
FROM accounts.security_event AS e
LEFT JOIN accounts.event_report AS r USING (event_ref)
WHERE e.event_ref = %(event_ref)s AND e.actor_ref = %(actor_ref)s;

-- name: insert_report
-- "It was not me", once per event.
INSERT INTO accounts.event_report (event_ref, actor_ref, words)
VALUES (%(event_ref)s, %(actor_ref)s, %(words)s)
ON CONFLICT DO NOTHING
RETURNING event_ref;
