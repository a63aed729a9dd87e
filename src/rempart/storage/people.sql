-- The people of an organisation: their roles, their invitations, the recoveries asked for them. Every query that acts
-- names the organisation, whatever the row policies would show.

-- name: lock_people
-- One change among the people of an organisation at a time: two administrators never remove each other at once.
SELECT pg_advisory_xact_lock(hashtext('rempart people'), hashint8(%(org_ref)s::bigint));

-- name: load_membership
-- One role, as the rules look at it.
SELECT m.membership_ref, m.actor_ref, a.kind, m.org_ref, o.kind, m.role,
       m.suspended_at IS NULL
           AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on AS active,
       m.suspended_at IS NOT NULL AS suspended, m.accountable_ref
FROM accounts.membership AS m
JOIN accounts.actor AS a USING (actor_ref)
JOIN accounts.organisation AS o ON o.org_ref = m.org_ref
WHERE m.membership_ref = %(membership_ref)s;

-- name: list_other_roles
-- The other roles of the same person in the same organisation that are not over.
SELECT o.role, o.suspended_at IS NULL AND o.starts_on <= (now() AT TIME ZONE 'Europe/Paris')::date AS active
FROM accounts.membership AS o
WHERE o.actor_ref = %(actor_ref)s AND o.org_ref = %(org_ref)s AND o.membership_ref <> %(membership_ref)s
  AND o.ends_on >= (now() AT TIME ZONE 'Europe/Paris')::date
ORDER BY o.membership_ref;

-- name: find_holder
-- The role of the holder of an organisation's establishment who has an RPPS number.
SELECT m.membership_ref, m.actor_ref, a.kind, m.org_ref, o.kind, m.role,
       m.suspended_at IS NULL AND a.suspended_at IS NULL
           AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on AS active,
       m.suspended_at IS NOT NULL AS suspended, m.accountable_ref
FROM accounts.professional AS p
JOIN accounts.membership AS m ON m.actor_ref = p.account_ref AND m.org_ref = %(org_ref)s AND m.role = 'holder'
JOIN accounts.actor AS a ON a.actor_ref = m.actor_ref
JOIN accounts.organisation AS o ON o.org_ref = m.org_ref
WHERE p.rpps = %(rpps)s
ORDER BY m.ends_on DESC LIMIT 1;

-- name: list_administrators
-- Who administers an organisation today.
SELECT DISTINCT a.actor_ref, a.kind
FROM accounts.membership AS m
JOIN accounts.actor AS a ON a.actor_ref = m.actor_ref AND a.suspended_at IS NULL
WHERE m.org_ref = %(org_ref)s AND m.role = ANY (%(roles)s::text[]) AND m.suspended_at IS NULL
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on
ORDER BY a.actor_ref;

-- name: count_other_administrators
-- How many other people than one administer an organisation today.
SELECT count(DISTINCT m.actor_ref)
FROM accounts.membership AS m
JOIN accounts.actor AS a ON a.actor_ref = m.actor_ref AND a.suspended_at IS NULL
WHERE m.org_ref = %(org_ref)s AND m.actor_ref <> %(actor_ref)s AND m.role = ANY (%(roles)s::text[])
  AND m.suspended_at IS NULL
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on;

