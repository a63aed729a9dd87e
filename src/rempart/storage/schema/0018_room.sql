-- The room of an incident: its timeline, and what evidence is kept beyond its time. Reasons: docs/adr/0032-the-incident-room.md.

-- True for the host's agents who work incidents (permission work_incident; a test compares).
CREATE FUNCTION accounts.works_incidents() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.is_host()
       AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security', 'operator_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.works_incidents FROM PUBLIC;
-- True for those of an insurer who answer for its members' data (permission receive_package; a test compares).
CREATE FUNCTION accounts.answers_for_members() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.my_insurer() IS NOT NULL AND COALESCE(accounts.my_role() IN ('insurer_admin', 'insurer_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.answers_for_members FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.works_incidents, accounts.answers_for_members TO rempart_portals;

-- ---------------------------------------------------------------- the timeline

-- What happened, in the order it was written: the source of tasks, people, clocks and reports. Lines are added, never changed.
CREATE TABLE incidents.room_event (
    event_ref   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents.incident,
    kind        text NOT NULL CHECK (kind IN (
        'suspected', 'declared', 'awareness', 'note', 'decision', 'suspects_added', 'task_added', 'task_done', 'joined', 'left', 'containment',
        'containment_ended', 'hold_placed', 'hold_released', 'analysed', 'overruled', 'package_made', 'package_sent',
        'package_received', 'classified', 'severity_scored', 'report_made', 'report_submitted', 'complaint_filed', 'clock_met',
        'clock_missed', 'closed', 'reopened')),
    happened_ms bigint NOT NULL CHECK (happened_ms > 0),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    insurer_id  integer REFERENCES rights.insurer,   -- whom it is about alone
    author_ref  bigint REFERENCES accounts.actor,    -- NULL: the command line, or the product itself
    author      text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    details     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object' AND length(details::text) <= 20000)
);
CREATE INDEX room_event_of_incident ON incidents.room_event (incident_id, event_ref);
CREATE INDEX room_event_of_insurer ON incidents.room_event (insurer_id) WHERE insurer_id IS NOT NULL;

-- Whether an incident is closed: the last word of the two.
CREATE FUNCTION incidents.is_closed(incident bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE((SELECT e.kind = 'closed' FROM incidents.room_event AS e
                     WHERE e.incident_id = incident AND e.kind IN ('closed', 'reopened')
                     ORDER BY e.event_ref DESC LIMIT 1), false)
$$;
REVOKE EXECUTE ON FUNCTION incidents.is_closed FROM PUBLIC;

-- Lines keep the database's hour and, from a page, the visitor's own name. A closed incident still
-- takes being opened again, and an insurer's receipt: a fact of theirs, which starts their own clock. Closing waits for the lines under way, and those that come after it wait for it.
CREATE FUNCTION incidents.check_room_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    room bigint := hashtextextended('room ' || NEW.incident_id, 0);
BEGIN
    IF NEW.kind IN ('closed', 'reopened') THEN
        PERFORM pg_advisory_xact_lock(room);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(room);
    END IF;
    IF incidents.is_closed(NEW.incident_id) THEN
        -- An insurer's clocks run on when the host closes: what it does about them is its own.
        IF NEW.kind NOT IN ('reopened', 'package_received')
           AND NOT (NEW.insurer_id IS NOT NULL AND session_user = 'rempart_portals'
                    AND COALESCE(NEW.insurer_id = accounts.my_insurer(), false)) THEN
            RAISE object_not_in_prerequisite_state USING MESSAGE = 'this incident is closed';
        END IF;
    ELSIF NEW.kind = 'reopened' THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = 'this incident is open';
    END IF;
    NEW.recorded_at := clock_timestamp();
    IF session_user = 'rempart_portals' THEN
        NEW.author_ref := accounts.my_actor();
        IF NEW.author_ref IS NULL THEN
            RAISE insufficient_privilege USING MESSAGE = 'whoever writes here is signed in';
        END IF;
        SELECT a.display_name INTO STRICT NEW.author FROM accounts.actor AS a WHERE a.actor_ref = NEW.author_ref;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_room_event BEFORE INSERT ON incidents.room_event
    FOR EACH ROW EXECUTE FUNCTION incidents.check_room_event();

CREATE FUNCTION incidents.keep_room_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'a timeline is added to, never changed';
END $$;
CREATE TRIGGER keep_room_event BEFORE UPDATE OR DELETE ON incidents.room_event
    FOR EACH ROW EXECUTE FUNCTION incidents.keep_room_event();
REVOKE EXECUTE ON FUNCTION incidents.check_room_event, incidents.keep_room_event FROM PUBLIC;

ALTER TABLE incidents.room_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON incidents.room_event TO rempart_plane_incidents USING (true) WITH CHECK (true);
-- An insurer sees what is about it alone, of what it has to know; never the room's notes. Of decisions, those of the law that
-- somebody took for its members, which clocks read.
CREATE POLICY seen ON incidents.room_event FOR SELECT TO rempart_portals
    USING ((SELECT accounts.is_host())
           OR ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
               AND (kind IN ('awareness', 'package_sent', 'package_received', 'report_submitted', 'complaint_filed', 'clock_met',
                             'clock_missed')
                    OR (kind = 'decision' AND details ? 'decision'))));
CREATE POLICY added ON incidents.room_event FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.works_incidents())
                OR ((SELECT accounts.answers_for_members()) AND insurer_id = (SELECT accounts.my_insurer())
                    AND (kind IN ('awareness', 'package_received', 'report_submitted', 'complaint_filed', 'clock_met',
                                  'clock_missed')
                         OR (kind = 'decision' AND details ? 'decision'))));
