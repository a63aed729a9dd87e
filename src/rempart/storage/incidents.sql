-- Incidents plane (role analyst): sessions of suspect accounts, their verdicts, and the persons exposed through them.
-- Kinds 1 and 2 are look-ups (somebody found, nobody found); mode 2 is typed; verdicts are those of incidents/attribution.py.
-- Entries of suspect accounts are reached by entry_by_account, above the floors of list_floors, never by a scan of the ledger.
-- Those that left the database for sealed files were brought to recalled_lookup: an entry is in one of the two.
-- Accounts and floors are parameters, not joins: young small tables have no statistics, and the planner must not guess.

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

-- name: list_session_tallies
-- What each session of the suspect accounts did in the window and, on other rows, in the past before it. Look-ups that an
-- earlier incident found in a thief's hands are no past: a thief's ways must not become habits.
WITH spoiled AS MATERIALIZED (
    SELECT s.session_ref, i.starts_ms, i.ends_ms
    FROM incidents.attributed_session AS s
    JOIN incidents.incident AS i USING (incident_id)
    WHERE s.incident_id <> %(incident_id)s AND s.verdict <> 'owner'
      AND s.account_ref = ANY(%(account_refs)s::bigint[])
), looked AS MATERIALIZED (
    SELECT e.account_ref, e.session_ref, e.t_ms >= %(starts_ms)s AS in_window, e.t_ms, e.mode, e.person_ref,
           extract(hour FROM to_timestamp(e.t_ms / 1000) AT TIME ZONE 'Europe/Paris')::integer AS hour,
           e.t_ms - lag(e.t_ms) OVER (
               PARTITION BY e.account_ref, e.session_ref, e.t_ms >= %(starts_ms)s
               ORDER BY e.t_ms, e.log_id, e.idx
           ) AS gap_ms
    FROM (
        SELECT e.log_id, e.idx, e.kind, e.t_ms, e.account_ref, e.session_ref, e.person_ref, e.mode
        FROM unnest(%(log_ids)s::smallint[], %(floors)s::bigint[]) AS f (log_id, idx)
        JOIN ledger.entry AS e ON e.log_id = f.log_id AND e.idx >= f.idx
        UNION ALL
        SELECT r.log_id, r.idx, r.kind, r.t_ms, r.account_ref, r.session_ref, r.person_ref, r.mode
        FROM incidents.recalled_lookup AS r WHERE r.incident_id = %(incident_id)s
    ) AS e
    WHERE e.account_ref = ANY(%(account_refs)s::bigint[])
      AND e.kind IN (1, 2) AND e.t_ms >= %(past_from_ms)s AND e.t_ms < %(ends_ms)s
      AND NOT (e.t_ms < %(starts_ms)s AND EXISTS (
          SELECT FROM spoiled AS x
          WHERE x.session_ref = e.session_ref AND e.t_ms >= x.starts_ms AND e.t_ms < x.ends_ms
      ))
), faces AS MATERIALIZED (
    SELECT DISTINCT account_ref, person_ref FROM looked WHERE NOT in_window AND person_ref <> 0
), hourly AS (
    SELECT l.account_ref, l.session_ref, l.in_window, l.hour,
           count(*) AS lookups,
           count(*) FILTER (WHERE l.mode = 2) AS typed,
           count(*) FILTER (WHERE l.mode <> 2 AND l.person_ref <> 0) AS presences,
           count(*) FILTER (WHERE l.person_ref = 0) AS nobody,
           count(f.person_ref) AS known_faces,
           min(l.t_ms) AS first_ms,
           max(l.t_ms) AS last_ms,
           COALESCE(sum(l.gap_ms::numeric * l.gap_ms), 0) AS gap_squares
    FROM looked AS l
    LEFT JOIN faces AS f ON l.in_window AND f.account_ref = l.account_ref AND f.person_ref = l.person_ref
    GROUP BY l.account_ref, l.session_ref, l.in_window, l.hour
)
SELECT h.account_ref, h.session_ref, COALESCE(s.address, '') AS address, COALESCE(s.agent, '') AS agent,
       COALESCE(s.client_ref::text, '') AS key, h.in_window,
       sum(h.lookups)::bigint, sum(h.typed)::bigint, sum(h.presences)::bigint, sum(h.nobody)::bigint,
       sum(h.known_faces)::bigint, min(h.first_ms), max(h.last_ms), sum(h.gap_squares),
       jsonb_object_agg(h.hour, h.lookups) AS hours
FROM hourly AS h
LEFT JOIN ledger.session AS s ON s.session_ref = h.session_ref
GROUP BY h.account_ref, h.session_ref, s.address, s.agent, s.client_ref, h.in_window
ORDER BY h.account_ref, h.session_ref, h.in_window;

