-- Accounts plane, for the command line and the portals (role portals): professionals, clients, sign-in links.

-- name: lock_load
-- One load of professionals at a time; the others wait for its transaction to end.
SELECT pg_advisory_xact_lock(hashtext('rempart load professionals'));

-- name: list_establishment_keys
-- By what each establishment is known: its FINESS number, or its SIRET when it has none.
SELECT COALESCE(finess, siret), establishment_ref FROM accounts.establishment;

-- name: list_professional_keys
-- The account of every professional.
SELECT rpps, account_ref FROM accounts.professional;

-- name: save_establishments
-- Adds establishments or brings them up to date.
INSERT INTO accounts.establishment AS known
    (establishment_ref, finess, siret, name, postcode, city)
SELECT establishment_ref, finess, siret, name, postcode, city
FROM unnest(%(establishment_ref)s::bigint[], %(finess)s::text[], %(siret)s::text[], %(name)s::text[],
            %(postcode)s::text[], %(city)s::text[])
     AS given (establishment_ref, finess, siret, name, postcode, city)
ON CONFLICT (establishment_ref) DO UPDATE
SET finess = EXCLUDED.finess, siret = EXCLUDED.siret, name = EXCLUDED.name,
    postcode = EXCLUDED.postcode, city = EXCLUDED.city;

-- name: save_professionals
-- Adds professionals or brings them up to date.
INSERT INTO accounts.professional AS known
    (account_ref, rpps, profession, display_name, establishment_ref)
SELECT account_ref, rpps, profession, display_name, establishment_ref
FROM unnest(%(account_ref)s::bigint[], %(rpps)s::text[], %(profession)s::text[],
            %(display_name)s::text[], %(establishment_ref)s::bigint[])
     AS given (account_ref, rpps, profession, display_name, establishment_ref)
ON CONFLICT (account_ref) DO UPDATE
SET profession = EXCLUDED.profession, display_name = EXCLUDED.display_name,
    establishment_ref = EXCLUDED.establishment_ref;

-- name: find_account
-- The account of one professional, by RPPS number.
SELECT account_ref FROM accounts.professional WHERE rpps = %(rpps)s;

-- name: insert_client
-- A new key for an account; only its digest is kept.
INSERT INTO accounts.client (client_ref, account_ref, kind, label, key_digest, expires_at)
VALUES (
    %(client_ref)s, %(account_ref)s, %(kind)s, %(label)s, %(key_digest)s,
    COALESCE(clock_timestamp() + %(lifetime)s::interval, 'infinity')
);

-- name: list_clients
-- The clients made by hand, newest first; portal sessions come and go by themselves.
SELECT c.client_ref, p.rpps, p.display_name, c.label, c.created_at,
       NULLIF(c.expires_at, 'infinity') AS expires_at, c.revoked_at
FROM accounts.client AS c
JOIN accounts.professional AS p USING (account_ref)
WHERE c.kind = 'software'
ORDER BY c.created_at DESC, c.client_ref;

-- name: revoke_client
-- Ends a client for good; the first revocation's instant is kept.
UPDATE accounts.client SET revoked_at = COALESCE(revoked_at, clock_timestamp())
WHERE client_ref = %(client_ref)s
RETURNING client_ref;

-- name: insert_sign_in_link
-- A one-time link; no account means the operator's console.
INSERT INTO accounts.sign_in_link (token_digest, account_ref, expires_at)
VALUES (%(token_digest)s, %(account_ref)s, clock_timestamp() + %(lifetime)s::interval);

-- name: redeem_sign_in_link
-- Uses a link up: of two browsers with the same link, one gets the row and the other nothing.
UPDATE accounts.sign_in_link SET used_at = clock_timestamp()
WHERE token_digest = %(token_digest)s AND used_at IS NULL AND expires_at > clock_timestamp()
RETURNING account_ref;

-- name: delete_dead_links
-- Forgets links that can no longer be used.
DELETE FROM accounts.sign_in_link WHERE expires_at < clock_timestamp() - interval '1 day';

-- name: delete_dead_portal_clients
-- Forgets the keys of signed-in browsers a day after they expired; the ledger keeps their sessions.
DELETE FROM accounts.client
WHERE kind = 'portal' AND expires_at < clock_timestamp() - interval '1 day';
