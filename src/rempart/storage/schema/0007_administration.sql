-- Administration of people: what two administrators at once must not do, and what the pages cannot do under their own
-- row policies (0004): end other people's sessions, and bring in a professional of another establishment.

-- An insurer has one operator on any day; a sub-processor is named once a day. A range of one reference is that reference:
-- the built-in index of ranges then serves for both columns.
ALTER TABLE accounts.mandate ADD CONSTRAINT one_operator_a_day EXCLUDE USING gist (
    int8range(principal_ref, principal_ref, '[]') WITH &&,
    daterange(starts_on, ends_on, '[]') WITH &&) WHERE (kind = 'operates');
ALTER TABLE accounts.mandate ADD CONSTRAINT one_mandate_a_day EXCLUDE USING gist (
    int8range(principal_ref, principal_ref, '[]') WITH &&,
    int8range(agent_ref, agent_ref, '[]') WITH &&,
    daterange(starts_on, ends_on, '[]') WITH &&) WHERE (kind = 'sub_processes');

CREATE UNIQUE INDEX one_recovery_at_a_time ON accounts.recovery_request (actor_ref) WHERE decided_at IS NULL;
CREATE INDEX recovery_request_by_org ON accounts.recovery_request (org_ref);
CREATE INDEX invitation_by_org ON accounts.invitation (org_ref);
CREATE INDEX session_alive_by_org ON accounts.session (org_ref) WHERE ended_at IS NULL;
CREATE INDEX event_report_to_handle ON accounts.event_report (reported_at) WHERE handled_at IS NULL;

-- A person who goes from assistant to manager no longer works under somebody.
GRANT UPDATE (accountable_ref) ON accounts.membership TO rempart_portals;

-- Ends the sessions of one organisation (null: of any), or of one person and of those they answer for, that no longer
-- rest on what opened them: suspended, or another role since. accounts.enter_session refuses these already; ended, they
-- do not live again when what they rested on is restored. Nobody ends a session that stands.
CREATE FUNCTION accounts.end_fallen_sessions(within bigint, somebody bigint)
    RETURNS TABLE (session_ref bigint, actor_ref bigint, org_ref bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE accounts.session AS s SET ended_at = clock_timestamp(), end_reason = 'suspended'
    WHERE s.ended_at IS NULL
      AND (pg_has_role(session_user, 'rempart_plane_accounts', 'MEMBER') OR accounts.is_host()
           OR (accounts.administers() AND s.org_ref = accounts.my_org()))
      AND (within IS NULL OR s.org_ref = within
           OR s.org_ref IN (SELECT o.org_ref FROM accounts.organisation AS o WHERE o.hosted_by = within)
           OR s.membership_ref IN (SELECT m.membership_ref FROM accounts.membership AS m WHERE m.via_ref = within))
      AND (somebody IS NULL OR somebody IN (s.actor_ref, s.accountable_ref))
      AND (EXISTS (SELECT 1 FROM accounts.actor AS a
                   WHERE a.actor_ref IN (s.actor_ref, s.accountable_ref) AND a.suspended_at IS NOT NULL)
           OR EXISTS (SELECT 1 FROM accounts.organisation AS o
                      LEFT JOIN accounts.organisation AS host ON host.org_ref = o.hosted_by
                      WHERE o.org_ref = s.org_ref AND (o.suspended_at IS NOT NULL OR host.suspended_at IS NOT NULL))
           OR EXISTS (SELECT 1 FROM accounts.membership AS m
                      LEFT JOIN accounts.organisation AS via ON via.org_ref = m.via_ref
                      WHERE m.membership_ref = s.membership_ref
                        AND (m.suspended_at IS NOT NULL OR via.suspended_at IS NOT NULL OR m.role <> s.role
                             OR m.accountable_ref IS DISTINCT FROM s.accountable_ref))
           OR EXISTS (SELECT 1 FROM accounts.membership AS m
                      WHERE m.org_ref = s.org_ref AND m.suspended_at IS NOT NULL
                        AND ((m.actor_ref = s.accountable_ref AND m.role = 'holder')
                             OR (s.membership_ref IS NULL AND m.actor_ref = s.actor_ref AND m.role = s.role))))
    RETURNING s.session_ref, s.actor_ref, s.org_ref
$$;
GRANT EXECUTE ON FUNCTION accounts.end_fallen_sessions TO rempart_portals, rempart_plane_accounts;

-- Brings a professional, named by their number, into the asker's establishment as a locum the asker answers for. The row
-- policies show a holder nobody of another establishment; what is learnt here is that the register has this number.
CREATE FUNCTION accounts.bring_locum(number text, new_ref bigint, last_day date) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, accountable_ref, starts_on, ends_on)
    SELECT new_ref, p.account_ref, accounts.my_org(), 'locum', accounts.my_actor(),
           (now() AT TIME ZONE 'Europe/Paris')::date, last_day
    FROM accounts.professional AS p
    JOIN accounts.actor AS a ON a.actor_ref = p.account_ref AND a.suspended_at IS NULL
    WHERE p.rpps = number AND p.account_ref <> accounts.my_actor() AND accounts.my_role() = 'holder'
      AND accounts.my_establishment() IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM accounts.membership AS m
                      WHERE m.actor_ref = p.account_ref AND m.org_ref = accounts.my_org()
                        AND m.ends_on >= (now() AT TIME ZONE 'Europe/Paris')::date)
    RETURNING actor_ref
$$;
GRANT EXECUTE ON FUNCTION accounts.bring_locum TO rempart_portals;
