-- Jobs: what runs without anybody waiting for it. Reasons: docs/adr/0030-jobs.md.
-- The queue itself (jobs.procrastinate_*) is vendor/procrastinate_3_10_0.sql. Its functions name their tables without a schema: here
-- they are told where to look, whoever calls them.

DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'jobs'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = jobs, pg_catalog, pg_temp', one);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rempart_plane_jobs', one);
    END LOOP;
END $$;

-- The kinds of job there are (workflows/jobs/job_kinds.py; a test compares), and which logins may ask for one.
CREATE TABLE jobs.kind (
    name     text PRIMARY KEY CHECK (name ~ '^[a-z_]{1,40}$'),
    queue    text NOT NULL CHECK (queue IN ('routine', 'incidents')),
    takes    text[] NOT NULL DEFAULT '{}',
    asked_by text[] NOT NULL DEFAULT '{}'
);
INSERT INTO jobs.kind (name, queue, takes, asked_by) VALUES
    ('activate_bank_details', 'routine', '{}', '{}'),
    ('end_fallen_sessions', 'routine', '{}', '{}'),
    ('forget_guard_faces', 'routine', '{}', '{}'),
    ('expire_pecs', 'routine', '{}', '{}'),
    ('forget_jobs', 'routine', '{}', '{}'),
    ('forward_alerts', 'routine', '{}', '{}'),
    ('hold_late_lookups', 'routine', '{}', '{}'),
    ('publish_card_lists', 'routine', '{}', '{}'),
    ('refresh_canaries', 'routine', '{}', '{}'),
    ('renew_guard_rules', 'routine', '{}', '{}'),
    ('seal_segments', 'routine', '{}', '{}'),
    ('send_warnings', 'routine', '{}', '{}'),
    ('sweep_former_members', 'routine', '{}', '{}'),
    ('expose_incident', 'incidents', '{incident_id}', '{rempart_portals,rempart_analyst}'),
    ('make_packages', 'incidents', '{incident_id}', '{rempart_portals,rempart_analyst}');

-- What makes two jobs that wait one is no matter once one of them is taken up: put back to wait, it may meet the next.
CREATE FUNCTION jobs.take_up() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.queueing_lock := NULL;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION jobs.take_up FROM PUBLIC;
CREATE TRIGGER take_up BEFORE UPDATE OF status ON jobs.procrastinate_jobs
    FOR EACH ROW WHEN (NEW.status = 'doing') EXECUTE FUNCTION jobs.take_up();

-- How far a job is, and who asked for it. No word of a job comes from outside: `note` is written by the job.
CREATE TABLE jobs.progress (
    job_id     bigint PRIMARY KEY REFERENCES jobs.procrastinate_jobs (id) ON DELETE CASCADE,
    done       bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    total      bigint CHECK (total >= 0),
    unit       text NOT NULL DEFAULT '' CHECK (length(unit) <= 40),
    note       text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    asked_by   bigint,
    asked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Each time a job was taken up, and what came of it. `reason` is a sentence of ours or the name of an error: never what a
-- driver said, which may quote a row.
CREATE TABLE jobs.attempt (
    job_id     bigint NOT NULL REFERENCES jobs.procrastinate_jobs (id) ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number > 0),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    late_s     bigint NOT NULL DEFAULT 0,
    outcome    text CHECK (outcome IN ('done', 'needless', 'failed', 'to_retry', 'cancelled', 'stopped', 'died')),
    code       text NOT NULL DEFAULT '',
    reason     text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    PRIMARY KEY (job_id, number),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);

-- When each kind runs by itself, as the worker that started last said it, and when it last ran to its end: this outlives
-- the jobs themselves. `lacks` names the setting without which it does not run here.
CREATE TABLE jobs.schedule (
    kind         text PRIMARY KEY REFERENCES jobs.kind (name),
    cron         text NOT NULL DEFAULT '' CHECK (length(cron) <= 100),
    lacks        text NOT NULL DEFAULT '' CHECK (length(lacks) <= 100),
    last_started timestamptz,
    last_ended   timestamptz,
    CHECK ((last_started IS NULL) = (last_ended IS NULL))
);

