-- Public pages about incidents, and their drafts. Role: portals, with a ticket or without.

-- name: list_public_pages
-- The pages that anybody may read, with what the last version of each says; the newest first.
SELECT p.page_ref, p.insurer_id, p.incident_id, p.amc_number, p.number, p.exercise, p.withdrawn_at, COALESCE(p.withdrawn_for, ''),
       v.number, v.said, v.digest, v.published_at
FROM notices.incident_page AS p
JOIN LATERAL (
    SELECT one.number, one.said, one.digest, one.published_at FROM notices.page_version AS one
    WHERE one.page_ref = p.page_ref AND one.published_at IS NOT NULL ORDER BY one.number DESC LIMIT 1
) AS v ON true
WHERE NOT p.exercise
ORDER BY v.published_at DESC, p.page_ref
LIMIT %(limit)s::bigint;

-- name: load_public_page
-- One version of one public page: the last one when no number is given.
SELECT p.page_ref, p.insurer_id, p.incident_id, p.amc_number, p.number, p.exercise, p.withdrawn_at, COALESCE(p.withdrawn_for, ''),
       v.number, v.said, v.digest, v.published_at
FROM notices.incident_page AS p
JOIN notices.page_version AS v USING (page_ref)
WHERE p.amc_number = %(amc_number)s AND p.number = %(number)s AND v.published_at IS NOT NULL AND NOT p.exercise
  AND v.number = COALESCE(%(version)s::integer, v.number)
ORDER BY v.number DESC
LIMIT 1;

-- name: list_page_versions
-- The versions of a page that the visitor may see, the newest first.
SELECT v.number, v.said, v.digest, v.written_at, v.published_at
FROM notices.page_version AS v WHERE v.page_ref = %(page_ref)s ORDER BY v.number DESC;

-- name: find_own_page
-- The page of the visitor's insurer about an incident.
SELECT p.page_ref, p.insurer_id, p.incident_id, p.amc_number, p.number, p.exercise, p.withdrawn_at, COALESCE(p.withdrawn_for, '')
FROM notices.incident_page AS p
WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s;

-- name: load_last_package
-- What the insurer was told last of an incident: the numbers of a page come from there.
SELECT p.number, p.exercise, p.starts_ms, p.ends_ms, p.persons_a, p.persons_b, p.persons_c, p.fields, p.hidden, p.sent_at,
       i.amc_number, i.name, p.title
FROM incidents.package AS p JOIN rights.insurer AS i USING (insurer_id)
WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.state = 'sent'
ORDER BY p.number DESC LIMIT 1;

-- name: load_campaign_facts
-- The facts of the insurer's last campaign about an incident.
SELECT c.facts FROM notices.campaign AS c
WHERE c.incident_id = %(incident_id)s AND c.insurer_id = %(insurer_id)s ORDER BY c.number DESC LIMIT 1;

-- name: insert_page
-- A page, numbered after the insurer's others.
INSERT INTO notices.incident_page (page_ref, insurer_id, incident_id, amc_number, number, exercise, made_by)
VALUES (%(page_ref)s, %(insurer_id)s, %(incident_id)s, %(amc_number)s,
        1 + (SELECT COALESCE(max(p.number), 0) FROM notices.incident_page AS p WHERE p.insurer_id = %(insurer_id)s),
        %(exercise)s, %(made_by)s);

-- name: insert_draft
-- A version to write.
INSERT INTO notices.page_version (page_ref, number, insurer_id, said, written_by)
VALUES (%(page_ref)s, %(number)s, %(insurer_id)s, %(said)s, %(written_by)s);

-- name: update_draft
-- What a version says, while it is not published.
UPDATE notices.page_version SET said = %(said)s, written_by = %(written_by)s
WHERE page_ref = %(page_ref)s AND number = %(number)s AND published_at IS NULL;

-- name: publish_draft
-- Lets everybody read a version, as it was written.
UPDATE notices.page_version SET published_by = %(published_by)s, digest = %(digest)s
WHERE page_ref = %(page_ref)s AND number = %(number)s AND published_at IS NULL;

-- name: withdraw_page
-- Takes a page back: its readers see why.
UPDATE notices.incident_page SET withdrawn_by = %(withdrawn_by)s, withdrawn_for = %(withdrawn_for)s
WHERE page_ref = %(page_ref)s AND withdrawn_at IS NULL;
