-- Packages: what is listed for one insurer, what it was told before, the sealed files. Roles: analyst; feeds for identities.

-- name: lock_incident
-- The facts of an incident; locked, so that no analysis changes the list while a package is made of it.
SELECT i.title, i.exercise, i.starts_ms, i.ends_ms, i.declared_at
FROM incidents.incident AS i WHERE i.incident_id = %(incident_id)s
FOR NO KEY UPDATE OF i;

-- name: list_insurers
-- Every insurer, or some: with its organisation here and how many persons of it are listed.
SELECT i.insurer_id, i.amc_number, i.name, COALESCE(o.org_ref, 0),
       count(p.person_ref) FILTER (WHERE p.tier = 'A'), count(p.person_ref) FILTER (WHERE p.tier = 'B'),
       count(p.person_ref) FILTER (WHERE p.tier = 'C')
FROM rights.insurer AS i
LEFT JOIN accounts.organisation AS o ON o.insurer_id = i.insurer_id AND o.kind = 'insurer'
LEFT JOIN incidents.exposed_person AS p ON p.insurer_id = i.insurer_id AND p.incident_id = %(incident_id)s
WHERE %(insurer_ids)s::integer[] IS NULL OR i.insurer_id = ANY (%(insurer_ids)s::integer[])
GROUP BY i.insurer_id, i.amc_number, i.name, o.org_ref
ORDER BY i.insurer_id;

-- name: list_levels
-- Who stands between the host and an insurer on a day: the hosted operators that run its tiers payant, and whoever works in
-- its space for it.
SELECT p.insurer_id, a.org_ref, a.name, CASE d.kind WHEN 'operates' THEN 'operator' ELSE 'sub_processor' END AS level
FROM accounts.mandate AS d
JOIN accounts.organisation AS p ON p.org_ref = d.principal_ref
JOIN accounts.organisation AS a ON a.org_ref = d.agent_ref
WHERE p.insurer_id IS NOT NULL AND %(day)s BETWEEN d.starts_on AND d.ends_on
  AND (d.kind = 'sub_processes' OR a.hosted_by IS NOT NULL)
ORDER BY p.insurer_id, level, a.org_ref;

-- name: list_listed
-- The persons of one insurer as the analysis found them, by reference.
SELECT p.person_ref, p.tier, p.fields, p.gained AS lost
FROM incidents.exposed_person AS p
WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.tier IN ('A', 'B', 'C')
ORDER BY p.person_ref;

-- name: find_analysis
-- The latest analysis of an incident: its number, its rules, what the record covered.
SELECT a.number, a.rules, a.coverage, a.made_at FROM incidents.analysis AS a
WHERE a.incident_id = %(incident_id)s ORDER BY a.number DESC LIMIT 1;

-- name: list_floors
-- The index of each log below which everything is older than an instant, after its signed checkpoints.
SELECT l.log_id, COALESCE((
    SELECT c.size FROM ledger.checkpoint AS c
    WHERE c.log_id = l.log_id AND c.t_ms < %(from_ms)s
    ORDER BY c.size DESC LIMIT 1
), 0) AS idx
FROM ledger.log AS l
ORDER BY l.log_id;

-- name: list_log_roots
-- The latest signed state of each log.
SELECT l.log_id, l.origin, c.size, c.root, c.t_ms, c.note
FROM ledger.log AS l
CROSS JOIN LATERAL (
    SELECT k.size, k.root, k.t_ms, k.note FROM ledger.checkpoint AS k WHERE k.log_id = l.log_id ORDER BY k.size DESC LIMIT 1
) AS c
ORDER BY l.log_id;

-- name: list_packages_of
-- The packages of one insurer about one incident, the newest first, for whoever makes them.
SELECT p.package_ref, p.number, p.basis, p.state, p.digest, p.key_ref
FROM incidents.package AS p
WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s
ORDER BY p.number DESC;

-- name: insert_package
-- A package; its files and its note come in the same transaction.
INSERT INTO incidents.package (package_ref, incident_id, insurer_id, number, basis, exercise, title, starts_ms, ends_ms,
                               conclusion, persons_a, persons_b, persons_c, fields, hidden, digest, key_ref, state, made_at)