-- name: list_people
-- One page of the people of an organisation (or one of its roles), and how many there are in all. `sort` names a column;
-- `direction` is 1 or -1. The last sign-in is of this organisation; whoever may not see its events gets none.
WITH shown AS (
    SELECT m.membership_ref, m.actor_ref, a.kind, a.display_name, m.role, m.starts_on,
           NULLIF(m.ends_on, 'infinity') AS ends_on, COALESCE(answerable.display_name, '') AS accountable,
           COALESCE(via.name, '') AS via,
           CASE
               WHEN a.suspended_at IS NOT NULL THEN 'account_suspended'
               WHEN m.suspended_at IS NOT NULL THEN 'suspended'
               WHEN m.starts_on > (now() AT TIME ZONE 'Europe/Paris')::date THEN 'to_come'
               WHEN seen.last_at IS NULL AND invited.waiting THEN 'invited'
               ELSE 'active'
           END AS state,
           seen.last_at,
           EXISTS (SELECT 1 FROM accounts.recovery_request AS r
                   WHERE r.actor_ref = m.actor_ref AND r.decided_at IS NULL) AS recovering,
           row_number() OVER (ORDER BY lower(a.display_name), m.membership_ref) AS name_rank
    FROM accounts.membership AS m
    JOIN accounts.actor AS a USING (actor_ref)
    LEFT JOIN accounts.actor AS answerable ON answerable.actor_ref = m.accountable_ref
    LEFT JOIN accounts.organisation AS via ON via.org_ref = m.via_ref
    LEFT JOIN LATERAL (
        SELECT max(e.at) AS last_at FROM accounts.security_event AS e
        WHERE e.actor_ref = m.actor_ref AND e.org_ref = m.org_ref AND e.kind = 'signed_in'
    ) AS seen ON true
    LEFT JOIN LATERAL (
        SELECT true AS waiting FROM accounts.invitation AS i
        WHERE i.actor_ref = m.actor_ref AND i.used_at IS NULL AND i.revoked_at IS NULL
          AND i.expires_at > clock_timestamp()
        LIMIT 1
    ) AS invited ON true
    WHERE m.org_ref = %(org_ref)s AND m.ends_on >= (now() AT TIME ZONE 'Europe/Paris')::date
      AND (%(membership_ref)s::bigint IS NULL OR m.membership_ref = %(membership_ref)s::bigint)
)
SELECT membership_ref, actor_ref, kind, display_name, role, starts_on, ends_on, accountable, via, state, last_at,
       recovering, count(*) OVER () AS total
FROM shown
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'role' THEN array_position(%(roles)s::text[], role)
             WHEN 'state' THEN array_position(ARRAY['active', 'invited', 'to_come', 'suspended', 'account_suspended'], state)
             WHEN 'seen' THEN COALESCE(extract(epoch FROM last_at), 0)
             ELSE name_rank
         END, name_rank
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: insert_actor
-- Somebody who may act from now on.
INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)
VALUES (%(actor_ref)s, %(kind)s, %(display_name)s, %(user_handle)s);

-- name: insert_membership
-- Their role in an organisation, from today.
INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, accountable_ref, via_ref, starts_on)
VALUES (%(membership_ref)s, %(actor_ref)s, %(org_ref)s, %(role)s, %(accountable_ref)s, %(via_ref)s,
        (now() AT TIME ZONE 'Europe/Paris')::date);

-- name: bring_locum
-- A professional of the register as a locum the asker answers for; null when nobody has this number, or they work here.
SELECT accounts.bring_locum(%(rpps)s, %(membership_ref)s, %(ends_on)s);

-- name: set_role
-- Another role in the same organisation, and who answers for it.
UPDATE accounts.membership SET role = %(role)s, accountable_ref = %(accountable_ref)s
WHERE membership_ref = %(membership_ref)s AND org_ref = %(org_ref)s
RETURNING membership_ref;

-- name: suspend_person
-- Stops every role of somebody in one organisation.
UPDATE accounts.membership SET suspended_at = clock_timestamp()
WHERE actor_ref = %(actor_ref)s AND org_ref = %(org_ref)s AND suspended_at IS NULL
RETURNING membership_ref;

-- name: restore_person
-- Gives somebody their roles in one organisation back.
UPDATE accounts.membership SET suspended_at = NULL
WHERE actor_ref = %(actor_ref)s AND org_ref = %(org_ref)s AND suspended_at IS NOT NULL
RETURNING membership_ref;

-- name: end_fallen_sessions
-- Ends the sessions of an organisation, or of one person, that rest on something suspended or changed.
SELECT session_ref, actor_ref, org_ref FROM accounts.end_fallen_sessions(%(org_ref)s, %(actor_ref)s);

-- name: suspend_account
-- Stops somebody everywhere.
UPDATE accounts.actor SET suspended_at = clock_timestamp()
WHERE actor_ref = %(actor_ref)s AND suspended_at IS NULL
RETURNING actor_ref;

-- name: restore_account
-- Lets somebody act again.
UPDATE accounts.actor SET suspended_at = NULL
WHERE actor_ref = %(actor_ref)s AND suspended_at IS NOT NULL
RETURNING actor_ref;

