-- Runs of retention: their plan, their lines, what left, their figures (psycopg: role keeper; approvals: portals too).

-- name: open_run
-- Begin a run; none when another of what is due is under way.
INSERT INTO retention.run (origin, request_ref, day, schedule) VALUES (%(origin)s, %(request_ref)s, %(day)s, %(schedule)s)
ON CONFLICT DO NOTHING
RETURNING run_id;

-- name: find_open_run
-- The run of what is due that is under way, if any.
SELECT run_id FROM retention.run WHERE origin = 'due' AND state IN ('planning', 'planned', 'approved', 'running');

-- name: load_run
-- A run as it stands.
SELECT run_id, origin, day, schedule, state, stage, after, items, people, done, first_by, first_at, second_by, second_at, routine
FROM retention.run WHERE run_id = %(run_id)s;

-- name: lock_run
-- The same, nobody else changing it.
SELECT run_id, origin, day, schedule, state, stage, after, items, people, done, first_by, first_at, second_by, second_at, routine
FROM retention.run WHERE run_id = %(run_id)s FOR UPDATE;

-- name: add_items
-- Lines of a plan. (COPY does not know row-level security.)
INSERT INTO retention.item (run_id, number, insurer_id, person_ref, subject, field, step, rule, last_day, held_by, state)
SELECT %(run_id)s, %(first)s::bigint + one.place, one.insurer_id, one.person_ref, one.subject, one.field, one.step, one.rule, one.last_day,
       one.held_by, CASE one.held_by WHEN '' THEN 'due' ELSE 'held' END
FROM unnest(%(insurer_ids)s::integer[], %(persons)s::bigint[], %(refs)s::bigint[], %(fields)s::text[], %(steps)s::text[],
            %(rules)s::text[], %(last_days)s::date[], %(held_by)s::text[])
     WITH ORDINALITY AS one (insurer_id, person_ref, subject, field, step, rule, last_day, held_by, place);

-- name: advance_plan
-- How far a plan is, in the transaction that wrote its lines.
UPDATE retention.run SET stage = %(stage)s, after = %(after)s, items = items + %(items)s, people = people + %(people)s
WHERE run_id = %(run_id)s AND state = 'planning';

-- name: count_plan
-- The lines of a complete plan, in figures.
INSERT INTO retention.tally (run_id, insurer_id, field, step, rule, held_by, planned, oldest)
SELECT run_id, insurer_id, field, step, rule, held_by, count(*), min(last_day)
FROM retention.item WHERE run_id = %(run_id)s GROUP BY run_id, insurer_id, field, step, rule, held_by;

-- name: preview_plan
-- What those who decide look at: lines by year and step, and the lines of a few people from one end to the other, without references.
WITH line AS NOT MATERIALIZED (
    SELECT number, insurer_id, person_ref, field, CASE WHEN held_by = '' THEN step ELSE 'held' END AS step, rule, last_day, held_by
    FROM retention.item WHERE run_id = %(run_id)s
), counted AS (
    SELECT date_part('year', last_day)::integer AS year, step, count(*) AS lines FROM line GROUP BY 1, 2
), chosen AS (
    SELECT person_ref, row_number() OVER (ORDER BY min(number)) AS place FROM line
    WHERE number IN (SELECT 1 + (r.items - 1) * part / 5 FROM retention.run AS r, generate_series(0, 5) AS part
                     WHERE r.run_id = %(run_id)s)
    GROUP BY person_ref
), sample AS (
    SELECT c.place, l.insurer_id, l.field, l.step, l.rule, l.held_by, min(l.last_day) AS last_day, count(*) AS lines
    FROM chosen AS c JOIN line AS l USING (person_ref) GROUP BY c.place, l.insurer_id, l.field, l.step, l.rule, l.held_by
)
UPDATE retention.run SET preview = jsonb_build_object(
    'years', (SELECT COALESCE(jsonb_agg(jsonb_build_array(year, step, lines) ORDER BY year NULLS FIRST, step), '[]') FROM counted),
    'samples', (SELECT COALESCE(jsonb_agg(to_jsonb(sample) ORDER BY place, step, field, rule), '[]') FROM sample))
