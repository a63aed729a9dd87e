-- Prises en charge for those who see them, by the database's own policies (psycopg, role portals); and those whose last day has passed (role settler).

-- name: list_pecs
-- One page of the promises the visitor may see, and how many there are.
SELECT p.log_id, p.idx, e.name, p.insurer_id, COALESCE(i.name, ''), p.domain, p.care_on,
       CASE WHEN p.state = 'agreed' AND p.expires_on < %(today)s THEN 'expired' ELSE p.state END,
       p.asked_at, p.expires_on, p.billed_cents, p.amo_cents, p.amc_cents, p.claim_ref, count(*) OVER () AS total
FROM claims.pec AS p
LEFT JOIN rights.insurer AS i ON i.insurer_id = p.insurer_id   -- establishments see no table of insurers
LEFT JOIN accounts.establishment AS e ON e.establishment_ref = p.establishment_ref
WHERE (%(state)s::text IS NULL
       OR CASE WHEN p.state = 'agreed' AND p.expires_on < %(today)s THEN 'expired' ELSE p.state END = %(state)s::text)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'amount' THEN p.amc_cents
             WHEN 'expires' THEN p.expires_on - '2000-01-01'::date
             WHEN 'care' THEN p.care_on - '2000-01-01'::date
             WHEN 'state' THEN array_position('{agreed,used,refused,replaced,cancelled,expired}'::text[], p.state)
             ELSE extract(epoch FROM p.asked_at)
         END, p.log_id, p.idx DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_pec_lines
-- The acts and amounts of a promise the visitor may see.
SELECT p.lines FROM claims.pec AS p WHERE p.log_id = %(log_id)s AND p.idx = %(idx)s;

-- name: expire_pecs
-- Promises whose last day has passed hold nothing any more; how many.
WITH moved AS (
    UPDATE claims.pec SET state = 'expired', state_at = clock_timestamp()
    WHERE state = 'agreed' AND expires_on < %(today)s
    RETURNING 1
)
SELECT count(*) FROM moved;
