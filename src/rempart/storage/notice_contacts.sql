-- Contact data of campaigns: files as they came, where persons are reached (psycopg: role notifier; portals give files in).

-- name: add_contact_key
-- Keeps the key that is there: two processes that start at once agree on one.
INSERT INTO notices.contact_key (insurer_id, wrapped_key)
VALUES (%(insurer_id)s, %(wrapped_key)s)
ON CONFLICT (insurer_id) DO NOTHING;

-- name: load_contact_key
-- The wrapped key of one insurer's contact data.
SELECT wrapped_key FROM notices.contact_key WHERE insurer_id = %(insurer_id)s;

-- name: insert_file
-- A file given in; nothing when the same form was sent twice.
INSERT INTO notices.contact_file (file_ref, insurer_id, holds, sealed, uploaded_by)
VALUES (%(file_ref)s, %(insurer_id)s, %(holds)s, %(sealed)s, %(uploaded_by)s)
ON CONFLICT DO NOTHING;

-- name: lock_file
-- A file that waits to be read, locked: two workers do not read it at once.
SELECT f.insurer_id, f.sealed FROM notices.contact_file AS f
WHERE f.file_ref = %(file_ref)s AND f.holds = %(holds)s AND f.state = 'received' FOR UPDATE;

-- name: list_packaged
-- Which of some persons the insurer was told of in a package that was sent: of nobody else are contact data kept.
SELECT DISTINCT q.person_ref FROM incidents.packaged_person AS q
WHERE q.person_ref = ANY (%(person_refs)s::bigint[])
  AND q.package_ref IN (SELECT p.package_ref FROM incidents.package AS p
                        WHERE p.insurer_id = %(insurer_id)s AND p.state = 'sent');

-- name: save_contacts
-- Where persons are reached; what the latest file says takes the place of what was there.
INSERT INTO notices.contact (insurer_id, person_ref, file_ref, sealed, household, flags, language)
SELECT %(insurer_id)s, c.person_ref, %(file_ref)s, c.sealed, c.household, c.flags, c.language
FROM unnest(%(person_refs)s::bigint[], %(sealed)s::bytea[], %(households)s::bytea[], %(flags)s::smallint[], %(languages)s::text[])
    AS c (person_ref, sealed, household, flags, language)
ON CONFLICT (insurer_id, person_ref) DO UPDATE
SET file_ref = EXCLUDED.file_ref, sealed = EXCLUDED.sealed, household = EXCLUDED.household, flags = EXCLUDED.flags,
    language = EXCLUDED.language;

-- name: reach_professionals
-- The professionals told of an incident that follow one, and their addresses, sealed.
SELECT account_ref, name, mail_ref, mail, post_ref, post
FROM notices.reach_professionals(%(incident_id)s, %(after)s, %(most)s);

-- name: finish_file
-- A file was read, or refused: its bytes go.
UPDATE notices.contact_file
SET state = %(state)s, sealed = NULL, rows = %(rows)s, refused = %(refused)s, findings = %(findings)s, read_at = clock_timestamp()
WHERE file_ref = %(file_ref)s AND state = 'received';

-- name: find_forgettable
-- Insurers whose campaigns have all ended before an instant, and that gave no file since: their contact data have no use any more. So too
-- the operator, of professionals.
SELECT k.insurer_id FROM notices.contact_key AS k
WHERE NOT EXISTS (SELECT FROM notices.contact_file AS n WHERE n.insurer_id = k.insurer_id AND n.uploaded_at >= %(before)s)
  AND NOT EXISTS (SELECT FROM notices.campaign AS c
                  WHERE c.insurer_id = k.insurer_id AND (c.ended_at IS NULL OR c.ended_at >= %(before)s))
  AND EXISTS (SELECT FROM notices.contact AS c WHERE c.insurer_id = k.insurer_id)
ORDER BY k.insurer_id;

-- name: forget_contacts
-- Deletes the contact data of one insurer.
DELETE FROM notices.contact WHERE insurer_id = %(insurer_id)s;

-- name: note_forgotten
-- Says of an insurer's campaigns that the contact data they needed are gone.
UPDATE notices.campaign SET forgotten_at = clock_timestamp() WHERE insurer_id = %(insurer_id)s AND forgotten_at IS NULL;

-- name: drop_unread
-- Deletes files that nobody could read in time: their bytes are personal data with no use.
DELETE FROM notices.contact_file AS f
WHERE f.state = 'received' AND f.uploaded_at < %(before)s
  AND NOT EXISTS (SELECT FROM notices.contact AS c WHERE c.file_ref = f.file_ref);
