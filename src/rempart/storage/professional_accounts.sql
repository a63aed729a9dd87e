-- What the role that recognises people (signin) needs when an identity provider names somebody.

-- name: find_professional
-- The account of an RPPS number, whether it may act, and where our register says they work.
SELECT p.account_ref, p.establishment_ref, a.suspended_at IS NOT NULL AS suspended
FROM accounts.professional AS p
JOIN accounts.actor AS a ON a.actor_ref = p.account_ref
WHERE p.rpps = %(rpps)s;

-- name: list_places
-- Establishments that have a space here, among those a provider names.
SELECT o.org_ref, o.name, e.establishment_ref, e.finess, e.siret
FROM accounts.establishment AS e
JOIN accounts.organisation AS o ON o.establishment_ref = e.establishment_ref
WHERE (e.finess = ANY(%(finess)s) OR e.siret = ANY(%(siret)s)) AND o.suspended_at IS NULL
ORDER BY o.org_ref;

-- name: list_holders
-- Who holds each of these establishments today, the first to come first.
SELECT m.org_ref, m.actor_ref
FROM accounts.membership AS m
JOIN accounts.actor AS a ON a.actor_ref = m.actor_ref
JOIN accounts.professional AS p ON p.account_ref = m.actor_ref
WHERE m.org_ref = ANY(%(org_refs)s) AND m.role = 'holder'
  AND m.suspended_at IS NULL AND a.suspended_at IS NULL
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on
ORDER BY m.created_at, m.membership_ref;

-- name: list_memberships
-- Every membership of somebody in force today, in organisations of some kinds, nobody it rests on being suspended.
SELECT m.membership_ref, m.org_ref, o.name, m.role, m.accountable_ref,
       COALESCE(answerable.display_name, '') AS accountable_name, COALESCE(o.identity_provider, '') AS provider
FROM accounts.membership AS m
JOIN accounts.organisation AS o ON o.org_ref = m.org_ref
LEFT JOIN accounts.organisation AS host ON host.org_ref = o.hosted_by
LEFT JOIN accounts.organisation AS via ON via.org_ref = m.via_ref
LEFT JOIN accounts.actor AS answerable ON answerable.actor_ref = m.accountable_ref
WHERE m.actor_ref = %(actor_ref)s AND o.kind = ANY(%(kinds)s)
  AND m.suspended_at IS NULL AND o.suspended_at IS NULL AND host.suspended_at IS NULL
  AND via.suspended_at IS NULL AND answerable.suspended_at IS NULL
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on
  AND (m.via_ref IS NULL OR EXISTS (
       SELECT 1 FROM accounts.mandate AS d
       WHERE d.principal_ref = m.org_ref AND d.agent_ref = m.via_ref AND d.kind = 'sub_processes'
         AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN d.starts_on AND d.ends_on))
ORDER BY o.name, m.membership_ref;

-- name: find_linked_actor
-- Who a provider's subject is here, and whether they may act.
SELECT a.actor_ref, a.kind, a.suspended_at IS NOT NULL AS suspended
FROM accounts.provider_identity AS i
JOIN accounts.actor AS a ON a.actor_ref = i.actor_ref
WHERE i.provider = %(provider)s AND i.subject = %(subject)s;

-- name: link_actor
-- Links a provider's subject to somebody, once; no row when either is linked already.
INSERT INTO accounts.provider_identity (provider, subject, actor_ref)
VALUES (%(provider)s, %(subject)s, %(actor_ref)s)
ON CONFLICT DO NOTHING
RETURNING actor_ref;

-- name: has_organisation_of
-- Whether an organisation's agents may come through this provider.
SELECT 1 FROM accounts.organisation AS o
WHERE o.org_ref = %(org_ref)s AND o.identity_provider = %(provider)s AND o.suspended_at IS NULL;

-- name: find_session_provider
-- Through which provider a session was opened, and under which of its names.
SELECT s.provider, s.provider_sub FROM accounts.session AS s
WHERE s.session_ref = %(session_ref)s AND s.ended_at IS NULL;

-- name: list_provider_sessions
-- The live sessions that a provider's session opened, or all of a subject's when it names no session.
SELECT s.session_ref FROM accounts.session AS s
WHERE s.provider = %(provider)s AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND (%(sid)s = '' OR s.provider_sid = %(sid)s) AND (%(subject)s = '' OR s.provider_sub = %(subject)s)
FOR UPDATE;

-- name: use_message
-- Notes that a provider's message was used; no row when it was used before.
INSERT INTO accounts.used_assertion (assertion_digest, expires_at)
VALUES (%(digest)s, clock_timestamp() + %(lifetime)s::interval)
ON CONFLICT (assertion_digest) DO NOTHING
RETURNING assertion_digest;
