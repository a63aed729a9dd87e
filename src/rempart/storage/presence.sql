-- Presence (asyncpg, role gateway): asked only for questions that a policy bounds, and for codes.

-- name: find_known_faces
-- For each pair, whether this account was answered about this person with presence (modes card, vitale, code) since $3. A stranger's place is taken by somebody else, so that strangers cost the same work.
SELECT EXISTS (
    SELECT 1 FROM ledger.entry AS e
    WHERE e.person_ref = asked.person_ref AND e.account_ref = asked.account_ref
      AND e.kind = 1 AND e.mode IN (1, 3, 4) AND e.t_ms >= $3::bigint
) AS known
FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (account_ref, person_ref, position)
ORDER BY asked.position;

-- name: take_typed
-- Takes persons off accounts' allowances of a day, in the order given: by account and insurer, so that two gateways never wait for each other.
SELECT rights.take_typed(asked.account_ref, asked.insurer_id, $5::date, asked.lookup_key, asked.allowed) AS taken
FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::integer[]) WITH ORDINALITY
     AS asked (account_ref, insurer_id, lookup_key, allowed, position)
ORDER BY asked.position;

-- name: take_code_try
-- Takes one try before a code is looked at.
SELECT rights.take_code_try($1::uuid, $2::bigint, $3::date, $4::integer, $5::integer, $6::integer);

-- name: give_code_try_back
-- A right code is no wrong one: its try is given back to the person and to the account.
WITH person AS (
    UPDATE rights.code_try SET tries = tries - 1 WHERE target = $1::uuid AND day = $3::date AND tries > 0
)
UPDATE rights.code_caller SET tries = tries - 1 WHERE account_ref = $2::bigint AND day = $3::date AND tries > 0;

-- name: use_code
-- Uses a step up; false when it was used by somebody else.
SELECT rights.use_code($1::bigint, $2::bigint, $3::bigint);

-- name: load_code_secret
-- The sealed secret of one person's rotating code.
SELECT sealed FROM rights.code_secret WHERE person_ref = $1::bigint;

-- name: delete_old_tries
-- Forgets what no bound looks at any more; not the tries of codes that a hold of evidence keeps, which no ledger has.
WITH typed AS (
    DELETE FROM rights.typed_person WHERE day < $1::date - 1
), days AS (
    DELETE FROM rights.typed_day WHERE day < $1::date - 1
), callers AS (
    DELETE FROM rights.code_caller
    WHERE day < $1::date - 1 AND NOT retention.keeps((day - date '1970-01-01') * 86400000::bigint)
)
DELETE FROM rights.code_try
WHERE day < $1::date - 31 AND NOT retention.keeps((day - date '1970-01-01') * 86400000::bigint);

-- name: load_terminal
-- A terminal that is not revoked, by the name of its key.
SELECT establishment_ref, jwk FROM accounts.terminal WHERE kid = $1::text AND revoked_at IS NULL;
