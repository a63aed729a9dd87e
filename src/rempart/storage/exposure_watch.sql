-- Claims of whom an incident exposed, looked at more closely. Pages: role portals, under row policies; the job: role settler.

-- name: list_watches
-- One page of the watches of the visitor's insurer, and how many there are. `persons` are those that the last package names, for who may see packages.
SELECT w.incident_id, w.title, w.exercise, w.since, w.until, w.started_at, COALESCE(a.display_name, ''), w.ended_at,
       w.examined_to, w.examined, COALESCE(last.persons, 0),
       (SELECT count(*) FROM claims.exposure_flag AS f WHERE f.incident_id = w.incident_id AND f.insurer_id = w.insurer_id),
       (SELECT count(*) FROM claims.exposure_flag AS f
        WHERE f.incident_id = w.incident_id AND f.insurer_id = w.insurer_id AND f.decision IS NULL),
       count(*) OVER () AS total
FROM claims.exposure_watch AS w
LEFT JOIN accounts.actor AS a ON a.actor_ref = w.started_by
LEFT JOIN LATERAL (
    SELECT p.persons_a + p.persons_b + p.persons_c AS persons FROM incidents.package AS p
    WHERE p.incident_id = w.incident_id AND p.insurer_id = w.insurer_id AND p.state = 'sent'
    ORDER BY p.number DESC LIMIT 1
) AS last ON true
WHERE %(sort)s::text = 'started'
ORDER BY %(direction)s::integer * extract(epoch FROM w.started_at), w.incident_id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_unwatched
-- Incidents whose packages name members of the visitor's insurer and that it does not watch, the newest first.
SELECT p.incident_id, (array_agg(p.title ORDER BY p.number DESC))[1], bool_or(p.exercise), min(p.starts_ms),
       (array_agg(p.persons_a + p.persons_b + p.persons_c ORDER BY p.number DESC))[1]
FROM incidents.package AS p
WHERE p.insurer_id = %(insurer_id)s::integer AND p.state = 'sent' AND p.conclusion = 'persons'
  AND NOT EXISTS (SELECT FROM claims.exposure_watch AS w WHERE w.incident_id = p.incident_id AND w.insurer_id = p.insurer_id)
GROUP BY p.incident_id
ORDER BY max(p.sent_at) DESC;

-- name: insert_watch
-- Begins to watch; the database says whether it is an exercise. No row: it is watched already.
INSERT INTO claims.exposure_watch (insurer_id, incident_id, since, until, started_by)
VALUES (%(insurer_id)s, %(incident_id)s, %(since)s, %(until)s, %(started_by)s)
ON CONFLICT DO NOTHING
RETURNING incident_id;

-- name: end_watch
-- Ends a watch; what was flagged waits for its decision all the same.
UPDATE claims.exposure_watch SET ended_by = %(ended_by)s
WHERE insurer_id = %(insurer_id)s AND incident_id = %(incident_id)s AND ended_at IS NULL
RETURNING incident_id;

-- name: list_flags
-- One page of the claims flagged, and how many there are; `direction` is 1 or -1. The list names nobody.
SELECT f.claim_ref, f.incident_id, w.exercise, f.points, f.reasons, f.raised_at, f.decision, f.why, COALESCE(a.display_name, ''),
       f.decided_at, c.establishment_ref, c.state, c.first_care_on, c.billed_cents, count(*) OVER () AS total