GRANT SELECT, INSERT ON incidents.room_event TO rempart_plane_incidents, rempart_portals;

-- ---------------------------------------------------------------- exercises

-- What was declared as an exercise stays one, and what was real stays real.
CREATE FUNCTION incidents.keep_exercise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.exercise <> OLD.exercise THEN
        RAISE insufficient_privilege USING MESSAGE = 'an exercise stays an exercise, and what is real stays real';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION incidents.keep_exercise FROM PUBLIC;
CREATE TRIGGER keep_exercise BEFORE UPDATE ON incidents.incident FOR EACH ROW EXECUTE FUNCTION incidents.keep_exercise();

GRANT EXECUTE ON FUNCTION incidents.is_closed TO rempart_plane_incidents, rempart_portals;

-- ---------------------------------------------------------------- evidence kept

-- Evidence of a window that stays beyond its time, until a named person releases it with a reason.
CREATE TABLE retention.hold (
    hold_ref       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id    bigint REFERENCES incidents.incident,
    kind           text NOT NULL CHECK (kind IN ('incident', 'judicial', 'request')),
    exercise       boolean NOT NULL DEFAULT false,  -- that of an exercise is shown as any other, and keeps nothing
    from_ms        bigint NOT NULL,
    to_ms          bigint NOT NULL,                 -- excluded
    account_refs   bigint[] NOT NULL DEFAULT '{}',  -- empty: everybody's
    insurer_ids    integer[] NOT NULL DEFAULT '{}', -- empty: those of all
    reason         text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    placed_by      text NOT NULL CHECK (length(placed_by) BETWEEN 1 AND 200),
    placed_by_ref  bigint REFERENCES accounts.actor,
    placed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_by    text CHECK (length(released_by) BETWEEN 1 AND 200),
    released_by_ref bigint REFERENCES accounts.actor,
    released_at    timestamptz,
    release_reason text CHECK (length(release_reason) BETWEEN 1 AND 500),
    CHECK (from_ms >= 0 AND from_ms < to_ms),
    CHECK ((kind = 'incident') = (incident_id IS NOT NULL)),
    CHECK ((released_at IS NULL) = (released_by IS NULL) AND (released_at IS NULL) = (release_reason IS NULL))
);
CREATE INDEX hold_in_force ON retention.hold (from_ms, to_ms) WHERE released_at IS NULL AND NOT exercise;
CREATE INDEX hold_of_incident ON retention.hold (incident_id);

