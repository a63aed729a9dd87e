-- Software that may ask for tokens, in the accounts plane: registered and listed by the pages (under the rows of whoever
-- asks) and by the command line.

-- name: insert_software
-- A new software; no row when its name is taken, by whomever.
INSERT INTO accounts.software (client_ref, client_id, publisher_ref, label, scopes, certificate_subject, establishment_ref,
                               psc_clients, created_by)
VALUES (%(client_ref)s, %(client_id)s, %(publisher_ref)s, %(label)s, %(scopes)s, %(certificate_subject)s,
        %(establishment_ref)s, %(psc_clients)s, %(created_by)s)
ON CONFLICT (client_id) DO NOTHING
RETURNING client_ref;

-- name: insert_key
-- A public key of a software.
INSERT INTO accounts.software_key (client_ref, kid, jwk) VALUES (%(client_ref)s, %(kid)s, %(jwk)s);

-- name: revive_key
-- An ended key of the portals is good again: their home is back. Of other software an ended key stays so.
UPDATE accounts.software_key SET ends_at = 'infinity' WHERE client_ref = %(client_ref)s AND kid = %(kid)s;

-- name: end_key
-- Ends a key some time from now; one that ends earlier is left as it is.
UPDATE accounts.software_key SET ends_at = LEAST(ends_at, clock_timestamp() + %(delay)s::interval)
WHERE client_ref = %(client_ref)s AND kid = %(kid)s;

-- name: revoke_software
-- Ends a software for good; the first revocation's instant is kept.
UPDATE accounts.software SET revoked_at = clock_timestamp()
WHERE client_ref = %(client_ref)s AND revoked_at IS NULL;

-- name: list_software
-- One page of the software the asker may see, and how many there are. `sort` names a column;
-- `direction` is 1 or -1; newest first among equals.
SELECT s.client_ref, s.client_id, s.label, s.publisher_ref, COALESCE(o.name, '') AS publisher, s.scopes,
       s.certificate_subject, s.establishment_ref, COALESCE(e.name, '') AS establishment,
       s.created_at, s.revoked_at,
       (SELECT count(*) FROM accounts.software_key AS k
        WHERE k.client_ref = s.client_ref AND k.ends_at > clock_timestamp()) AS live_keys,
       count(*) OVER () AS total
FROM accounts.software AS s
LEFT JOIN accounts.organisation AS o ON o.org_ref = s.publisher_ref
LEFT JOIN accounts.establishment AS e ON e.establishment_ref = s.establishment_ref
ORDER BY CASE WHEN %(direction)s::integer = -1 THEN NULL ELSE
             CASE %(sort)s::text WHEN 'name' THEN s.client_id WHEN 'label' THEN s.label WHEN 'publisher' THEN o.name
                  WHEN 'state' THEN COALESCE(to_char(s.revoked_at, 'YYYYMMDDHH24MISS'), '')
                  ELSE to_char(s.created_at, 'YYYYMMDDHH24MISSUS') END END,
         CASE WHEN %(direction)s::integer = -1 THEN
             CASE %(sort)s::text WHEN 'name' THEN s.client_id WHEN 'label' THEN s.label WHEN 'publisher' THEN o.name
                  WHEN 'state' THEN COALESCE(to_char(s.revoked_at, 'YYYYMMDDHH24MISS'), '')
                  ELSE to_char(s.created_at, 'YYYYMMDDHH24MISSUS') END END DESC NULLS LAST,
         s.created_at DESC, s.client_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: find_software
-- One software the asker may see, by reference or by name.
SELECT s.client_ref, s.client_id, s.label, s.publisher_ref, s.certificate_subject, s.revoked_at
FROM accounts.software AS s
WHERE s.client_ref = %(client_ref)s::bigint OR s.client_id = %(client_id)s::text;

-- name: lock_software
-- One change of one software at a time: two that look at its keys wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended('rempart software ' || %(client_ref)s::bigint, 0));

-- name: list_keys
-- Every key of a software, ended ones too, newest first.
SELECT kid, jwk, added_at, NULLIF(ends_at, 'infinity') AS ends_at, ends_at > clock_timestamp() AS is_live
FROM accounts.software_key
WHERE client_ref = %(client_ref)s
ORDER BY added_at DESC, kid;

-- name: list_publishers
-- The publishers of software that are not suspended, by name.
SELECT org_ref, name FROM accounts.organisation
WHERE kind = 'publisher' AND suspended_at IS NULL
ORDER BY name, org_ref;

-- name: find_establishment
-- The establishment of a FINESS or SIRET number.
SELECT establishment_ref FROM accounts.establishment WHERE %(number)s::text IN (finess, siret);
