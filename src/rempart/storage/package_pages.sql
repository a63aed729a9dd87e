-- Packages as they are listed, sent and received. Roles: portals, analyst.

-- name: list_packages
-- One page of the packages the asker may see, of one incident or of all, the latest of each insurer or every one; `direction`
-- is 1 or -1, by `sort`.
SELECT p.package_ref, p.incident_id, p.insurer_id, i.name, p.number, p.basis, p.exercise, p.title, p.starts_ms, p.ends_ms,
       p.conclusion, p.persons_a, p.persons_b, p.persons_c, p.changes, p.files, p.bytes, p.state, p.made_at, p.asked_by,
       p.asked_at, p.approved_by, p.sent_at, p.withdrawn_at, COALESCE(p.withdrawn_for, ''), p.reminders, p.reminded_at,
       r.received_at, COALESCE(r.by_name, ''), count(*) OVER () AS total
FROM incidents.package AS p
JOIN rights.insurer AS i USING (insurer_id)
LEFT JOIN LATERAL (
    SELECT one.received_at, one.by_name FROM incidents.package_receipt AS one
    WHERE one.package_ref = p.package_ref AND one.level <> 'operator'
    ORDER BY one.received_at LIMIT 1
) AS r ON true
WHERE (%(incident_id)s::bigint IS NULL OR p.incident_id = %(incident_id)s::bigint)
  AND (%(package_ref)s::bigint IS NULL OR p.package_ref = %(package_ref)s::bigint)
  AND (%(insurer_id)s::integer IS NULL OR p.insurer_id = %(insurer_id)s::integer)
  AND (NOT %(latest)s::boolean OR NOT EXISTS (
      SELECT 1 FROM incidents.package AS later
      WHERE later.incident_id = p.incident_id AND later.insurer_id = p.insurer_id AND later.number > p.number))
ORDER BY CASE WHEN %(sort)s::text = 'insurer' AND %(direction)s::integer = 1 THEN i.name END,
         CASE WHEN %(sort)s::text = 'insurer' AND %(direction)s::integer = -1 THEN i.name END DESC,
         %(direction)s::integer * CASE %(sort)s::text
             WHEN 'persons' THEN p.persons_a + p.persons_b + p.persons_c
             WHEN 'number' THEN p.number
             WHEN 'state' THEN array_position('{waiting,made,asked,sent,withdrawn}'::text[], p.state)
             WHEN 'sent' THEN COALESCE(extract(epoch FROM p.sent_at), 0)
             WHEN 'received' THEN COALESCE(extract(epoch FROM r.received_at), 0)
             WHEN 'made' THEN extract(epoch FROM p.made_at)
             ELSE 0
         END, p.incident_id DESC, i.name, p.number DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_missing_insurers
-- The insurers without any package about an incident, those with most persons on its list first: nobody is forgotten.
SELECT i.insurer_id, i.name, count(x.insurer_id) AS persons
FROM rights.insurer AS i
LEFT JOIN incidents.exposed_person AS x ON x.insurer_id = i.insurer_id AND x.incident_id = %(incident_id)s
WHERE NOT EXISTS (SELECT 1 FROM incidents.package AS p
                  WHERE p.incident_id = %(incident_id)s AND p.insurer_id = i.insurer_id)
GROUP BY i.insurer_id, i.name
ORDER BY persons DESC, i.name, i.insurer_id;

-- name: list_receipts
-- The receipts of a package, the first one first.
SELECT r.org_ref, COALESCE(o.name, ''), r.level, r.way, r.by_name, r.received_at
FROM incidents.package_receipt AS r
LEFT JOIN accounts.organisation AS o USING (org_ref)
WHERE r.package_ref = %(package_ref)s
ORDER BY r.received_at, r.way;

-- name: list_own_incidents
-- One page of the incidents that the asker was sent something about; `direction` is 1 or -1, by `sort`.
SELECT p.incident_id, p.insurer_id, min(i.name), (array_agg(p.title ORDER BY p.number DESC))[1], bool_or(p.exercise),
       min(p.starts_ms), max(p.ends_ms), count(*), max(p.sent_at), (array_agg(p.conclusion ORDER BY p.number DESC))[1],
       (array_agg(p.persons_a + p.persons_b + p.persons_c ORDER BY p.number DESC))[1],
       count(*) FILTER (WHERE p.state = 'sent' AND NOT EXISTS (
           SELECT 1 FROM incidents.package_receipt AS r WHERE r.package_ref = p.package_ref AND r.level <> 'operator')),
       count(*) OVER () AS total
FROM incidents.package AS p
JOIN rights.insurer AS i USING (insurer_id)
WHERE p.sent_at IS NOT NULL
GROUP BY p.incident_id, p.insurer_id
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'persons' THEN (array_agg(p.persons_a + p.persons_b + p.persons_c ORDER BY p.number DESC))[1]
             ELSE extract(epoch FROM max(p.sent_at)) END, p.incident_id DESC, p.insurer_id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_files
-- The sealed files of a package, without their bytes.
SELECT f.position, f.name, length(f.sealed), f.digest
FROM incidents.package_file AS f WHERE f.package_ref = %(package_ref)s ORDER BY f.position;

-- name: load_file
-- One sealed file.
SELECT f.sealed FROM incidents.package_file AS f
WHERE f.package_ref = %(package_ref)s AND f.position = %(position)s;

-- name: load_envelope
-- The note of a package and the certificate that it is sealed for.
SELECT p.note, k.certificate, p.made_at, p.exercise, p.incident_id, p.number, i.amc_number
FROM incidents.package AS p
JOIN incidents.sealing_key AS k USING (key_ref)
JOIN rights.insurer AS i ON i.insurer_id = p.insurer_id
WHERE p.package_ref = %(package_ref)s;