WHERE run_id = %(run_id)s;

-- name: end_plan
-- A plan is complete.
UPDATE retention.run SET state = %(state)s, routine = %(routine)s, planned_at = clock_timestamp()
WHERE run_id = %(run_id)s AND state = 'planning';

-- name: note_held
-- An erasure that was asked for, of which something is held.
INSERT INTO retention.held_erasure (request_ref) VALUES (%(request_ref)s) ON CONFLICT DO NOTHING;

-- name: note_held_of_run
-- The same, of a run that met a hold on its way.
INSERT INTO retention.held_erasure (request_ref)
SELECT r.request_ref FROM retention.run AS r
WHERE r.run_id = %(run_id)s AND r.origin = 'request'
  AND EXISTS (SELECT FROM retention.item AS i WHERE i.run_id = r.run_id AND i.state = 'held')
ON CONFLICT DO NOTHING;

-- name: list_held
-- Erasures of which something was held, but for those whose run is under way.
SELECT h.request_ref FROM retention.held_erasure AS h
WHERE NOT EXISTS (SELECT FROM retention.run AS r
                  WHERE r.request_ref = h.request_ref AND r.state IN ('planning', 'planned', 'approved', 'running'))
ORDER BY h.since, h.request_ref;

-- name: take_held
-- One of them is looked at again, unless two people refused it since.
DELETE FROM retention.held_erasure AS h WHERE h.request_ref = %(request_ref)s
RETURNING NOT EXISTS (SELECT FROM retention.run AS r
                      WHERE r.request_ref = h.request_ref AND r.state = 'refused' AND r.started_at >= h.since);

-- name: drop_items
-- The lines of a run, which name references: gone once it is over.
DELETE FROM retention.item WHERE run_id = %(run_id)s;

-- name: forget_refused
-- The lines of runs that were refused, and what was shown of a few people: nobody decides on them any more.
WITH refused AS (
    UPDATE retention.run SET preview = preview - 'samples' WHERE state = 'refused' AND preview ? 'samples' RETURNING run_id
)
DELETE FROM retention.item AS i USING refused AS r WHERE i.run_id = r.run_id;

-- name: drop_run
-- A plan that found nothing due.
DELETE FROM retention.run WHERE run_id = %(run_id)s AND state = 'planning' AND items = 0;

-- name: save_approval
-- Somebody agreed.
UPDATE retention.run
SET state = %(state)s, first_by = CASE WHEN first_at IS NULL THEN %(by)s ELSE first_by END,
    second_by = CASE WHEN first_at IS NULL THEN second_by ELSE %(by)s END
WHERE run_id = %(run_id)s AND state = 'planned';

-- name: stamp_approval
-- The same from the command line, which writes the hour too.
UPDATE retention.run
SET state = %(state)s, first_at = COALESCE(first_at, clock_timestamp()),
    second_at = CASE WHEN %(state)s::text = 'approved' THEN clock_timestamp() END
WHERE run_id = %(run_id)s AND state = 'planned';

-- name: save_refusal
-- Somebody said no.
UPDATE retention.run SET state = 'refused', refused_by = %(by)s, reason = %(reason)s
WHERE run_id = %(run_id)s AND state = 'planned';

-- name: start_run
-- An approved run begins, or goes on.
UPDATE retention.run SET state = 'running' WHERE run_id = %(run_id)s AND state IN ('approved', 'running') RETURNING run_id;

-- name: next_items
-- The next lines to do.
SELECT number, insurer_id, person_ref, subject, field, step, rule, last_day
FROM retention.item WHERE run_id = %(run_id)s AND state = 'due' ORDER BY number LIMIT %(most)s;

