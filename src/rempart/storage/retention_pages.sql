-- What the host's pages show of runs (psycopg: role portals; the visitor's ticket decides).

-- name: list_runs
-- One page of runs, or one of them, with names and how many there are; `direction` is 1 or -1, by `sort`.
SELECT r.run_id, r.origin, r.day, r.state, r.items, r.people, r.done, r.started_at, r.planned_at, r.routine,
       COALESCE(f.display_name, ''), r.first_by, r.first_at, COALESCE(s.display_name, ''), r.second_at, COALESCE(n.display_name, ''),
       r.reason, r.ended_at, r.certificate, count(*) OVER () AS total
FROM retention.run AS r
LEFT JOIN accounts.actor AS f ON f.actor_ref = r.first_by
LEFT JOIN accounts.actor AS s ON s.actor_ref = r.second_by
LEFT JOIN accounts.actor AS n ON n.actor_ref = r.refused_by
WHERE %(run_id)s::bigint IS NULL OR r.run_id = %(run_id)s::bigint
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'day' THEN r.day - date '2000-01-01'
             WHEN 'people' THEN r.people
             WHEN 'state' THEN array_position('{planning,planned,approved,running,done,refused}'::text[], r.state)
             ELSE r.run_id
         END, r.run_id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_tally
-- A run in figures, with the names of insurers.
SELECT t.insurer_id, COALESCE(i.name, ''), t.field, t.step, t.rule, t.held_by, t.planned, t.oldest, t.done, t.kept
FROM retention.tally AS t LEFT JOIN rights.insurer AS i USING (insurer_id)
WHERE t.run_id = %(run_id)s ORDER BY i.name, t.insurer_id, t.step, t.field, t.rule, t.held_by;
