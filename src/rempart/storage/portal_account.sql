-- Accounts plane, for the professional portal (role portals): what a signed-in person sees of their own account.

-- name: load_professional
-- How the portal greets a professional: their name, what they do, where they work.
SELECT p.display_name, p.profession, COALESCE(e.name, ''), COALESCE(e.city, '')
FROM accounts.professional AS p
LEFT JOIN accounts.establishment AS e USING (establishment_ref)
WHERE p.account_ref = %(account_ref)s;

-- name: revoke_key
-- Ends the key of a browser that signs out; the first revocation's instant is kept.
UPDATE accounts.client SET revoked_at = COALESCE(revoked_at, clock_timestamp())
WHERE key_digest = %(key_digest)s AND kind = 'portal'
RETURNING client_ref;