-- name: settle_items
-- Lines that were looked at again and are not due any more, or are held now; their figures.
WITH settled AS (
    UPDATE retention.item AS i SET state = CASE one.held_by WHEN '' THEN 'kept' ELSE 'held' END, held_by = one.held_by
    FROM unnest(%(numbers)s::bigint[], %(held_by)s::text[]) AS one (number, held_by)
    WHERE i.run_id = %(run_id)s AND i.number = one.number AND i.state = 'due'
    RETURNING i.insurer_id, i.field, i.step, i.rule
), counted AS (
    SELECT insurer_id, field, step, rule, count(*) AS n FROM settled GROUP BY insurer_id, field, step, rule
)
UPDATE retention.tally AS t SET kept = t.kept + c.n
FROM counted AS c
WHERE t.run_id = %(run_id)s AND (t.insurer_id, t.field, t.step, t.rule, t.held_by) = (c.insurer_id, c.field, c.step, c.rule, '');

-- name: add_gone
-- What left, once for each run; its lines are done; its figures.
WITH known AS MATERIALIZED (
    SELECT k.person_ref, array_agg(k.digest) AS digests
    FROM unnest(%(known)s::bigint[], %(digests)s::uuid[]) AS k (person_ref, digest) GROUP BY k.person_ref
), leaving AS (
    INSERT INTO retention.gone (run_id, insurer_id, person_ref, field, subject, step, day, known_by)
    SELECT %(run_id)s, one.insurer_id, one.person_ref, %(field)s, one.subject, %(step)s, %(day)s,
           COALESCE(k.digests, '{}')
    FROM unnest(%(insurer_ids)s::integer[], %(persons)s::bigint[], %(refs)s::bigint[]) AS one (insurer_id, person_ref, subject)
    LEFT JOIN known AS k USING (person_ref)
    ON CONFLICT (run_id, subject, field, step) DO NOTHING
    RETURNING subject
), settled AS (
    UPDATE retention.item AS i SET state = 'done'
    WHERE i.run_id = %(run_id)s AND i.field = %(field)s AND i.subject = ANY (%(refs)s::bigint[]) AND i.state = 'due'
    RETURNING i.insurer_id, i.field, i.step, i.rule
), counted AS (
    SELECT insurer_id, field, step, rule, count(*) AS n FROM settled GROUP BY insurer_id, field, step, rule
), told AS (
    UPDATE retention.tally AS t SET done = t.done + c.n
    FROM counted AS c
    WHERE t.run_id = %(run_id)s AND (t.insurer_id, t.field, t.step, t.rule, t.held_by) = (c.insurer_id, c.field, c.step, c.rule, '')
), moved AS (
    UPDATE retention.run AS r SET done = r.done + (SELECT count(*) FROM settled) WHERE r.run_id = %(run_id)s
)
SELECT count(*) FROM leaving;

-- name: list_gone
-- What left in a run, in order.
SELECT number, run_id, insurer_id, person_ref, field, subject, step, day FROM retention.gone
WHERE run_id = %(run_id)s ORDER BY number;

-- name: end_run
-- A run is done, and certified; what it was like for a few people is shown no more.
UPDATE retention.run SET state = 'done', ended_at = clock_timestamp(), certificate = %(certificate)s, signed_by = %(signed_by)s,
       preview = preview - 'samples'
WHERE run_id = %(run_id)s AND state = 'running';

-- name: load_certificate
-- The signed certificate of a run that is done.
SELECT certificate FROM retention.run WHERE run_id = %(run_id)s AND state = 'done';

-- name: list_tally
-- A run in figures.
SELECT insurer_id, field, step, rule, held_by, planned, oldest, done, kept FROM retention.tally
WHERE run_id = %(run_id)s ORDER BY insurer_id, field, step, rule, held_by;

-- name: load_schedule
-- The schedule in force, once two people approved one.
SELECT content, decided_at FROM retention.read_schedule();

-- name: load_schedule_by_digest
-- The schedule a run follows.
SELECT content FROM retention.schedule WHERE digest = %(digest)s LIMIT 1;

-- name: read_clock
-- The instant that decides.
SELECT clock_timestamp();