-- name: ask_package
-- Asks that packages be sent; those that are ready.
UPDATE incidents.package SET state = 'asked', asked_by = %(by_ref)s
WHERE package_ref = ANY (%(package_refs)s::bigint[]) AND state = 'made'
RETURNING package_ref;

-- name: take_back_package
-- Takes such a question back.
UPDATE incidents.package SET state = 'made'
WHERE package_ref = ANY (%(package_refs)s::bigint[]) AND state = 'asked'
RETURNING package_ref;

-- name: send_package
-- Publishes a package to its insurer's space.
UPDATE incidents.package SET state = 'sent', approved_by = %(by_ref)s
WHERE package_ref = %(package_ref)s AND state = 'asked'
RETURNING sent_at;

-- name: withdraw_package
-- Withdraws a package that was sent.
UPDATE incidents.package SET state = 'withdrawn', withdrawn_by = %(by_ref)s, withdrawn_for = %(reason)s
WHERE package_ref = %(package_ref)s AND state = 'sent'
RETURNING package_ref;

-- name: receive_package
-- Notes that the visitor received a package; the instant of the first receipt of their level.
SELECT received_at FROM incidents.receive_package(%(package_ref)s, %(way)s);

-- name: list_unreceived
-- Packages sent long enough ago without a receipt, and not reminded of since (role analyst).
SELECT p.package_ref, p.incident_id, p.insurer_id, i.name, p.number, p.sent_at, p.reminders, o.org_ref
FROM incidents.package AS p
JOIN rights.insurer AS i USING (insurer_id)
LEFT JOIN accounts.organisation AS o ON o.insurer_id = p.insurer_id AND o.kind = 'insurer'
WHERE p.state = 'sent' AND NOT p.exercise
  AND GREATEST(p.sent_at, p.reminded_at) < %(before)s
  AND NOT EXISTS (SELECT 1 FROM incidents.package_receipt AS r
                  WHERE r.package_ref = p.package_ref AND r.level <> 'operator')
ORDER BY p.sent_at, p.package_ref;

-- name: note_reminder
-- Counts a reminder (role analyst).
UPDATE incidents.package SET reminders = reminders + 1, reminded_at = clock_timestamp() WHERE package_ref = %(package_ref)s;

-- name: insert_told
-- Notes a receipt that an insurer told the host of, on the telephone or on paper (role analyst).
INSERT INTO incidents.package_receipt (package_ref, org_ref, way, insurer_id, level, by_ref, by_name, received_at)
SELECT p.package_ref, o.org_ref, 'told', p.insurer_id, 'insurer', NULL, %(by_name)s, %(received_at)s
FROM incidents.package AS p
JOIN accounts.organisation AS o ON o.insurer_id = p.insurer_id AND o.kind = 'insurer'
WHERE p.package_ref = %(package_ref)s AND p.state = 'sent' AND p.sent_at <= %(received_at)s
ON CONFLICT DO NOTHING
RETURNING org_ref;

-- name: list_notes
-- The insurer's own notes and tasks about an incident, in the order they were written.
SELECT n.note_ref, n.kind, n.words, n.reason, n.owner, n.due_at, n.proof, a.display_name, n.written_at, COALESCE(d.display_name, ''), n.done_at
FROM incidents.insurer_note AS n
JOIN accounts.actor AS a ON a.actor_ref = n.author_ref
LEFT JOIN accounts.actor AS d ON d.actor_ref = n.done_by
WHERE n.incident_id = %(incident_id)s
ORDER BY n.written_at, n.note_ref;

-- name: insert_note
-- Writes a note, a task or a decision down.
INSERT INTO incidents.insurer_note (note_ref, incident_id, insurer_id, kind, words, reason, owner, due_at, author_ref)
VALUES (%(note_ref)s, %(incident_id)s, %(insurer_id)s, %(kind)s, %(words)s, %(reason)s, %(owner)s, %(due_at)s, %(author_ref)s);

-- name: finish_task
-- Says that a task is done, and what shows it.
UPDATE incidents.insurer_note SET done_by = %(done_by)s, done_at = clock_timestamp(), proof = %(proof)s
WHERE note_ref = %(note_ref)s AND kind = 'task' AND done_at IS NULL
RETURNING incident_id;

-- name: find_insurer_organisation
-- The organisation of an insurer, where its addresses are.
SELECT o.org_ref FROM accounts.organisation AS o
WHERE o.insurer_id = %(insurer_id)s AND o.kind = 'insurer' ORDER BY o.org_ref LIMIT 1;

-- name: load_head
-- What an incident is called, for the head of its packages, and whether it was analysed.
SELECT i.title, i.exercise, EXISTS (SELECT 1 FROM incidents.analysis AS a WHERE a.incident_id = i.incident_id)
FROM incidents.incident AS i WHERE i.incident_id = %(incident_id)s;

-- name: count_latest
-- How many of the latest packages of an incident are in each state; `unreceived` beside them.
SELECT p.state, count(*), count(*) FILTER (WHERE p.state = 'sent' AND NOT EXISTS (
    SELECT 1 FROM incidents.package_receipt AS r WHERE r.package_ref = p.package_ref AND r.level <> 'operator'))
FROM incidents.package AS p
WHERE p.incident_id = %(incident_id)s AND NOT EXISTS (
    SELECT 1 FROM incidents.package AS later
    WHERE later.incident_id = p.incident_id AND later.insurer_id = p.insurer_id AND later.number > p.number)
GROUP BY p.state;
