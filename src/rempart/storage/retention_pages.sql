-- What the host's pages show of runs (psycopg: role portals; the visitor's ticket decides).

-- name: list_runs
-- One page of runs, or one of them, with names and how many there are; `direction` is 1 or -1, by `sort`.
SELECT r.run_id, r.origin, r.day, r.state, r.items, r.people, r.done, r.started_at, r.planned_at, r.routine,
       COALESCE(f.display_name, ''), r.first_by, r.first_at, COALESCE(s.display_name, ''), r.second_at, COALESCE(n.display_name, ''),
       r.reason, r.ended_at, r.certificate, r.signed_by, r.preview, count(*) OVER () AS total
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

-- name: list_holds
-- One page of what holds data back, or one of them: holds of data, then windows of evidence of the host; how many lines of the last plan
-- each retains. `what` is data or window; `direction` is 1 or -1, by `sort`.
WITH one AS (
    SELECT 'data' AS what, h.hold_ref, h.kind, h.insurer_id, COALESCE(i.name, '') AS insurer_name, h.people, h.fields, h.reason,
           COALESCE(p.display_name, '') AS placed_by, h.placed_at, COALESCE(r.display_name, '') AS released_by, h.released_at,
           COALESCE(h.release_reason, '') AS release_reason, h.kind || ' ' || h.hold_ref AS name
    FROM retention.data_hold AS h
    LEFT JOIN rights.insurer AS i USING (insurer_id)
    LEFT JOIN accounts.actor AS p ON p.actor_ref = h.placed_by
    LEFT JOIN accounts.actor AS r ON r.actor_ref = h.released_by
    UNION ALL
    SELECT 'window', h.hold_ref, h.kind, NULL, '', NULL, '{}', h.reason, h.placed_by, h.placed_at, COALESCE(h.released_by, ''),
           h.released_at, COALESCE(h.release_reason, ''), 'evidence ' || h.hold_ref
    FROM retention.hold AS h WHERE NOT h.exercise
)
SELECT one.what, one.hold_ref, one.kind, one.insurer_id, one.insurer_name, one.people, one.fields, one.reason, one.placed_by, one.placed_at,
       one.released_by, one.released_at, one.release_reason,
       COALESCE((SELECT sum(t.planned) FROM retention.tally AS t
                 WHERE one.released_at IS NULL AND t.held_by = one.name
                   AND t.run_id = (SELECT max(l.run_id) FROM retention.tally AS l WHERE l.held_by = one.name)), 0)::bigint AS lines,
       count(*) OVER () AS total
FROM one
WHERE (%(what)s::text IS NULL OR one.what = %(what)s::text) AND (%(hold_ref)s::bigint IS NULL OR one.hold_ref = %(hold_ref)s::bigint)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'kind' THEN array_position('{judicial,dispute,restriction,incident,request}'::text[], one.kind)
             WHEN 'state' THEN CASE WHEN one.released_at IS NULL THEN 1 ELSE 0 END
             ELSE 0
         END, CASE WHEN %(sort)s::text = 'placed' THEN %(direction)s::integer ELSE -1 END * extract(epoch FROM one.placed_at), one.hold_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_retained
-- What a hold keeps of the last plan that met it, by field and rule: how many lines and since when they were due.
SELECT t.field, t.rule, sum(t.planned)::bigint, min(t.oldest)
FROM retention.tally AS t
WHERE t.held_by = %(name)s AND t.run_id = (SELECT max(l.run_id) FROM retention.tally AS l WHERE l.held_by = %(name)s)
GROUP BY t.field, t.rule ORDER BY t.field, t.rule;

-- name: list_backups
-- One page of backups; `direction` is 1 or -1, by `sort`.
SELECT b.backup, b.made_at, b.bytes, b.program, b.purge, b.kept_until, b.verified_at, b.tried_at, b.tried_s, b.tried_purges, b.removed_at,
       count(*) OVER () AS total
FROM retention.backup AS b
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'bytes' THEN b.bytes::numeric
             WHEN 'until' THEN (b.kept_until - date '2000-01-01')::numeric
             ELSE extract(epoch FROM b.made_at)
         END, b.backup
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: read_backup_facts
-- What warnings are made of: the newest backup that is kept, the last one restored to try, how far purges go.
SELECT max(b.made_at) FILTER (WHERE b.removed_at IS NULL), max(b.tried_at), count(*) FILTER (WHERE b.removed_at IS NULL),
       min(b.kept_until) FILTER (WHERE b.removed_at IS NULL), retention.read_last_purge()
FROM retention.backup AS b;

-- name: list_restorations
-- When this base was restored, the last time first, and what was erased again before it opened.
SELECT r.restored_at, r.backup, r.made_at, r.purges_from, r.purges_to, r.payments_compared_at, r.number, r.certificate, r.signed_by
FROM retention.restoration AS r ORDER BY r.restored_at DESC;