-- name: list_suspect_lookups
-- Every look-up of the suspect accounts in the window, one by one: what the brute-force answer is computed from. A canary is
-- nobody to be told.
SELECT e.account_ref, e.session_ref, e.t_ms, e.mode, e.outcome, e.insurer_id, e.person_ref, e.lookup_key, e.fields
FROM (
    SELECT e.log_id, e.idx, e.kind, e.t_ms, e.account_ref, e.session_ref, e.person_ref, e.insurer_id, e.mode, e.outcome, e.lookup_key, e.fields
    FROM unnest(%(log_ids)s::smallint[], %(floors)s::bigint[]) AS f (log_id, idx)
    JOIN ledger.entry AS e ON e.log_id = f.log_id AND e.idx >= f.idx
    UNION ALL
    SELECT r.log_id, r.idx, r.kind, r.t_ms, r.account_ref, r.session_ref, r.person_ref, r.insurer_id, r.mode, r.outcome, r.lookup_key, r.fields
    FROM incidents.recalled_lookup AS r WHERE r.incident_id = %(incident_id)s
) AS e
WHERE e.account_ref = ANY(%(account_refs)s::bigint[])
  AND e.kind IN (1, 2) AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = e.person_ref)
ORDER BY e.t_ms, e.log_id, e.idx;

-- name: copy_recalled_lookups
-- Brings look-ups from sealed files, for this transaction only.
COPY incidents.recalled_lookup (
    incident_id, log_id, idx, kind, t_ms, account_ref, session_ref, person_ref, insurer_id, mode, outcome, lookup_key, fields
) FROM STDIN;

-- name: delete_recalled_lookups
-- Takes them away again.
DELETE FROM incidents.recalled_lookup WHERE incident_id = %(incident_id)s;

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

-- name: insert_exposed_persons
-- From judged sessions to persons, in one statement; the definition is incidents/exposure.py. The entries are read once, before
-- the join: per session they would be read again and again. A canary is nobody to be told.
WITH looked AS MATERIALIZED (
    SELECT e.account_ref, e.session_ref, e.insurer_id, e.person_ref, e.mode, e.fields
    FROM (
        SELECT e.kind, e.t_ms, e.account_ref, e.session_ref, e.insurer_id, e.person_ref, e.mode, e.fields
        FROM unnest(%(log_ids)s::smallint[], %(floors)s::bigint[]) AS f (log_id, idx)
        JOIN ledger.entry AS e ON e.log_id = f.log_id AND e.idx >= f.idx
        UNION ALL
        SELECT r.kind, r.t_ms, r.account_ref, r.session_ref, r.insurer_id, r.person_ref, r.mode, r.fields
        FROM incidents.recalled_lookup AS r WHERE r.incident_id = %(incident_id)s
    ) AS e
    WHERE e.account_ref = ANY(%(account_refs)s::bigint[]) AND e.person_ref <> 0
      AND e.kind IN (1, 2) AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s
)
INSERT INTO incidents.exposed_person (incident_id, insurer_id, person_ref, analysis, tier, fields, gained, lookups, sessions)
SELECT s.incident_id, l.insurer_id, l.person_ref, %(analysis)s,
       min(CASE WHEN s.verdict = 'thief' THEN 'A' WHEN s.verdict = 'mixed' AND l.mode = 2 THEN 'B' ELSE 'C' END),
       bit_or(l.fields),
       bit_or(l.fields & ~CASE WHEN l.mode = 2 THEN %(typed_fields)s ELSE 0 END),
       count(*),
       array_agg(DISTINCT l.session_ref ORDER BY l.session_ref)
FROM looked AS l
JOIN incidents.attributed_session AS s
  ON s.incident_id = %(incident_id)s AND s.session_ref = l.session_ref AND s.account_ref = l.account_ref
WHERE NOT (s.verdict = 'owner' AND (s.is_overruled OR (s.usual_place AND l.mode <> 2)))
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = l.person_ref)
GROUP BY s.incident_id, l.insurer_id, l.person_ref;

-- name: list_exposed_persons
-- The list of an analysis, by insurer then person; only that of the last one is kept.
SELECT insurer_id, person_ref, tier, fields, gained, lookups, sessions
FROM incidents.exposed_person
WHERE incident_id = %(incident_id)s AND analysis = %(analysis)s
ORDER BY insurer_id, person_ref;

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

-- name: count_guesses
-- Look-ups of a thief that found nobody, per insurer named (0: none of ours): they make nobody exposed.
WITH looked AS MATERIALIZED (
    SELECT e.account_ref, e.session_ref, e.insurer_id, e.lookup_key
    FROM (
        SELECT e.kind, e.t_ms, e.account_ref, e.session_ref, e.insurer_id, e.person_ref, e.lookup_key
        FROM unnest(%(log_ids)s::smallint[], %(floors)s::bigint[]) AS f (log_id, idx)
        JOIN ledger.entry AS e ON e.log_id = f.log_id AND e.idx >= f.idx
        UNION ALL
        SELECT r.kind, r.t_ms, r.account_ref, r.session_ref, r.insurer_id, r.person_ref, r.lookup_key
        FROM incidents.recalled_lookup AS r WHERE r.incident_id = %(incident_id)s
    ) AS e
    WHERE e.account_ref = ANY(%(account_refs)s::bigint[]) AND e.person_ref = 0
      AND e.kind IN (1, 2) AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s
)
SELECT l.insurer_id, count(*) AS lookups, count(DISTINCT l.lookup_key) AS keys
FROM looked AS l
JOIN incidents.attributed_session AS s
  ON s.incident_id = %(incident_id)s AND s.session_ref = l.session_ref AND s.account_ref = l.account_ref
WHERE s.verdict <> 'owner'
GROUP BY l.insurer_id
ORDER BY l.insurer_id;

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
               AND (s.verdict = 'thief' OR (s.verdict = 'mixed' AND e.mode = 2)) AS attributed
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
