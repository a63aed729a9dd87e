-- Steps that hold an account, an establishment, a software or a profession. Reasons: docs/adr/0024-steps.md.

-- ---------------------------------------------------------------- measures

-- Who is held how, since when, why, by whom, until when somebody looks again. No step here stops claims, payments or a page
-- of one's own: what has no name in this table cannot be stopped by it.
CREATE TABLE guard.measure (
    measure_ref bigint PRIMARY KEY,
    step        text NOT NULL CHECK (step IN ('ask_again', 'slow', 'no_typed', 'presence_only', 'suspend')),
    target      text NOT NULL CHECK (target IN ('account', 'establishment', 'software', 'profession')),
    target_ref  bigint,
    profession  text,
    touched     integer NOT NULL DEFAULT 0,   -- accounts, counted by the database when it was asked
    reason      text NOT NULL CHECK (reason IN ('suspected_theft', 'unusual_use', 'owner_request', 'software_fault', 'precaution')),
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 500),   -- for colleagues, never shown outside
    exercise    boolean NOT NULL DEFAULT false,
    event_ref   bigint,        -- what the guard saw, when it is about that
    asked_by    bigint NOT NULL,   -- 0: the host's command line
    asked_at    timestamptz NOT NULL,
    approved_by bigint,        -- the second person, where two are needed
    starts_at   timestamptz,   -- NULL: waits for the second person; nobody is held yet
    review_at   timestamptz NOT NULL,
    ends_at     timestamptz,   -- ends by itself then
    ended_by    bigint,
    ended_at    timestamptz,
    end_reason  text CHECK (end_reason IN ('cleared', 'given_back', 'mistake', 'over', 'withdrawn')),
    CHECK ((target = 'profession') = (profession IS NOT NULL)),
    CHECK ((target = 'profession') = (target_ref IS NULL)),
    CHECK (review_at > asked_at AND (ends_at IS NULL OR ends_at > asked_at)),
    CHECK (NOT exercise OR (ends_at IS NOT NULL AND ends_at <= asked_at + interval '30 minutes')),
    CHECK (target IN ('account', 'establishment') OR starts_at IS NULL
           OR (approved_by IS NOT NULL AND approved_by <> asked_by))
);
CREATE UNIQUE INDEX one_measure_of_a_kind ON guard.measure (step, target, COALESCE(target_ref, 0), COALESCE(profession, ''))
    WHERE ended_at IS NULL;
CREATE INDEX measure_by_start ON guard.measure (starts_at);
CREATE INDEX measure_by_target ON guard.measure (target_ref);
-- Which accounts a software serves is asked over a week of sessions.
CREATE INDEX session_by_opening ON ledger.session USING brin (opened_ms);

-- Whose checks a measure would touch: an account; those who work at a place; those a software served in the last week; a
-- profession. For the owner's functions: whoever may see a target already knows it.
CREATE FUNCTION guard.list_touched(of_kind text, of_ref bigint, of_profession text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.account_ref FROM accounts.professional AS p
    WHERE (of_kind = 'account' AND p.account_ref = of_ref)
       OR (of_kind = 'profession' AND p.profession = of_profession)
       OR (of_kind = 'establishment' AND (p.establishment_ref = of_ref OR p.account_ref IN (
               SELECT m.actor_ref FROM accounts.membership AS m JOIN accounts.organisation AS o USING (org_ref)
               WHERE o.establishment_ref = of_ref AND m.role IN ('holder', 'locum', 'assistant')
                 AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on)))
       OR (of_kind = 'software' AND p.account_ref IN (
               SELECT s.account_ref FROM ledger.session AS s
               WHERE s.client_ref = of_ref
                 AND s.opened_ms > (extract(epoch FROM clock_timestamp() - interval '7 days') * 1000)::bigint))
$$;

-- How many accounts that is.
CREATE FUNCTION guard.count_touched(of_kind text, of_ref bigint, of_profession text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*)::integer FROM guard.list_touched(of_kind, of_ref, of_profession)
    WHERE session_user <> 'rempart_portals' OR accounts.guards()
$$;

-- How many accounts somebody holds alone, by what they asked in the last day (parameters of accounts/containment.py; a test
-- compares).
CREATE FUNCTION guard.count_alone(author bigint) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(sum(m.touched), 0)::integer FROM guard.measure AS m
    WHERE m.asked_by = author AND m.approved_by IS NULL AND m.starts_at IS NOT NULL AND m.ended_at IS NULL
      AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp()) AND m.asked_at > clock_timestamp() - interval '24 hours'
