-- Copies of what is held about somebody: asked for by the pages (role portals), filled by whoever opens identities (role feeds).

-- name: add_copy
-- Asks for a copy of what is held about the visitor.
INSERT INTO rights.own_copy (copy_ref, insurer_id, person_ref, asked_by, asked_at)
VALUES (%(copy_ref)s, %(insurer_id)s, %(person_ref)s, %(asked_by)s, %(asked_at)s);

-- name: list_copies
-- The visitor's copies, the newest first.
SELECT copy_ref, asked_at, made_at FROM rights.own_copy ORDER BY asked_at DESC, copy_ref;

-- name: load_copy
-- One copy, sealed, for whoever may see it.
SELECT insurer_id, sealed, made_at FROM rights.own_copy WHERE copy_ref = %(copy_ref)s AND sealed IS NOT NULL;

-- name: find_copy
-- Whose copy waits to be made (role feeds).
SELECT insurer_id, person_ref, asked_by FROM rights.own_copy WHERE copy_ref = %(copy_ref)s AND sealed IS NULL;

-- name: load_identity
-- The sealed identity of a person, as their insurer states it (role feeds).
SELECT sealed FROM identity.person WHERE person_ref = %(person_ref)s AND insurer_id = %(insurer_id)s;

-- name: list_coverage
-- The lines of coverage of a person: in force, and of those that left; with what they grant (role feeds).
SELECT line.starts_on, line.ends_on, NULLIF(line.suspended_from, 'infinity'), NULLIF(line.suspended_to, 'infinity'), sheet.is_past,
       terms.convention_type, terms.csr, terms.responsible, terms.domains
FROM (SELECT c.*, false AS is_past FROM rights.coverage AS c
      WHERE c.person_ref = %(person_ref)s AND c.insurer_id = %(insurer_id)s AND c.closed_in = 9223372036854775807
      UNION ALL
      SELECT p.*, true FROM rights.past_coverage AS p
      WHERE p.person_ref = %(person_ref)s AND p.insurer_id = %(insurer_id)s AND p.closed_in = 9223372036854775807) AS sheet
CROSS JOIN LATERAL unnest(sheet.starts_on, sheet.ends_on, sheet.suspended_from, sheet.suspended_to, sheet.terms_id)
    AS line (starts_on, ends_on, suspended_from, suspended_to, terms_id)
LEFT JOIN rights.terms AS terms ON terms.terms_id = line.terms_id
ORDER BY line.starts_on DESC;

-- name: read_mine
-- What is kept of the visitor, and what its periods count from.
SELECT contract_end, last_payment, gone, has_identity, has_coverage, has_card, has_account, archived, claims, oldest_on, latest_on, held,
       restricted, kinds, starts, ends
FROM retention.read_mine();

-- name: fill_copy
-- Puts what was opened, sealed for the pages (role feeds).
UPDATE rights.own_copy SET sealed = %(sealed)s, made_at = %(made_at)s WHERE copy_ref = %(copy_ref)s AND sealed IS NULL;

-- name: forget_copies
-- Removes copies asked for before an instant (role feeds).
DELETE FROM rights.own_copy WHERE asked_at < %(before)s;

-- name: forget_reports
-- Removes suspicious messages reported before an instant (role notifier).
DELETE FROM notices.suspicious WHERE made_at < %(before)s;
