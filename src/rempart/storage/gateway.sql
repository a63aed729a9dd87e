-- The gateway (asyncpg, role gateway). `load_sheets` is the only query a rights check always makes.

-- name: load_sheets
-- For a whole batch: the sheet now published under each lookup key, the insurer that was named, and the answer already given to the same request. A stranger's place is taken by a decoy sheet ($5), so that strangers cost the same work. Whether the account ($6) knows the face: a stranger's is known by a number made of its key ($7). Columns come as array literals: see storage/array_literals.py.
SELECT found.person_ref, named.insurer_id AS named_insurer_id,
       sheet.insurer_id, sheet.opened_in, sheet.contract_ref, sheet.starts_on, sheet.ends_on,
       sheet.suspended_from, sheet.suspended_to, sheet.terms_id,
       sheet.agreement_from, sheet.agreement_to,
       given.body_digest, given.answer, face.teaches, planted.lookup_key IS NOT NULL AS is_canary
FROM unnest($1::text::uuid[], $2::text::text[], $3::text::bigint[], $4::text::uuid[], $6::text::bigint[], $7::text::bigint[])
     WITH ORDINALITY AS asked (lookup_key, amc_number, session_ref, request_id, account_ref, stranger, position)
LEFT JOIN rights.lookup AS found ON found.lookup_key = asked.lookup_key
LEFT JOIN rights.insurer AS named ON named.amc_number = asked.amc_number
LEFT JOIN LATERAL (
    SELECT coverage.*, insurer.agreement_from, insurer.agreement_to
    FROM rights.coverage
    JOIN rights.insurer ON insurer.insurer_id = coverage.insurer_id
    WHERE coverage.person_ref = COALESCE(found.person_ref, $5::bigint)
      AND coverage.opened_in <= insurer.published_version
      AND coverage.closed_in > insurer.published_version
) AS sheet ON true
LEFT JOIN ledger.replay AS given
       ON given.session_ref = asked.session_ref AND given.request_id = asked.request_id
LEFT JOIN guard.face AS face ON face.account_ref = asked.account_ref AND face.subject = COALESCE(found.person_ref, asked.stranger)
LEFT JOIN guard.canary AS planted ON planted.lookup_key = asked.lookup_key
ORDER BY asked.position;

-- name: load_terms
-- Guarantees met for the first time by this process; they never change once written.
SELECT terms_id, convention_type, csr, responsible, domains
FROM rights.terms
WHERE terms_id = ANY ($1::bigint[]);

-- name: load_sessions
-- After a restart: the last session of this log that each origin opened, and when it last got an answer. Looks at one account's entries of the newest segments only ($7 is the oldest index worth reading).
SELECT asked.position, session.session_ref, last.t_ms
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
     AS asked (account_ref, client_ref, method, address, agent, position)
CROSS JOIN LATERAL (
    SELECT session_ref
    FROM ledger.session
    WHERE account_ref = asked.account_ref AND client_ref = asked.client_ref
      AND method = asked.method AND address = asked.address AND agent = asked.agent
    ORDER BY opened_ms DESC
    LIMIT 1
) AS session
CROSS JOIN LATERAL (
    SELECT t_ms
    FROM ledger.entry
    WHERE log_id = $6::smallint AND idx >= $7::bigint
      AND account_ref = asked.account_ref AND session_ref = session.session_ref
    ORDER BY idx DESC
    LIMIT 1
) AS last;

-- name: delete_old_replays
-- Forgets answers kept for repeated Idempotency-Keys once they are older than a day; those of an account whose evidence is held
-- stay: they are what a thief was shown, word for word.
WITH gone AS (
    DELETE FROM ledger.replay
    WHERE (session_ref, request_id) IN (
        SELECT session_ref, request_id FROM ledger.replay
        WHERE t_ms < $1::bigint AND NOT EXISTS (
            SELECT FROM retention.hold AS h JOIN ledger.session AS s ON s.account_ref = ANY (h.account_refs)
            WHERE h.released_at IS NULL AND NOT h.exercise AND s.session_ref = replay.session_ref
              AND replay.t_ms >= h.from_ms AND replay.t_ms < h.to_ms)
        ORDER BY t_ms LIMIT $2::integer
    )
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: ping
-- Is the database there?
SELECT 1;
