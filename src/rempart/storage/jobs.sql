-- Jobs (psycopg: role worker; role portals and whoever else may ask, through the functions of the schema).

-- name: enqueue
-- Ask for a job in this transaction; the one that waits already, when it is the same.
SELECT jobs.enqueue(%(kind)s::text, %(arguments)s::jsonb);

-- name: list_page
-- One page of the jobs, sorted; `direction` is 1 or -1, by `sort`; the last column counts them.
SELECT j.job_id, j.kind, j.queue, j.arguments, j.state, j.cancelling, j.tries, j.due_at, j.asked_at, j.started_at, j.ended_at,
       j.late_s, j.outcome, j.code, j.reason, j.done, j.total, j.unit, j.note, count(*) OVER ()
FROM jobs.read_jobs() AS j
WHERE (%(state)s::text IS NULL OR j.state = %(state)s::text)
  AND (%(kind)s::text IS NULL OR j.kind = %(kind)s::text)
ORDER BY CASE %(sort)s::text
             WHEN 'job' THEN j.job_id
             WHEN 'tries' THEN j.tries
             WHEN 'since' THEN extract(epoch FROM COALESCE(j.started_at, j.due_at, j.asked_at))::bigint
         END * %(direction)s::bigint,
         CASE WHEN %(direction)s::bigint = 1 THEN CASE %(sort)s::text WHEN 'kind' THEN j.kind WHEN 'state' THEN j.state END END,
         CASE WHEN %(direction)s::bigint = -1 THEN CASE %(sort)s::text WHEN 'kind' THEN j.kind WHEN 'state' THEN j.state END END
             DESC,
         j.job_id DESC
LIMIT %(limit)s OFFSET %(offset)s;

-- name: load_job
-- One job, in the order of a page.
SELECT j.job_id, j.kind, j.queue, j.arguments, j.state, j.cancelling, j.tries, j.due_at, j.asked_at, j.started_at, j.ended_at,
       j.late_s, j.outcome, j.code, j.reason, j.done, j.total, j.unit, j.note
FROM jobs.read_jobs() AS j WHERE j.job_id = %(job_id)s;

-- name: find_latest
-- The newest job of a kind about the same thing, in the order of a page.
SELECT j.job_id, j.kind, j.queue, j.arguments, j.state, j.cancelling, j.tries, j.due_at, j.asked_at, j.started_at, j.ended_at,
       j.late_s, j.outcome, j.code, j.reason, j.done, j.total, j.unit, j.note
FROM jobs.read_jobs() AS j
WHERE j.kind = %(kind)s AND j.arguments = %(arguments)s::jsonb ORDER BY j.job_id DESC LIMIT 1;

-- name: list_attempts
-- Each time a job was taken up, the first one first.
SELECT number, started_at, ended_at, late_s, outcome, code, reason FROM jobs.read_attempts(%(job_id)s) ORDER BY number;

-- name: list_schedule
-- Every kind of job, and when it last ran.
SELECT kind, queue, cron, lacks, last_started, last_ended FROM jobs.read_schedule() ORDER BY kind;

-- name: retry_job
-- Have a job that failed or was stopped taken up again.
SELECT jobs.retry(%(job_id)s);

-- name: cancel_job
-- Have a job that waits never begin, and one that runs end where it can.
SELECT jobs.cancel(%(job_id)s);

-- name: read_pulse
-- When a worker was last heard of, and whether that is lately, by the database's clock.
SELECT p.pulse, COALESCE(p.pulse > clock_timestamp() - %(silent)s::interval, false) FROM jobs.read_pulse() AS p (pulse);

-- name: begin_attempt
-- A job is taken up: what an earlier attempt left open ended with its process.
WITH dead AS (
    UPDATE jobs.attempt SET ended_at = clock_timestamp(), outcome = 'died' WHERE job_id = %(job_id)s AND ended_at IS NULL
)
INSERT INTO jobs.attempt (job_id, number, started_at, late_s)
SELECT %(job_id)s, COALESCE(max(number), 0) + 1, %(started_at)s, %(late_s)s FROM jobs.attempt WHERE job_id = %(job_id)s
RETURNING number;

-- name: end_attempt
-- What came of an attempt.
UPDATE jobs.attempt SET ended_at = clock_timestamp(), outcome = %(outcome)s, code = %(code)s, reason = %(reason)s
WHERE job_id = %(job_id)s AND number = %(number)s AND ended_at IS NULL;

-- name: save_progress
-- How far a job is.
INSERT INTO jobs.progress AS p (job_id, done, total, unit, note)
VALUES (%(job_id)s, %(done)s, %(total)s, %(unit)s, %(note)s)
ON CONFLICT (job_id) DO UPDATE
SET done = EXCLUDED.done, total = EXCLUDED.total, unit = EXCLUDED.unit, note = EXCLUDED.note, updated_at = clock_timestamp();

-- name: load_asker
-- Who asked for a job; nobody for one that is due by itself.
SELECT asked_by FROM jobs.progress WHERE job_id = %(job_id)s;

-- name: load_name
-- What colleagues call the account that asked (role registrar).
SELECT display_name FROM accounts.actor WHERE actor_ref = %(actor_ref)s;

-- name: save_schedule
-- When a kind runs by itself here.
INSERT INTO jobs.schedule (kind, cron, lacks) VALUES (%(kind)s, %(cron)s, %(lacks)s)
ON CONFLICT (kind) DO UPDATE SET cron = EXCLUDED.cron, lacks = EXCLUDED.lacks;

-- name: note_run
-- A kind ran to its end.
INSERT INTO jobs.schedule (kind, last_started, last_ended) VALUES (%(kind)s, %(started_at)s, clock_timestamp())
ON CONFLICT (kind) DO UPDATE SET last_started = EXCLUDED.last_started, last_ended = EXCLUDED.last_ended;

-- name: load_last_run
-- When the last run of a kind that came to its end began.
SELECT last_started FROM jobs.schedule WHERE kind = %(kind)s;

-- name: reclaim
-- Take what a dead worker was doing from it. A job that killed several workers is given up; one that was to stop has.
UPDATE jobs.procrastinate_jobs AS j
SET status = (CASE WHEN j.abort_requested THEN 'aborted' WHEN j.attempts + 1 >= %(most)s THEN 'failed' ELSE 'todo' END
             )::jobs.procrastinate_job_status,
    attempts = j.attempts + 1, abort_requested = false, worker_id = NULL
WHERE j.status = 'doing'
  AND NOT EXISTS (SELECT FROM jobs.procrastinate_workers AS w
                  WHERE w.id = j.worker_id AND w.last_heartbeat > clock_timestamp() - make_interval(secs => %(stalled_s)s))
RETURNING j.id, j.status::text;

-- name: close_attempts
-- Their last attempts ended with that worker.
UPDATE jobs.attempt SET ended_at = clock_timestamp(), outcome = 'died', code = %(code)s, reason = %(reason)s
WHERE job_id = ANY (%(job_ids)s::bigint[]) AND ended_at IS NULL;

-- name: forget_jobs
-- Delete what ended long ago: routine that went well sooner than the rest.
DELETE FROM jobs.procrastinate_jobs AS j
WHERE j.status IN ('succeeded', 'failed', 'cancelled', 'aborted')
  AND (SELECT max(e.at) FROM jobs.procrastinate_events AS e WHERE e.job_id = j.id) < clock_timestamp() - CASE
      WHEN j.status = 'succeeded' AND j.queue_name = 'routine' THEN %(routine)s::interval ELSE %(others)s::interval END;