-- name: insert_invitation
-- A one-time code, by its digest; its lifetime starts at the database's clock.
INSERT INTO accounts.invitation
    (invitation_ref, code_digest, kind, actor_ref, org_ref, invited_by, approved_by, expires_at)
VALUES (%(invitation_ref)s, %(code_digest)s, %(kind)s, %(actor_ref)s, %(org_ref)s, %(invited_by)s, %(approved_by)s,
        clock_timestamp() + %(lifetime)s::interval);

-- name: load_expiry
-- Until when an invitation waits.
SELECT expires_at FROM accounts.invitation WHERE invitation_ref = %(invitation_ref)s;

-- name: list_invitations
-- The invitations of an organisation that wait for their person, the newest first.
SELECT i.invitation_ref, i.actor_ref, a.display_name, i.kind, COALESCE(by.display_name, '') AS invited_by, i.created_at,
       i.expires_at
FROM accounts.invitation AS i
JOIN accounts.actor AS a ON a.actor_ref = i.actor_ref
LEFT JOIN accounts.actor AS by ON by.actor_ref = i.invited_by
WHERE i.org_ref = %(org_ref)s AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > clock_timestamp()
ORDER BY i.created_at DESC, i.invitation_ref;

-- name: revoke_invitation
-- Takes one waiting invitation of an organisation back.
UPDATE accounts.invitation SET revoked_at = clock_timestamp()
WHERE invitation_ref = %(invitation_ref)s AND org_ref = %(org_ref)s
  AND used_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()
RETURNING actor_ref;

-- name: revoke_waiting
-- Takes back every waiting invitation of somebody, for one organisation or, null, for themselves.
UPDATE accounts.invitation SET revoked_at = clock_timestamp()
WHERE actor_ref = %(actor_ref)s AND org_ref IS NOT DISTINCT FROM %(org_ref)s
  AND used_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()
RETURNING invitation_ref;

-- name: insert_recovery
-- A request that somebody be invited again.
INSERT INTO accounts.recovery_request (request_ref, actor_ref, org_ref, asked_by, reason)
VALUES (%(request_ref)s, %(actor_ref)s, %(org_ref)s, %(asked_by)s, %(reason)s);

-- name: is_recovering
-- Whether a request for somebody waits for its decision.
SELECT EXISTS (SELECT 1 FROM accounts.recovery_request WHERE actor_ref = %(actor_ref)s AND decided_at IS NULL);

-- name: load_recovery
-- One request, as the rules look at it; locked until it is decided.
SELECT request_ref, actor_ref, org_ref, asked_by, asked_at, decided_at IS NOT NULL AS decided, approved
FROM accounts.recovery_request WHERE request_ref = %(request_ref)s;

-- name: list_recoveries
-- The requests that wait for a decision in one organisation or, null, everywhere the asker sees, the oldest first.
SELECT r.request_ref, r.actor_ref, a.display_name, r.asked_by, by.display_name, r.reason, r.asked_at,
       COALESCE(o.name, '') AS org_name
FROM accounts.recovery_request AS r
JOIN accounts.actor AS a ON a.actor_ref = r.actor_ref
JOIN accounts.actor AS by ON by.actor_ref = r.asked_by
LEFT JOIN accounts.organisation AS o ON o.org_ref = r.org_ref
WHERE r.decided_at IS NULL AND (%(org_ref)s::bigint IS NULL OR r.org_ref = %(org_ref)s::bigint)
ORDER BY r.asked_at, r.request_ref;

-- name: decide_recovery
-- Decides a request once: of two people who decide at once, the second gets no row.
UPDATE accounts.recovery_request
SET decided_at = clock_timestamp(), decided_by = %(decided_by)s, approved = %(approved)s
WHERE request_ref = %(request_ref)s AND decided_at IS NULL
RETURNING request_ref;

-- name: read_clock
-- The instant that decides: one clock for every process.
SELECT clock_timestamp();

-- name: find_member
-- The account of a person of an insurer, if they have one.
SELECT actor_ref FROM accounts.member WHERE insurer_id = %(insurer_id)s AND person_ref = %(person_ref)s;

-- name: insert_member
-- Which person of which insurer somebody is.
INSERT INTO accounts.member (actor_ref, insurer_id, person_ref)
VALUES (%(actor_ref)s, %(insurer_id)s, %(person_ref)s);
