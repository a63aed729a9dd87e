-- What the role that recognises people (signin) needs when an identity provider names somebody.

-- name: find_professional
-- The account of an RPPS number, whether it may act, and where our register says they work.
SELECT p.account_ref, p.establishment_ref, a.suspended_at IS NOT NULL AS suspended
FROM accounts.professional AS p
JOIN accounts.actor AS a ON a.actor_ref = p.account_ref
WHERE p.rpps = %(rpps)s;

-- name: load_professional
-- The same, by account.
SELECT p.account_ref, p.establishment_ref, a.suspended_at IS NOT NULL AS suspended
FROM accounts.professional AS p
JOIN accounts.actor AS a ON a.actor_ref = p.account_ref
WHERE p.account_ref = %(actor_ref)s;

-- name: list_places
-- Establishments that have a space here, among those a provider names.
SELECT o.org_ref, o.name, e.establishment_ref, e.finess, e.siret
FROM accounts.establishment AS e
JOIN accounts.organisation AS o ON o.establishment_ref = e.establishment_ref
WHERE (e.finess = ANY(%(finess)s) OR e.siret = ANY(%(siret)s)) AND o.suspended_at IS NULL
ORDER BY o.org_ref;

-- name: describe_places
-- The same establishments again, by their organisation.
SELECT o.org_ref, o.name, e.establishment_ref, e.finess, e.siret
FROM accounts.organisation AS o
JOIN accounts.establishment AS e ON e.establishment_ref = o.establishment_ref
WHERE o.org_ref = ANY(%(org_refs)s) AND o.suspended_at IS NULL;

-- name: list_holders
-- Who holds each of these establishments, the first to come first, and whether they may answer for somebody today.
SELECT m.org_ref, m.actor_ref, a.display_name, m.suspended_at IS NULL AND a.suspended_at IS NULL
FROM accounts.membership AS m
JOIN accounts.actor AS a ON a.actor_ref = m.actor_ref
JOIN accounts.professional AS p ON p.account_ref = m.actor_ref
WHERE m.org_ref = ANY(%(org_refs)s) AND m.role = 'holder'
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN m.starts_on AND m.ends_on
ORDER BY m.created_at, m.membership_ref;

-- name: list_stopped
-- Among these establishments, those that suspended or ended a role of somebody.
SELECT DISTINCT m.org_ref
FROM accounts.membership AS m
WHERE m.actor_ref = %(actor_ref)s AND m.org_ref = ANY(%(org_refs)s)
  AND (m.suspended_at IS NOT NULL OR m.ends_on < (now() AT TIME ZONE 'Europe/Paris')::date);

-- name: list_names
-- What people who answer for somebody are called.
SELECT actor_ref, display_name FROM accounts.actor WHERE actor_ref = ANY(%(actor_refs)s);

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

-- name: list_trusting
-- Among these organisations, those whose agents may come through a provider.
SELECT o.org_ref FROM accounts.organisation AS o
WHERE o.org_ref = ANY(%(org_refs)s) AND o.identity_provider = %(provider)s;

-- name: find_session_provider
-- Through which provider a session was opened, and under which of its names.
SELECT s.provider, s.provider_sub FROM accounts.session AS s
WHERE s.session_ref = %(session_ref)s AND s.ended_at IS NULL;

-- name: list_provider_sessions
-- The live sessions that a provider's session opened, or all of a subject's when it names no session. One whose provider
-- did not name it at the sign-in goes with its subject: it may be the one that is over.
SELECT s.session_ref FROM accounts.session AS s
WHERE s.provider = %(provider)s AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND (%(sid)s = '' OR s.provider_sid = %(sid)s OR (s.provider_sid = '' AND %(subject)s <> ''))
  AND (%(subject)s = '' OR s.provider_sub = %(subject)s)
FOR UPDATE;

-- name: use_message
-- Notes that a provider's message was used; no row when it was used before.
INSERT INTO accounts.used_assertion (assertion_digest, expires_at)
VALUES (%(digest)s, clock_timestamp() + %(lifetime)s::interval)
ON CONFLICT (assertion_digest) DO NOTHING
RETURNING assertion_digest;
