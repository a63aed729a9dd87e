-- An employer's list, movements and statements, as its people and its insurer see them (role portals): the ticket says whose.

-- name: list_groups
-- The collective contracts of the visitor, with how many people are on each today.
SELECT g.group_ref, g.org_ref, g.insurer_id, g.number, g.employer_name, g.insurer_name, g.starts_on, g.ends_on,
       (SELECT count(*) FROM employers.staff AS s WHERE s.group_ref = g.group_ref AND s.joined_on <= %(today)s::date
           AND COALESCE(s.left_on, 'infinity') >= %(today)s::date) AS active,
       (SELECT count(*) FROM employers.staff AS s WHERE s.group_ref = g.group_ref
           AND s.left_on < %(today)s::date AND s.cover_ends_on >= %(today)s::date) AS ported,
       (SELECT count(*) FROM employers.movement AS m WHERE m.group_ref = g.group_ref AND m.state = 'waiting') AS waiting
FROM employers.group_contract AS g
ORDER BY g.employer_name, g.number;

-- name: list_staff
-- One page of the list; a number is looked for whole. `direction` is 1 or -1, by `sort`.
SELECT s.staff_ref, g.number, s.staff_number, s.structure, s.work_from, s.joined_on, s.left_on, s.cover_ends_on, count(*) OVER ()
FROM employers.staff AS s JOIN employers.group_contract AS g ON g.group_ref = s.group_ref
WHERE s.org_ref = %(org_ref)s AND (%(staff_number)s::text = '' OR s.staff_number = %(staff_number)s::text)
ORDER BY CASE WHEN %(sort)s::text = 'number' AND %(direction)s::integer = 1 THEN s.staff_number END,
         CASE WHEN %(sort)s::text = 'number' AND %(direction)s::integer = -1 THEN s.staff_number END DESC,
         %(direction)s::integer * CASE %(sort)s::text
             WHEN 'joined' THEN s.joined_on - '2000-01-01'::date
             WHEN 'left' THEN COALESCE(s.left_on - '2000-01-01'::date, 1000000)
             WHEN 'ends' THEN COALESCE(s.cover_ends_on - '2000-01-01'::date, 1000000)
             WHEN 'structure' THEN array_position('{single,couple,family}'::text[], s.structure)
         END, s.staff_number, s.joined_on
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_stays
-- Every stay of some numbers on a contract.
SELECT s.staff_number, s.work_from, s.joined_on, s.left_on, s.cover_ends_on FROM employers.staff AS s
WHERE s.group_ref = %(group_ref)s AND s.staff_number = ANY (%(numbers)s::text[]) ORDER BY s.staff_number, s.joined_on;

-- name: list_waiting
-- Those of some numbers of whom a movement is not applied.
SELECT DISTINCT m.staff_number FROM employers.movement AS m
WHERE m.group_ref = %(group_ref)s AND m.staff_number = ANY (%(numbers)s::text[]) AND m.state IN ('waiting', 'accepted');

-- name: list_priced
-- The first day of each structure that has a price.
SELECT t.structure, min(t.starts_on) FROM employers.tariff AS t WHERE t.group_ref = %(group_ref)s GROUP BY t.structure;

-- name: list_prices
-- What the insurer asks a month, by structure, the latest first.
SELECT g.number, t.structure, t.starts_on, t.monthly_cents FROM employers.tariff AS t
JOIN employers.group_contract AS g ON g.group_ref = t.group_ref
ORDER BY g.number, array_position('{single,couple,family}'::text[], t.structure), t.starts_on DESC;

-- name: insert_upload
-- A file that was sent, taken or given back.
INSERT INTO employers.upload (upload_ref, group_ref, org_ref, lines, findings, uploaded_by)
VALUES (%(upload_ref)s, %(group_ref)s, %(org_ref)s, %(lines)s, %(findings)s, %(uploaded_by)s);

-- name: insert_findings
-- What is wrong with it.
INSERT INTO employers.finding (upload_ref, org_ref, line, field, rule)
SELECT %(upload_ref)s, %(org_ref)s, one.line, one.field, one.rule
FROM unnest(%(lines)s::integer[], %(fields)s::text[], %(rules)s::text[]) AS one (line, field, rule);

