-- Passkeys as the role that recognises people (signin) reads and writes them.

-- name: load_for_proof
-- The key somebody shows, and whose it is; locked, so that two proofs with one key are judged one after the other.
SELECT p.actor_ref, p.public_key, p.sign_count, p.cloned_at IS NULL AND p.revoked_at IS NULL AS usable, a.user_handle
FROM accounts.passkey AS p
JOIN accounts.actor AS a USING (actor_ref)
WHERE p.credential_id = %(credential_id)s
FOR UPDATE OF p;

-- name: list_usable
-- The keys with which an actor may prove who they are.
SELECT credential_id, transports FROM accounts.passkey
WHERE actor_ref = %(actor_ref)s AND cloned_at IS NULL AND revoked_at IS NULL
ORDER BY created_at;

-- name: list_known
-- Every key an actor ever had here: an authenticator that holds one makes no second.
SELECT credential_id, transports FROM accounts.passkey WHERE actor_ref = %(actor_ref)s ORDER BY created_at;

-- name: load_owner
-- Who a new key would be for.
SELECT user_handle, display_name FROM accounts.actor
WHERE actor_ref = %(actor_ref)s AND suspended_at IS NULL;

-- name: insert_passkey
-- A new key; nothing is written when this key is known here already, whoever has it.
INSERT INTO accounts.passkey (credential_id, actor_ref, public_key, sign_count, transports, aaguid, backed_up, label)
VALUES (%(credential_id)s, %(actor_ref)s, %(public_key)s, %(sign_count)s, %(transports)s, %(aaguid)s, %(backed_up)s,
        %(label)s)
ON CONFLICT DO NOTHING
RETURNING actor_ref;

-- name: note_use
-- A good proof: its counter, and when.
UPDATE accounts.passkey SET sign_count = %(sign_count)s, backed_up = %(backed_up)s, used_at = clock_timestamp()
WHERE credential_id = %(credential_id)s;

-- name: close_cloned
-- A counter that went back: the key is closed for good.
UPDATE accounts.passkey SET cloned_at = clock_timestamp() WHERE credential_id = %(credential_id)s;

-- name: revoke_all
-- Ends every usable key of somebody who enrols again after a loss; returns how many there were.
UPDATE accounts.passkey SET revoked_at = clock_timestamp()
WHERE actor_ref = %(actor_ref)s AND cloned_at IS NULL AND revoked_at IS NULL
RETURNING label;

-- name: end_sessions
-- Ends every live session of an actor.
UPDATE accounts.session SET ended_at = clock_timestamp(), end_reason = 'revoked'
WHERE actor_ref = %(actor_ref)s AND ended_at IS NULL
RETURNING session_ref;

-- name: renew_session
-- Gives a live session a new token after a fresh ceremony: the old token opens nothing any more.
UPDATE accounts.session SET token_digest = %(new_digest)s, stepped_up_at = clock_timestamp()
WHERE session_ref = %(session_ref)s AND token_digest = %(old_digest)s AND ended_at IS NULL
RETURNING actor_ref;

-- name: list_open_roles
-- The roles in which an actor may sign in today; what enter_session asks of a session is asked here too.
SELECT ms.membership_ref, ms.role, ms.org_ref, o.name AS org_name, o.kind AS org_kind, ms.accountable_ref
FROM accounts.actor AS a
JOIN accounts.membership AS ms USING (actor_ref)
JOIN accounts.organisation AS o ON o.org_ref = ms.org_ref
LEFT JOIN accounts.organisation AS host ON host.org_ref = o.hosted_by
LEFT JOIN accounts.organisation AS via ON via.org_ref = ms.via_ref
LEFT JOIN accounts.actor AS answerable ON answerable.actor_ref = ms.accountable_ref
WHERE a.actor_ref = %(actor_ref)s
  AND a.suspended_at IS NULL AND ms.suspended_at IS NULL
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN ms.starts_on AND ms.ends_on
  AND o.suspended_at IS NULL AND host.suspended_at IS NULL AND via.suspended_at IS NULL
  AND answerable.suspended_at IS NULL
  AND NOT EXISTS (
       SELECT 1 FROM accounts.membership AS stopped
       WHERE stopped.org_ref = ms.org_ref AND stopped.actor_ref = ms.accountable_ref AND stopped.role = 'holder'
         AND stopped.suspended_at IS NOT NULL)
  AND (ms.via_ref IS NULL OR EXISTS (
       SELECT 1 FROM accounts.mandate AS d
       WHERE d.principal_ref = ms.org_ref AND d.agent_ref = ms.via_ref AND d.kind = 'sub_processes'
         AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN d.starts_on AND d.ends_on))
UNION ALL
SELECT NULL, 'member', NULL, COALESCE(o.name, ''), NULL, NULL
FROM accounts.actor AS a
JOIN accounts.member AS m USING (actor_ref)
LEFT JOIN accounts.organisation AS o ON o.insurer_id = m.insurer_id
WHERE a.actor_ref = %(actor_ref)s AND a.suspended_at IS NULL
ORDER BY org_name, role, membership_ref;
