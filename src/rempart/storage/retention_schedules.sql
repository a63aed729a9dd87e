-- Schedules of retention: proposed, tried, decided (psycopg: roles portals and keeper).

-- name: save_schedule
-- Propose one; the database writes when.
INSERT INTO retention.schedule (schedule_ref, content, digest, note, proposed_by)
VALUES (%(schedule_ref)s, %(content)s, %(digest)s, %(note)s, %(proposed_by)s);

-- name: load_schedule
-- One, as who decides reads it.
SELECT s.schedule_ref, s.content, s.note, s.state, s.proposed_by, s.proposed_at, s.decided_by, s.decided_at, s.effect, s.tried_on
FROM retention.schedule AS s WHERE s.schedule_ref = %(schedule_ref)s;

-- name: list_schedules
-- All of them, the newest first.
SELECT s.schedule_ref, s.content, s.note, s.state, s.proposed_by, s.proposed_at, s.decided_by, s.decided_at, s.effect, s.tried_on
FROM retention.schedule AS s ORDER BY s.proposed_at DESC, s.schedule_ref LIMIT 100;

-- name: decide
-- Approve, refuse or withdraw one that nobody decided.
UPDATE retention.schedule SET state = %(state)s, decided_by = %(decided_by)s
WHERE schedule_ref = %(schedule_ref)s AND state = 'proposed';

-- name: save_effect
-- What it would do.
UPDATE retention.schedule SET effect = %(effect)s, tried_on = %(day)s
WHERE schedule_ref = %(schedule_ref)s AND state = 'proposed';