-- name: insert_movement
-- A movement that was told; where it goes is the database's to say.
INSERT INTO employers.movement (movement_ref, group_ref, org_ref, insurer_id, upload_ref, kind, staff_number, happens_on, structure,
                                work_from, cover_ends_on, sealed, declared_by)
VALUES (%(movement_ref)s, %(group_ref)s, %(org_ref)s, %(insurer_id)s, %(upload_ref)s, %(kind)s, %(staff_number)s, %(happens_on)s,
        %(structure)s, %(work_from)s, %(cover_ends_on)s, %(sealed)s, %(declared_by)s);

-- name: load_upload
-- A file of the visitor's.
SELECT u.upload_ref, g.number, u.lines, u.findings, u.uploaded_at FROM employers.upload AS u
JOIN employers.group_contract AS g ON g.group_ref = u.group_ref WHERE u.upload_ref = %(upload_ref)s;

-- name: list_findings
-- One page of what is wrong with it.
SELECT f.line, f.field, f.rule, count(*) OVER () FROM employers.finding AS f WHERE f.upload_ref = %(upload_ref)s
ORDER BY CASE WHEN %(sort)s::text = 'field' AND %(direction)s::integer = 1 THEN f.field END,
         CASE WHEN %(sort)s::text = 'field' AND %(direction)s::integer = -1 THEN f.field END DESC,
         %(direction)s::integer * f.line, f.field, f.rule
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_movements
-- One page of the movements of the visitor; `only` is a state, or empty for all.
SELECT m.movement_ref, g.number, g.employer_name, m.kind, m.staff_number, m.happens_on, m.structure, m.cover_ends_on, m.state,
       m.declared_at, m.reason, count(*) OVER ()
FROM employers.movement AS m JOIN employers.group_contract AS g ON g.group_ref = m.group_ref
WHERE %(only)s::text = '' OR m.state = %(only)s::text
ORDER BY CASE WHEN %(sort)s::text = 'number' AND %(direction)s::integer = 1 THEN m.staff_number END,
         CASE WHEN %(sort)s::text = 'number' AND %(direction)s::integer = -1 THEN m.staff_number END DESC,
         %(direction)s::integer * CASE %(sort)s::text
             WHEN 'day' THEN m.happens_on - '2000-01-01'::date
             WHEN 'state' THEN array_position('{waiting,accepted,applied,failed,refused,cancelled}'::text[], m.state)
             ELSE extract(epoch FROM m.declared_at)
         END, m.movement_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: decide_movements
-- Decides those of some movements that wait.
UPDATE employers.movement AS m SET state = %(state)s, decided_by = %(decided_by)s, reason = %(reason)s
WHERE m.movement_ref = ANY (%(movement_refs)s::bigint[]) AND m.state = 'waiting' RETURNING m.movement_ref;

-- name: list_statements
-- One page of statements.
SELECT s.statement_ref, g.number, s.month, s.active, s.ported, s.amount_cents, s.issued_at, count(*) OVER ()
FROM employers.statement AS s JOIN employers.group_contract AS g ON g.group_ref = s.group_ref
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'amount' THEN s.amount_cents
             WHEN 'active' THEN s.active
             ELSE s.month - '2000-01-01'::date
         END, s.month DESC, g.number
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_statement
-- One statement, with who pays whom.
SELECT s.statement_ref, g.number, s.month, s.active, s.ported, s.amount_cents, s.issued_at, g.employer_name, g.insurer_name
FROM employers.statement AS s JOIN employers.group_contract AS g ON g.group_ref = s.group_ref
WHERE s.statement_ref = %(statement_ref)s;

-- name: list_statement_lines
-- Its lines, in order.
SELECT l.about, l.structure, l.active, l.ported, l.unit_cents, l.amount_cents FROM employers.statement_line AS l
WHERE l.statement_ref = %(statement_ref)s ORDER BY l.place;

-- name: count_exposed
-- How many of the visitor's staff an incident exposed; small numbers never leave the database.
SELECT contract_number, starts_ms, ends_ms, told_at, amc_number, page_number, tier, persons, nearly_all FROM employers.count_exposed();
