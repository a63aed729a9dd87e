-- Where people are warned, and the warnings: written with the act they tell of, marked once sent.

-- name: warn
-- One warning per known address of whoever an event concerns, the asker's colleagues included; how many.
SELECT accounts.warn_contacts(%(event_ref)s, %(since)s);

-- name: find_owner
-- The organisation of an establishment, by FINESS or SIRET, or the account of a professional, by RPPS.
SELECT o.org_ref, NULL::bigint AS actor_ref
FROM accounts.organisation AS o JOIN accounts.establishment AS e USING (establishment_ref)
WHERE e.finess = %(key)s OR e.siret = %(key)s
UNION ALL
SELECT NULL, a.actor_ref
FROM accounts.actor AS a JOIN accounts.professional AS p ON p.account_ref = a.actor_ref
WHERE p.rpps = %(key)s;

-- name: list_current
-- The addresses in use of one owner on one channel.
SELECT contact_ref, sealed FROM accounts.contact
WHERE org_ref IS NOT DISTINCT FROM %(org_ref)s AND actor_ref IS NOT DISTINCT FROM %(actor_ref)s
  AND channel = %(channel)s AND replaced_at IS NULL;

-- name: insert_contact
-- A new address.
INSERT INTO accounts.contact (contact_ref, actor_ref, org_ref, channel, sealed)
VALUES (%(contact_ref)s, %(actor_ref)s, %(org_ref)s, %(channel)s, %(sealed)s);

-- name: replace_contacts
-- Addresses that others replace: warned for some time yet.
UPDATE accounts.contact SET replaced_at = clock_timestamp()
WHERE contact_ref = ANY (%(contact_refs)s) AND replaced_at IS NULL;

-- name: take_unsent
-- The next warnings to send, each taken by one sender until its transaction ends.
SELECT w.warning_ref, w.contact_ref, c.channel, c.sealed, e.kind, e.at, e.details, COALESCE(o.name, '') AS place,
       COALESCE(a.display_name, '') AS name
FROM accounts.warning AS w
JOIN accounts.contact AS c USING (contact_ref)
JOIN accounts.security_event AS e USING (event_ref)
LEFT JOIN accounts.organisation AS o ON o.org_ref = e.org_ref
LEFT JOIN accounts.actor AS a ON a.actor_ref = e.actor_ref
WHERE w.sent_at IS NULL AND w.warning_ref > %(after)s
ORDER BY w.warning_ref
LIMIT %(most)s
FOR UPDATE OF w SKIP LOCKED;

-- name: mark_sent
-- Warnings that left.
UPDATE accounts.warning SET sent_at = clock_timestamp() WHERE warning_ref = ANY (%(warning_refs)s);

-- name: take_codes
-- Codes to send to addresses that somebody gave, each taken by one sender until its transaction ends.
SELECT contact_ref, channel, sealed, sealed_code FROM accounts.contact_request
WHERE sent_at IS NULL AND expires_at > clock_timestamp()
ORDER BY contact_ref
LIMIT %(most)s
FOR UPDATE SKIP LOCKED;

-- name: mark_code_sent
-- A code that left.
UPDATE accounts.contact_request SET sent_at = clock_timestamp() WHERE contact_ref = %(contact_ref)s;