-- A hold in force is widened or released, nothing else; one that was released is history.
CREATE FUNCTION retention.check_hold() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.placed_at := clock_timestamp();
        NEW.exercise := COALESCE((SELECT i.exercise FROM incidents.incident AS i WHERE i.incident_id = NEW.incident_id), false);
        IF NEW.released_at IS NOT NULL THEN
            RAISE insufficient_privilege USING MESSAGE = 'a hold begins in force';
        END IF;
    ELSIF OLD.released_at IS NOT NULL OR NEW.from_ms > OLD.from_ms OR NEW.to_ms < OLD.to_ms
       OR (NEW.hold_ref, NEW.incident_id, NEW.kind, NEW.exercise, NEW.account_refs, NEW.insurer_ids, NEW.reason, NEW.placed_by,
           NEW.placed_by_ref, NEW.placed_at)
          IS DISTINCT FROM (OLD.hold_ref, OLD.incident_id, OLD.kind, OLD.exercise, OLD.account_refs, OLD.insurer_ids, OLD.reason,
                            OLD.placed_by, OLD.placed_by_ref, OLD.placed_at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a hold is widened or released, and a released one stays so';
    ELSIF NEW.released_at IS NOT NULL THEN
        NEW.released_at := clock_timestamp();
    END IF;
    IF session_user = 'rempart_portals' THEN
        IF TG_OP = 'INSERT' THEN
            NEW.placed_by_ref := accounts.my_actor();
            IF NEW.placed_by_ref IS NULL THEN
                RAISE insufficient_privilege USING MESSAGE = 'whoever writes here is signed in';
            END IF;
            SELECT a.display_name INTO STRICT NEW.placed_by FROM accounts.actor AS a WHERE a.actor_ref = NEW.placed_by_ref;
        ELSIF NEW.released_at IS NOT NULL THEN
            NEW.released_by_ref := accounts.my_actor();
            IF NEW.released_by_ref IS NULL THEN
                RAISE insufficient_privilege USING MESSAGE = 'whoever writes here is signed in';
            END IF;
            SELECT a.display_name INTO STRICT NEW.released_by FROM accounts.actor AS a WHERE a.actor_ref = NEW.released_by_ref;
        END IF;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION retention.check_hold FROM PUBLIC;
CREATE TRIGGER check_hold BEFORE INSERT OR UPDATE ON retention.hold FOR EACH ROW EXECUTE FUNCTION retention.check_hold();

-- Whether evidence of an instant is kept: for what sweeps away the old.
CREATE FUNCTION retention.keeps(at_ms bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM retention.hold AS h
                   WHERE h.released_at IS NULL AND NOT h.exercise AND at_ms >= h.from_ms AND at_ms < h.to_ms)
$$;
-- Refuses to let evidence go while a hold covers a part of it. The workflow told who asked before; this is for whoever did not ask,
-- and for a hold placed since.
CREATE FUNCTION retention.check_expires(first_ms bigint, last_ms bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_by bigint;
BEGIN
    SELECT h.hold_ref INTO kept_by FROM retention.hold AS h
    WHERE h.released_at IS NULL AND NOT h.exercise AND h.from_ms <= last_ms AND first_ms < h.to_ms ORDER BY h.hold_ref LIMIT 1;
    IF FOUND THEN
        RAISE object_in_use USING MESSAGE = format('evidence hold %s keeps this', kept_by);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION retention.keeps, retention.check_expires FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.keeps TO rempart_gateway;

ALTER TABLE retention.hold ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON retention.hold TO rempart_plane_incidents USING (true) WITH CHECK (true);
CREATE POLICY readable ON retention.hold FOR SELECT TO rempart_archivist, rempart_gateway USING (true);
CREATE POLICY seen ON retention.hold FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY added ON retention.hold FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.works_incidents()) AND placed_by_ref = (SELECT accounts.my_actor()));
CREATE POLICY changed ON retention.hold FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.works_incidents()) AND released_at IS NULL) WITH CHECK ((SELECT accounts.works_incidents()));
GRANT USAGE ON SCHEMA retention TO rempart_plane_incidents, rempart_portals, rempart_archivist, rempart_gateway;
GRANT SELECT, INSERT ON retention.hold TO rempart_plane_incidents, rempart_portals;
GRANT UPDATE (from_ms, to_ms, released_by, released_by_ref, released_at, release_reason) ON retention.hold
    TO rempart_plane_incidents, rempart_portals;
GRANT SELECT ON retention.hold TO rempart_archivist;
-- What gateways sweep away by age: nothing of a window that is kept.
GRANT SELECT (from_ms, to_ms, account_refs, released_at, exercise) ON retention.hold TO rempart_gateway;

-- ---------------------------------------------------------------- whom it suspects

-- How an account came to be looked at: named; established as stolen by an operator; or pointed to by a doubt, found again by each
-- analysis.
ALTER TABLE incidents.suspect_account
    ADD COLUMN how text NOT NULL DEFAULT 'named' CHECK (how IN ('named', 'stolen', 'doubted'));
