-- Lists that answer cards. Roles: portals reads them, with a ticket or without; notifier writes them; feeds knows cards.

-- name: list_self_checks
-- The lists that answer cards now, with the page each belongs to.
SELECT s.list_ref, s.salt, s.bits, s.made_at, p.amc_number, p.number, v.said->'facts'
FROM notices.self_check AS s
JOIN notices.incident_page AS p USING (page_ref)
JOIN LATERAL (
    SELECT one.said FROM notices.page_version AS one
    WHERE one.page_ref = s.page_ref AND one.published_at IS NOT NULL ORDER BY one.number DESC LIMIT 1
) AS v ON true
WHERE NOT p.exercise AND p.withdrawn_at IS NULL
ORDER BY s.made_at DESC, s.list_ref
LIMIT %(limit)s::bigint;

-- name: load_bucket
-- One bucket of a list.
SELECT b.entries FROM notices.self_check_bucket AS b WHERE b.list_ref = %(list_ref)s AND b.prefix = %(prefix)s;

-- name: list_checkable_pages
-- Public pages that hold, with the digest of what their list was made from, if there is one (role notifier).
SELECT p.page_ref, p.insurer_id, p.incident_id, p.amc_number, s.basis
FROM notices.incident_page AS p LEFT JOIN notices.self_check AS s USING (page_ref)
WHERE notices.is_public(p.page_ref) AND p.withdrawn_at IS NULL
ORDER BY p.page_ref;

-- name: measure_messages
-- What tells whether messages changed since a list was made from them: how many are approved, the last one, how many say nothing; and
-- the last package (role notifier).
SELECT count(*), COALESCE(max(m.number), 0), count(*) FILTER (WHERE notices.is_undecided(m)),
       (SELECT COALESCE(max(p.number), 0) FROM incidents.package AS p
        WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.state = 'sent')
FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
WHERE c.incident_id = %(incident_id)s AND c.insurer_id = %(insurer_id)s AND c.approved_at IS NOT NULL;

-- name: list_answers
-- The last approved message of everybody who is concerned (role notifier). Who was not written to, and whom no package names any more,
-- is not.
SELECT m.person_ref, m.certainty, m.doubt, m.fields, m.not_exposed, m.package_number
FROM (
    SELECT DISTINCT ON (one.person_ref) one.person_ref, one.certainty, one.doubt, one.fields, one.not_exposed, p.number AS package_number
    FROM notices.message AS one
    JOIN notices.campaign AS c USING (campaign_ref)
    JOIN incidents.package AS p ON p.package_ref = c.package_ref
    WHERE c.incident_id = %(incident_id)s AND c.insurer_id = %(insurer_id)s AND c.approved_at IS NOT NULL
      AND one.relation <> 'professional' AND NOT notices.is_undecided(one)
      AND (one.state NOT IN ('waiting', 'held') OR one.attempts > 0 OR (
          SELECT x.tier FROM incidents.package AS q JOIN incidents.packaged_person AS x ON x.package_ref = q.package_ref
          WHERE q.incident_id = c.incident_id AND q.insurer_id = c.insurer_id AND q.state = 'sent' AND x.person_ref = one.person_ref
            AND q.number >= (SELECT max(w.number) FROM incidents.package AS w
                             WHERE w.incident_id = c.incident_id AND w.insurer_id = c.insurer_id AND w.state = 'sent' AND w.basis = 0)
          ORDER BY q.number DESC LIMIT 1) IS NOT NULL)
    ORDER BY one.person_ref, one.number DESC
) AS m
WHERE m.certainty <> 'D';

-- name: measure_cards
-- The cards that somebody of an insurer may hold, and how many there ever were: one that is made or taken back shows (role feeds).
SELECT count(*) FILTER (WHERE revoked_at IS NULL), count(*) FROM rights.card WHERE insurer_id = %(insurer_id)s;

-- name: list_prints
-- What some people's cards are printed from, with their line on each (role feeds).
SELECT k.person_ref, k.place, c.serial, c.holder_ref, p.sealed
FROM rights.card_key AS k
JOIN rights.card AS c USING (serial)
JOIN rights.card_print AS p USING (serial)
WHERE k.person_ref = ANY (%(person_refs)s) AND c.insurer_id = %(insurer_id)s AND c.revoked_at IS NULL
ORDER BY c.serial, k.place;

-- name: delete_self_check
-- Takes the list of a page away, with its buckets (role notifier).
DELETE FROM notices.self_check WHERE page_ref = %(page_ref)s;

-- name: delete_idle_self_checks
-- Takes away the lists of pages that hold no more (role notifier).
DELETE FROM notices.self_check AS s
WHERE NOT EXISTS (SELECT FROM notices.incident_page AS p
                  WHERE p.page_ref = s.page_ref AND p.withdrawn_at IS NULL AND notices.is_public(p.page_ref));

-- name: insert_self_check
-- A list; its buckets follow in the same transaction (role notifier).
INSERT INTO notices.self_check (list_ref, page_ref, basis, salt, bits)
VALUES (%(list_ref)s, %(page_ref)s, %(basis)s, %(salt)s, %(bits)s);

-- name: insert_bucket
-- One bucket of a list (role notifier).
INSERT INTO notices.self_check_bucket (list_ref, prefix, entries) VALUES (%(list_ref)s, %(prefix)s, %(entries)s);
