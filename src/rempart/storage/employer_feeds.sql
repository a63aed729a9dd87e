-- Movements as they are applied, and statements as they are issued (psycopg: role feeds).

-- name: add_group
-- A collective contract.
INSERT INTO employers.group_contract (group_ref, org_ref, insurer_id, number, employer_name, insurer_name, starts_on, ends_on)
VALUES (%(group_ref)s, %(org_ref)s, %(insurer_id)s, %(number)s, %(employer_name)s, %(insurer_name)s, %(starts_on)s, %(ends_on)s);

-- name: find_group
-- A collective contract by the insurer's number.
SELECT g.group_ref, g.org_ref, g.insurer_id, g.number, g.starts_on, g.ends_on FROM employers.group_contract AS g
WHERE g.insurer_id = %(insurer_id)s AND g.number = %(number)s;

-- name: list_all_groups
-- Every collective contract.
SELECT g.group_ref, g.org_ref, g.insurer_id, g.number, g.starts_on, g.ends_on FROM employers.group_contract AS g ORDER BY g.group_ref;

-- name: add_tariff
-- What a structure costs from a day on; said again, it is corrected.
INSERT INTO employers.tariff (group_ref, org_ref, insurer_id, structure, starts_on, monthly_cents, terms_id)
VALUES (%(group_ref)s, %(org_ref)s, %(insurer_id)s, %(structure)s, %(starts_on)s, %(monthly_cents)s, %(terms_id)s);

-- name: drop_tariff
-- The price of a structure from a day on, to say it again.
DELETE FROM employers.tariff WHERE group_ref = %(group_ref)s AND structure = %(structure)s AND starts_on = %(starts_on)s;

-- name: list_insurers_to_settle
-- Those with movements to apply.
SELECT DISTINCT m.insurer_id FROM employers.movement AS m WHERE m.state = 'accepted' ORDER BY m.insurer_id;

-- name: take_accepted
-- Movements to apply, the first told first; held until the end of the transaction.
SELECT m.movement_ref, m.group_ref, m.org_ref, m.insurer_id, m.kind, m.staff_number, m.happens_on, m.structure, m.work_from,
       m.cover_ends_on, m.sealed, g.number, g.ends_on
FROM employers.movement AS m JOIN employers.group_contract AS g ON g.group_ref = m.group_ref
WHERE m.insurer_id = %(insurer_id)s AND m.state = 'accepted'
ORDER BY m.declared_at, m.movement_ref LIMIT %(most)s FOR UPDATE OF m;

-- name: find_terms
-- The guarantee of a structure on a day.
SELECT t.terms_id FROM employers.tariff AS t
WHERE t.group_ref = %(group_ref)s AND t.structure = %(structure)s AND t.starts_on <= %(day)s ORDER BY t.starts_on DESC LIMIT 1;

-- name: find_stay
-- The stay that a leave ends.
SELECT s.staff_ref, s.person_ref, s.contract_ref FROM employers.staff AS s
WHERE s.group_ref = %(group_ref)s AND s.staff_number = %(staff_number)s AND s.left_on IS NULL AND s.joined_on <= %(day)s;

-- name: list_covered_with
-- Everybody on an individual contract: the person, and those whom the night's index knows beside them.
SELECT c.person_ref FROM rights.coverage AS c JOIN rights.insurer AS i ON i.insurer_id = c.insurer_id
WHERE c.insurer_id = %(insurer_id)s AND c.opened_in <= i.published_version AND c.closed_in > i.published_version
  AND %(contract_ref)s::bigint = ANY (c.contract_ref)
  AND (c.person_ref = %(person_ref)s::bigint
       OR c.person_ref IN (SELECT k.person_ref FROM rights.contract_person AS k WHERE k.contract_ref = %(contract_ref)s::bigint));

-- name: add_stay
-- Somebody is on the list.
INSERT INTO employers.staff (staff_ref, group_ref, org_ref, insurer_id, staff_number, structure, person_ref, contract_ref, work_from,
                             joined_on)