VALUES (%(package_ref)s, %(incident_id)s, %(insurer_id)s, %(number)s, %(basis)s, %(exercise)s, %(title)s, %(starts_ms)s,
        %(ends_ms)s, %(conclusion)s, %(persons_a)s, %(persons_b)s, %(persons_c)s,
        COALESCE((SELECT bit_or(x.fields) FROM incidents.exposed_person AS x
                  WHERE x.incident_id = %(incident_id)s AND x.insurer_id = %(insurer_id)s), 0),
        %(hidden)s, %(digest)s, %(key_ref)s, %(state)s, %(made_at)s);

-- name: delete_package
-- A package that nobody was asked to send yet, replaced by another one of the same number.
DELETE FROM incidents.package WHERE package_ref = %(package_ref)s;

-- name: join_whole_lists
-- Lists are joined whole, not row by row: what was written in this transaction has no statistics, and 300 000 persons looked up
-- one by one in as many would take hours.
SELECT set_config('enable_nestloop', %(wanted)s, true);

-- name: insert_changes
-- Whom a package speaks of: who differs from what was told, by the packages sent from `first` to `basis`.
WITH told AS (
    SELECT DISTINCT ON (q.person_ref) q.person_ref, q.tier, q.fields, q.lost
    FROM incidents.package AS p
    JOIN incidents.packaged_person AS q USING (package_ref)
    WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.state = 'sent'
      AND p.number BETWEEN %(first)s AND %(basis)s
    ORDER BY q.person_ref, p.number DESC
), listed AS (
    SELECT p.person_ref, p.tier, p.fields, p.gained AS lost
    FROM incidents.exposed_person AS p
    WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.tier IN ('A', 'B', 'C')
)
INSERT INTO incidents.packaged_person (package_ref, person_ref, tier, fields, lost)
SELECT %(package_ref)s, person_ref, l.tier, COALESCE(l.fields, 0), COALESCE(l.lost, 0)
FROM listed AS l
FULL JOIN (SELECT * FROM told WHERE told.tier IS NOT NULL) AS t USING (person_ref)
WHERE (l.tier, l.fields, l.lost) IS DISTINCT FROM (t.tier, t.fields, t.lost);

-- name: list_changes
-- Whom a package speaks of, by reference, with what was told of them before.
WITH told AS (
    SELECT DISTINCT ON (q.person_ref) q.person_ref, q.tier, q.fields, q.lost
    FROM incidents.package AS p
    JOIN incidents.packaged_person AS q USING (package_ref)
    WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.state = 'sent'
      AND p.number BETWEEN %(first)s AND %(basis)s
    ORDER BY q.person_ref, p.number DESC
)
SELECT c.person_ref, c.tier, c.fields, c.lost, t.tier AS told_tier, COALESCE(t.fields, 0), COALESCE(t.lost, 0),
       COALESCE(e.lookups, 0), COALESCE(cardinality(e.sessions), 0)
FROM incidents.packaged_person AS c
LEFT JOIN told AS t ON t.person_ref = c.person_ref
LEFT JOIN incidents.exposed_person AS e
       ON e.incident_id = %(incident_id)s AND e.insurer_id = %(insurer_id)s AND e.person_ref = c.person_ref
WHERE c.package_ref = %(package_ref)s
ORDER BY c.person_ref;

-- name: list_identities
-- Sealed identities, with the insurer that states each (role feeds).
SELECT p.person_ref, p.insurer_id, p.sealed FROM identity.person AS p WHERE p.person_ref = ANY (%(person_refs)s);

-- name: list_entries_to_prove
-- Some entries of the window about the persons of one insurer, the first ones of each log, without those of the owners.
SELECT e.log_id, e.idx
FROM unnest(%(log_ids)s::smallint[], %(floors)s::bigint[]) AS f (log_id, idx)
JOIN ledger.entry AS e ON e.log_id = f.log_id AND e.idx >= f.idx
JOIN incidents.attributed_session AS s
  ON s.incident_id = %(incident_id)s AND s.session_ref = e.session_ref AND s.verdict <> 'owner'
