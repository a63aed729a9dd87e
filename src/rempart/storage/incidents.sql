-- Incidents plane (role analyst): sessions of suspect accounts, their verdicts, and the persons exposed through them.
-- Kinds 1 and 2 are look-ups (somebody found, nobody found); mode 2 is typed, 6 reads a claim; verdicts are those of incidents/attribution.py.
-- The look-ups themselves are read by suspect_lookups.sql, and from sealed files; embedded/incident_lookups.sql makes the list.

-- name: insert_incident
-- Opens an incident; the instant of declaration is the database's.
INSERT INTO incidents.incident (title, exercise, starts_ms, ends_ms)
VALUES (%(title)s, %(exercise)s, %(starts_ms)s, %(ends_ms)s)
RETURNING incident_id;

-- name: insert_suspect_accounts
-- The accounts under suspicion; an account named twice is one account.
INSERT INTO incidents.suspect_account (incident_id, account_ref)
SELECT %(incident_id)s, p.account_ref
FROM accounts.professional AS p
WHERE p.account_ref = ANY(%(account_refs)s)
RETURNING account_ref;

-- name: find_incident
-- One incident and its suspect accounts; locked, so that two analyses of it do not mix their rows. Its timeline goes on.
SELECT i.starts_ms, i.ends_ms, ARRAY(
    SELECT a.account_ref FROM incidents.suspect_account AS a
    WHERE a.incident_id = i.incident_id ORDER BY a.account_ref
) AS account_refs
FROM incidents.incident AS i
WHERE i.incident_id = %(incident_id)s
FOR NO KEY UPDATE OF i;

-- name: list_floors
-- The index of each log below which everything is older than an instant, after its signed checkpoints.
SELECT l.log_id, COALESCE((
    SELECT c.size FROM ledger.checkpoint AS c
    WHERE c.log_id = l.log_id AND c.t_ms < %(from_ms)s
    ORDER BY c.size DESC LIMIT 1
), 0) AS idx
FROM ledger.log AS l
ORDER BY l.log_id;

-- name: delete_verdicts
-- An analysis replaces the one before it: its verdicts.
DELETE FROM incidents.attributed_session WHERE incident_id = %(incident_id)s;

-- name: delete_former_persons
-- Once compared, the list of the analysis before goes.
DELETE FROM incidents.exposed_person WHERE incident_id = %(incident_id)s AND analysis <> %(analysis)s;

-- name: insert_verdict
-- One session's verdict and its reasons.
INSERT INTO incidents.attributed_session (incident_id, session_ref, account_ref, verdict, reasons, usual_place, is_overruled)
VALUES (%(incident_id)s, %(session_ref)s, %(account_ref)s, %(verdict)s, %(reasons)s, %(usual_place)s, %(is_overruled)s);

-- name: list_exposed_persons
-- The list of an analysis, by insurer then person; only that of the last one is kept.
SELECT insurer_id, person_ref, tier, fields, gained, lookups, sessions
FROM incidents.exposed_person
WHERE incident_id = %(incident_id)s AND analysis = %(analysis)s
ORDER BY insurer_id, person_ref;

-- name: find_exposed
-- What the list says of some persons, of one insurer each.
SELECT x.insurer_id, x.person_ref, x.tier, x.fields
FROM unnest(%(insurer_ids)s::integer[], %(refs)s::bigint[]) AS one (insurer_id, person_ref)
JOIN incidents.exposed_person AS x USING (insurer_id, person_ref)
WHERE x.incident_id = %(incident_id)s;

-- name: insert_changes
-- What this list changes of the one before, both being there; the definition is incidents/changes.py.
INSERT INTO incidents.exposure_change (
    incident_id, number, insurer_id, person_ref, change, tier_before, tier_after, fields_before, fields_after)
SELECT %(incident_id)s, %(analysis)s, insurer_id, person_ref,
       CASE WHEN b.tier IS NULL THEN 'added'
            WHEN a.tier IS NULL THEN 'removed'
            WHEN a.tier < b.tier OR (a.tier = b.tier AND a.fields & ~b.fields <> 0) THEN 'raised'
            ELSE 'lowered' END,
       b.tier, a.tier, COALESCE(b.fields, 0), COALESCE(a.fields, 0)
