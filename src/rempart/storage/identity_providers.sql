-- Accounts plane, for the command line (role registrar): through which provider an organisation's agents come.

-- name: trust_provider
-- An organisation's agents may come through this provider; null: through none.
UPDATE accounts.organisation SET identity_provider = %(provider)s
WHERE org_ref = %(org_ref)s
RETURNING org_ref;

-- name: list_other_sessions
-- The live sessions of an organisation's agents who came through another provider than this one; null: through any.
SELECT s.session_ref FROM accounts.session AS s
WHERE s.org_ref = %(org_ref)s AND s.method = 'oidc' AND s.ended_at IS NULL AND s.provider IS DISTINCT FROM %(provider)s
FOR UPDATE;
