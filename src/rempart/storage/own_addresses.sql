-- Where somebody is warned, as they manage it themselves: the list under their ticket (role portals), the rest by the role
-- signin, after a fresh ceremony.

-- name: list_own
-- The addresses in use of one person, the oldest first.
SELECT contact_ref, channel, hint, added_at FROM accounts.contact
WHERE actor_ref = %(actor_ref)s AND replaced_at IS NULL ORDER BY added_at, contact_ref;

-- name: lock_own
-- The same, locked: two requests must not each remove the last but one.
SELECT contact_ref, channel, hint, added_at FROM accounts.contact
WHERE actor_ref = %(actor_ref)s AND replaced_at IS NULL ORDER BY added_at, contact_ref
FOR UPDATE;

-- name: list_waiting
-- Addresses that wait for their code.
SELECT contact_ref, channel, hint FROM accounts.contact_request
WHERE actor_ref = %(actor_ref)s AND expires_at > clock_timestamp() AND tries < %(most)s
ORDER BY expires_at, contact_ref;

-- name: lock_giving
-- One at a time for each person: two pages at once give no more than one.
SELECT pg_advisory_xact_lock(hashtextextended('rempart addresses of', %(actor_ref)s::bigint));

-- name: count_given
-- How many addresses a person gave lately that were not confirmed, whether their code may still be tried or not.
SELECT count(*) FROM accounts.contact_request WHERE actor_ref = %(actor_ref)s AND expires_at > clock_timestamp();

-- name: insert_request
-- An address given, with its code; those of this person that waited too long leave.
WITH gone AS (DELETE FROM accounts.contact_request
              WHERE actor_ref = %(actor_ref)s AND expires_at < clock_timestamp())
INSERT INTO accounts.contact_request (contact_ref, actor_ref, channel, sealed, hint, code_digest, sealed_code, expires_at)
VALUES (%(contact_ref)s, %(actor_ref)s, %(channel)s, %(sealed)s, %(hint)s, %(code_digest)s, %(sealed_code)s,
        clock_timestamp() + %(lifetime)s::interval);

-- name: count_code
-- Counts one try of a code, right or not; no row when there is nothing to try any more.
UPDATE accounts.contact_request SET tries = tries + 1
WHERE contact_ref = %(contact_ref)s AND actor_ref = %(actor_ref)s AND expires_at > clock_timestamp()
  AND tries < %(most)s
RETURNING code_digest;

-- name: keep_confirmed
-- An address whose code was given back is warned from now on.
WITH asked AS (DELETE FROM accounts.contact_request
               WHERE contact_ref = %(contact_ref)s AND actor_ref = %(actor_ref)s
               RETURNING contact_ref, actor_ref, channel, sealed, hint)
INSERT INTO accounts.contact (contact_ref, actor_ref, channel, sealed, hint)
SELECT contact_ref, actor_ref, channel, sealed, hint FROM asked
RETURNING channel;

-- name: remove_own
-- An address is no longer in use: warned for some time yet.
UPDATE accounts.contact SET replaced_at = clock_timestamp()
WHERE contact_ref = %(contact_ref)s AND actor_ref = %(actor_ref)s AND replaced_at IS NULL
RETURNING channel;
