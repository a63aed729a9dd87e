-- Canaries, and alerts sent to those who watch. Reasons: docs/adr/0025-canaries-and-alerts.md.

-- ---------------------------------------------------------------- canaries

-- Who is a canary is written in guard.canary and nowhere else: in rights and in identity they are members like any. Pages read
-- none of it, gateways read it and never change it, and no process takes a row back: whoever was planted stays a canary.
CREATE INDEX canary_by_person ON guard.canary (person_ref);
CREATE INDEX canary_by_insurer ON guard.canary (insurer_id);
DROP POLICY IF EXISTS seen ON guard.canary;
DROP POLICY IF EXISTS for_everybody ON guard.canary;
REVOKE ALL ON guard.canary FROM rempart_portals, rempart_plane_accounts, rempart_plane_guard;
GRANT SELECT ON guard.canary TO rempart_plane_guard;
GRANT USAGE ON SCHEMA guard TO rempart_feeds, rempart_analyst;
GRANT SELECT, INSERT, UPDATE (refreshed_at, retired_at) ON guard.canary TO rempart_feeds;
-- Exposures leave them out. Keys say nothing more to a process that reads rights.
GRANT SELECT (lookup_key, person_ref) ON guard.canary TO rempart_analyst;
CREATE POLICY asked ON guard.canary FOR SELECT TO rempart_plane_guard USING (true);
CREATE POLICY planted ON guard.canary TO rempart_feeds USING (true) WITH CHECK (true);
CREATE POLICY left_out ON guard.canary FOR SELECT TO rempart_analyst USING (true);

-- An insurer follows the cards that are printed: it knows how many of its own there are, so that a canary's card among them
-- would be counted and recognised. Asked about a card that is nobody's, another's or a canary's, the answer is the same.
CREATE FUNCTION rights.is_followed(called bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM rights.card AS c
        WHERE c.serial = called AND c.insurer_id = ANY (accounts.my_insurers())
          AND NOT EXISTS (SELECT FROM guard.canary AS planted WHERE planted.person_ref = c.holder_ref))
$$;
REVOKE ALL ON FUNCTION rights.is_followed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rights.is_followed TO rempart_portals;
DROP POLICY seen ON rights.card;
CREATE POLICY seen ON rights.card FOR SELECT TO rempart_portals
    USING ((insurer_id = ANY ((SELECT accounts.my_insurers())::integer[]) AND rights.is_followed(serial))
           OR (holder_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())));
-- How many were made, canaries' too, is for the process that makes them.
REVOKE SELECT ON rights.card_batch, rights.card_run FROM rempart_portals;
GRANT SELECT (batch_ref, run_ref, insurer_id, number, made_at, printed_at, file_digest) ON rights.card_batch TO rempart_portals;
GRANT SELECT (run_ref, insurer_id, kind, year, batch_size, started_at, finished_at) ON rights.card_run TO rempart_portals;
-- How many cards of a batch are printed, for those who follow it.
CREATE FUNCTION rights.count_letters(called bigint) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*)::integer
    FROM rights.card_batch AS b JOIN rights.card AS c USING (batch_ref)
    WHERE b.batch_ref = called AND (accounts.is_host() OR b.insurer_id = ANY (accounts.my_insurers()))
      AND NOT EXISTS (SELECT FROM guard.canary AS planted WHERE planted.person_ref = c.holder_ref)
$$;
REVOKE ALL ON FUNCTION rights.count_letters FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rights.count_letters TO rempart_portals;

-- ---------------------------------------------------------------- alerts

-- What leaves for those who watch, in one sequence. It says where to look: a reference, never a person.
CREATE TABLE guard.alert (
    alert_ref   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    t_ms        bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('contained', 'canary', 'late', 'released', 'refusals', 'rules_renewed',
                                              'step_asked', 'step_started', 'step_ended')),
    account_ref bigint,
    event_ref   bigint,
    measure_ref bigint,
    rules_day   integer
);
CREATE INDEX alert_of_refusals ON guard.alert (account_ref, t_ms) WHERE kind = 'refusals';
CREATE INDEX alert_by_time ON guard.alert (t_ms);

