-- Browser sessions: opened by the role that recognises people, entered by the pages, and the events of both.

-- name: enter
-- Recognises a live session by the digests of its token and of its device's cookie, and gives this transaction its ticket; no row when it is not one.
SELECT session_ref, actor_ref, actor_kind, display_name, role, org_ref, org_name, org_kind, insurer_id, establishment_ref,
       person_ref, accountable_ref, membership_ref, method, is_host, opened_at, expires_at, idle_limit, stepped_up_at, is_bound
FROM accounts.enter_session(%(digest)s, %(device)s);

-- name: insert_session
-- A new session. Its limits are those of the role.
INSERT INTO accounts.session (session_ref, token_digest, actor_ref, role, membership_ref, org_ref, accountable_ref, method,
                              provider, provider_sid, provider_sub, address, agent, idle_limit, expires_at, stepped_up_at)
VALUES (%(session_ref)s, %(token_digest)s, %(actor_ref)s, %(role)s, %(membership_ref)s, %(org_ref)s, %(accountable_ref)s,
        %(method)s, %(provider)s, %(provider_sid)s, %(provider_sub)s, %(address)s, %(agent)s, %(idle)s,
        clock_timestamp() + %(absolute)s::interval, clock_timestamp());

-- name: end_session
-- Ends one session the asker may see; an ended one keeps its first end.
UPDATE accounts.session SET ended_at = clock_timestamp(), end_reason = %(reason)s
WHERE session_ref = %(session_ref)s AND ended_at IS NULL
RETURNING actor_ref;

-- name: insert_event
-- One security event, in the transaction of the act it tells of.
INSERT INTO accounts.security_event
    (event_ref, kind, actor_ref, by_ref, session_ref, org_ref, address, agent, details)
VALUES (%(event_ref)s, %(kind)s, %(actor_ref)s, %(by_ref)s, %(session_ref)s, %(org_ref)s, %(address)s, %(agent)s,
        %(details)s);
