-- Accounts of exercises: doubles of professionals, which nobody can sign in to. Roles: registrar opens them and reviews what the
-- guard holds; the gateway's own role
-- (of the guard's plane) gives them a past, and forgets them.

-- name: insert_doubles
-- Opens the accounts of one exercise; a number that is taken opens none.
INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)
SELECT * FROM unnest(%(account_refs)s::bigint[], %(rpps)s::text[], %(professions)s::text[], %(names)s::text[])
ON CONFLICT DO NOTHING;

-- name: insert_account
-- An account of an exercise with the habits its past left.
INSERT INTO guard.account (account_ref, profession, version, habits, day, step, evidence, threshold, typed, typed_allowance, new_faces,
    refused, judged)
VALUES (%(account_ref)s, %(profession)s, 1, %(habits)s, %(day)s, %(step)s, %(evidence)s, %(threshold)s, %(typed)s,
    %(typed_allowance)s, %(new_faces)s, %(refused)s, %(judged)s);

-- name: copy_faces
-- Whom its accounts know.
COPY guard.face (account_ref, subject, day, t_ms, place, teaches, department) FROM STDIN;

-- name: insert_address
-- From where they work, and where they came as strangers.
INSERT INTO guard.address (address, account_ref, day, at_home)
VALUES (%(address)s, %(account_ref)s, %(day)s, %(at_home)s);

-- name: list_holdings
-- Which of some accounts the guard held since the last time one looked.
SELECT event_ref, account_ref, t_ms
FROM guard.event
WHERE account_ref = ANY(%(account_refs)s) AND event_ref > %(after_ref)s AND kind IN ('contained', 'canary')
ORDER BY event_ref;

-- name: forget_accounts
-- Takes out of the guard all it kept of the accounts of one exercise, and the minutes of its log.
WITH accounts AS (
    DELETE FROM guard.account WHERE account_ref = ANY(%(account_refs)s)
), faces AS (
    DELETE FROM guard.face WHERE account_ref = ANY(%(account_refs)s)
), addresses AS (
    DELETE FROM guard.address WHERE account_ref = ANY(%(account_refs)s)
), days AS (
    DELETE FROM guard.account_day WHERE account_ref = ANY(%(account_refs)s)
), events AS (
    DELETE FROM guard.event WHERE account_ref = ANY(%(account_refs)s)
)
DELETE FROM guard.minute WHERE log_id = %(log_id)s;
