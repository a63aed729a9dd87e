-- Who is who, sealed: what feeds write there. Nothing here reads a name.

-- name: find_persons
-- Whom some keys lead to, members or not.
SELECT known.key, known.person_ref, person.insurer_id
FROM (
    SELECT lookup_key AS key, person_ref FROM rights.lookup WHERE lookup_key = ANY (%(keys)b)
    UNION ALL
    SELECT person_key, person_ref FROM identity.person_key WHERE person_key = ANY (%(keys)b)
) AS known
JOIN identity.person USING (person_ref);

-- name: load_persons
-- Identities, with what a pending version changes of them.
SELECT person.person_ref, person.changed_in, person.sealed, person.digest,
       array_send(person.lookup_keys) AS lookup_keys,
       pending.sealed AS pending_sealed, pending.digest AS pending_digest,
       array_send(pending.lookup_keys) AS pending_keys, seen.stated, seen.changed
FROM identity.person
LEFT JOIN identity.pending_person AS pending
       ON pending.feed_version = %(feed_version)s AND pending.person_ref = person.person_ref
LEFT JOIN identity.seen_in_feed AS seen
       ON seen.feed_version = %(feed_version)s AND seen.person_ref = person.person_ref
WHERE person.person_ref = ANY (%(person_refs)s);

-- name: copy_persons
-- New people.
COPY identity.person (person_ref, insurer_id, sealed, digest, lookup_keys, changed_in)
FROM STDIN (FORMAT binary);

-- name: copy_person_keys
-- Keys of new people that open nothing.
COPY identity.person_key (person_key, person_ref, added_in) FROM STDIN (FORMAT binary);

-- name: add_person_keys
-- Keys that a pending version gives to somebody; those that lead there already stay as they are.
INSERT INTO identity.person_key (person_key, person_ref, added_in)
SELECT added.key, %(person_ref)s, %(feed_version)s
FROM unnest(%(keys)b::uuid[]) AS added (key)
WHERE NOT EXISTS (SELECT FROM rights.lookup WHERE lookup_key = added.key)
ON CONFLICT (person_key) DO NOTHING;

-- name: mark_seen
-- Notes that a pending version speaks of some people.
INSERT INTO identity.seen_in_feed (feed_version, person_ref, stated, changed)
SELECT %(feed_version)s, marked.person_ref, %(stated)s, %(changed)s
FROM unnest(%(person_refs)s::bigint[]) AS marked (person_ref)
ON CONFLICT (feed_version, person_ref) DO UPDATE
    SET stated = seen_in_feed.stated OR excluded.stated,
        changed = seen_in_feed.changed OR excluded.changed;

-- name: stage_person
-- What a pending version makes of somebody's identity.
INSERT INTO identity.pending_person (feed_version, person_ref, sealed, digest, lookup_keys)
VALUES (%(feed_version)s, %(person_ref)s, %(sealed)s, %(digest)s, %(lookup_keys)b)
ON CONFLICT (feed_version, person_ref) DO UPDATE
    SET sealed = excluded.sealed, digest = excluded.digest, lookup_keys = excluded.lookup_keys;

-- name: unstage_persons
-- Takes back changes that the rest of the file undid.
DELETE FROM identity.pending_person
WHERE feed_version = %(feed_version)s AND person_ref = ANY (%(person_refs)s);

-- name: rewrite_person
-- Changes somebody whom the pending version itself brought: nobody sees them yet.
UPDATE identity.person
SET sealed = %(sealed)s, digest = %(digest)s, lookup_keys = %(lookup_keys)b
WHERE person_ref = %(person_ref)s AND changed_in = %(feed_version)s;

-- name: apply_pending_persons
-- Publishing: identities become what the version states.
UPDATE identity.person
SET sealed = pending.sealed, digest = pending.digest, lookup_keys = pending.lookup_keys,
    changed_in = pending.feed_version
FROM identity.pending_person AS pending
WHERE pending.feed_version = %(feed_version)s AND pending.person_ref = person.person_ref;

-- name: forget_never_covered
-- Publishing: people that one row of a version brought and another took away again were never anybody's members.
WITH gone AS MATERIALIZED (
    DELETE FROM identity.person
    USING identity.seen_in_feed AS seen
    WHERE seen.feed_version = %(feed_version)s AND seen.changed
      AND person.person_ref = seen.person_ref AND person.changed_in = %(feed_version)s
      AND NOT EXISTS (SELECT FROM rights.coverage AS sheet WHERE sheet.person_ref = person.person_ref)
      AND NOT EXISTS (
          SELECT FROM rights.past_coverage AS sheet WHERE sheet.person_ref = person.person_ref)
    RETURNING person.person_ref, person.lookup_keys
), closed AS (
    DELETE FROM rights.lookup USING gone
    WHERE lookup.lookup_key = ANY (gone.lookup_keys) AND lookup.person_ref = gone.person_ref
)
DELETE FROM identity.person_key USING gone WHERE person_key.person_ref = gone.person_ref;

-- name: forget_pending_persons
-- Ending a version: nothing is staged any more.
DELETE FROM identity.pending_person WHERE feed_version = %(feed_version)s;

-- name: forget_seen
-- Ending a version: whom it spoke of.
DELETE FROM identity.seen_in_feed WHERE feed_version = %(feed_version)s;

-- name: drop_version_keys
-- Discarding: keys the version added, and those that a sweep kept meanwhile of people it brought.
DELETE FROM identity.person_key
WHERE added_in = %(feed_version)s OR person_ref IN (
    SELECT person_ref FROM identity.person
    WHERE insurer_id = %(insurer_id)s AND changed_in = %(feed_version)s);

-- name: drop_version_persons
-- Discarding: people the version brought.
DELETE FROM identity.person
WHERE insurer_id = %(insurer_id)s AND changed_in = %(feed_version)s;