GRANT DELETE ON incidents.suspect_account TO rempart_plane_incidents;

-- What points to accounts that nobody named: a place, an address, a software, or the hours alone.
CREATE TABLE incidents.doubt (
    doubt_ref   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('everybody', 'establishment', 'address', 'software')),
    value       text NOT NULL CHECK (length(value) <= 120 AND (kind = 'everybody') = (value = '')),
    author      text NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
    said_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX doubt_of_incident ON incidents.doubt (incident_id);
ALTER TABLE incidents.doubt ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON incidents.doubt TO rempart_plane_incidents USING (true) WITH CHECK (true);
CREATE POLICY seen ON incidents.doubt FOR SELECT TO rempart_portals USING ((SELECT accounts.is_host()));
CREATE POLICY added ON incidents.doubt FOR INSERT TO rempart_portals WITH CHECK ((SELECT accounts.works_incidents()));
GRANT SELECT, INSERT ON incidents.doubt TO rempart_plane_incidents;
GRANT SELECT ON incidents.doubt TO rempart_portals;
GRANT INSERT (incident_id, kind, value, author) ON incidents.doubt TO rempart_portals;

-- Which public name is which software's, for doubts; and with which key a held account came in.
GRANT SELECT (client_ref, client_id) ON accounts.software TO rempart_analyst;
CREATE POLICY named ON accounts.software FOR SELECT TO rempart_analyst USING (true);

-- Sessions of the pages that were opened with a passkey, when every passkey of the account was enrolled before an instant and none
-- was ever copied: a session is found again by its account, its address, its software and its hour.
CREATE FUNCTION incidents.list_enrolled_sessions(session_refs bigint[], before_ms bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.session_ref FROM ledger.session AS l
    WHERE l.session_ref = ANY (session_refs)
      AND NOT EXISTS (SELECT 1 FROM accounts.passkey AS k WHERE k.actor_ref = l.account_ref
                      AND (k.cloned_at IS NOT NULL OR k.created_at >= to_timestamp(before_ms / 1000.0)))
      AND (SELECT bool_and(s.method = 'passkey') FROM accounts.session AS s
           WHERE s.actor_ref = l.account_ref AND s.address = l.address AND s.agent = l.agent
             AND s.opened_at <= to_timestamp(l.opened_ms / 1000.0)
             AND COALESCE(s.ended_at, s.expires_at) >= to_timestamp(l.opened_ms / 1000.0))
$$;
REVOKE EXECUTE ON FUNCTION incidents.list_enrolled_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents.list_enrolled_sessions TO rempart_plane_incidents;

-- ---------------------------------------------------------------- declaring from a page

GRANT INSERT (title, exercise, starts_ms, ends_ms) ON incidents.incident TO rempart_portals;
GRANT INSERT (incident_id, account_ref, how) ON incidents.suspect_account TO rempart_portals;
GRANT UPDATE (how) ON incidents.suspect_account TO rempart_portals, rempart_plane_incidents;
CREATE POLICY changed ON incidents.suspect_account FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.works_incidents())) WITH CHECK ((SELECT accounts.works_incidents()));
CREATE POLICY added ON incidents.incident FOR INSERT TO rempart_portals WITH CHECK ((SELECT accounts.works_incidents()));
CREATE POLICY added ON incidents.suspect_account FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.works_incidents()));

-- ---------------------------------------------------------------- what the guard did meanwhile

-- A timeline shows the guard's steps where they stand: nobody copies them. Not the note, which is for colleagues.
GRANT USAGE ON SCHEMA guard TO rempart_plane_incidents;
GRANT SELECT (measure_ref, step, target, target_ref, profession, reason, exercise, asked_by, asked_at, starts_at, ends_at,
    ended_by, ended_at, end_reason) ON guard.measure TO rempart_plane_incidents;
GRANT SELECT (event_ref, t_ms, account_ref, client_ref, kind, step, enforced) ON guard.event TO rempart_plane_incidents;
CREATE POLICY told ON guard.measure FOR SELECT TO rempart_plane_incidents USING (true);
CREATE POLICY told ON guard.event FOR SELECT TO rempart_plane_incidents USING (true);
GRANT SELECT (actor_ref, kind, display_name) ON accounts.actor TO rempart_analyst;
CREATE POLICY named ON accounts.actor FOR SELECT TO rempart_analyst USING (kind = 'agent');