-- How far each destination is. Numbers are given before they are committed: everything up to `alert_ref` was sent, and of
-- those after it `ahead`. `alert_ref` moves to `noticed_ref` once every transaction that ran when that number was first seen
-- has ended.
CREATE TABLE guard.alert_cursor (
    name         text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    alert_ref    bigint NOT NULL DEFAULT 0,
    ahead        bigint[] NOT NULL DEFAULT '{}',
    noticed_ref  bigint,
    noticed_xmax bigint,
    noticed_at   timestamptz,
    moved_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What becomes of an account is an alert; refusals are one for an account and an hour, from the twentieth within an hour on.
CREATE FUNCTION guard.alert_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    since bigint := NEW.t_ms - 3600000;
BEGIN
    IF NEW.kind IN ('contained', 'canary', 'late', 'released') THEN
        INSERT INTO guard.alert (t_ms, kind, account_ref, event_ref) VALUES (NEW.t_ms, NEW.kind, NEW.account_ref, NEW.event_ref);
    ELSIF NEW.kind = 'refused' AND NOT EXISTS (SELECT FROM guard.alert AS a
                      WHERE a.kind = 'refusals' AND a.account_ref = NEW.account_ref AND a.t_ms > since)
          AND 20 <= (SELECT count(*) FROM (SELECT FROM guard.event AS e
                                           WHERE e.account_ref = NEW.account_ref AND e.t_ms > since AND e.kind = 'refused'
                                           LIMIT 20) AS lately) THEN
        INSERT INTO guard.alert (t_ms, kind, account_ref, event_ref)
        VALUES (NEW.t_ms, 'refusals', NEW.account_ref, NEW.event_ref);
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION guard.alert_event FROM PUBLIC;
CREATE TRIGGER alert AFTER INSERT ON guard.event FOR EACH ROW EXECUTE FUNCTION guard.alert_event();

CREATE FUNCTION guard.alert_rules() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO guard.alert (t_ms, kind, rules_day)
    VALUES (floor(extract(epoch FROM NEW.made_at) * 1000), 'rules_renewed', NEW.day);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION guard.alert_rules FROM PUBLIC;
CREATE TRIGGER alert AFTER INSERT ON guard.rules FOR EACH ROW EXECUTE FUNCTION guard.alert_rules();

-- A step is asked, begins (at once, or when a second person agrees), ends.
CREATE FUNCTION guard.alert_measure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        what := CASE WHEN NEW.starts_at IS NULL THEN 'step_asked' ELSE 'step_started' END;
    ELSIF NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL THEN
        what := 'step_ended';
    ELSIF NEW.starts_at IS NOT NULL AND OLD.starts_at IS NULL THEN
        what := 'step_started';
    ELSE
        RETURN NULL;
    END IF;
    INSERT INTO guard.alert (t_ms, kind, account_ref, measure_ref)
    VALUES (floor(extract(epoch FROM clock_timestamp()) * 1000), what,
            CASE NEW.target WHEN 'account' THEN NEW.target_ref END, NEW.measure_ref);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION guard.alert_measure FROM PUBLIC;
CREATE TRIGGER alert AFTER INSERT OR UPDATE ON guard.measure FOR EACH ROW EXECUTE FUNCTION guard.alert_measure();

-- The process that speaks to the outside reads what an alert says, and notes how far it is. Not the subject of a look-up, nor
-- the address it came from: a watcher needs neither.
GRANT USAGE ON SCHEMA guard TO rempart_forwarder;
GRANT SELECT ON guard.alert TO rempart_forwarder;
GRANT SELECT, INSERT, UPDATE ON guard.alert_cursor TO rempart_forwarder;
GRANT SELECT (event_ref, t_ms, account_ref, establishment_ref, client_ref, kind, step, presence, evidence, threshold, signals,
    rules_day, enforced) ON guard.event TO rempart_forwarder;
GRANT SELECT (account_ref, profession) ON guard.account TO rempart_forwarder;
GRANT SELECT (day, made_at, account_days, width, evidence, false_containments) ON guard.rules TO rempart_forwarder;
-- Not the note, which is for colleagues, nor who asked.
GRANT SELECT (measure_ref, step, target, target_ref, profession, reason, exercise, starts_at, review_at, ends_at, end_reason)
    ON guard.measure TO rempart_forwarder;
CREATE POLICY forwarded ON guard.event FOR SELECT TO rempart_forwarder USING (true);
CREATE POLICY forwarded ON guard.account FOR SELECT TO rempart_forwarder USING (true);
CREATE POLICY forwarded ON guard.rules FOR SELECT TO rempart_forwarder USING (true);
CREATE POLICY forwarded ON guard.measure FOR SELECT TO rempart_forwarder USING (true);
