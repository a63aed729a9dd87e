-- What verifiers take along, and what it is made from: keys, revocations, documents as they were signed.

-- name: add_signing_key
-- The public side of a new key.
INSERT INTO rights.card_signing_key (key_id, public_key, from_on, to_on)
VALUES (%(key_id)s, %(public_key)s, %(from_on)s, %(to_on)s);

-- name: list_signing_keys
-- Every key, the newest last.
SELECT key_id, public_key, from_on, to_on, revoked_at IS NOT NULL AS revoked
FROM rights.card_signing_key ORDER BY from_on, added_at;

-- name: end_signing_key
-- The last day on which a key may issue.
UPDATE rights.card_signing_key SET to_on = GREATEST(from_on, %(to_on)s) WHERE key_id = %(key_id)s AND to_on > %(to_on)s;

-- name: revoke_signing_key
-- No card of this key counts any more.
UPDATE rights.card_signing_key SET revoked_at = clock_timestamp()
WHERE key_id = %(key_id)s AND revoked_at IS NULL RETURNING key_id;

-- name: list_revoked_serials
-- Cards that would still be valid and count no more: revoked, or of somebody who is not a member (any more, or at present).
SELECT card.serial FROM rights.card
WHERE card.valid_to >= %(today)s
  AND (card.revoked_at IS NOT NULL
       OR NOT EXISTS (SELECT FROM rights.coverage AS sheet WHERE sheet.person_ref = card.holder_ref));

-- name: close_expired_cards
-- Keys of cards whose validity ended lately: they open nothing any more.
DELETE FROM rights.lookup
USING rights.card_key AS own JOIN rights.card USING (serial)
WHERE card.valid_to < %(today)s AND card.valid_to >= %(today)s - 400
  AND lookup.lookup_key = own.presence_key AND lookup.person_ref = own.person_ref;

-- name: add_document
-- Publishes a document under the next number of its kind.
INSERT INTO rights.card_document (kind, number, issued_on, body) VALUES (%(kind)s, %(number)s, %(issued_on)s, %(body)s);

-- name: load_document
-- The last document of a kind.
SELECT number, issued_on, body FROM rights.card_document WHERE kind = %(kind)s ORDER BY number DESC LIMIT 1;

-- name: drop_old_documents
-- Documents that newer ones replaced long ago: lists are long, and nobody reads an old one.
DELETE FROM rights.card_document WHERE kind = %(kind)s AND number <= %(number)s - 30;
