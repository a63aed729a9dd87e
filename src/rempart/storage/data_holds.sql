-- Holds of persons' data (psycopg: roles keeper and portals).

-- name: place_hold
-- Keep data from now on; the database finds whom a contract covers.
INSERT INTO retention.data_hold (hold_ref, kind, insurer_id, person_ref, contract_ref, fields, reason, placed_by)
VALUES (%(hold_ref)s, %(kind)s, %(insurer_id)s, %(person_ref)s, %(contract_ref)s, %(fields)s::text[], %(reason)s, %(by)s);

-- name: hold_inquired
-- Keep data of whom an approved inquiry found; how many holds that makes.
SELECT retention.hold_inquired(%(hold_ref)s, %(inquiry_ref)s, %(kind)s, %(fields)s::text[], %(reason)s);

-- name: release_hold
-- Let them go again; the database writes when.
UPDATE retention.data_hold SET released_by = %(by)s, release_reason = %(reason)s
WHERE hold_ref = %(hold_ref)s AND released_at IS NULL;

-- name: list_holds
-- Those in force, the oldest first. Whom they keep is not said.
SELECT hold_ref, kind, insurer_id, fields, reason, placed_at FROM retention.data_hold
WHERE released_at IS NULL ORDER BY placed_at, hold_ref;

-- name: add_event
-- What interrupts or suspends the actions of a person, or extends their cover.
INSERT INTO retention.event (insurer_id, person_ref, kind, starts_on, ends_on, reason, told_by)
VALUES (%(insurer_id)s, %(person_ref)s, %(kind)s, %(starts_on)s, %(ends_on)s, %(reason)s, %(by)s);
