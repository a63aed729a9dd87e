-- Invitations as the role that recognises people (signin) redeems them. Creating them: organisations.sql.

-- name: load_invitation
-- The invitation of a code, by its digest, with what it is worth now.
SELECT i.invitation_ref, i.kind, i.actor_ref, i.org_ref,
       i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > clock_timestamp() AS waiting
FROM accounts.invitation AS i
WHERE i.code_digest = %(code_digest)s;

-- name: use_up
-- Uses an invitation up. Of two browsers that come at once, the second waits here and gets no row.
UPDATE accounts.invitation SET used_at = clock_timestamp()
WHERE invitation_ref = %(invitation_ref)s
  AND used_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()
RETURNING actor_ref;
