-- Accounts plane, for the command line (role registrar): through which provider an organisation's agents come.

-- name: trust_provider
-- An organisation's agents may come through this provider; null: through none.
UPDATE accounts.organisation SET identity_provider = %(provider)s
WHERE org_ref = %(org_ref)s
RETURNING org_ref;