$$;

-- A measure that holds many waits for a second person, who is one; a page acts in the name of its visitor only, and what
-- began or ended stays so.
CREATE FUNCTION guard.check_measure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- One at a time for each author: two pages at once hold no more than one.
        PERFORM pg_advisory_xact_lock(hashtextextended('measures of ' || NEW.asked_by, 0));
        NEW.touched := guard.count_touched(NEW.target, NEW.target_ref, NEW.profession);
        IF NEW.starts_at IS NOT NULL AND (NEW.target IN ('software', 'profession')
                                          OR NEW.touched + guard.count_alone(NEW.asked_by) > 50) THEN
            RAISE insufficient_privilege USING MESSAGE = 'a second person agrees before so many accounts are held';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.starts_at IS NOT NULL AND (NEW.starts_at, NEW.approved_by) IS DISTINCT FROM (OLD.starts_at, OLD.approved_by) THEN
        RAISE insufficient_privilege USING MESSAGE = 'what began stays so: end it';
    END IF;
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF OLD.starts_at IS NULL AND NEW.starts_at IS NOT NULL AND (
            NEW.approved_by IS DISTINCT FROM accounts.my_actor()
            OR NOT (OLD.asked_by = 0
                    OR accounts.stand_apart(OLD.asked_by, NEW.approved_by, accounts.my_org(),
                                            '{operator_admin,operator_security}', OLD.asked_at))) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two';
    END IF;
    IF NEW.ended_at IS NOT NULL AND NEW.ended_by IS DISTINCT FROM accounts.my_actor()
        AND NEW.ended_at IS DISTINCT FROM OLD.ends_at THEN
        RAISE insufficient_privilege USING MESSAGE = 'a page names its own visitor only';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard.list_touched, guard.count_touched, guard.count_alone, guard.check_measure FROM PUBLIC;
CREATE TRIGGER check_measure BEFORE INSERT OR UPDATE ON guard.measure
    FOR EACH ROW EXECUTE FUNCTION guard.check_measure();

ALTER TABLE guard.measure ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON guard.measure TO rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY readable ON guard.measure FOR SELECT TO rempart_gateway USING (true);
CREATE POLICY seen ON guard.measure FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));
CREATE POLICY added ON guard.measure FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.secures()) AND asked_by = (SELECT accounts.my_actor())
                AND approved_by IS NULL AND ended_at IS NULL);
CREATE POLICY changed ON guard.measure FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.secures()) AND ended_at IS NULL) WITH CHECK ((SELECT accounts.secures()));

-- What holds the visitor now, in force, as they may read it: no note, no name, no other's.
CREATE FUNCTION guard.my_measures() RETURNS TABLE (
        step text, target text, reason text, starts_at timestamptz, review_at timestamptz, ends_at timestamptz, exercise boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.step, m.target, m.reason, m.starts_at, m.review_at, m.ends_at, m.exercise
    FROM guard.measure AS m
    WHERE m.starts_at IS NOT NULL AND m.ended_at IS NULL AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp())
      AND CASE m.target
          WHEN 'account' THEN m.target_ref = accounts.my_actor()
          WHEN 'establishment' THEN m.target_ref = accounts.my_establishment()
          WHEN 'profession' THEN m.profession = (SELECT p.profession FROM accounts.professional AS p
                                                 WHERE p.account_ref = accounts.my_actor())
          ELSE EXISTS (SELECT 1 FROM ledger.session AS s
                       WHERE s.account_ref = accounts.my_actor() AND s.client_ref = m.target_ref
                         AND s.opened_ms > (extract(epoch FROM clock_timestamp() - interval '7 days') * 1000)::bigint)
          END
    ORDER BY m.starts_at, m.measure_ref
$$;
REVOKE EXECUTE ON FUNCTION guard.my_measures FROM PUBLIC;

-- ---------------------------------------------------------------- what the guard held by itself

-- When owners let their own account go: once in seven days.
CREATE TABLE guard.own_release (
    account_ref bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_ref, at)
);
ALTER TABLE guard.own_release ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON guard.own_release TO rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY seen ON guard.own_release FOR SELECT TO rempart_portals USING ((SELECT accounts.guards()));