VALUES (%(staff_ref)s, %(group_ref)s, %(org_ref)s, %(insurer_id)s, %(staff_number)s, %(structure)s, %(person_ref)s, %(contract_ref)s,
        %(work_from)s, %(joined_on)s);

-- name: overlaps_stay
-- Whether somebody would be on a list twice, under one number or under two.
SELECT EXISTS (SELECT FROM employers.staff AS s
               WHERE s.group_ref = %(group_ref)s AND (s.staff_number = %(staff_number)s OR s.person_ref = %(person_ref)s::bigint)
                 AND COALESCE(s.cover_ends_on, 'infinity') >= %(joined_on)s::date);

-- name: end_stay
-- Somebody left.
UPDATE employers.staff SET left_on = %(left_on)s, cover_ends_on = %(cover_ends_on)s WHERE staff_ref = %(staff_ref)s;

-- name: settle_movement
-- A movement is applied, or cannot be; who it was about is forgotten.
UPDATE employers.movement SET state = %(state)s, applied_at = clock_timestamp(), sealed = NULL WHERE movement_ref = %(movement_ref)s;

-- name: list_covered
-- Everybody who is or was on a contract, by dates only.
SELECT s.structure, s.joined_on, s.left_on, s.cover_ends_on FROM employers.staff AS s WHERE s.group_ref = %(group_ref)s;

-- name: list_group_prices
-- What a contract costs.
SELECT t.structure, t.starts_on, t.monthly_cents FROM employers.tariff AS t WHERE t.group_ref = %(group_ref)s;

-- name: list_issued
-- The months that have a statement.
SELECT s.month FROM employers.statement AS s WHERE s.group_ref = %(group_ref)s ORDER BY s.month;

-- name: list_called
-- What a contract was called for so far, regularisations included.
SELECT l.about, l.structure, sum(l.active), sum(l.ported), sum(l.amount_cents)
FROM employers.statement_line AS l JOIN employers.statement AS s ON s.statement_ref = l.statement_ref
WHERE s.group_ref = %(group_ref)s GROUP BY l.about, l.structure;

-- name: add_statement
-- A statement, issued once.
INSERT INTO employers.statement (statement_ref, group_ref, org_ref, insurer_id, month, amount_cents, active, ported)
VALUES (%(statement_ref)s, %(group_ref)s, %(org_ref)s, %(insurer_id)s, %(month)s, %(amount_cents)s, %(active)s, %(ported)s);

-- name: add_statement_line
-- One of its lines.
INSERT INTO employers.statement_line (statement_ref, place, org_ref, insurer_id, about, structure, active, ported, unit_cents,
                                      amount_cents)
VALUES (%(statement_ref)s, %(place)s, %(org_ref)s, %(insurer_id)s, %(about)s, %(structure)s, %(active)s, %(ported)s, %(unit_cents)s,
        %(amount_cents)s);

-- name: forget_stays
-- Stays whose cover ended long ago; statements keep counts.
DELETE FROM employers.staff WHERE cover_ends_on < %(ended_by)s;

-- name: forget_movements
-- Movements decided long ago.
DELETE FROM employers.movement WHERE state NOT IN ('waiting', 'accepted') AND declared_at < %(told_by)s;

-- name: forget_uploads
-- Files of long ago, with what was wrong in them.
DELETE FROM employers.upload WHERE uploaded_at < %(told_by)s;

-- name: add_accepted
-- A movement that the insurer itself states: accepted already.
INSERT INTO employers.movement (movement_ref, group_ref, org_ref, insurer_id, kind, staff_number, happens_on, structure, work_from,
                                cover_ends_on, sealed, declared_by, state, decided_at)
VALUES (%(movement_ref)s, %(group_ref)s, %(org_ref)s, %(insurer_id)s, %(kind)s, %(staff_number)s, %(happens_on)s, %(structure)s,
        %(work_from)s, %(cover_ends_on)s, %(sealed)s, 0, 'accepted', clock_timestamp());