-- Ask for a job in the transaction of the act that needs it. What is asked for twice before it began is one job; the row is
-- locked, so that no worker takes it up before this transaction ends and misses what it wrote. Arguments are references:
-- whole numbers, never words.
CREATE FUNCTION jobs.enqueue(wanted text, arguments jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked  jobs.kind;
    same   text := wanted;
    job    bigint;
    by_ref bigint;
BEGIN
    SELECT k.* INTO asked FROM jobs.kind AS k WHERE k.name = wanted;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job named %', wanted USING ERRCODE = 'no_data_found';
    END IF;
    IF NOT (session_user = 'rempart_worker' OR session_user = ANY (asked.asked_by)) THEN
        RAISE EXCEPTION '% may not ask for the job %', session_user, wanted USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF jsonb_typeof(arguments) <> 'object'
       OR ARRAY(SELECT jsonb_object_keys(arguments) ORDER BY 1) <> ARRAY(SELECT unnest(asked.takes) ORDER BY 1)
       OR EXISTS (SELECT FROM jsonb_each(arguments) AS one WHERE one.value::text !~ '^[0-9]{1,18}$') THEN
        RAISE EXCEPTION 'the job % takes % and nothing else, as whole numbers', wanted, asked.takes
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF asked.takes <> '{}' THEN
        same := wanted || ' ' || arguments;
    END IF;
    IF session_user = 'rempart_portals' THEN
        by_ref := accounts.my_actor();
    END IF;
    LOOP
        SELECT j.id INTO job FROM jobs.procrastinate_jobs AS j
        WHERE j.queueing_lock = same AND j.status = 'todo' FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
        VALUES (asked.queue, wanted, same, same, arguments)
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
        RETURNING id INTO job;
        IF FOUND THEN
            INSERT INTO jobs.progress (job_id, asked_by) VALUES (job, by_ref);
            EXIT;
        END IF;
    END LOOP;
    RETURN job;
END $$;

-- What the host's agents see of jobs: no argument but references, no sentence but ours.
CREATE FUNCTION jobs.read_jobs()
    RETURNS TABLE (job_id bigint, kind text, queue text, arguments jsonb, state text, cancelling boolean, tries integer,
                   due_at timestamptz, asked_at timestamptz, started_at timestamptz, ended_at timestamptz, late_s bigint,
                   outcome text, code text, reason text, done bigint, total bigint, unit text, note text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT j.id, j.task_name::text, j.queue_name::text, j.args - 'timestamp', j.status::text, j.abort_requested,
           COALESCE(a.number, 0), j.scheduled_at, p.asked_at, a.started_at, a.ended_at, COALESCE(a.late_s, 0),
           COALESCE(a.outcome, ''), COALESCE(a.code, ''), COALESCE(a.reason, ''),
           COALESCE(p.done, 0), p.total, COALESCE(p.unit, ''), COALESCE(p.note, '')
    FROM jobs.procrastinate_jobs AS j
    LEFT JOIN jobs.progress AS p ON p.job_id = j.id
    LEFT JOIN LATERAL (SELECT * FROM jobs.attempt AS t WHERE t.job_id = j.id ORDER BY t.number DESC LIMIT 1) AS a ON true
    WHERE session_user <> 'rempart_portals' OR accounts.is_host()
$$;

CREATE FUNCTION jobs.read_attempts(of_job bigint)
    RETURNS TABLE (number integer, started_at timestamptz, ended_at timestamptz, late_s bigint, outcome text, code text,
                   reason text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.number, a.started_at, a.ended_at, a.late_s, COALESCE(a.outcome, ''), a.code, a.reason
    FROM jobs.attempt AS a
    WHERE a.job_id = of_job AND (session_user <> 'rempart_portals' OR accounts.is_host())
$$;

CREATE FUNCTION jobs.read_schedule()
    RETURNS TABLE (kind text, queue text, cron text, lacks text, last_started timestamptz, last_ended timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.name, k.queue, COALESCE(s.cron, ''), COALESCE(s.lacks, ''), s.last_started, s.last_ended
    FROM jobs.kind AS k LEFT JOIN jobs.schedule AS s ON s.kind = k.name
    WHERE session_user <> 'rempart_portals' OR accounts.is_host()
$$;

-- Have a job taken up again, or stopped: by the worker's own login, or by whoever runs the installation (permission
-- manage_jobs; a test compares). Each says whether there was such a job in a state to be.
CREATE FUNCTION jobs.runs_jobs() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT session_user <> 'rempart_portals'
              OR (accounts.is_host() AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_ops'), false)) $$;
CREATE FUNCTION jobs.retry(of_job bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Another one of the same that waits does all that this one would.
    UPDATE jobs.procrastinate_jobs AS j SET status = 'todo', scheduled_at = NULL, abort_requested = false
    WHERE j.id = of_job AND j.status IN ('failed', 'cancelled', 'aborted') AND jobs.runs_jobs()
      AND NOT EXISTS (SELECT FROM jobs.procrastinate_jobs AS o
                      WHERE o.lock = j.lock AND o.status = 'todo');
    IF FOUND THEN
        PERFORM pg_notify('procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', of_job)::text);
    END IF;
    RETURN FOUND;
END $$;
CREATE FUNCTION jobs.cancel(of_job bigint) RETURNS boolean
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jobs.runs_jobs() AND jobs.procrastinate_cancel_job_v1(of_job, true, false) IS NOT NULL
$$;

-- Whether somebody works, for anybody: how long ago a worker was heard of.
CREATE FUNCTION jobs.read_pulse() RETURNS timestamptz
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(w.last_heartbeat) FROM jobs.procrastinate_workers AS w
$$;

REVOKE EXECUTE ON FUNCTION jobs.enqueue, jobs.read_jobs, jobs.read_attempts, jobs.read_schedule, jobs.runs_jobs, jobs.retry, jobs.cancel,
    jobs.read_pulse FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.enqueue, jobs.read_jobs, jobs.read_attempts, jobs.read_schedule, jobs.retry,
    jobs.cancel, jobs.read_pulse TO rempart_portals, rempart_plane_jobs;
GRANT USAGE ON SCHEMA jobs TO rempart_portals, rempart_analyst;
GRANT EXECUTE ON FUNCTION jobs.enqueue TO rempart_analyst;

-- The worker's login lives in this plane and in no other: for each job it opens the login that job needs.
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs.procrastinate_jobs, jobs.procrastinate_periodic_defers, jobs.procrastinate_events,
    jobs.procrastinate_workers, jobs.progress, jobs.attempt, jobs.schedule TO rempart_plane_jobs;
GRANT SELECT ON jobs.kind TO rempart_plane_jobs;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO rempart_plane_jobs;
