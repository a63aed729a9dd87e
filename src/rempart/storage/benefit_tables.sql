-- Files of benefit tables: proposed, decided, read.

-- name: add_file
-- Proposes a file.
INSERT INTO claims.benefit_file (file_ref, insurer_id, content, note, proposed_by)
VALUES (%(file_ref)s, %(insurer_id)s, %(content)s, %(note)s, %(by_ref)s);

-- name: decide
-- Approves, refuses or withdraws a file that waits.
UPDATE claims.benefit_file SET state = %(state)s, decided_by = %(by_ref)s, decided_at = clock_timestamp()
WHERE file_ref = %(file_ref)s AND state = 'proposed';

-- name: list_files
-- The files of an insurer, or all that the asker sees, the newest first.
SELECT file_ref, insurer_id, content, note, state, proposed_by, proposed_at, decided_by, decided_at FROM claims.benefit_file
WHERE insurer_id = %(insurer_id)s::integer OR %(insurer_id)s::integer IS NULL
ORDER BY proposed_at DESC, file_ref;

-- name: load_file
-- One file. Not locked: row policies show a locked row to whoever may change it only, and no decided file is.
SELECT file_ref, insurer_id, content, note, state, proposed_by, proposed_at, decided_by, decided_at FROM claims.benefit_file
WHERE file_ref = %(file_ref)s;

-- name: find_insurer
-- An insurer by its number.
SELECT insurer_id FROM rights.insurer WHERE amc_number = %(amc_number)s;