FROM claims.exposure_flag AS f
JOIN claims.exposure_watch AS w USING (insurer_id, incident_id)
JOIN claims.claim AS c USING (claim_ref)
LEFT JOIN accounts.actor AS a ON a.actor_ref = f.decided_by
WHERE (NOT %(waiting)s::boolean OR f.decision IS NULL)
  AND (%(claim_ref)s::bigint IS NULL OR f.claim_ref = %(claim_ref)s::bigint)
  AND (%(incident_id)s::bigint IS NULL OR f.incident_id = %(incident_id)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'points' THEN f.points
             WHEN 'billed' THEN c.billed_cents
             WHEN 'care' THEN c.first_care_on - '2000-01-01'::date
             WHEN 'state' THEN array_position('{received,held,rejected,adjudicated,remitted,paid,cancelled,undone}'::text[], c.state)
             ELSE extract(epoch FROM f.raised_at)
         END, f.claim_ref DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: decide_flag
-- Decides once; no row when it was decided already, or is not the visitor's.
UPDATE claims.exposure_flag SET decision = %(decision)s, why = %(why)s, decided_by = %(decided_by)s
WHERE claim_ref = %(claim_ref)s AND decision IS NULL
RETURNING claim_ref;

-- name: list_running
-- The job: watches that run, and the number of the last package that was sent.
SELECT w.insurer_id, w.incident_id, w.since, w.examined_to, w.examined_number, last.number
FROM claims.exposure_watch AS w
CROSS JOIN LATERAL (
    SELECT max(p.number) AS number FROM incidents.package AS p
    WHERE p.incident_id = w.incident_id AND p.insurer_id = w.insurer_id AND p.state = 'sent'
) AS last
WHERE w.ended_at IS NULL AND %(today)s::date <= w.until AND last.number IS NOT NULL
ORDER BY w.insurer_id, w.incident_id;

-- name: list_watched_claims
-- The job: claims received in an interval, of persons whom the last row about them still names, that are not flagged; in the order they
-- came, after one of them.
SELECT c.received_at, c.claim_ref, c.person_ref, c.establishment_ref, left(place.postcode, CASE WHEN place.postcode LIKE '97%%' THEN 3 ELSE 2 END),
       c.first_care_on, c.billed_cents,
       c.engagement_log IS NOT NULL OR c.pec_number IS NOT NULL OR c.by_card AS is_checked,
       EXISTS (SELECT FROM incidents.suspect_account AS s
               WHERE s.incident_id = %(incident_id)s::bigint AND s.account_ref = c.account_ref) AS by_suspect
FROM claims.claim AS c
LEFT JOIN accounts.establishment AS place ON place.establishment_ref = c.establishment_ref
CROSS JOIN LATERAL (
    SELECT x.tier FROM incidents.package AS p JOIN incidents.packaged_person AS x ON x.package_ref = p.package_ref
    WHERE p.incident_id = %(incident_id)s::bigint AND p.insurer_id = c.insurer_id AND p.state = 'sent' AND x.person_ref = c.person_ref
      AND p.number >= (SELECT incidents.find_whole(%(incident_id)s::bigint, %(insurer_id)s::integer))
    ORDER BY p.number DESC LIMIT 1
) AS told
WHERE c.insurer_id = %(insurer_id)s::integer AND c.person_ref <> 0 AND told.tier IS NOT NULL
  AND c.received_at >= %(since)s AND c.received_at < %(until)s
  AND (c.received_at, c.claim_ref) > (%(after_at)s, %(after_ref)s::bigint)
  AND c.state NOT IN ('rejected', 'cancelled', 'undone')
  AND NOT EXISTS (SELECT FROM claims.exposure_flag AS f WHERE f.claim_ref = c.claim_ref)
ORDER BY c.received_at, c.claim_ref
LIMIT %(limit)s::bigint;

-- name: list_past_care
-- The job: claims of some persons over their usual past, those that were taken back excepted.
SELECT c.person_ref, c.claim_ref, c.establishment_ref, left(place.postcode, CASE WHEN place.postcode LIKE '97%%' THEN 3 ELSE 2 END),
       c.first_care_on, c.billed_cents
FROM claims.claim AS c LEFT JOIN accounts.establishment AS place ON place.establishment_ref = c.establishment_ref
WHERE c.person_ref = ANY (%(person_refs)s::bigint[]) AND c.first_care_on >= %(since)s::date
  AND c.state NOT IN ('rejected', 'cancelled', 'undone');

-- name: insert_flag
-- The job: flags a claim, once.
INSERT INTO claims.exposure_flag (claim_ref, insurer_id, incident_id, points, reasons)
VALUES (%(claim_ref)s, %(insurer_id)s, %(incident_id)s, %(points)s, %(reasons)s)
ON CONFLICT (claim_ref) DO NOTHING;

-- name: note_examined
-- The job: how far a watch has looked, against which package, at how many claims more; another package starts the count again.
UPDATE claims.exposure_watch
SET examined_to = %(examined_to)s, examined_number = %(number)s, 
    examined = CASE WHEN examined_number = %(number)s THEN examined ELSE 0 END + %(examined)s::bigint
WHERE insurer_id = %(insurer_id)s AND incident_id = %(incident_id)s;