-- How the guard holds the visitor's own account: what the rule of accounts/containment.py decides on. Why is not told.
CREATE FUNCTION guard.my_containment() RETURNS TABLE (
        step smallint, since_ms bigint, needs_operator boolean, last_own_release timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.step,
           (SELECT max(e.t_ms) FROM guard.event AS e
            WHERE e.account_ref = a.account_ref AND e.kind IN ('contained', 'canary', 'late')),
           EXISTS (SELECT 1 FROM guard.event AS e
                   WHERE e.account_ref = a.account_ref AND e.kind IN ('canary', 'late')
                     AND e.event_ref > COALESCE((SELECT max(r.event_ref) FROM guard.event AS r
                                                 WHERE r.account_ref = a.account_ref AND r.kind = 'released'), 0)),
           (SELECT max(o.at) FROM guard.own_release AS o WHERE o.account_ref = a.account_ref)
    FROM guard.account AS a
    WHERE a.account_ref = accounts.my_actor() AND a.step > 1
$$;

-- The owner lets their own account go on, by the same rule; the allowance stays as it was. False when nothing holds it.
CREATE FUNCTION guard.release_own() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me   bigint := accounts.my_actor();
    held record;
BEGIN
    PERFORM 1 FROM guard.account AS a WHERE a.account_ref = me FOR UPDATE;
    SELECT * INTO held FROM guard.my_containment();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF held.needs_operator OR COALESCE(held.last_own_release > clock_timestamp() - interval '7 days', false)
        OR NOT EXISTS (SELECT 1 FROM accounts.session AS s
                       WHERE s.session_ref = accounts.my_session() AND s.actor_ref = me AND s.method IN ('psc', 'passkey')
                         AND s.stepped_up_at > clock_timestamp() - interval '5 minutes') THEN
        RAISE insufficient_privilege USING MESSAGE = 'an owner releases their account once in seven days, after a ceremony';
    END IF;
    INSERT INTO guard.own_release (account_ref) VALUES (me);
    RETURN guard.order_step(me, 0::smallint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, 'released', true);
END $$;

-- A containment is told to its owner, and to those who answer for the place, in the transaction that contains.
CREATE FUNCTION guard.tell_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told bigint := hashtextextended(gen_random_uuid()::text, 0) & 9223372036854775807;
BEGIN
    INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref, address, agent, details)
    SELECT told, 'account_contained', a.actor_ref,
           (SELECT o.org_ref FROM accounts.organisation AS o
            WHERE o.establishment_ref = COALESCE(NEW.establishment_ref, p.establishment_ref)),
           '', '', jsonb_build_object('held', NEW.step::text)
    FROM accounts.actor AS a LEFT JOIN accounts.professional AS p ON p.account_ref = a.actor_ref
    WHERE a.actor_ref = NEW.account_ref;
    -- Addresses replaced lately too (parameter contact_kept_days; a test compares).
    PERFORM accounts.warn_contacts(told, clock_timestamp() - interval '90 days');
    RETURN NULL;
END $$;
CREATE TRIGGER tell_owner AFTER INSERT ON guard.event
    FOR EACH ROW WHEN (NEW.enforced AND NEW.kind IN ('contained', 'canary', 'late')) EXECUTE FUNCTION guard.tell_owner();
REVOKE EXECUTE ON FUNCTION guard.my_containment, guard.release_own, guard.tell_owner FROM PUBLIC;

-- ---------------------------------------------------------------- grants

GRANT SELECT, INSERT, UPDATE ON guard.measure TO rempart_plane_accounts;
GRANT SELECT, INSERT ON guard.measure TO rempart_portals;
GRANT UPDATE (approved_by, starts_at, ended_by, ended_at, end_reason) ON guard.measure TO rempart_portals;
GRANT SELECT (measure_ref, step, target, target_ref, profession, starts_at, ends_at, ended_at) ON guard.measure TO rempart_gateway;
GRANT EXECUTE ON FUNCTION guard.count_touched, guard.count_alone TO rempart_portals, rempart_plane_accounts;
GRANT EXECUTE ON FUNCTION guard.list_touched, guard.my_measures, guard.my_containment, guard.release_own TO rempart_portals;
GRANT SELECT ON guard.own_release TO rempart_portals, rempart_plane_accounts;
-- How fresh somebody's last ceremony is: who is asked to sign in again is let in by a newer one.
GRANT SELECT (opened_at, stepped_up_at) ON accounts.session TO rempart_gateway;
