-- Professionals and establishments, for the command line (role registrar).

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
-- Adds establishments or brings them up to date; a file without telephones takes none away.
INSERT INTO accounts.establishment AS known
    (establishment_ref, finess, siret, name, postcode, city, telephone)
SELECT establishment_ref, finess, siret, name, postcode, city, telephone
FROM unnest(%(establishment_ref)s::bigint[], %(finess)s::text[], %(siret)s::text[], %(name)s::text[],
            %(postcode)s::text[], %(city)s::text[], %(telephone)s::text[])
     AS given (establishment_ref, finess, siret, name, postcode, city, telephone)
ON CONFLICT (establishment_ref) DO UPDATE
SET finess = EXCLUDED.finess, siret = EXCLUDED.siret, name = EXCLUDED.name,
    postcode = EXCLUDED.postcode, city = EXCLUDED.city,
    telephone = COALESCE(EXCLUDED.telephone, known.telephone);

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
