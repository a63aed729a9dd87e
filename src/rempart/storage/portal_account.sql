-- Accounts plane, for the professional portal (role portals): what a signed-in person sees of their own account.

-- name: load_profession
-- What a professional does: the domain of care a form proposes first.
SELECT profession FROM accounts.professional WHERE account_ref = %(account_ref)s;
