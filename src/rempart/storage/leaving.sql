-- What leaves: persons, claims and promises as a run looks at them, and the doors they go by (psycopg: role keeper).

-- name: list_leavers
-- The next block of persons: its last reference, and those whose contracts ended by a day.
SELECT last_ref, person_refs FROM retention.list_leavers(%(after)s, %(most)s, %(ended_by)s);

-- name: read_people
-- Persons, what their periods count from, and where their fields are.
SELECT person_ref, insurer_id, contract_end, last_payment, changed_in, gone, has_identity, has_coverage, has_card, has_account,
       archived, waits
FROM retention.read_people(%(refs)s::bigint[]);

-- name: list_claims
-- Claims that came to their end by a day, or whose care was given by another.
SELECT subject, person_ref, insurer_id, settled_on, care_on, active, archived
FROM retention.list_claims(%(after)s, %(most)s, %(settled_by)s, %(given_by)s, %(only_these)s::bigint[]);

-- name: list_promises
-- Promises that did.
SELECT subject, person_ref, insurer_id, settled_on, care_on, active, archived
FROM retention.list_promises(%(after)s, %(most)s, %(settled_by)s, %(only_these)s::bigint[]);

-- name: list_archived
-- Claims of which only the archive holds something.
SELECT subject, person_ref, insurer_id, settled_on, care_on, active, archived
FROM retention.list_archived(%(after)s, %(most)s, %(only_these)s::bigint[]);

-- name: list_events
-- What interrupted or suspended the actions of persons.
SELECT person_ref, kind, starts_on, ends_on FROM retention.event
WHERE person_ref = ANY (%(refs)s::bigint[]) AND kind <> 'portability' ORDER BY event_ref;

-- name: list_holds
-- What keeps data of persons.
SELECT person_ref, name, fields FROM retention.list_holds_of(%(refs)s::bigint[]) ORDER BY person_ref, since, name;

-- name: lock_insurers
-- An import and a piece of a run take turns.
SELECT retention.lock_insurers(%(insurer_ids)s::integer[]);

-- name: remember_lives
-- What periods count from, before the rows that say it leave; what left a record that was stated again since is forgotten.
INSERT INTO retention.life AS known (person_ref, insurer_id, contract_end, last_payment, changed_in)
SELECT * FROM unnest(%(refs)s::bigint[], %(insurer_ids)s::integer[], %(ends)s::date[], %(payments)s::date[], %(versions)s::bigint[])
ON CONFLICT (person_ref) DO UPDATE
SET contract_end = greatest(known.contract_end, excluded.contract_end),
    last_payment = greatest(known.last_payment, excluded.last_payment),
    gone = CASE WHEN excluded.changed_in IN (0, known.changed_in) THEN known.gone ELSE '{}' END,
    changed_in = CASE excluded.changed_in WHEN 0 THEN known.changed_in ELSE excluded.changed_in END;

-- name: forget_lives
-- Of persons of whom nothing is left, this goes too.
SELECT retention.forget_lives(%(refs)s::bigint[]);

-- name: load_identities
-- Sealed identities, to take a part of each out.
SELECT person_ref, insurer_id, sealed FROM identity.person WHERE person_ref = ANY (%(refs)s::bigint[]) ORDER BY person_ref;

-- name: save_identities
-- The same without that part.
UPDATE identity.person AS p SET sealed = one.sealed, digest = one.digest
FROM unnest(%(refs)s::bigint[], %(sealed)s::bytea[], %(digests)s::bytea[]) AS one (person_ref, sealed, digest)
WHERE p.person_ref = one.person_ref;

-- name: read_keys
-- Every key persons are or were known by.
SELECT person_ref, keys FROM retention.read_keys(%(refs)s::bigint[]);

-- name: read_values
-- What the archive keeps of a field, as JSON.
SELECT subject, person_ref, insurer_id, settled_on, care_on, value FROM retention.read_values(%(field)s, %(refs)s::bigint[]);

-- name: save_archived
-- Sealed copies, into the archive. What is there already is the same thing, sealed by a piece that was cut short.
INSERT INTO archive.item (subject, field, person_ref, insurer_id, sealed, archived_on, settled_on, care_on)
SELECT one.subject, %(field)s, one.person_ref, one.insurer_id, one.sealed, %(day)s, one.settled_on, one.care_on
FROM unnest(%(refs)s::bigint[], %(persons)s::bigint[], %(insurer_ids)s::integer[], %(sealed)s::bytea[], %(settled)s::date[],
            %(care)s::date[]) AS one (subject, person_ref, insurer_id, sealed, settled_on, care_on)
ON CONFLICT (subject, field) DO UPDATE SET sealed = excluded.sealed, archived_on = excluded.archived_on;

-- name: archive_fields
-- Out of the active base, to the archive.
SELECT retention.archive_fields(%(run_id)s, %(field)s, %(refs)s::bigint[]);

-- name: purge_fields
-- Out of everything.
SELECT retention.purge_fields(%(record)s, %(field)s, %(refs)s::bigint[]);

-- name: add_archive_key
-- An insurer's key of the archive; two processes that begin at once agree on one.
INSERT INTO archive.key (insurer_id, wrapped_key) VALUES (%(insurer_id)s, %(wrapped_key)s) ON CONFLICT (insurer_id) DO NOTHING;

-- name: load_archive_key
-- The same, wrapped.
SELECT wrapped_key FROM archive.key WHERE insurer_id = %(insurer_id)s;

-- name: load_archived
-- What the archive holds of a person, sealed.
SELECT subject, field, insurer_id, sealed, archived_on FROM archive.item WHERE person_ref = %(person_ref)s ORDER BY field, subject;

-- name: count_archived
-- How much the archive holds, by insurer and field.
SELECT insurer_id, field, count(*), min(archived_on) FROM archive.item GROUP BY insurer_id, field ORDER BY insurer_id, field;

-- name: find_gone
-- What left of whom these digests know.
SELECT insurer_id, field, step, day FROM retention.find_gone(%(digests)s::uuid[]);

-- name: find_departures
-- The same as leaves of certificates, of persons only.
SELECT number, run_id, insurer_id, person_ref, field, subject, step, day FROM retention.find_departures(%(digests)s::uuid[]);