JOIN incidents.exposed_person AS p
  ON p.incident_id = %(incident_id)s AND p.insurer_id = e.insurer_id AND p.person_ref = e.person_ref
WHERE e.account_ref IN (SELECT a.account_ref FROM incidents.suspect_account AS a WHERE a.incident_id = %(incident_id)s)
  AND e.insurer_id = %(insurer_id)s AND e.kind = 1 AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s
ORDER BY e.log_id, e.idx
LIMIT %(most)s;

-- name: insert_file
-- One sealed file of a package.
INSERT INTO incidents.package_file (package_ref, position, name, sealed, digest)
VALUES (%(package_ref)s, %(position)s, %(name)s, %(sealed)s, %(digest)s);

-- name: finish_package
-- The note of a package, once its files are there.
UPDATE incidents.package
SET note = %(note)s, files = %(files)s, bytes = %(bytes)s, changes = %(changes)s
WHERE package_ref = %(package_ref)s;

-- name: list_sealing_keys
-- The certificates of one insurer, the newest first.
SELECT k.key_ref, k.insurer_id, k.certificate, k.fingerprint, k.subject, k.starts_at, k.ends_at, k.state, k.proposed_by,
       COALESCE(a.display_name, ''), k.proposed_at, k.active_from
FROM incidents.sealing_key AS k
LEFT JOIN accounts.actor AS a ON a.actor_ref = k.proposed_by
WHERE k.insurer_id = %(insurer_id)s
ORDER BY k.proposed_at DESC, k.key_ref DESC;

-- name: list_keys_to_seal
-- The certificates of one insurer that somebody agreed to (role analyst).
SELECT k.key_ref, k.insurer_id, k.certificate, k.fingerprint, k.subject, k.starts_at, k.ends_at, k.state, k.proposed_by,
       '' AS proposed_by_name, k.proposed_at, k.active_from
FROM incidents.sealing_key AS k
WHERE k.insurer_id = %(insurer_id)s AND k.state = 'approved';

-- name: propose_key
-- A certificate given on a page; the database says whether it waits for somebody or for time.
INSERT INTO incidents.sealing_key (key_ref, insurer_id, certificate, fingerprint, subject, starts_at, ends_at, proposed_by)
VALUES (%(key_ref)s, %(insurer_id)s, %(certificate)s, %(fingerprint)s, %(subject)s, %(starts_at)s, %(ends_at)s,
        %(proposed_by)s)
ON CONFLICT DO NOTHING;

-- name: register_key
-- A certificate given to the host in person: in force at once (role analyst).
INSERT INTO incidents.sealing_key (key_ref, insurer_id, certificate, fingerprint, subject, starts_at, ends_at, state, active_from)
VALUES (%(key_ref)s, %(insurer_id)s, %(certificate)s, %(fingerprint)s, %(subject)s, %(starts_at)s, %(ends_at)s, 'approved',
        clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING key_ref;

-- name: decide_key
-- Agrees to a certificate, refuses it or takes it back.
UPDATE incidents.sealing_key SET state = %(state)s, approved_by = %(approved_by)s
WHERE key_ref = %(key_ref)s AND state = %(before)s
RETURNING key_ref;

-- name: revoke_key
-- Takes a certificate back (role analyst).
UPDATE incidents.sealing_key SET state = 'revoked', ended_at = clock_timestamp()
WHERE insurer_id = %(insurer_id)s AND fingerprint = %(fingerprint)s AND state = 'approved'
RETURNING key_ref;

-- name: find_insurer
-- Whether an insurer is registered.
SELECT i.insurer_id FROM rights.insurer AS i WHERE i.insurer_id = %(insurer_id)s;

-- name: find_insurer_by_number
-- An insurer by its AMC number.
SELECT i.insurer_id FROM rights.insurer AS i WHERE i.amc_number = %(amc_number)s;