FROM (SELECT insurer_id, person_ref, tier, fields FROM incidents.exposed_person
      WHERE incident_id = %(incident_id)s AND analysis = %(analysis)s) AS a
FULL JOIN (SELECT insurer_id, person_ref, tier, fields FROM incidents.exposed_person
           WHERE incident_id = %(incident_id)s AND analysis <> %(analysis)s) AS b USING (insurer_id, person_ref)
WHERE a.tier IS DISTINCT FROM b.tier OR a.fields IS DISTINCT FROM b.fields;

-- name: list_incident_rows
-- Every incident, the newest first, with how many accounts, persons by tier and analyses.
SELECT i.incident_id, i.title, i.exercise, i.declared_at, i.starts_ms, i.ends_ms,
       (SELECT count(*) FROM incidents.suspect_account AS s WHERE s.incident_id = i.incident_id),
       (SELECT count(*) FROM incidents.exposed_person AS x WHERE x.incident_id = i.incident_id AND x.tier = 'A'),
       (SELECT count(*) FROM incidents.exposed_person AS x WHERE x.incident_id = i.incident_id AND x.tier = 'B'),
       (SELECT count(*) FROM incidents.exposed_person AS x WHERE x.incident_id = i.incident_id AND x.tier = 'C'),
       (SELECT max(a.number) FROM incidents.analysis AS a WHERE a.incident_id = i.incident_id)
FROM incidents.incident AS i
ORDER BY i.incident_id DESC;

-- name: save_answer
-- Notes when the answer was found and adds to the report; other parts of the report stay.
UPDATE incidents.incident
SET answered_at = clock_timestamp(), report = report || %(report)s
WHERE incident_id = %(incident_id)s
RETURNING declared_at, answered_at;

-- name: save_report
-- Adds to the report of an incident; other parts of it stay.
UPDATE incidents.incident SET report = report || %(report)s WHERE incident_id = %(incident_id)s;

-- name: count_timeline
-- Look-ups of everybody, of those in the database, per slice of time: those held to be the owners', and those held to be a thief's.
WITH judged AS (
    SELECT e.t_ms,
           s.session_ref IS NOT NULL AND e.t_ms >= i.starts_ms AND e.t_ms < i.ends_ms
               AND (s.verdict = 'thief' OR (s.verdict = 'mixed' AND e.mode IN (2, 6))) AS attributed
    FROM unnest(%(log_ids)s::smallint[], %(floors)s::bigint[]) AS f (log_id, idx)
    JOIN ledger.entry AS e ON e.log_id = f.log_id AND e.idx >= f.idx
    JOIN incidents.incident AS i ON i.incident_id = %(incident_id)s
    LEFT JOIN incidents.attributed_session AS s
      ON s.incident_id = i.incident_id AND s.session_ref = e.session_ref
    WHERE e.kind IN (1, 2) AND e.t_ms >= %(from_ms)s AND e.t_ms < %(to_ms)s
)
SELECT (t_ms - %(from_ms)s) / %(slice_ms)s AS slice,
       count(*) FILTER (WHERE NOT attributed) AS lawful,
       count(*) FILTER (WHERE attributed) AS attributed
FROM judged
GROUP BY slice
ORDER BY slice;

-- name: list_insurers
-- The insurers' names, for reports.
SELECT insurer_id, name FROM rights.insurer ORDER BY insurer_id;

-- name: find_persons
-- Whom given keys find today: lets an exercise turn what its robots sent into references.
SELECT k.lookup_key, k.person_ref, c.insurer_id
FROM rights.lookup AS k
CROSS JOIN LATERAL (
    SELECT insurer_id FROM rights.coverage WHERE person_ref = k.person_ref LIMIT 1
) AS c
WHERE k.lookup_key = ANY(%(lookup_keys)s);
